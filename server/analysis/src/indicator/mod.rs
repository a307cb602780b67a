//! Whether indicators of compromise are in the events.
//!
//! Remembered: at most 10,000 indicators with their tallies and three events each, and the
//! newest 5,000 hits of at most 4 MiB.

mod list;
mod matcher;
mod stix;

use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;

use self::matcher::Matcher;
use crate::answer::{
    Answer, Cell, ColumnKind, ENTRY_COLUMNS, Entries, Entry, Looked, Remark, RemarkReason, Rows,
};
use crate::plan::{Accumulate, Order, Plan, scan};
use crate::question::{Indicators, Invalid, Kind, MOST_INDICATORS, Scope};
use crate::row::Row;
use crate::sql;
use crate::tally::Tally;

/// The version of the plan.
pub const PLAN_VERSION: u32 = 1;
/// Most hits that are listed.
pub const MOST_HITS: usize = 5_000;
/// Most patterns of STIX in one question.
pub const MOST_PATTERNS: usize = 1_000;
/// Bytes of the texts that are looked for within records, together.
pub const MOST_NEEDLE_BYTES: usize = 2 << 20;
/// Most texts that the lake looks for within records; with more every record is read.
const MOST_NEEDLES_OF_LAKE: usize = 64;

/// How it is answered, and what it can't say.
pub const METHOD: &str = "Addresses and ranges are held against source and destination address; \
accounts against the actor, whole or after its last slash or colon, without regard to case; other \
names against actor and resources, whole. Hashes, domain names and URLs are looked for in the \
record's text, as whole words and, but for paths of URLs, without regard to case; a domain does \
not stand for those below it. A pattern of STIX is one observation: all it asks for must be in \
one event. Of STIX there are =, IN, ISSUBSET, AND and OR over addresses, domain names, URLs, \
hashes of files and user accounts. Long lists read every event of the scope. A miss says that no \
event tells of the indicator, not that it was not there.";

/// What one comparison asks of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Atom {
    /// Either side has an address in the range.
    Range(IpNet),
    /// The actor is called so, or ends so.
    Account(String),
    /// Actor or a resource is called so.
    Name(String),
    /// The record holds this word.
    Hash(String),
    /// The record holds this domain name.
    Domain(String),
    /// The record holds this URL.
    Url(String),
}

/// What an indicator asks of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    One(Atom),
    All(Vec<Test>),
    Any(Vec<Test>),
}

/// An indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Indicator {
    /// As it was written.
    pub(crate) text: String,
    pub(crate) test: Test,
}

/// A range, or an address as a range of one.
pub(crate) fn range(text: &str) -> Option<IpNet> {
    let range = match text.parse::<IpNet>() {
        Ok(range) => range,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()),
    };
    Some(range.trunc())
}

/// Reads indicators; of those that stand there twice one is kept.
///
/// # Errors
///
/// [`Invalid`] with the line or the pattern that can't be read.
pub(crate) fn parse(asked: &Indicators) -> Result<Vec<Indicator>, Invalid> {
    let mut indicators = match asked {
        Indicators::Stix { patterns } => stix::patterns(patterns)?,
        Indicators::List { text } => list::lines(text)?,
    };
    indicators.sort_by(|a, b| a.text.cmp(&b.text));
    indicators.dedup_by(|a, b| a.text == b.text);
    if indicators.is_empty() {
        return Err(Invalid::new("indicators", "must name one at least"));
    }
    let bytes: usize = indicators.iter().map(|one| one.text.len()).sum();
    if bytes > MOST_NEEDLE_BYTES {
        let message = format!("have {bytes} bytes, at most {MOST_NEEDLE_BYTES} are allowed");
        return Err(Invalid::new("indicators", message));
    }
    let mut atoms = 0;
    for one in &indicators {
        one.test.each(&mut |_| atoms += 1);
    }
    if atoms > MOST_INDICATORS {
        let message = format!("have {atoms} comparisons, at most {MOST_INDICATORS} are allowed");
        return Err(Invalid::new("indicators", message));
    }
    Ok(indicators)
}

