//! Rules: each event is counted once, whichever server looks at it and which of them end.

use std::time::Duration;

use bytes::Bytes;
use cordon_client::ingest::Batch;
use cordon_client::{DetectionPolicyChanges, IncidentFilter, Level, NewRule};
use futures::StreamExt as _;

use super::load::send;
use super::{Installed, TENANTS};
use crate::detection::{EXFILTRATION, found};
use crate::harness::{Call, at, connect, trail};

/// Batches, one after another at the servers that are there.
const BATCHES: usize = 40;
/// Events of each.
const EVENTS: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_found_once_though_servers_are_killed() {
    let Some(mut installed) = Installed::with("[jobs]\nlease_seconds = 2\n").await else {
        return;
    };
    let (_, account) = TENANTS[0];
    let member = installed.responder().await;
    let client = connect(at(&member, installed.replicas.address(0))).await;
    client
        .rules()
        .create(NewRule::from(EXFILTRATION.to_owned()))
        .await
        .unwrap();
    let policy = DetectionPolicyChanges {
        enabled: Some(true),
        min_level: Some(Some(Level::High)),
        ..DetectionPolicyChanges::default()
    };
    client.detection_policy().update(policy, "").await.unwrap();
    for n in 0..BATCHES {
        let records = (0..EVENTS).map(|event| {
            Bytes::from(trail(&Call {
                id: &format!("{n}-{event}"),
                operation: "ModifySnapshotAttribute",
                parameters: serde_json::json!({ "createVolumePermission": { "add": {} } }),
                ..Call::own("", account)
            }))
        });
        let batch = Batch::new(format!("batch-{n}"), records.collect());
        let server = if n % 2 == 0 { 0 } else { 2 };
        let source = connect(at(
            &installed.sources[0],
            installed.replicas.address(server),
        ))
        .await;
        send(&source, batch).await.unwrap();
        match n {
            10 => installed.replicas.kill(1).await,
            20 => installed.replicas.restart(1).await,
            25 => installed.replicas.pause(1),
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    // What it held is another's by now: what it still keeps is refused.
    installed.replicas.resume(1);
    let all = i64::try_from(BATCHES * EVENTS).unwrap();
    let findings = found(&client, all).await;
    assert_eq!(findings.len(), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let findings = found(&client, all).await;
    assert_eq!(findings.len(), 1);
    // The policy has opened one incident of it, whoever was at it.
    let incidents = client.incidents();
    let incidents: Vec<_> = incidents
        .list(IncidentFilter::default())
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(findings[0].incident, incidents[0].name);
}
