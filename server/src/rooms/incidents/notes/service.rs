//! Writing and listing notes.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{
    Action, Disclosed, Error, Home, Name, Permit, Reason, Result, TenantId, TenantScope,
};
use uuid::Uuid;

use super::super::read::scope;
use super::super::service::{actor, credential, no_such_incident};
use super::super::store as incidents;
use super::convert::Sent;
use super::model::{self, Body, Note};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
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
        sent: Sent,
        request: RequestId,
    ) -> Result<Disclosed<Note>> {
        let action = Action::CreateNote;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = env.now();
        if let Some(answer) = request.answered::<Note>(&mut tx, &cipher, now).await? {
            drop(tx);
            return self.again(&scope, &permit, answer).await;
        }
        let about = incidents::find(tx.conn(), &cipher, incident).await?;
        about.ok_or_else(no_such_incident)?;
        let there = store::all_keys(tx.conn(), &cipher).await?;
        model::addressed(&there, &sent.keys)?;
        let note = Note {
            id: env.uuid_v7(),
            incident,
            created: now,
            body: Body {
                author: actor(caller),
                credential: credential(caller),
                ciphertext: sent.ciphertext,
                keys: names(&tenant, &sent.keys),
                updated: now,
            },
        };
        // Neither the incident nor its timeline says anything: staff read those.
        store::put(&mut tx, &cipher, &note).await?;
        request.keep(&mut tx, &cipher, &note, now).await?;
        tx.require_keys(&cipher).await?;
        let name = Name::Note(tenant, incident, note.id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, note))
    }

    pub(super) async fn update(
        &self,
        caller: &Caller,
        (tenant, incident, id): (TenantId, Uuid, Uuid),
        sent: Sent,
        request: RequestId,
    ) -> Result<Disclosed<Note>> {
        let action = Action::UpdateNote;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        if let Some(answer) = request.answered::<Note>(&mut tx, &cipher, now).await? {
            drop(tx);
            return self.again(&scope, &permit, answer).await;
        }
        let before = store::find(tx.conn(), &cipher, incident, id).await?;
        let before = before.ok_or_else(|| Error::new(Reason::NotFound, "no such note"))?;
        let there = store::all_keys(tx.conn(), &cipher).await?;
        model::addressed(&there, &sent.keys)?;
        let keys = names(&tenant, &sent.keys);
        let note = model::replace(before, &credential(caller), sent.ciphertext, keys, now)?;
        store::put(&mut tx, &cipher, &note).await?;
        request.keep(&mut tx, &cipher, &note, now).await?;
        tx.require_keys(&cipher).await?;
        let name = Name::Note(tenant, incident, id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, note))
    }

    /// Answers a call that was made before as it was then.
    async fn again(
        &self,
        scope: &TenantScope,
        permit: &Permit,
        answer: Note,
    ) -> Result<Disclosed<Note>> {
        let name = Name::Note(scope.tenant().clone(), answer.incident, answer.id);
        let entry = AuditEntry::new(permit)
            .resource(name)
            .detail("again", "yes");
        self.kernel.db().audit_read(scope, entry).await?;
        Ok(Disclosed::own(scope, answer))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        page: PageRequest,
    ) -> Result<Page<Note>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListNotes).await?;
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

fn names(tenant: &TenantId, keys: &[Uuid]) -> Vec<String> {
    keys.iter()
        .map(|id| Name::NoteKey(tenant.clone(), *id).to_string())
        .collect()
}
