//! What an analysis says.
//!
//! An answer is data and nothing but a function of the question, the scope and the events: the
//! same rows give the same bytes of JSON, in whatever batches they came.

mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::table::{
    Cell, Column, ColumnKind, Cut, LONGEST_CELL, MOST_ROWS, MOST_TABLE_BYTES, Rows, Table,
};
use crate::question::Kind;
use crate::row::Row;

/// Most nodes of a graph.
pub const MOST_NODES: usize = 1_000;
/// Most edges of a graph.
pub const MOST_EDGES: usize = 2_000;
/// Most entries of a timeline.
pub const MOST_ENTRIES: usize = 5_000;

/// What an analysis says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The kind of question.
    pub kind: Kind,
    /// The version of the plan that made it: [`crate::plan_version`].
    pub plan_version: u32,
    /// How many events were looked at, in all scans together.
    pub events: u64,
    /// The figures.
    pub tables: Vec<Table>,
    /// Who is connected with whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    /// What happened when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// What is to be known of it besides: what was left out, and what was not looked at.
    pub remarks: Vec<Remark>,
}

impl Answer {
    /// The answer as JSON. The same answer gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        // No key is anything but text, and no number is not finite.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// What is to be known of an answer besides its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What kind of remark.
    pub reason: RemarkReason,
    /// In words, with what to do about it.
    pub message: String,
}

/// Kinds of remarks. Closed: programs compare with these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RemarkReason {
    /// Something was found and is left out, because there was too much of it.
    Cut,
    /// What is remembered while counting was full: figures are lower bounds.
    Full,
    /// Not all of the events were looked at.
    Stopped,
    /// What was asked for is not in the scope.
    NotFound,
    /// The window was made narrower by the scope.
    Clipped,
    /// Some events are views of shared ones; a part of them is withheld.
    Shared,
    /// Some events can't tell what was asked.
    Silent,
    /// The method has a limit that matters here.
    Method,
}

impl Remark {
    /// A remark.
    #[must_use]
    pub fn new(reason: RemarkReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Who is connected with whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// Who or what; an edge names them by their place here, counted from 0.
    pub nodes: Vec<Node>,
    /// How they are connected.
    pub edges: Vec<Edge>,
}

/// Somebody or something in a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its identity as events have it: an ARN, a mail address, a key's id.
    pub id: String,
    /// What it is: `user`, `session`, `role`, `service_account`, `service`, `access_key`.
    pub kind: String,
    /// Steps from the start: 0 for the start, negative for who came before it.
    pub hop: i32,
    /// Events that it did with credentials found here; 0 where none is known.
    pub used: u64,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// From which node.
    pub from: usize,
    /// To which node.
    pub to: usize,
    /// How, by the operation that made it.
    pub operation: String,
    /// How far it came.
    pub outcome: Outcome,
    /// How often.
    pub count: u64,
    /// When first, RFC 3339.
    pub first: String,
    /// When last, RFC 3339.
    pub last: String,
    /// The name of the first event of it.
    pub event: String,
}

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was refused.
    Refused,
    /// It was given, and no event tells of its use.
    Given,
    /// It was given and used.
    Used,
}

/// What happened when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// What is in the midst, RFC 3339; none where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<String>,
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
    /// How many are left out.
    pub left_out: u64,
}

/// One event of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339.
    pub time: String,
    /// The event's name.
    pub event: String,
    /// Who did it.
    pub actor: String,
    /// What.
    pub operation: String,
    /// At which service.
    pub service: String,
    /// In which account.
    pub account: String,
    /// From where.
    pub address: String,
    /// How it ended.
    pub status: String,
    /// To what: the first of its resources.
    pub resource: String,
}

impl Entry {
    pub(crate) fn of(row: &Row<'_>) -> Self {
        Self {
            time: row.time(),
            event: row.event_name(),
            actor: row.actor.to_owned(),
            operation: row.operation.to_owned(),
            service: row.service.to_owned(),
            account: row.account.to_owned(),
            address: row.src_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            status: row.status.to_owned(),
            resource: row
                .resources
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

impl Entry {
    /// Its texts, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [
            &self.time,
            &self.event,
            &self.actor,
            &self.operation,
            &self.service,
            &self.account,
            &self.address,
            &self.status,
            &self.resource,
        ];
        texts.into_iter().map(String::len).sum()
    }
}

/// Most bytes of the entries of one list.
const MOST_ENTRY_BYTES: usize = 4 << 20;

/// Entries, of bounded number and size.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) list: Vec<Entry>,
    most: usize,
    bytes: usize,
    pub(crate) left_out: u64,
}

impl Entries {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            list: Vec::new(),
            most,
            bytes: 0,
            left_out: 0,
        }
    }

    /// Adds one, or counts it and all that follow as left out; whether there was room.
    pub(crate) fn push(&mut self, entry: Entry) -> bool {
        let bytes = self.bytes + entry.bytes();
        if self.left_out > 0 || self.list.len() >= self.most || bytes > MOST_ENTRY_BYTES {
            self.left_out += 1;
            return false;
        }
        self.bytes = bytes;
        self.list.push(entry);
        true
    }
}

/// The columns that an [`Entry`] is made of.
pub(crate) const ENTRY_COLUMNS: [&str; 13] = [
    "time",
    "name",
    "status",
    "account",
    "region",
    "service",
    "operation",
    "actor",
    "src_ip",
    "dst_ip",
    "resources",
    "source_type",
    "shared",
];

/// What every accumulator counts: events, and how many of them can't say all.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) events: u64,
    shared: u64,
    by_source: BTreeMap<String, u64>,
}

impl Looked {
    /// Source types are few; what comes beyond is not named.
    const MOST_SOURCES: usize = 64;

    pub(crate) fn at(&mut self, row: &Row<'_>) {
        self.events += 1;
        self.shared += u64::from(row.shared);
        if let Some(count) = self.by_source.get_mut(row.source_type) {
            *count += 1;
        } else if self.by_source.len() < Self::MOST_SOURCES {
            self.by_source.insert(row.source_type.to_owned(), 1);
        }
    }

    /// Events of this source type.
    pub(crate) fn of(&self, source_type: &str) -> u64 {
        self.by_source.get(source_type).copied().unwrap_or_default()
    }

    /// An answer with nothing in it yet but what all answers say.
    pub(crate) fn answer(&self, kind: Kind) -> Answer {
        let mut remarks = Vec::new();
        if self.shared > 0 {
            remarks.push(Remark::new(
                RemarkReason::Shared,
                format!(
                    "{} of {} events concern others too. In your view of them others' identities \
                     are pseudonyms and a part is withheld, so what depends on it is not found.",
                    self.shared, self.events
                ),
            ));
        }
        Answer {
            kind,
            plan_version: crate::plan_version(kind),
            events: self.events,
            tables: Vec::new(),
            graph: None,
            timeline: None,
            remarks,
        }
    }
}
