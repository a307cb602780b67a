//! A client of QEMU's monitor protocol.
//!
//! The crate `qapi` was looked at and left: it reads lines of any length into memory from a socket
//! that may lie, can't pass file descriptors along with a command, and refuses whatever a newer QEMU
//! says that the schema it was built with doesn't know. What is used here is a dozen commands.

mod client;
mod line;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use client::{Event, Qmp};
pub(crate) use line::Lines;

/// How long a monitor may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QmpLimits {
    /// How long connecting may take, with the greeting. A monitor that somebody else holds takes
    /// the connection and says nothing.
    pub greeting: Duration,
    /// How long one command may take.
    pub command: Duration,
}

impl Default for QmpLimits {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(3),
            command: Duration::from_secs(10),
        }
    }
}
