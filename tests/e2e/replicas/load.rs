//! Sources that send and analysts who watch, for as long as servers come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::ingest::{Batch, Cut, Outcome};
use cordon_client::{Client, Profile, Search, View, Watch};
use futures::StreamExt as _;
use futures::stream;
use tokio::task::JoinHandle;

use super::{Installed, TENANTS};
use crate::harness::{Call, Places, trail};

/// Records of each tenant in a batch.
const RECORDS: usize = 10;
/// From one batch of a source to its next.
const PACE: Duration = Duration::from_millis(50);
/// How long a batch, or what is left of a tail, may take in all.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long a tail that hears nothing stays where it is.
const SILENCE: Duration = Duration::from_secs(4);

/// What was said instead of an answer, and how often.
pub type Failures = BTreeMap<String, usize>;

/// The words for an answer that did not come in time.
pub const NO_ANSWER: &str = "no answer";

/// Sends one batch.
pub async fn send(client: &Client, batch: Batch) -> cordon_client::Result<Outcome> {
    let source = format!("sources/{}", client.source().unwrap());
    let cut = Cut::new(source, "aws.cloudtrail");
    let mut outcomes = client.ingest().send(&cut, stream::iter([Ok(batch)]));
    outcomes.next().await.expect("each batch has an outcome")
}

/// All sources and tails.
pub struct Load {
    stop: Arc<AtomicBool>,
    /// Events that each tenant has got, once that is known.
    wanted: Arc<AtomicUsize>,
    sources: Vec<JoinHandle<Sent>>,
    /// Each with its tenant.
    tails: Vec<(usize, JoinHandle<Seen>)>,
}

/// What a tail has shown: sequence numbers and events.
type Seen = Vec<(i64, String)>;

#[derive(Default)]
struct Sent {
    batches: Vec<String>,
    failures: Failures,
}

/// What became of it.
pub struct Report {
    /// Ids of events, by tenant: each was acknowledged.
    pub acknowledged: Vec<BTreeSet<String>>,
    pub failures: Failures,
    /// What each tail gave, and the place of its tenant.
    pub tails: Vec<(usize, Vec<(i64, String)>)>,
}

impl Load {
    /// Begins. A source whose batch gets no answer in `patience` sends it elsewhere.
    pub fn begin(installed: &Installed, patience: Duration) -> Self {
        let addresses = installed.replicas.addresses();
        let stop = Arc::new(AtomicBool::new(false));
        let wanted = Arc::new(AtomicUsize::new(usize::MAX));
        let places = |profile: &Profile, first| Places::new(profile, &addresses, first);
        let sources = installed.sources.iter().enumerate().map(|(n, profile)| {
            let source = Source {
                name: n,
                places: places(profile, n),
                patience,
                sent: Sent::default(),
            };
            tokio::spawn(source.run(Arc::clone(&stop)))
        });
        let sources = sources.collect();
        let tails = (0..2 * TENANTS.len()).map(|n| {
            let tenant = n % TENANTS.len();
            let places = places(&installed.readers[tenant], n);
            (tenant, tokio::spawn(tail(places, Arc::clone(&wanted))))
        });
        let tails = tails.collect();
        Self {
            stop,
            wanted,
            sources,
            tails,
        }
    }

    /// Stops sending, and waits until the tails have it all.
    pub async fn end(self) -> Report {
        self.stop.store(true, Ordering::SeqCst);
        let (mut acknowledged, mut failures) =
            (vec![BTreeSet::new(); TENANTS.len()], BTreeMap::new());
        for source in self.sources {
            let sent = source.await.unwrap();
            for batch in &sent.batches {
                for (tenant, ids) in acknowledged.iter_mut().enumerate() {
                    ids.extend((0..RECORDS).map(|n| format!("event-{batch}-{tenant}-{n}")));
                }
            }
            for (reason, count) in sent.failures {
                *failures.entry(reason).or_default() += count;
            }
        }
        self.wanted.store(acknowledged[0].len(), Ordering::SeqCst);
        let mut tails = Vec::new();
        for (tenant, tail) in self.tails {
            tails.push((tenant, tail.await.unwrap()));
        }
        Report {
            acknowledged,
            failures,
            tails,
        }
    }
}

