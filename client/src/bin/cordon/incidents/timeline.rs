//! What happened to an incident, as rows and as JSON.

use clap::Args;
use cordon_client::exchange::document;
use cordon_client::{Actor, TimelineEntry};
use cordon_pages::incident::words::what;
use serde_json::{Value, json};

use super::export::To;
use super::page::titled;
use super::which::{Which, which};
use super::words::{party, plain};
use crate::output::Row;
use crate::show::{or_null, time, time_json};

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

#[cfg(test)]
pub(crate) mod tests;
