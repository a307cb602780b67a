//! End to end: the real server in a process of its own, reached over TLS by the real client and
//! the real command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::large_futures,
    unreachable_pub,
    missing_docs
)]

mod analysis;
mod attachments;
mod authz;
mod catalogue;
mod cli;
mod crash;
mod csirt;
mod deletion;
mod detection;
mod duties;
mod evidence;
mod exchange;
mod faults;
mod harness;
mod identity;
mod incidents;
mod ingest;
mod isolation;
mod notices;
mod originals;
mod replicas;
mod search;
mod sla;
mod upgrade;
mod views;
mod watch;
