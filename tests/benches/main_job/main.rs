//! What a whole installation does, measured over TLS from outside and printed: events in, bytes
//! on disk, searches, counts, tail, processor time and memory.
//!
//! ```text
//! cargo build --release --bins
//! cargo bench -p cordon-tests --bench main_job                       a set made here
//! cargo bench -p cordon-tests --bench main_job -- SET.jsonl ACCOUNTS.csv
//! ```
//!
//! `SET.jsonl` has CloudTrail records, one a line; `ACCOUNTS.csv` says whose they are
//! (`tenant,account`, with a header line). The load is made on the same machine, so it takes part
//! of the processors that are measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::large_futures,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    unreachable_pub,
    dead_code,
    unused_imports,
    missing_docs,
    reason = "a program that measures and prints, with the harness of the end-to-end tests"
)]

#[path = "../../e2e/harness/mod.rs"]
mod harness;
mod load;
mod machine;
mod queries;
mod set;
mod times;

use std::time::Duration;

use crate::harness::World;
use crate::machine::Machine;
use crate::set::Set;

/// How long sealing may take to come to rest after the load.
const REST: Duration = Duration::from_secs(900);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let set = match files.as_slice() {
        [] => Set::make(folder.path(), set::RECORDS),
        [events, accounts] => Set::open(events.as_ref(), accounts.as_ref()),
        _ => panic!("expected nothing, or SET.jsonl ACCOUNTS.csv"),
    };
    println!(
        "{} records of {} tenants, {:.0} bytes each; the largest tenant has {}, the small one {}",
        set.records,
        set.tenants.len(),
        set.bytes as f64 / set.records as f64,
        set.largest.records,
        set.small.records,
    );

    let world = World::new().await;
    let machine = Machine::of(&world.server);
    println!("machine: {}", machine.describe());
    load::tenants(&world, &set).await;
    load::events(&world, &machine, &set).await;
    machine.print_disk("right after the last acknowledgement", &set);
    let rested = machine.rest(REST).await;
    println!("sealing and merging came to rest after {rested:.0?}");
    machine.print_disk("at rest", &set);
    machine.print_memory("after the load");

    queries::alone(&world, &set).await;
    queries::together(&world, &set).await;
    queries::tail(&world, &set).await;
    machine.print_memory("at the end");
}
