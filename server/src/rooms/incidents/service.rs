//! Opening incidents, changing them, and speaking about them.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Env, Error, Name, Reason, Result, TenantId};
use uuid::Uuid;

use super::model::{
    self, Actor, Change, Command, Comment, Incident, NewIncident, Party, State, What,
};
use super::{store, tasks};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// The room's service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

/// Which incident is meant, and what it must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    /// Empty for anything.
    pub(super) etag: String,
}

impl Service {
    pub(super) async fn create_incident(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: NewIncident,
        request: RequestId,
    ) -> Result<Disclosed<Incident>> {
        let action = Action::CreateIncident;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let by = actor(caller);
        if new.exercise && by.party == Party::Provider {
            return Err(Error::new(
                Reason::PermissionDenied,
                "a drill counts in no service level: the tenant's own people open it",
            ));
        }
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let now = env.now();
        if let Some(answer) = request.answered::<Incident>(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::Incident(tenant, answer.id);
            let entry = AuditEntry::new(&permit)
                .resource(name)
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        let number = store::next_number(&mut tx).await?;
        let change = model::create(new, &by, env.uuid_v7(), number, etag(env), now);
        store::apply(&mut tx, &cipher, &change).await?;
        let incident = change.incident().clone();
        tasks::begin_phase(&mut tx, &cipher, &incident, &by, env).await?;
        request.keep(&mut tx, &cipher, &incident, now).await?;
        tx.require_keys(&cipher).await?;
        tx.commit(said(AuditEntry::new(&permit), &tenant, &change))
            .await?;
        Ok(Disclosed::own(&scope, incident))
    }

    /// Does what `command` says, under the permit for `action`.
    pub(super) async fn change_incident(
        &self,
        caller: &Caller,
        action: Action,
        target: Target,
        command: Command,
        request: RequestId,
    ) -> Result<Disclosed<Incident>> {
        let Target { tenant, id, .. } = &target;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let by = actor(caller);
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let now = env.now();
        if let Some(answer) = request.answered(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::Incident(tenant.clone(), *id);
            let entry = AuditEntry::new(&permit)
                .resource(name)
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        let before = store::find(tx.conn(), &cipher, *id).await?;
        let before = before.ok_or_else(no_such_incident)?;
        if !target.etag.is_empty() && target.etag != before.etag {
            return Err(Error::new(
                Reason::EtagMismatch,
                "the incident was changed meanwhile: read it again",
            ));
        }
        // Another server's clock may be ahead: what happened later has a later time.
        let now = now.max(before.updated);
        let change = model::decide(&before, command, &by, etag(env), now)?;
        let incident = change.incident().clone();
        // Also what changes nothing is answered only once, and shows an incident.
        store::apply(&mut tx, &cipher, &change).await?;
        if incident.phase != before.phase {
            tasks::begin_phase(&mut tx, &cipher, &incident, &by, env).await?;
        }
        request.keep(&mut tx, &cipher, &incident, now).await?;
        tx.require_keys(&cipher).await?;
        tx.commit(said(AuditEntry::new(&permit), tenant, &change))
            .await?;
        Ok(Disclosed::own(&scope, incident))
    }

    pub(super) async fn create_comment(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        text: String,
        request: RequestId,
    ) -> Result<Disclosed<(TenantId, Comment)>> {
        let action = Action::CreateComment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = env.now();
        if let Some(answer) = request.answered::<Comment>(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::Comment(tenant.clone(), answer.incident, answer.id);
            let entry = AuditEntry::new(&permit)
                .resource(name)
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, (tenant, answer)));
        }
        let about = store::find(tx.conn(), &cipher, incident).await?;
        let now = now.max(about.ok_or_else(no_such_incident)?.updated);
        let (by, credential) = (actor(caller), credential(caller));
        let change = model::create_comment(incident, text, &by, credential, env.uuid_v7(), now);
        store::apply_comment(&mut tx, &cipher, &change).await?;
        let comment = change.comment().clone();
        request.keep(&mut tx, &cipher, &comment, now).await?;
        tx.require_keys(&cipher).await?;
        let name = Name::Comment(tenant.clone(), incident, comment.id);
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, (tenant, comment)))
    }

    pub(super) async fn update_comment(
        &self,
        caller: &Caller,
        (tenant, incident, id): (TenantId, Uuid, Uuid),
        text: String,
        request: RequestId,
    ) -> Result<Disclosed<(TenantId, Comment)>> {
        let action = Action::UpdateComment;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let name = Name::Comment(tenant.clone(), incident, id);
        if let Some(answer) = request.answered(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit)
                .resource(name)
                .detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, (tenant, answer)));
        }
        let about = store::find(tx.conn(), &cipher, incident).await?;
        let now = now.max(about.ok_or_else(no_such_incident)?.updated);
        let before = store::find_comment(tx.conn(), &cipher, incident, id).await?;
        let before = before.ok_or_else(|| Error::new(Reason::NotFound, "no such comment"))?;
        let by = actor(caller);
        let change = model::update_comment(before, text, &by, &credential(caller), now)?;
        let comment = change.comment().clone();
        store::apply_comment(&mut tx, &cipher, &change).await?;
        request.keep(&mut tx, &cipher, &comment, now).await?;
        tx.require_keys(&cipher).await?;
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(Disclosed::own(&scope, (tenant, comment)))
    }
}

pub(super) fn actor(caller: &Caller) -> Actor {
    let principal = caller.credential().principal();
    Actor {
        subject: principal.subject().to_owned(),
        party: match principal.is_provider() {
            true => Party::Provider,
            false => Party::Customer,
        },
    }
}

pub(super) fn credential(caller: &Caller) -> String {
    caller.credential().principal().credential().to_string()
}

pub(super) fn etag(env: &Env) -> String {
    hex::encode(env.bytes::<16>())
}

pub(super) fn no_such_incident() -> Error {
    Error::new(Reason::NotFound, "no such incident")
}

/// The entry about a change: where the incident stands, and nothing of what people wrote.
pub(super) fn said(entry: AuditEntry, tenant: &TenantId, change: &Change) -> AuditEntry {
    let incident = change.incident();
    let entry = entry
        .resource(Name::Incident(tenant.clone(), incident.id))
        .detail("number", incident.number)
        .detail("severity", incident.severity.as_str())
        .detail("phase", incident.phase.as_str());
    let entry = match incident.state {
        State::Open => entry,
        State::Closed => entry.detail("state", incident.state.as_str()),
    };
    match change.happened().map(|happened| &happened.what) {
        Some(What::Updated { fields }) => entry.detail("fields", fields.join(", ")),
        Some(What::HandedOver { to }) => entry.detail("to", to.as_str()),
        Some(What::SignedOff { party, .. }) => entry.detail("party", party.as_str()),
        Some(_) => entry,
        None => entry.detail("changed", "nothing"),
    }
}
