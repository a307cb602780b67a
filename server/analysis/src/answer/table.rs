//! Tables with bounds.

use serde::{Deserialize, Serialize};

use super::{Remark, RemarkReason};
use crate::time::rfc3339;

/// Most rows of one table.
pub const MOST_ROWS: usize = 10_000;
/// Most bytes of the cells of one table.
pub const MOST_TABLE_BYTES: usize = 4 << 20;
/// Longest text of a cell, in bytes; what is longer ends with `…`.
pub const LONGEST_CELL: usize = 4 << 10;

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnKind,
    /// In what they are measured; none for what has no unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What the cells of a column are. Any may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// A time, RFC 3339 in UTC.
    Time,
    /// An address or a range of addresses.
    Address,
    /// The name of an event, 32 hexadecimal digits.
    EventName,
    /// A text that is JSON.
    Json,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// A whole number.
    Integer(i64),
    /// A number; always finite.
    Float(f64),
    /// Text, and whatever is written as text.
    Text(String),
}

/// That rows were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// How many.
    pub left_out: u64,
    /// Whether there may be more.
    pub at_least: bool,
    /// What to ask instead, to see them.
    pub narrow: String,
}

impl Cell {
    /// Text; empty where there is none.
    #[must_use]
    pub fn text(text: impl AsRef<str>) -> Self {
        match text.as_ref() {
            "" => Self::Empty,
            text => Self::Text(clipped(text)),
        }
    }

    /// A count.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A number, rounded to three places; empty if it is not finite.
    #[must_use]
    pub fn float(number: f64) -> Self {
        if number.is_finite() {
            Self::Float((number * 1e3).round() / 1e3)
        } else {
            Self::Empty
        }
    }

    /// A number with all its digits; empty if it is not finite.
    #[must_use]
    pub fn exact(number: f64) -> Self {
        match number.is_finite() {
            true => Self::Float(number),
            false => Self::Empty,
        }
    }

    /// A time in nanoseconds since 1970.
    #[must_use]
    pub fn time(ns: i64) -> Self {
        Self::text(rfc3339(ns))
    }

    /// The name of an event.
    #[must_use]
    pub fn event(name: &[u8; 16]) -> Self {
        Self::Text(hex::encode(name))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Empty => 4,
            Self::Integer(_) | Self::Float(_) => 8,
            Self::Text(text) => text.len() + 2,
        }
    }
}

/// The text, cut to what a cell holds.
fn clipped(text: &str) -> String {
    if text.len() <= LONGEST_CELL {
        return text.to_owned();
    }
    let mut end = LONGEST_CELL - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// A table in the making: it takes rows as long as there is room, and counts the rest.
#[derive(Debug)]
pub struct Rows {
    table: Table,
    bytes: usize,
    left_out: u64,
    at_least: bool,
    most: usize,
}

impl Rows {
    /// A table of these columns: name, kind, and unit or nothing.
    #[must_use]
    pub fn new(name: &str, title: &str, columns: &[(&str, ColumnKind, &str)]) -> Self {
        let columns = columns.iter().map(|(name, kind, unit)| Column {
            name: (*name).to_owned(),
            kind: *kind,
            unit: (!unit.is_empty()).then(|| (*unit).to_owned()),
        });
        Self {
            table: Table {
                name: name.to_owned(),
                title: title.to_owned(),
                columns: columns.collect(),
                rows: Vec::new(),
                cut: None,
            },
            bytes: 0,
            left_out: 0,
            at_least: false,
            most: MOST_ROWS,
        }
    }

    /// With fewer rows at most.
    #[must_use]
    pub fn most(mut self, most: usize) -> Self {
        self.most = most.min(MOST_ROWS);
        self
    }

    /// Adds a row, or counts it as left out if there is no room.
    pub fn push(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.table.columns.len(), "{}", self.table.name);
        let bytes: usize = cells.iter().map(Cell::bytes).sum();
        // Once one was left out all that follow are, so that what is there is the beginning.
        let full = self.left_out > 0
            || self.table.rows.len() >= self.most
            || self.bytes.saturating_add(bytes) > MOST_TABLE_BYTES;
        if full {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        self.table.rows.push(cells);
    }

    /// Counts rows as left out that were never made.
    pub fn leave_out(&mut self, count: u64, at_least: bool) {
        self.left_out = self.left_out.saturating_add(count);
        self.at_least |= at_least;
    }

    /// The table; a remark goes with it where rows were left out.
    pub fn done(mut self, narrow: &str, remarks: &mut Vec<Remark>) -> Table {
        if self.left_out > 0 || self.at_least {
            let least = if self.at_least { "at least " } else { "" };
            remarks.push(Remark::new(
                RemarkReason::Cut,
                format!(
                    "The table {} leaves out {least}{} rows: {narrow}",
                    self.table.name, self.left_out
                ),
            ));
            self.table.cut = Some(Cut {
                left_out: self.left_out,
                at_least: self.at_least,
                narrow: narrow.to_owned(),
            });
        }
        self.table
    }
}
