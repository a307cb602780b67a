//! Between messages and tasks.

use std::collections::BTreeSet;

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use cordon_sla::clock::Party as Side;
use cordon_sla::duties::Contact;
use uuid::Uuid;

use super::super::convert::{
    MAX_TEXT, MAX_TITLE, actor, all, finished, incident_name, line, needed, prose, word,
};
use super::contacts::{Contacts, Step};
use super::model::{Command, NewTask, Seen, State, of_agreement};
use super::service::Target;
use crate::rooms::fields::{Fields, wire_time};

/// Longest kind of a task, in characters: as the agreement's.
const MAX_KIND: usize = 100;

mod words {
    use cordon_proto::incidents as wire;
    use cordon_sla::clock::Party;
    use cordon_sla::duties::{Phase, Responsible};

    use super::State;
    use crate::rooms::words::pairs;

    pairs!(Responsible as wire::Responsible: Customer Provider Shared; responsible, responsible_from);
    pairs!(State as wire::task::State: Open Done Cancelled; state, state_from);

    pub(super) fn party(party: Party) -> i32 {
        let wire = match party {
            Party::Customer => wire::Party::Customer,
            Party::Provider => wire::Party::Provider,
        };
        wire.into()
    }

    pub(super) fn phase(phase: Phase) -> i32 {
        let wire = match phase {
            Phase::Preparation => wire::Phase::Preparation,
            Phase::Identification => wire::Phase::Identification,
            Phase::Containment => wire::Phase::Containment,
            Phase::Investigation => wire::Phase::Investigation,
            Phase::Eradication => wire::Phase::Eradication,
            Phase::Recovery => wire::Phase::Recovery,
            Phase::FollowUp => wire::Phase::FollowUp,
        };
        wire.into()
    }
}

/// The task that a request names.
pub(super) fn task_name(name: &str) -> Result<(TenantId, Uuid, Uuid)> {
    match Name::parse("name", name)? {
        Name::Task(tenant, incident, id) => Ok((tenant, incident, id)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/incidents/{incident}/tasks/{task}",
        )),
    }
}

fn target(name: &str, etag: String) -> Result<Target> {
    let (tenant, incident, id) = task_name(name)?;
    Ok(Target {
        tenant,
        incident,
        id,
        etag,
    })
}

pub(super) fn create(request: wire::CreateTaskRequest) -> Result<((TenantId, Uuid), NewTask)> {
    let mut fields = Fields::default();
    let body = request.task.unwrap_or_default();
    let parent = fields.named(incident_name("parent", &request.parent));
    let mut optional = |field: &str, text: &str, most: usize| match text.trim() {
        "" => Some(String::new()),
        text => line(&mut fields, field, text, most),
    };
    let kind = optional("task.kind", &body.kind, MAX_KIND);
    let title = optional("task.title", &body.title, MAX_TITLE);
    if body.kind.trim().is_empty() && body.title.trim().is_empty() {
        fields.wrong(
            "task.title",
            "say what is to be done, or of which kind it is",
        );
    }
    let field = "task.description";
    let description = prose(&mut fields, field, &body.description, MAX_TEXT);
    let responsible = match body.responsible {
        0 => Some(None),
        number => {
            let known = words::responsible_from(number);
            word(&mut fields, "task.responsible", known).map(Some)
        }
    };
    let new = match (kind, title, description, responsible) {
        (Some(kind), Some(title), Some(description), Some(responsible)) => Some(NewTask {
            kind,
            title,
            description,
            responsible,
        }),
        _ => None,
    };
    finished(fields, parent.zip(new))
}

pub(super) fn list(request: &wire::ListTasksRequest) -> Result<((TenantId, Uuid), Vec<State>)> {
    let mut fields = Fields::default();
    let parent = fields.named(incident_name("parent", &request.parent));
    let states = all(&mut fields, "states", &request.states, words::state_from);
    finished(fields, parent.map(|parent| (parent, states)))
}

pub(super) fn hand_over(request: wire::HandOverTaskRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let to = word(&mut fields, "to", words::responsible_from(request.to));
    let reason = needed(&mut fields, "reason", &request.reason);
    let command = to.zip(reason);
    let command = command.map(|(to, reason)| Command::HandOver { to, reason });
    finished(fields, target.zip(command))
}

