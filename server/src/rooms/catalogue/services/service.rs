//! Registering the services that a tenant uses.

use cordon_kernel::{Action, AuditEntry, Disclosed, Home, Name, Result, ServiceId, TenantId};

use super::model::{self, Service};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::catalogue::rpc::Room;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::tenants;
use crate::transport::Caller;

impl Room {
    pub(in super::super) async fn create_service(
        &self,
        caller: &Caller,
        service: Service,
    ) -> Result<Disclosed<Service>> {
        let action = Action::CreateService;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        tenants::require_tenant(tx.conn(), &service.tenant).await?;
        let used = store::all(tx.conn(), &service.tenant).await?;
        let change = model::create(&used, service.clone())?;
        store::apply(tx.conn(), &change).await?;
        tx.about(&service.tenant);
        let name = Name::Service(service.tenant.clone(), service.id.clone());
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::summary(&scope, service))
    }

    pub(in super::super) async fn list_services(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Service>> {
        let action = Action::ListServices;
        let access = Access::to_tenant(&self.kernel, caller, &tenant, action).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let after = listing.after().await?.unwrap_or_default();
        let mut read = access.read(&self.kernel).await?;
        tenants::require_known(read.conn(), &tenant).await?;
        let rows = store::list(read.conn(), &tenant, &after, listing.limit()).await?;
        drop(read);
        let page = listing.page(rows, |row| row.id.to_string()).await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        let home = Home::Tenant(tenant);
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(in super::super) async fn delete_service(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: ServiceId,
    ) -> Result<()> {
        let action = Action::DeleteService;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        tenants::require_tenant(tx.conn(), &tenant).await?;
        let used = store::all(tx.conn(), &tenant).await?;
        let change = model::delete(&used, tenant.clone(), id.clone())?;
        store::apply(tx.conn(), &change).await?;
        tx.about(&tenant);
        let name = Name::Service(tenant, id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(())
    }
}