impl Test {
    /// Every atom of it.
    fn each<'t>(&'t self, with: &mut impl FnMut(&'t Atom)) {
        match self {
            Self::One(atom) => with(atom),
            // The parsers bound the depth.
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(with)),
        }
    }
}

struct State {
    indicators: Vec<Indicator>,
    matcher: Matcher,
    found: Vec<Option<(Tally, Vec<[u8; 16]>)>>,
    hits: Entries,
    hit_of: Vec<usize>,
    looked: Looked,
    matched: u64,
    too_long: u64,
}

pub(crate) fn plan(asked: &Indicators, scope: &Scope) -> Result<Plan, Invalid> {
    let indicators = parse(asked)?;
    let matcher = Matcher::new(&indicators)
        .ok_or_else(|| Invalid::new("indicators", "are too many to be looked for at once"))?;
    let mut columns = ENTRY_COLUMNS.to_vec();
    if matcher.reads_records() {
        columns.push("raw");
    }
    let filter = narrowing(&indicators);
    Ok(Plan {
        scans: vec![scan(scope, filter, Order::NewestFirst, &columns)],
        state: Box::new(State {
            found: vec![None; indicators.len()],
            matcher,
            indicators,
            hits: Entries::new(MOST_HITS),
            hit_of: Vec::new(),
            looked: Looked::default(),
            matched: 0,
            too_long: 0,
        }),
    })
}

/// A condition that every event with a hit fulfils; none where there is too much to look for.
fn narrowing(indicators: &[Indicator]) -> Option<String> {
    let (mut addresses, mut parts, mut actors, mut needles) = (vec![], vec![], vec![], vec![]);
    let mut atom = |atom: &Atom| match atom {
        Atom::Range(range) if range.prefix_len() == range.max_prefix_len() => {
            addresses.push(range.addr().to_string());
        }
        Atom::Range(range) => {
            let range = sql::quoted(&range.to_string());
            for side in ["src_ip", "dst_ip"] {
                parts.push(Some(format!("cidr_contains({range}, {side})")));
            }
        }
        Atom::Account(name) => {
            let name = sql::exactly(name);
            actors.push(format!("%/{name}"));
            actors.push(format!("%:{name}"));
            actors.push(name);
        }
        Atom::Name(name) => {
            actors.push(sql::exactly(name));
            parts.push(Some(sql::has_resource(name)));
        }
        Atom::Hash(text) | Atom::Domain(text) | Atom::Url(text) => {
            needles.push(format!("%{}%", sql::exactly(&matcher::as_written(text))));
        }
    };
    for one in indicators {
        one.test.each(&mut atom);
    }
    // `%a%` with a wildcard of its own within would be an expression; those have a limit.
    if parts.len() > sql::MOST_CALLS || needles.len() > MOST_NEEDLES_OF_LAKE {
        return None;
    }
    let fits = |column: &str, patterns: &[String]| {
        let quoted: Vec<String> = patterns
            .iter()
            .map(|pattern| sql::quoted(pattern))
            .collect();
        (!quoted.is_empty()).then(|| format!("ilike_any({column}, {})", quoted.join(", ")))
    };
    parts.extend(["src_ip", "dst_ip"].map(|side| sql::is_one(side, &addresses)));
    parts.push(fits("actor", &actors));
    parts.push(fits("raw", &needles));
    sql::any(parts).filter(|filter| filter.len() <= sql::LONGEST_CONDITION)
}

