//! `[jobs]`.

use std::time::Duration;

use anyhow::bail;
use serde::Deserialize;

/// Longest lease, a day.
const LONGEST: u32 = 86_400;

/// Background work, which the servers on one database share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// How long a server holds work that it has claimed, in seconds; as long as it lives it goes on
    /// holding it. If it dies, another one does the work after that time.
    pub lease_seconds: u32,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { lease_seconds: 30 }
    }
}

impl Jobs {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if !(1..=LONGEST).contains(&self.lease_seconds) {
            bail!("jobs.lease_seconds: from 1 to {LONGEST}");
        }
        Ok(())
    }

    /// The same as a duration.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_seconds))
    }
}
