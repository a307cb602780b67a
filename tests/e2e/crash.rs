//! `kill -9` at any moment: what was acknowledged is there once.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use cordon_client::ingest::{Batch, Cut};
use cordon_client::{Client, RetryPolicy};
use futures::stream::{self, StreamExt as _};

use crate::harness::{Call, Server, World, connect, raw, trail};

const KILLS: u64 = 50;

/// A number that looks like chance and is the same in each run.
fn chance(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

/// Sends batches until the server is gone; gives the ids of the events that were acknowledged.
async fn send_until_gone(client: Client, round: u64) -> BTreeSet<String> {
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let batches = stream::iter(0_u64..10_000).map(move |number| {
        let records = (0..20)
            .map(|n| {
                Bytes::from(trail(&Call {
                    id: &format!("{round}-{number}-{n}"),
                    ..Call::own("", "aws:100000000001")
                }))
            })
            .collect();
        Ok(Batch::new(format!("{round}-{number}"), records))
    });
    let mut outcomes = client.ingest().send(&cut, batches);
    let mut acknowledged = BTreeSet::new();
    while let Some(Ok(outcome)) = outcomes.next().await {
        assert_eq!(outcome.accepted + outcome.duplicates, 20, "{outcome:?}");
        acknowledged.extend((0..20).map(|n| format!("event-{}-{n}", outcome.batch_id)));
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_survives_fifty_kills_once() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    let reader = world
        .issue(cordon_client::Holder::Tenant("initech".into()), "reader")
        .await;
    let World {
        folder, mut server, ..
    } = world;
    let data = folder.path().join("data");
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let profile = server.profile("operator");
        let never = RetryPolicy {
            patience: Duration::ZERO,
            ..RetryPolicy::default()
        };
        let client = Client::builder()
            .profile(profile)
            .retry(never)
            .connect()
            .await
            .unwrap();
        let sending = tokio::spawn(send_until_gone(client, round));
        tokio::time::sleep(Duration::from_millis(5 + chance(round) % 250)).await;
        server.kill().await;
        acknowledged.extend(sending.await.unwrap());
        server = Server::start(&data).await;
    }
    assert!(
        acknowledged.len() > 1_000,
        "only {} events were acknowledged",
        acknowledged.len()
    );
    let mut profile = reader;
    profile.endpoints = vec![format!("https://{}", server.address)];
    let reader = connect(profile).await;
    let found = raw(&reader, "").await;
    let mut ids = BTreeSet::new();
    for record in &found {
        assert!(
            ids.insert(record["eventID"].as_str().unwrap().to_owned()),
            "twice: {record}"
        );
    }
    let lost: Vec<_> = acknowledged.difference(&ids).collect();
    assert!(
        lost.is_empty(),
        "{} acknowledged events are lost: {:?}",
        lost.len(),
        &lost[..lost.len().min(5)]
    );
    server.stop().await;
    let config = folder.path().join("fsck.toml");
    let mut settings = format!("data_dir = {:?}\n", data.display().to_string());
    let mut fsck = std::process::Command::new(crate::harness::binary("cordon-server"));
    if let Some(production) = crate::harness::production(&data) {
        settings += &std::fs::read_to_string(&production.config).unwrap();
        fsck.envs(production.environment());
    }
    std::fs::write(&config, settings).unwrap();
    let fsck = fsck
        .args(["fsck", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(
        fsck.status.success(),
        "{}",
        String::from_utf8_lossy(&fsck.stdout)
    );
}
