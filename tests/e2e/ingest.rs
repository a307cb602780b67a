//! What is sent is stored exactly once, and nothing that is sent gets lost.

use cordon_client::{Count, Reason, Search};
use futures::StreamExt as _;

use crate::harness::{Call, World, raw, shared_data, trail};

async fn count(client: &cordon_client::Client) -> i64 {
    let counted = client.events().count(Count::new()).await.unwrap();
    counted.counts.iter().map(|group| group.count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_stored_once_and_refused_with_other_content() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    let reader = world.member("initech", "reader").await;
    let records: Vec<String> = (0..5)
        .map(|n| {
            trail(&Call {
                id: &n.to_string(),
                ..Call::own("", "aws:100000000001")
            })
        })
        .collect();
    let first = world.send("aws.cloudtrail", "batch-1", &records).await;
    assert_eq!(
        (first.accepted, first.duplicates, first.rejected),
        (5, 0, 0)
    );
    let again = world.send("aws.cloudtrail", "batch-1", &records).await;
    assert_eq!((again.accepted, again.duplicates), (0, 5));
    let other = world.send("aws.cloudtrail", "batch-1", &records[..2]).await;
    assert_eq!(other.refused.unwrap().reason, Reason::BatchConflict);
    // The source delivers the same events in another batch: stored, but there once.
    let redelivered = world.send("aws.cloudtrail", "batch-2", &records).await;
    assert_eq!(redelivered.accepted, 5);
    assert_eq!(raw(&reader, "").await.len(), 5);
    assert_eq!(count(&reader).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_are_kept_and_block_nothing() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    let reader = world.member("initech", "reader").await;
    let good = trail(&Call::own("good", "aws:100000000001"));
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let bad = [
        "{\"eventID\": ".to_owned(),
        "[1, 2".to_owned(),
        "null".to_owned(),
        deep,
        format!("{{\"eventID\":\"x\",\"pad\":\"{}\"}}", "x".repeat(1 << 20)),
    ];
    let mut records = bad.to_vec();
    records.push(good.clone());
    records.push(good.clone());
    let outcome = world.send("aws.cloudtrail", "mixed", &records).await;
    assert_eq!(
        (outcome.accepted, outcome.duplicates, outcome.rejected),
        (1, 1, 5),
        "{outcome:?}"
    );
    assert_eq!(outcome.errors.len(), 5);
    assert_eq!(raw(&reader, "").await.len(), 1);
    let letters = world.operator.ingest().dead_letters("aws-cloudtrail");
    let letters: Vec<_> = letters.map(Result::unwrap).collect().await;
    let kept: Vec<&[u8]> = letters
        .iter()
        .map(|letter| letter.content.as_ref())
        .collect();
    for record in &bad[..3] {
        assert!(kept.contains(&record.as_bytes()), "{record}");
    }
    let replayed = world
        .operator
        .ingest()
        .replay_dead_letters("aws-cloudtrail")
        .await
        .unwrap();
    assert_eq!(replayed.accepted_count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_cannot_be_are_marked_and_the_record_kept() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    let reader = world.member("initech", "reader").await;
    let times = [
        "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",
        "yesterday",
        "",
    ];
    let records: Vec<String> = times
        .iter()
        .map(|time| {
            trail(&Call {
                id: time,
                time,
                ..Call::own("", "aws:100000000001")
            })
        })
        .collect();
    let outcome = world.send("aws.cloudtrail", "times", &records).await;
    assert_eq!(outcome.accepted, 4);
    assert_eq!(raw(&reader, "").await.len(), 4);
    let invalid = raw(&reader, "time_quality = 'invalid'").await;
    assert!(invalid.len() >= 3, "{invalid:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_records_come_back_as_they_were_sent() {
    let Some(data) = shared_data() else { return };
    let world = World::new().await;
    world.tenant("initech", &["aws:123837392027"]).await;
    let reader = world.member("initech", "reader").await;
    let folder = data.join("cloudtrail-invictus");
    let mut sent = std::collections::BTreeSet::new();
    for (number, file) in std::fs::read_dir(folder).unwrap().enumerate() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        let opened = std::fs::File::open(&path).unwrap();
        let cut = cordon_client::ingest::Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
        let batches = cordon_client::ingest::read(opened, &format!("file-{number}"), &cut).unwrap();
        let mut outcomes = world.operator.ingest().send(&cut, batches);
        while let Some(outcome) = outcomes.next().await {
            let outcome = outcome.unwrap();
            assert_eq!(outcome.rejected, 0, "{path:?}: {outcome:?}");
            assert_eq!(outcome.unattributed, 0);
        }
        for record in records_in(&path) {
            sent.insert(record["eventID"].as_str().unwrap().to_owned());
        }
    }
    assert!(!sent.is_empty());
    let found = raw(&reader, "").await;
    let ids: std::collections::BTreeSet<String> = found
        .iter()
        .map(|record| record["eventID"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, sent);
    assert_eq!(found.len(), sent.len(), "each event is there once");
    assert_eq!(count(&reader).await, i64::try_from(sent.len()).unwrap());
    // Page by page the same.
    let mut paged = reader
        .events()
        .search(Search::new().unlimited().page_size(97));
    let mut seen = 0;
    while let Some(event) = paged.next().await {
        event.unwrap();
        seen += 1;
    }
    assert_eq!(seen, sent.len());
}

fn records_in(path: &std::path::Path) -> Vec<serde_json::Value> {
    let unpacked = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(path)
        .output()
        .unwrap();
    let file: serde_json::Value = serde_json::from_slice(&unpacked.stdout).unwrap();
    file["Records"].as_array().unwrap().clone()
}