impl Report {
    /// Each acknowledged event is there once, and came once and in order.
    pub async fn verify(&self, installed: &Installed) {
        for (tenant, wanted) in self.acknowledged.iter().enumerate() {
            assert!(
                wanted.len() > 200,
                "only {} were acknowledged",
                wanted.len()
            );
            let reader = installed
                .replicas
                .client(tenant, &installed.readers[tenant])
                .await;
            let search = Search::new().view(View::Columns).unlimited();
            let mut found = reader.events().search(search);
            let mut ids = BTreeSet::new();
            while let Some(event) = found.next().await {
                let id = event.unwrap().columns.unwrap().event_id;
                assert!(ids.insert(id.clone()), "found twice: {id}");
            }
            same(wanted, &ids);
        }
        for (tenant, events) in &self.tails {
            let in_order = events.is_sorted_by(|one, next| one.0 < next.0);
            assert!(in_order, "a tail went back");
            let ids: BTreeSet<String> = events.iter().map(|(_, id)| id.clone()).collect();
            assert_eq!(ids.len(), events.len(), "a tail gave an event twice");
            same(&self.acknowledged[*tenant], &ids);
        }
    }
}

fn same(wanted: &BTreeSet<String>, found: &BTreeSet<String>) {
    let some = |of: Vec<&String>| {
        format!(
            "{}, as {:?}",
            of.len(),
            of.iter().take(3).collect::<Vec<_>>()
        )
    };
    let lost: Vec<_> = wanted.difference(found).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {}", some(lost));
    let more: Vec<_> = found.difference(wanted).collect();
    assert!(more.is_empty(), "never acknowledged: {}", some(more));
}

struct Source {
    name: usize,
    places: Places,
    patience: Duration,
    sent: Sent,
}

impl Source {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Sent {
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            self.until_taken(format!("{}-{number}", self.name)).await;
            // So that each server gets some of each source.
            if number % 4 == 0 {
                self.places.turn(false);
            }
            tokio::time::sleep(PACE).await;
        }
        self.sent
    }

    async fn until_taken(&mut self, id: String) {
        let begun = Instant::now();
        let records: Vec<Bytes> = records(&id).collect();
        loop {
            let batch = Batch::new(id.clone(), records.clone());
            let places = &mut self.places;
            let attempt = async { send(places.client().await?, batch).await };
            let failure = match tokio::time::timeout(self.patience, attempt).await {
                Ok(Ok(outcome)) => {
                    let stored = outcome.accepted + outcome.duplicates;
                    assert_eq!(stored, records.len() as u64, "{outcome:?}");
                    assert_eq!(outcome.unattributed, 0);
                    return self.sent.batches.push(id);
                }
                Ok(Err(error)) => error.reason().to_string(),
                Err(_) => NO_ANSWER.to_owned(),
            };
            assert!(begun.elapsed() < DEADLINE, "{id} is not taken: {failure}");
            *self.sent.failures.entry(failure).or_default() += 1;
            self.places.turn(true);
            tokio::time::sleep(PACE).await;
        }
    }
}

fn records(batch: &str) -> impl Iterator<Item = Bytes> {
    let ids = (0..RECORDS).flat_map(|n| (0..TENANTS.len()).map(move |tenant| (tenant, n)));
    ids.map(move |(tenant, n)| {
        let id = format!("{batch}-{tenant}-{n}");
        Bytes::from(trail(&Call {
            id: &id,
            ..Call::own("", TENANTS[tenant].1)
        }))
    })
}

/// Everything that is stored, from the first event on, resumed elsewhere by cursor whenever a
/// server is gone or says nothing.
async fn tail(mut places: Places, wanted: Arc<AtomicUsize>) -> Vec<(i64, String)> {
    let mut got: Vec<(i64, String)> = Vec::new();
    let mut last = Instant::now();
    loop {
        let cursor = got.last().map_or(0, |(sequence, _)| *sequence);
        let watch = Watch::new().from(cursor).view(View::Columns);
        if let Ok(Ok(client)) = tokio::time::timeout(SILENCE, places.client()).await {
            let mut events = client.events().watch(watch);
            while let Some(Ok(event)) = heard(events.next()).await {
                got.push((event.sequence, event.columns.unwrap().event_id));
                last = Instant::now();
                if got.len() >= wanted.load(Ordering::SeqCst) {
                    break;
                }
            }
        }
        let wanted = wanted.load(Ordering::SeqCst);
        if got.len() >= wanted {
            return got;
        }
        assert!(
            last.elapsed() < DEADLINE,
            "a tail has {} of {wanted}",
            got.len()
        );
        places.turn(true);
        tokio::time::sleep(PACE).await;
    }
}

/// `None` when nothing comes.
async fn heard<T>(next: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(SILENCE, next)
        .await
        .unwrap_or_default()
}
