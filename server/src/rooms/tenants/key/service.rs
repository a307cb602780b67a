//! Rotating and listing tenants' data keys.

use cordon_kernel::{Action, AuditEntry, Disclosed, Error, Home, Name, Result, TenantId};

use super::super::access::{self, Access};
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::store::{self, KeyRotation};
use crate::transport::Caller;

impl Service {
    pub(in super::super) async fn rotate_tenant_key(
        &self,
        caller: &Caller,
        tenant: TenantId,
        reason: &str,
    ) -> Result<Disclosed<KeyRotation>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::RotateTenantKey)
            .await?;
        let mut read = self.kernel.db().provider_read(&scope).await?;
        access::exists(read.conn(), &Home::Tenant(tenant.clone())).await?;
        drop(read);
        let mut entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant.clone()));
        if !reason.is_empty() {
            entry = entry.detail("reason", reason);
        }
        self.kernel
            .rotate_data_key(&scope, &permit, &tenant, entry)
            .await?;
        let mut read = self.kernel.db().provider_read(&scope).await?;
        let newest = store::list(read.conn(), &tenant, i64::MAX, 1).await?;
        let newest = newest.into_iter().next();
        let newest = newest.ok_or_else(|| Error::internal("a key that was made is not there"))?;
        Ok(Disclosed::summary(&scope, newest))
    }

    pub(in super::super) async fn list_key_rotations(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<KeyRotation>> {
        let action = Action::ListKeyRotations;
        let access = Access::to_tenant(&self.kernel, caller, &tenant, action).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let before = listing.after().await?;
        let before = before.and_then(|version| version.parse().ok());
        let home = Home::Tenant(tenant.clone());
        let mut read = access.read(&self.kernel).await?;
        access::existed(read.conn(), &home).await?;
        let before = before.unwrap_or(i64::MAX);
        let rows = store::list(read.conn(), &tenant, before, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |rotation| rotation.version.to_string())
            .await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant))
            .detail("count", page.rows.get().len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }
}
