//! Times as nanoseconds since 1970 and as text.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its beginning, included.
    pub since: Timestamp,
    /// Its end, excluded.
    pub until: Timestamp,
}

impl Window {
    /// Both ends in nanoseconds since 1970.
    pub(crate) fn ns(self) -> (i64, i64) {
        (nanoseconds(self.since), nanoseconds(self.until))
    }

    /// Its length in seconds; never less than one nanosecond.
    pub(crate) fn seconds(self) -> f64 {
        let (since, until) = self.ns();
        seconds(until.saturating_sub(since).max(1))
    }
}

/// A time in nanoseconds since 1970, as near as 64 bits come.
#[must_use]
pub fn nanoseconds(time: Timestamp) -> i64 {
    let ns = time.as_nanosecond();
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

/// A time as text, RFC 3339 in UTC.
#[must_use]
pub fn rfc3339(ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| String::new(), |at| at.to_string())
}

/// A number of nanoseconds in seconds.
#[allow(
    clippy::cast_precision_loss,
    reason = "spans are shown to a millisecond"
)]
pub(crate) fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// A number of seconds in nanoseconds.
pub(crate) fn of_seconds(seconds: u64) -> i64 {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000_000)
}
