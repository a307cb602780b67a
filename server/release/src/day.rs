//! Whole days in UTC, and the window of them that an answer is about.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How many whole days an answer about an indicator covers, and for how many days a tenant that
/// has contributed an indicator does not contribute it again. They are one number: that is why a
/// tenant counts at most once in any window, and why the counts of days may be added up.
pub const WINDOW_DAYS: u16 = 7;

/// How many hours after its end a day's counts are closed. Until then tenants contribute to it, and
/// from then on it answers, whether or not all of them did: when there is an answer must not depend
/// on any of them.
pub const CLOSING_HOURS: i64 = 6;

const SECONDS: i64 = 86_400;

/// A whole day in UTC. Ordered by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day that a moment is in.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let days = at.as_second().div_euclid(SECONDS);
        Self(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// The day by number, as stored: days since 1970-01-01, which is 0.
    #[must_use]
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01, as stored.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day so many days earlier.
    #[must_use]
    pub fn minus(self, days: u16) -> Self {
        Self(self.0.saturating_sub(i32::from(days)))
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus(self, days: u16) -> Self {
        Self(self.0.saturating_add(i32::from(days)))
    }

    /// The moment at which the day is over: the midnight that begins the next.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Self::midnight(self.plus(1))
    }

    /// The moment from which on the day's counts don't change: [`CLOSING_HOURS`] after its end.
    #[must_use]
    pub fn closes(self) -> Timestamp {
        let closes = self
            .end()
            .checked_add(SignedDuration::from_hours(CLOSING_HOURS));
        closes.unwrap_or(Timestamp::MAX)
    }

    /// The day of the snapshot that answers at a moment: the last whose counts are closed.
    #[must_use]
    pub fn snapshot(at: Timestamp) -> Self {
        let opened = at.checked_sub(SignedDuration::from_hours(CLOSING_HOURS));
        Self::of(opened.unwrap_or(Timestamp::MIN)).minus(1)
    }

    fn midnight(self) -> Timestamp {
        let bound = if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::from_second(i64::from(self.0) * SECONDS).unwrap_or(bound)
    }

    fn date(self) -> Date {
        self.midnight().to_zoned(TimeZone::UTC).date()
    }

    /// Whether both days are of the same calendar month.
    #[must_use]
    pub fn same_month(self, other: Self) -> bool {
        self.date().first_of_month() == other.date().first_of_month()
    }

    /// The last day of the calendar month before this one's.
    pub(crate) fn before_month(self) -> Self {
        let into = u16::try_from(self.date().day()).unwrap_or(1);
        self.minus(into)
    }

    /// The last day of this day's calendar month.
    pub(crate) fn end_of_month(self) -> Self {
        let date = self.date();
        let left = date.days_in_month().saturating_sub(date.day());
        self.plus(u16::try_from(left).unwrap_or(0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({self})")
    }
}

/// The [`WINDOW_DAYS`] whole days that end with the snapshot's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    last: Day,
}

impl Window {
    /// The window that ends with `last`, which must be over: the day of the snapshot.
    #[must_use]
    pub const fn ending(last: Day) -> Self {
        Self { last }
    }

    /// The first day of it.
    #[must_use]
    pub fn first(self) -> Day {
        self.last.minus(WINDOW_DAYS - 1)
    }

    /// The last day of it: the snapshot's.
    #[must_use]
    pub const fn last(self) -> Day {
        self.last
    }

    /// Its days, the earliest first.
    pub fn days(self) -> impl Iterator<Item = Day> {
        (0..WINDOW_DAYS)
            .rev()
            .map(move |back| self.last.minus(back))
    }
}