impl Accumulate for State {
    fn take(&mut self, _: usize, row: &Row<'_>) -> ControlFlow<()> {
        self.looked.at(row);
        let (hits, whole) = self.matcher.hits(row);
        self.too_long += u64::from(!whole);
        self.matched += u64::from(!hits.is_empty());
        for at in hits {
            if let Some(found) = self.found.get_mut(at) {
                let (tally, events) = match found {
                    Some((tally, events)) => {
                        tally.add(row);
                        (tally, events)
                    }
                    None => {
                        let (tally, events) = found.insert((Tally::of(row), Vec::new()));
                        (tally, events)
                    }
                };
                debug_assert!(tally.count > 0);
                if events.len() < 3 {
                    events.push(row.name);
                }
            }
            if self.hits.push(Entry::of(row)) {
                self.hit_of.push(at);
            }
        }
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>) -> Answer {
        use ColumnKind::{Address, EventName, Integer, Text, Time};
        let mut answer = self.looked.answer(Kind::Indicators);
        let found = self.found.iter().flatten().count();
        answer.remarks.push(Remark::new(
            RemarkReason::Method,
            format!(
                "{found} of {} indicators are in {} events.",
                self.indicators.len(),
                self.matched
            ),
        ));
        if self.too_long > 0 {
            answer.remarks.push(Remark::new(
                RemarkReason::Cut,
                format!(
                    "In {} records more than {} places look like indicators; what comes after \
                     them was not looked at.",
                    self.too_long,
                    matcher::MOST_PLACES
                ),
            ));
        }
        let mut rows = Rows::new(
            "indicators",
            "Indicators that were found, most frequent first",
            &[
                ("indicator", Text, ""),
                ("count", Integer, "events"),
                ("first", Time, ""),
                ("last", Time, ""),
                ("newest_events", Text, ""),
            ],
        );
        let mut order: Vec<_> = self.indicators.iter().zip(&self.found).collect();
        order.sort_by_key(|(_, found)| {
            std::cmp::Reverse(found.as_ref().map(|(tally, _)| tally.count))
        });
        for (indicator, found) in &order {
            let Some((tally, events)) = found else {
                continue;
            };
            let events: Vec<String> = events.iter().map(hex::encode).collect();
            rows.push([
                Cell::text(&indicator.text),
                Cell::count(tally.count),
                Cell::time(tally.first),
                Cell::time(tally.last),
                Cell::text(events.join(" ")),
            ]);
        }
        let table = rows.done("ask for fewer indicators", &mut answer.remarks);
        answer.tables.push(table);
        let mut missed = Rows::new(
            "not_found",
            "Indicators that no event tells of",
            &[("indicator", Text, "")],
        );
        for (indicator, _) in order.iter().filter(|(_, found)| found.is_none()) {
            missed.push([Cell::text(&indicator.text)]);
        }
        let table = missed.done("ask for fewer indicators", &mut answer.remarks);
        answer.tables.push(table);

        let mut hits = Rows::new(
            "hits",
            "Hits, newest first",
            &[
                ("time", Time, ""),
                ("event", EventName, ""),
                ("indicator", Text, ""),
                ("actor", Text, ""),
                ("service", Text, ""),
                ("operation", Text, ""),
                ("status", Text, ""),
                ("account", Text, ""),
                ("address", Address, ""),
            ],
        );
        for (at, entry) in self.hit_of.iter().zip(&self.hits.list) {
            let indicator = self.indicators.get(*at).map_or("", |one| one.text.as_str());
            hits.push([
                Cell::text(&entry.time),
                Cell::text(&entry.event),
                Cell::text(indicator),
                Cell::text(&entry.actor),
                Cell::text(&entry.service),
                Cell::text(&entry.operation),
                Cell::text(&entry.status),
                Cell::text(&entry.account),
                Cell::text(&entry.address),
            ]);
        }
        if self.hits.left_out > 0 {
            hits.leave_out(self.hits.left_out, false);
        }
        let narrow = "narrow the time, or ask for the indicators that matter";
        answer.tables.push(hits.done(narrow, &mut answer.remarks));
        answer
    }
}
