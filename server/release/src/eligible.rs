//! Whether a question is the asker's to ask. Decided by the question, the asker's own events and
//! the provider's declared ranges; never by what other tenants have.

use crate::day::{Day, Window};
use crate::declared::Release;
use crate::error::Refused;
use crate::indicator::Indicator;
use crate::ranges::ProviderRanges;

/// A question of one of the declared releases.
pub trait Question: sealed::Sealed {
    /// The release that answers it.
    const RELEASE: Release;

    /// Its canonical form: two spellings of one question have one.
    fn canonical(&self) -> String;
}

pub(crate) mod sealed {
    /// Keeps the list of releases closed: no crate but this one adds a question.
    pub trait Sealed {}
}

impl sealed::Sealed for Indicator {}

impl Question for Indicator {
    const RELEASE: Release = Release::IndicatorSeenByOthers;

    fn canonical(&self) -> String {
        self.to_string()
    }
}

/// That the asker has seen an indicator: read in the asker's own scope out of its own events, and
/// out of nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// What was seen.
    pub indicator: Indicator,
    /// The last day on which the asker's log took an event that names it.
    pub seen: Day,
}

/// A question that its asker may ask, of the snapshot of one day.
#[derive(Debug)]
pub struct Eligible<Q> {
    question: Q,
    snapshot: Day,
}

impl<Q> Eligible<Q> {
    pub(crate) const fn new(question: Q, snapshot: Day) -> Self {
        Self { question, snapshot }
    }

    /// What is asked.
    #[must_use]
    pub const fn question(&self) -> &Q {
        &self.question
    }

    /// The day of the snapshot that answers: the last one that is over and closed.
    #[must_use]
    pub const fn snapshot(&self) -> Day {
        self.snapshot
    }

    pub(crate) fn into_parts(self) -> (Q, Day) {
        (self.question, self.snapshot)
    }
}

impl Eligible<Indicator> {
    /// Lets the question pass if the asker has seen the indicator since the window began. Having
    /// seen it today, after the snapshot, is enough.
    ///
    /// # Errors
    /// [`Refused::ProviderRange`], and [`Refused::NotSeen`] without evidence, with evidence of
    /// something else, or of a sighting before the window.
    pub fn check(
        indicator: Indicator,
        snapshot: Day,
        evidence: Option<Evidence>,
        ranges: &ProviderRanges,
    ) -> Result<Self, Refused> {
        if indicator.in_ranges(ranges) {
            return Err(Refused::ProviderRange);
        }
        let first = Window::ending(snapshot).first();
        let seen = evidence.is_some_and(|own| own.indicator == indicator && own.seen >= first);
        if seen {
            Ok(Self::new(indicator, snapshot))
        } else {
            Err(Refused::NotSeen)
        }
    }
}
