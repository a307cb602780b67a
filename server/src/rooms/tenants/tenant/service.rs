//! Creating, reading and changing tenants.

use cordon_kernel::{Action, AuditEntry, Disclosed, Error, Home, Name, Result, TenantId};
use jiff::SignedDuration;

use super::super::access::{Access, no_such_tenant};
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, Command, Effect, Kept, NewTenant, Tenant};
use super::store;
use crate::transport::Caller;

/// How long a request id is recognised. A repetition that comes later finds the id taken, and
/// changes nothing either.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

impl Service {
    pub(in super::super) async fn create_tenant(
        &self,
        caller: &Caller,
        new: NewTenant,
    ) -> Result<Disclosed<Tenant>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::CreateTenant)
            .await?;
        let since = self
            .kernel
            .env()
            .now()
            .checked_sub(REMEMBERED)
            .map_err(Error::internal)?;
        let (id, request_id) = (new.id.clone(), new.request_id.clone());
        // Decided twice: what is refused or repeated needs no keys, and keys are made before the
        // transaction that others wait for.
        let mut read = self.kernel.db().provider_read(&scope).await?;
        let before = store::before(read.conn(), &new, since).await?;
        drop(read);
        if let Effect::None(tenant) = model::create(before, new.clone())?.effect() {
            return Ok(Disclosed::summary(&scope, tenant.clone()));
        }
        let keys = self.kernel.db().first_keys(&scope, &id).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let before = store::before(tx.conn(), &new, since).await?;
        let change = model::create(before, new)?;
        if let Effect::None(tenant) = change.effect() {
            return Ok(Disclosed::summary(&scope, tenant.clone()));
        }
        store::apply(&mut tx, &id, &change, Some(keys)).await?;
        let tenant = store::find(tx.conn(), &id).await?.ok_or_else(lost)?;
        tx.about(&id);
        let mut entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(id))
            .detail("display_name", &tenant.display_name)
            .detail("home_region", &tenant.home_region);
        if !request_id.is_empty() {
            entry = entry.detail(store::REQUEST_ID, request_id);
        }
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, tenant))
    }

    pub(in super::super) async fn get_tenant(
        &self,
        caller: &Caller,
        id: TenantId,
    ) -> Result<Disclosed<Tenant>> {
        let access = Access::to_tenant(&self.kernel, caller, &id, Action::GetTenant).await?;
        let tenant = store::find(access.read(&self.kernel).await?.conn(), &id).await?;
        let tenant = tenant.ok_or_else(no_such_tenant)?;
        let entry = AuditEntry::new(access.permit()).resource(Name::Tenant(id.clone()));
        access
            .audit_read(&self.kernel, &Home::Tenant(id), entry)
            .await?;
        Ok(access.disclose(tenant))
    }

    pub(in super::super) async fn list_tenants(
        &self,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<Page<Tenant>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ListTenants)
            .await?;
        let access = Access::Provider(scope, permit);
        let listing = Listing::new(&self.kernel, &access, "", page);
        let after = listing.after().await?.unwrap_or_default();
        let rows = store::list(
            access.read(&self.kernel).await?.conn(),
            &after,
            listing.limit(),
        )
        .await?;
        let page = listing.page(rows, |tenant| tenant.id.to_string()).await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }

    /// Suspends, resumes, deletes or undeletes.
    pub(in super::super) async fn change_tenant(
        &self,
        caller: &Caller,
        id: TenantId,
        command: Command,
    ) -> Result<Disclosed<Tenant>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, command.action())
            .await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let tenant = store::find(tx.conn(), &id)
            .await?
            .ok_or_else(no_such_tenant)?;
        let kept = Kept {
            children: store::children(tx.conn(), &id).await?,
            holds: store::holds(tx.conn(), &id).await?,
        };
        let change = model::decide(&tenant, kept, &command)?;
        store::apply(&mut tx, &id, &change, None).await?;
        let tenant = store::find(tx.conn(), &id).await?.ok_or_else(lost)?;
        tx.about(&id);
        let mut entry = AuditEntry::new(&permit).resource(Name::Tenant(id));
        if !command.reason().is_empty() {
            entry = entry.detail("reason", command.reason());
        }
        if let Some(purge) = tenant.purge {
            entry = entry.detail("purge_time", purge);
        }
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, tenant))
    }
}

fn lost() -> Error {
    Error::internal("a tenant that was just written is not there")
}
