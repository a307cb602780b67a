//! Which connections come back periodically.
//!
//! Remembered: at most 20,000 of source, destination and port, each with at most 256 gaps of
//! four bytes. When there is no room, pairs that are too rare to have a period and were not
//! seen for longer than the longest period make place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::answer::{Answer, Cell, ColumnKind, Looked, Remark, RemarkReason, Rows};
use crate::flow::{self, Layout};
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Beacons, Kind, Scope};
use crate::row::Row;
use crate::sql;
use crate::time::of_seconds;

/// The version of the plan.
pub const PLAN_VERSION: u32 = 1;
/// Most pairs.
pub const MOST_PAIRS: usize = 20_000;
/// Most gaps of one pair from which the period is told: the first ones.
pub const MOST_GAPS: usize = 256;
/// Most rows of the table.
const MOST_SHOWN: usize = 1_000;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "Accepted flows by source, destination and destination port, oldest first. \
Flows that begin less than a second after the one before are one connection. The period is the \
median of the gaps between connections (of the first 256), the jitter the median of their \
distances from it. The score, from 0 to 1, is the regularity (1 less jitter divided by period) times \
the mean of two figures: the symmetry of the gaps (1 less Bowley's skewness, and 1 where the middle \
half of them spreads over less than a twentieth of the period) and the coverage (how much of the time \
from first to last the count times the period fills). Monitoring, time and update services \
are periodic, too: a score is no verdict. A flow record stands for up to ten minutes of traffic, \
so shorter periods within one record are not seen, and connections that are kept open look like \
the interval of aggregation. Connections from random ports are one pair; to random ports they are \
not.";

#[derive(Debug, Clone, PartialEq)]
struct Pair {
    count: u64,
    records: u64,
    first: i64,
    last: i64,
    /// In hundredths of a second.
    gaps: Vec<u32>,
    event: [u8; 16],
    bytes: u64,
}

/// What is told of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score {
    /// Seconds.
    period: f64,
    /// Seconds.
    jitter: f64,
    score: f64,
}

struct State {
    asked: Beacons,
    layout: Layout,
    pairs: BTreeMap<(IpAddr, IpAddr, u16), Pair>,
    looked: Looked,
    silent: u64,
    beyond: u64,
    evicted: u64,
    /// When room was made last, nanoseconds since 1970.
    swept: i64,
}

pub(crate) fn plan(asked: &Beacons, scope: &Scope) -> Plan {
    let filter = sql::all([
        Some(sql::is("source_type", flow::SOURCE_TYPE)),
        Some("status <> 'Failure'".to_owned()),
    ]);
    let columns = [
        "time",
        "name",
        "status",
        "src_ip",
        "dst_ip",
        "dst_port",
        "source_type",
        "shared",
        "raw",
        "raw_context",
    ];
    Plan {
        scans: vec![scan(scope, filter, Order::OldestFirst, &columns)],
        state: Box::new(State {
            asked: asked.clone(),
            layout: Layout::default(),
            pairs: BTreeMap::new(),
            looked: Looked::default(),
            silent: 0,
            beyond: 0,
            evicted: 0,
            swept: i64::MIN,
        }),
    }
}

impl State {
    /// Makes room, at most once in a quarter of the longest period.
    fn sweep(&mut self, now: i64) {
        let longest = of_seconds(self.asked.maximum_period_seconds);
        if now.saturating_sub(self.swept) < longest / 4 {
            return;
        }
        self.swept = now;
        let before = self.pairs.len();
        let fewest = u64::from(self.asked.minimum_count);
        self.pairs
            .retain(|_, pair| pair.count >= fewest || now.saturating_sub(pair.last) <= longest);
        self.evicted += (before - self.pairs.len()) as u64;
    }
}

