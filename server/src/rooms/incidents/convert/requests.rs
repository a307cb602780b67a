//! Messages as commands. All that is wrong with one is told at once.

use cordon_kernel::{Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use uuid::Uuid;

use super::super::model::{Command, NewIncident, Tlp};
use super::super::service::Target;
use super::super::store::Wanted;
use super::words;
use crate::rooms::fields::Fields;

/// Longest title, in characters.
pub(in super::super) const MAX_TITLE: usize = 200;
/// Longest description or comment, in characters.
pub(in super::super) const MAX_TEXT: usize = 20_000;
/// Most criteria, and the longest, in characters.
pub(in super::super) const MAX_CRITERIA: usize = 50;
pub(in super::super) const MAX_CRITERION: usize = 500;
/// Most words of a filter.
const MAX_WORDS: usize = 64;

/// The incident that a request names in `field`.
pub(crate) fn incident_name(field: &str, name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse(field, name)? {
        Name::Incident(tenant, id) => Ok((tenant, id)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/incidents/{incident}",
        )),
    }
}

fn target(name: &str, etag: String) -> Result<Target> {
    let (tenant, id) = incident_name("name", name)?;
    Ok(Target { tenant, id, etag })
}

/// What somebody wrote: trimmed, with line breaks and tabs, without other control characters.
pub(in super::super) fn prose(
    fields: &mut Fields,
    field: &str,
    text: &str,
    most: usize,
) -> Option<String> {
    let text = text.trim().replace("\r\n", "\n");
    let stray = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().count() > most || text.chars().any(stray) {
        let rule = format!("expected at most {most} characters, without control characters");
        fields.wrong(field, rule);
        return None;
    }
    Some(text)
}

/// The same in one line, and not empty.
pub(in super::super) fn line(
    fields: &mut Fields,
    field: &str,
    text: &str,
    most: usize,
) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
        let rule = format!("expected 1 to {most} characters in one line");
        fields.wrong(field, rule);
        return None;
    }
    Some(text.to_owned())
}

pub(in super::super) fn word<T>(fields: &mut Fields, field: &str, word: Option<T>) -> Option<T> {
    if word.is_none() {
        fields.wrong(field, "expected one of the values of this field");
    }
    word
}

/// AMBER where nothing is said.
pub(in super::super) fn marking(fields: &mut Fields, field: &str, number: i32) -> Option<Tlp> {
    match number {
        0 => Some(Tlp::Amber),
        number => word(fields, field, words::tlp_from(number)),
    }
}

