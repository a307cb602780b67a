//! Flow logs, findings and native OCSF from record to rendered event, and rendering of all
//! sources against the OCSF schema and published translations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

mod clouds;
mod examples;
mod findings;
mod flows;
mod lines;
mod native;
mod notifications;
mod props;
#[path = "../support/openstack.rs"]
mod published;
mod schema;
mod snapshots;
mod world;

#[path = "../support/samples.rs"]
mod samples;
