//! A calendar as it is written down, before it was looked at.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::super::problems::Problem;

/// The weekdays in the order of [`OfficeHoursDraft::hours`].
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// A local time of day to the minute, `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime(u16);

impl LocalTime {
    /// From hours and minutes; none beyond `24:00`.
    pub const fn new(hour: u16, minute: u16) -> Option<Self> {
        if hour < 24 && minute < 60 || hour == 24 && minute == 0 {
            Some(Self(hour * 60 + minute))
        } else {
            None
        }
    }

    /// Seconds since local midnight.
    pub(super) fn seconds(self) -> i64 {
        i64::from(self.0) * 60
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A time of day that is not of the form `HH:MM`, or beyond `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be HH:MM, at most 24:00")]
pub struct NotALocalTime;

impl FromStr for LocalTime {
    type Err = NotALocalTime;

    fn from_str(text: &str) -> Result<Self, NotALocalTime> {
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        let (hour, minute) = text.split_once(':').ok_or(NotALocalTime)?;
        two(hour)
            .zip(two(minute))
            .and_then(|(hour, minute)| Self::new(hour, minute))
            .ok_or(NotALocalTime)
    }
}

impl TryFrom<String> for LocalTime {
    type Error = NotALocalTime;

    fn try_from(text: String) -> Result<Self, NotALocalTime> {
        text.parse()
    }
}

impl From<LocalTime> for String {
    fn from(time: LocalTime) -> Self {
        time.to_string()
    }
}

/// A span of local time within a day: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalSpan {
    /// When it opens.
    pub from: LocalTime,
    /// When it closes; `24:00` is the end of the day.
    pub to: LocalTime,
}

/// Opening hours as they are written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeHoursDraft {
    /// The IANA name of the zone that the hours are read in.
    pub time_zone: String,
    /// The spans of each weekday, Monday first, sorted and apart. Hours over midnight are
    /// two spans.
    pub hours: [Vec<LocalSpan>; 7],
    /// Local dates without any hours.
    pub holidays: Vec<Date>,
}

/// A calendar as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarDraft {
    /// Around the clock, every day.
    AlwaysOpen,
    /// By local hours.
    OfficeHours(Box<OfficeHoursDraft>),
}

/// Why opening hours are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarProblem {
    /// The time zone database has no such name.
    #[error("no such time zone: {0}")]
    UnknownTimeZone(String),
    /// The span does not end after it begins.
    #[error("the span is empty")]
    EmptySpan {
        /// Monday is 0.
        weekday: usize,
        /// Among the spans of the weekday.
        index: usize,
    },
    /// The span begins before the one in front of it ends.
    #[error("the span overlaps the one before it, or is out of order")]
    OverlappingSpan {
        /// Monday is 0.
        weekday: usize,
        /// Among the spans of the weekday.
        index: usize,
    },
    /// Nothing is ever open.
    #[error("no weekday has any open time")]
    NeverOpen,
}

impl Problem for CalendarProblem {
    fn field(&self) -> String {
        match self {
            Self::UnknownTimeZone(_) => "time_zone".to_owned(),
            Self::NeverOpen => "hours".to_owned(),
            Self::EmptySpan { weekday, index } | Self::OverlappingSpan { weekday, index } => {
                let weekday = WEEKDAYS.get(*weekday).copied().unwrap_or_default();
                format!("hours.{weekday}[{index}]")
            }
        }
    }
}
