//! What answers cost over many events of one tenant, measured over TLS from outside and printed.
//!
//! ```text
//! cargo build --release --bins
//! CORDON_TEST_DATABASE=sqlite cargo bench -p cordon-tests --bench analyses -- [EVENTS] [RULES]
//! ```
//!
//! `RULES` is a folder of Sigma rules, of which the first hundred that are understood are held
//! against history.

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
mod looking;
#[path = "../main_job/machine.rs"]
mod machine;
#[path = "../main_job/set.rs"]
mod set;

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::analysis::{NewAnalysis, Question, RoleChain, Start, Subject};
use cordon_client::ingest::{Batch, Cut};
use cordon_client::{Client, NewRule};
use futures::stream::{self, StreamExt as _};

use crate::harness::{Call, World, trail};

/// Events, unless said otherwise.
const EVENTS: u64 = 1_000_000;
/// Events of a batch.
const BATCH: u64 = 2_000;
/// Streams that send at the same time.
const STREAMS: u64 = 4;
/// How long sealing is waited for at most.
const REST: Duration = Duration::from_secs(600);
/// Rules that are held against history.
const RULES: usize = 100;
/// How often each question is put; the median is told.
const TIMES: usize = 3;

const ACCOUNT: &str = "aws:100000000001";
const OPERATIONS: [&str; 12] = [
    "GetObject",
    "PutObject",
    "ListBuckets",
    "DescribeInstances",
    "GetCallerIdentity",
    "Decrypt",
    "DescribeSecurityGroups",
    "AssumeRole",
    "PutMetricData",
    "DescribeVolumes",
    "ListObjects",
    "HeadObject",
];

const SERVICES: [&str; 5] = [
    "s3.amazonaws.com",
    "ec2.amazonaws.com",
    "sts.amazonaws.com",
    "iam.amazonaws.com",
    "kms.amazonaws.com",
];

#[tokio::main]
async fn main() {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let wanted = words.next().and_then(|word| word.parse().ok());
    let wanted: u64 = wanted.unwrap_or(EVENTS);
    let rules = words.next();
    let world = World::new().await;
    let machine = machine::Machine::of(&world.server);
    println!("machine: {}", machine.describe());
    world.tenant("initech", &[ACCOUNT]).await;
    let client = world.member("initech", "responder").await;

    let begun = Instant::now();
    stream::iter(0..STREAMS)
        .for_each_concurrent(None, |part| {
            send(&world, ACCOUNT, part.to_string(), wanted / STREAMS)
        })
        .await;
    println!("{wanted} events in {:.0?}", begun.elapsed());
    let rested = machine.rest(REST).await;
    println!("sealing and merging came to rest after {rested:.0?}");
    machine.print_memory("after the load");

    let actor = "arn:aws:iam::100000000001:user/rare".to_owned();
    let questions = [
        (
            "all that a rare actor did",
            Question::Pivot(Subject::Actor(actor.clone())),
        ),
        (
            "all that a frequent actor did",
            Question::Pivot(Subject::Actor(
                "arn:aws:iam::100000000001:user/user-6".to_owned(),
            )),
        ),
        (
            "all that came from one address",
            Question::Pivot(Subject::Address("198.51.100.77".to_owned())),
        ),
        (
            "whom that actor became",
            Question::RoleChain(RoleChain::from(Start::Actor(actor))),
        ),
        (
            "SQL: events by operation",
            Question::Sql("SELECT operation, count(*) FROM events GROUP BY operation".to_owned()),
        ),
        (
            "SQL: distinct actors an hour",
            Question::Sql(
                "SELECT date_trunc('hour', time) AS hour, count(DISTINCT actor) FROM events \
                 GROUP BY date_trunc('hour', time)"
                    .to_owned(),
            ),
        ),
    ];
    for (what, question) in questions {
        ask(&client, what, &question).await;
    }
    if let Some(folder) = rules {
        let texts = understood(&client, Path::new(&folder)).await;
        let what = format!("{} Sigma rules over all events", texts.len());
        ask(&client, &what, &Question::Rules(texts.clone())).await;
        machine.print_memory("after the answers");
        looking::measure(&world, &machine, &texts).await;
    }
    machine.print_memory("at the end");
}

