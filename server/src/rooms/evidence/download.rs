//! Bytes out: the digests of an item's blocks, and the blocks.

use std::sync::Arc;

use cordon_evidence::custody::{Act, Recheck};
use cordon_evidence::geometry::Geometry;
use cordon_evidence::list::head;
use cordon_evidence::manifest::Person;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::keys::ContentCipher;
use cordon_kernel::{
    Action, Disclosed, Error, Name, Permit, Reason, Result, TenantId, TenantScope,
};
use cordon_proto::evidence as wire;
use cordon_vault::{MapPiece, PieceRow, Shown, VaultError, groups, piece};
use futures::stream::{self, StreamExt as _};
use uuid::Uuid;

use super::acquire::{Shelf, map, object};
use super::custody::{self, Done, person};
use super::model::{Item, Snapshot, State};
use super::pieces::{self, Map};
use super::service::{Named, Service};
use crate::transport::{Caller, Feed, Feeder, Share};

/// Groups of blocks that are read ahead of whoever takes them: each has 8 MiB at most.
const AHEAD: usize = 2;
/// Most bytes of a message about blocks' digests.
const CHUNK: usize = 256 << 10;

/// Which part of an item is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) item: String,
    pub(super) purpose: String,
    pub(super) offset: u64,
    /// All that follows if it is 0.
    pub(super) length: u64,
}

/// An item that can be read.
struct Reading {
    service: Service,
    scope: Arc<TenantScope>,
    cipher: Arc<ContentCipher>,
    map: Map,
    geometry: Geometry,
    pieces: Vec<PieceRow>,
}

impl Service {
    /// Opens the blocks of an item from a byte on; `length` of 0 is all that follow.
    async fn open(
        &self,
        scope: &Arc<TenantScope>,
        snapshot: &Snapshot,
        item: &Item,
        (offset, length): (u64, u64),
    ) -> Result<(Reading, std::ops::Range<u64>)> {
        let geometry = item.geometry()?;
        let blocks = blocks(&geometry, offset, length)?;
        let cipher = self.kernel.cipher(scope).await?;
        let key = hex::decode(&snapshot.key).map_err(Error::internal)?;
        let content = self
            .kernel
            .snapshot_cipher(&cipher, snapshot.id, &key)
            .await?;
        let map = map(snapshot.id, item);
        let mut read = self.kernel.db().tenant_read(scope).await?;
        let tenant = scope.tenant();
        let range = (blocks.start, blocks.end);
        let pieces = pieces::of_map(read.conn(), tenant, map, range).await?;
        drop(read);
        let reading = Reading {
            service: self.clone(),
            scope: Arc::clone(scope),
            cipher: Arc::new(content),
            map,
            geometry,
            pieces,
        };
        Ok((reading, blocks))
    }

    fn share(&self, tenant: &TenantId) -> Result<Share<TenantId>> {
        self.streams.take(tenant).ok_or_else(|| {
            Error::new(
                Reason::QuotaExceeded,
                "the tenant has as many downloads of evidence open as it may: wait for one to end",
            )
        })
    }

