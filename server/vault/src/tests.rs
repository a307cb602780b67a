use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cordon_evidence::content::Content;
use cordon_evidence::digest::Digests;
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::hasher::HashError;
use cordon_evidence::list::{BlockList, head};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::auth::token::TokenConfig;
use cordon_kernel::db::registers::NewTenant;
use cordon_kernel::keys::{ContentCipher, SealedFile};
use cordon_kernel::{DbConfig, Env, Error, Kernel, KernelConfig, Reason, TenantId};
use futures::stream;
use uuid::Uuid;

use crate::*;

const BLOCK: usize = 64 << 10;
const ITEM: &str = "evidence/one/0";

/// Objects in memory, and what was noted of them.
#[derive(Default)]
struct Kept {
    objects: Mutex<BTreeMap<Uuid, Vec<u8>>>,
    noted: Mutex<Vec<Noted>>,
    /// After so many notes none is taken any more.
    refuse_after: Option<usize>,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for Kept {
    async fn put(&self, id: Uuid, bytes: Bytes) -> Result<(), Error> {
        let before = lock(&self.objects).insert(id, bytes.to_vec());
        assert!(before.is_none(), "an object is written once");
        Ok(())
    }

    async fn read(&self, id: Uuid, range: Range<u64>) -> Result<Bytes, Error> {
        let whole = self.read_all(id).await?;
        Ok(whole.slice(range.start as usize..range.end as usize))
    }

    async fn read_all(&self, id: Uuid) -> Result<Bytes, Error> {
        let found = lock(&self.objects).get(&id).cloned();
        found
            .map(Bytes::from)
            .ok_or_else(|| Error::internal("no such object"))
    }
}

#[async_trait]
impl Ledger for Kept {
    async fn note(&self, noted: Noted) -> Result<(), Error> {
        let mut all = lock(&self.noted);
        if self.refuse_after.is_some_and(|most| all.len() >= most) {
            return Err(Error::new(Reason::EtagMismatch, "somebody else has it"));
        }
        let objects = lock(&self.objects);
        for id in noted
            .packs
            .iter()
            .map(|pack| pack.id)
            .chain([noted.piece.id])
        {
            assert!(objects.contains_key(&id), "what is noted lies in the store");
        }
        all.push(noted);
        Ok(())
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        lock(&self.objects).values().map(Vec::len).sum()
    }

    fn packs(&self) -> Vec<Uuid> {
        let noted = lock(&self.noted);
        let packs = noted.iter().flat_map(|noted| &noted.packs);
        packs.map(|pack| pack.id).collect()
    }

    async fn pieces(
        &self,
        cipher: &ContentCipher,
        item: &str,
        geometry: &Geometry,
    ) -> Result<Vec<MapPiece>, VaultError> {
        let rows: Vec<PieceRow> = lock(&self.noted).iter().map(|noted| noted.piece).collect();
        let mut pieces = Vec::new();
        for row in rows {
            let sealed = self.read_all(row.id).await?;
            pieces.push(MapPiece::open(cipher, item, &row, &sealed, geometry)?);
        }
        Ok(pieces)
    }

