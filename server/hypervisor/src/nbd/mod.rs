//! A client for NBD exports that only reads, over a unix socket. The crates for it are thin: none
//! knows structured replies, which tell a bad sector from a bad server, or allocation.
//!
//! The server is not trusted. It may be the storage of a machine that is under examination, so every
//! length and every count that it sends is held against what was asked, and silence ends in an error.

mod client;
mod disk;
mod handshake;
mod reply;
mod salvage;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

pub use client::NbdClient;
pub use disk::NbdDisk;

/// How much is asked of a server, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NbdLimits {
    /// How long the handshake may take, all in all.
    pub handshake: Duration,
    /// How long one request may take from being sent to the last of its reply.
    pub request: Duration,
    /// Most bytes of replies that are held or expected at once.
    pub in_flight: u32,
    /// The largest export.
    pub max_size: u64,
}

impl Default for NbdLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(30),
            in_flight: 16 << 20,
            max_size: 64 << 40,
        }
    }
}

/// What a server said of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// Its length in bytes.
    pub size: u64,
    /// Whether nobody can write to it.
    pub read_only: bool,
    /// Whether it answers a read in one piece if asked to. QEMU's server drops the connection when a
    /// read fails whose reply it has begun, and tells the error only of one that comes in one piece.
    pub whole_reads: bool,
    /// What reads are aligned to.
    pub min_block: u32,
    /// Most bytes that one request may ask for.
    pub max_block: u32,
    /// The number under which allocation is told, if the server knows it.
    pub allocation: Option<u32>,
}