pub(super) fn complete(request: wire::CompleteTaskRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let outcome = fields.reason("outcome", &request.outcome);
    let command = outcome.map(|outcome| Command::Complete { outcome });
    finished(fields, target.zip(command))
}

pub(super) fn cancel(request: wire::CancelTaskRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let reason = needed(&mut fields, "reason", &request.reason);
    let command = reason.map(|reason| Command::Cancel { reason });
    finished(fields, target.zip(command))
}

pub(super) fn reopen(request: wire::ReopenTaskRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let reason = needed(&mut fields, "reason", &request.reason);
    let command = reason.map(|reason| Command::Reopen { reason });
    finished(fields, target.zip(command))
}

/// The message that shows a task.
pub(super) fn task(seen: Disclosed<(TenantId, Seen)>) -> wire::Task {
    let (tenant, seen) = seen.into_wire();
    let responsible = seen.responsible();
    let pending_action = seen.pending().map(|pending| wire::PendingAction {
        responsible: words::responsible(pending.from),
        text: pending.text,
        since_time: Some(wire_time(pending.since)),
    });
    let (accountable, consulted, informed) = match seen.duty {
        None => (0, Vec::new(), Vec::new()),
        Some(duty) => (
            words::party(duty.accountable),
            parties(&duty.consulted),
            parties(&duty.informed),
        ),
    };
    let task = seen.task;
    let hand_overs = task.hand_overs.into_iter();
    let ended = task.ended;
    wire::Task {
        name: Name::Task(tenant, task.incident, task.id).to_string(),
        kind: task.kind,
        title: task.title,
        description: task.description,
        phase: task
            .phase
            .map_or(0, |phase| words::phase(of_agreement(phase))),
        state: words::state(task.state),
        responsible: words::responsible(responsible),
        accountable,
        consulted,
        informed,
        pending_action,
        hand_overs: hand_overs
            .map(|one| wire::HandOver {
                to: words::responsible(one.to),
                reason: one.reason,
                actor: Some(actor(one.by)),
                time: Some(wire_time(one.time)),
            })
            .collect(),
        created_by: Some(actor(task.created_by)),
        create_time: Some(wire_time(task.created)),
        update_time: Some(wire_time(task.updated)),
        end_time: ended.as_ref().map(|end| wire_time(end.time)),
        outcome: ended
            .as_ref()
            .map_or(String::new(), |end| end.outcome.clone()),
        ended_by: ended.map(|end| actor(end.by)),
        etag: task.etag,
    }
}

fn parties(parties: &BTreeSet<Side>) -> Vec<i32> {
    parties.iter().copied().map(words::party).collect()
}

/// A contact of an agreement as a message.
pub(crate) fn wire_contact(contact: Contact) -> wire::Contact {
    wire::Contact {
        id: contact.id,
        party: words::party(contact.party),
        name: contact.name,
        role: contact.role,
        mail: contact.mail,
        phone: contact.phone,
        hours: contact.hours,
    }
}

pub(super) fn contacts(found: Disclosed<(TenantId, Contacts)>) -> wire::ListContactsResponse {
    let (tenant, found) = found.into_wire();
    let as_of = found.as_of;
    let contacts = found.contacts.into_iter();
    let steps = found.steps.into_iter();
    let version = found.agreement;
    wire::ListContactsResponse {
        contacts: contacts
            .map(|(contact, from)| wire::DutyContact {
                contact: Some(wire_contact(contact)),
                on_duty: from == Some(as_of),
                next_time: from.filter(|from| *from != as_of).map(wire_time),
            })
            .collect(),
        escalation_steps: steps
            .map(|Step { contact, after, at }| wire::EscalationStep {
                contact: Some(wire_contact(contact)),
                after: Some(prost_types::Duration {
                    seconds: after.as_secs(),
                    nanos: after.subsec_nanos(),
                }),
                reached: at.is_some_and(|at| at <= as_of),
                time: at.map(wire_time),
            })
            .collect(),
        pending_since_time: found.since.map(wire_time),
        as_of_time: Some(wire_time(as_of)),
        agreement: version.map_or_else(String::new, |version| {
            Name::Agreement(tenant, u64::from(version)).to_string()
        }),
    }
}