    /// All that is kept, from its first byte to its last, zeros where nothing was read.
    async fn whole(
        &self,
        cipher: &Arc<ContentCipher>,
        content: &Content,
    ) -> Result<Vec<u8>, VaultError> {
        let geometry = content.geometry()?;
        let mut out = Vec::new();
        for piece in self.pieces(cipher, ITEM, &geometry).await? {
            for group in groups(&piece, &(0..geometry.blocks())) {
                for shown in group.show(self, cipher, geometry).await? {
                    match shown {
                        Shown::Block { index, bytes } => {
                            assert_eq!(geometry.offset(index), out.len() as u64);
                            out.extend_from_slice(&bytes);
                        }
                        Shown::Zeros { blocks } | Shown::Unreadable { blocks } => {
                            assert_eq!(geometry.offset(blocks.start), out.len() as u64);
                            out.resize(geometry.offset(blocks.end) as usize, 0);
                        }
                    }
                }
            }
        }
        Ok(out)
    }
}

struct World {
    _dir: tempfile::TempDir,
    env: Env,
    one: Arc<ContentCipher>,
    other: Arc<ContentCipher>,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, _) = Env::fixed("2026-11-24T00:00:00Z".parse().unwrap(), 7);
        let secret = secrecy::SecretBox::new(Box::new([5; 32]));
        let keys = SealedFile::open(dir.path().join("keys"), secret, env.clone());
        let kernel = Kernel::open(KernelConfig {
            env: env.clone(),
            db: DbConfig::new(format!("sqlite:{}", dir.path().join("cordon.db").display())),
            keys: Arc::new(keys.await.unwrap()),
            token: TokenConfig::default(),
            trusted: Vec::new(),
            authority_name: "test".to_owned(),
            migrate: true,
        });
        let kernel = kernel.await.unwrap();
        let runner = kernel.job_runner().unwrap();
        let (scope, permit) = kernel.maintenance_provider_scope(&runner, "test");
        let tenant: TenantId = "acme".parse().unwrap();
        let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
        let new = NewTenant {
            tenant: tenant.clone(),
            display_name: "acme".to_owned(),
            parent: None,
            home_region: "local".to_owned(),
            billing_organisation: None,
        };
        let keys = kernel.db().first_keys(&scope, &tenant).await.unwrap();
        tx.create_tenant(&new, keys).await.unwrap();
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
        let scope = kernel.maintenance_scope(&runner, &tenant, "test").0;
        let cipher = kernel.cipher(&scope).await.unwrap();
        let own = || Arc::new(cipher.content(cipher.new_content_key()));
        Self {
            _dir: dir,
            env,
            one: own(),
            other: own(),
        }
    }

    fn target<'t>(&'t self, kept: &'t Kept, known: Known) -> Target<'t> {
        Target {
            env: &self.env,
            store: kept,
            ledger: kept,
            cipher: Arc::clone(&self.one),
            item: ITEM.to_owned(),
            known: Arc::new(Mutex::new(known)),
            progress: Arc::default(),
        }
    }

    async fn keep(&self, kept: &Kept, known: Known, fed: &[Fed]) -> Result<Content, VaultError> {
        let size = length(fed);
        let source = stream::iter(fed.iter().cloned().map(Ok));
        keep(
            &self.target(kept, known),
            BlockSize::MIN,
            Some(size),
            source,
        )
        .await
    }
}

fn length(fed: &[Fed]) -> u64 {
    let each = fed.iter().map(|fed| match fed {
        Fed::Data(bytes) => bytes.len() as u64,
        Fed::Hole(length) | Fed::Unreadable(length) => *length,
    });
    each.sum()
}

fn largest() -> Geometry {
    Geometry::largest(BlockSize::MIN)
}

