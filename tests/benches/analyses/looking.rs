//! What rules cost that look at what comes in: the same events of two customers, of whom one has rules.

use std::time::{Duration, Instant};

use cordon_client::{FindingFilter, NewRule};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{OPERATIONS, REST, STREAMS, send};
use crate::harness::World;
use crate::machine::Machine;

/// Events of each customer.
const EVENTS: u64 = 1_000_000;
/// Rules of the one that has some.
const RULES: usize = 300;
const WITHOUT: &str = "aws:100000000002";
const WITH: &str = "aws:100000000003";

/// Published rules whose log source is the stream's, and made ones as people write them: one in ten
/// names an operation that is frequent here, and something else besides.
fn texts(given: &[String]) -> Vec<String> {
    let published = given
        .iter()
        .filter(|text| text.contains("service: cloudtrail"));
    let mut texts: Vec<String> = published.cloned().collect();
    for n in texts.len()..RULES {
        let selection = match n % 10 {
            0 => format!(
                "eventName: {}\n        requestParameters.bucketName|contains: secret-{n}",
                OPERATIONS[n % OPERATIONS.len()]
            ),
            1 => format!("userAgent|contains: tool-{n}"),
            _ => format!(
                "eventName: [Put{n}Policy, Delete{n}Policy]\n        \
                 eventSource: iam.amazonaws.com\n        errorCode: null"
            ),
        };
        texts.push(format!(
            "title: Rule {n}\nlogsource:\n    product: aws\n    service: cloudtrail\ndetection:\n    \
             s:\n        {selection}\n    condition: s\n"
        ));
    }
    texts.truncate(RULES);
    texts
}

/// Sends the events of one customer; how long that took, and the server's processor time until it came
/// to rest.
async fn load(world: &World, machine: &Machine, account: &'static str) -> (Duration, Duration) {
    machine.rest(REST).await;
    let (begun, cpu) = (Instant::now(), machine.cpu());
    stream::iter(0..STREAMS)
        .for_each_concurrent(None, |part| {
            send(
                world,
                account,
                format!("{account}-{part}"),
                EVENTS / STREAMS,
            )
        })
        .await;
    let took = begun.elapsed();
    machine.rest(REST).await;
    (took, machine.cpu() - cpu)
}

pub async fn measure(world: &World, machine: &Machine, given: &[String]) {
    world.tenant("hooli", &[WITHOUT]).await;
    world.tenant("umbrella", &[WITH]).await;
    let client = world.member("umbrella", "responder").await;
    let mut made = 0;
    for text in texts(given) {
        match client.rules().create(NewRule::from(text)).await {
            Ok(_) => made += 1,
            Err(error) => eprintln!("no rule: {error}"),
        }
    }
    let (without, alone) = load(world, machine, WITHOUT).await;
    let (with, looked) = load(world, machine, WITH).await;
    let found: Vec<_> = client
        .findings()
        .list(FindingFilter::default())
        .try_collect()
        .await
        .unwrap();
    let events: i64 = found.iter().map(|finding| finding.count).sum();
    assert!(events > 0, "the rules looked at nothing");
    let rate = |took: Duration| EVENTS as f64 / took.as_secs_f64();
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / EVENTS as f64;
    println!(
        "events in: {:.0}/s without rules, {:.0}/s with {made} of this log source: {:.2} of it; they \
         found {events} events in {} findings",
        rate(without),
        rate(with),
        rate(with) / rate(without),
        found.len(),
    );
    println!(
        "the server's processor time for each, until it came to rest: {:.1} µs without, {:.1} µs \
         with: {:.2} times",
        each(alone),
        each(looked),
        each(looked) / each(alone),
    );
}
