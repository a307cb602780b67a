//! The report of a month: what was attained of what was promised, and what follows from it.
//!
//! A [`Report`] is what the server signs, as JSON in the names of these fields. It is made of
//! [`DecidedClock`]s alone, which go with it as lines of JSON and whose digest is in it, and of
//! what the service has measured about itself. [`recompute`] does all its sums again from a
//! customer's own log and agreements.

mod builder;
mod compare;
mod document;
mod lines;
mod recompute;
#[cfg(test)]
pub(crate) mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::builder::{Builder, MAX_BREACHES};
pub use self::document::DocumentWriter;
pub use self::lines::{ClockLines, ClocksDigest, line};
pub use self::recompute::{Difference, Log, MAX_DIFFERENCES, Recomputed, recompute};
use super::agreement::AgreementDraft;
use super::attainment::{Causes, Credit, Group};
use super::decided::DecidedClock;
use super::objective::{BasisPoints, ObjectiveKind, Severity};
use super::period::Period;

/// The predicate type of the statement in which a report is signed.
pub const PREDICATE_TYPE: &str = "urn:cordon:sla-report:v1";

/// What was attained in a month, of one tenant. Times are RFC 3339, durations ISO 8601, parts of
/// a whole hundredths of a percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The tenant's id.
    pub tenant: String,
    /// The month, in UTC.
    pub period: Period,
    /// The moment that it is as of: the month's end, unless that is still to come.
    pub as_of: Timestamp,
    /// Whether the month was over. If not, more clocks may be decided in it.
    pub complete: bool,
    /// The agreements that were in force in the month, and those of former ones that its clocks
    /// still go by, by their versions. An end that is not before the month's is left out, and so is
    /// who does what and is called.
    pub agreements: Vec<AgreementDraft>,
    /// By kind and severity, in their order; only where a clock was decided.
    pub lines: Vec<Line>,
    /// By kind, over all severities.
    pub totals: Vec<Total>,
    /// Everything together.
    pub overall: Figures,
    /// The breached clocks, the gravest and then the earliest first: at most [`MAX_BREACHES`].
    pub breaches: Vec<DecidedClock>,
    /// How many more there are; they are among the clocks.
    pub breaches_left_out: u64,
    /// What is owed.
    pub credits: Credits,
    /// How much of the time the service answered, as it measured itself; none if it did not.
    pub availability: Option<Availability>,
    /// How soon events could be seen, as the service measured itself; none if it did not.
    pub freshness: Option<Freshness>,
    /// The months before, the earliest first; at most eleven.
    pub earlier: Vec<Month>,
    /// The clocks that all of this is made of; none where they don't go with it.
    pub clocks: Option<ClocksDigest>,
}

/// What became of a number of clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Done in time.
    pub met: u64,
    /// Not done in time.
    pub breached: u64,
    /// The part that was met, rounded down; none of no clocks.
    pub attained: Option<BasisPoints>,
    /// The open time of the provider's that half of the clocks did not exceed; one that is not at
    /// its end counts with what it took until the month's end. This and the next two are by the
    /// nearest rank: always a time that a clock took.
    pub p50: Option<SignedDuration>,
    /// The same for 90 of 100.
    pub p90: Option<SignedDuration>,
    /// The same for 99 of 100.
    pub p99: Option<SignedDuration>,
    /// Whose time the breached clocks took, in open time.
    pub breaches_took: Causes,
}

/// The clocks of a kind and severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was promised.
    pub kind: ObjectiveKind,
    /// For incidents of which severity.
    pub severity: Severity,
    /// What became of it.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The clocks of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// What was promised.
    pub kind: ObjectiveKind,
    /// What became of it.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What is owed. One agreement says it for the whole month: the latest that was in force in it.
/// It goes by all clocks of the month, whichever agreement they were promised by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// The version of that agreement; none if none was in force.
    pub agreement: Option<u32>,
    /// What is owed, each with the step of the agreement that it follows from.
    pub owed: Vec<Credit>,
    /// The sum, at most the whole fee.
    pub total: BasisPoints,
}

/// How much of the time the service answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The minutes that were measured.
    pub total_minutes: u64,
    /// Those of them in which it answered.
    pub available_minutes: u64,
    /// The part that these are, rounded down; none of no minutes.
    pub attained: Option<BasisPoints>,
    /// When it did not answer, in order.
    pub gaps: Vec<Gap>,
}

impl Availability {
    /// What was measured; `available` minutes of `total`.
    pub fn measured(total: u64, available: u64, gaps: Vec<Gap>) -> Self {
        Self {
            total_minutes: total,
            available_minutes: available,
            attained: BasisPoints::of(available, total),
            gaps,
        }
    }
}

/// A time without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The beginning.
    pub from: Timestamp,
    /// The end, which does not belong to it.
    pub to: Timestamp,
}

/// How soon events could be seen after they had been delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// How many were measured.
    pub count: u64,
    /// Half took at most so long.
    pub p50: SignedDuration,
    /// 99 of 100 took at most so long.
    pub p99: SignedDuration,
}

/// What was attained in a month, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Month {
    /// Which one.
    pub period: Period,
    /// By kind, in their order; only where a clock was decided.
    pub kinds: Vec<KindOfMonth>,
    /// The part of the time in which the service answered.
    pub availability: Option<BasisPoints>,
}

/// What was attained of a kind in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindOfMonth {
    /// What was promised.
    pub kind: ObjectiveKind,
    /// Done in time.
    pub met: u64,
    /// Not done in time.
    pub breached: u64,
    /// The part that was met, rounded down.
    pub attained: Option<BasisPoints>,
}

impl Month {
    /// Met and breached clocks of all kinds.
    pub fn sums(&self) -> (u64, u64) {
        self.kinds.iter().fold((0, 0), |(met, breached), kind| {
            (
                met.saturating_add(kind.met),
                breached.saturating_add(kind.breached),
            )
        })
    }

    /// The part of all clocks that was met, rounded down; none of no clocks.
    pub fn attained(&self) -> Option<BasisPoints> {
        let (met, breached) = self.sums();
        BasisPoints::of(met, met.saturating_add(breached))
    }
}

impl From<&Report> for Month {
    fn from(report: &Report) -> Self {
        let kinds = report.totals.iter().map(|total| KindOfMonth {
            kind: total.kind,
            met: total.figures.met,
            breached: total.figures.breached,
            attained: total.figures.attained,
        });
        Self {
            period: report.period,
            kinds: kinds.collect(),
            availability: report
                .availability
                .as_ref()
                .and_then(|availability| availability.attained),
        }
    }
}

impl From<&Group> for Figures {
    fn from(group: &Group) -> Self {
        Self {
            met: group.met,
            breached: group.breached,
            attained: group.attained(),
            p50: group.percentile(50),
            p90: group.percentile(90),
            p99: group.percentile(99),
            breaches_took: group.causes,
        }
    }
}