    pub(super) async fn block_list(
        &self,
        caller: Caller,
        (tenant, id): Named,
        item: &str,
    ) -> Result<Feed<wire::DownloadBlockListResponse>> {
        let action = Action::DownloadBlockList;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let snapshot = readable(self.find(&scope, id).await?)?;
        let item = find(&snapshot, item)?.clone();
        let share = self.share(&tenant)?;
        let scope = Arc::new(scope);
        let (reading, _) = self.open(&scope, &snapshot, &item, (0, 0)).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Snapshot(tenant, id))
            .detail("block_list", &item.name);
        self.kernel.db().audit_read(&scope, entry).await?;
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(kernel, caller, scope, |feeder| async move {
            let _share = share;
            reading.list(feeder).await
        }))
    }

    pub(super) async fn item(
        &self,
        caller: Caller,
        (tenant, id): Named,
        part: Part,
    ) -> Result<Feed<wire::DownloadItemResponse>> {
        let action = Action::DownloadItem;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let snapshot = readable(self.find(&scope, id).await?)?;
        let item = find(&snapshot, &part.item)?.clone();
        let share = self.share(&tenant)?;
        let scope = Arc::new(scope);
        let range = (part.offset, part.length);
        let (reading, blocks) = self.open(&scope, &snapshot, &item, range).await?;
        let noting = Noting {
            service: self.clone(),
            scope: Arc::clone(&scope),
            permit,
            id,
            item: item.name,
            by: person(&caller, &scope),
            purpose: part.purpose,
        };
        // Before the first byte leaves.
        noting.note(Recheck::NotDone {}).await?;
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(kernel, caller, scope, |feeder| async move {
            let _share = share;
            reading.run(blocks, &feeder, &noting).await
        }))
    }
}

/// Enters into the chain of custody what becomes of a read.
struct Noting {
    service: Service,
    scope: Arc<TenantScope>,
    permit: Permit,
    id: Uuid,
    item: String,
    by: Person,
    purpose: String,
}

impl Noting {
    async fn note(&self, recheck: Recheck) -> Result<()> {
        let done = Done {
            act: Act::Read {},
            by: self.by.clone(),
            purpose: self.purpose.clone(),
            items: vec![self.item.clone()],
            recheck,
        };
        let kernel = &self.service.kernel;
        let done = custody::note(kernel, (&self.scope, &self.permit), self.id, done);
        done.await.map(drop)
    }
}

impl Reading {
    async fn piece(&self, row: PieceRow) -> Result<MapPiece> {
        let (shelf, item) = (self.shelf(), object(self.map));
        let read = piece(&shelf, &self.cipher, item, row, self.geometry);
        read.await.map_err(|error| match error {
            VaultError::Kernel(error) => error,
            error => Error::internal(error),
        })
    }

    fn shelf(&self) -> Shelf {
        Shelf {
            objects: self.service.objects.clone(),
            scope: Arc::clone(&self.scope),
        }
    }

    /// The digests of all blocks.
    async fn list(self, feeder: Feeder<wire::DownloadBlockListResponse>) -> Result<()> {
        let mut bytes = head(&self.geometry).to_vec();
        let mut next = 0;
        for row in self.pieces.clone() {
            let piece = self.piece(row).await?;
            if piece.first != next {
                return Err(gap());
            }
            next += piece.entries.len() as u64;
            for entry in &piece.entries {
                bytes.extend_from_slice(&entry.record.to_bytes());
                if bytes.len() >= CHUNK {
                    let content = std::mem::take(&mut bytes);
                    let content = Disclosed::own(&self.scope, content).into_wire();
                    feeder
                        .send(wire::DownloadBlockListResponse { content })
                        .await?;
                }
            }
        }
        if next != self.geometry.blocks() {
            return Err(gap());
        }
        let content = Disclosed::own(&self.scope, bytes).into_wire();
        feeder
            .send(wire::DownloadBlockListResponse { content })
            .await
    }

    /// The blocks that are wanted.
    async fn run(
        self,
        blocks: std::ops::Range<u64>,
        feeder: &Feeder<wire::DownloadItemResponse>,
        noting: &Noting,
    ) -> Result<()> {
        let shelf = self.shelf();
        let mut next = blocks.start;
        for row in self.pieces.clone() {
            let piece = self.piece(row).await?;
            let groups = groups(&piece, &blocks);
            let (shelf, cipher, geometry) = (&shelf, &self.cipher, self.geometry);
            let shown = groups
                .into_iter()
                .map(|group| group.show(shelf, cipher, geometry));
            let mut shown = stream::iter(shown).buffered(AHEAD);
            while let Some(group) = shown.next().await {
                for one in self.checked(group, noting).await? {
                    next = self.send(one, next, feeder).await?;
                }
            }
        }
        match next == blocks.end {
            true => Ok(()),
            false => Err(gap()),
        }
    }