impl Accumulate for State {
    fn take(&mut self, _: usize, row: &Row<'_>) -> ControlFlow<()> {
        /// Flows that begin closer together are one connection.
        const APART: i64 = 1_000_000_000;
        self.looked.at(row);
        let (Some(from), Some(to), Some(port)) = (row.src_ip, row.dst_ip, row.dst_port) else {
            self.silent += 1;
            return ControlFlow::Continue(());
        };
        let flow = self.layout.read(row.raw_context, row.raw);
        let at = flow.start.map_or(row.time_ns, of_seconds);
        let bytes = flow.bytes.unwrap_or_default();
        if self.pairs.len() >= MOST_PAIRS && !self.pairs.contains_key(&(from, to, port)) {
            self.sweep(at);
            if self.pairs.len() >= MOST_PAIRS {
                self.beyond += 1;
                return ControlFlow::Continue(());
            }
        }
        let pair = self.pairs.entry((from, to, port)).or_insert(Pair {
            count: 0,
            records: 0,
            first: at,
            last: at,
            gaps: Vec::new(),
            event: row.name,
            bytes: 0,
        });
        pair.records += 1;
        pair.bytes = pair.bytes.saturating_add(bytes);
        let gap = at.saturating_sub(pair.last);
        if pair.count == 0 {
            pair.count = 1;
        } else if gap >= APART {
            pair.count += 1;
            pair.last = at;
            if pair.gaps.len() < MOST_GAPS {
                pair.gaps
                    .push(u32::try_from(gap / 10_000_000).unwrap_or(u32::MAX));
            }
        }
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>) -> Answer {
        use ColumnKind::{Address, EventName, Float, Integer, Time};
        let mut answer = self.looked.answer(Kind::Beacons);
        let mut say = |when: bool, reason, message: String| {
            if when {
                answer.remarks.push(Remark::new(reason, message));
            }
        };
        say(
            self.looked.events == 0,
            RemarkReason::Silent,
            "There are no accepted flow records in the scope.".to_owned(),
        );
        say(
            self.silent > 0,
            RemarkReason::Silent,
            format!("{} flow records have no addresses or no port.", self.silent),
        );
        say(
            self.beyond > 0,
            RemarkReason::Full,
            format!(
                "More than {MOST_PAIRS} pairs were to be remembered; {} records of others were \
                 not looked at. Narrow the time or the resources.",
                self.beyond
            ),
        );
        say(
            self.evicted > 0,
            RemarkReason::Full,
            format!(
                "{} pairs with fewer than {} connections were forgotten to make room.",
                self.evicted, self.asked.minimum_count
            ),
        );
        let mut found: Vec<_> = self
            .pairs
            .iter()
            .filter_map(|(of, pair)| {
                let score = score(pair, &self.asked)?;
                Some((of, pair, score))
            })
            .collect();
        found.sort_by(|(a, _, x), (b, _, y)| y.score.total_cmp(&x.score).then_with(|| a.cmp(b)));
        let mut rows = Rows::new(
            "beacons",
            "Periodic connections, highest score first",
            &[
                ("source", Address, ""),
                ("destination", Address, ""),
                ("port", Integer, ""),
                ("score", Float, ""),
                ("period", Float, "seconds"),
                ("jitter", Float, "seconds"),
                ("connections", Integer, "connections"),
                ("records", Integer, "records"),
                ("bytes", Integer, "bytes"),
                ("first", Time, ""),
                ("last", Time, ""),
                ("first_event", EventName, ""),
            ],
        )
        .most(MOST_SHOWN);
        for ((from, to, port), pair, score) in found {
            rows.push([
                Cell::text(from.to_string()),
                Cell::text(to.to_string()),
                Cell::Integer(i64::from(*port)),
                Cell::float(score.score),
                Cell::float(score.period),
                Cell::float(score.jitter),
                Cell::count(pair.count),
                Cell::count(pair.records),
                Cell::count(pair.bytes),
                Cell::time(pair.first),
                Cell::time(pair.last),
                Cell::event(&pair.event),
            ]);
        }
        let narrow = "ask for a higher score or more connections";
        answer.tables.push(rows.done(narrow, &mut answer.remarks));
        answer
    }
}

/// What the gaps of a pair say; none if it is not asked for.
fn score(pair: &Pair, asked: &Beacons) -> Option<Score> {
    if pair.count < u64::from(asked.minimum_count) {
        return None;
    }
    let mut gaps: Vec<f64> = pair
        .gaps
        .iter()
        .map(|gap| f64::from(*gap) / 100.0)
        .collect();
    gaps.sort_by(f64::total_cmp);
    let (low, period, high) = (part(&gaps, 0.25)?, part(&gaps, 0.5)?, part(&gaps, 0.75)?);
    let whole = |seconds: u64| u32::try_from(seconds).map_or(f64::MAX, f64::from);
    if period < whole(asked.minimum_period_seconds) || period > whole(asked.maximum_period_seconds)
    {
        return None;
    }
    let mut off: Vec<f64> = gaps.iter().map(|gap| (gap - period).abs()).collect();
    off.sort_by(f64::total_cmp);
    let jitter = part(&off, 0.5)?;
    let regularity = (1.0 - jitter / period).max(0.0);
    let spread = high - low;
    // Of a spread this narrow the skewness says nothing.
    let skew = if spread > period / 20.0 {
        (low + high - 2.0 * period) / spread
    } else {
        0.0
    };
    let symmetry = 1.0 - skew.abs().min(1.0);
    let span = crate::time::seconds(pair.last.saturating_sub(pair.first));
    let gaps_counted = whole(pair.count.saturating_sub(1));
    let coverage = if span > 0.0 {
        (gaps_counted * period / span).min(1.0)
    } else {
        0.0
    };
    let score = regularity * f64::midpoint(symmetry, coverage);
    (score >= asked.minimum_score).then_some(Score {
        period,
        jitter,
        score,
    })
}

/// The value below which this part of sorted figures lies, between neighbours in proportion.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are at most MOST_GAPS figures"
)]
fn part(sorted: &[f64], part: f64) -> Option<f64> {
    let place = part * (sorted.len().checked_sub(1)?) as f64;
    let low = *sorted.get(place.floor() as usize)?;
    let high = *sorted.get(place.ceil() as usize)?;
    Some(low + (high - low) * place.fract())
}
