//! Incidents and comments as rows and as JSON.

use cordon_client::time::from_proto;
use cordon_client::{Comment, Incident, Origin, QueuedIncident, SignOff};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::page::titled;
use super::timeline::{actor_json, who};
use super::words::{code, party, phase, plain, plain_or_none, severity, state, tlp};
use crate::output::Row;
use crate::show::{or_null, short, time, time_json};
use crate::sla::words::kind;

impl Row for Incident {
    const HEAD: &'static [&'static str] = &[
        "number",
        "severity",
        "phase",
        "state",
        "next move",
        "title",
        "changed",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            plain(severity(self.severity())),
            plain(phase(self.phase())),
            plain(state(self.state())),
            plain_or_none(party(self.pending_party())),
            titled(self.exercise, &self.title),
            time(self.update_time.as_ref()),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        let criteria: Vec<_> = self
            .clean_state_criteria
            .iter()
            .map(|criterion| {
                json!({
                    "text": criterion.text,
                    "customer": signed_json(criterion.customer.as_ref()),
                    "provider": signed_json(criterion.provider.as_ref()),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "number": self.number,
            "title": self.title,
            "description": or_null(self.description.clone()),
            "severity": or_null(severity(self.severity()).to_owned()),
            "phase": or_null(phase(self.phase()).to_owned()),
            "state": or_null(state(self.state()).to_owned()),
            "tlp": or_null(tlp(self.tlp()).to_owned()),
            "pending_party": or_null(party(self.pending_party()).to_owned()),
            "pending_action": or_null(self.pending_action.clone()),
            "exercise": self.exercise,
            "provider_wide": self.provider_wide,
            "clean_state_criteria": criteria,
            "opened_by": actor_json(self.opened_by.as_ref()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "acknowledge_time": time_json(self.acknowledge_time.as_ref()),
            "close_time": time_json(self.close_time.as_ref()),
            "close_code": or_null(code(self.close_code()).to_owned()),
            "etag": self.etag,
            "origin": origin_json(self.origin.as_ref()),
        })
    }
}

fn origin_json(origin: Option<&Origin>) -> Value {
    match origin {
        Some(origin) => json!({
            "external_id": or_null(origin.external_id.clone()),
            "author": or_null(origin.author.clone()),
            "create_time": time_json(origin.create_time.as_ref()),
            "acknowledge_time": time_json(origin.acknowledge_time.as_ref()),
            "update_time": time_json(origin.update_time.as_ref()),
            "close_time": time_json(origin.close_time.as_ref()),
        }),
        None => Value::Null,
    }
}

fn signed_json(signed: Option<&SignOff>) -> Value {
    match signed {
        Some(signed) => json!({
            "subject": signed.subject,
            "time": time_json(signed.time.as_ref()),
        }),
        None => Value::Null,
    }
}

impl Row for Comment {
    const HEAD: &'static [&'static str] = &["comment", "author", "created", "changed", "text"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            who(self.author.as_ref()),
            time(self.create_time.as_ref()),
            time(self.update_time.as_ref()),
            self.text.clone(),
        ]
    }

    fn json(&self) -> Value {
        let revisions: Vec<_> = self
            .revisions
            .iter()
            .map(|revision| {
                json!({
                    "text": revision.text,
                    "create_time": time_json(revision.create_time.as_ref()),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "text": self.text,
            "author": actor_json(self.author.as_ref()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "revisions": revisions,
            "common": self.common,
            "origin": origin_json(self.origin.as_ref()),
        })
    }
}

impl Row for QueuedIncident {
    const HEAD: &'static [&'static str] = &[
        "severity",
        "phase",
        "state",
        "next move",
        "opened",
        "noted",
        "due",
        "breaches",
        "number",
        "name",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            titled(self.exercise, &plain(severity(self.severity()))),
            plain(phase(self.phase())),
            plain(state(self.state())),
            plain_or_none(party(self.pending_party())),
            moment(self.create_time.as_ref()),
            moment(self.acknowledge_time.as_ref()),
            match &self.due_time {
                Some(due) => format!(
                    "{} {}",
                    plain(kind(self.due_objective())),
                    moment(Some(due))
                ),
                None => String::new(),
            },
            self.breaches.to_string(),
            self.number.to_string(),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "number": self.number,
            "severity": or_null(severity(self.severity()).to_owned()),
            "phase": or_null(phase(self.phase()).to_owned()),
            "state": or_null(state(self.state()).to_owned()),
            "pending_party": or_null(party(self.pending_party()).to_owned()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "acknowledge_time": time_json(self.acknowledge_time.as_ref()),
            "due_time": time_json(self.due_time.as_ref()),
            "due_objective": or_null(kind(self.due_objective()).to_owned()),
            "breaches": self.breaches,
            "exercise": self.exercise,
        })
    }
}

/// A time to the second.
pub(crate) fn moment(value: Option<&prost_types::Timestamp>) -> String {
    value
        .and_then(from_proto)
        .and_then(|time| Timestamp::from_second(time.as_second()).ok())
        .map_or_else(|| time(value), |time| time.to_string())
}

#[cfg(test)]
mod tests;
