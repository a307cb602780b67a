//! A calendar month in UTC: what is reported on at once.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A month in UTC, from 1970-01 to 9998-12. As text and in JSON: `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    year: i16,
    month: i8,
}

/// The text is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a month as in 2026-10")]
pub struct NoPeriod;

const YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

impl Period {
    /// The month of a year; none outside the range.
    pub fn new(year: i16, month: i8) -> Option<Self> {
        let fits = YEARS.contains(&year) && (1..=12).contains(&month);
        fits.then_some(Self { year, month })
    }

    /// The month that a moment is in; none outside the range.
    pub fn of(at: Timestamp) -> Option<Self> {
        let date = at.to_zoned(TimeZone::UTC).date();
        Self::new(date.year(), date.month())
    }

    /// The beginning, which belongs to it.
    pub fn from(self) -> Timestamp {
        midnight(self.year, self.month)
    }

    /// The end, which does not belong to it: the beginning of the next one.
    pub fn to(self) -> Timestamp {
        match self.month {
            12 => midnight(self.year.saturating_add(1), 1),
            month => midnight(self.year, month + 1),
        }
    }

    /// The month before; none before the first.
    pub fn previous(self) -> Option<Self> {
        match self.month {
            1 => Self::new(self.year - 1, 12),
            month => Self::new(self.year, month - 1),
        }
    }

    /// The month after; none after the last.
    pub fn next(self) -> Option<Self> {
        match self.month {
            12 => Self::new(self.year + 1, 1),
            month => Self::new(self.year, month + 1),
        }
    }

    /// Whether a moment is in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from() <= at && at < self.to()
    }

    /// Whether it is over at a moment.
    pub fn is_over_at(self, at: Timestamp) -> bool {
        self.to() <= at
    }

    /// The moment that it is reported as of, at `now`: its end, or now if it is not over.
    pub fn as_of(self, now: Timestamp) -> Timestamp {
        self.to().min(now)
    }
}

/// Where a month begins; every one in the range does.
fn midnight(year: i16, month: i8) -> Timestamp {
    Date::new(year, month, 1)
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Period {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let (year, month) = text.split_once('-').ok_or(NoPeriod)?;
        let digits = |part: &str, count| {
            part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(month, 2) {
            return Err(NoPeriod);
        }
        let year = year.parse().map_err(|_| NoPeriod)?;
        let month = month.parse().map_err(|_| NoPeriod)?;
        Self::new(year, month).ok_or(NoPeriod)
    }
}

impl TryFrom<String> for Period {
    type Error = NoPeriod;

    fn try_from(text: String) -> Result<Self, NoPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn months_follow_each_other_without_gaps() {
        let mut period: Period = "2023-11".parse().unwrap();
        for _ in 0..30 {
            let next = period.next().unwrap();
            assert_eq!(period.to(), next.from());
            assert_eq!(next.previous(), Some(period));
            assert!(period < next);
            assert_eq!(Period::of(period.from()), Some(period));
            period = next;
        }
        assert_eq!(period.to_string(), "2026-05");
        assert_eq!("1970-01".parse::<Period>().unwrap().previous(), None);
        let last: Period = "9998-12".parse().unwrap();
        assert_eq!((last.next(), last.to() < Timestamp::MAX), (None, true));
    }

    #[test]
    fn a_month_is_one_of_utc_with_its_leap_day() {
        let february: Period = "2028-02".parse().unwrap();
        assert_eq!(february.from(), at("2028-02-01T00:00:00Z"));
        assert_eq!(february.to(), at("2028-03-01T00:00:00Z"));
        assert!(february.contains(at("2028-02-29T23:59:59.999999999Z")));
        assert!(!february.contains(february.to()));
        assert!(february.is_over_at(february.to()));
        let now = at("2028-02-10T00:00:00Z");
        assert_eq!(february.as_of(now), now);
        assert_eq!(february.as_of(at("2029-01-01T00:00:00Z")), february.to());
    }

    #[test]
    fn only_months_are_read() {
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "2026-1",
            "26-10",
            "2026-10-01",
            "+026-10",
            "0000-01",
            "9999-01",
            "2026-१०",
            "2026/10",
            " 2026-10",
        ] {
            assert_eq!(wrong.parse::<Period>(), Err(NoPeriod), "{wrong}");
        }
    }
}
