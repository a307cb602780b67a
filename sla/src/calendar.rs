//! When time counts: around the clock, or by the hours of an office.
//!
//! A moment is open if the local clock then shows a time within the hours of a day that
//! is no holiday. That alone settles the changes of daylight saving time: an hour that
//! the local clock skips never elapses, one that it shows twice elapses twice, and all
//! amounts of open time are real seconds.

mod draft;
#[cfg(test)]
mod props;
#[cfg(test)]
pub(crate) mod tests;
mod week;
mod zone;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::draft::{
    CalendarDraft, CalendarProblem, LocalSpan, LocalTime, NotALocalTime, OfficeHoursDraft,
};
use self::week::{Place, Week};
use self::zone::Zone;
use super::problems::Problems;

/// How far ahead a moment is sought: ten years, with their leap days.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(3653 * 24);

/// No moment within [`HORIZON`] has that much open time before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not within ten years of open time")]
pub struct BeyondHorizon;

/// When time counts. A copy costs next to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CalendarDraft", into = "CalendarDraft")]
pub enum Calendar {
    /// Around the clock, every day.
    AlwaysOpen,
    /// By local hours.
    OfficeHours(Arc<OfficeHours>),
}

/// Opening hours in a time zone. Their rules are those of the time zone database from 1970
/// to 2200; outside those years the nearest offset is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeHours {
    zone: Zone,
    week: Week,
    hours: [Vec<LocalSpan>; 7],
    holidays: BTreeSet<Date>,
}

impl OfficeHours {
    /// Looks at a draft. Holidays may come in any order, and twice.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, by field: an unknown time zone, a span that is empty or
    /// overlaps the one before it, or a week without any open time.
    pub fn new(draft: OfficeHoursDraft) -> Result<Self, Problems<CalendarProblem>> {
        let mut problems = Vec::new();
        let zone = Zone::named(&draft.time_zone);
        if zone.is_none() {
            problems.push(CalendarProblem::UnknownTimeZone(draft.time_zone));
        }
        for (weekday, spans) in draft.hours.iter().enumerate() {
            let mut last = None;
            for (index, span) in spans.iter().enumerate() {
                if span.from >= span.to {
                    problems.push(CalendarProblem::EmptySpan { weekday, index });
                } else if last.is_some_and(|last| span.from < last) {
                    problems.push(CalendarProblem::OverlappingSpan { weekday, index });
                }
                last = last.max(Some(span.to));
            }
        }
        if draft.hours.iter().all(Vec::is_empty) {
            problems.push(CalendarProblem::NeverOpen);
        }
        let zone = Problems::none_or(problems, zone)?
            .ok_or(CalendarProblem::UnknownTimeZone(String::new()))?;
        let holidays: BTreeSet<Date> = draft.holidays.into_iter().collect();
        let week = Week::new(&draft.hours, holidays.iter().map(|date| day_number(*date)));
        Ok(Self {
            zone,
            week,
            hours: draft.hours,
            holidays,
        })
    }

    /// The IANA name of the time zone.
    pub fn time_zone(&self) -> &str {
        self.zone.name()
    }

    /// Local dates without any hours.
    pub fn holidays(&self) -> &BTreeSet<Date> {
        &self.holidays
    }

    /// Whether the second is open, and how many open ones lie before it in its stretch.
    fn place(&self, second: i64) -> Place {
        self.week.place(second + self.zone.offset(second))
    }

    /// The open seconds of `[from, to)`.
    fn count(&self, from: i64, to: i64) -> i64 {
        let mut count = 0;
        let mut at = from;
        for stretch in self.zone.stretches_from(from) {
            let end = to.min(stretch.until);
            count += self.week.place(end + stretch.offset).before
                - self.week.place(at + stretch.offset).before;
            if end == to {
                break;
            }
            at = end;
        }
        count
    }

    /// The earliest second with `count` open ones between it and `from`; `count` is above 0.
    fn reach(&self, from: i64, count: i64) -> Result<i64, BeyondHorizon> {
        let limit = from.saturating_add(HORIZON.as_secs());
        let mut rest = count;
        let mut at = from;
        for stretch in self.zone.stretches_from(from) {
            let here = self.week.place(at + stretch.offset).before;
            let open = self.week.place(stretch.until + stretch.offset).before - here;
            if rest <= open {
                let local = self.week.reach(here + rest, at + stretch.offset);
                let second = local - stretch.offset;
                return (second <= limit).then_some(second).ok_or(BeyondHorizon);
            }
            rest -= open;
            at = stretch.until;
            if at > limit {
                break;
            }
        }
        Err(BeyondHorizon)
    }
}

