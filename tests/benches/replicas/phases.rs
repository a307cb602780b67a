//! Events in, searches, tail.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::ingest::{Batch, Cut, Outcome, read};
use cordon_client::{Client, Search, View, Watch};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::SignedDuration;
use tokio::sync::mpsc;

use crate::harness::{Call, trail};
use crate::servers::{Callers, Servers};
use crate::set::{Dice, Set};
use crate::times::Times;
use crate::waits::Waits;

/// Callers that send at the same time, one batch each.
const SENDERS: u64 = 9;
/// Records in a batch.
const BATCH: usize = 2_000;
/// How long searches and tail are asked.
const PHASE: Duration = Duration::from_secs(40);
/// From one event for the tail to the next.
const PACE: Duration = Duration::from_millis(200);
const SOURCE: &str = "sources/aws-cloudtrail";
const KIND: &str = "aws.cloudtrail";

async fn send(client: &Client, batch: Batch) -> cordon_client::Result<Outcome> {
    let cut = Cut::new(SOURCE, KIND);
    let mut outcomes = client.ingest().send(&cut, stream::iter([Ok(batch)]));
    outcomes.next().await.expect("each batch has an outcome")
}

pub async fn events(servers: &Servers, callers: &Callers, set: &Set) {
    let size = std::fs::metadata(&set.events).unwrap().len();
    let cuts: Vec<u64> = (0..=SENDERS)
        .map(|n| line_after(&set.events, size * n / SENDERS))
        .collect();
    let (started, cpu) = (Instant::now(), servers.cpu().await);
    let parts = cuts.windows(2).enumerate().map(|(n, cut)| async move {
        let mut file = File::open(&set.events).unwrap();
        file.seek(SeekFrom::Start(cut[0])).unwrap();
        let mut how = Cut::new(SOURCE, KIND);
        how.batch_records = BATCH;
        let label = format!("from byte {}", cut[0]);
        let mut batches = read(file.take(cut[1] - cut[0]), &label, &how).unwrap();
        let mut places = servers.places(&callers.source, n);
        let (mut taken, mut waits) = (0, Waits::default());
        while let Some(batch) = batches.try_next().await.unwrap() {
            let outcome = waits
                .call(&mut places, async |client| {
                    send(client, batch.clone()).await
                })
                .await;
            assert_eq!(outcome.rejected + outcome.unattributed, 0, "{outcome:?}");
            taken += outcome.accepted + outcome.duplicates;
        }
        (taken, waits)
    });
    let parts = futures::future::join_all(parts).await;
    let (time, cpu) = (started.elapsed(), servers.cpu().await - cpu);
    let (mut taken, mut waits) = (0, Waits::default());
    for (some, of_part) in parts {
        taken += some;
        waits.add(of_part);
    }
    assert_eq!(taken, set.records);
    println!(
        "ingest: {taken} acknowledged in {time:.1?}: {:.0} events/s, {:.1} µs of the servers' processor time each",
        taken as f64 / time.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / taken as f64,
    );
    waits.print("ingest", cuts.len() - 1);
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

/// The newest 100 of a day, one question after the other.
pub async fn searches(servers: &Servers, callers: &Callers, set: &Set) {
    let search = Search::new()
        .since(set.newest - SignedDuration::from_hours(24))
        .until(set.newest + SignedDuration::from_secs(1))
        .limit(100);
    let mut places = servers.places(&callers.reader, 0);
    let (mut times, mut waits) = (
        Times::new("newest 100 of 24 h, largest tenant"),
        Waits::default(),
    );
    let begun = Instant::now();
    while begun.elapsed() < PHASE {
        let asked = waits.call(&mut places, async |client| {
            let found: Vec<_> = client.events().search(search.clone()).try_collect().await?;
            Ok(found.len())
        });
        times.of(asked).await;
        // Each server answers some.
        places.turn(false);
    }
    times.print();
    waits.print("searches", 1);
}

/// From an event's acknowledgement by one server to its arrival from another.
pub async fn tail(servers: &Servers, callers: &Callers, set: &Set) {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let watcher = tokio::spawn(watch(servers.places(&callers.reader, 1), arrived));
    // Until the watch has begun, nothing that is sent has to arrive.
    arrivals.recv().await.expect("a watch");
    let account = &set.tenants[&set.largest.tenant][0];
    let mut places = servers.places(&callers.source, 0);
    let (mut times, mut waits) = (Times::new("from acknowledgement to tail"), Waits::default());
    let mut dice = Dice(7);
    let begun = Instant::now();
    while begun.elapsed() < PHASE {
        let id = format!("tail-{:x}", dice.next());
        let record = Bytes::from(trail(&Call {
            id: &id,
            ..Call::own("", account)
        }));
        let batch = Batch::new(id.clone(), vec![record]);
        waits
            .call(&mut places, async |client| {
                send(client, batch.clone()).await
            })
            .await;
        let taken = Instant::now();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(60), arrivals.recv()).await;
            let (seen, at): (String, Instant) = next
                .expect("an event that was acknowledged did not arrive")
                .unwrap();
            if seen == format!("event-{id}") {
                // It may be there before the acknowledgement is.
                times.times.push(at.saturating_duration_since(taken));
                times.found += 1;
                break;
            }
        }
        // Each server takes some.
        places.turn(false);
        tokio::time::sleep(PACE).await;
    }
    watcher.abort();
    times.print();
    waits.print("sending to the tail", 1);
}

/// Follows what is stored, resumed by cursor at the next server whenever one is gone. The first
/// thing that arrives says that it has begun.
async fn watch(mut places: crate::harness::Places, to: mpsc::UnboundedSender<(String, Instant)>) {
    let mut cursor = None;
    loop {
        if let Ok(client) = places.client().await {
            let watch = cursor.map_or_else(Watch::new, |at| Watch::new().from(at));
            let mut events = client.events().watch(watch.view(View::Columns));
            if cursor.is_none() {
                // The server says where now is before any event.
                let _ = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
                cursor = events.cursor();
                if cursor.is_some() {
                    let _ = to.send((String::new(), Instant::now()));
                }
            }
            while let Some(Ok(event)) = events.next().await {
                cursor = Some(event.sequence);
                let _ = to.send((event.columns.unwrap().event_id, Instant::now()));
            }
        }
        places.turn(true);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
