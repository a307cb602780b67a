//! Incidents from elsewhere as messages. Each is judged alone: one that can't be taken keeps none
//! of the others out.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use jiff::Timestamp;
use prost::Message as _;
use wire::import_result::{Outcome as WireOutcome, Violation};

use super::super::convert::{
    MAX_CRITERIA, MAX_CRITERION, MAX_TEXT, MAX_TITLE, code_from, finished, incident_name, line,
    marking, phase_from, prose, severity_from, state_from, word,
};
use super::super::model::{CloseCode, Foreign, ForeignComment, Origin, Phase, State};
use super::service::{Arrival, Outcome, Told};
use crate::rooms::fields::Fields;

/// Most incidents of a call.
const MAX_INCIDENTS: usize = 100;
/// Most comments of an incident.
const MAX_COMMENTS: usize = 200;
/// Longest id of elsewhere, and longest name of a person, in characters.
const MAX_ID: usize = 500;
const MAX_PERSON: usize = 200;

/// What a call brings, and to whom.
pub(super) fn import(request: wire::ImportIncidentsRequest) -> Result<(TenantId, Vec<Arrival>)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    if request.incidents.is_empty() || request.incidents.len() > MAX_INCIDENTS {
        let rule = format!("expected 1 to {MAX_INCIDENTS} incidents");
        fields.wrong("incidents", rule);
    }
    let tenant = finished(fields, tenant)?;
    let arrivals = request.incidents.into_iter().map(|incident| Arrival {
        // Whatever it is, it is answered for by this.
        external_id: incident.external_id.chars().take(MAX_ID).collect(),
        foreign: foreign(incident).map(Box::new),
    });
    Ok((tenant, arrivals.collect()))
}

fn foreign(incident: wire::ForeignIncident) -> Result<Foreign> {
    let mut fields = Fields::default();
    let digest = blake3::hash(&incident.encode_to_vec()).to_hex().to_string();
    let external_id = line(&mut fields, "external_id", &incident.external_id, MAX_ID);
    let title = line(&mut fields, "title", &incident.title, MAX_TITLE);
    let description = prose(&mut fields, "description", &incident.description, MAX_TEXT);
    let severity = word(&mut fields, "severity", severity_from(incident.severity));
    let tlp = marking(&mut fields, "tlp", incident.tlp);
    let code = closed_as(&mut fields, incident.state, incident.close_code);
    let phase = match (incident.phase, code) {
        (0, Some(Some(CloseCode::Resolved))) => Some(Phase::FollowUp),
        (0, _) => Some(Phase::Identification),
        (number, _) => word(&mut fields, "phase", phase_from(number)),
    };
    if code == Some(Some(CloseCode::Resolved)) && phase.is_some_and(|at| at != Phase::FollowUp) {
        fields.wrong("phase", "only what has come to the follow-up is resolved");
    }
    if incident.clean_state_criteria.len() > MAX_CRITERIA {
        let rule = format!("expected at most {MAX_CRITERIA} criteria");
        fields.wrong("clean_state_criteria", rule);
    }
    let mut criteria = Vec::new();
    for (at, text) in (0..MAX_CRITERIA).zip(&incident.clean_state_criteria) {
        let field = format!("clean_state_criteria[{at}]");
        criteria.extend(line(&mut fields, &field, text, MAX_CRITERION));
    }
    let author = person(&mut fields, "reporter", &incident.reporter);
    let origin = Origin {
        external_id: external_id.unwrap_or_default(),
        author: author.unwrap_or_default(),
        created: moment(&mut fields, "create_time", incident.create_time),
        acknowledged: moment(&mut fields, "acknowledge_time", incident.acknowledge_time),
        updated: moment(&mut fields, "update_time", incident.update_time),
        closed: moment(&mut fields, "close_time", incident.close_time),
        digest,
    };
    let comments = comments(&mut fields, incident.comments);
    match (title, description, severity, tlp, phase, code) {
        (Some(title), Some(description), Some(severity), Some(tlp), Some(phase), Some(code)) => {
            let foreign = Foreign {
                title,
                description,
                severity,
                phase,
                code,
                tlp,
                criteria,
                origin,
                comments,
            };
            finished(fields, Some(foreign))
        }
        _ => Err(fields.refuse()),
    }
}

/// Why it is closed: `Some(None)` for an open one, `None` for what makes no sense.
fn closed_as(fields: &mut Fields, stands: i32, why: i32) -> Option<Option<CloseCode>> {
    let stands = match stands {
        0 => State::Open,
        number => word(fields, "state", state_from(number))?,
    };
    match (stands, why) {
        (State::Open, 0) => Some(None),
        (State::Open, _) => {
            fields.wrong("close_code", "an open incident has none");
            None
        }
        (State::Closed, 0) => {
            fields.wrong("close_code", "say why it is closed");
            None
        }
        (State::Closed, number) => word(fields, "close_code", code_from(number)).map(Some),
    }
}

fn comments(fields: &mut Fields, comments: Vec<wire::ForeignComment>) -> Vec<ForeignComment> {
    if comments.len() > MAX_COMMENTS {
        let rule = format!("expected at most {MAX_COMMENTS} comments");
        fields.wrong("comments", rule);
        return Vec::new();
    }
    let mut read = Vec::with_capacity(comments.len());
    for (at, comment) in comments.into_iter().enumerate() {
        let field = format!("comments[{at}].text");
        let text = prose(fields, &field, &comment.text, MAX_TEXT);
        if text.as_deref() == Some("") {
            fields.wrong(field, "say something");
        }
        let author = person(fields, &format!("comments[{at}].author"), &comment.author);
        let field = format!("comments[{at}].create_time");
        let created = moment(fields, &field, comment.create_time);
        read.extend(text.zip(author).map(|(text, author)| ForeignComment {
            author,
            created,
            text,
        }));
    }
    read
}

fn person(fields: &mut Fields, field: &str, name: &str) -> Option<String> {
    match name.trim() {
        "" => Some(String::new()),
        name => line(fields, field, name, MAX_PERSON),
    }
}

fn moment(
    fields: &mut Fields,
    field: &str,
    time: Option<prost_types::Timestamp>,
) -> Option<Timestamp> {
    fields.time(field, time).flatten().map(timestamp)
}

/// What became of one, as a message.
pub(super) fn told(tenant: &TenantId, told: Disclosed<Told>) -> wire::ImportResult {
    let told = told.into_wire();
    let name = |id| Name::Incident(tenant.clone(), id).to_string();
    let (outcome, incident, violations) = match told.outcome {
        Outcome::Imported(id) => (WireOutcome::Imported, name(id), Vec::new()),
        Outcome::Known(id) => (WireOutcome::Known, name(id), Vec::new()),
        Outcome::Differs(id) => (WireOutcome::Differs, name(id), Vec::new()),
        Outcome::Refused(error) => (WireOutcome::Refused, String::new(), violations(&error)),
    };
    wire::ImportResult {
        external_id: told.external_id,
        outcome: outcome.into(),
        incident,
        violations,
    }
}

fn violations(error: &Error) -> Vec<Violation> {
    let violations = error.violations().iter();
    violations
        .map(|violation| Violation {
            field: violation.field.clone(),
            description: violation.description.clone(),
        })
        .collect()
}

/// An incident that is from here, by its own name.
pub(super) fn from_here(tenant: &TenantId, external_id: &str) -> Option<uuid::Uuid> {
    let (of, id) = incident_name("external_id", external_id).ok()?;
    (of == *tenant).then_some(id)
}
