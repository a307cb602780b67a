//! What is new, gone, more or less in one window against another.
//!
//! Remembered: for each of five dimensions at most 20,000 values of at most 1 KiB, and
//! 4 MiB together, in either window.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::answer::{Answer, Cell, ColumnKind, Looked, Remark, RemarkReason, Rows};
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Compare, Kind, Scope, Window};
use crate::row::Row;
use crate::tally::{Tallies, key};

/// The version of the plan.
pub const PLAN_VERSION: u32 = 1;
/// Most values of one dimension in one window.
pub const MOST_VALUES: usize = 20_000;
/// Most rows of a table.
const MOST_SHOWN: usize = 2_000;
/// A rate that is so many times the other's is more, and the other less.
const APART: f64 = 2.0;
/// Fewest events in a window for more or less: below, chance makes any ratio.
const FEWEST: u64 = 5;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "All events of both windows, counted by operation, actor, source address, \
region and account. New is what the baseline does not have, gone what the window does not have. \
More and less are rates per hour at least twice each other, of values with five events or more in \
either window; what is between is only counted. The ratio is the window's rate divided by the \
baseline's. A window without any event of a source says more of the source than of what it \
watches: look at both totals first.";

/// What is compared, and how its table is called.
const DIMENSIONS: [&str; 5] = ["operations", "actors", "addresses", "regions", "accounts"];

struct Side {
    dimensions: [Tallies<(String, String)>; 5],
    looked: Looked,
}

impl Side {
    fn new() -> Self {
        Self {
            dimensions: std::array::from_fn(|_| Tallies::new(MOST_VALUES)),
            looked: Looked::default(),
        }
    }
}

struct State {
    asked: Compare,
    /// The windows as far as they lie in the scope; baseline first.
    windows: [Option<Window>; 2],
    baseline: Side,
    window: Side,
    both: Looked,
}

pub(crate) fn plan(asked: &Compare, scope: &Scope) -> Plan {
    let columns = [
        "time",
        "name",
        "status",
        "account",
        "region",
        "service",
        "operation",
        "actor",
        "src_ip",
        "source_type",
        "shared",
    ];
    let within = |window: Window| {
        let window = Window {
            since: window.since.max(scope.since),
            until: window.until.min(scope.until),
        };
        (window.since < window.until).then_some(window)
    };
    let windows = [within(asked.baseline), within(asked.window)];
    let scans = windows.map(|window| {
        let mut scan = scan(scope, None, Order::NewestFirst, &columns);
        (scan.since, scan.until) = window.map_or((scan.since, scan.since), Window::ns);
        scan
    });
    Plan {
        scans: scans.into(),
        state: Box::new(State {
            asked: asked.clone(),
            windows,
            baseline: Side::new(),
            window: Side::new(),
            both: Looked::default(),
        }),
    }
}

impl Accumulate for State {
    fn take(&mut self, scan: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.both.at(row);
        let side = if scan == 0 {
            &mut self.baseline
        } else {
            &mut self.window
        };
        side.looked.at(row);
        let address = row.src_ip.map(|ip| ip.to_string()).unwrap_or_default();
        let values = [
            (row.operation, row.service),
            (row.actor, ""),
            (address.as_str(), ""),
            (row.region, ""),
            (row.account, ""),
        ];
        for (tallies, (value, of)) in side.dimensions.iter_mut().zip(values) {
            if !value.is_empty() {
                tallies.add((key(value), key(of)), row);
            }
        }
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>) -> Answer {
        let mut answer = self.both.answer(Kind::Compare);
        let [Some(baseline), Some(window)] = self.windows else {
            answer.remarks.push(Remark::new(
                RemarkReason::NotFound,
                "A window lies outside of the scope's time, so there is nothing to compare.",
            ));
            return answer;
        };
        if (baseline, window) != (self.asked.baseline, self.asked.window) {
            answer.remarks.push(Remark::new(
                RemarkReason::Clipped,
                "A window reaches beyond the time of the scope and was cut to it.",
            ));
        }
        answer.tables.push(self.totals(baseline, window));
        for (at, name) in DIMENSIONS.into_iter().enumerate() {
            let (Some(before), Some(now)) = (
                self.baseline.dimensions.get(at),
                self.window.dimensions.get(at),
            ) else {
                continue;
            };
            let lengths = (baseline.seconds(), window.seconds());
            dimension(&mut answer, name, before, now, lengths);
        }
        answer
    }
}

