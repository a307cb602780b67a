//! Free SQL over one tenant's own events.
//!
//! A query runs in a session of its own in which one table exists, `events`, over that tenant's
//! events alone. It reads: no other statement than one `SELECT` passes, and there is no table
//! function, no file format, no setting and no catalogue to ask. What it may use is limited: memory,
//! beyond which it spills to disk, sealed under a key that dies with the query; disk; time; rows
//! that it answers with. It computes on threads of its own, so that a query which explodes takes
//! its share of the processor and no more.

mod check;
mod run;
mod spill;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub use run::Running;

/// What one query may use.
#[derive(Debug, Clone)]
pub struct SqlLimits {
    /// Bytes of memory for sorting, grouping and joining.
    pub memory: usize,
    /// Bytes on disk for what does not fit.
    pub disk: u64,
    /// Where that is put; `None`: the operating system's folder for such files.
    pub folder: Option<PathBuf>,
    /// Rows that it answers with.
    pub rows: u64,
    /// How long it may take.
    pub time: Duration,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            disk: 4 << 30,
            folder: None,
            rows: 100_000,
            time: Duration::from_secs(120),
        }
    }
}
