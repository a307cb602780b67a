//! Ingest: exactly once, in order, sealed where it belongs.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::super::testing::*;
use super::super::{BatchOutcome, FlushBatch};
use crate::error::Reason;

#[tokio::test]
async fn what_is_appended_reads_back_in_sequence() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let outcome = world
        .append(
            "trail",
            vec![
                batch("b1", vec![block("globex", 2, "g1"), block("acme", 3, "a1")]),
                batch("b2", vec![block("acme", 1, "a2")]),
                batch("b3", vec![]),
            ],
        )
        .await;
    assert_eq!(outcome, vec![BatchOutcome::Stored; 3]);
    assert_eq!(
        world.journal("acme").await,
        vec![(1, 3, "a1".into()), (4, 1, "a2".into())]
    );
    assert_eq!(world.journal("globex").await, vec![(1, 2, "g1".into())]);
    assert_eq!(world.db.head(&scope("acme")).await.unwrap(), 4);

    let read = world
        .db
        .journal_read(&scope("acme"), 1, 1 << 20)
        .await
        .unwrap();
    assert_eq!(
        read.blocks.len(),
        2,
        "a block that holds later rows too is part of the answer"
    );
    let read = world
        .db
        .journal_read(&scope("acme"), 3, 1 << 20)
        .await
        .unwrap();
    assert_eq!((read.head, read.blocks[0].meta.first_seq), (4, 4));
    assert!(
        world
            .db
            .journal_read(&scope("acme"), 4, 1)
            .await
            .unwrap()
            .blocks
            .is_empty()
    );
    assert_eq!(
        world
            .db
            .journal_read(&scope("acme"), 0, 1)
            .await
            .unwrap()
            .blocks
            .len(),
        1
    );

    let blocks = world
        .db
        .journal_blocks(&scope("acme"), &[4, 2, 1])
        .await
        .unwrap();
    let texts: Vec<_> = blocks
        .iter()
        .map(|b| b.as_ref().map(|b| b.plain.to_vec()))
        .collect();
    assert_eq!(
        texts,
        vec![Some(b"a2".to_vec()), None, Some(b"a1".to_vec())]
    );
    assert!(
        world
            .db
            .verify_journal(&scope("acme"))
            .await
            .unwrap()
            .faults
            .is_empty()
    );
}

#[tokio::test]
async fn a_batch_is_stored_once_and_refused_with_other_content() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let one = || batch("b1", vec![block("acme", 1, "one")]);
    assert_eq!(
        world.append("trail", vec![one()]).await,
        [BatchOutcome::Stored]
    );
    assert_eq!(
        world.append("trail", vec![one()]).await,
        [BatchOutcome::Duplicate]
    );
    let other = batch("b1", vec![block("acme", 1, "two")]);
    let new = batch("b2", vec![block("acme", 1, "new")]);
    assert_eq!(
        world.append("trail", vec![other, new]).await,
        [BatchOutcome::Conflict, BatchOutcome::Stored]
    );
    // Another source's ids are its own.
    assert_eq!(
        world.append("flows", vec![one()]).await,
        [BatchOutcome::Stored]
    );
    let texts: Vec<String> = world
        .journal("acme")
        .await
        .into_iter()
        .map(|b| b.2)
        .collect();
    assert_eq!(texts, ["one", "new", "one"]);

    let world = world.reopened().await;
    assert_eq!(
        world.append("trail", vec![one()]).await,
        [BatchOutcome::Duplicate]
    );
    assert_eq!(world.journal("acme").await.len(), 3);
}

#[tokio::test]
async fn a_flush_with_one_bad_block_leaves_nothing_and_spares_its_neighbours() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let (trail, flows) = (ingest("trail"), ingest("flows"));
    let bad = flush(vec![
        batch("b1", vec![block("acme", 1, "x")]),
        batch("b2", vec![block("nobody", 1, "y")]),
    ]);
    let good = flush(vec![batch("b1", vec![block("acme", 1, "z")])]);
    // Sent together, so that they share a transaction.
    let (bad, good) = tokio::join!(world.db.append(&trail, bad), world.db.append(&flows, good));
    assert_eq!(bad.unwrap_err().reason(), Reason::FailedPrecondition);
    assert_eq!(good.unwrap().batches, [BatchOutcome::Stored]);
    assert_eq!(world.journal("acme").await, vec![(1, 1, "z".into())]);
    // And may come again, mended.
    let mended = vec![batch("b1", vec![block("acme", 1, "x")])];
    assert_eq!(world.append("trail", mended).await, [BatchOutcome::Stored]);
}

