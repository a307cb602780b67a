//! Where an item goes: the tenant's objects, and the rows that say that they are there.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Name, Result, TenantScope};
use cordon_lake::object::Objects;
use cordon_vault::{Ledger, Noted, Store};
use uuid::Uuid;

use super::super::pieces::{self, Map};

/// A tenant's evidence in the object store.
#[derive(Clone)]
pub(in super::super) struct Shelf {
    pub(in super::super) objects: Objects,
    pub(in super::super) scope: Arc<TenantScope>,
}

#[async_trait]
impl Store for Shelf {
    async fn put(&self, id: Uuid, bytes: Bytes) -> Result<()> {
        let path = Objects::evidence_path(&self.scope, id);
        Ok(self.objects.put(&self.scope, &path, bytes).await?)
    }

    async fn read(&self, id: Uuid, range: Range<u64>) -> Result<Bytes> {
        let path = Objects::evidence_path(&self.scope, id);
        Ok(self.objects.read_part(&self.scope, &path, range).await?)
    }

    async fn read_all(&self, id: Uuid) -> Result<Bytes> {
        let path = Objects::evidence_path(&self.scope, id);
        Ok(self.objects.read_all(&self.scope, &path).await?)
    }
}

impl Shelf {
    /// Deletes objects that nothing leads to any more. What stays is swept away later.
    pub(in super::super) async fn discard(&self, gone: &[Uuid]) {
        for id in gone {
            let path = Objects::evidence_path(&self.scope, *id);
            if let Err(error) = self.objects.delete(&self.scope, &path).await {
                tracing::warn!(%error, "an object of evidence is left to be swept away");
            }
        }
    }
}

/// Notes what of an item is durable, as long as the claim holds.
pub(super) struct Noting<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) scope: &'a TenantScope,
    pub(super) claim: &'a JobClaim,
    pub(super) map: Map,
}

#[async_trait]
impl Ledger for Noting<'_> {
    async fn note(&self, noted: Noted) -> Result<()> {
        let (_, permit) = self.kernel.job_scope(self.claim);
        let mut tx = self.kernel.db().tenant_tx(self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        pieces::note(&mut tx, self.map, &noted).await?;
        let last = noted.piece.first + u64::from(noted.piece.blocks);
        let entry = AuditEntry::new(&permit)
            .resource(Name::Snapshot(
                self.scope.tenant().clone(),
                self.map.snapshot,
            ))
            .detail("item", self.map.place)
            .detail("blocks", last);
        tx.commit(entry).await?;
        Ok(())
    }
}
