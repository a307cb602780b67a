use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;

use super::*;
use crate::error::LakeError;
use crate::lake::Lake;
use crate::testing::{ACME, OTHER, World, event};

pub(super) const SECOND: i64 = 1_000_000_000;

/// A lake with 3,000 events of one tenant, sealed in part, and 10 of another's.
pub(super) async fn world() -> (World, Arc<Lake>) {
    let world = World::new().await;
    let rows: Vec<_> = (0..3_000).map(|id| event(id, id as i64)).collect();
    world.append_all(ACME, &rows, 1_000).await;
    let others: Vec<_> = (5_000..5_010).map(|id| event(id, id as i64)).collect();
    world.append_all(OTHER, &others, 10).await;
    let lake = Arc::new(world.cold());
    (world, lake)
}

/// All events, asked a day after the first.
pub(super) fn everything() -> Over {
    Over {
        times: (None, None),
        within: None,
        head: u64::MAX,
        asked: crate::testing::EPOCH + 86_400 * SECOND,
    }
}

pub(super) async fn ask(
    world: &World,
    lake: &Arc<Lake>,
    text: &str,
) -> Result<Vec<Vec<String>>, LakeError> {
    limited(world, lake, text, SqlLimits::default()).await
}

pub(super) async fn limited(
    world: &World,
    lake: &Arc<Lake>,
    text: &str,
    limits: SqlLimits,
) -> Result<Vec<Vec<String>>, LakeError> {
    let scope = Arc::new(world.scope(ACME));
    let what = everything();
    let mut running = lake.sql(&scope, text, what, limits).await?;
    let mut rows = Vec::new();
    while let Some(batch) = running.next().await? {
        for row in 0..batch.num_rows() {
            let cell = |at: usize| array_value_to_string(batch.column(at), row).unwrap();
            rows.push((0..batch.num_columns()).map(cell).collect());
        }
    }
    Ok(rows)
}