impl State {
    fn totals(&self, baseline: Window, window: Window) -> crate::Table {
        use ColumnKind::{Float, Integer, Text, Time};
        let mut rows = Rows::new(
            "totals",
            "Both windows",
            &[
                ("window", Text, ""),
                ("since", Time, ""),
                ("until", Time, ""),
                ("events", Integer, "events"),
                ("per_hour", Float, "events per hour"),
            ],
        );
        for (name, window, side) in [
            ("baseline", baseline, &self.baseline),
            ("window", window, &self.window),
        ] {
            let (since, until) = window.ns();
            rows.push([
                Cell::text(name),
                Cell::time(since),
                Cell::time(until),
                Cell::count(side.looked.events),
                Cell::float(rate(side.looked.events, window.seconds())),
            ]);
        }
        rows.done("", &mut Vec::new())
    }
}

/// Events per hour.
#[allow(
    clippy::cast_precision_loss,
    reason = "rates are shown to three places"
)]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 * 3600.0 / seconds
}

/// What became of a value; none if it is about the same.
fn change(before: u64, now: u64, ratio: f64) -> Option<(u8, &'static str)> {
    match (before, now) {
        (0, 0) => None,
        (0, _) => Some((0, "new")),
        (_, 0) => Some((1, "gone")),
        _ if before.max(now) < FEWEST => None,
        _ if ratio >= APART => Some((2, "more")),
        _ if ratio <= 1.0 / APART => Some((3, "less")),
        _ => None,
    }
}

fn dimension(
    answer: &mut Answer,
    name: &str,
    before: &Tallies<(String, String)>,
    now: &Tallies<(String, String)>,
    (before_seconds, now_seconds): (f64, f64),
) {
    use ColumnKind::{Address, EventName, Float, Integer, Text, Time};
    let full = before.beyond() > 0 || now.beyond() > 0;
    if full {
        before.remark(name, &mut answer.remarks);
        now.remark(name, &mut answer.remarks);
        answer.remarks.push(Remark::new(
            RemarkReason::Full,
            format!(
                "Of {name} not all were remembered, so what is told as new or gone may be neither."
            ),
        ));
    }
    let keys: BTreeSet<_> = before
        .iter()
        .chain(now.iter())
        .map(|(key, _)| key)
        .collect();
    let mut found = Vec::new();
    let mut same = 0_u64;
    for of in keys {
        let counts = [before, now].map(|side| side.get(of).map_or(0, |tally| tally.count));
        let [was, is] = counts;
        let ratio = rate(is, now_seconds) / rate(was, before_seconds);
        match change(was, is, ratio) {
            Some(change) => found.push((change, was, is, ratio, of)),
            None => same += 1,
        }
    }
    found.sort_by(|a, b| {
        let size = |(_, was, is, ..): &(_, u64, u64, _, _)| (*was).max(*is);
        (a.0.0.cmp(&b.0.0))
            .then_with(|| size(b).cmp(&size(a)))
            .then_with(|| a.4.cmp(b.4))
    });
    let kind = if name == "addresses" { Address } else { Text };
    let mut rows = Rows::new(
        name,
        &format!("Changes of {name}; {same} are about the same"),
        &[
            ("change", Text, ""),
            ("value", kind, ""),
            ("service", Text, ""),
            ("baseline", Integer, "events"),
            ("window", Integer, "events"),
            ("ratio", Float, ""),
            ("first", Time, ""),
            ("last", Time, ""),
            ("first_event", EventName, ""),
        ],
    )
    .most(MOST_SHOWN);
    for ((_, word), was, is, ratio, of) in found {
        let Some(tally) = now.get(of).or_else(|| before.get(of)) else {
            continue;
        };
        let ratio = if was == 0 {
            Cell::Empty
        } else {
            Cell::float(ratio)
        };
        rows.push([
            Cell::text(word),
            Cell::text(&of.0),
            Cell::text(&of.1),
            Cell::count(was),
            Cell::count(is),
            ratio,
            Cell::time(tally.first),
            Cell::time(tally.last),
            Cell::event(&tally.event),
        ]);
    }
    let table = rows.done("narrow the windows or the accounts", &mut answer.remarks);
    answer.tables.push(table);
}
