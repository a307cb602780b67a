//! Audit logs of clouds other than AWS, from record to view and columns: made-up records
//! and published ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

mod azure;
mod gcp;
mod k8s;
mod props;
mod signin;
mod tools;

#[path = "../support/samples.rs"]
mod samples;
#[path = "../support/mod.rs"]
mod support;