pub(super) fn refusal(result: Result<Vec<Vec<String>>, LakeError>) -> String {
    match result.unwrap_err() {
        LakeError::Query(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_counts_joins_and_orders_its_own_events_alone() {
    let (world, lake) = world().await;
    let all = ask(&world, &lake, "SELECT count(*) FROM events")
        .await
        .unwrap();
    assert_eq!(all, [["3000"]]);
    let newest = "SELECT event_id, name FROM events ORDER BY time DESC LIMIT 2";
    let newest = ask(&world, &lake, newest).await.unwrap();
    assert_eq!(newest[0][0], event(2_999, 0).event_id);
    assert_eq!(newest[0][1].len(), 32);
    let by_name = format!(
        "SELECT event_id FROM events WHERE name = '{}'",
        newest[0][1]
    );
    let by_name = ask(&world, &lake, &by_name).await.unwrap();
    assert_eq!(by_name, [[newest[0][0].clone()]]);
    let join = "WITH busy AS (SELECT operation, count(*) AS n FROM events GROUP BY operation) \
                SELECT sum(n), count(*) FROM busy JOIN (SELECT DISTINCT operation FROM events) o \
                ON o.operation = busy.operation";
    let joined = ask(&world, &lake, join).await.unwrap();
    assert_eq!(joined[0][0], "3000");
    let json = "SELECT count(*) FROM events WHERE json_get_str(raw, 'eventSource') IS NULL";
    assert_eq!(ask(&world, &lake, json).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_within_is_of_that_time_filter_and_state() {
    let (world, lake) = world().await;
    let scope = Arc::new(world.scope(ACME));
    let start = crate::testing::EPOCH;
    let times = (Some(start + 100 * SECOND), Some(start + 300 * SECOND));
    let within = Some("src_port IS NULL OR src_port >= 0".to_owned());
    let text = "SELECT count(*), min(seq), max(seq) FROM events WHERE severity_id >= 0";
    let count = |times, within, head| {
        let (lake, scope) = (Arc::clone(&lake), Arc::clone(&scope));
        async move {
            let limits = SqlLimits::default();
            let mut running = lake
                .sql(
                    &scope,
                    text,
                    Over {
                        times,
                        within,
                        head,
                        ..everything()
                    },
                    limits,
                )
                .await
                .unwrap();
            let batch = running.next().await.unwrap().unwrap();
            let count = batch.column(0).as_primitive::<Int64Type>().value(0);
            (count, running.scanned())
        }
    };
    assert_eq!(count(times, within, u64::MAX).await, (200, 200));
    assert_eq!(count((None, None), None, 1_500).await.0, 1_500);
    let none = Some("operation = 'NoSuchThing'".to_owned());
    assert_eq!(count((None, None), none, u64::MAX).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_reading_the_one_table_is_possible() {
    let (world, lake) = world().await;
    for text in [
        "",
        "SELECT 1; SELECT 2",
        "DROP TABLE events",
        "CREATE TABLE t AS SELECT * FROM events",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT * FROM events) TO '/tmp/x.parquet'",
        "INSERT INTO events VALUES (1)",
        "UPDATE events SET region = 'x'",
        "DELETE FROM events",
        "SET datafusion.execution.batch_size = 1",
        "SHOW ALL",
        "SHOW TABLES",
        "EXPLAIN SELECT * FROM events",
        "EXPLAIN ANALYZE SELECT * FROM events",
        "SELECT * INTO t FROM events",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
        "WITH x AS (DELETE FROM events RETURNING *) SELECT * FROM x",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM generate_series(1, 1000000000)",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM datafusion.information_schema.df_settings",
        "SELECT * FROM pg_catalog.pg_tables",
        "SELECT * FROM tenant_head",
        "SELECT * FROM other.public.events",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT repeat('x', 1000000000)",
        "SELECT random()",
        "SELECT uuid()",
        "SELECT version()",
        "SELECT withheld FROM events",
        "SELECT raw_context FROM events",
        "SELECT no_such_column FROM events",
    ] {
        let told = refusal(ask(&world, &lake, text).await);
        assert!(
            !told.is_empty() && !told.contains("DataFusion"),
            "{text}: {told}"
        );
    }
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(refusal(ask(&world, &lake, &deep).await).contains("nested"));
    let wide = format!("SELECT 1 WHERE {}", vec!["1 = 1"; 5_000].join(" AND "));
    refusal(ask(&world, &lake, &wide).await);
    let long = format!("SELECT '{}'", "x".repeat(100_000));
    assert!(refusal(ask(&world, &lake, &long).await).contains("bytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_explodes_is_cut_with_what_to_narrow() {
    let (world, lake) = world().await;
    let limits = SqlLimits {
        time: Duration::from_millis(500),
        memory: 16 << 20,
        rows: 1_000,
        ..SqlLimits::default()
    };
    let exhausted = |result: Result<Vec<Vec<String>>, LakeError>| match result.unwrap_err() {
        LakeError::Exhausted(text) => text,
        other => panic!("{other:?}"),
    };
    let rows = limited(&world, &lake, "SELECT raw FROM events", limits.clone()).await;
    assert!(exhausted(rows).contains("more than 1000 rows"));
    let explodes = "SELECT count(*) FROM events a, events b, events c \
                    WHERE a.seq + b.seq + c.seq = 7";
    let long = limited(&world, &lake, explodes, limits.clone()).await;
    let long = exhausted(long);
    assert!(
        long.contains("longer than") || long.contains("memory"),
        "{long}"
    );
    let holds = "SELECT string_agg(a.raw, '') FROM events a, events b";
    let patient = SqlLimits {
        time: Duration::from_secs(60),
        ..limits
    };
    let much = exhausted(limited(&world, &lake, holds, patient).await);
    assert!(much.contains("memory"), "{much}");
    // And then it goes on.
    let all = ask(&world, &lake, "SELECT count(*) FROM events")
        .await
        .unwrap();
    assert_eq!(all, [["3000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_memory_goes_to_disk_sealed() {
    let world = World::new().await;
    // Ten times the memory and more.
    let mut rows: Vec<_> = (0..12_000).map(|id| event(id, id as i64)).collect();
    for (at, row) in rows.iter_mut().enumerate() {
        let filling: String = (0..8_000_usize)
            .map(|byte| char::from(b'a' + ((byte * 7 + at * 13) % 23) as u8))
            .collect();
        row.raw = format!("{{\"filling\":\"{filling}\",\"marker\":\"in-the-clear\"}}");
    }
    let bytes: usize = rows.iter().map(|row| row.raw.len()).sum();
    world.append_all(ACME, &rows, 200).await;
    let lake = Arc::new(world.cold());
    let folder = tempfile::tempdir().unwrap();
    let limits = SqlLimits {
        memory: 8 << 20,
        folder: Some(folder.path().to_owned()),
        ..SqlLimits::default()
    };
    assert!(bytes > 10 * limits.memory);
    let scope = Arc::new(world.scope(ACME));
    let text = "SELECT seq, raw FROM events ORDER BY raw, seq";
    let what = everything();
    let mut running = lake
        .sql(&scope, text, what.clone(), limits.clone())
        .await
        .unwrap();
    let (mut last, mut seen, mut most) = (String::new(), 0, 0);
    while let Some(batch) = running.next().await.unwrap() {
        most = most.max(running.spilled());
        for raw in batch.column(1).as_string_view() {
            let raw = raw.unwrap();
            assert!(*last <= *raw);
            last = raw.to_owned();
            seen += 1;
        }
    }
    assert_eq!(seen, 12_000);
    assert!(
        most > 8 * (limits.memory as u64),
        "{most} bytes were put on disk"
    );
    drop(running);
    // Nothing with a name was ever there, and the disk's limit holds too.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let small = SqlLimits {
        disk: 1 << 20,
        ..limits
    };
    let mut running = lake.sql(&scope, text, what, small).await.unwrap();
    let failed = loop {
        match running.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it needed no disk"),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&failed, LakeError::Exhausted(text) if text.contains("disk")),
        "{failed:?}"
    );
}

#[test]
fn a_spill_is_ciphertext_and_takes_no_other_pieces() {
    use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

    use datafusion::execution::SpillFile as _;
    use futures::TryStreamExt as _;

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::new().await;
        let scope = world.scope(ACME);
        let cipher = Arc::new(world.kernel.cipher(&scope).await.unwrap());
        let limits = SqlLimits {
            disk: 1 << 20,
            ..SqlLimits::default()
        };
        let all = Arc::default();
        let spills = spill::Spills::new(cipher, &limits, &all);
        let used = spills.used();
        let file = spills.file().unwrap();
        let mut writer = file.open_writer().unwrap();
        let plain = b"in-the-clear ".repeat(50_000);
        writer.write_all(&plain).unwrap();
        writer.finish().unwrap();
        let whole: Vec<bytes::Bytes> = file.read_stream().unwrap().try_collect().await.unwrap();
        assert!(whole.concat() == plain);
        let on_disk = used.load(std::sync::atomic::Ordering::Relaxed);
        assert!(on_disk >= plain.len() as u64);
        let mut raw = file.file.lock().unwrap().try_clone().unwrap();
        let mut read = Vec::new();
        raw.seek(SeekFrom::Start(0)).unwrap();
        raw.read_to_end(&mut read).unwrap();
        assert!(!read.windows(12).any(|part| part == b"in-the-clear"));
        // One flipped bit is no piece any more.
        raw.seek(SeekFrom::Start(100)).unwrap();
        raw.write_all(&[read[100] ^ 1]).unwrap();
        let broken: Result<Vec<bytes::Bytes>, _> = file.read_stream().unwrap().try_collect().await;
        assert!(broken.is_err());
        drop((writer, file));
        assert_eq!(used.load(std::sync::atomic::Ordering::Relaxed), 0);
        assert_eq!(all.load(std::sync::atomic::Ordering::Relaxed), 0);
    });
}