/// Bytes that look random and are the same in every run.
fn noise(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A disk of some sorts of blocks.
fn disk() -> Vec<Fed> {
    vec![
        Fed::Data(noise(BLOCK, 1)),
        Fed::Hole(3 * BLOCK as u64),
        Fed::Data(Bytes::from(b"plain text ".repeat(BLOCK / 5))),
        Fed::Unreadable(BLOCK as u64 / 2),
        Fed::Data(noise(5 * BLOCK + 17, 2)),
        Fed::Unreadable(2 * BLOCK as u64),
        Fed::Data(Bytes::from(vec![0; BLOCK])),
        Fed::Data(noise(100, 3)),
    ]
}

fn bytes_of(fed: &[Fed]) -> Vec<u8> {
    let mut out = Vec::new();
    for fed in fed {
        match fed {
            Fed::Data(bytes) => out.extend_from_slice(bytes),
            Fed::Hole(length) | Fed::Unreadable(length) => {
                out.resize(out.len() + *length as usize, 0);
            }
        }
    }
    out
}

#[tokio::test]
async fn what_is_kept_is_shown_as_it_was() {
    let world = World::new().await;
    let kept = Kept::default();
    let content = world.keep(&kept, Known::default(), &disk()).await.unwrap();
    let bytes = bytes_of(&disk());
    let digests = Digests::of(&bytes);
    assert_eq!(
        (content.sha256, content.blake3),
        (digests.sha256, digests.blake3)
    );
    assert_eq!(content.size, bytes.len() as u64);
    assert_eq!(content.unreadable.bytes, (5 * BLOCK / 2) as u64);
    assert_eq!(kept.whole(&world.one, &content).await.unwrap(), bytes);
    // The records of the map are the list whose root the manifest has.
    let geometry = content.geometry().unwrap();
    let mut list = head(&geometry).to_vec();
    for piece in kept.pieces(&world.one, ITEM, &geometry).await.unwrap() {
        for entry in piece.entries {
            list.extend_from_slice(&entry.record.to_bytes());
        }
    }
    BlockList::open(list, &content).unwrap();
    // Neither what was read nor its keys lie there for anyone to see.
    for object in lock(&kept.objects).values() {
        assert!(!object.windows(10).any(|part| part == b"plain text"));
    }
}

#[tokio::test]
async fn memory_has_the_size_that_came() {
    let world = World::new().await;
    for size in [0, 1, BLOCK, 3 * BLOCK + 5] {
        let kept = Kept::default();
        let bytes = noise(size, 4);
        let parts: Vec<_> = bytes.chunks(10_000).map(Bytes::copy_from_slice).collect();
        let source = stream::iter(parts.into_iter().map(|part| Ok(Fed::Data(part))));
        let target = world.target(&kept, Known::default());
        let content = keep(&target, BlockSize::MIN, None, source).await.unwrap();
        assert_eq!(
            (content.size, target.progress.taken()),
            (size as u64, size as u64)
        );
        assert_eq!(kept.whole(&world.one, &content).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn what_the_tenant_has_is_not_stored_again() {
    let world = World::new().await;
    let first = Kept::default();
    let twice = [disk()[..1].to_vec(), disk()].concat();
    let content = world.keep(&first, Known::default(), &twice).await.unwrap();
    let alone = Kept::default();
    world.keep(&alone, Known::default(), &disk()).await.unwrap();
    // The first block came twice.
    assert!(first.bytes() < alone.bytes() + BLOCK / 2);
    let mut known = Known::default();
    for piece in first.pieces(&world.one, ITEM, &largest()).await.unwrap() {
        known.learn(piece);
    }
    let second = Kept::default();
    let again = world.keep(&second, known, &twice).await.unwrap();
    assert_eq!(again, content);
    assert_eq!(second.packs(), [] as [Uuid; 0]);
    let reused: Vec<Uuid> = lock(&second.noted)
        .iter()
        .flat_map(|noted| noted.reused.clone())
        .collect();
    assert_eq!(
        reused,
        first.packs(),
        "what keeps the other's packs from going"
    );
    assert!(
        lock(&first.noted)
            .iter()
            .all(|noted| noted.reused.is_empty())
    );
    assert!(second.bytes() < 4_000, "{}", second.bytes());
    let packs = first.packs();
    for piece in second.pieces(&world.one, ITEM, &largest()).await.unwrap() {
        let places = piece
            .entries
            .iter()
            .filter_map(|entry| entry.place.as_ref());
        assert!(
            places
                .into_iter()
                .all(|place| packs.contains(&place.pack()))
        );
    }
}

#[tokio::test]
async fn an_acquisition_that_died_is_taken_up_where_it_was_noted() {
    let world = World::new().await;
    let large: Vec<Fed> = (0..1_600)
        .map(|seed| Fed::Data(noise(BLOCK, seed + 10)))
        .collect();
    let whole = Kept::default();
    let content = world.keep(&whole, Known::default(), &large).await.unwrap();
    assert!(lock(&whole.noted).len() >= 3);
    let dying = Kept {
        refuse_after: Some(2),
        ..Kept::default()
    };
    let died = world
        .keep(&dying, Known::default(), &large)
        .await
        .unwrap_err();
    assert!(matches!(died, VaultError::Kernel(error) if error.reason() == Reason::EtagMismatch));
    assert_eq!(lock(&dying.noted).len(), 2);
    let mut known = Known::default();
    for piece in dying.pieces(&world.one, ITEM, &largest()).await.unwrap() {
        known.learn(piece);
    }
    let after = Kept::default();
    assert_eq!(world.keep(&after, known, &large).await.unwrap(), content);
    let noted = 2 * crate::map::PIECE_STORED as usize;
    let most = whole.bytes() - noted * BLOCK + noted * 200;
    assert!(after.bytes() < most, "{} of {most}", after.bytes());
}

#[tokio::test]
async fn a_flipped_bit_is_found_and_named() {
    let world = World::new().await;
    let kept = Kept::default();
    let content = world.keep(&kept, Known::default(), &disk()).await.unwrap();
    let pieces = kept.pieces(&world.one, ITEM, &largest()).await.unwrap();
    let entries: Vec<Entry> = pieces.into_iter().flat_map(|piece| piece.entries).collect();
    let pack = kept.packs()[0];
    for (index, entry) in (0_u64..).zip(&entries) {
        let Some(place) = &entry.place else { continue };
        assert_eq!(place.pack(), pack);
        for at in [place.offset, place.offset + place.length - 1] {
            lock(&kept.objects).get_mut(&pack).unwrap()[at as usize] ^= 4;
            let found = kept.whole(&world.one, &content).await;
            assert!(
                matches!(found, Err(VaultError::Damaged { index: found }) if found == index),
                "{index}"
            );
            lock(&kept.objects).get_mut(&pack).unwrap()[at as usize] ^= 4;
        }
    }
    let piece = lock(&kept.noted)[0].piece.id;
    lock(&kept.objects).get_mut(&piece).unwrap()[50] ^= 1;
    kept.whole(&world.one, &content).await.unwrap_err();
}

#[tokio::test]
async fn a_map_opens_by_its_own_key_as_its_own_item_at_its_own_place() {
    let world = World::new().await;
    let kept = Kept::default();
    world.keep(&kept, Known::default(), &disk()).await.unwrap();
    let row = lock(&kept.noted)[0].piece;
    let sealed = kept.read_all(row.id).await.unwrap();
    MapPiece::open(&world.one, ITEM, &row, &sealed, &largest()).unwrap();
    MapPiece::open(&world.other, ITEM, &row, &sealed, &largest()).unwrap_err();
    MapPiece::open(&world.one, "evidence/one/1", &row, &sealed, &largest()).unwrap_err();
    let moved = PieceRow { first: 1, ..row };
    MapPiece::open(&world.one, ITEM, &moved, &sealed, &largest()).unwrap_err();
    let longer = PieceRow {
        blocks: row.blocks + 1,
        ..row
    };
    MapPiece::open(&world.one, ITEM, &longer, &sealed, &largest()).unwrap_err();
    let shorter = PieceRow {
        blocks: row.blocks - 1,
        ..row
    };
    MapPiece::open(&world.one, ITEM, &shorter, &sealed, &largest()).unwrap_err();
}

#[tokio::test]
async fn what_breaks_off_grows_or_shrinks_is_no_item() {
    let world = World::new().await;
    let kept = Kept::default();
    let target = world.target(&kept, Known::default());
    let gone = cordon_hypervisor::Error::Gone("the disk");
    let broken = [Ok(Fed::Data(noise(3 * BLOCK, 5))), Err(gone.clone())];
    let kept_of = |fed: Vec<Result<Fed, cordon_hypervisor::Error>>, size| {
        keep(&target, BlockSize::MIN, size, stream::iter(fed))
    };
    for size in [None, Some(3 * BLOCK as u64), Some(9 * BLOCK as u64)] {
        let error = kept_of(broken.to_vec(), size).await.unwrap_err();
        assert!(matches!(error, VaultError::Source(source) if source == gone));
    }
    let three = vec![Ok(Fed::Data(noise(3 * BLOCK, 6)))];
    let short = kept_of(three.clone(), Some(4 * BLOCK as u64))
        .await
        .unwrap_err();
    assert!(matches!(
        short,
        VaultError::Size(HashError::TooLittle { .. })
    ));
    let long = kept_of(three, Some(2 * BLOCK as u64)).await.unwrap_err();
    assert!(matches!(long, VaultError::Size(HashError::TooMuch { .. })));
    let vast = kept_of(Vec::new(), Some(u64::MAX)).await.unwrap_err();
    assert!(matches!(vast, VaultError::Geometry(_)));
}
