//! Free SQL over one tenant's own events.
//!
//! A query runs in a session of its own in which one table exists, `events`, over that tenant's
//! events alone. It reads: no other statement than one `SELECT` passes, and there is no table
//! function, no file format, no setting and no catalogue to ask. What it may use is limited: how
//! large it is once it is planned; memory, beyond which it spills to disk, sealed under a key that
//! dies with the query; disk; time; rows that it answers with. It is planned, reads and computes on
//! threads of its own, so that a query which explodes takes its share of the processor and no more.
//!
//! From text to rows: [`check`] parses and refuses, with [`parts`] and [`regexes`]; [`plan`] makes a
//! plan, in which [`own`] puts bounded functions and texts; [`guard`] stands between its operators;
//! [`table`] reads what [`push`] could say as a filter; [`memory`] counts texts, [`spill`] what is on
//! disk; [`run`] hands over.

mod bounded;
#[cfg(test)]
mod bounds_tests;
mod check;
mod expand;
mod guard;
mod memory;
mod own;
mod parts;
mod plan;
mod push;
mod regexes;
mod run;
mod spill;
mod table;
#[cfg(test)]
mod tests;
mod texts;

use std::path::PathBuf;
use std::time::Duration;

/// The version of DataFusion, which plans and computes.
pub use datafusion::DATAFUSION_VERSION as ENGINE_VERSION;
pub use run::Running;

/// Which of the tenant's events a query is asked over, and when.
#[derive(Debug, Clone)]
pub struct Over {
    /// Event times, nanoseconds since 1970: from, and up to without it.
    pub times: (Option<i64>, Option<i64>),
    /// Of these events alone: a filter's text.
    pub within: Option<String>,
    /// Up to this sequence number.
    pub head: u64,
    /// What `now()` is in it, nanoseconds since 1970: asked again with the same it gives the same.
    pub asked: i64,
}

/// What one query may use.
#[derive(Debug, Clone)]
pub struct SqlLimits {
    /// Bytes of memory for sorting, grouping and joining, and as many for texts.
    pub memory: usize,
    /// Bytes on disk for what does not fit.
    pub disk: u64,
    /// The same of all queries of the process together.
    pub disk_of_all: u64,
    /// Bytes that they leave free on that disk; `None`: a tenth of it or 8 GiB, whichever is less.
    pub disk_reserve: Option<u64>,
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
            disk_of_all: 16 << 30,
            disk_reserve: None,
            folder: None,
            rows: 100_000,
            time: Duration::from_secs(120),
        }
    }
}
