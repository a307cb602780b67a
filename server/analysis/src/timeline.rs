//! What happened around an event or a time.
//!
//! Remembered: 2,500 events before and as many after, the nearest, of at most 4 MiB either.

use std::ops::ControlFlow;

use crate::answer::{
    Answer, Cell, ColumnKind, ENTRY_COLUMNS, Entries, Entry, Looked, Remark, RemarkReason, Rows,
    Timeline as Shown,
};
use crate::plan::{Accumulate, Order, Plan, Scan, scan};
use crate::question::{Around, Kind, Same, Scope, Timeline};
use crate::row::Row;
use crate::sql;
use crate::time::{nanoseconds, of_seconds, rfc3339};

/// The version of the plan.
pub const PLAN_VERSION: u32 = 1;
/// Most events on either side.
pub const MOST_EACH_SIDE: usize = 2_500;
/// Most resources of the event in the midst that others are held against.
const MOST_RESOURCES: usize = 64;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "The events nearest in time to the one in the midst (or to the time), at \
most 2,500 before and 2,500 after, within the window and the scope. With `same` only events that \
share the actor, the account, an address or a resource with it; one of those named is enough. \
Times are what the sources wrote: sources whose clocks differ may be told in the wrong order.";

struct State {
    asked: Timeline,
    scope: Scope,
    /// The condition of the second round, once the event in the midst is known.
    pending: Option<Option<String>>,
    looked: Looked,
    at: Option<i64>,
    before: Entries,
    after: Entries,
    remarks: Vec<Remark>,
}

pub(crate) fn plan(asked: &Timeline, scope: &Scope) -> Plan {
    let mut state = State {
        asked: asked.clone(),
        scope: scope.clone(),
        pending: None,
        looked: Looked::default(),
        at: None,
        before: Entries::new(MOST_EACH_SIDE),
        after: Entries::new(MOST_EACH_SIDE),
        remarks: Vec::new(),
    };
    let scans = match &asked.around {
        Around::Event(name) => {
            let name = sql::is("name", &name.to_lowercase());
            let mut scan = scan(scope, Some(name), Order::NewestFirst, &ENTRY_COLUMNS);
            scan.limit = 1;
            vec![scan]
        }
        Around::Time(time) => {
            let at = nanoseconds(*time);
            state.at = Some(at);
            state.around(at, None)
        }
    };
    Plan {
        scans,
        state: Box::new(state),
    }
}

impl State {
    /// The scans to both sides. Two, so that what is cut off is what is farthest.
    fn around(&mut self, at: i64, filter: Option<&str>) -> Vec<Scan> {
        let wide = (
            at.saturating_sub(of_seconds(self.asked.before_seconds)),
            at.saturating_add(of_seconds(self.asked.after_seconds))
                .saturating_add(1),
        );
        let (since, until) = self.scope.ns();
        let clipped = (wide.0.max(since), wide.1.min(until));
        if clipped != wide {
            self.remarks.push(Remark::new(
                RemarkReason::Clipped,
                "The window reaches beyond the time of the scope and was cut to it.",
            ));
        }
        let one = |order, since: i64, until: i64| {
            let mut scan = scan(
                &self.scope,
                filter.map(str::to_owned),
                order,
                &ENTRY_COLUMNS,
            );
            (scan.since, scan.until) = (since, until.max(since));
            // One more tells that there are more.
            scan.limit = MOST_EACH_SIDE as u64 + 1;
            scan
        };
        vec![
            one(Order::NewestFirst, clipped.0, at.min(clipped.1)),
            one(Order::OldestFirst, at.max(clipped.0), clipped.1),
        ]
    }

