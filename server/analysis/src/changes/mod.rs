//! What was changed, and what would undo it.
//!
//! Remembered: the first 5,000 changes with at most 4 KiB of parameters each and 8 MiB together,
//! and of 10,000 things what they were set to last, each of at most 4 KiB and 16 MiB together.

mod inverse;
mod table;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;

use self::inverse::{Asked, Before, Inverse, State as Reversal, covers, shown};
use self::table::DATA_OPERATIONS;
use crate::answer::{
    Answer, Cell, ColumnKind, ENTRY_COLUMNS, Entry, Looked, Remark, RemarkReason, Rows, Timeline,
};
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Changes, Kind, Scope};
use crate::row::Row;
use crate::sql;

/// The version of the plan.
pub const PLAN_VERSION: u32 = 1;
/// Most changes.
pub const MOST_CHANGES: usize = 5_000;
/// Most things whose last setting is remembered.
pub const MOST_SETTINGS: usize = 10_000;
/// Most changes that a later event is held against, to see whether it undoes one.
const MOST_OPEN: usize = 256;
/// Most bytes of what is remembered of settings.
const MOST_SETTINGS_BYTES: usize = 16 << 20;
/// Most bytes of changes and of the parameters of their inverses.
const MOST_CHANGE_BYTES: usize = 8 << 20;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "Events of the scope that succeeded and are no reading, by their OCSF class and \
activity, without operations on data such as PutObject; oldest first, listed as far as they lie in \
the window. A reviewed table says what undoes an operation; its parameters are those of the request \
or of what the answer names, written as the source writes requests. What was set before is taken \
from the latest earlier event of the scope that set the same thing, and where there is none the \
answer says so. `undone_by` is a later event of the scope, by anybody, that did just that. The table knows the \
common operations of AWS, role bindings of Google Cloud and of Azure. It proposes and does nothing; \
look at what else depends on a change before you undo it, and go from the last to the first.";

struct Change {
    entry: Entry,
    region: String,
    inverse: Inverse,
    undone_by: Option<[u8; 16]>,
}

struct State {
    asked: Changes,
    changes: Vec<Change>,
    /// By the operation that undoes them: places of changes that are not undone.
    open: BTreeMap<String, Vec<usize>>,
    settings: BTreeMap<String, Before>,
    settings_bytes: usize,
    /// Of what happened, and of the parameters of inverses.
    change_bytes: usize,
    left_out: u64,
    forgotten: u64,
    looked: Looked,
}

pub(crate) fn plan(asked: &Changes, scope: &Scope) -> Plan {
    let data: Vec<String> = DATA_OPERATIONS
        .iter()
        .map(|name| sql::quoted(name))
        .collect();
    let filter = format!(
        "(class_uid IN (3001, 6003) AND NOT (class_uid = 6003 AND activity_id = 2) \
         AND status <> 'Failure' AND operation NOT IN ({}))",
        data.join(", ")
    );
    let mut columns = ENTRY_COLUMNS.to_vec();
    columns.push("raw");
    Plan {
        scans: vec![scan(scope, Some(filter), Order::OldestFirst, &columns)],
        state: Box::new(State {
            asked: asked.clone(),
            changes: Vec::new(),
            open: BTreeMap::new(),
            settings: BTreeMap::new(),
            settings_bytes: 0,
            change_bytes: 0,
            left_out: 0,
            forgotten: 0,
            looked: Looked::default(),
        }),
    }
}

impl State {
    fn wanted(&self, row: &Row<'_>) -> bool {
        let actor = self.asked.actor.as_ref();
        let window = self.asked.window.map(|window| window.ns());
        actor.is_none_or(|actor| actor == row.actor)
            && window.is_none_or(|(since, until)| (since..until).contains(&row.time_ns))
    }

    /// Whether this event undoes a change that was seen.
    fn undoes(&mut self, asked: &Asked<'_>, row: &Row<'_>) {
        let Some(open) = self.open.get_mut(row.operation) else {
            return;
        };
        // The latest first: it is what stands now.
        let changes = &mut self.changes;
        let same = open.iter().rev().take(MOST_OPEN).position(|at| {
            changes.get(*at).is_some_and(|change| {
                change.entry.account == row.account
                    && change.region == row.region
                    && change.inverse.parameters.is_null() == asked.request.is_null()
                    && covers(&asked.request, &change.inverse.parameters)
            })
        });
        let Some(place) = same.map(|from_end| open.len() - 1 - from_end) else {
            return;
        };
        let at = open.remove(place);
        if let Some(change) = changes.get_mut(at) {
            change.undone_by = Some(row.name);
        }
    }

