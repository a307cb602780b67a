//! Writing and listing staff's notes.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantId};
use uuid::Uuid;

use super::super::service::{actor, no_such_incident};
use super::store::{self, ProviderNote, Said};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::transport::Caller;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

impl Service {
    pub(super) async fn create(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        text: String,
    ) -> Result<Disclosed<ProviderNote>> {
        let action = Action::CreateProviderNote;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let cipher = self.kernel.staff_cipher(&scope).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        if !store::has_incident(tx.conn(), &tenant, incident).await? {
            return Err(no_such_incident());
        }
        let note = ProviderNote {
            id: env.uuid_v7(),
            created: env.now(),
            said: Said {
                subject: actor(caller).subject,
                text,
            },
            tenant,
            incident,
        };
        store::insert(&mut tx, &cipher, &note).await?;
        // As a detail: an entry about a tenant's resource would stand in that tenant's log.
        let name = Name::ProviderNote(note.tenant.clone(), incident, note.id);
        let entry = AuditEntry::new(&permit).detail("note", name);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, note))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        page: PageRequest,
    ) -> Result<Page<ProviderNote>> {
        let action = Action::ListProviderNotes;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let cipher = self.kernel.staff_cipher(&scope).await?;
        let access = Access::Provider(scope, permit);
        let name = Name::Incident(tenant.clone(), incident).to_string();
        let listing = Listing::new(&self.kernel, &access, &name, page);
        let after = listing.after().await?.unwrap_or_default();
        let mut read = access.read(&self.kernel).await?;
        if !store::has_incident(read.conn(), &tenant, incident).await? {
            return Err(no_such_incident());
        }
        let limit = listing.limit();
        let (rows, cut) =
            store::list(read.conn(), &cipher, &tenant, incident, &after, limit).await?;
        drop(read);
        let page = listing
            .page_of(rows, cut, |row| row.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit())
            .detail("incident", name)
            .detail("count", page.rows.get().len());
        match &access {
            Access::Provider(scope, _) => {
                self.kernel.db().audit_provider_read(scope, entry).await?;
            }
            Access::Tenant(..) => {
                return Err(Error::new(
                    Reason::Internal,
                    "staff's notes by a tenant's scope",
                ));
            }
        }
        Ok(page)
    }
}
