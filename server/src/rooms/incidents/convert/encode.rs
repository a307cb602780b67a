//! Disclosed incidents, comments and entries as messages.

use cordon_kernel::{Disclosed, Name, TenantId};
use cordon_proto::incidents as wire;
use cordon_sla::clock::{ClockId, Subject};
use uuid::Uuid;
use wire::timeline_entry::{self as kinds, What as WireWhat};

use super::super::model::{Actor, Comment, Criterion, Incident, Origin, SignOff, What};
use super::super::store::{Entry, Queued};
use super::facts::reporting_fact;
use super::words;
use crate::rooms::fields::wire_time;

pub(in super::super) fn incident(
    tenant: &TenantId,
    incident: Disclosed<Incident>,
) -> wire::Incident {
    let incident = incident.into_wire();
    let pending_action = incident.pending_action();
    wire::Incident {
        name: Name::Incident(tenant.clone(), incident.id).to_string(),
        number: incident.number,
        title: incident.words.title,
        description: incident.words.description,
        severity: words::severity(incident.severity),
        phase: words::phase(incident.phase),
        state: words::state(incident.state),
        tlp: words::tlp(incident.tlp),
        pending_party: words::pending(incident.pending),
        clean_state_criteria: incident.words.criteria.into_iter().map(criterion).collect(),
        opened_by: Some(actor(incident.words.opened_by)),
        create_time: Some(wire_time(incident.created)),
        update_time: Some(wire_time(incident.updated)),
        acknowledge_time: incident.acknowledged.map(wire_time),
        close_time: incident.closed.map(wire_time),
        close_code: incident.code.map_or(0, words::code),
        etag: incident.etag,
        pending_action,
        exercise: incident.exercise,
        provider_wide: incident.words.provider_wide,
        origin: incident.words.origin.map(origin),
    }
}

fn origin(origin: Origin) -> wire::Origin {
    wire::Origin {
        external_id: origin.external_id,
        author: origin.author,
        create_time: origin.created.map(wire_time),
        acknowledge_time: origin.acknowledged.map(wire_time),
        update_time: origin.updated.map(wire_time),
        close_time: origin.closed.map(wire_time),
    }
}

fn criterion(criterion: Criterion) -> wire::CleanStateCriterion {
    let sign_off = |signed: SignOff| wire::SignOff {
        subject: signed.subject,
        time: Some(wire_time(signed.time)),
    };
    wire::CleanStateCriterion {
        text: criterion.text,
        customer: criterion.customer.map(sign_off),
        provider: criterion.provider.map(sign_off),
    }
}

pub(in super::super) fn actor(actor: Actor) -> wire::Actor {
    wire::Actor {
        subject: actor.subject,
        party: words::party(actor.party),
    }
}

pub(in super::super) fn comment(comment: Disclosed<(TenantId, Comment)>) -> wire::Comment {
    let (tenant, comment) = comment.into_wire();
    let revisions = comment.revisions.into_iter();
    wire::Comment {
        name: Name::Comment(tenant, comment.incident, comment.id).to_string(),
        text: comment.text,
        author: Some(actor(comment.author)),
        create_time: Some(wire_time(comment.created)),
        update_time: Some(wire_time(comment.updated)),
        revisions: revisions
            .map(|revision| wire::comment::Revision {
                text: revision.text,
                create_time: Some(wire_time(revision.created)),
            })
            .collect(),
        common: comment.common,
        origin: comment.origin.map(origin),
    }
}

