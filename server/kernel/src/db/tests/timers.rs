//! How long a look for due timers takes among many that are idle. Prints and asserts nothing about
//! time; run it in release, on PostgreSQL with `CORDON_TEST_DATABASE=postgres CORDON_TEST_FSYNC=on`:
//! `cargo test --release -p cordon-kernel speed_of_timers -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::super::jobs::{CLOCKS, JobClaim, JobRunner, Lane, bucket_of};
use super::super::nanos;
use super::super::testing::*;

const TENANTS: usize = 1_000;
/// Timers in all, unless `CORDON_BENCH_TIMERS` says otherwise.
const TIMERS: usize = 1_000_000;
/// Of these that are due.
const DUE: usize = 100;
/// Timers that a server claims at a time.
const ROOM: u32 = 16;
/// How often is looked.
const TIMES: usize = 300;
const LEASE: SignedDuration = SignedDuration::from_secs(30);

fn name(tenant: usize) -> String {
    format!("tenant-{tenant:04}")
}

/// A tenant's timer by its number.
fn job(number: usize) -> String {
    format!("{CLOCKS}:0190a0a0-0000-7000-8000-{number:012x}")
}

/// As many timers for each tenant, due from an hour on within a month.
async fn fill(world: &World, each: usize) {
    let tenants: Vec<String> = (1..=TENANTS)
        .map(name)
        .map(|tenant| format!("('{tenant}', {})", bucket_of(&tenant_id(&tenant))))
        .collect();
    let last = each - 1;
    let (numbers, hex) = match world.postgres {
        None => (
            format!("n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"),
            "printf('%012x', i)",
        ),
        Some(_) => (
            format!("n (i) AS (SELECT * FROM generate_series(0::bigint, {last}))"),
            "lpad(to_hex(i), 12, '0')",
        ),
    };
    let soonest = nanos(world.env.now() + SignedDuration::from_hours(1));
    let sql = format!(
        "WITH RECURSIVE {numbers}, t (tenant, bucket) AS (VALUES {}) \
         INSERT INTO jobs (tenant_id, job, bucket, due_time, epoch, claimed, again, attempts) \
         SELECT tenant, '{CLOCKS}:0190a0a0-0000-7000-8000-' || {hex}, bucket, \
                {soonest} + (i * 7919 % 2592000) * 1000000000, 1, 0, NULL, 0 FROM t, n",
        tenants.join(", ")
    );
    world.tamper(&sql).await;
    if let Some(postgres) = &world.postgres {
        // As autovacuum does in time.
        postgres.superuser("VACUUM ANALYZE jobs");
    }
}

/// Claims what is due, `room` at a time, until nothing is.
async fn pass(world: &World, runner: &JobRunner, room: u32) -> Vec<JobClaim> {
    let mut claims = Vec::new();
    loop {
        let some = world.db.claim_jobs(runner, Lane::Prompt, LEASE, room).await;
        let some = some.unwrap();
        if some.is_empty() {
            return claims;
        }
        claims.extend(some);
    }
}

/// Looks time and again; what is found is due again each time.
async fn measure(world: &World, what: &str, room: u32) {
    let runner = JobRunner::new();
    let (mut times, mut found) = (Vec::with_capacity(TIMES), 0);
    for _ in 0..TIMES {
        let begun = Instant::now();
        let claims = pass(world, &runner, room).await;
        times.push(begun.elapsed());
        found = claims.len();
        for claim in claims {
            world.db.job_again(claim, world.env.now()).await.unwrap();
        }
    }
    times.sort_unstable();
    let at = |percent: usize| -> Duration { times[(times.len() - 1) * percent / 100] };
    eprintln!(
        "{what}: p50 {:.2?}, p99 {:.2?} ({TIMES} times, {found} found each)",
        at(50),
        at(99)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn speed_of_timers() {
    let timers = std::env::var("CORDON_BENCH_TIMERS");
    let timers = timers.map_or(TIMERS, |wanted| wanted.parse().unwrap());
    let each = (timers / TENANTS).max(1);
    let world = World::new().await;
    let names: Vec<String> = (1..=TENANTS).map(name).collect();
    world
        .create(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let begun = Instant::now();
    fill(&world, each).await;
    eprintln!(
        "{} timers of {TENANTS} tenants in {:.1?}",
        world.count("jobs").await,
        begun.elapsed()
    );

    measure(&world, "nothing due", ROOM).await;
    // One each of every tenth tenant.
    let now = world.env.now();
    for tenant in (1..=TENANTS).step_by(TENANTS / DUE) {
        let (scope, job) = (scope(&name(tenant)), job(tenant % each));
        world.db.schedule_job(&scope, &job, now).await.unwrap();
    }
    for room in [ROOM, u32::try_from(DUE).unwrap()] {
        let what = format!("{DUE} due, claimed {room} at a time");
        measure(&world, &what, room).await;
    }
}