pub(in super::super) fn create(
    request: wire::CreateIncidentRequest,
) -> Result<(TenantId, NewIncident)> {
    let mut fields = Fields::default();
    let body = request.incident.unwrap_or_default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let title = line(&mut fields, "incident.title", &body.title, MAX_TITLE);
    let field = "incident.description";
    let description = prose(&mut fields, field, &body.description, MAX_TEXT);
    let severity = words::severity_from(body.severity);
    let severity = word(&mut fields, "incident.severity", severity);
    let tlp = marking(&mut fields, "incident.tlp", body.tlp);
    match (tenant, title, description, severity, tlp) {
        (Some(tenant), Some(title), Some(description), Some(severity), Some(tlp)) => Ok((
            tenant,
            NewIncident {
                title,
                description,
                severity,
                tlp,
                exercise: body.exercise,
                provider_wide: false,
            },
        )),
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn update(request: wire::UpdateIncidentRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let body = request.incident.unwrap_or_default();
    let target = fields.named(target(&body.name, body.etag));
    let (mut title, mut description, mut tlp) = (None, None, None);
    let mask = request.update_mask.unwrap_or_default().paths;
    if mask.is_empty() {
        fields.wrong("update_mask", "expected title, description or tlp");
    }
    for path in &mask {
        match path.as_str() {
            "title" => title = line(&mut fields, "incident.title", &body.title, MAX_TITLE),
            "description" => {
                let field = "incident.description";
                description = prose(&mut fields, field, &body.description, MAX_TEXT);
            }
            "tlp" => tlp = word(&mut fields, "incident.tlp", words::tlp_from(body.tlp)),
            _ => fields.wrong("update_mask", "expected title, description or tlp"),
        }
    }
    let target = finished(fields, target)?;
    Ok((
        target,
        Command::Update {
            title,
            description,
            tlp,
        },
    ))
}

/// The value, unless anything is wrong with the request.
pub(in super::super) fn finished<T>(fields: Fields, value: Option<T>) -> Result<T> {
    match value {
        Some(value) => fields.finish().map(|()| value),
        None => Err(fields.refuse()),
    }
}

pub(in super::super) fn acknowledge(
    request: wire::AcknowledgeIncidentRequest,
) -> Result<(Target, Command)> {
    Ok((target(&request.name, request.etag)?, Command::Acknowledge))
}

pub(in super::super) fn move_to(request: wire::MoveIncidentRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let to = word(&mut fields, "phase", words::phase_from(request.phase));
    let reason = fields.reason("reason", &request.reason);
    let command = to
        .zip(reason)
        .map(|(to, reason)| Command::Move { to, reason });
    finished(fields, target.zip(command))
}

pub(in super::super) fn reclassify(
    request: wire::ReclassifyIncidentRequest,
) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let to = words::severity_from(request.severity);
    let to = word(&mut fields, "severity", to);
    let reason = needed(&mut fields, "reason", &request.reason);
    let command = to
        .zip(reason)
        .map(|(to, reason)| Command::Reclassify { to, reason });
    finished(fields, target.zip(command))
}

/// A reason that can't be left out.
pub(in super::super) fn needed(fields: &mut Fields, field: &str, text: &str) -> Option<String> {
    let reason = fields.reason(field, text)?;
    if reason.is_empty() {
        fields.wrong(field, "say why");
        return None;
    }
    Some(reason)
}

pub(in super::super) fn hand_over(
    request: wire::HandOverIncidentRequest,
) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let to = word(&mut fields, "to", words::party_from(request.to));
    let reason = needed(&mut fields, "reason", &request.reason);
    let command = to
        .zip(reason)
        .map(|(to, reason)| Command::HandOver { to, reason });
    finished(fields, target.zip(command))
}

pub(in super::super) fn set_criteria(
    request: wire::SetCleanStateCriteriaRequest,
) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    if request.criteria.is_empty() || request.criteria.len() > MAX_CRITERIA {
        fields.wrong("criteria", format!("expected 1 to {MAX_CRITERIA} criteria"));
    }
    let mut texts = Vec::new();
    for (at, text) in request.criteria.iter().take(MAX_CRITERIA).enumerate() {
        let field = format!("criteria[{at}]");
        texts.extend(line(&mut fields, &field, text, MAX_CRITERION));
    }
    let target = finished(fields, target)?;
    Ok((target, Command::SetCriteria { texts }))
}

pub(in super::super) fn sign_off(
    request: wire::SignOffCleanStateRequest,
) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    if request.etag.is_empty() {
        fields.wrong("etag", "say which state of the incident is signed off");
    }
    let target = fields.named(target(&request.name, request.etag));
    let mut criteria = Vec::new();
    for place in &request.criteria {
        match usize::try_from(*place) {
            Ok(place) if place < MAX_CRITERIA => criteria.push(place),
            _ => fields.wrong("criteria", "there is no such criterion"),
        }
    }
    let target = finished(fields, target)?;
    Ok((target, Command::SignOff { criteria }))
}

pub(in super::super) fn close(request: wire::CloseIncidentRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let code = word(&mut fields, "code", words::code_from(request.code));
    let reason = fields.reason("reason", &request.reason);
    let command = code
        .zip(reason)
        .map(|(code, reason)| Command::Close { code, reason });
    finished(fields, target.zip(command))
}

pub(in super::super) fn reopen(request: wire::ReopenIncidentRequest) -> Result<(Target, Command)> {
    let mut fields = Fields::default();
    let target = fields.named(target(&request.name, request.etag));
    let reason = needed(&mut fields, "reason", &request.reason);
    let command = reason.map(|reason| Command::Reopen { reason });
    finished(fields, target.zip(command))
}

