//! `[notices]`.

use anyhow::bail;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::providers::courier::Pace;

/// Most receivers at a time.
const MOST: usize = 4_096;
/// Longest that something is tried, in hours.
const LONGEST: i64 = 24 * 30;

/// How often notices are tried, and how many at a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// The wait after a first failure; it doubles with each further one.
    pub first_retry_seconds: i64,
    /// The longest wait.
    pub longest_retry_seconds: i64,
    /// After how long a notice that does not arrive is given up.
    pub give_up_hours: i64,
    /// How many receivers this server sends to at a time.
    pub at_once: usize,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            first_retry_seconds: 10,
            longest_retry_seconds: 3_600,
            give_up_hours: 72,
            at_once: 256,
        }
    }
}

impl Notices {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if self.first_retry_seconds < 1 {
            bail!("notices.first_retry_seconds: at least 1");
        }
        if !(self.first_retry_seconds..=86_400).contains(&self.longest_retry_seconds) {
            bail!("notices.longest_retry_seconds: from first_retry_seconds to 86400");
        }
        if !(1..=LONGEST).contains(&self.give_up_hours) {
            bail!("notices.give_up_hours: from 1 to {LONGEST}");
        }
        if !(1..=MOST).contains(&self.at_once) {
            bail!("notices.at_once: from 1 to {MOST}");
        }
        Ok(())
    }

    pub(super) fn pace(&self) -> Pace {
        Pace {
            first: SignedDuration::from_secs(self.first_retry_seconds),
            longest: SignedDuration::from_secs(self.longest_retry_seconds),
            give_up: SignedDuration::from_hours(self.give_up_hours),
        }
    }
}
