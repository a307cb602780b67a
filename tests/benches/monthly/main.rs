//! What the reports of a month cost over all tenants: making each one's, and exporting what is
//! kept of them; measured over TLS from outside and printed.
//!
//! ```text
//! cargo build --release --bins
//! CORDON_TEST_DATABASE=sqlite cargo bench -p cordon-tests --bench monthly -- [TENANTS [INCIDENTS]]
//! export CORDON_TEST_DATABASE=postgres CORDON_TEST_FSYNC=on
//! cargo bench -p cordon-tests --bench monthly -- [TENANTS [INCIDENTS]]
//! ```
//!
//! `INCIDENTS` are those of each tenant.

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

mod fill;
#[path = "../../e2e/harness/mod.rs"]
mod harness;
#[path = "../main_job/machine.rs"]
mod machine;
#[path = "../main_job/set.rs"]
mod set;
#[path = "../main_job/times.rs"]
mod times;

use std::time::{Duration, Instant};

use cordon_client::{Holder, time};
use futures::TryStreamExt as _;

use crate::harness::{World, connect, production};
use crate::machine::Machine;
use crate::times::Times;

/// Tenants, unless said otherwise.
const TENANTS: u32 = 1_000;
/// Incidents of each tenant, unless said otherwise.
const INCIDENTS: u32 = 100;
/// How often all reports are exported.
const EXPORTS: usize = 20;
/// How long the server may make reports.
const PATIENCE: Duration = Duration::from_secs(1_800);

#[tokio::main]
async fn main() {
    let mut wanted = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok());
    let tenants = wanted.next().unwrap_or(TENANTS);
    let incidents = wanted.next().unwrap_or(INCIDENTS);
    let world = World::new().await;
    let machine = Machine::of(&world.server);
    println!("machine: {}", machine.describe());

    fill::tenants(&world, tenants).await;
    // The first ones, of nothing: they are due as soon as something is promised.
    kept(&world, tenants).await;
    fill::incidents(&world, tenants, incidents).await;

    world.tamper("DELETE FROM sla_reports").await;
    println!("before the reports: {}", machine.describe());
    let (begun, cpu) = (Instant::now(), machine.cpu());
    world
        .tamper("UPDATE jobs SET due_time = 1 WHERE job = 'reports' AND claimed = 0")
        .await;
    kept(&world, tenants).await;
    let (took, cpu) = (begun.elapsed(), machine.cpu() - cpu);
    let all = tenants * incidents;
    println!(
        "{tenants} reports made of {all} incidents in {:.1} s: {:.0} incidents/s, {:.0?} of the \
         server's processor time each",
        took.as_secs_f64(),
        f64::from(all) / took.as_secs_f64(),
        cpu / all,
    );
    machine.print_memory("after the reports");

    export(&world).await;
    machine.print_memory("at the end");
}

/// Waits until a report of each tenant is kept.
async fn kept(world: &World, tenants: u32) {
    let begun = Instant::now();
    while count(world, "SELECT count(*) FROM sla_reports").await < i64::from(tenants) {
        assert!(begun.elapsed() < PATIENCE, "reports are missing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The number that a question to the server's database gets.
async fn count(world: &World, sql: &str) -> i64 {
    match production(&world.server.data) {
        Some(production) => production.postgres.superuser(sql).parse().unwrap(),
        None => cordon_fixtures::count_sqlite(&world.server.data.join("cordon.db"), sql).await,
    }
}

/// All tenants' reports of the present month, by who may have them.
async fn export(world: &World) {
    let reporter = connect(world.issue(Holder::Staff, "sla-reporter").await).await;
    let month = time::now().strftime("%Y-%m").to_string();
    let mut times = Times::new("all reports of the month exported and read");
    let (mut bytes, mut clocks) = (0, 0);
    for _ in 0..EXPORTS {
        let asked = reporter.sla().export_reports(month.parse().unwrap());
        let mut reports = Vec::new();
        times
            .of(async {
                reports = asked.try_collect().await.unwrap();
                reports.len()
            })
            .await;
        let written = reports.iter().map(|one| serde_json::to_vec(one).unwrap());
        bytes = written.map(|one| one.len()).sum();
        let figures = reports.iter().map(|one| &one.overall);
        clocks = figures.map(|all| all.met + all.breached).sum();
    }
    times.print();
    println!("they are {} MB, of {clocks} clocks", bytes / 1_000_000);
}
