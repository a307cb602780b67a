//! Reading incidents, and the queue.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Result, TenantId, TenantScope};
use uuid::Uuid;

use super::model::{Comment, Incident};
use super::service::{Service, no_such_incident};
use super::store::{self, Entry, Queued, Wanted};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::transport::Caller;

impl Service {
    pub(super) async fn get_incident(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<Incident>> {
        let action = Action::GetIncident;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, id).await?;
        drop(read);
        let found = found.ok_or_else(no_such_incident)?;
        let entry = AuditEntry::new(&permit).resource(Name::Incident(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, found))
    }

    pub(super) async fn list_incidents(
        &self,
        caller: &Caller,
        tenant: TenantId,
        wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<Incident>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListIncidents).await?;
        let query = format!("{tenant}/{wanted:?}");
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?;
        let after = after.map(|after| place(&after)).transpose()?;
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        let limit = listing.limit();
        let (rows, cut) = store::list(read.conn(), &cipher, &wanted, after, limit).await?;
        drop(read);
        let page = listing
            .page_of(rows, cut, |row| {
                let time = cordon_kernel::db::nanos(row.updated);
                format!("{time}/{}", row.id.hyphenated())
            })
            .await?;
        self.log_list(&access, Name::Tenant(tenant), page.rows.get().len())
            .await?;
        Ok(page)
    }

    pub(super) async fn list_comments(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        page: PageRequest,
    ) -> Result<Page<Comment>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListComments).await?;
        let name = Name::Incident(tenant, incident);
        let query = name.to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?;
        let after = after.map(|after| place(&after)).transpose()?;
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        if store::find(read.conn(), &cipher, incident).await?.is_none() {
            return Err(no_such_incident());
        }
        let limit = listing.limit();
        let (rows, cut) = store::comments(read.conn(), &cipher, incident, after, limit).await?;
        drop(read);
        let page = listing
            .page_of(rows, cut, |row| {
                let time = cordon_kernel::db::nanos(row.created);
                format!("{time}/{}", row.id.hyphenated())
            })
            .await?;
        self.log_list(&access, name, page.rows.get().len()).await?;
        Ok(page)
    }

    pub(super) async fn list_timeline_entries(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Option<Uuid>),
        page: PageRequest,
    ) -> Result<Page<Entry>> {
        let action = Action::ListTimelineEntries;
        let access = Access::within(&self.kernel, caller, &tenant, action).await?;
        let name = match incident {
            Some(incident) => Name::Incident(tenant, incident),
            None => Name::Tenant(tenant),
        };
        let query = name.to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?;
        let after = after.and_then(|seq| seq.parse().ok()).unwrap_or(0);
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        if let Some(incident) = incident
            && store::find(read.conn(), &cipher, incident).await?.is_none()
        {
            return Err(no_such_incident());
        }
        let limit = listing.limit();
        let rows = store::entries(read.conn(), &cipher, incident, after, limit).await?;
        drop(read);
        let page = listing.page(rows, |row| row.seq.to_string()).await?;
        self.log_list(&access, name, page.rows.get().len()).await?;
        Ok(page)
    }

    pub(super) async fn list_incident_queue(
        &self,
        caller: &Caller,
        (closed_too, exercise): (bool, Option<bool>),
        page: PageRequest,
    ) -> Result<Page<Queued>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ListIncidentQueue)
            .await?;
        let access = Access::Provider(scope, permit);
        let query = format!("{closed_too}/{exercise:?}");
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?;
        let after = after
            .map(|after| serde_json::from_str(&after).map_err(|_| damaged()))
            .transpose()?;
        let mut read = access.read(&self.kernel).await?;
        let rows = {
            let conn = read.conn();
            store::queue(conn, closed_too, exercise, after, listing.limit()).await?
        };
        drop(read);
        let page = listing
            .page(rows, |row| {
                serde_json::to_string(&row.place()).unwrap_or_default()
            })
            .await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }

    pub(super) async fn log_list(&self, access: &Access, name: Name, count: usize) -> Result<()> {
        let entry = AuditEntry::new(access.permit())
            .resource(name)
            .detail("count", count);
        let home = Home::Tenant(scope(access)?.tenant().clone());
        access.audit_read(&self.kernel, &home, entry).await
    }
}

/// The tenant's scope: all ways to incidents but the queue have one.
pub(super) fn scope(access: &Access) -> Result<&TenantScope> {
    match access {
        Access::Tenant(scope, _) => Ok(scope),
        Access::Provider(..) => Err(Error::internal("incidents without their tenant's scope")),
    }
}

pub(super) fn place(after: &str) -> Result<(i64, String)> {
    let (time, id) = after.split_once('/').ok_or_else(damaged)?;
    Ok((time.parse().map_err(|_| damaged())?, id.to_owned()))
}

pub(super) fn damaged() -> Error {
    Error::invalid("page_token", "expected a token from the answer before")
}