fn comment_text(fields: &mut Fields, text: &str) -> Option<String> {
    let text = prose(fields, "comment.text", text, MAX_TEXT)?;
    if text.is_empty() {
        fields.wrong("comment.text", "say something");
        return None;
    }
    Some(text)
}

pub(in super::super) fn new_comment(
    request: wire::CreateCommentRequest,
) -> Result<((TenantId, Uuid), String)> {
    let mut fields = Fields::default();
    let parent = fields.named(incident_name("parent", &request.parent));
    let text = comment_text(&mut fields, &request.comment.unwrap_or_default().text);
    finished(fields, parent.zip(text))
}

pub(in super::super) fn comment_changed(
    request: wire::UpdateCommentRequest,
) -> Result<((TenantId, Uuid, Uuid), String)> {
    let mut fields = Fields::default();
    let body = request.comment.unwrap_or_default();
    let name = match fields.named(Name::parse("comment.name", &body.name)) {
        Some(Name::Comment(tenant, incident, id)) => Some((tenant, incident, id)),
        Some(_) => {
            let form = "expected tenants/{tenant}/incidents/{incident}/comments/{comment}";
            fields.wrong("comment.name", form);
            None
        }
        None => None,
    };
    let text = comment_text(&mut fields, &body.text);
    finished(fields, name.zip(text))
}

/// What is listed of a tenant's incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Listed {
    /// Those that pass a filter.
    Wanted(Wanted),
    /// Those that were changed behind a cursor.
    ChangedAfter(i64),
}

pub(in super::super) fn list(request: &wire::ListIncidentsRequest) -> Result<(TenantId, Listed)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let states = all(&mut fields, "states", &request.states, words::state_from);
    let severities = &request.severities;
    let severities = all(&mut fields, "severities", severities, words::severity_from);
    let phases = all(&mut fields, "phases", &request.phases, words::phase_from);
    let pending = match request.pending_party {
        0 => None,
        number => word(&mut fields, "pending_party", words::party_from(number)),
    };
    let number = match request.number {
        0 => None,
        number @ 1.. => Some(number),
        _ => {
            fields.wrong("number", "expected a number from 1 on, or 0 for any");
            None
        }
    };
    let updated_after = fields
        .time("updated_after", request.updated_after)
        .flatten();
    let wanted = Wanted {
        states,
        severities,
        phases,
        pending,
        exercise: request.exercise,
        number,
        updated_after,
    };
    let listed = match request.changed_after {
        None => Listed::Wanted(wanted),
        Some(cursor) => {
            if wanted != Wanted::default() {
                let why = "goes with no filter: what leaves one would be missed";
                fields.wrong("changed_after", why);
            }
            Listed::ChangedAfter(cursor)
        }
    };
    Ok((finished(fields, tenant)?, listed))
}

/// Whose entries: an incident's, or those of all of a tenant's.
pub(in super::super) fn timeline_of(parent: &str) -> Result<(TenantId, Option<Uuid>)> {
    match parent.strip_suffix("/incidents/-") {
        Some(tenant) => Ok((Name::parse_tenant("parent", tenant)?, None)),
        None => incident_name("parent", parent).map(|(tenant, id)| (tenant, Some(id))),
    }
}

/// Each of the words, sorted and once.
pub(in super::super) fn all<T: Ord>(
    fields: &mut Fields,
    field: &str,
    numbers: &[i32],
    from: impl Fn(i32) -> Option<T>,
) -> Vec<T> {
    // No set of words has as many.
    if numbers.len() > MAX_WORDS {
        fields.wrong(field, format!("expected at most {MAX_WORDS} values"));
        return Vec::new();
    }
    let numbers = numbers.iter();
    let mut words: Vec<T> = numbers
        .filter_map(|number| word(fields, field, from(*number)))
        .collect();
    words.sort();
    words.dedup();
    words
}
