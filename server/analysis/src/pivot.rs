//! Everything that somebody did, or that was done to something.
//!
//! Remembered: for each of seven dimensions at most 5,000 values of at most 1 KiB and 4 MiB, and the
//! first 1,000 events of at most 4 MiB.

use std::ops::ControlFlow;

use crate::answer::{
    Answer, Cell, ColumnKind, ENTRY_COLUMNS, Entries, Entry, Looked, Remark, RemarkReason, Rows,
    Timeline as Shown,
};
use crate::json;
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Kind, Pivot, Scope, Subject};
use crate::row::Row;
use crate::subject::{self, AGENT_PATHS};
use crate::tally::{Tallies, key};
use crate::time::rfc3339;
use crate::timeline::{entry_rows, push_entry};

/// The version of the plan.
///
/// 2: access keys by the column.
pub const PLAN_VERSION: u32 = 2;
/// Most values of one dimension.
pub const MOST_VALUES: usize = 5_000;
/// Most events that are listed.
pub const MOST_LISTED: usize = 1_000;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "All events of the scope that name the subject, oldest first: an actor \
as who did it (and sessions of it, where it is a role of AWS); an access key as what the call was \
made with, or what it was made about; an address on either side; a resource as what it was done \
to (and what sessions of an instance's role did, where it is an instance). Counted by operation, \
actor, address, account and region, resource, user agent and source; the first 1,000 are listed. \
Names are compared as they are written: another name of the same thing is another subject.";

struct State {
    subject: Subject,
    looked: Looked,
    listed: Entries,
    operations: Tallies<(String, String)>,
    actors: Tallies<String>,
    addresses: Tallies<String>,
    places: Tallies<(String, String)>,
    resources: Tallies<String>,
    agents: Tallies<String>,
    sources: Tallies<String>,
    span: Option<(i64, i64)>,
}

pub(crate) fn plan(asked: &Pivot, scope: &Scope) -> Plan {
    let mut columns = ENTRY_COLUMNS.to_vec();
    columns.push("raw");
    let filter = subject::filter(&asked.subject);
    Plan {
        scans: vec![scan(scope, filter, Order::OldestFirst, &columns)],
        state: Box::new(State {
            subject: asked.subject.clone(),
            looked: Looked::default(),
            listed: Entries::new(MOST_LISTED),
            operations: Tallies::new(MOST_VALUES),
            actors: Tallies::new(MOST_VALUES),
            addresses: Tallies::new(MOST_VALUES),
            places: Tallies::new(MOST_VALUES),
            resources: Tallies::new(MOST_VALUES),
            agents: Tallies::new(MOST_VALUES),
            sources: Tallies::new(MOST_VALUES),
            span: None,
        }),
    }
}

impl Accumulate for State {
    fn take(&mut self, _: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.looked.at(row);
        let (first, last) = self.span.unwrap_or((row.time_ns, row.time_ns));
        self.span = Some((first.min(row.time_ns), last.max(row.time_ns)));
        self.listed.push(Entry::of(row));
        self.operations
            .add((key(row.service), key(row.operation)), row);
        if !row.actor.is_empty() {
            self.actors.add(key(row.actor), row);
        }
        if let Some(address) = row.src_ip {
            self.addresses.add(address.to_string(), row);
        }
        if let Some(address) = row.dst_ip.filter(|address| row.src_ip != Some(*address)) {
            self.addresses.add(address.to_string(), row);
        }
        self.places.add((key(row.account), key(row.region)), row);
        for resource in row.resources {
            self.resources.add(key(resource), row);
        }
        if let Some(agent) = user_agent(row.raw) {
            self.agents.add(key(&agent), row);
        }
        self.sources.add(key(row.source_type), row);
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>) -> Answer {
        let mut answer = self.looked.answer(Kind::Pivot);
        let (kind, value) = subject::words(&self.subject);
        match self.span {
            None => answer.remarks.push(Remark::new(
                RemarkReason::NotFound,
                format!("No event of the scope names the {kind} {value}."),
            )),
            Some((first, last)) => answer.remarks.push(Remark::new(
                RemarkReason::Method,
                format!(
                    "{} events from {} to {} name the {kind} {value}.",
                    self.looked.events,
                    rfc3339(first),
                    rfc3339(last)
                ),
            )),
        }
        let pair = |(a, b): &(String, String)| [a.clone(), b.clone()];
        let one = |a: &String| [a.clone()];
        let tables = [
            table(
                "operations",
                "By operation",
                ["service", "operation"],
                &self.operations,
                pair,
                &mut answer.remarks,
            ),
            table(
                "actors",
                "By actor",
                ["actor"],
                &self.actors,
                one,
                &mut answer.remarks,
            ),
            table(
                "addresses",
                "By address",
                ["address"],
                &self.addresses,
                one,
                &mut answer.remarks,
            ),
            table(
                "places",
                "By account and region",
                ["account", "region"],
                &self.places,
                pair,
                &mut answer.remarks,
            ),
            table(
                "resources",
                "By resource",
                ["resource"],
                &self.resources,
                one,
                &mut answer.remarks,
            ),
            table(
                "user_agents",
                "By user agent",
                ["user_agent"],
                &self.agents,
                one,
                &mut answer.remarks,
            ),
            table(
                "source_types",
                "By kind of source",
                ["source_type"],
                &self.sources,
                one,
                &mut answer.remarks,
            ),
        ];
        answer.tables.extend(tables);
        let mut events = entry_rows("events", "Events, oldest first");
        for entry in &self.listed.list {
            push_entry(&mut events, entry);
        }
        if self.listed.left_out > 0 {
            events.leave_out(self.listed.left_out, false);
        }
        let narrow = "narrow the time, or search with the same condition";
        answer.tables.push(events.done(narrow, &mut answer.remarks));
        answer.timeline = Some(Shown {
            around: None,
            left_out: self.listed.left_out,
            entries: self.listed.list,
        });
        answer
    }
}

/// The program that called, as the record has it.
pub(crate) fn user_agent(raw: &str) -> Option<String> {
    AGENT_PATHS.iter().find_map(|path| {
        let path: Vec<&str> = path.split('.').collect();
        json::text(raw, &path).map(std::borrow::Cow::into_owned)
    })
}

/// A table of tallies, most frequent first.
fn table<K: crate::tally::Key, const N: usize>(
    name: &str,
    title: &str,
    by: [&str; N],
    tallies: &Tallies<K>,
    parts: impl Fn(&K) -> [String; N],
    remarks: &mut Vec<Remark>,
) -> crate::Table {
    use ColumnKind::{Address, EventName, Integer, Text, Time};
    let kind = |name: &str| if name == "address" { Address } else { Text };
    let mut columns: Vec<(&str, ColumnKind, &str)> =
        by.iter().map(|name| (*name, kind(name), "")).collect();
    columns.extend([
        ("count", Integer, "events"),
        ("failed", Integer, "events"),
        ("first", Time, ""),
        ("last", Time, ""),
        ("first_event", EventName, ""),
    ]);
    let mut rows = Rows::new(name, title, &columns);
    for (of, tally) in tallies.by_count() {
        let mut cells: Vec<Cell> = parts(of).iter().map(Cell::text).collect();
        cells.extend([
            Cell::count(tally.count),
            Cell::count(tally.failed),
            Cell::time(tally.first),
            Cell::time(tally.last),
            Cell::event(&tally.event),
        ]);
        rows.push(cells);
    }
    tallies.remark(name, remarks);
    rows.done("narrow the time or the accounts", remarks)
}
