//! What lists of incidents cost in a tenant that has many, measured over TLS from outside and
//! printed.
//!
//! ```text
//! cargo build --release --bins
//! CORDON_TEST_DATABASE=sqlite cargo bench -p cordon-tests --bench incidents -- [INCIDENTS]
//! export CORDON_TEST_DATABASE=postgres CORDON_TEST_FSYNC=on
//! cargo bench -p cordon-tests --bench incidents -- [INCIDENTS]
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::large_futures,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    unreachable_pub,
    dead_code,
    unused_imports,
    missing_docs,
    reason = "a program that measures and prints, with the harness of the end-to-end tests"
)]

#[path = "../../e2e/harness/mod.rs"]
mod harness;
#[path = "../main_job/machine.rs"]
mod machine;
#[path = "../main_job/set.rs"]
mod set;

use std::time::{Duration, Instant};

use cordon_client::{Client, IncidentFilter, IncidentState, NewIncident, Phase, Severity};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::harness::World;

/// Incidents, unless said otherwise.
const INCIDENTS: u64 = 100_000;
/// That are opened at the same time.
const TOGETHER: usize = 32;
/// How often each question is put.
const TIMES: usize = 300;
/// One in so many is moved on to containment.
const CONTAINED: u64 = 50;
/// Incidents that a page holds.
const PAGE: usize = 100;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let wanted = wanted.unwrap_or(INCIDENTS);
    let world = World::new().await;
    let machine = machine::Machine::of(&world.server);
    println!("machine: {}", machine.describe());
    world.tenant("initech", &[]).await;
    let client = world.member("initech", "responder").await;

    let (begun, cpu) = (Instant::now(), machine.cpu());
    stream::iter(0..wanted)
        .for_each_concurrent(TOGETHER, |n| open(&client, n))
        .await;
    let took = begun.elapsed();
    println!(
        "{wanted} incidents opened in {took:.0?}: {:.0}/s, {:.0?} of the server's processor time each",
        wanted as f64 / took.as_secs_f64(),
        (machine.cpu() - cpu) / u32::try_from(wanted).unwrap(),
    );

    let severities = vec![Severity::Sev1];
    let filters = [
        ("changed last", IncidentFilter::default()),
        (
            "one severity in one phase",
            IncidentFilter {
                severities: severities.clone(),
                phases: vec![Phase::Containment],
                ..IncidentFilter::default()
            },
        ),
        (
            "a filter that nothing passes",
            IncidentFilter {
                states: vec![IncidentState::Closed],
                ..IncidentFilter::default()
            },
        ),
    ];
    for (what, filter) in filters {
        measure(what, || list(&client, filter.clone())).await;
    }
    let name = first(&client).await;
    let incidents = client.incidents();
    measure("one incident", || async {
        incidents.get(&name).await.unwrap();
        1
    })
    .await;
    measure("its timeline", || async {
        let entries: Vec<_> = incidents.timeline(&name).try_collect().await.unwrap();
        entries.len()
    })
    .await;
    let operator = world.operator.incidents();
    measure("the first 100 of the queue", || async {
        let queue = operator.queue(false, None).take(PAGE);
        let queue: Vec<_> = queue.try_collect().await.unwrap();
        queue.len()
    })
    .await;
}

async fn open(client: &Client, n: u64) {
    let severity = [
        Severity::Sev1,
        Severity::Sev2,
        Severity::Sev3,
        Severity::Sev4,
    ];
    let new = NewIncident {
        title: format!("Keys in a public repository, number {n}"),
        description: "Found by a customer of ours, who told us by mail.".to_owned(),
        severity: severity[usize::try_from(n % 4).unwrap()],
        ..NewIncident::default()
    };
    let incidents = client.incidents();
    let made = incidents.create(new).await.unwrap();
    if n.is_multiple_of(CONTAINED) {
        let moved = incidents.move_to(&made.name, Phase::Containment, "", "");
        moved.await.unwrap();
    }
}

async fn list(client: &Client, filter: IncidentFilter) -> usize {
    let page = client.incidents().list(filter).take(PAGE);
    let page: Vec<_> = page.try_collect().await.unwrap();
    page.len()
}

async fn first(client: &Client) -> String {
    let mut newest = client.incidents().list(IncidentFilter::default());
    newest.next().await.unwrap().unwrap().name
}

async fn measure<F: Future<Output = usize>>(what: &str, ask: impl Fn() -> F) {
    let mut times = Vec::with_capacity(TIMES);
    let mut found = 0;
    for _ in 0..TIMES {
        let begun = Instant::now();
        found = ask().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{what}: p50 {:.2?}, p99 {:.2?} ({TIMES} times, {found} found each)",
        at(50),
        at(99)
    );
}
