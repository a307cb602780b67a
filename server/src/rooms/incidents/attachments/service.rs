//! Announcing files, and what is to be seen of them.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Name, Permit, Result, TenantId, TenantScope};
use cordon_lake::object::Objects;
use cordon_proto::incidents as wire;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::super::read::scope;
use super::super::records::{Room, STEP};
use super::super::service::{actor, credential, no_such_incident};
use super::super::store as incidents;
use super::convert::{self, Which};
use super::model::{self, Announced, Attachment, Facts, State};
use super::store;
use crate::config::Attachments;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Shares};

/// Streams of bytes of one tenant at a time, in either direction: each holds a part in memory.
const STREAMS: usize = 8;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) objects: Objects,
    limits: Attachments,
    pub(super) streams: Arc<Shares<TenantId>>,
}

impl Service {
    pub(super) fn new(kernel: Arc<Kernel>, objects: Objects, limits: Attachments) -> Self {
        Self {
            kernel,
            objects,
            limits,
            streams: Shares::new(STREAMS),
        }
    }

    pub(super) async fn create(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        new: Announced,
        request: RequestId,
    ) -> Result<Disclosed<Attachment>> {
        let action = Action::CreateAttachment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let now = env.now();
        if let Some(answer) = request
            .answered::<Attachment>(&mut tx, &cipher, now)
            .await?
        {
            drop(tx);
            return self.again(&scope, &permit, answer).await;
        }
        let about = incidents::find(tx.conn(), &cipher, incident).await?;
        about.ok_or_else(no_such_incident)?;
        let usage = store::usage(tx.conn(), &tenant, incident).await?;
        model::admit(new.size, usage, &self.limits)?;
        let attachment = Attachment {
            id: env.uuid_v7(),
            incident,
            state: State::Uploading,
            size: new.size,
            committed: 0,
            created: now,
            updated: now,
            facts: Facts {
                file_name: new.file_name,
                media_type: new.media_type,
                sha256: new.sha256,
                actor: actor(caller),
                credential: credential(caller),
            },
        };
        store::insert(&mut tx, &cipher, &attachment, &cipher.new_content_key()).await?;
        request.keep(&mut tx, &cipher, &attachment, now).await?;
        tx.require_keys(&cipher).await?;
        let name = Name::Attachment(tenant, incident, attachment.id);
        let entry = AuditEntry::new(&permit)
            .resource(name)
            .detail("bytes", attachment.size);
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, attachment))
    }

    /// Answers a call that was made before as it was then.
    pub(super) async fn again(
        &self,
        scope: &TenantScope,
        permit: &Permit,
        answer: Attachment,
    ) -> Result<Disclosed<Attachment>> {
        let name = Name::Attachment(scope.tenant().clone(), answer.incident, answer.id);
        let entry = AuditEntry::new(permit)
            .resource(name)
            .detail("again", "yes");
        self.kernel.db().audit_read(scope, entry).await?;
        Ok(Disclosed::own(scope, answer))
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, incident, id): Which,
    ) -> Result<Disclosed<Attachment>> {
        let action = Action::GetAttachment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, incident, id).await?;
        drop(read);
        let (found, _) = found.ok_or_else(model::no_such)?;
        model::visible(&found, &credential(caller))?;
        let name = Name::Attachment(tenant, incident, id);
        let entry = AuditEntry::new(&permit).resource(name);
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, found))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        page: PageRequest,
    ) -> Result<Page<Attachment>> {
        let action = Action::ListAttachments;
        let access = Access::within(&self.kernel, caller, &tenant, action).await?;
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
        let home = cordon_kernel::Home::Tenant(tenant);
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }
}

/// All of an incident's files as messages.
pub(in super::super) async fn recorded(
    scope: &TenantScope,
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    room: &mut Room,
) -> Result<Vec<wire::Attachment>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let (rows, _) = store::list(conn, cipher, incident, &after, STEP).await?;
        let Some(last) = rows.last() else {
            return Ok(all);
        };
        after = last.id.hyphenated().to_string();
        let rows = rows.into_iter().map(|row| Disclosed::own(scope, row));
        let shown = rows.map(|row| convert::attachment(scope.tenant(), row));
        room.take(shown.collect(), &mut all)?;
    }
}
