//! What a tenant contributes to the counts of a day, made in that tenant's own scope.
//!
//! A tenant contributes an indicator on the first day on which it sees it and then not for the
//! rest of the window, however often it sees it. So any window has it once at most, and an answer
//! may add up the counts of days: the noise of each day is drawn once and serves every window that
//! the day is in. Were each window counted anew, one sighting would be in seven counts, each with
//! a noise of its own, and would cost seven times the privacy.

use std::collections::{BTreeMap, BTreeSet};

use crate::day::{Day, WINDOW_DAYS};
use crate::indicator::Indicator;
use crate::key::{DayKey, MemoryKey, OwnTag, Tag};
use crate::ranges::ProviderRanges;

/// Most tags that a tenant contributes on a day. Of more, those with the lowest tags are taken:
/// under the day's key nobody can aim at which.
pub const MAX_TAGS: usize = 50_000;

/// Takes what a tenant saw on one day and keeps what it contributes. Holds [`MAX_TAGS`] entries
/// at most, however many it is shown, and as many for each of the earlier days.
#[derive(Debug)]
pub struct Collector<'k> {
    key: &'k DayKey,
    memory: &'k MemoryKey,
    ranges: &'k ProviderRanges,
    /// What the tenant contributed on earlier days of the window that ends with this day.
    remembered: BTreeSet<OwnTag>,
    kept: BTreeMap<Tag, OwnTag>,
}

impl<'k> Collector<'k> {
    /// For the day of the key, and the tenant of the memory and its rows: what it contributed on
    /// earlier days. Rows that hold nothing back on this day may be among them; so may those of the
    /// day itself, so that it can be made once more.
    #[must_use]
    pub fn new(
        key: &'k DayKey,
        memory: &'k MemoryKey,
        rows: impl IntoIterator<Item = (Day, OwnTag)>,
        ranges: &'k ProviderRanges,
    ) -> Self {
        let (day, holding) = (key.day(), Self::holding(key.day()));
        let rows = rows.into_iter();
        let held = rows.filter(|(on, _)| (holding..day).contains(on));
        Self {
            key,
            memory,
            ranges,
            remembered: held.map(|(_, own)| own).collect(),
            kept: BTreeMap::new(),
        }
    }

    /// The earliest day whose rows hold anything back on `day`. Rows of earlier days may go.
    #[must_use]
    pub fn holding(day: Day) -> Day {
        day.minus(WINDOW_DAYS - 1)
    }

    /// Takes one sighting in the tenant's own events of that day. Order and repetition change
    /// nothing.
    pub fn see(&mut self, indicator: &Indicator) {
        if indicator.in_ranges(self.ranges) {
            return;
        }
        let own = self.memory.tag(indicator);
        if self.remembered.contains(&own) {
            return;
        }
        self.kept.insert(self.key.tag(indicator), own);
        if self.kept.len() > MAX_TAGS {
            self.kept.pop_last();
        }
    }

    /// What the tenant contributes.
    #[must_use]
    pub fn finish(self) -> Contribution {
        let (tags, remember) = self.kept.into_iter().unzip();
        Contribution {
            day: self.key.day(),
            tags,
            remember,
        }
    }
}

/// What one tenant contributes to one day. It is made and taken once: the rows to remember and the
/// counts move in one transaction, and a day that is closed takes no more. Counts that changed
/// after an answer, under the same noise, would tell the difference plainly.
#[derive(Debug, PartialEq, Eq)]
pub struct Contribution {
    day: Day,
    tags: Vec<Tag>,
    remember: Vec<OwnTag>,
}

impl Contribution {
    /// The day that it counts for.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Each of these counts one more, in the provider's table. In their own order, which says
    /// nothing of the tenant's events; no tag twice.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// What goes into the tenant's own memory, with the day.
    #[must_use]
    pub fn remember(&self) -> &[OwnTag] {
        &self.remember
    }
}
