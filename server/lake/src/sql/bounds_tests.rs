//! Queries of somebody who wants the server to fail: each is answered within its limits or refused, and
//! the next is answered as if nothing had been.

use std::sync::Arc;
use std::time::Duration;

use super::tests::{SECOND, ask, everything, limited, refusal, world};
use super::*;
use crate::error::LakeError;
use crate::lake::Lake;
use crate::testing::{ACME, World, event};

fn exhausted<T: std::fmt::Debug>(result: Result<T, LakeError>) -> String {
    match result.unwrap_err() {
        LakeError::Exhausted(text) => text,
        other => panic!("{other:?}"),
    }
}

fn small() -> SqlLimits {
    SqlLimits {
        memory: 32 << 20,
        ..SqlLimits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_be_planned_in_a_lifetime_is_refused() {
    let (world, lake) = world().await;
    let mut doubling = "WITH m0 AS (SELECT seq FROM events)".to_owned();
    for at in 1..30 {
        let before = at - 1;
        doubling.push_str(&format!(
            ", m{at} AS (SELECT x.seq FROM m{before} x, m{before} y)"
        ));
    }
    let doubling = format!("{doubling} SELECT count(*) FROM m29");
    assert!(refusal(ask(&world, &lake, &doubling).await).contains("tables"));
    // Each column stands for two of the one before, and the condition for a billion.
    let mut growing = "WITH m0 AS (SELECT seq AS x FROM events)".to_owned();
    for at in 1..31 {
        growing.push_str(&format!(", m{at} AS (SELECT x + x AS x FROM m{})", at - 1));
    }
    let growing = format!("{growing} SELECT count(*) FROM m30 WHERE x > 1");
    assert!(refusal(ask(&world, &lake, &growing).await).contains("too large"));
    // And what can't be read in one.
    let calls = format!(
        "SELECT {}raw{} FROM events",
        "lower(".repeat(40),
        ")".repeat(40)
    );
    assert!(refusal(ask(&world, &lake, &calls).await).contains("nested"));
    let many: Vec<String> = (0..300).map(|at| format!("seq AS s{at}")).collect();
    let wide = format!("SELECT {} FROM events", many.join(", "));
    assert!(refusal(ask(&world, &lake, &wide).await).contains("columns"));
    // What is not too much remains possible.
    let some = "WITH a AS (SELECT operation, seq FROM events), \
                b AS (SELECT x.seq + y.seq AS s FROM a x JOIN a y ON x.seq = y.seq) \
                SELECT sum(p.s + q.s) FROM b p JOIN b q ON p.s = q.s";
    assert_eq!(ask(&world, &lake, some).await.unwrap(), [["18006000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_is_within_the_time_too() {
    let (world, lake) = world().await;
    let scope = Arc::new(world.scope(ACME));
    let limits = SqlLimits {
        time: Duration::ZERO,
        ..SqlLimits::default()
    };
    let mut text = "SELECT count(*) FROM events e0".to_owned();
    for at in 1..30 {
        text.push_str(&format!(" JOIN events e{at} ON e{at}.seq = e0.seq"));
    }
    let begun = lake.sql(&scope, &text, everything(), limits).await;
    assert!(exhausted(begun).contains("longer than"));
}

#[tokio::test]
async fn nothing_is_computed_where_calls_are_answered() {
    let (world, lake) = world().await;
    let scope = Arc::new(world.scope(ACME));
    let text = "SELECT seq FROM events WHERE json_regexp_any(raw, 'eventID', '^.*[a-z0-9]+$')";
    let limits = SqlLimits::default();
    let running = lake.sql(&scope, text, everything(), limits).await.unwrap();
    // This thread is all that answers calls, and it is held up.
    for _ in 0..200 {
        if running.scanned() > 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("reading waits for those who answer calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_filters_are_the_lakes_and_others_the_querys() {
    let (world, lake) = world().await;
    let scope = Arc::new(world.scope(ACME));
    let scanned = async |condition: &str| {
        let text = format!("SELECT count(*) FROM events WHERE {condition}");
        let limits = SqlLimits::default();
        let mut running = lake.sql(&scope, &text, everything(), limits).await.unwrap();
        let batch = running.next().await.unwrap().unwrap();
        assert!(running.next().await.unwrap().is_none());
        let count = arrow::util::display::array_value_to_string(batch.column(0), 0).unwrap();
        (count.parse::<u64>().unwrap(), running.scanned())
    };
    for pushed in [
        "operation = 'AssumeRole'",
        "operation IN ('AssumeRole', 'Nothing', 'Never', 'None', 'Neither')",
        "lower(operation) LIKE 'assume%'",
        "NOT (operation <> 'AssumeRole')",
        "array_has(resources, 'arn:aws:s3:::bucket-3')",
        "cidr_contains('192.0.2.0/30', src_ip)",
        "time >= TIMESTAMP '2026-11-24T00:10:00Z'",
        "seq BETWEEN 10 AND 20 AND src_port IS NULL",
        "actor ~ 'user/u7$'",
    ] {
        let (found, read) = scanned(pushed).await;
        assert!(found > 0 && found < 3_000, "{pushed}: {found}");
        assert_eq!(found, read, "{pushed}");
    }
    for own in [
        "concat(operation, 'x') = 'AssumeRolex'",
        "operation || 'x' = 'AssumeRolex'",
        "coalesce(operation, 'x') || '' = 'AssumeRole'",
        "split_part(operation, 'R', 1) = 'Assume'",
    ] {
        assert_eq!(scanned(own).await, (600, 3_000), "{own}");
    }
    let made = r"SELECT 1 FROM events WHERE regexp_like(raw, concat(event_id, '(\w{90}){20}'))";
    assert!(refusal(ask(&world, &lake, made).await).contains("literal"));
}

/// 3,000 events of which 40 have 64 KiB of text.
async fn with_long_records() -> (World, Arc<Lake>) {
    let world = World::new().await;
    let mut rows: Vec<_> = (0..3_000).map(|id| event(id, id as i64)).collect();
    for row in rows.iter_mut().step_by(75) {
        row.raw = format!("{{\"filling\":\"{}\"}}", "x".repeat(64 << 10));
    }
    world.append_all(ACME, &rows, 500).await;
    let lake = Arc::new(world.cold());
    (world, lake)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_repeated_costs_its_length_once() {
    let (world, lake) = with_long_records().await;
    // 1.2 MB for each of 3,000 rows: several GB, were they written out.
    let long = "(SELECT string_agg(left(raw, 30000), '') AS s FROM events WHERE octet_length(raw) \
                > 60000) t";
    let repeated = format!("SELECT count(*), min(octet_length(t.s)) FROM {long}, events e");
    let told = limited(&world, &lake, &repeated, small()).await.unwrap();
    assert_eq!(told, [["3000", "1200000"]]);
    let joined =
        format!("SELECT max(octet_length(concat(t.s, e.operation))) FROM {long}, events e");
    let told = limited(&world, &lake, &joined, small()).await.unwrap();
    assert_eq!(told, [["1200012"]]);
    let joined = format!("SELECT max(octet_length(t.s || e.operation)) FROM {long}, events e");
    let told = limited(&world, &lake, &joined, small()).await.unwrap();
    assert_eq!(told, [["1200012"]]);
    // Kept for each row it is too much, wherever it is kept.
    for kept in [
        format!("SELECT DISTINCT concat(t.s, e.event_id) FROM {long}, events e"),
        format!("SELECT concat(t.s, e.event_id) AS x FROM {long}, events e ORDER BY x DESC"),
        format!(
            "SELECT count(*) FROM {long}, events e, events f WHERE t.s || e.event_id = f.raw || t.s"
        ),
    ] {
        let limits = SqlLimits {
            disk: 8 << 20,
            time: Duration::from_secs(240),
            ..small()
        };
        let told = limited(&world, &lake, &kept, limits).await;
        exhausted(told.map(|rows| rows.len()));
    }
    ask(&world, &lake, "SELECT count(*) FROM events")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_and_no_list_grows_beyond_all_bounds() {
    let (world, lake) = with_long_records().await;
    let mut doubling = "WITH m0 AS (SELECT raw AS x FROM events)".to_owned();
    for at in 1..12 {
        doubling.push_str(&format!(
            ", m{at} AS (SELECT concat(x, x) AS x FROM m{})",
            at - 1
        ));
    }
    let doubling = format!("{doubling} SELECT max(octet_length(x)) FROM m11");
    let many = vec!["raw"; 900].join(", ");
    for text in [
        doubling.as_str(),
        &format!("SELECT max(octet_length(concat({many}))) FROM events"),
        "SELECT octet_length(string_agg(a.raw, '')) FROM events a, events b",
        "SELECT octet_length(string_agg(DISTINCT raw || event_id, '' ORDER BY raw || event_id)) \
         FROM events",
        "SELECT max(octet_length(f)) FROM (SELECT first_value(raw) OVER (ORDER BY \
         octet_length(raw) DESC) AS f FROM events) t",
        "SELECT max(octet_length(f)) FROM (SELECT max(raw) OVER () AS f FROM events) t",
    ] {
        let told = exhausted(limited(&world, &lake, text, small()).await);
        assert!(told.contains("memory"), "{text}: {told}");
    }
    for text in [
        "SELECT array_agg(raw) FROM events",
        "SELECT string_agg(raw, '') OVER (ORDER BY seq) FROM events",
        "SELECT count(DISTINCT raw) OVER (ORDER BY seq) FROM events",
        "SELECT lag(concat(raw, raw)) OVER (ORDER BY seq) FROM events",
        "SELECT CAST(resources AS TEXT) FROM events",
        "SELECT resources || '' FROM events",
        "SELECT ROW(raw, raw) FROM events",
        "SELECT STRUCT(raw, raw) FROM events",
        "SELECT overlay(raw PLACING 'x' FROM 1) FROM events",
        "SELECT json_get(raw, 'filling') FROM events",
        "SELECT CAST(raw AS BYTEA) FROM events",
    ] {
        refusal(limited(&world, &lake, text, small()).await);
    }
    let between = format!(
        "SELECT string_agg(operation, '{}') FROM events",
        "x".repeat(257)
    );
    assert!(refusal(ask(&world, &lake, &between).await).contains("at most 256"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_analysts_write_gives_what_it_says() {
    let (world, lake) = world().await;
    let one = async |text: &str| {
        let told = ask(&world, &lake, text).await;
        told.unwrap_or_else(|error| panic!("{text}: {error}"))
            .first()
            .map(|row| row.join(" "))
            .unwrap_or_default()
    };
    for (text, told) in [
        (
            "SELECT operation || '/' || seq FROM events ORDER BY seq LIMIT 1",
            "GetObject/1",
        ),
        (
            "SELECT coalesce(dst_ip, 'none'), nullif(region, 'x'), upper(region) FROM events \
             ORDER BY seq LIMIT 1",
            "none eu-west-1 EU-WEST-1",
        ),
        (
            "SELECT kind, n FROM (SELECT 'all' AS kind, count(*) AS n FROM events UNION ALL \
             SELECT 'some', count(*) FROM events WHERE shared) t ORDER BY n DESC LIMIT 1",
            "all 3000",
        ),
        (
            "SELECT string_agg(DISTINCT region, ', ' ORDER BY region DESC) FROM events",
            "us-east-1, eu-west-1",
        ),
        (
            "SELECT string_agg(operation, ',') FROM (SELECT DISTINCT operation FROM events \
             ORDER BY operation LIMIT 2) t",
            "AssumeRole,CreateUser",
        ),
        (
            "SELECT r, count(*) AS n FROM (SELECT unnest(resources) AS r FROM events) t GROUP BY r \
             ORDER BY n DESC, r LIMIT 1",
            "arn:aws:s3:::bucket-0 429",
        ),
        (
            "SELECT operation, before FROM (SELECT seq, operation, lag(operation) OVER (ORDER BY \
             seq) AS before FROM events) t ORDER BY seq LIMIT 1 OFFSET 1",
            "RunInstances GetObject",
        ),
        (
            "SELECT account, n, rank() OVER (ORDER BY n DESC, account) FROM (SELECT account, \
             count(*) AS n FROM events GROUP BY account) t ORDER BY 3 LIMIT 1",
            "100000000000 1000 1",
        ),
        (
            "SELECT CASE WHEN region LIKE 'eu%' THEN 'Europe' ELSE region END AS place, count(*) \
             FROM events GROUP BY place ORDER BY place LIMIT 1",
            "Europe 1500",
        ),
        (
            "SELECT substring(operation FROM 1 FOR 3), position('Object' IN operation), \
             trim(operation), left(operation, 2) FROM events ORDER BY seq LIMIT 1",
            "Get 4 GetObject Ge",
        ),
        (
            "SELECT count(*) FROM (VALUES ('GetObject', 1), ('PutObject', 2)) AS v(name, n) JOIN \
             events e ON e.operation = v.name",
            "1200",
        ),
        (
            "SELECT count(*) FROM events WHERE operation IN (SELECT operation FROM events WHERE \
             operation LIKE 'Get%') AND EXISTS (SELECT 1 FROM events x WHERE x.seq = events.seq)",
            "600",
        ),
        (
            "SELECT date_trunc('day', max(time)) = date_trunc('day', min(time)), \
             extract(minute FROM min(time)) FROM events",
            "true 0",
        ),
        (
            "SELECT count(*) FROM events WHERE raw ->> 'nothing' IS NULL AND \
             json_get_int(raw, 'no', 'thing') IS NULL AND (raw -> 'x')::text IS NULL",
            "3000",
        ),
        (
            "SELECT count(*) FROM events WHERE array_has(resources, 'arn:aws:s3:::bucket-0') AND \
             concat(region, '') <> 'x'",
            "429",
        ),
        (
            "SELECT region, status, count(*) FROM events GROUP BY CUBE(region, status) ORDER BY 3 \
             DESC LIMIT 1",
            "  3000",
        ),
    ] {
        assert_eq!(one(text).await, told, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_again_it_is_the_same_time_and_the_same_digits() {
    let (world, lake) = world().await;
    let now =
        "SELECT now(), count(*) FROM events WHERE time > now() - INTERVAL '23 hours 30 minutes'";
    let told = ask(&world, &lake, now).await.unwrap();
    assert_eq!(told, [["2026-11-25T00:00:00", "1199"]]);
    // Of a filter within which is asked too.
    let scope = Arc::new(world.scope(ACME));
    let over = Over {
        within: Some("time > now() - INTERVAL '23 hours 30 minutes'".into()),
        asked: everything().asked + 600 * SECOND,
        ..everything()
    };
    let text = "SELECT seq FROM events";
    let limits = SqlLimits::default();
    let mut running = lake.sql(&scope, text, over, limits).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = running.next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 599);
    // However the lake keeps the rows: batches of other lengths add up otherwise.
    let sums = "SELECT sum(1.0 / (seq + 0.1)), avg(1.0 / (seq + 0.7)), stddev(1.0 / seq) FROM events \
                WHERE concat(operation, '') <> ''";
    let told = ask(&world, &lake, sums).await.unwrap();
    let single = World::new().await;
    let rows: Vec<_> = (0..3_000).map(|id| event(id, id as i64)).collect();
    single.append_all(ACME, &rows, 37).await;
    let other = Arc::new(single.cold());
    assert_eq!(ask(&single, &other, sums).await.unwrap(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_aside_leaves_room_for_others() {
    let (world, lake) = with_long_records().await;
    let sorted = "SELECT a.raw, b.seq FROM events a, (SELECT seq FROM events LIMIT 40) b \
                  ORDER BY concat(a.raw, b.seq)";
    let limits = SqlLimits {
        rows: 1_000_000,
        ..small()
    };
    let full = SqlLimits {
        disk_reserve: Some(u64::MAX),
        ..limits.clone()
    };
    let told = exhausted(
        limited(&world, &lake, sorted, full)
            .await
            .map(|rows| rows.len()),
    );
    assert!(told.contains("free for queries now"), "{told}");
    let shared = SqlLimits {
        disk_of_all: 1 << 20,
        ..limits.clone()
    };
    let told = exhausted(
        limited(&world, &lake, sorted, shared)
            .await
            .map(|rows| rows.len()),
    );
    assert!(told.contains("free for queries now"), "{told}");
    let own = SqlLimits {
        disk: 1 << 20,
        ..limits.clone()
    };
    let told = exhausted(
        limited(&world, &lake, sorted, own)
            .await
            .map(|rows| rows.len()),
    );
    assert!(told.contains("MiB of disk"), "{told}");
    assert_eq!(lake.spilled().load(std::sync::atomic::Ordering::Relaxed), 0);
}