    /// What was shown; what is not as it was acquired is entered into the chain of custody.
    async fn checked(
        &self,
        group: std::result::Result<Vec<Shown>, VaultError>,
        noting: &Noting,
    ) -> Result<Vec<Shown>> {
        let index = match group {
            Ok(shown) => return Ok(shown),
            Err(VaultError::Damaged { index }) => index,
            Err(VaultError::Kernel(error)) => return Err(error),
            Err(error) => return Err(Error::internal(error)),
        };
        let offset = self.geometry.offset(index);
        tracing::error!(
            snapshot = %self.map.snapshot, item = self.map.place, block = index,
            "a block of evidence is not what was acquired"
        );
        let differs = Recheck::Differs {
            item: noting.item.clone(),
            block: index,
            offset,
        };
        noting.note(differs).await?;
        Err(Error::new(
            Reason::EvidenceDamaged,
            format!(
                "block {index} of {}, from byte {offset} on, is not what was acquired: the store has \
                 damaged it; the blocks before and behind it can be read",
                noting.item
            ),
        )
        .with_metadata("item", &noting.item)
        .with_metadata("block", index.to_string())
        .with_metadata("offset", offset.to_string()))
    }

    /// Sends what begins with block `next`; the one behind it.
    async fn send(
        &self,
        shown: Shown,
        next: u64,
        feeder: &Feeder<wire::DownloadItemResponse>,
    ) -> Result<u64> {
        let (first, behind, content) = match shown {
            Shown::Block { index, bytes } => (index, index + 1, bytes.to_vec()),
            Shown::Zeros { blocks } | Shown::Unreadable { blocks } => {
                (blocks.start, blocks.end, Vec::new())
            }
        };
        if first != next {
            return Err(gap());
        }
        let (start, end) = (self.geometry.offset(first), self.geometry.offset(behind));
        let zeros = if content.is_empty() { end - start } else { 0 };
        let signed = |number: u64| i64::try_from(number).map_err(Error::internal);
        feeder
            .send(wire::DownloadItemResponse {
                offset: signed(start)?,
                content: Disclosed::own(&self.scope, content).into_wire(),
                zeros: signed(zeros)?,
            })
            .await?;
        Ok(behind)
    }
}

fn gap() -> Error {
    Error::internal("the map of an item has a gap")
}

/// The blocks that a range is made of.
fn blocks(geometry: &Geometry, offset: u64, length: u64) -> Result<std::ops::Range<u64>> {
    let size = geometry.size();
    let end = match length {
        0 => size,
        length => offset.saturating_add(length),
    };
    let block = u64::from(geometry.block_size().bytes());
    let whole = |at: u64| at.is_multiple_of(block) || at == size;
    for (field, at) in [("offset", offset), ("length", end)] {
        if at > size || offset > end || !whole(at) {
            let rule =
                format!("expected a range of whole blocks: {block} bytes each, of {size} in all");
            return Err(Error::invalid(field, rule));
        }
    }
    let first = offset.div_ceil(block).min(geometry.blocks());
    Ok(first..end.div_ceil(block))
}

/// A snapshot whose bytes are there.
fn readable(snapshot: Snapshot) -> Result<Snapshot> {
    let state = snapshot.state;
    match state {
        State::Complete | State::Failed if snapshot.manifest.is_some() => Ok(snapshot),
        _ => Err(Error::new(
            Reason::FailedPrecondition,
            format!(
                "the snapshot is {}: there is nothing of it to read",
                state.as_str()
            ),
        )),
    }
}

fn find<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s Item> {
    snapshot
        .item(name)
        .ok_or_else(|| Error::new(Reason::NotFound, "the snapshot has no such item"))
}
