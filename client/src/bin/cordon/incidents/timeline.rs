//! What happened to an incident, as rows and as JSON.

mod clocks;

use cordon_client::{Actor, TimelineEntry, TimelineWhat};
use serde_json::{Value, json};

use self::clocks::{clock, clock_json, fact_json, fact_words};
use super::page::titled;
use super::words::{code, party, phase, plain, severity};
use crate::output::Row;
use crate::show::{or_null, short, time, time_json};

impl Row for TimelineEntry {
    const HEAD: &'static [&'static str] = &["seq", "time", "who", "what", "reason"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            time(self.time.as_ref()),
            who(self.actor.as_ref()),
            titled(self.exercise, &what(self.what.as_ref())),
            self.reason.clone(),
        ]
    }

    fn json(&self) -> Value {
        let (what, details) = what_json(self.what.as_ref());
        json!({
            "name": self.name,
            "sequence": self.sequence,
            "time": time_json(self.time.as_ref()),
            "actor": actor_json(self.actor.as_ref()),
            "what": what,
            "details": details,
            "reason": or_null(self.reason.clone()),
            "exercise": self.exercise,
        })
    }
}

/// The same where entries of many incidents come together.
#[derive(Debug)]
pub(super) struct OfMany(pub(super) TimelineEntry);

impl Row for OfMany {
    const HEAD: &'static [&'static str] = &["seq", "time", "incident", "who", "what", "reason"];

    fn cells(&self) -> Vec<String> {
        let mut cells = self.0.cells();
        cells.insert(2, incident(&self.0.name));
        cells
    }

    fn json(&self) -> Value {
        self.0.json()
    }
}

/// The id of the incident that something is part of.
fn incident(name: &str) -> String {
    name.split('/').nth(3).unwrap_or(name).to_owned()
}

/// Somebody, and of which side.
pub(super) fn who(actor: Option<&Actor>) -> String {
    match actor {
        Some(actor) => format!("{} ({})", actor.subject, plain(party(actor.party()))),
        None => String::new(),
    }
}

pub(super) fn actor_json(actor: Option<&Actor>) -> Value {
    match actor {
        Some(actor) => json!({
            "subject": actor.subject,
            "party": or_null(party(actor.party()).to_owned()),
        }),
        None => Value::Null,
    }
}

/// What happened, in words.
pub(super) fn what(what: Option<&TimelineWhat>) -> String {
    match what {
        Some(TimelineWhat::Opened(opened)) => format!(
            "opened as {}, in {}",
            plain(severity(opened.severity())),
            plain(phase(opened.phase()))
        ),
        Some(TimelineWhat::Updated(updated)) => format!("changed {}", updated.fields.join(", ")),
        Some(TimelineWhat::Acknowledged(_)) => "took note".to_owned(),
        Some(TimelineWhat::Moved(moved)) => format!(
            "moved from {} to {}",
            plain(phase(moved.from())),
            plain(phase(moved.to()))
        ),
        Some(TimelineWhat::Reclassified(reclassified)) => format!(
            "reclassified from {} to {}",
            plain(severity(reclassified.from())),
            plain(severity(reclassified.to()))
        ),
        Some(TimelineWhat::HandedOver(handed_over)) => {
            format!("handed over to the {}", plain(party(handed_over.to())))
        }
        Some(TimelineWhat::CriteriaSet(set)) => match set.count {
            0 => "withdrew the clean-state criteria".to_owned(),
            1 => "set 1 clean-state criterion".to_owned(),
            count => format!("set {count} clean-state criteria"),
        },
        Some(TimelineWhat::SignedOff(signed)) => {
            let places: Vec<_> = signed.criteria.iter().map(i32::to_string).collect();
            let rest = if signed.complete {
                "; now both sides have signed off all"
            } else {
                ""
            };
            format!(
                "signed off {} for the {}{rest}",
                places.join(", "),
                plain(party(signed.party()))
            )
        }
        Some(TimelineWhat::Closed(closed)) => format!("closed as {}", plain(code(closed.code()))),
        Some(TimelineWhat::Reopened(_)) => "opened again".to_owned(),
        Some(TimelineWhat::Commented(commented)) => {
            format!("commented: {}", short(&commented.comment))
        }
        Some(TimelineWhat::CommentUpdated(updated)) => {
            format!("changed a comment: {}", short(&updated.comment))
        }
        Some(TimelineWhat::ClockWarned(warned)) => format!(
            "{} percent of the time for {} are used up",
            warned.percent,
            clock(warned.clock.as_ref())
        ),
        Some(TimelineWhat::ClockBreached(breached)) => {
            format!("the time for {} is over", clock(breached.clock.as_ref()))
        }
        Some(TimelineWhat::ReportingFact(fact)) => fact_words(fact.fact.as_ref()),
        Some(TimelineWhat::TaskAdded(task)) => format!("added a task: {}", task.title),
        Some(TimelineWhat::TaskHandedOver(task)) => format!(
            "handed a task over to {}: {}",
            match (task.to_customer, task.to_provider) {
                (true, false) => "the customer",
                (false, true) => "the provider",
                _ => "both sides",
            },
            task.title
        ),
        Some(TimelineWhat::TaskDone(task)) => format!("did a task: {}", task.title),
        Some(TimelineWhat::TaskCancelled(task)) => format!("dropped a task: {}", task.title),
        Some(TimelineWhat::TaskReopened(task)) => format!("took a task up again: {}", task.title),
        None => "something that this program is too old to know".to_owned(),
    }
}