pub(in super::super) fn entry(tenant: &TenantId, entry: Disclosed<Entry>) -> wire::TimelineEntry {
    let entry = entry.into_wire();
    let sequence = u64::try_from(entry.seq).unwrap_or(0);
    let comment = |id| Name::Comment(tenant.clone(), entry.incident, id).to_string();
    let task = |id| Name::Task(tenant.clone(), entry.incident, id).to_string();
    let analysis = |id| Name::Analysis(tenant.clone(), id).to_string();
    let places = |places: Vec<usize>| {
        let place = |place| i32::try_from(place).unwrap_or(i32::MAX);
        places.into_iter().map(place).collect()
    };
    let what = match entry.happened.what {
        What::Opened { severity, phase } => WireWhat::Opened(kinds::Opened {
            severity: words::severity(severity),
            phase: words::phase(phase),
        }),
        What::Updated { fields } => WireWhat::Updated(kinds::Updated { fields }),
        What::Acknowledged => WireWhat::Acknowledged(kinds::Acknowledged {}),
        What::Moved { from, to } => WireWhat::Moved(kinds::Moved {
            from: words::phase(from),
            to: words::phase(to),
        }),
        What::Reclassified { from, to } => WireWhat::Reclassified(kinds::Reclassified {
            from: words::severity(from),
            to: words::severity(to),
        }),
        What::HandedOver { to } => WireWhat::HandedOver(kinds::HandedOver {
            to: words::party(to),
        }),
        What::CriteriaSet { count } => WireWhat::CriteriaSet(kinds::CriteriaSet {
            count: i32::try_from(count).unwrap_or(i32::MAX),
        }),
        What::SignedOff {
            party,
            criteria,
            complete,
        } => WireWhat::SignedOff(kinds::SignedOff {
            party: words::party(party),
            criteria: places(criteria),
            complete,
        }),
        What::Closed { code } => WireWhat::Closed(kinds::Closed {
            code: words::code(code),
        }),
        What::Reopened => WireWhat::Reopened(kinds::Reopened {}),
        What::Commented { comment: id } => WireWhat::Commented(kinds::Commented {
            comment: comment(id),
        }),
        What::CommentUpdated { comment: id } => WireWhat::CommentUpdated(kinds::CommentUpdated {
            comment: comment(id),
        }),
        What::ClockWarned {
            clock,
            percent,
            due,
        } => WireWhat::ClockWarned(kinds::ClockWarned {
            clock: Some(clock_ref(tenant, entry.incident, clock)),
            percent: percent.into(),
            due_time: due.map(wire_time),
        }),
        What::ClockBreached { clock, due } => WireWhat::ClockBreached(kinds::ClockBreached {
            clock: Some(clock_ref(tenant, entry.incident, clock)),
            due_time: due.map(wire_time),
        }),
        What::ReportingFact { fact } => WireWhat::ReportingFact(reporting_fact(fact)),
        What::TaskAdded { task: id, title } => WireWhat::TaskAdded(kinds::TaskAdded {
            task: task(id),
            title,
        }),
        What::TaskHandedOver {
            task: id,
            title,
            to,
        } => WireWhat::TaskHandedOver(kinds::TaskHandedOver {
            task: task(id),
            title,
            to_customer: to.includes(cordon_sla::clock::Party::Customer),
            to_provider: to.includes(cordon_sla::clock::Party::Provider),
        }),
        What::TaskDone { task: id, title } => WireWhat::TaskDone(kinds::TaskDone {
            task: task(id),
            title,
        }),
        What::TaskCancelled { task: id, title } => WireWhat::TaskCancelled(kinds::TaskCancelled {
            task: task(id),
            title,
        }),
        What::TaskReopened { task: id, title } => WireWhat::TaskReopened(kinds::TaskReopened {
            task: task(id),
            title,
        }),
        What::Imported {
            severity,
            phase,
            state,
            code,
            comments,
            origin: from,
        } => WireWhat::Imported(kinds::Imported {
            severity: words::severity(severity),
            phase: words::phase(phase),
            state: words::state(state),
            close_code: code.map_or(0, words::code),
            comments: i32::try_from(comments).unwrap_or(i32::MAX),
            origin: Some(origin(from)),
        }),
        What::Attached {
            attachment,
            file_name,
            size,
            sha256,
        } => WireWhat::Attached(kinds::Attached {
            attachment: Name::Attachment(tenant.clone(), entry.incident, attachment).to_string(),
            file_name,
            size_bytes: size,
            sha256,
        }),
        What::Linked { link, resource } => WireWhat::Linked(kinds::Linked {
            link: Name::Link(tenant.clone(), entry.incident, link).to_string(),
            resource,
        }),
        What::Unlinked { link, resource } => WireWhat::Unlinked(kinds::Unlinked {
            link: Name::Link(tenant.clone(), entry.incident, link).to_string(),
            resource,
        }),
        What::AnalysisRequested {
            analysis: id,
            question,
        } => WireWhat::AnalysisRequested(kinds::AnalysisRequested {
            analysis: analysis(id),
            question,
        }),
        What::AnalysisHandedOver { analysis: id, to } => {
            WireWhat::AnalysisHandedOver(kinds::AnalysisHandedOver {
                analysis: analysis(id),
                to: words::party(to),
            })
        }
        What::AnalysisAnswered { analysis: id } => {
            WireWhat::AnalysisAnswered(kinds::AnalysisAnswered {
                analysis: analysis(id),
            })
        }
        What::AnalysisCalledOff { analysis: id, why } => {
            WireWhat::AnalysisCalledOff(kinds::AnalysisCalledOff {
                analysis: analysis(id),
                why: words::called_off(why),
            })
        }
    };
    wire::TimelineEntry {
        name: Name::TimelineEntry(tenant.clone(), entry.incident, sequence).to_string(),
        sequence: entry.seq,
        time: Some(wire_time(entry.time)),
        actor: Some(actor(entry.happened.actor)),
        reason: entry.happened.reason,
        what: Some(what),
        exercise: entry.exercise,
    }
}

fn clock_ref(tenant: &TenantId, incident: Uuid, clock: ClockId) -> kinds::ClockRef {
    let (request, interval) = match clock.subject {
        None => (String::new(), 0),
        Some(Subject::Request(id)) => (id, 0),
        Some(Subject::Interval(n)) => (String::new(), i32::try_from(n).unwrap_or(i32::MAX)),
    };
    kinds::ClockRef {
        objective: words::objective(clock.kind),
        request,
        interval,
        started_by: Name::TimelineEntry(tenant.clone(), incident, clock.started).to_string(),
    }
}

pub(in super::super) fn queued(queued: Disclosed<Queued>) -> wire::QueuedIncident {
    let queued = queued.into_wire();
    wire::QueuedIncident {
        name: Name::Incident(queued.tenant, queued.id).to_string(),
        number: queued.number,
        severity: words::severity(queued.severity),
        phase: words::phase(queued.phase),
        state: words::state(queued.state),
        pending_party: words::pending(queued.pending),
        create_time: Some(wire_time(queued.created)),
        update_time: Some(wire_time(queued.updated)),
        acknowledge_time: queued.acknowledged.map(wire_time),
        due_time: queued.due.map(|(time, _)| wire_time(time)),
        due_objective: queued.due.map_or(0, |(_, kind)| words::objective(kind)),
        breaches: queued.breaches,
        exercise: queued.exercise,
    }
}
