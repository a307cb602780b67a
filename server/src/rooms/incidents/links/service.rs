//! Linking, and taking links away.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result, TenantId};
use cordon_lake::Lake;
use uuid::Uuid;

use super::super::model::{Happened, What};
use super::super::read::scope;
use super::super::service::{actor, no_such_incident};
use super::super::store as incidents;
use super::convert::{Linked, NewLink, Which};
use super::store::{self, Link, Said};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::{detection, events};
use crate::transport::Caller;

/// Most links of an incident.
const MAX_LINKS: i64 = 10_000;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) lake: Arc<Lake>,
}

impl Service {
    pub(super) async fn create(&self, caller: &Caller, new: NewLink) -> Result<Disclosed<Link>> {
        let action = Action::CreateLink;
        let (tenant, incident) = (&new.tenant, new.incident);
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        // By its own permission, and in its own entry of the log.
        match new.to {
            Linked::Event(event) => {
                events::require(&self.kernel, &self.lake, caller, tenant, event).await?;
            }
            Linked::Finding(finding) => {
                detection::require(&self.kernel, caller, tenant, finding).await?;
            }
        }
        let resource = new.resource().to_string();
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let about = incidents::find(tx.conn(), &cipher, incident).await?;
        let about = about.ok_or_else(no_such_incident)?;
        let link = match store::to(tx.conn(), &cipher, incident, &resource).await? {
            Some(link) => link,
            None => {
                let link = Link {
                    id: self.kernel.env().uuid_v7(),
                    incident,
                    resource,
                    created: self.kernel.env().now().max(about.updated),
                    said: Said {
                        actor: actor(caller),
                        reason: new.reason,
                    },
                };
                if !add(&mut tx, &cipher, &link).await? {
                    return Err(Error::new(
                        Reason::QuotaExceeded,
                        "an incident has at most 10,000 links",
                    ));
                }
                link
            }
        };
        tx.require_keys(&cipher).await?;
        let name = Name::Link(tenant.clone(), incident, link.id);
        let entry = AuditEntry::new(&permit)
            .resource(name)
            .detail("to", &link.resource);
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, link))
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        (tenant, incident, id): Which,
    ) -> Result<()> {
        let action = Action::DeleteLink;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let about = incidents::find(tx.conn(), &cipher, incident).await?;
        let about = about.ok_or_else(no_such_incident)?;
        let link = store::find(tx.conn(), &cipher, incident, id).await?;
        let link = link.ok_or_else(|| Error::new(Reason::NotFound, "no such link"))?;
        let now = self.kernel.env().now().max(about.updated);
        store::delete(&mut tx, id).await?;
        let happened = Happened {
            actor: actor(caller),
            reason: String::new(),
            what: What::Unlinked {
                link: id,
                resource: link.resource,
            },
        };
        incidents::note(&mut tx, &cipher, incident, now, &happened).await?;
        tx.require_keys(&cipher).await?;
        let name = Name::Link(tenant, incident, id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(())
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        page: PageRequest,
    ) -> Result<Page<Link>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListLinks).await?;
        let name = Name::Incident(tenant.clone(), incident);
        let query = name.to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        let about = incidents::find(read.conn(), &cipher, incident).await?;
        about.ok_or_else(no_such_incident)?;
        let limit = listing.limit();
        let (rows, cut) = store::list(read.conn(), &cipher, incident, &after, limit).await?;
        drop(read);
        let page = listing
            .page_of(rows, cut, |row| row.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit())
            .resource(name)
            .detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
            .await?;
        Ok(page)
    }
}

/// Adds a link to something that the incident is not linked to yet, and says so in its timeline;
/// whether there is room for it.
pub(in super::super) async fn add(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    link: &Link,
) -> Result<bool> {
    if store::count(tx.conn(), cipher, link.incident).await? >= MAX_LINKS {
        return Ok(false);
    }
    store::insert(tx, cipher, link).await?;
    let happened = Happened {
        actor: link.said.actor.clone(),
        reason: link.said.reason.clone(),
        what: What::Linked {
            link: link.id,
            resource: link.resource.clone(),
        },
    };
    incidents::note(tx, cipher, link.incident, link.created, &happened).await?;
    Ok(true)
}
