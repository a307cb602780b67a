//! Registering, listing and ending accounts.

use cordon_kernel::db::nanos;
use cordon_kernel::{AccountId, Action, AuditEntry, Disclosed, Home, Name, Result, TenantId};

use super::super::access::{self, Access};
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, Account};
use super::store;
use crate::transport::Caller;

impl Service {
    /// The account, and how many stored events its registration brought.
    pub(in super::super) async fn create_account(
        &self,
        caller: &Caller,
        account: Account,
    ) -> Result<Disclosed<Account>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::CreateAccount)
            .await?;
        let tenant = account.tenant.clone();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        access::exists(tx.conn(), &Home::Tenant(tenant.clone())).await?;
        let held = store::held(tx.conn(), &account.id).await?;
        let change = model::create(account, &held)?;
        store::apply(&mut tx, &change).await?;
        let account = change.into_account()?;
        let entry =
            AuditEntry::new(&permit).resource(Name::Account(tenant.clone(), account.id.clone()));
        tx.commit(account.validity.detail(entry)).await?;
        Ok(Disclosed::summary(&scope, account))
    }

    pub(in super::super) async fn list_accounts(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Account>> {
        let access = Access::to_tenant(&self.kernel, caller, &tenant, Action::ListAccounts).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let after = listing.after().await?;
        // An account's name, a space that no name has, and the beginning of its registration.
        let after = after.as_deref().and_then(|key| key.split_once(' '));
        let after = after.and_then(|(account, from)| Some((account, from.parse().ok()?)));
        let home = Home::Tenant(tenant.clone());
        let mut read = access.read(&self.kernel).await?;
        access::existed(read.conn(), &home).await?;
        let rows = store::list(read.conn(), &tenant, after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |account| {
                format!("{} {}", account.id, account.validity.from())
            })
            .await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant))
            .detail("count", page.rows.get().len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(in super::super) async fn delete_account(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
    ) -> Result<Disclosed<Account>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::DeleteAccount)
            .await?;
        let now = self.kernel.env().now();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        access::exists(tx.conn(), &Home::Tenant(tenant.clone())).await?;
        let own = store::own(tx.conn(), &tenant, &id).await?;
        let change = model::delete(own, nanos(now))?;
        store::apply(&mut tx, &change).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Account(tenant, id));
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, change.into_account()?))
    }
}
