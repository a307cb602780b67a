//! The database goes away, or fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::auth::StandingSource as _;
use crate::db::BatchOutcome;
use crate::db::testing::*;
use crate::error::Reason;

fn one(n: usize) -> crate::db::FlushBatch {
    batch(
        &format!("b{n}"),
        vec![block("acme", 1, &format!("row {n}"))],
    )
}

#[tokio::test]
async fn what_is_acknowledged_is_durable_and_the_rest_can_be_sent_again() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    let stop = Arc::new(AtomicBool::new(false));
    // Connections of those that write are cut again and again, also in the middle of a commit.
    let cutter = {
        let (postgres, stop) = (
            Arc::clone(world.postgres.as_ref().unwrap()),
            Arc::clone(&stop),
        );
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                postgres.superuser(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cordon_ingest'",
                );
            }
        })
    };
    let (mut acknowledged, mut refused) = (0, 0);
    for n in 0..60 {
        // Until it is acknowledged, as a source does.
        for attempt in 0.. {
            assert!(attempt < 200, "batch {n} is never stored");
            match world.db.append(&ingest("trail"), flush(vec![one(n)])).await {
                Ok(outcome) => {
                    assert_ne!(outcome.batches, [BatchOutcome::Conflict]);
                    acknowledged += 1;
                    break;
                }
                Err(error) => {
                    assert_eq!(error.reason(), Reason::Unavailable, "{error:?}");
                    refused += 1;
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    cutter.join().unwrap();
    assert!(refused > 0, "no connection was cut in time");
    let stored = world.journal("acme").await;
    assert_eq!(stored.len(), acknowledged, "each once");
    let report = world.db.verify_journal(&scope("acme")).await.unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
}

#[tokio::test]
async fn when_the_database_comes_back_everything_does() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    world.append("trail", vec![one(1)]).await;
    world.pg().crash();
    let acme = scope("acme");
    let gone = world.db.append(&ingest("trail"), flush(vec![one(2)])).await;
    assert_eq!(gone.unwrap_err().reason(), Reason::Unavailable);
    let read = world.db.snapshot(&acme).await;
    assert_eq!(read.unwrap_err().reason(), Reason::Unavailable);
    let asked = world.db.tenant(&tenant_id("acme")).await;
    assert_eq!(asked.unwrap_err().reason(), Reason::Unavailable);
    world.pg().resume();
    // Without hands.
    world.append("trail", vec![one(2)]).await;
    assert_eq!(world.db.snapshot(&acme).await.unwrap().head, 2);
    assert!(world.db.tenant(&tenant_id("acme")).await.unwrap().is_some());
}

#[tokio::test]
async fn the_databases_own_words_stay_inside() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    world.append("trail", vec![one(1)]).await;
    world
        .pg()
        .superuser("ALTER TABLE tenant_sources RENAME TO mislaid");
    world
        .pg()
        .superuser("REVOKE INSERT ON journal FROM cordon_ingest");
    let acme = scope("acme");
    let read = world.db.snapshot(&acme).await.unwrap_err();
    let write = world
        .db
        .append(&ingest("trail"), flush(vec![one(2)]))
        .await
        .unwrap_err();
    for error in [read, write] {
        assert_eq!(error.reason(), Reason::Internal);
        let status = tonic::Status::from(error);
        let said = format!(
            "{} {}",
            status.message(),
            String::from_utf8_lossy(status.details())
        );
        for word in [
            "tenant_sources",
            "journal",
            "permission",
            "relation",
            "42P01",
            "SELECT",
            "postgres",
        ] {
            assert!(!said.contains(word), "{said}");
        }
    }
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_is_a_refusal_and_no_hang() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    // Another process stopped in the middle of acme's transaction.
    let replica = world.replica().await;
    let acme = scope("acme");
    let may = permit(&acme);
    let stuck = replica.tenant_tx(&acme, &may).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(14), world.db.tenant_tx(&acme, &may));
    let error = waited.await.expect("it hangs").err().expect("two at once");
    assert_eq!(error.reason(), Reason::Unavailable);
    drop(stuck);
    drop(world.db.tenant_tx(&acme, &may).await.unwrap());
}
