//! Everything that is kept of snapshots, read and verified again.

use std::sync::Arc;

use cordon_evidence::custody::{Entry, verify};
use cordon_evidence::geometry::Geometry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::ContentCipher;
use cordon_kernel::{Error, Name, Result, TenantScope};
use cordon_lake::object::Objects;
use cordon_vault::{MapPiece, VaultError, groups, piece};

use super::acquire::{Shelf, map, object};
use super::custody;
use super::model::{Item, Snapshot, State};
use super::{pieces, store};

/// Snapshots that are read from the database at once.
const PAGE: i64 = 50;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) snapshots: u64,
    pub(crate) blocks: u64,
    pub(crate) custody_entries: u64,
    pub(crate) faults: Vec<String>,
}

/// Verifies a tenant's snapshots: each block against both of its digests, each chain of custody from
/// its manifest to its end.
///
/// # Errors
/// `UNAVAILABLE` when the stores can't be reached; what is damaged is in what was found.
pub(crate) async fn fsck(
    kernel: &Kernel,
    objects: &Objects,
    scope: &Arc<TenantScope>,
) -> Result<Found> {
    let looking = Looking {
        kernel,
        scope,
        shelf: Shelf {
            objects: objects.clone(),
            scope: Arc::clone(scope),
        },
    };
    let mut found = Found::default();
    let mut before = String::new();
    loop {
        let cipher = kernel.cipher(scope).await?;
        let mut read = kernel.db().tenant_read(scope).await?;
        let page = store::list(read.conn(), &cipher, &before, PAGE).await?;
        drop(read);
        let Some(last) = page.last() else {
            return Ok(found);
        };
        before = store::text(last.id);
        for snapshot in page {
            if snapshot.manifest.is_some() {
                looking.snapshot(&snapshot, &mut found).await?;
            }
        }
    }
}

struct Looking<'a> {
    kernel: &'a Kernel,
    scope: &'a Arc<TenantScope>,
    shelf: Shelf,
}

impl Looking<'_> {
    async fn snapshot(&self, snapshot: &Snapshot, found: &mut Found) -> Result<()> {
        found.snapshots += 1;
        let name = Name::Snapshot(self.scope.tenant().clone(), snapshot.id);
        self.custody(snapshot, &name, found).await?;
        if snapshot.state == State::Deleted {
            return Ok(());
        }
        let cipher = self.kernel.cipher(self.scope).await?;
        let key = hex::decode(&snapshot.key).map_err(Error::internal)?;
        let content = self.kernel.snapshot_cipher(&cipher, snapshot.id, &key);
        let content = match content.await {
            Ok(content) => Arc::new(content),
            Err(error) => {
                found.faults.push(format!("{name}: its key: {error}"));
                return Ok(());
            }
        };
        for item in &snapshot.items {
            let of = format!("{name}: {}", item.name);
            self.item(snapshot, item, &content, (&of, found)).await?;
        }
        Ok(())
    }

    async fn custody(&self, snapshot: &Snapshot, name: &Name, found: &mut Found) -> Result<()> {
        let cipher = self.kernel.cipher(self.scope).await?;
        let mut read = self.kernel.db().tenant_read(self.scope).await?;
        let all = custody::entries(read.conn(), &cipher, snapshot.id, 1, i64::MAX).await?;
        drop(read);
        found.custody_entries += all.len() as u64;
        let entries: std::result::Result<Vec<Entry>, _> =
            all.iter().map(|bytes| Entry::from_bytes(bytes)).collect();
        let known = snapshot.custody.as_ref().map(|chain| chain.head());
        let digest = snapshot.manifest.as_deref().unwrap_or_default().parse();
        let (Ok(entries), Ok(digest)) = (entries, digest) else {
            let fault = format!("{name}: an entry of its chain of custody can't be read");
            found.faults.push(fault);
            return Ok(());
        };
        let items = snapshot.items.iter().map(|item| item.name.as_str());
        let known: Vec<_> = known.into_iter().collect();
        if let Err(broken) = verify(&digest, items, &entries, &known) {
            found.faults.push(format!("{name}: {broken}"));
        }
        Ok(())
    }

    async fn item(
        &self,
        snapshot: &Snapshot,
        item: &Item,
        cipher: &Arc<ContentCipher>,
        (name, found): (&str, &mut Found),
    ) -> Result<()> {
        let geometry = item.geometry()?;
        let map = map(snapshot.id, item);
        let mut read = self.kernel.db().tenant_read(self.scope).await?;
        let tenant = self.scope.tenant();
        let all = (0, geometry.blocks());
        let rows = pieces::of_map(read.conn(), tenant, map, all).await?;
        drop(read);
        let mut next = 0;
        for row in rows {
            let piece = match piece(&self.shelf, cipher, object(map), row, geometry).await {
                Ok(piece) if piece.first == next => piece,
                _ => {
                    let fault = format!("{name}: the piece {} of its map is damaged", row.id);
                    found.faults.push(fault);
                    next = row.first + u64::from(row.blocks);
                    continue;
                }
            };
            next += piece.entries.len() as u64;
            self.blocks(&piece, cipher, &geometry, (name, found)).await;
        }
        if next != geometry.blocks() {
            found.faults.push(format!("{name}: its map has a gap"));
        }
        Ok(())
    }

    async fn blocks(
        &self,
        piece: &MapPiece,
        cipher: &Arc<ContentCipher>,
        geometry: &Geometry,
        (name, found): (&str, &mut Found),
    ) {
        let all = 0..geometry.blocks();
        for group in groups(piece, &all) {
            let blocks = group.blocks.clone();
            match group.show(&self.shelf, cipher, *geometry).await {
                Ok(_) => found.blocks += blocks.end - blocks.start,
                Err(VaultError::Damaged { index }) => found.faults.push(format!(
                    "{name}: block {index}, from byte {} on, is not what was acquired",
                    geometry.offset(index)
                )),
                Err(error) => found.faults.push(format!(
                    "{name}: blocks {} to {} can't be read: {error}",
                    blocks.start,
                    blocks.end - 1
                )),
            }
        }
    }
}