    fn remember(&mut self, subject: String, asked: &Asked<'_>, row: &Row<'_>) {
        let before = (shown(&asked.request), row.name);
        let size = |before: &Before| before.0.as_ref().map_or(0, String::len);
        // What is forgotten must not be taken for what was set last.
        if let Some(old) = self.settings.remove(&subject) {
            self.settings_bytes -= subject.len() + size(&old);
        }
        let bytes = self.settings_bytes + subject.len() + size(&before);
        if self.settings.len() < MOST_SETTINGS && bytes <= MOST_SETTINGS_BYTES {
            self.settings_bytes = bytes;
            self.settings.insert(subject, before);
        } else {
            self.forgotten += 1;
        }
    }
}

impl Accumulate for State {
    fn take(&mut self, _: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.looked.at(row);
        let asked = Asked::of(row);
        self.undoes(&asked, row);
        if self.wanted(row) {
            if self.changes.len() < MOST_CHANGES
                && self.left_out == 0
                && self.change_bytes <= MOST_CHANGE_BYTES
            {
                let mut inverse = asked.inverse(|subject| self.settings.get(subject).cloned());
                let text = shown(&inverse.parameters);
                let entry = Entry::of(row);
                self.change_bytes += entry.bytes() + text.as_ref().map_or(0, String::len);
                if !inverse.parameters.is_null() && text.is_none() {
                    inverse.parameters = Value::Null;
                    "its parameters are too long to be shown; see the event"
                        .clone_into(&mut inverse.note);
                } else if inverse.state == Reversal::Reversible || !inverse.parameters.is_null() {
                    let open = self.open.entry(inverse.operation.clone()).or_default();
                    open.push(self.changes.len());
                }
                self.changes.push(Change {
                    entry,
                    region: row.region.to_owned(),
                    inverse,
                    undone_by: None,
                });
            } else {
                self.left_out += 1;
            }
        }
        if let Some(subject) = asked.sets() {
            self.remember(subject, &asked, row);
        }
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>) -> Answer {
        use ColumnKind::{EventName, Integer, Json, Text, Time};
        let mut answer = self.looked.answer(Kind::Changes);
        if self.forgotten > 0 {
            answer.remarks.push(Remark::new(
                RemarkReason::Full,
                format!(
                    "{} settings were not remembered; of what was set anew after them the \
                     previous value is not told. Narrow the time or the accounts.",
                    self.forgotten
                ),
            ));
        }
        let mut counts: BTreeMap<Reversal, (i64, i64)> = BTreeMap::new();
        let mut rows = Rows::new(
            "changes",
            "Changes, oldest first, and what would undo them",
            &[
                ("time", Time, ""),
                ("event", EventName, ""),
                ("actor", Text, ""),
                ("account", Text, ""),
                ("region", Text, ""),
                ("service", Text, ""),
                ("operation", Text, ""),
                ("resource", Text, ""),
                ("reversal", Text, ""),
                ("inverse_operation", Text, ""),
                ("inverse_parameters", Json, ""),
                ("previous_event", EventName, ""),
                ("undone_by", EventName, ""),
                ("note", Text, ""),
            ],
        );
        let name = |name: Option<&[u8; 16]>| name.map_or(Cell::Empty, Cell::event);
        for change in &self.changes {
            let (all, undone) = counts.entry(change.inverse.state).or_default();
            *all += 1;
            *undone += i64::from(change.undone_by.is_some());
            rows.push([
                Cell::text(&change.entry.time),
                Cell::text(&change.entry.event),
                Cell::text(&change.entry.actor),
                Cell::text(&change.entry.account),
                Cell::text(&change.region),
                Cell::text(&change.entry.service),
                Cell::text(&change.entry.operation),
                Cell::text(&change.entry.resource),
                Cell::text(change.inverse.state.as_str()),
                Cell::text(&change.inverse.operation),
                Cell::text(shown(&change.inverse.parameters).unwrap_or_default()),
                name(change.inverse.previous.as_ref()),
                name(change.undone_by.as_ref()),
                Cell::text(&change.inverse.note),
            ]);
        }
        if self.left_out > 0 {
            rows.leave_out(self.left_out, false);
        }
        let mut totals = Rows::new(
            "totals",
            "Changes by whether they can be undone",
            &[
                ("reversal", Text, ""),
                ("changes", Integer, "changes"),
                ("undone", Integer, "changes"),
            ],
        );
        for (state, (all, undone)) in counts {
            totals.push([
                Cell::text(state.as_str()),
                Cell::Integer(all),
                Cell::Integer(undone),
            ]);
        }
        answer.tables.push(totals.done("", &mut answer.remarks));
        let narrow = "narrow the window, or ask for one actor";
        answer.tables.push(rows.done(narrow, &mut answer.remarks));
        answer.timeline = Some(Timeline {
            around: None,
            entries: self
                .changes
                .into_iter()
                .map(|change| change.entry)
                .collect(),
            left_out: self.left_out,
        });
        answer
    }
}
