//! Doing in each tenant what the provider has done about an incident of its own.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Entry, Error, Name, Permit, ProviderScope, Reason, Result, TenantId};
use uuid::Uuid;

use super::super::model::{self, Actor, Command, Incident, NewIncident, Party};
use super::super::service::{Service, credential, etag, no_such_incident, said};
use super::super::{store as incidents, tasks};
use super::model::{Act, Child, Kept, Whole, closes};
use super::store;
use crate::transport::Caller;

impl Service {
    /// Does in every tenant what is not yet done there. A tenant that can't be entered now is left
    /// for later; anything else that fails ends this, and what was done stays done.
    ///
    /// # Errors
    /// As [`Gate::enter`](cordon_kernel::auth::gate::Gate::enter), but for what it says of a tenant.
    pub(super) async fn deliver(
        &self,
        caller: &Caller,
        entry: &Entry,
        (scope, permit): (&ProviderScope, &Permit),
        whole: &Whole,
    ) -> Result<()> {
        let head = whole.head();
        let env = self.kernel.env();
        let left = whole.children.iter().filter(|child| child.done < head);
        // In an order that is another one each time: who is first tells nothing.
        let mut left: Vec<([u8; 8], &Child)> = left.map(|child| (env.bytes(), child)).collect();
        left.sort_by_key(|(place, _)| *place);
        let (mut done, mut failed) = (Vec::new(), None);
        for (_, child) in left {
            let tenant = &child.tenant;
            match self.deliver_to(caller, entry, child, whole).await {
                Ok(incident) => done.push((tenant.clone(), incident, head)),
                Err(error)
                    if matches!(error.reason(), Reason::TenantSuspended | Reason::NotFound) =>
                {
                    tracing::info!(%tenant, %error, "left for later");
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if !done.is_empty() {
            let mut tx = self.kernel.db().provider_tx(scope, permit).await?;
            for one in &done {
                store::note_done(tx.conn(), whole.incident.id, one).await?;
            }
            let entry = AuditEntry::new(permit)
                .resource(Name::ProviderIncident(whole.incident.id))
                .detail("done_in", done.len());
            tx.commit(entry).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// The same in one tenant, act by act; its incident. What was seen to be done is passed over, so
    /// that nobody enters for nothing.
    async fn deliver_to(
        &self,
        caller: &Caller,
        entry: &Entry,
        child: &Child,
        whole: &Whole,
    ) -> Result<Uuid> {
        let (tenant, id) = (&child.tenant, whole.incident.id);
        let mut incident = child.incident;
        for kept in whole.acts.iter().filter(|kept| kept.number > child.done) {
            let delivered = self.deliver_act(caller, entry, tenant, id, kept);
            incident = Some(delivered.await?);
        }
        incident.ok_or_else(|| Error::internal("an incident of the provider's without an act"))
    }

    /// Does an act in a tenant, once: what is done there is noted with it. Staff enter for what the
    /// tenant sees of it, so that its log is as if it were alone.
    pub(super) async fn deliver_act(
        &self,
        caller: &Caller,
        entry: &Entry,
        tenant: &TenantId,
        id: Uuid,
        kept: &Kept,
    ) -> Result<Uuid> {
        let action = match kept.act {
            Act::Opened(_) => Action::CreateIncident,
            Act::Noticed { .. } => Action::CreateComment,
            Act::Closed { .. } => Action::CloseIncident,
        };
        let gate = self.kernel.gate();
        let (scope, permit) = gate
            .enter(caller.credential(), tenant, entry.clone(), action)
            .await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let by = Actor {
            subject: kept.by.clone(),
            party: Party::Provider,
        };
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = env.now();
        let origin = store::origin(&mut tx, id).await?;
        if let Some((incident, done)) = origin
            && done >= kept.number
        {
            return Ok(incident);
        }
        let log = AuditEntry::new(&permit);
        let (incident, log) = match (&kept.act, origin) {
            (Act::Opened(opening), None) => {
                let new = NewIncident {
                    title: opening.title.clone(),
                    description: opening.description.clone(),
                    severity: opening.severity,
                    tlp: opening.tlp,
                    exercise: false,
                    provider_wide: true,
                };
                let number = incidents::next_number(&mut tx).await?;
                let change = model::create(new, &by, env.uuid_v7(), number, etag(env), now);
                incidents::apply(&mut tx, &cipher, &change).await?;
                tasks::begin_phase(&mut tx, &cipher, change.incident(), &by, env).await?;
                (change.incident().id, said(log, tenant, &change))
            }
            (Act::Noticed { text } | Act::Closed { reason: text, .. }, Some((incident, _))) => {
                let about = incidents::find(tx.conn(), &cipher, incident).await?;
                let about: Incident = about.ok_or_else(no_such_incident)?;
                let now = now.max(about.updated);
                let who = credential(caller);
                let last = incidents::last_comment(tx.conn(), tenant, incident).await?;
                let next = after(env.uuid_v7(), last);
                let notice = model::create_notice(incident, text.clone(), &by, who, next, now);
                incidents::apply_comment(&mut tx, &cipher, &notice).await?;
                let log = match &kept.act {
                    Act::Closed { code, reason } if closes(&about, *code) => {
                        let close = Command::Close {
                            code: *code,
                            reason: reason.clone(),
                        };
                        let change = model::decide(&about, close, &by, etag(env), now)?;
                        incidents::apply(&mut tx, &cipher, &change).await?;
                        said(log, tenant, &change)
                    }
                    Act::Closed { .. } => log
                        .resource(Name::Incident(tenant.clone(), incident))
                        .detail("changed", "nothing"),
                    _ => log.resource(Name::Comment(tenant.clone(), incident, notice.comment().id)),
                };
                (incident, log)
            }
            _ => {
                return Err(Error::internal(
                    "acts of a provider's incident out of order",
                ));
            }
        };
        store::note_origin(&mut tx, id, incident, kept.number).await?;
        tx.require_keys(&cipher).await?;
        tx.commit(log).await?;
        Ok(incident)
    }
}

/// The id, or one right after the last: comments stand by their ids, and those of one moment would be
/// in any order.
fn after(id: Uuid, last: Option<Uuid>) -> Uuid {
    match last {
        Some(last) if last >= id => Uuid::from_u128(last.as_u128().saturating_add(1)),
        _ => id,
    }
}
