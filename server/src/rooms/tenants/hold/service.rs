//! Placing, listing and releasing legal holds.

use cordon_kernel::{Action, AuditEntry, Disclosed, Home, Name, Result, TenantId};
use uuid::Uuid;

use super::super::access::{self, Access};
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, Hold, NewHold};
use super::store;
use crate::transport::Caller;

impl Service {
    pub(in super::super) async fn create_legal_hold(
        &self,
        caller: &Caller,
        new: NewHold,
    ) -> Result<Disclosed<Hold>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::CreateLegalHold)
            .await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        access::exists(tx.conn(), &Home::Tenant(new.tenant.clone())).await?;
        let change = model::create(new, env.uuid_v7(), env.now());
        store::apply(tx.conn(), &change).await?;
        let hold = change.into_hold();
        tx.about(&hold.tenant);
        let entry = AuditEntry::new(&permit)
            .resource(Name::LegalHold(hold.tenant.clone(), hold.id))
            .detail("reason", &hold.reason)
            .detail("reference", &hold.reference);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, hold))
    }

    pub(in super::super) async fn list_legal_holds(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Hold>> {
        let action = Action::ListLegalHolds;
        let access = Access::to_tenant(&self.kernel, caller, &tenant, action).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let after = listing.after().await?.unwrap_or_default();
        let home = Home::Tenant(tenant.clone());
        let mut read = access.read(&self.kernel).await?;
        access::existed(read.conn(), &home).await?;
        let rows = store::list(read.conn(), &tenant, &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |hold| hold.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant))
            .detail("count", page.rows.get().len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(in super::super) async fn release_legal_hold(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        reason: &str,
    ) -> Result<Disclosed<Hold>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ReleaseLegalHold)
            .await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        access::exists(tx.conn(), &Home::Tenant(tenant.clone())).await?;
        let held = store::find(tx.conn(), &tenant, id).await?;
        let change = model::release(held, self.kernel.env().now())?;
        store::apply(tx.conn(), &change).await?;
        tx.about(&tenant);
        let mut entry = AuditEntry::new(&permit).resource(Name::LegalHold(tenant, id));
        if !reason.is_empty() {
            entry = entry.detail("reason", reason);
        }
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, change.into_hold()))
    }
}
