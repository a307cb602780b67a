//! Opening the provider's incidents, speaking about them, closing and reading them.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{
    Action, Disclosed, Entry, Error, Home, Name, Permit, ProviderScope, Reason, Result, TenantId,
};
use uuid::Uuid;

use super::super::service::Service;
use super::model::{Act, Opening, ProviderIncident, Whole};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::rooms::tenants;
use crate::transport::Caller;

/// What is to be done about an incident of the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    Open(Opening, Vec<TenantId>),
    Add(Uuid, Vec<TenantId>),
    Notice(Uuid, String),
    Close(Uuid, Act),
}

impl Order {
    const fn action(&self) -> Action {
        match self {
            Self::Open(..) => Action::CreateProviderIncident,
            Self::Add(..) => Action::AddProviderIncidentTenants,
            Self::Notice(..) => Action::PostProviderNotice,
            Self::Close(..) => Action::CloseProviderIncident,
        }
    }

    /// What tenants will read of it, by field.
    fn texts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Open(opening, _) => vec![
                ("provider_incident.title", &opening.title),
                ("provider_incident.description", &opening.description),
            ],
            Self::Notice(_, text) => vec![("text", text)],
            Self::Close(_, Act::Closed { reason, .. }) => vec![("reason", reason)],
            Self::Add(..) | Self::Close(..) => Vec::new(),
        }
    }
}

impl Service {
    /// Keeps what is ordered, once, and does it in each tenant.
    pub(super) async fn order(
        &self,
        caller: &Caller,
        order: Order,
        request: RequestId,
    ) -> Result<Disclosed<Whole>> {
        let (scope, permit) = caller.provider_scope(&self.kernel, order.action()).await?;
        let entry = self.entry(caller, &scope).await?;
        self.kernel.require_nameless(&scope, &order.texts()).await?;
        let id = self
            .keep(caller, (&scope, &permit), order, &request)
            .await?;
        self.finish(caller, &entry, (&scope, &permit), id).await
    }

    /// Does in tenants what is left to be done there.
    pub(super) async fn resume(&self, caller: &Caller, id: Uuid) -> Result<Disclosed<Whole>> {
        let action = Action::ResumeProviderIncident;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let entry = self.entry(caller, &scope).await?;
        let name = Name::ProviderIncident(id);
        let log = AuditEntry::new(&permit).resource(name);
        self.kernel.db().audit_provider_read(&scope, log).await?;
        self.finish(caller, &entry, (&scope, &permit), id).await
    }

    /// Why tenants are entered. It stands in each one's log, and names none.
    async fn entry(&self, caller: &Caller, scope: &ProviderScope) -> Result<Entry> {
        let entry = caller
            .entry()?
            .ok_or_else(|| Error::invalid("justification", "say why the tenants are entered"))?;
        let texts = [
            ("justification", entry.justification()),
            ("reference", entry.reference()),
            ("approval", entry.approval().unwrap_or_default()),
        ];
        self.kernel.require_nameless(scope, &texts).await?;
        Ok(entry)
    }

    /// Keeps what is ordered, in one transaction of the provider's; of which incident it is.
    async fn keep(
        &self,
        caller: &Caller,
        (scope, permit): (&ProviderScope, &Permit),
        order: Order,
        request: &RequestId,
    ) -> Result<Uuid> {
        let env = self.kernel.env();
        let by = caller.credential().principal().subject();
        let mut tx = self.kernel.db().provider_tx(scope, permit).await?;
        let now = env.now();
        if let Some(id) = store::requested(tx.conn(), request, now).await? {
            drop(tx);
            let log = AuditEntry::new(permit).resource(Name::ProviderIncident(id));
            let log = log.detail("again", "yes");
            self.kernel.db().audit_provider_read(scope, log).await?;
            return Ok(id);
        }
        if let Order::Open(_, tenants) | Order::Add(_, tenants) = &order {
            for tenant in tenants {
                tenants::require_tenant(tx.conn(), tenant).await?;
            }
        }
        let id = match &order {
            Order::Open(..) => env.uuid_v7(),
            Order::Add(id, _) | Order::Notice(id, _) | Order::Close(id, _) => {
                let whole = store::find(tx.conn(), *id).await?;
                whole.ok_or_else(no_such_incident)?.require_open()?;
                *id
            }
        };
        let log = AuditEntry::new(permit).resource(Name::ProviderIncident(id));
        let log = match order {
            Order::Open(opening, tenants) => {
                store::insert(tx.conn(), id, now).await?;
                store::add_act(tx.conn(), id, by, &Act::Opened(opening), now).await?;
                let added = store::add_tenants(tx.conn(), id, &tenants, now).await?;
                log.detail("tenants", added)
            }
            Order::Add(_, tenants) => {
                let added = store::add_tenants(tx.conn(), id, &tenants, now).await?;
                log.detail("tenants", added)
            }
            Order::Notice(_, text) => {
                store::add_act(tx.conn(), id, by, &Act::Noticed { text }, now).await?;
                log
            }
            Order::Close(_, act) => {
                store::add_act(tx.conn(), id, by, &act, now).await?;
                log.detail("state", "closed")
            }
        };
        store::note_request(tx.conn(), request, id, now).await?;
        tx.commit(log).await?;
        Ok(id)
    }

    /// Does in tenants what is left, and tells how it stands.
    async fn finish(
        &self,
        caller: &Caller,
        entry: &Entry,
        (scope, permit): (&ProviderScope, &Permit),
        id: Uuid,
    ) -> Result<Disclosed<Whole>> {
        let whole = self.whole(scope, id).await?;
        self.deliver(caller, entry, (scope, permit), &whole).await?;
        let whole = self.whole(scope, id).await?;
        Ok(Disclosed::summary(scope, whole))
    }

    async fn whole(&self, scope: &ProviderScope, id: Uuid) -> Result<Whole> {
        let mut read = self.kernel.db().provider_read(scope).await?;
        let whole = store::find(read.conn(), id).await?;
        whole.ok_or_else(no_such_incident)
    }

    pub(super) async fn get_provider_incident(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Disclosed<Whole>> {
        let action = Action::GetProviderIncident;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let whole = self.whole(&scope, id).await?;
        let log = AuditEntry::new(&permit).resource(Name::ProviderIncident(id));
        self.kernel.db().audit_provider_read(&scope, log).await?;
        Ok(Disclosed::summary(&scope, whole))
    }

    pub(super) async fn list_provider_incidents(
        &self,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<Page<ProviderIncident>> {
        let action = Action::ListProviderIncidents;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let access = Access::Provider(scope, permit);
        let listing = Listing::new(&self.kernel, &access, "", page);
        let after = listing.after().await?;
        let mut read = access.read(&self.kernel).await?;
        let rows = store::list(read.conn(), after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |row| row.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }
}

fn no_such_incident() -> Error {
    Error::new(Reason::NotFound, "the provider has no such incident")
}
