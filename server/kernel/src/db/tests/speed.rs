//! How fast appending is. Prints and asserts nothing about time; run it in release:
//! `cargo test --release -p cordon-kernel speed -- --ignored --nocapture`.

use std::time::Instant;

use super::super::testing::*;
use super::super::{FlushBatch, TenantBlock};
use crate::clock::Env;

const TENANTS: usize = 1_000;
/// Bytes of an event as the lake packs it.
const EVENT: usize = 150;

/// CPU time of this process so far, in ms.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|f| f.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks(11) + ticks(12)) * 10
}

/// A batch of about `events` events, divided among the tenants by Zipf's law.
fn zipf(n: u64, events: usize) -> FlushBatch {
    let norm: f64 = (1..=TENANTS).map(|rank| 1.0 / rank as f64).sum();
    let mut noise = blake3::Hasher::new()
        .update(&n.to_le_bytes())
        .finalize_xof();
    let blocks = (1..=TENANTS)
        .map(|rank| {
            let rows = ((events as f64 / rank as f64 / norm) as usize).max(1);
            let mut plain = vec![0; rows * EVENT];
            noise.fill(&mut plain);
            TenantBlock {
                tenant: tenant_id(&format!("tenant-{rank:04}")),
                rows: u32::try_from(rows).unwrap(),
                min_time: 0,
                max_time: i64::try_from(n).unwrap(),
                plain,
            }
        })
        .collect();
    FlushBatch {
        batch_id: format!("b{n}"),
        content_hash: [0; 32],
        blocks,
        ..FlushBatch::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn speed_of_appending() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let env = Env::system();
    let (_, clock) = Env::fixed(env.now(), 1);
    let world = World::with(dir, env, clock, |_| {}).await;
    let names: Vec<String> = (1..=TENANTS)
        .map(|rank| format!("tenant-{rank:04}"))
        .collect();
    let begun = Instant::now();
    world
        .create(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    eprintln!("{TENANTS} tenants created in {:?}", begun.elapsed());
    let mut n = 0;
    for events in [8_000, 16_000, 32_000, 64_000] {
        let flushes = 640_000 / events;
        let batches: Vec<FlushBatch> = (0..flushes)
            .map(|_| {
                n += 1;
                zipf(n, events)
            })
            .collect();
        let rows: u64 = batches
            .iter()
            .flat_map(|b| &b.blocks)
            .map(|b| u64::from(b.rows))
            .sum();
        let bytes: usize = batches
            .iter()
            .flat_map(|b| &b.blocks)
            .map(|b| b.plain.len())
            .sum();
        let (begun, cpu) = (Instant::now(), cpu_ms());
        for batch in batches {
            world.append("trail", vec![batch]).await;
        }
        let (wall, cpu) = (begun.elapsed(), cpu_ms() - cpu);
        eprintln!(
            "{events} events a flush over {TENANTS} tenants: {:.0} events/s, {:.2} µs CPU an event, {:?} a flush, {:.1} MB/s",
            rows as f64 / wall.as_secs_f64(),
            cpu as f64 * 1_000.0 / rows as f64,
            wall / u32::try_from(flushes).unwrap(),
            bytes as f64 / 1e6 / wall.as_secs_f64(),
        );
    }
    for tenant in ["tenant-0001", "tenant-0500"] {
        let scope = scope(tenant);
        let begun = Instant::now();
        let snapshot = world.db.snapshot(&scope).await.unwrap();
        let cold = begun.elapsed();
        let begun = Instant::now();
        for _ in 0..100 {
            world.db.snapshot(&scope).await.unwrap();
        }
        let warm = begun.elapsed() / 100;
        let last: Vec<u64> = snapshot
            .unsealed
            .iter()
            .rev()
            .take(4)
            .map(|b| b.first_seq)
            .collect();
        let begun = Instant::now();
        for _ in 0..100 {
            world.db.journal_blocks(&scope, &last).await.unwrap();
        }
        let four = begun.elapsed() / 100;
        eprintln!(
            "{tenant}: {} blocks, snapshot {cold:?} cold, {warm:?} warm; four blocks {four:?}",
            snapshot.unsealed.len()
        );
    }
    let size = |name: &str| std::fs::metadata(world.dir.path().join(name)).map_or(0, |m| m.len());
    eprintln!(
        "database {} MB, WAL {} MB",
        size("cordon.db") >> 20,
        size("cordon.db-wal") >> 20
    );
}