#[tokio::test]
async fn malformed_flushes_are_refused() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let long = "b".repeat(201);
    for id in ["", "a\nb", long.as_str()] {
        let error = world
            .db
            .append(&ingest("trail"), flush(vec![batch(id, vec![])]))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidArgument, "{id:?}");
    }
    let twice = flush(vec![batch("b", vec![]), batch("b", vec![])]);
    assert!(world.db.append(&ingest("trail"), twice).await.is_err());
    let empty = flush(vec![batch("b", vec![block("acme", 0, "")])]);
    assert!(world.db.append(&ingest("trail"), empty).await.is_err());
    assert!(world.journal("acme").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_appends_leave_no_gap_and_commit_in_sequence() {
    let world = World::new().await;
    world.create(&["acme", "globex", "initech"]).await;
    let mut tasks = Vec::new();
    for source in 0..8 {
        let db = world.db.clone();
        tasks.push(tokio::spawn(async move {
            let scope = ingest(&format!("source-{source}"));
            let mut seen = Vec::new();
            for n in 0..12u32 {
                let blocks = ["initech", "acme", "globex"]
                    .iter()
                    .filter(|t| !(n + source).is_multiple_of(3) || **t != "globex")
                    .map(|t| block(t, 1 + n % 3, &format!("{source}/{n}")))
                    .collect();
                db.append(&scope, flush(vec![batch(&format!("b{n}"), blocks)]))
                    .await
                    .unwrap();
                // Whoever was told that it is stored sees a head that covers it.
                seen.push(
                    db.head(&super::super::testing::scope("acme"))
                        .await
                        .unwrap(),
                );
            }
            assert!(seen.is_sorted());
        }));
    }
    // A tail that polls meanwhile never skips and never repeats.
    let db = world.db.clone();
    let tail = tokio::spawn(async move {
        let acme = super::super::testing::scope("acme");
        let mut cursor = 0;
        let mut watch = db.head_watch(&acme);
        while cursor < 8 * 24 {
            let read = db.journal_read(&acme, cursor, 2_000).await.unwrap();
            for block in &read.blocks {
                assert_eq!(block.meta.first_seq, cursor + 1);
                cursor = block.meta.last_seq();
            }
            if read.blocks.is_empty() {
                watch.changed().await;
            }
        }
        cursor
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(tail.await.unwrap(), 8 * 24);
    for tenant in ["acme", "globex", "initech"] {
        let blocks = world.journal(tenant).await;
        let mut next = 1;
        let mut by_source: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (first, rows, text) in blocks {
            assert_eq!(first, next, "{tenant}");
            next += u64::from(rows);
            let (source, n) = text.split_once('/').unwrap();
            by_source
                .entry(source.to_owned())
                .or_default()
                .push(n.parse().unwrap());
        }
        assert!(
            by_source.values().all(|order| order.is_sorted()),
            "{tenant}: {by_source:?}"
        );
        let report = world.db.verify_journal(&scope(tenant)).await.unwrap();
        assert_eq!(report.faults, Vec::<String>::new());
        assert_eq!(report.entries, report.blocks);
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_all_or_nothing() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let source = ingest("trail");
    for n in 0..40 {
        let id = format!("b{n}");
        let both = || batch(&id, vec![block("acme", 1, &id), block("globex", 1, &id)]);
        let append = world.db.append(&source, flush(vec![both()]));
        // Given up at a different point each time.
        let _ = tokio::time::timeout(std::time::Duration::from_micros(n * 150), append).await;
    }
    world.append("other", vec![batch("last", vec![])]).await; // all before it is decided
    let acme: Vec<String> = world
        .journal("acme")
        .await
        .into_iter()
        .map(|b| b.2)
        .collect();
    let globex: Vec<String> = world
        .journal("globex")
        .await
        .into_iter()
        .map(|b| b.2)
        .collect();
    assert_eq!(acme, globex);
    for n in 0..40 {
        let id = format!("b{n}");
        let both = batch(&id, vec![block("acme", 1, &id), block("globex", 1, &id)]);
        let outcome = world.append("trail", vec![both]).await;
        let stored = if acme.contains(&id) {
            BatchOutcome::Duplicate
        } else {
            BatchOutcome::Stored
        };
        assert_eq!(outcome, [stored], "{id}");
    }
    assert_eq!(world.journal("acme").await.len(), 40);
    assert!(
        world
            .db
            .verify_journal(&scope("globex"))
            .await
            .unwrap()
            .faults
            .is_empty()
    );
}

#[tokio::test]
async fn a_block_moved_elsewhere_does_not_open() {
    for (sqlite, postgres) in [
        // To another tenant, at the same position.
        (
            "UPDATE journal SET payload_id = (SELECT payload_id FROM journal WHERE tenant_id = 'globex' AND first_seq = 1) \
              WHERE tenant_id = 'acme' AND first_seq = 1",
            "UPDATE journal_payloads SET payload = (SELECT payload FROM journal_payloads WHERE tenant_id = 'globex' AND first_seq = 1) \
              WHERE tenant_id = 'acme' AND first_seq = 1",
        ),
        // To another position of the same tenant.
        (
            "UPDATE journal SET payload_id = (SELECT payload_id FROM journal WHERE tenant_id = 'acme' AND first_seq = 2) \
              WHERE tenant_id = 'acme' AND first_seq = 1",
            "UPDATE journal_payloads SET payload = (SELECT payload FROM journal_payloads WHERE tenant_id = 'acme' AND first_seq = 2) \
              WHERE tenant_id = 'acme' AND first_seq = 1",
        ),
        // One byte.
        (
            "UPDATE journal_payloads SET payload = CAST(substr(payload, 1, 30) || x'00' || substr(payload, 32) AS BLOB) \
              WHERE payload_id = (SELECT payload_id FROM journal WHERE tenant_id = 'acme' AND first_seq = 1)",
            "UPDATE journal_payloads SET payload = substr(payload, 1, 30) || x'00' || substr(payload, 32) \
              WHERE tenant_id = 'acme' AND first_seq = 1",
        ),
    ] {
        let world = World::new().await;
        world.create(&["acme", "globex"]).await;
        let blocks = vec![
            block("acme", 1, "same length a"),
            block("globex", 1, "same length g"),
        ];
        world.append("trail", vec![batch("b1", blocks)]).await;
        world
            .append(
                "trail",
                vec![batch("b2", vec![block("acme", 1, "same length b")])],
            )
            .await;
        assert_eq!(world.tamper_in(sqlite, postgres).await, 1);
        let error = world
            .db
            .journal_blocks(&scope("acme"), &[1])
            .await
            .unwrap_err();
        assert_eq!(error.reason(), Reason::Internal, "{sqlite}");
        assert_eq!(
            world
                .db
                .verify_journal(&scope("acme"))
                .await
                .unwrap()
                .faults
                .len(),
            1,
            "{sqlite}"
        );
        assert!(
            world
                .db
                .verify_journal(&scope("globex"))
                .await
                .unwrap()
                .faults
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_changed_or_missing_journal_row_breaks_the_chain() {
    for change in [
        "UPDATE journal SET source_id = 'other' WHERE tenant_id = 'acme' AND first_seq = 1",
        "UPDATE journal SET stored_time = stored_time + 1 WHERE tenant_id = 'acme' AND first_seq = 2",
        "DELETE FROM journal WHERE tenant_id = 'acme' AND first_seq = 3",
        "DELETE FROM journal WHERE tenant_id = 'acme' AND first_seq = 1",
    ] {
        let world = World::new().await;
        world.create(&["acme"]).await;
        for n in 0..3 {
            world
                .append(
                    "trail",
                    vec![batch(&format!("b{n}"), vec![block("acme", 1, "x")])],
                )
                .await;
        }
        assert!(
            world
                .db
                .verify_journal(&scope("acme"))
                .await
                .unwrap()
                .faults
                .is_empty()
        );
        assert_eq!(world.tamper(change).await, 1);
        assert!(
            !world
                .db
                .verify_journal(&scope("acme"))
                .await
                .unwrap()
                .faults
                .is_empty(),
            "{change}"
        );
    }
}

#[tokio::test]
async fn stored_time_never_falls_and_events_of_suspended_tenants_are_kept() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    world
        .append("trail", vec![batch("b1", vec![block("acme", 1, "1")])])
        .await;
    world.clock.advance(SignedDuration::from_hours(-5));
    world
        .tamper("UPDATE tenants SET status = 'suspended'")
        .await;
    world
        .append("trail", vec![batch("b2", vec![block("acme", 1, "2")])])
        .await;
    world.tamper("UPDATE tenants SET status = 'deleted'").await;
    let outcome = world
        .append("trail", vec![batch("b3", vec![block("acme", 1, "3")])])
        .await;
    assert_eq!(
        outcome,
        [BatchOutcome::Stored],
        "a source is not made to try for ever"
    );
    let read = world
        .db
        .journal_read(&scope("acme"), 0, 1 << 20)
        .await
        .unwrap();
    let times: Vec<i64> = read.blocks.iter().map(|b| b.meta.stored_time).collect();
    assert_eq!(times.len(), 2);
    assert_eq!(times[0], times[1]);
}

#[tokio::test]
async fn a_large_flush_takes_several_statements_and_stays_one_transaction() {
    let world = World::new().await;
    let names: Vec<String> = (0..60).map(|n| format!("tenant-{n:03}")).collect();
    world
        .create(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let big = "x".repeat(400_000);
    let blocks = names.iter().map(|t| block(t, 1, &big)).collect();
    let many = (0..5_000)
        .map(|n| block("tenant-000", 1, &n.to_string()))
        .collect();
    let outcome = world
        .append("trail", vec![batch("big", blocks), batch("many", many)])
        .await;
    assert_eq!(outcome, vec![BatchOutcome::Stored; 2]);
    let blocks = world
        .db
        .journal_read(&scope("tenant-000"), 0, 1 << 30)
        .await
        .unwrap();
    assert_eq!(
        blocks.blocks.len(),
        4_096,
        "one reading is bounded in blocks too"
    );
    for name in names.iter().step_by(7) {
        let report = world.db.verify_journal(&scope(name)).await.unwrap();
        assert!(report.faults.is_empty(), "{:?}", report.faults);
    }
    assert_eq!(world.db.head(&scope("tenant-000")).await.unwrap(), 5_001);
}

#[tokio::test]
async fn after_closing_nothing_is_taken_and_what_was_taken_is_there() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let db = world.db.clone();
    let pending = tokio::spawn(async move {
        let batches = vec![batch("b1", vec![block("acme", 1, "one")])];
        db.append(&ingest("trail"), flush(batches)).await
    });
    tokio::task::yield_now().await;
    world.db.close().await;
    let taken = pending.await.unwrap();
    let error = world
        .db
        .append(&ingest("trail"), flush(vec![batch("b2", vec![])]))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Unavailable);
    let world = world.reopened().await;
    assert_eq!(
        world.journal("acme").await.len(),
        usize::from(taken.is_ok())
    );
}

#[tokio::test]
async fn what_was_attributed_by_an_old_directory_is_not_stored() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let by = world.db.directory_version(&ingest("trail")).await.unwrap();
    let attributed = |id: &str, version| FlushBatch {
        directory_version: Some(version),
        ..batch(id, vec![block("acme", 1, "a1")])
    };
    let stored = world.append("trail", vec![attributed("b1", by)]).await;
    assert_eq!(stored, [BatchOutcome::Stored]);
    world.create(&["globex"]).await;
    let stale = world.append("trail", vec![attributed("b2", by)]).await;
    assert_eq!(stale, [BatchOutcome::Stale]);
    assert_eq!(world.db.head(&scope("acme")).await.unwrap(), 1);
    // What is stored is stored, whatever has changed since; and the stale one may come anew.
    let anew = vec![attributed("b1", by), attributed("b2", by + 1)];
    let outcome = world.append("trail", anew).await;
    assert_eq!(outcome, [BatchOutcome::Duplicate, BatchOutcome::Stored]);
}
