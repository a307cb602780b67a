//! Declaring, listing and withdrawing the provider's address ranges.

use cordon_kernel::{Action, AuditEntry, Disclosed, Home, Name, Result};
use ipnet::IpNet;
use uuid::Uuid;

use super::super::access::Access;
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, AddressRange};
use super::store;
use crate::transport::Caller;

impl Service {
    pub(in super::super) async fn create_address_range(
        &self,
        caller: &Caller,
        net: IpNet,
    ) -> Result<Disclosed<AddressRange>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::CreateAddressRange)
            .await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let same = store::same(tx.conn(), net).await?;
        let change = model::create(same.as_ref(), net, env.uuid_v7())?;
        store::apply(tx.conn(), &change, env.now()).await?;
        let range = change.into_range();
        let entry = AuditEntry::new(&permit)
            .resource(Name::AddressRange(range.id))
            .detail("cidr", range.net);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, range))
    }

    pub(in super::super) async fn list_address_ranges(
        &self,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<Page<AddressRange>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ListAddressRanges)
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
        let page = listing
            .page(rows, |range| range.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }

    pub(in super::super) async fn delete_address_range(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<()> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::DeleteAddressRange)
            .await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let found = store::find(tx.conn(), id).await?;
        let change = model::delete(found)?;
        store::apply(tx.conn(), &change, self.kernel.env().now()).await?;
        let range = change.into_range();
        let entry = AuditEntry::new(&permit)
            .resource(Name::AddressRange(range.id))
            .detail("cidr", range.net);
        tx.commit(entry).await?;
        Ok(())
    }
}
