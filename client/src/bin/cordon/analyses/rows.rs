//! Analyses as rows and as JSON.

use cordon_client::analysis::{Analysis, AnalysisResult, Question, QueuedAnalysis};
use serde_json::{Value, json};

use super::question;
use super::words::{consent, party, party_or_none, state};
use crate::incidents::show::moment;
use crate::output::Row;
use crate::show::{or_null, short, time_json};

impl Row for Analysis {
    const HEAD: &'static [&'static str] = &[
        "state",
        "kind",
        "next move",
        "due",
        "asked",
        "by",
        "purpose",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            state(self.state).text(),
            question::kind(self),
            party_or_none(self.pending_party),
            moment(self.due_time.as_ref()),
            moment(self.create_time.as_ref()),
            self.created_by.clone(),
            self.purpose.clone(),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        let scope = self.scope.clone().unwrap_or_default();
        let messages = self.messages.iter().map(|message| {
            json!({
                "party": party(message.party).json(),
                "author": message.author,
                "text": message.text,
                "time": time_json(message.time.as_ref()),
            })
        });
        let failure = self.failure.as_ref();
        let progress = self.progress.clone().unwrap_or_default();
        json!({
            "name": self.name,
            "question": question::json(Question::of(self).as_ref()),
            "scope": {
                "start_time": time_json(scope.start_time.as_ref()),
                "end_time": time_json(scope.end_time.as_ref()),
                "accounts": scope.accounts,
                "resources": scope.resources,
                "source_types": scope.source_types,
            },
            "purpose": self.purpose,
            "consent": self.consent.iter().map(|kind| consent(*kind).json()).collect::<Vec<_>>(),
            "incident": or_null(self.incident.clone()),
            "state": state(self.state).json(),
            "pending_party": party(self.pending_party).json(),
            "due_time": time_json(self.due_time.as_ref()),
            "failure": failure.map(|of| json!({ "reason": of.reason, "message": of.message })),
            "progress": {
                "scanned_events": progress.scanned_events,
                "round": progress.round,
                "claimed_by": or_null(progress.claimed_by),
            },
            "result": self.result.as_ref().map(result),
            "rerun_of": or_null(self.rerun_of.clone()),
            "messages": messages.collect::<Vec<_>>(),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "created_by": or_null(self.created_by.clone()),
            "review_note": or_null(self.review_note.clone()),
            "etag": self.etag,
        })
    }
}

fn result(result: &AnalysisResult) -> Value {
    let tables = result.tables.iter().map(|table| {
        json!({
            "name": table.name,
            "title": table.title,
            "row_count": table.row_count,
            "left_out_count": table.left_out_count,
        })
    });
    json!({
        "method": result.method,
        "plan_version": result.plan_version,
        "sha256": result.sha256,
        "size_bytes": result.size_bytes,
        "head_sequence": result.head_sequence,
        "scanned_events": result.scanned_events,
        "tables": tables.collect::<Vec<_>>(),
        "has_graph": result.has_graph,
        "has_timeline": result.has_timeline,
        "released_by": or_null(result.released_by.clone()),
        "release_time": time_json(result.release_time.as_ref()),
        "identical": result.identical,
        "expired": result.expired,
    })
}

impl Row for QueuedAnalysis {
    const HEAD: &'static [&'static str] = &["state", "next move", "due", "asked", "name"];

    fn cells(&self) -> Vec<String> {
        vec![
            state(self.state).text(),
            party_or_none(self.pending_party),
            moment(self.due_time.as_ref()),
            moment(self.create_time.as_ref()),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "state": state(self.state).json(),
            "pending_party": party(self.pending_party).json(),
            "due_time": time_json(self.due_time.as_ref()),
            "create_time": time_json(self.create_time.as_ref()),
        })
    }
}

/// The same where it comes again whenever it has changed.
#[derive(Debug)]
pub(super) struct Followed(pub(super) Analysis);

impl Row for Followed {
    const HEAD: &'static [&'static str] =
        &["changed", "state", "next move", "events", "round", "by"];

    fn cells(&self) -> Vec<String> {
        let progress = self.0.progress.clone().unwrap_or_default();
        let count = |number: i64| match number {
            0 => String::new(),
            number => number.to_string(),
        };
        vec![
            moment(self.0.update_time.as_ref()),
            state(self.0.state).text(),
            party_or_none(self.0.pending_party),
            count(progress.scanned_events),
            count(progress.round.into()),
            progress.claimed_by,
        ]
    }

    fn json(&self) -> Value {
        self.0.json()
    }
}
