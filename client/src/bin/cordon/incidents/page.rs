//! An incident as a page for people, and the whole of it as JSON.

use cordon_client::{Comment, Incident, IncidentState, TimelineEntry};
use serde_json::Value;

use super::prose::laid_out;
use super::show::moment;
use super::timeline::{what, who};
use super::words::{code, party, phase, plain, plain_or_none, severity, state, tlp};
use crate::output::Row;
use crate::sla::Clocks;
use crate::text::cell;

/// What stands at the top of an incident: everything but its long texts.
pub(super) fn head(incident: &Incident) -> Vec<String> {
    let mut lines = laid_out(
        &format!("#{} {}", incident.number, cell(&incident.title)),
        0,
        4,
    );
    lines.push(cell(&incident.name));
    let closed = match (incident.state(), code(incident.close_code())) {
        (IncidentState::Closed, code) if !code.is_empty() => format!(" ({})", plain(code)),
        _ => String::new(),
    };
    let opened_by = match who(incident.opened_by.as_ref()) {
        by if by.is_empty() => by,
        by => format!(" by {by}"),
    };
    let opened = moment(incident.create_time.as_ref()) + &opened_by;
    let pairs = [
        ("severity", plain(severity(incident.severity()))),
        ("phase", plain(phase(incident.phase()))),
        ("state", plain(state(incident.state())) + &closed),
        ("next move", plain_or_none(party(incident.pending_party()))),
        (
            "marking",
            format!("TLP:{}", tlp(incident.tlp()).replace('_', "+")),
        ),
        ("opened", opened),
        ("noted", moment(incident.acknowledge_time.as_ref())),
        ("changed", moment(incident.update_time.as_ref())),
        ("closed", moment(incident.close_time.as_ref())),
    ];
    for (name, value) in pairs {
        if !value.is_empty() {
            lines.extend(laid_out(&format!("{name:<11}{}", cell(&value)), 0, 11));
        }
    }
    lines
}

/// The criteria, with who has signed them off; nothing when there are none.
pub(super) fn criteria(incident: &Incident) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, criterion) in incident.clean_state_criteria.iter().enumerate() {
        if lines.is_empty() {
            lines.extend(heading("Clean-state criteria"));
        }
        let text = format!("{place:>2}  {}", cell(&criterion.text));
        lines.extend(laid_out(&text, 2, 6));
        for (side, signed) in [
            ("customer", &criterion.customer),
            ("provider", &criterion.provider),
        ] {
            let signed = match signed {
                Some(by) => format!("{}, {}", moment(by.time.as_ref()), cell(&by.subject)),
                None => "not signed off".to_owned(),
            };
            lines.extend(laid_out(&format!("{side}: {signed}"), 6, 6));
        }
    }
    lines
}

/// The whole of an incident; without clocks where the server knows none.
pub(super) fn page(
    incident: &Incident,
    clocks: Option<&Clocks>,
    comments: &[Comment],
    timeline: &[TimelineEntry],
) -> String {
    let mut lines = head(incident);
    if !incident.description.is_empty() {
        lines.extend(heading("Description"));
        lines.extend(laid_out(&incident.description, 2, 2));
    }
    lines.extend(criteria(incident));
    if let Some(clocks) = clocks.filter(|clocks| !clocks.is_empty()) {
        lines.extend(heading(&format!("Clocks as of {}", clocks.as_of())));
        lines.extend(clocks.lines());
    }
    if !comments.is_empty() {
        lines.extend(heading("Comments"));
    }
    for comment in comments {
        let edited = match comment.revisions.len() {
            0 => String::new(),
            times => format!(
                ", changed {} ({times} earlier)",
                moment(comment.update_time.as_ref())
            ),
        };
        let by = cell(&who(comment.author.as_ref()));
        let said = format!("{}  {by}{edited}", moment(comment.create_time.as_ref()));
        lines.extend(laid_out(&said, 2, 6));
        // In one piece, so that it can be taken over for `edit-comment`.
        lines.push(format!("  {}", cell(&comment.name)));
        lines.extend(laid_out(&comment.text, 6, 6));
    }
    if !timeline.is_empty() {
        lines.extend(heading("Timeline"));
    }
    for entry in timeline {
        let said = format!(
            "{}  {}: {}",
            moment(entry.time.as_ref()),
            who(entry.actor.as_ref()),
            what(entry.what.as_ref())
        );
        lines.extend(laid_out(&cell(&said), 2, 6));
        if !entry.reason.is_empty() {
            let reason = format!("reason: {}", cell(&entry.reason));
            lines.extend(laid_out(&reason, 6, 6));
        }
    }
    lines.join("\n")
}

fn heading(text: &str) -> [String; 2] {
    [String::new(), format!("{text}:")]
}

/// The whole of an incident as JSON; clocks are `null` where the server knows none.
pub(super) fn page_json(
    incident: &Incident,
    clocks: Option<&Clocks>,
    comments: &[Comment],
    timeline: &[TimelineEntry],
) -> Value {
    let mut value = incident.json();
    if let Value::Object(object) = &mut value {
        let clocks = clocks.map_or(Value::Null, Clocks::json);
        object.insert("clocks".to_owned(), clocks);
        let comments = comments.iter().map(Row::json).collect();
        object.insert("comments".to_owned(), comments);
        let timeline = timeline.iter().map(Row::json).collect();
        object.insert("timeline".to_owned(), timeline);
    }
    value
}
