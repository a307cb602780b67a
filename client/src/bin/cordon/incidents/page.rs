//! An incident as a page for people, and the whole of it as JSON.

use cordon_client::{Comment, Incident, IncidentState, Origin, Task, TimelineEntry};
use serde_json::Value;

use super::prose::laid_out;
use super::show::moment;
use super::timeline::who;
use super::words::{code, party, phase, plain, plain_or_none, severity, state, tlp};
use crate::output::Row;
use crate::sla::Clocks;
use crate::text::cell;
use cordon_pages::incident::words::what;

/// What stands at the top of an incident: everything but its long texts.
pub(super) fn head(incident: &Incident) -> Vec<String> {
    let title = titled(incident.exercise, &incident.title);
    let mut lines = laid_out(&format!("#{} {}", incident.number, cell(&title)), 0, 4);
    lines.push(cell(&incident.name));
    let closed = match (incident.state(), code(incident.close_code())) {
        (IncidentState::Closed, code) if !code.is_empty() => format!(" ({})", plain(code)),
        _ => String::new(),
    };
    let opened_by = match who(incident.opened_by.as_ref()) {
        by if by.is_empty() => by,
        by => format!(" by {by}"),
    };
    let next_move = match plain_or_none(party(incident.pending_party())) {
        side if side.is_empty() || incident.pending_action.is_empty() => side,
        side => format!("{side}: {}", incident.pending_action),
    };
    let opened = moment(incident.create_time.as_ref()) + &opened_by;
    let pairs = [
        ("severity", plain(severity(incident.severity()))),
        ("phase", plain(phase(incident.phase()))),
        ("state", plain(state(incident.state())) + &closed),
        ("next move", next_move),
        (
            "marking",
            format!("TLP:{}", tlp(incident.tlp()).replace('_', "+")),
        ),
        ("kind", kind(incident)),
        ("opened", opened),
        ("noted", moment(incident.acknowledge_time.as_ref())),
        ("changed", moment(incident.update_time.as_ref())),
        ("closed", moment(incident.close_time.as_ref())),
        ("brought in", brought_in(incident.origin.as_ref())),
        ("etag", incident.etag.clone()),
    ];
    for (name, value) in pairs {
        if !value.is_empty() {
            lines.extend(laid_out(&format!("{name:<11}{}", cell(&value)), 0, 11));
        }
    }
    lines
}

/// A title, marked if it is a drill's: nobody shall take one for the real thing.
pub(crate) fn titled(exercise: bool, title: &str) -> String {
    match exercise {
        true => format!("[EXERCISE] {title}"),
        false => title.to_owned(),
    }
}

/// What kind of incident it is, if it is of a special one.
fn kind(incident: &Incident) -> String {
    let said = [
        (incident.exercise, "exercise: a drill, nothing real"),
        (incident.provider_wide, "of the whole provider"),
    ];
    let said: Vec<_> = said
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, said)| *said)
        .collect();
    said.join(", ")
}

/// What an incident says that it was elsewhere; empty for one that is from here.
fn brought_in(origin: Option<&Origin>) -> String {
    let Some(origin) = origin else {
        return String::new();
    };
    let mut said = format!("from elsewhere, where it is {}", origin.external_id);
    let times = [
        ("opened", &origin.create_time),
        ("noted", &origin.acknowledge_time),
        ("changed", &origin.update_time),
        ("closed", &origin.close_time),
    ];
    for (what, time) in times {
        if time.is_some() {
            said.push_str(&format!(", {what} {}", moment(time.as_ref())));
        }
    }
    if !origin.author.is_empty() {
        said.push_str(&format!(", by {}", origin.author));
    }
    said
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
    tasks: &[Task],
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
    if !tasks.is_empty() {
        lines.extend(heading("Tasks"));
        lines.extend(super::tasks::lines(tasks));
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
        let by = match &comment.origin {
            None => who(comment.author.as_ref()),
            Some(origin) => format!(
                "said elsewhere by {}, {}; brought in by {}",
                origin.author,
                moment(origin.create_time.as_ref()),
                who(comment.author.as_ref())
            ),
        };
        let by = cell(&by);
        let common = if comment.common {
            ", to all customers concerned"
        } else {
            ""
        };
        let said = format!(
            "{}  {by}{common}{edited}",
            moment(comment.create_time.as_ref())
        );
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

/// The line above a part of a page.
pub(crate) fn heading(text: &str) -> [String; 2] {
    [String::new(), format!("{text}:")]
}

/// The whole of an incident as JSON; clocks are `null` where the server knows none.
pub(super) fn page_json(
    incident: &Incident,
    clocks: Option<&Clocks>,
    comments: &[Comment],
    timeline: &[TimelineEntry],
    tasks: &[Task],
) -> Value {
    let mut value = incident.json();
    if let Value::Object(object) = &mut value {
        let clocks = clocks.map_or(Value::Null, Clocks::json);
        object.insert("clocks".to_owned(), clocks);
        let tasks = tasks.iter().map(Row::json).collect();
        object.insert("tasks".to_owned(), tasks);
        let comments = comments.iter().map(Row::json).collect();
        object.insert("comments".to_owned(), comments);
        let timeline = timeline.iter().map(Row::json).collect();
        object.insert("timeline".to_owned(), timeline);
    }
    value
}