    /// The condition that what is shared with the event in the midst makes.
    fn same(&mut self, row: &Row<'_>) -> Option<Option<String>> {
        if self.asked.same.is_empty() {
            return Some(None);
        }
        let mut parts = Vec::new();
        for same in &self.asked.same {
            let before = parts.len();
            match same {
                Same::Actor if !row.actor.is_empty() => parts.push(sql::is("actor", row.actor)),
                Same::Account if !row.account.is_empty() => {
                    parts.push(sql::is("account", row.account));
                }
                Same::Address => {
                    let sides = [row.src_ip, row.dst_ip].into_iter().flatten();
                    let sides: Vec<String> = sides.map(|ip| ip.to_string()).collect();
                    parts.extend(
                        ["src_ip", "dst_ip"]
                            .iter()
                            .filter_map(|c| sql::is_one(c, &sides)),
                    );
                }
                Same::Resources => {
                    let named = row.resources.iter().take(MOST_RESOURCES);
                    parts.extend(named.map(|one| sql::has_resource(one)));
                }
                Same::Actor | Same::Account => {}
            }
            if parts.len() == before {
                self.remarks.push(Remark::new(
                    RemarkReason::Silent,
                    format!(
                        "The event in the midst names no {}, so nothing is told to share it.",
                        match same {
                            Same::Actor => "actor",
                            Same::Account => "account",
                            Same::Address => "address",
                            Same::Resources => "resource",
                        }
                    ),
                ));
            }
        }
        let mut bytes = 0;
        let all = parts.len();
        parts.retain(|part| {
            bytes += part.len() + 4;
            bytes <= sql::LONGEST_CONDITION
        });
        if parts.len() < all {
            self.remarks.push(Remark::new(
                RemarkReason::Cut,
                "The event in the midst names so much that what shares a part of it is not told.",
            ));
        }
        sql::any(parts.into_iter().map(Some)).map(Some)
    }

    /// Looks at the event in the midst.
    fn midst(&mut self, row: &Row<'_>) {
        self.at = Some(row.time_ns);
        self.pending = self.same(row);
        if self.pending.is_none() {
            self.after.push(Entry::of(row));
        }
    }
}

impl Accumulate for State {
    fn take(&mut self, scan: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.looked.at(row);
        if self.at.is_none() {
            self.midst(row);
            return ControlFlow::Break(());
        }
        let side = if scan == 0 {
            &mut self.before
        } else {
            &mut self.after
        };
        if side.push(Entry::of(row)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn next_scans(&mut self) -> Vec<Scan> {
        match (self.pending.take(), self.at) {
            (Some(filter), Some(at)) => {
                // The second round gives it again.
                self.looked = Looked::default();
                self.around(at, filter.as_deref())
            }
            _ => Vec::new(),
        }
    }

    fn finish(mut self: Box<Self>) -> Answer {
        let mut answer = self.looked.answer(Kind::Timeline);
        if self.at.is_none() {
            answer.remarks.push(Remark::new(
                RemarkReason::NotFound,
                "There is no event of that name in the scope. Look at its name, and whether its \
                 time and account are in the scope.",
            ));
        }
        answer.remarks.append(&mut self.remarks);
        let left_out = self.before.left_out + self.after.left_out;
        let mut entries = self.before.list;
        entries.reverse();
        entries.append(&mut self.after.list);
        let mut table = entry_rows("events", "Events, oldest first");
        for entry in &entries {
            push_entry(&mut table, entry);
        }
        if left_out > 0 {
            table.leave_out(left_out, true);
        }
        let narrow = "ask for less time before and after, or for what is shared with the event";
        answer.tables.push(table.done(narrow, &mut answer.remarks));
        answer.timeline = Some(Shown {
            around: self.at.map(rfc3339),
            entries,
            left_out,
        });
        answer
    }
}

/// A table of entries.
pub(crate) fn entry_rows(name: &str, title: &str) -> Rows {
    use ColumnKind::{Address, EventName, Text, Time};
    Rows::new(
        name,
        title,
        &[
            ("time", Time, ""),
            ("event", EventName, ""),
            ("actor", Text, ""),
            ("service", Text, ""),
            ("operation", Text, ""),
            ("status", Text, ""),
            ("account", Text, ""),
            ("address", Address, ""),
            ("resource", Text, ""),
        ],
    )
}

pub(crate) fn push_entry(rows: &mut Rows, entry: &Entry) {
    rows.push([
        Cell::text(&entry.time),
        Cell::text(&entry.event),
        Cell::text(&entry.actor),
        Cell::text(&entry.service),
        Cell::text(&entry.operation),
        Cell::text(&entry.status),
        Cell::text(&entry.account),
        Cell::text(&entry.address),
        Cell::text(&entry.resource),
    ]);
}
