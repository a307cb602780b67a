//! What happened to an incident, as rows and as JSON.

mod clocks;

use clap::Args;
use cordon_client::exchange::document;
use cordon_client::{Actor, TimelineEntry, TimelineWhat};
use serde_json::{Value, json};

use self::clocks::{clock, fact_words};
use super::export::To;
use super::page::titled;
use super::which::{Which, which};
use super::words::{code, party, phase, plain, severity, state};
use crate::output::Row;
use crate::show::{or_null, short, time, time_json};

/// Whose, how much, and in which form.
#[derive(Debug, Args)]
pub(super) struct Timeline {
    /// The incident's full name, its id, or its number; with --export all, if not given
    #[arg(value_name = "ID", value_parser = which)]
    pub(super) id: Option<Which>,
    /// How many entries at most
    #[arg(long, value_name = "N", conflicts_with = "export")]
    pub(super) limit: Option<usize>,
    /// Write all entries to a file, one JSON document a line: complete, so that clocks and reports
    /// can be computed again from it
    #[arg(long, requires = "out", requires = "audience")]
    pub(super) export: bool,
    #[command(flatten)]
    pub(super) to: To,
}

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
        let known = self.what.as_ref().map(document::what);
        let (what, details) = known.map_or((Value::Null, json!({})), |(what, details)| {
            (what.into(), details)
        });
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
        Some(TimelineWhat::Imported(imported)) => {
            let origin = imported.origin.clone().unwrap_or_default();
            let opened = match &origin.create_time {
                Some(opened) => format!(", opened there {}", time(Some(opened))),
                None => String::new(),
            };
            format!(
                "brought in from elsewhere as {}, {}, in {}{opened}: {}",
                plain(severity(imported.severity())),
                plain(state(imported.state())),
                plain(phase(imported.phase())),
                origin.external_id
            )
        }
        Some(TimelineWhat::Attached(attached)) => format!(
            "attached {} ({} bytes): {}",
            attached.file_name,
            attached.size_bytes,
            short(&attached.attachment)
        ),
        Some(TimelineWhat::Linked(linked)) => format!("linked {}", linked.resource),
        Some(TimelineWhat::Unlinked(unlinked)) => format!("unlinked {}", unlinked.resource),
        None => "something that this program is too old to know".to_owned(),
    }
}

#[cfg(test)]
mod tests;
