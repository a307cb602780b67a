//! `[analyses]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use cordon_lake::sql::SqlLimits;
use serde::Deserialize;

/// What one answer to a question may use.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analyses {
    /// MiB of memory for sorting, grouping and joining, and as many for texts; unset: 256. Two answers
    /// are made at a time.
    pub memory_mib: Option<usize>,
    /// MiB of disk for what does not fit, sealed; unset: 4,096.
    pub disk_mib: Option<u64>,
    /// The same of all answers that are made at a time; unset: 16,384.
    pub disk_of_all_mib: Option<u64>,
    /// MiB that they leave free on that disk; unset: a tenth of it or 8,192, whichever is less.
    pub disk_reserve_mib: Option<u64>,
    /// Where that is put; unset: the data folder.
    pub folder: Option<PathBuf>,
    /// Seconds that a query may take, and a fifth of what any other answer may; unset: 120.
    pub seconds: Option<u64>,
}

impl Analyses {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if self.memory_mib.is_some_and(|mib| mib < 16) {
            bail!("analyses.memory_mib: at least 16");
        }
        if self.seconds == Some(0) {
            bail!("analyses.seconds: at least 1");
        }
        Ok(())
    }

    /// The limits, with the folder for all that has no path of its own.
    #[must_use]
    pub fn limits(&self, data_dir: &Path) -> SqlLimits {
        let usual = SqlLimits::default();
        SqlLimits {
            memory: self.memory_mib.map_or(usual.memory, |mib| mib << 20),
            disk: self.disk_mib.map_or(usual.disk, bytes),
            disk_of_all: self.disk_of_all_mib.map_or(usual.disk_of_all, bytes),
            disk_reserve: self.disk_reserve_mib.map(bytes),
            folder: Some(self.folder.clone().unwrap_or_else(|| data_dir.to_owned())),
            time: self.seconds.map_or(usual.time, Duration::from_secs),
            ..usual
        }
    }
}

fn bytes(mib: u64) -> u64 {
    mib.saturating_mul(1 << 20)
}
