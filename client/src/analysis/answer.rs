//! Answers, read.

use serde::Deserialize;

use crate::error::{Error, Reason, Result};

/// Longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 33 << 20;

/// An answer: data, and nothing but a function of the question, the scope and the events.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// The kind of question, as [`Question::kind`](super::Question::kind) has it.
    pub kind: String,
    /// The version of the plan that made it.
    pub plan_version: u32,
    /// How many events were looked at, in all scans together.
    pub events: u64,
    /// The figures.
    pub tables: Vec<Table>,
    /// Who is connected with whom.
    #[serde(default)]
    pub graph: Option<Graph>,
    /// What happened when.
    #[serde(default)]
    pub timeline: Option<Timeline>,
    /// What is to be known of it besides: what was left out, and what was not looked at.
    pub remarks: Vec<Remark>,
    /// The whole of it, byte for byte: JSON, whose SHA-256 is signed.
    #[serde(skip)]
    pub json: Vec<u8>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its name, unique in the answer.
    pub name: String,
    /// What it says, in a few words.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; each has a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// Set when rows were left out.
    #[serde(default)]
    pub cut: Option<Cut>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells are: `TEXT`, `INTEGER`, `FLOAT`, `TIME`, `ADDRESS`, `EVENT_NAME` or `JSON`.
    pub kind: String,
    /// In what they are measured, if in anything.
    #[serde(default)]
    pub unit: Option<String>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text, and whatever is written as text.
    Text(String),
}

/// That rows were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Cut {
    /// How many.
    pub left_out: u64,
    /// Whether there may be more.
    pub at_least: bool,
    /// What to ask instead, to see them.
    pub narrow: String,
}

/// Who is connected with whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Graph {
    /// Who or what.
    pub nodes: Vec<Node>,
    /// How they are connected.
    pub edges: Vec<Edge>,
}

/// Somebody or something in a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// Its identity as events have it: an ARN, a mail address, a key's id.
    pub id: String,
    /// What it is, as in `role` or `access_key`.
    pub kind: String,
    /// Steps from the start: 0 for the start, negative for who came before it.
    pub hop: i32,
    /// Events that it did with credentials found here; 0 where none is known.
    pub used: u64,
}

/// A connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Edge {
    /// From which node, by its place in the list, from 0.
    pub from: usize,
    /// To which node.
    pub to: usize,
    /// How, by the operation that made it.
    pub operation: String,
    /// How far it came: `refused`, `given` or `used`.
    pub outcome: String,
    /// How often.
    pub count: u64,
    /// When first, RFC 3339.
    pub first: String,
    /// When last, RFC 3339.
    pub last: String,
    /// The name of the first event of it.
    pub event: String,
}

/// What happened when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Timeline {
    /// What is in the midst, RFC 3339.
    #[serde(default)]
    pub around: Option<String>,
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
    /// How many are left out.
    pub left_out: u64,
}

/// One event of a timeline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
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

/// What is to be known of an answer besides its figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Remark {
    /// What kind of remark, as in `CUT` or `NOT_FOUND`.
    pub reason: String,
    /// In words, with what to do about it.
    pub message: String,
}

impl Answer {
    /// Reads an answer's JSON. Whether it is the one that was signed,
    /// [`SignedAnalysis::check`](super::SignedAnalysis::check) says.
    ///
    /// # Errors
    ///
    /// `INVALID_STATEMENT` when it is none, `TOO_LARGE` over [`MAX_ANSWER_BYTES`].
    pub fn parse(json: Vec<u8>) -> Result<Self> {
        if json.len() > MAX_ANSWER_BYTES {
            return Err(too_large());
        }
        let wrong = |what: String| {
            Error::new(
                Reason::InvalidStatement,
                format!("the answer can't be read: {what}"),
            )
        };
        let answer: Self =
            serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))?;
        for table in &answer.tables {
            if table
                .rows
                .iter()
                .any(|row| row.len() != table.columns.len())
            {
                let name = &table.name;
                return Err(wrong(format!("a row of the table `{name}` misses a cell")));
            }
        }
        if let Some(graph) = &answer.graph {
            let known = |at: usize| at < graph.nodes.len();
            if graph
                .edges
                .iter()
                .any(|edge| !known(edge.from) || !known(edge.to))
            {
                return Err(wrong("a connection leads nowhere".to_owned()));
            }
        }
        Ok(Self { json, ..answer })
    }

    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

pub(super) fn too_large() -> Error {
    Error::new(
        Reason::TooLarge,
        "the answer is larger than any that is read",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not() {
        let good = || {
            json!({
                "kind": "seen", "plan_version": 2, "events": 3,
                "tables": [{
                    "name": "seen", "title": "When",
                    "columns": [
                        { "name": "subject", "kind": "TEXT" },
                        { "name": "bytes", "kind": "INTEGER", "unit": "B" },
                        { "name": "score", "kind": "FLOAT" },
                        { "name": "last", "kind": "TIME" },
                    ],
                    "rows": [["a", 7, 0.5, null]],
                    "cut": { "left_out": 1, "at_least": true, "narrow": "ask less" },
                }],
                "graph": {
                    "nodes": [{ "id": "a", "kind": "role", "hop": 0, "used": 1 }],
                    "edges": [{
                        "from": 0, "to": 0, "operation": "o", "outcome": "used", "count": 1,
                        "first": "", "last": "", "event": "",
                    }],
                },
                "remarks": [{ "reason": "CUT", "message": "m" }],
                "of_a_newer_server": true,
            })
        };
        let json = good().to_string().into_bytes();
        let answer = Answer::parse(json.clone()).unwrap();
        assert_eq!(answer.json, json);
        let table = answer.table("seen").unwrap();
        let cells = [
            Cell::Text("a".to_owned()),
            Cell::Integer(7),
            Cell::Float(0.5),
            Cell::Empty,
        ];
        assert_eq!(table.rows[0], cells);
        assert!(table.cut.as_ref().unwrap().at_least);
        assert_eq!(answer.table("other"), None);
        for (place, value) in [
            ("/tables/0/rows/0", json!(["a"])),
            ("/tables/0/rows/0/0", json!({})),
            ("/graph/edges/0/to", json!(1)),
            ("/events", json!(-1)),
            ("/remarks", json!(null)),
        ] {
            let mut bad = good();
            *bad.pointer_mut(place).unwrap() = value;
            let error = Answer::parse(bad.to_string().into_bytes()).unwrap_err();
            assert_eq!(*error.reason(), Reason::InvalidStatement, "{place}");
        }
        let long = Answer::parse(vec![b' '; MAX_ANSWER_BYTES + 1]).unwrap_err();
        assert_eq!(*long.reason(), Reason::TooLarge);
    }
}
