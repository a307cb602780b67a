//! Events in.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Instant;

use cordon_client::ingest::{Cut, read};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::harness::World;
use crate::machine::Machine;
use crate::set::Set;

/// Streams that send at the same time.
const STREAMS: u64 = 4;
/// Tenants that are made at the same time.
const TOGETHER: usize = 4;

pub async fn tenants(world: &World, set: &Set) {
    let started = Instant::now();
    stream::iter(&set.tenants)
        .for_each_concurrent(TOGETHER, |(tenant, accounts)| async move {
            let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
            world.tenant(tenant, &accounts).await;
        })
        .await;
    println!(
        "{} tenants made in {:.1?}",
        set.tenants.len(),
        started.elapsed()
    );
}

pub async fn events(world: &World, machine: &Machine, set: &Set) {
    let size = std::fs::metadata(&set.events).unwrap().len();
    let cuts: Vec<u64> = (0..=STREAMS)
        .map(|n| line_after(&set.events, size * n / STREAMS))
        .collect();
    let (started, cpu) = (Instant::now(), machine.cpu());
    let sums = stream::iter(cuts.windows(2))
        .map(|cut| part(world, set, cut[0], cut[1]))
        .buffer_unordered(cuts.len())
        .collect::<Vec<Sums>>()
        .await;
    let (time, cpu) = (started.elapsed(), machine.cpu() - cpu);
    let sum = |of: fn(&Sums) -> u64| sums.iter().map(of).sum::<u64>();
    let accepted = sum(|sums| sums.accepted);
    println!(
        "ingest: {accepted} acknowledged ({} repeated, {} rejected, {} unattributed) in {time:.1?}: \
         {:.0} events/s, {:.1} µs of the server's processor time each, sealing included",
        sum(|sums| sums.duplicates),
        sum(|sums| sums.rejected),
        sum(|sums| sums.unattributed),
        accepted as f64 / time.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / accepted as f64,
    );
}

/// The place of the first line that begins at or after the byte.
fn line_after(path: &Path, at: u64) -> u64 {
    if at == 0 {
        return 0;
    }
    let mut file = BufReader::new(File::open(path).unwrap());
    file.seek(SeekFrom::Start(at)).unwrap();
    let skipped = file.skip_until(b'\n').unwrap();
    at + skipped as u64
}

#[derive(Default)]
struct Sums {
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    unattributed: u64,
}

async fn part(world: &World, set: &Set, start: u64, end: u64) -> Sums {
    let mut file = File::open(&set.events).unwrap();
    file.seek(SeekFrom::Start(start)).unwrap();
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let label = format!("from byte {start}");
    let batches = read(file.take(end - start), &label, &cut).unwrap();
    let mut outcomes = world.operator.ingest().send(&cut, batches);
    let mut sum = Sums::default();
    while let Some(outcome) = outcomes.try_next().await.unwrap() {
        sum.accepted += outcome.accepted;
        sum.duplicates += outcome.duplicates;
        sum.rejected += outcome.rejected;
        sum.unattributed += outcome.unattributed;
    }
    sum
}