fn task_json(task: &str, title: &str) -> Value {
    json!({ "task": task, "title": title })
}

/// What happened, as a word, and what there is to know about it.
fn what_json(what: Option<&TimelineWhat>) -> (Value, Value) {
    let (what, details) = match what {
        Some(TimelineWhat::Opened(opened)) => (
            "OPENED",
            json!({
                "severity": or_null(severity(opened.severity()).to_owned()),
                "phase": or_null(phase(opened.phase()).to_owned()),
            }),
        ),
        Some(TimelineWhat::Updated(updated)) => ("UPDATED", json!({ "fields": updated.fields })),
        Some(TimelineWhat::Acknowledged(_)) => ("ACKNOWLEDGED", json!({})),
        Some(TimelineWhat::Moved(moved)) => (
            "MOVED",
            json!({
                "from": or_null(phase(moved.from()).to_owned()),
                "to": or_null(phase(moved.to()).to_owned()),
            }),
        ),
        Some(TimelineWhat::Reclassified(reclassified)) => (
            "RECLASSIFIED",
            json!({
                "from": or_null(severity(reclassified.from()).to_owned()),
                "to": or_null(severity(reclassified.to()).to_owned()),
            }),
        ),
        Some(TimelineWhat::HandedOver(handed_over)) => (
            "HANDED_OVER",
            json!({ "to": or_null(party(handed_over.to()).to_owned()) }),
        ),
        Some(TimelineWhat::CriteriaSet(set)) => ("CRITERIA_SET", json!({ "count": set.count })),
        Some(TimelineWhat::SignedOff(signed)) => (
            "SIGNED_OFF",
            json!({
                "party": or_null(party(signed.party()).to_owned()),
                "criteria": signed.criteria,
                "complete": signed.complete,
            }),
        ),
        Some(TimelineWhat::Closed(closed)) => (
            "CLOSED",
            json!({ "code": or_null(code(closed.code()).to_owned()) }),
        ),
        Some(TimelineWhat::Reopened(_)) => ("REOPENED", json!({})),
        Some(TimelineWhat::Commented(commented)) => {
            ("COMMENTED", json!({ "comment": commented.comment }))
        }
        Some(TimelineWhat::CommentUpdated(updated)) => {
            ("COMMENT_UPDATED", json!({ "comment": updated.comment }))
        }
        Some(TimelineWhat::ClockWarned(warned)) => (
            "CLOCK_WARNED",
            json!({
                "clock": clock_json(warned.clock.as_ref()),
                "percent": warned.percent,
                "due_time": time_json(warned.due_time.as_ref()),
            }),
        ),
        Some(TimelineWhat::ClockBreached(breached)) => (
            "CLOCK_BREACHED",
            json!({
                "clock": clock_json(breached.clock.as_ref()),
                "due_time": time_json(breached.due_time.as_ref()),
            }),
        ),
        Some(TimelineWhat::ReportingFact(fact)) => {
            ("REPORTING_FACT", fact_json(fact.fact.as_ref()))
        }
        Some(TimelineWhat::TaskAdded(task)) => ("TASK_ADDED", task_json(&task.task, &task.title)),
        Some(TimelineWhat::TaskHandedOver(task)) => (
            "TASK_HANDED_OVER",
            json!({
                "task": task.task,
                "title": task.title,
                "to_customer": task.to_customer,
                "to_provider": task.to_provider,
            }),
        ),
        Some(TimelineWhat::TaskDone(task)) => ("TASK_DONE", task_json(&task.task, &task.title)),
        Some(TimelineWhat::TaskCancelled(task)) => {
            ("TASK_CANCELLED", task_json(&task.task, &task.title))
        }
        Some(TimelineWhat::TaskReopened(task)) => {
            ("TASK_REOPENED", task_json(&task.task, &task.title))
        }
        None => return (Value::Null, json!({})),
    };
    (what.into(), details)
}

#[cfg(test)]
mod tests;
