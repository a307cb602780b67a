//! Reading subscriptions and deliveries, and staff's count of what waits.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Result, TenantId, TenantScope};
use uuid::Uuid;

use super::model::Subscription;
use super::service::{Service, found};
use super::store::{self, Backlog, Delivery, Standing};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::transport::Caller;

impl Service {
    pub(super) async fn get_subscription(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<(TenantId, Subscription)>> {
        let action = Action::GetSubscription;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let subscription = found(store::find(read.conn(), &cipher, id).await?)?;
        drop(read);
        let name = Name::Subscription(tenant.clone(), id);
        let entry = AuditEntry::new(&permit).resource(name);
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, (tenant, subscription)))
    }

    pub(super) async fn list_subscriptions(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Subscription>> {
        let action = Action::ListSubscriptions;
        let access = Access::within(&self.kernel, caller, &tenant, action).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let after = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        let rows = store::list(read.conn(), &cipher, &after, listing.limit()).await?;
        drop(read);
        let page = listing.page(rows, |row| store::text(row.id)).await?;
        self.log_page(&access, Name::Tenant(tenant), page.rows.get().len())
            .await?;
        Ok(page)
    }

    pub(super) async fn list_deliveries(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        standings: Vec<Standing>,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        let action = Action::ListDeliveries;
        let access = Access::within(&self.kernel, caller, &tenant, action).await?;
        let name = Name::Subscription(tenant.clone(), id);
        let query = format!("{name}/{standings:?}");
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let before = listing.after().await?;
        let before = before.and_then(|seq| seq.parse().ok()).unwrap_or(i64::MAX);
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        found(store::find(read.conn(), &cipher, id).await?)?;
        let limit = listing.limit();
        let rows = store::deliveries(read.conn(), &tenant, id, &standings, before, limit).await?;
        drop(read);
        let page = listing.page(rows, |row| row.seq.to_string()).await?;
        self.log_page(&access, name, page.rows.get().len()).await?;
        Ok(page)
    }

    pub(super) async fn list_notice_backlogs(
        &self,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<Page<Backlog>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ListNoticeBacklogs)
            .await?;
        let access = Access::Provider(scope, permit);
        let listing = Listing::new(&self.kernel, &access, "", page);
        let after = listing.after().await?.unwrap_or_default();
        let mut read = access.read(&self.kernel).await?;
        let rows = store::backlogs(read.conn(), &after, listing.limit()).await?;
        drop(read);
        let page = listing.page(rows, |row| row.tenant.to_string()).await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }

    async fn log_page(&self, access: &Access, name: Name, count: usize) -> Result<()> {
        let entry = AuditEntry::new(access.permit())
            .resource(name)
            .detail("count", count);
        let home = Home::Tenant(scope(access)?.tenant().clone());
        access.audit_read(&self.kernel, &home, entry).await
    }
}

/// The tenant's scope: all ways to subscriptions have one.
fn scope(access: &Access) -> Result<&TenantScope> {
    match access {
        Access::Tenant(scope, _) => Ok(scope),
        Access::Provider(..) => Err(Error::internal("subscriptions without a tenant's scope")),
    }
}
