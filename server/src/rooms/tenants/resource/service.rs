//! Importing, listing and ending resources.

use cordon_kernel::db::nanos;
use cordon_kernel::{Action, AuditEntry, Disclosed, Error, Home, Name, Result, TenantId};
use uuid::Uuid;

use super::super::access::{self, Access};
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, Effect, Resource, Wanted};
use super::store;
use crate::transport::Caller;

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Imported {
    pub(super) created: usize,
    pub(super) unchanged: usize,
}

impl Service {
    pub(in super::super) async fn import_resources(
        &self,
        caller: &Caller,
        tenant: TenantId,
        wanted: Vec<Wanted>,
    ) -> Result<Disclosed<Imported>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ImportResources)
            .await?;
        let now = self.kernel.env().now();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        access::exists(tx.conn(), &Home::Tenant(tenant.clone())).await?;
        let known = store::known(tx.conn(), &wanted).await?;
        let change = model::import(&tenant, &wanted, &known)?;
        store::apply(&mut tx, &change, now).await?;
        let imported = match change.effect() {
            Effect::Insert { new, unchanged, .. } => Imported {
                created: new.len(),
                unchanged: *unchanged,
            },
            Effect::End(..) => return Err(Error::internal("an import that ends a registration")),
        };
        let entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("created", imported.created)
            .detail("unchanged", imported.unchanged);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, imported))
    }

    pub(in super::super) async fn list_resources(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Resource>> {
        let access =
            Access::to_tenant(&self.kernel, caller, &tenant, Action::ListResources).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let after = listing.after().await?.unwrap_or_default();
        let home = Home::Tenant(tenant.clone());
        let mut read = access.read(&self.kernel).await?;
        access::existed(read.conn(), &home).await?;
        let rows = store::list(read.conn(), &tenant, &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |resource| resource.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant))
            .detail("count", page.rows.get().len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(in super::super) async fn delete_resource(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Disclosed<Resource>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::DeleteResource)
            .await?;
        let now = self.kernel.env().now();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        access::exists(tx.conn(), &Home::Tenant(tenant.clone())).await?;
        let found = store::find(tx.conn(), &tenant, id).await?;
        let change = model::delete(found, nanos(now))?;
        store::apply(&mut tx, &change, now).await?;
        let Effect::End(resource, _) = change.effect() else {
            return Err(Error::internal("a deletion that imports"));
        };
        let resource = resource.clone();
        let entry = AuditEntry::new(&permit)
            .resource(Name::Resource(tenant, id))
            .detail("identifier", resource.identifier.as_str());
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, resource))
    }
}
