//! When something was seen first and last.
//!
//! Remembered: two events for each subject.

use std::ops::ControlFlow;

use crate::answer::{
    Answer, Cell, ColumnKind, ENTRY_COLUMNS, Entry, Looked, Remark, RemarkReason, Rows,
};
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Kind, Scope, Seen, Subject};
use crate::row::Row;
use crate::subject;

/// The version of the plan.
///
/// 2: access keys by the column.
pub const PLAN_VERSION: u32 = 2;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "For each subject one event from either end of the scope's time: the \
lake reads no further. `First` means first in the scope, and no earlier than your oldest events \
that are kept. User agents are read from the records of those sources that have them.";

struct State {
    subjects: Vec<Subject>,
    found: Vec<[Option<(Entry, String)>; 2]>,
    looked: Looked,
}

pub(crate) fn plan(asked: &Seen, scope: &Scope) -> Plan {
    let mut subjects = asked.subjects.clone();
    subjects.sort_unstable();
    subjects.dedup();
    let both = |subject: &Subject| {
        [Order::OldestFirst, Order::NewestFirst].map(|order| {
            let mut scan = scan(scope, subject::filter(subject), order, &ENTRY_COLUMNS);
            scan.limit = 1;
            scan
        })
    };
    Plan {
        scans: subjects.iter().flat_map(both).collect(),
        state: Box::new(State {
            found: subjects.iter().map(|_| [None, None]).collect(),
            subjects,
            looked: Looked::default(),
        }),
    }
}

impl Accumulate for State {
    fn take(&mut self, scan: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.looked.at(row);
        let place = self.found.get_mut(scan / 2);
        if let Some(place) = place.and_then(|ends| ends.get_mut(scan % 2)) {
            place.get_or_insert_with(|| (Entry::of(row), row.region.to_owned()));
        }
        ControlFlow::Break(())
    }

    fn finish(self: Box<Self>) -> Answer {
        use ColumnKind::{Address, EventName, Text, Time};
        let mut answer = self.looked.answer(Kind::Seen);
        let mut rows = Rows::new(
            "seen",
            "First and last events",
            &[
                ("subject_kind", Text, ""),
                ("subject", Text, ""),
                ("end", Text, ""),
                ("time", Time, ""),
                ("event", EventName, ""),
                ("actor", Text, ""),
                ("operation", Text, ""),
                ("status", Text, ""),
                ("account", Text, ""),
                ("region", Text, ""),
                ("address", Address, ""),
            ],
        );
        for (subject, ends) in self.subjects.iter().zip(&self.found) {
            let (kind, value) = subject::words(subject);
            if ends.iter().all(Option::is_none) {
                answer.remarks.push(Remark::new(
                    RemarkReason::NotFound,
                    format!("The {kind} {value} is in no event of the scope."),
                ));
            }
            for (end, found) in ["first", "last"].iter().zip(ends) {
                let Some((entry, region)) = found else {
                    continue;
                };
                rows.push([
                    Cell::text(kind),
                    Cell::text(value),
                    Cell::text(end),
                    Cell::text(&entry.time),
                    Cell::text(&entry.event),
                    Cell::text(&entry.actor),
                    Cell::text(&entry.operation),
                    Cell::text(&entry.status),
                    Cell::text(&entry.account),
                    Cell::text(region),
                    Cell::text(&entry.address),
                ]);
            }
        }
        answer
            .tables
            .push(rows.done("name fewer subjects", &mut answer.remarks));
        answer
    }
}
