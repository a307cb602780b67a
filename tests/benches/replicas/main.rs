//! What several servers on one PostgreSQL and one bucket do, measured over TLS from outside and
//! printed: events in, searches and tail; undisturbed, and with one of them killed every five
//! seconds; and for comparison the same questions put to one server on SQLite.
//!
//! ```text
//! cargo build --release --bins
//! CORDON_TEST_DATABASE=sqlite cargo bench -p cordon-tests --bench replicas -- one
//! export CORDON_TEST_DATABASE=postgres CORDON_TEST_FSYNC=on
//! cargo bench -p cordon-tests --bench replicas -- three
//! cargo bench -p cordon-tests --bench replicas -- killed [LEASE_SECONDS]
//! ```
//!
//! PostgreSQL, the bucket, the token and the load are on the same machine and take part of its
//! processors.

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
#[path = "../main_job/machine.rs"]
mod machine;
mod phases;
mod servers;
#[path = "../main_job/set.rs"]
mod set;
#[path = "../main_job/times.rs"]
mod times;
mod waits;

use std::time::Duration;

use cordon_client::Holder;
use futures::stream::{self, StreamExt as _};

use crate::harness::{Replicas, World};
use crate::servers::{Callers, Servers};
use crate::set::Set;

/// Enough for several kills while they come in.
const RECORDS: u64 = 1_200_000;
/// Tenants that are made at the same time.
const TOGETHER: usize = 4;
/// How long sealing may take to come to rest after the load.
const REST: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let (mode, lease) = (words.next(), words.next());
    let set = Set::make(folder.path(), RECORDS);
    println!(
        "{} records of {} tenants, {:.0} bytes each; the largest tenant has {}",
        set.records,
        set.tenants.len(),
        set.bytes as f64 / set.records as f64,
        set.largest.records,
    );
    let (world, several, kills) = match mode.as_deref() {
        Some("one") => (World::new().await, false, false),
        Some(mode @ ("three" | "killed")) => {
            let settings = lease.map_or_else(String::new, |seconds| {
                format!("[jobs]\nlease_seconds = {seconds}\n")
            });
            let stores = Replicas::stores(&settings);
            let (folder, production) = stores.expect("CORDON_TEST_DATABASE=postgres");
            let version = production.postgres.superuser("SHOW server_version");
            let fsync = production.postgres.superuser("SHOW fsync");
            println!("PostgreSQL {version}, fsync {fsync}; {settings}");
            (World::within(folder).await, true, mode == "killed")
        }
        _ => panic!("one, three or killed"),
    };
    let machine = machine::Machine::of(&world.server);
    println!("machine: {}", machine.describe());
    stream::iter(&set.tenants)
        .for_each_concurrent(TOGETHER, |(tenant, accounts)| {
            let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
            let world = &world;
            async move { world.tenant(tenant, &accounts).await }
        })
        .await;
    let callers = Callers {
        source: world
            .issue(Holder::Source("aws-cloudtrail".into()), "source")
            .await,
        reader: world
            .issue(Holder::Tenant(set.largest.tenant.clone()), "reader")
            .await,
    };
    let servers = Servers::of(world, several).await;

    let killer = kills.then(|| servers.kill_in_turn());
    phases::events(&servers, &callers, &set).await;
    if let Some(killer) = killer {
        killer.end().await;
    }
    let rested = servers.rest(REST).await;
    println!("sealing and merging came to rest after {rested:.0?}");
    servers.print_unsealed(&set.largest.tenant).await;

    let killer = kills.then(|| servers.kill_in_turn());
    phases::searches(&servers, &callers, &set).await;
    phases::tail(&servers, &callers, &set).await;
    if let Some(killer) = killer {
        killer.end().await;
    }
    servers.print_unsealed(&set.largest.tenant).await;
    servers.print_memory().await;
}
