//! A source that sends all the time, and a reader who counts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cordon_client::Client;
use cordon_client::ingest::{Batch, Cut};
use futures::stream::{self, StreamExt as _};
use tokio::task::JoinHandle;

use super::site::{ACCOUNT, until};
use crate::harness::{Call, raw, trail};

/// Batch `number` of so many records, and the ids of its events.
pub fn batch(number: usize, records: usize) -> (Batch, Vec<String>) {
    let name = |n: usize| format!("{number}-{n}");
    let bytes = (0..records).map(|n| {
        Bytes::from(trail(&Call {
            id: &name(n),
            ..Call::own("", ACCOUNT)
        }))
    });
    let ids = (0..records).map(|n| format!("event-{}", name(n)));
    (
        Batch::new(number.to_string(), bytes.collect()),
        ids.collect(),
    )
}

pub fn cut() -> Cut {
    Cut::new("sources/aws-cloudtrail", "aws.cloudtrail")
}

/// Batches under way, one after the other, until it is told to stop. What is not acknowledged is
/// sent again for as long as the client's patience lasts.
pub struct Sending {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    task: JoinHandle<BTreeSet<String>>,
}

impl Sending {
    pub fn start(client: Client, records: usize, pause: Duration) -> Self {
        let (stop, acknowledged) = <(Arc<AtomicBool>, Arc<AtomicUsize>)>::default();
        let (end, count) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let batches = stream::unfold(0, move |number| {
            let end = Arc::clone(&end);
            async move {
                tokio::time::sleep(pause).await;
                let go_on = !end.load(Ordering::SeqCst);
                go_on.then(|| (Ok(batch(number, records).0), number + 1))
            }
        });
        let task = tokio::spawn(async move {
            let mut outcomes = client.ingest().send(&cut(), batches);
            let mut ids = BTreeSet::new();
            while let Some(outcome) = outcomes.next().await {
                let outcome = outcome.expect("the source loses its patience");
                let taken = outcome.accepted + outcome.duplicates;
                assert_eq!(taken, records as u64, "{outcome:?}");
                ids.extend(batch(outcome.batch_id.parse().unwrap(), records).1);
                count.fetch_add(1, Ordering::SeqCst);
            }
            ids
        });
        Self {
            stop,
            acknowledged,
            task,
        }
    }

    /// How many batches were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits for some more acknowledgements.
    pub async fn more(&self, batches: usize) {
        let wanted = self.acknowledged() + batches;
        until("batches are acknowledged", async || {
            assert!(!self.task.is_finished(), "it sends no more");
            self.acknowledged() >= wanted
        })
        .await;
    }

    /// Stops, waits for the last answer, and gives the ids of all events that were acknowledged.
    pub async fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::SeqCst);
        let last = tokio::time::timeout(2 * super::site::PATIENCE, self.task).await;
        last.expect("the last batches are not answered").unwrap()
    }
}

/// The ids of all events that the reader finds, each of them once.
pub async fn found(reader: &Client) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for record in raw(reader, "").await {
        let id = record["eventID"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "twice: {record}");
    }
    ids
}

/// What was acknowledged must be there once.
pub async fn all_there(reader: &Client, acknowledged: &BTreeSet<String>) {
    let found = found(reader).await;
    let lost: Vec<_> = acknowledged.difference(&found).take(5).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}, …");
}
