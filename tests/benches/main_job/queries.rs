//! What customers ask.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::ingest::{Batch, Cut};
use cordon_client::{Client, Count, Search, Watch};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::SignedDuration;

use crate::harness::{Call, World, trail};
use crate::set::{Dice, Set, Share};
use crate::times::Times;

const DAY: i64 = 24 * 3_600;
/// How often each question is put.
const TIMES: usize = 200;
const CLIENTS: usize = 16;
const TAILS: usize = 50;

/// The newest 100 of so many seconds before the set's end.
fn newest(set: &Set, seconds: i64, filter: &str) -> Search {
    Search::new()
        .since(set.newest - SignedDuration::from_secs(seconds))
        .until(set.newest + SignedDuration::from_secs(1))
        .filter(filter)
        .limit(100)
}

async fn ask(client: &Client, search: Search) -> usize {
    let found: Vec<_> = client.events().search(search).try_collect().await.unwrap();
    found.len()
}

fn from_address(share: &Share, at: usize) -> String {
    format!("src_ip = '{}'", share.addresses[at % share.addresses.len()])
}

/// Each question by one client that is alone.
pub async fn alone(world: &World, set: &Set) {
    let large = world.member(&set.largest.tenant, "reader").await;
    let small = world.member(&set.small.tenant, "reader").await;
    let mut times = Times::new("newest 100 of 24 h, largest tenant");
    for _ in 0..TIMES {
        times.of(ask(&large, newest(set, DAY, ""))).await;
    }
    times.print();
    let mut times = Times::new("newest 100 of 24 h, small tenant");
    for _ in 0..TIMES {
        times.of(ask(&small, newest(set, DAY, ""))).await;
    }
    times.print();
    let mut times = Times::new("newest 100 by source address of 7 d, largest tenant");
    for at in 0..TIMES {
        let search = newest(set, 7 * DAY, &from_address(&set.largest, at));
        times.of(ask(&large, search)).await;
    }
    times.print();
    let mut times = Times::new("count by operation of 7 d, largest tenant");
    for _ in 0..TIMES / 4 {
        times.of(count(&large, set)).await;
    }
    times.print();
}

async fn count(client: &Client, set: &Set) -> usize {
    let count = Count::new()
        .since(set.newest - SignedDuration::from_secs(7 * DAY))
        .until(set.newest + SignedDuration::from_secs(1))
        .by("operation");
    client.events().count(count).await.unwrap().counts.len()
}

/// Many clients at once: half on the largest tenant, half on others.
pub async fn together(world: &World, set: &Set) {
    let tenants: Vec<&String> = set.tenants.keys().collect();
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let other = tenants[n * 37 % tenants.len()];
        let tenant = if n % 2 == 0 {
            &set.largest.tenant
        } else {
            other
        };
        clients.push(world.member(tenant, "reader").await);
    }
    let rounds = clients.iter().map(|client| async move {
        let mut times = Times::new("");
        for _ in 0..TIMES / 2 {
            times.of(ask(client, newest(set, DAY, ""))).await;
        }
        times
    });
    let all = futures::future::join_all(rounds).await;
    let mut sum = Times::new("newest 100 of 24 h, 16 clients at once");
    for times in all {
        sum.times.extend(times.times);
        sum.found += times.found;
    }
    sum.print();
}

/// From the acknowledgement of an event to its arrival at who watches.
pub async fn tail(world: &World, set: &Set) {
    let reader = world.member(&set.largest.tenant, "reader").await;
    let account = &set.tenants[&set.largest.tenant][0];
    let mut watch = reader.events().watch(Watch::new());
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let mut times = Times::new("from acknowledgement to tail, largest tenant");
    let mut dice = Dice(7);
    // Until the watch has begun, nothing that is sent has to arrive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..TAILS {
        let id = format!("tail-{n}-{:x}", dice.next());
        let record = trail(&Call {
            id: &id,
            ..Call::own("", account)
        });
        let batch = Batch::new(id, vec![Bytes::from(record)]);
        let sent = async {
            let mut outcomes = world
                .operator
                .ingest()
                .send(&cut, stream::iter([Ok(batch)]));
            while outcomes.try_next().await.unwrap().is_some() {}
            Instant::now()
        };
        let seen = async {
            watch.next().await.unwrap().unwrap();
            Instant::now()
        };
        let both = futures::future::join(sent, seen);
        let (sent, seen) = tokio::time::timeout(Duration::from_secs(60), both)
            .await
            .expect("an event that was acknowledged did not arrive");
        // It may be there before the acknowledgement is.
        times.times.push(seen.saturating_duration_since(sent));
        times.found += 1;
    }
    times.print();
}
