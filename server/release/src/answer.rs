//! The one way out: noise on the counts, their sum into a bucket, and the bucket into an answer.

use std::fmt;

use crate::budget::Paid;
use crate::day::{Day, Window};
use crate::declared::Release;
use crate::error::Refused;
use crate::indicator::Indicator;
use crate::key::DayKey;
use crate::noise::two_sided_geometric;

/// How many tenants contributed a tag on a day, exactly. It can be put in and not taken out: only
/// an [`Answer`] comes of it, and it doesn't print itself.
#[derive(Clone, Copy)]
pub struct Count(u32);

impl Count {
    /// As stored; a tag that is not stored has 0.
    #[must_use]
    pub const fn stored(tenants: u32) -> Self {
        Self(tenants)
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count(withheld)")
    }
}

/// How many customers have seen an indicator, the asker among them, as far as that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Fewer than 5: perhaps the asker alone.
    FewerThanFive,
    /// 5 to 20.
    FiveToTwenty,
    /// More than 20.
    MoreThanTwenty,
}

impl Bucket {
    /// All of them, from few to many.
    pub const ALL: [Self; 3] = [
        Self::FewerThanFive,
        Self::FiveToTwenty,
        Self::MoreThanTwenty,
    ];

    /// The word for it, in the golden file and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FewerThanFive => "fewer-than-5",
            Self::FiveToTwenty => "5-to-20",
            Self::MoreThanTwenty => "more-than-20",
        }
    }

    /// The bucket of a count with its noise, which may be below 0.
    pub(crate) const fn of(noisy: i64) -> Self {
        match noisy {
            ..5 => Self::FewerThanFive,
            5..=20 => Self::FiveToTwenty,
            21.. => Self::MoreThanTwenty,
        }
    }
}

/// An answer of a declared release: all that comes out. Only this crate makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<V> {
    release: Release,
    snapshot: Day,
    value: V,
}

impl<V: Copy> Answer<V> {
    pub(crate) const fn new(release: Release, snapshot: Day, value: V) -> Self {
        Self {
            release,
            snapshot,
            value,
        }
    }

    /// The release that it is an answer of.
    #[must_use]
    pub const fn release(&self) -> Release {
        self.release
    }

    /// The last day of what it is about.
    #[must_use]
    pub const fn snapshot(&self) -> Day {
        self.snapshot
    }

    /// The value: one of a closed set.
    #[must_use]
    pub const fn value(&self) -> V {
        self.value
    }
}

/// The count of one indicator on one day, with the key of that day.
#[derive(Debug, Clone, Copy)]
pub struct IndicatorCount<'k> {
    /// The key of the day.
    pub key: &'k DayKey,
    /// What the day's counts have under the key's tag of the indicator.
    pub count: Count,
}

impl Paid<Indicator> {
    /// How many customers have seen the indicator, by the counts of the window's days, the
    /// earliest first. All of them must be closed.
    ///
    /// The asker's own contribution is in the count. Whoever knows it can subtract it; were it
    /// left out, two who ask could get two values of one noise, and one that is not a function of
    /// question and day.
    ///
    /// # Errors
    /// [`Refused::SnapshotIncomplete`] unless there is one count for each day of the window. An
    /// answer over fewer days would be another question with part of the same noise.
    pub fn answer(self, counts: &[IndicatorCount<'_>]) -> Result<Answer<Bucket>, Refused> {
        let (indicator, snapshot) = self.into_parts();
        let days = Window::ending(snapshot).days();
        if !days.eq(counts.iter().map(|of| of.key.day())) {
            return Err(Refused::SnapshotIncomplete);
        }
        let canonical = indicator.to_string();
        let noisy = counts
            .iter()
            .map(|of| i64::from(of.count.0) + two_sided_geometric(&of.key.noise(&canonical)))
            .sum();
        Ok(Answer::new(
            Release::IndicatorSeenByOthers,
            snapshot,
            Bucket::of(noisy),
        ))
    }
}
