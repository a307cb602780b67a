//! Filters, order, pages: what is found, and how mistakes are told.

use cordon_client::{Client, Order, Reason, Search, View};
use futures::StreamExt as _;

use crate::harness::{Call, World, raw, trail};

const A: &str = "aws:100000000001";

async fn world() -> (World, Client) {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let reader = world.member("initech", "reader").await;
    let times: Vec<String> = (0..60)
        .map(|n| format!("2026-03-01T10:00:{n:02}Z"))
        .collect();
    let records: Vec<String> = times
        .iter()
        .enumerate()
        .map(|(n, time)| {
            let operation = if n % 3 == 0 {
                "AssumeRole"
            } else {
                "DescribeInstances"
            };
            trail(&Call {
                id: &n.to_string(),
                time,
                operation,
                ..Call::own("", A)
            })
        })
        .collect();
    world.send("aws.cloudtrail", "sixty", &records).await;
    (world, reader)
}

async fn failure(client: &Client, search: Search) -> cordon_client::Error {
    let mut found = client.events().search(search);
    loop {
        match found.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return error,
            None => panic!("the search was answered"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_what_they_say() {
    let (_world, reader) = world().await;
    for (filter, expected) in [
        ("", 60),
        ("operation = 'AssumeRole'", 20),
        (
            "operation = 'AssumeRole' AND NOT cidr_contains('10.0.0.0/8', src_ip)",
            20,
        ),
        (
            "cidr_contains('198.51.100.0/24', src_ip) AND status = 'Success'",
            60,
        ),
        ("event_id IN ('event-1', 'event-2', 'nothing')", 2),
        ("json_get_str(raw, 'userIdentity', 'type') = 'IAMUser'", 60),
        ("account <> '100000000001'", 0),
        ("time >= '2026-03-01T10:00:30Z'", 30),
    ] {
        assert_eq!(raw(&reader, filter).await.len(), expected, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_gap_or_overlap_in_both_orders() {
    let (world, reader) = world().await;
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut found = reader.events().search(
            Search::new()
                .order(order)
                .page_size(7)
                .unlimited()
                .view(View::Columns),
        );
        let mut times = Vec::new();
        while let Some(event) = found.next().await {
            let columns = event.unwrap().columns.unwrap();
            times.push((columns.time.unwrap().seconds, columns.event_id));
            if times.len() == 10 {
                // What is stored while somebody pages does not come in between.
                let late = trail(&Call {
                    id: &format!("late-{}", order as i32),
                    time: "2026-03-01T10:00:31Z",
                    ..Call::own("", A)
                });
                world
                    .send("aws.cloudtrail", &format!("late-{}", order as i32), &[late])
                    .await;
            }
        }
        let expected = if order == Order::NewestFirst { 60 } else { 61 };
        assert_eq!(times.len(), expected, "{times:?}");
        let mut sorted = times.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), expected);
        assert!(times.windows(2).all(|pair| match order {
            Order::OldestFirst => pair[0].0 <= pair[1].0,
            _ => pair[0].0 >= pair[1].0,
        }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_told_where() {
    let (_world, reader) = world().await;
    let error = failure(&reader, Search::new().filter("operatoin = 'AssumeRole'")).await;
    assert_eq!(*error.reason(), Reason::InvalidFilter);
    assert!(
        error.message().contains("operatoin") && error.message().contains("operation"),
        "{}",
        error.message()
    );
    assert_eq!(error.metadata("column"), Some("1"));
    for filter in [
        "operation =",
        "1 + 1",
        "operation = 'a'; DROP TABLE events",
        "operation IN (SELECT 1)",
        "pg_sleep(10) = 1",
        "random() < 2",
        "read_file('/etc/passwd') = 'x'",
    ] {
        let error = failure(&reader, Search::new().filter(filter)).await;
        assert_eq!(*error.reason(), Reason::InvalidFilter, "{filter}: {error}");
        assert!(!error.message().contains("DataFusion"), "{error}");
    }
    let ors = vec!["operation = 'x'"; 10_000].join(" OR ");
    let mut found = reader.events().search(Search::new().filter(ors));
    match found.next().await {
        None => {}
        Some(Err(error)) => assert_eq!(*error.reason(), Reason::InvalidFilter),
        Some(Ok(event)) => panic!("{event:?}"),
    }
    let nested = format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(
        *failure(&reader, Search::new().filter(nested))
            .await
            .reason(),
        Reason::InvalidFilter
    );
    assert_eq!(
        raw(&reader, "").await.len(),
        60,
        "the server is still there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_is_good_for_its_tenant_and_query_alone() {
    let (world, reader) = world().await;
    world.tenant("hooli", &["aws:200000000002"]).await;
    let other = world.member("hooli", "reader").await;
    let mut found = reader.events().search(Search::new().limit(5).page_size(5));
    while let Some(event) = found.next().await {
        event.unwrap();
    }
    let token = found.summary().unwrap().next_page_token.clone();
    assert!(!token.is_empty());
    let with = |filter: &str| {
        Search::new()
            .filter(filter)
            .page_size(5)
            .limit(5)
            .page_token(token.clone())
    };
    assert_eq!(
        *failure(&other, with("")).await.reason(),
        Reason::InvalidPageToken
    );
    assert_eq!(
        *failure(&reader, with("status = 'Success'")).await.reason(),
        Reason::InvalidPageToken
    );
    let mut again = reader.events().search(with(""));
    assert!(again.next().await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_how_complete_it_is() {
    let (world, reader) = world().await;
    let mut found = reader.events().search(Search::new());
    while found.next().await.is_some() {}
    let completeness = found.summary().unwrap().completeness.clone().unwrap();
    assert_eq!(completeness.sources.len(), 1);
    // Quickstart's sample has declared a watermark for this source.
    assert!(completeness.sources[0].complete_until.is_some());
    assert!(
        completeness.statement.contains("complete until"),
        "{}",
        completeness.statement
    );
    world
        .operator
        .tenants()
        .create_source("quiet", "aws.cloudtrail", "Quiet")
        .await
        .unwrap();
    let cut = cordon_client::ingest::Cut::new("sources/quiet", "aws.cloudtrail");
    let record = trail(&Call::own("quiet", A));
    let batch = cordon_client::ingest::Batch::new("quiet", vec![bytes::Bytes::from(record)]);
    let mut sent = world
        .operator
        .ingest()
        .send(&cut, futures::stream::iter([Ok(batch)]));
    assert_eq!(sent.next().await.unwrap().unwrap().accepted, 1);
    let mut found = reader.events().search(Search::new());
    while found.next().await.is_some() {}
    let completeness = found.summary().unwrap().completeness.clone().unwrap();
    let quiet = completeness
        .sources
        .iter()
        .find(|source| source.source == "sources/quiet")
        .unwrap();
    assert!(quiet.complete_until.is_none() && quiet.observed_until.is_some());
    assert!(
        completeness.statement.contains("observed until"),
        "{}",
        completeness.statement
    );
}