impl Calendar {
    /// Looks at a draft.
    ///
    /// # Errors
    ///
    /// As [`OfficeHours::new`].
    pub fn new(draft: CalendarDraft) -> Result<Self, Problems<CalendarProblem>> {
        Ok(match draft {
            CalendarDraft::AlwaysOpen => Self::AlwaysOpen,
            CalendarDraft::OfficeHours(draft) => {
                Self::OfficeHours(Arc::new(OfficeHours::new(*draft)?))
            }
        })
    }

    /// Whether time counts at a moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        match self {
            Self::AlwaysOpen => true,
            Self::OfficeHours(hours) => hours.place(split(at).0).open,
        }
    }

    /// The first open moment that is not before `at`.
    ///
    /// # Errors
    ///
    /// [`BeyondHorizon`] if there is none within ten years.
    pub fn next_open(&self, at: Timestamp) -> Result<Timestamp, BeyondHorizon> {
        match self {
            Self::OfficeHours(hours) if !self.is_open(at) => {
                // The first open second ends where one open second has passed.
                let end = hours.reach(split(at).0, 1)?;
                Timestamp::from_second(end - 1).map_err(|_| BeyondHorizon)
            }
            _ => Ok(at),
        }
    }

    /// The open time from `a` to `b`, in real seconds; below zero if `b` is before `a`.
    pub fn open_between(&self, a: Timestamp, b: Timestamp) -> SignedDuration {
        let hours = match self {
            Self::AlwaysOpen => return b.duration_since(a),
            Self::OfficeHours(hours) => hours,
        };
        if b < a {
            return SignedDuration::ZERO.saturating_sub(self.open_between(b, a));
        }
        let ((from, after_from), (to, after_to)) = (split(a), split(b));
        // Hours begin and end on whole seconds: the rest of a second is as open as its start.
        let begun = |second, nanos| match nanos {
            0 => 0,
            _ if hours.place(second).open => nanos,
            _ => 0,
        };
        SignedDuration::new(
            hours.count(from, to),
            begun(to, after_to) - begun(from, after_from),
        )
    }

    /// The earliest moment with that much open time between `from` and it; `from` itself
    /// for a duration of zero or less. Time that is used up at the end of a span ends
    /// there, and not when the next span begins.
    ///
    /// The inverse of [`Self::open_between`]: that gives back exactly the duration. The
    /// other way round, `add_open(a, open_between(a, b))` is `b` if the time just before
    /// `b` is open, else the end of the last span before `b`, or `a`.
    ///
    /// # Errors
    ///
    /// [`BeyondHorizon`] if that is more than ten years ahead.
    pub fn add_open(
        &self,
        from: Timestamp,
        duration: SignedDuration,
    ) -> Result<Timestamp, BeyondHorizon> {
        if !duration.is_positive() {
            return Ok(from);
        }
        let hours = match self {
            Self::AlwaysOpen if duration > HORIZON => return Err(BeyondHorizon),
            Self::AlwaysOpen => return from.checked_add(duration).map_err(|_| BeyondHorizon),
            Self::OfficeHours(hours) => hours,
        };
        let (second, nanos) = split(from);
        let begun = if nanos > 0 && hours.place(second).open {
            SignedDuration::new(0, nanos)
        } else {
            SignedDuration::ZERO
        };
        let total = duration.saturating_add(begun);
        match total.subsec_nanos() {
            0 => Timestamp::from_second(hours.reach(second, total.as_secs())?),
            // The part of a second is used in the open second after the whole ones.
            part => {
                let end = hours.reach(second, total.as_secs().saturating_add(1))?;
                Timestamp::new(end - 1, part)
            }
        }
        .map_err(|_| BeyondHorizon)
    }
}

impl TryFrom<CalendarDraft> for Calendar {
    type Error = Problems<CalendarProblem>;

    fn try_from(draft: CalendarDraft) -> Result<Self, Self::Error> {
        Self::new(draft)
    }
}

impl From<Calendar> for CalendarDraft {
    fn from(calendar: Calendar) -> Self {
        match calendar {
            Calendar::AlwaysOpen => Self::AlwaysOpen,
            Calendar::OfficeHours(hours) => Self::OfficeHours(Box::new(OfficeHoursDraft {
                time_zone: hours.zone.name().to_owned(),
                hours: hours.hours.clone(),
                holidays: hours.holidays.iter().copied().collect(),
            })),
        }
    }
}

/// Whole seconds since 1970, rounded down, and the nanoseconds after them.
fn split(at: Timestamp) -> (i64, i32) {
    match (at.as_second(), at.subsec_nanosecond()) {
        (second, nanos) if nanos < 0 => (second - 1, nanos + 1_000_000_000),
        whole => whole,
    }
}

/// Days since 1970-01-01.
fn day_number(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}
