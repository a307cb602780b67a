//! Recording placements, announcing work.

use std::sync::Arc;

use cordon_kernel::db::releases::placements::Placement;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, AuditEntry, Disclosed, Home, Name, Result};

use super::model::{self, HostWork, NewWork};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::transport::Caller;

/// The service.
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

impl Service {
    /// How many placements were new or changed.
    pub(super) async fn record(
        &self,
        caller: &Caller,
        placements: Vec<Placement>,
    ) -> Result<Disclosed<i32>> {
        let action = Action::RecordPlacements;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let db = self.kernel.db();
        let mut tx = db.provider_tx_beside_registers(&scope, &permit).await?;
        let count = tx.record_placements(&placements).await?;
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        // No tenant's log tells of it: when an instance was moved is told by no release.
        let entry = AuditEntry::new(&permit).detail("count", count);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, count))
    }

    pub(super) async fn announce(
        &self,
        caller: &Caller,
        new: NewWork,
    ) -> Result<Disclosed<HostWork>> {
        let action = Action::AnnounceHostWork;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let env = self.kernel.env();
        let work = model::announce(env.uuid_v7(), &new, env.now());
        let db = self.kernel.db();
        let mut tx = db.provider_tx_beside_registers(&scope, &permit).await?;
        store::announce(tx.conn(), &work, &new).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::HostWork(work.id))
            .detail("hosts", work.hosts)
            .detail("told", work.told);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, work))
    }

    pub(super) async fn list(&self, caller: &Caller, page: PageRequest) -> Result<Page<HostWork>> {
        let action = Action::ListHostWork;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let access = Access::Provider(scope, permit);
        let listing = Listing::new(&self.kernel, &access, "hostWork", page);
        let before = listing.after().await?.unwrap_or_default();
        let mut read = access.read(&self.kernel).await?;
        let rows = store::list(read.conn(), &before, listing.limit()).await?;
        drop(read);
        let place = |work: &HostWork| work.id.hyphenated().to_string();
        let page = listing.page(rows, place).await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }
}