async fn ask(client: &Client, what: &str, question: &Question) {
    let (mut times, mut scanned) = (Vec::new(), 0);
    for _ in 0..TIMES {
        let begun = Instant::now();
        let new = NewAnalysis::new(question.clone(), "a measurement");
        let asked = client.analyses().create(new).await.unwrap();
        let ended = client.analyses().wait(&asked.name).await.unwrap();
        times.push(begun.elapsed());
        scanned = ended.result.map_or(0, |result| result.scanned_events);
    }
    times.sort_unstable();
    println!(
        "{what}: {:.2} s from asking to having ended (fastest {:.2} s), {scanned} events looked at",
        times[TIMES / 2].as_secs_f64(),
        times[0].as_secs_f64(),
    );
}

async fn send(world: &World, account: &'static str, part: String, events: u64) {
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let batches = (0..events.div_ceil(BATCH)).map(move |batch| {
        let records = (0..BATCH).map(|n| record(account, &part, batch * BATCH + n));
        Ok(Batch::new(format!("{part}-{batch}"), records.collect()))
    });
    let mut outcomes = world.operator.ingest().send(&cut, stream::iter(batches));
    while let Some(outcome) = outcomes.next().await {
        assert_eq!(outcome.unwrap().rejected, 0);
    }
}

/// Events of a stream in which a role's session lasts.
const SESSION: u64 = 60_000;

/// The session of a role by the number of an event, and the key that it calls with.
fn session(n: u64) -> (String, String) {
    let (role, session) = (n % 40, n / SESSION);
    (
        format!("arn:aws:sts::100000000001:assumed-role/role-{role}/session-{session}"),
        format!("ASIA{role:08}{session:08}"),
    )
}

/// One in ten thousand is the rare actor's, who assumes a role; one in three is a session's.
fn record(account: &str, part: &str, n: u64) -> Bytes {
    let id = format!("{part}-{n}");
    let (rare, second) = (n.is_multiple_of(10_000), 1_760_000_000 + n);
    let time = jiff::Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
    let operation = match n % 1_000 {
        5 => "CreateAccessKey",
        6 => "StopLogging",
        _ => OPERATIONS[usize::try_from(n * 7 + n / 13).unwrap() % OPERATIONS.len()],
    };
    let mut text = trail(&Call {
        operation: if rare { "AssumeRole" } else { operation },
        time: &time.to_string(),
        parameters: serde_json::json!({
            "bucketName": format!("bucket-{}", n % 500),
            "roleArn": format!("arn:aws:iam::100000000001:role/role-{}", n % 40),
            "key": format!("data/2026/part-{n:08}.parquet"),
        }),
        ..Call::own(&id, account)
    });
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let user = if rare {
        "rare".to_owned()
    } else {
        format!("user-{}", n % 300)
    };
    value["eventSource"] = SERVICES[usize::try_from(n).unwrap() % SERVICES.len()].into();
    if value["eventName"] == "AssumeRole" {
        let (arn, key) = session(n);
        value["responseElements"] = serde_json::json!({
            "credentials": { "accessKeyId": key, "expiration": "Oct 9, 2026, 8:00:00 PM" },
            "assumedRoleUser": { "assumedRoleId": "AROAEXAMPLE:session", "arn": arn },
        });
    }
    if !rare && n % 3 == 1 {
        let (arn, key) = session(n);
        value["userIdentity"]["type"] = "AssumedRole".into();
        value["userIdentity"]["arn"] = arn.into();
        value["userIdentity"]["accessKeyId"] = key.into();
    } else {
        value["userIdentity"]["arn"] = format!("arn:aws:iam::100000000001:user/{user}").into();
        value["userIdentity"]["userName"] = user.into();
    }
    let last = if rare { 77 } else { n % 50 };
    value["sourceIPAddress"] = format!("198.51.100.{last}").into();
    text = value.to_string();
    Bytes::from(text)
}

/// The first rules of a folder that the server understands.
async fn understood(client: &Client, folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|one| one == "yml") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let made = client.rules().create(NewRule::from(text.clone())).await;
        if let Ok(rule) = made {
            client.rules().delete(&rule.name, "").await.unwrap();
            texts.push(text);
        }
        if texts.len() == RULES {
            break;
        }
    }
    texts
}
