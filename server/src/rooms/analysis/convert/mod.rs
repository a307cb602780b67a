//! Between messages and analyses.

mod questions;

pub(super) use questions::indicator;

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::analysis::State as WireState;
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Analysis, DataKind, Message, New, Outcome, Party, State, human};
use super::store::Queued;
use crate::rooms::fields::wire_time;
use crate::rooms::words::pairs;

pairs!(State as WireState: Submitted Accepted Running Review Released Declined Cancelled Failed; wire_state, state_from);
pairs!(Party as cordon_proto::analysis::Party: Customer Provider; wire_party, party_from);
pairs!(DataKind as cordon_proto::analysis::DataKind: Events Incidents ProviderRecords; wire_data, data_from);

/// Longest purpose, in characters.
const LONGEST_PURPOSE: usize = 1_000;

/// `tenants/{tenant}/analyses/{analysis}`.
pub(super) fn analysis_name(name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse("name", name)? {
        Name::Analysis(tenant, analysis) => Ok((tenant, analysis)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/analyses/{analysis}",
        )),
    }
}

/// What is asked.
pub(super) fn new(
    tenant: &TenantId,
    analysis: Option<wire::Analysis>,
    now: Timestamp,
) -> Result<New> {
    let body = analysis.unwrap_or_default();
    let question = questions::asked(tenant, body.question)?;
    let scope = questions::scope(body.scope, now)?;
    let purpose = body.purpose.trim();
    if purpose.is_empty() || purpose.chars().count() > LONGEST_PURPOSE {
        return Err(Error::invalid(
            "analysis.purpose",
            "expected 1 to 1,000 characters that say what for",
        ));
    }
    let mut consent = body
        .consent
        .iter()
        .map(|kind| {
            data_from(*kind).ok_or_else(|| Error::invalid("analysis.consent", "is not known"))
        })
        .collect::<Result<Vec<_>>>()?;
    consent.sort_unstable();
    consent.dedup();
    if !human(&question) && !consent.contains(&DataKind::Events) {
        return Err(Error::invalid(
            "analysis.consent",
            "expected EVENTS: an answer of this kind is made of the tenant's events",
        ));
    }
    let incident = match body.incident.as_str() {
        "" => None,
        name => match Name::parse("analysis.incident", name)? {
            Name::Incident(of, _) if of == *tenant => Some(name.to_owned()),
            // Whether or not there is such an incident.
            Name::Incident(..) => return Err(Error::permission_denied()),
            _ => {
                return Err(Error::invalid(
                    "analysis.incident",
                    "expected tenants/{tenant}/incidents/{incident}",
                ));
            }
        },
    };
    Ok(New {
        question,
        scope,
        purpose: purpose.to_owned(),
        consent,
        incident,
    })
}

/// Words of a person's, at most 8,000 characters.
pub(super) fn words(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 8_000 {
        return Err(Error::invalid(field, "expected 1 to 8,000 characters"));
    }
    Ok(text.to_owned())
}

/// An analysis for whoever has read it; `staff` also see who of them did what.
pub(super) fn analysis(
    tenant: &TenantId,
    read: Disclosed<Analysis>,
    staff: bool,
) -> wire::Analysis {
    let read = read.into_wire();
    let name = |of: &Option<String>| match of {
        Some(who) if staff => who.clone(),
        Some(_) => "an analyst".to_owned(),
        None => String::new(),
    };
    // Until it is released an answer is the analysts'.
    let told = staff || read.state == State::Released;
    let outcome = read.outcome.as_ref().filter(|_| told);
    wire::Analysis {
        name: Name::Analysis(tenant.clone(), read.id).to_string(),
        question: Some(questions::wire_question(tenant, &read.question)),
        scope: Some(questions::wire_scope(&read.scope)),
        purpose: read.purpose.clone(),
        consent: read.consent.iter().map(|kind| wire_data(*kind)).collect(),
        incident: read.incident.clone().unwrap_or_default(),
        state: wire_state(read.state),
        pending_party: read.pending.map_or(0, wire_party),
        due_time: read.due.map(wire_time),
        failure: read.failure.as_ref().map(|failure| wire::AnalysisFailure {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
        }),
        progress: Some(wire::AnalysisProgress {
            scanned_events: i64::try_from(read.progress.scanned).unwrap_or(i64::MAX),
            round: i32::try_from(read.progress.round).unwrap_or(i32::MAX),
            claimed_by: name(&read.claimed_by),
        }),
        result: outcome.map(|outcome| result(&read, outcome, name(&read.released_by))),
        rerun_of: read.rerun_of.clone().unwrap_or_default(),
        messages: read
            .messages
            .iter()
            .map(|said| message(said, staff))
            .collect(),
        create_time: Some(wire_time(read.created)),
        update_time: Some(wire_time(read.updated)),
        etag: read.etag.clone(),
        created_by: read.by.clone(),
        review_note: match staff {
            true => read.returned.clone().unwrap_or_default(),
            false => String::new(),
        },
    }
}

fn message(said: &Message, staff: bool) -> wire::AnalysisMessage {
    wire::AnalysisMessage {
        party: wire_party(said.party),
        author: match (said.party, staff) {
            (Party::Provider, false) => "an analyst".to_owned(),
            _ => said.author.clone(),
        },
        text: said.text.clone(),
        time: Some(wire_time(said.time)),
    }
}

fn result(of: &Analysis, outcome: &Outcome, released_by: String) -> wire::AnalysisResult {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    wire::AnalysisResult {
        method: outcome.method.clone(),
        plan_version: i32::try_from(outcome.plan_version).unwrap_or(i32::MAX),
        sha256: outcome.sha256.clone(),
        size_bytes: count(outcome.size),
        head_sequence: count(outcome.head),
        scanned_events: count(outcome.scanned),
        tables: outcome
            .tables
            .iter()
            .map(|table| wire::AnalysisTable {
                name: table.name.clone(),
                title: table.title.clone(),
                row_count: count(table.rows),
                left_out_count: count(table.left_out),
            })
            .collect(),
        has_graph: outcome.graph,
        has_timeline: outcome.timeline,
        released_by,
        release_time: of.released.map(wire_time),
        identical: outcome.identical,
        expired: of.expired,
    }
}

/// A question in the queue.
pub(super) fn queued(row: Disclosed<Queued>) -> wire::QueuedAnalysis {
    let row = row.into_wire();
    wire::QueuedAnalysis {
        name: Name::Analysis(row.tenant.clone(), row.id).to_string(),
        state: wire_state(row.state),
        pending_party: row.pending.map_or(0, wire_party),
        due_time: row.due.map(wire_time),
        create_time: Some(wire_time(row.created)),
    }
}
