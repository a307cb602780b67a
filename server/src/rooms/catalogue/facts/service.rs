//! Publishing facts, stating them anew, and reading what was stated.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::ProviderTx;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Home, Permit, ProviderScope, Result, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

use super::convert::{self, Told};
use super::model::{self, Audience, Change, Kind, MAX_VERSIONS, Mark, NewFact, Patch};
use super::store::{self, Reader, Wanted};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::tenants;
use crate::transport::Caller;

/// What a listing asks for; without a moment, for now.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) kind: Option<Kind>,
    pub(super) service: String,
    pub(super) at: Option<Timestamp>,
    pub(super) ended: bool,
}

#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

impl Service {
    pub(super) async fn create(&self, caller: &Caller, new: NewFact) -> Result<Disclosed<Told>> {
        let action = Action::CreateFact;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        if let Audience::Tenant(tenant) = &new.audience {
            tenants::require_tenant(tx.conn(), tenant).await?;
        }
        let id = self.kernel.env().uuid_v7();
        let change = model::create(id, new, self.mark(caller));
        self.publish(tx, (&scope, &permit), change).await
    }

    pub(super) async fn update(
        &self,
        caller: &Caller,
        id: Uuid,
        patch: Patch,
        expected: &str,
    ) -> Result<Disclosed<Told>> {
        let action = Action::UpdateFact;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let before = store::newest(tx.conn(), id).await?;
        let change = model::update(before, expected, patch, self.mark(caller))?;
        self.publish(tx, (&scope, &permit), change).await
    }

    pub(super) async fn withdraw(
        &self,
        caller: &Caller,
        id: Uuid,
        reason: String,
        expected: &str,
    ) -> Result<Disclosed<Told>> {
        let action = Action::WithdrawFact;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let before = store::newest(tx.conn(), id).await?;
        let change = model::withdraw(before, expected, reason, self.mark(caller))?;
        self.publish(tx, (&scope, &permit), change).await
    }

    /// Writes a version. What is for one tenant stands in that tenant's log, under the name by which
    /// it reads it.
    async fn publish(
        &self,
        mut tx: ProviderTx<'_>,
        (scope, permit): (&ProviderScope, &Permit),
        change: Change,
    ) -> Result<Disclosed<Told>> {
        store::apply(tx.conn(), &change).await?;
        let fact = change.into_fact();
        let told_to = match &fact.audience {
            Audience::Tenant(tenant) => {
                tx.about(tenant);
                Some(tenant.clone())
            }
            _ => None,
        };
        let entry = AuditEntry::new(permit)
            .resource(convert::name(told_to, fact.id))
            .detail("kind", fact.kind.as_str())
            .detail("version", fact.version);
        tx.commit(entry).await?;
        let at = fact.published;
        let tenant = None;
        Ok(Disclosed::summary(scope, Told { fact, tenant, at }))
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, id): (Option<TenantId>, Uuid),
        at: Option<Timestamp>,
    ) -> Result<Disclosed<Told>> {
        let home = home(tenant.as_ref());
        let access = Access::to_home(&self.kernel, caller, &home, Action::GetFact).await?;
        let at = at.unwrap_or_else(|| self.kernel.env().now());
        let mut read = access.read(&self.kernel).await?;
        if let Some(tenant) = &tenant {
            tenants::require_known(read.conn(), tenant).await?;
        }
        let fact = store::find(read.conn(), reader(&access, tenant.as_ref()), id, at).await?;
        drop(read);
        let fact = fact.ok_or_else(model::no_such_fact)?;
        let entry = AuditEntry::new(access.permit()).resource(convert::name(tenant.clone(), id));
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(access.disclose(Told { fact, tenant, at }))
    }

    pub(super) async fn versions(
        &self,
        caller: &Caller,
        (tenant, id): (Option<TenantId>, Uuid),
    ) -> Result<Disclosed<Vec<Told>>> {
        let home = home(tenant.as_ref());
        let access = Access::to_home(&self.kernel, caller, &home, Action::ListFactVersions).await?;
        let at = self.kernel.env().now();
        let mut read = access.read(&self.kernel).await?;
        if let Some(tenant) = &tenant {
            tenants::require_known(read.conn(), tenant).await?;
        }
        let reader = reader(&access, tenant.as_ref());
        // One more than can be stated: the last may withdraw it.
        let facts = store::versions(read.conn(), reader, id, MAX_VERSIONS + 1).await?;
        drop(read);
        if facts.is_empty() {
            return Err(model::no_such_fact());
        }
        let entry = AuditEntry::new(access.permit())
            .resource(convert::name(tenant.clone(), id))
            .detail("count", facts.len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(access.disclose(told(facts, tenant.as_ref(), at)))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        tenant: Option<TenantId>,
        asked: Asked,
        page: PageRequest,
    ) -> Result<Page<Told>> {
        let home = home(tenant.as_ref());
        let access = Access::to_home(&self.kernel, caller, &home, Action::ListFacts).await?;
        let query = format!(
            "{}/{:?}/{}/{:?}/{}",
            tenant.as_ref().map_or("", TenantId::as_str),
            asked.kind,
            asked.service,
            asked.at,
            asked.ended
        );
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?.unwrap_or_default();
        let at = asked.at.unwrap_or_else(|| self.kernel.env().now());
        let wanted = Wanted {
            kind: asked.kind,
            service: asked.service,
            at,
            ended: asked.ended,
        };
        let mut read = access.read(&self.kernel).await?;
        if let Some(tenant) = &tenant {
            tenants::require_known(read.conn(), tenant).await?;
        }
        let reader = reader(&access, tenant.as_ref());
        let facts = store::list(read.conn(), reader, &wanted, &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(told(facts, tenant.as_ref(), at), |told: &Told| {
                told.fact.id.hyphenated().to_string()
            })
            .await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    fn mark(&self, caller: &Caller) -> Mark {
        let env = self.kernel.env();
        Mark {
            now: env.now(),
            by: caller.credential().principal().subject().to_owned(),
            etag: hex::encode(env.bytes::<16>()),
        }
    }
}

fn home(tenant: Option<&TenantId>) -> Home {
    tenant.cloned().map_or(Home::Provider, Home::Tenant)
}

fn reader<'a>(access: &Access, tenant: Option<&'a TenantId>) -> Reader<'a> {
    Reader {
        tenant,
        staff: matches!(access, Access::Provider(..)),
    }
}

fn told(facts: Vec<model::Fact>, tenant: Option<&TenantId>, at: Timestamp) -> Vec<Told> {
    let told = |fact| Told {
        fact,
        tenant: tenant.cloned(),
        at,
    };
    facts.into_iter().map(told).collect()
}
