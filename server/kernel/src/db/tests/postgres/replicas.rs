//! Several processes on one database.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::audit::AuditEntry;
use crate::db::jobs::{JobRunner, Lane};
use crate::db::testing::*;
use crate::db::{BatchOutcome, Db, FlushBatch, JobClaim, SegmentCommit};
use crate::error::Reason;

/// Batch `n`, for tenants of which those with a lower number come in the one or the other order.
fn crossing(n: usize, order: bool) -> FlushBatch {
    let mut tenants = ["acme", "globex", "hooli"];
    if order {
        tenants.reverse();
    }
    let mut sent = batch(
        &format!("b{n}"),
        tenants.map(|t| block(t, 1, &format!("{t} {n}"))).into(),
    );
    sent.content_hash = *blake3::hash(n.to_string().as_bytes()).as_bytes();
    sent
}

async fn send(db: &Db, n: usize, order: bool) -> BatchOutcome {
    let source = if n.is_multiple_of(2) {
        "trail"
    } else {
        "other"
    };
    db.append(&ingest(source), flush(vec![crossing(n, order)]))
        .await
        .unwrap()
        .batches[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_batches_through_two_servers_are_stored_once() {
    let world = World::on_postgres().await;
    world.create(&["acme", "globex", "hooli"]).await;
    let replica = world.replica().await;
    async fn all(db: Db, order: bool) -> usize {
        let mut stored = 0;
        for n in 0..120 {
            // Each is ahead of the other for half of them.
            let n = if order { (n + 60) % 120 } else { n };
            match send(&db, n, order).await {
                BatchOutcome::Stored => stored += 1,
                BatchOutcome::Duplicate => {}
                other => panic!("{other:?}"),
            }
        }
        stored
    }
    let other = tokio::spawn(all(replica.clone(), true));
    let one = all(world.db.clone(), false).await;
    let other = other.await.unwrap();
    assert_eq!(one + other, 120);
    assert!(one > 0 && other > 0, "{one} and {other}: they did not meet");
    for tenant in ["acme", "globex", "hooli"] {
        let texts: BTreeSet<String> = world
            .journal(tenant)
            .await
            .into_iter()
            .map(|b| b.2)
            .collect();
        assert_eq!(texts.len(), 120);
        let report = replica.verify_journal(&scope(tenant)).await.unwrap();
        assert!(report.faults.is_empty(), "{report:?}");
        assert_eq!(replica.head(&scope(tenant)).await.unwrap(), 120);
    }
}

#[tokio::test]
async fn who_is_handed_a_batch_that_is_being_stored_waits_and_finds_it_known() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    for (id, same, wanted) in [
        ("b1", true, BatchOutcome::Duplicate),
        ("b2", false, BatchOutcome::Conflict),
    ] {
        let sent = batch(id, vec![block("acme", 1, "x")]);
        let hash = hex::encode(match same {
            true => sent.content_hash,
            false => [7; 32],
        });
        // Another server, between its entry in the ledger and its commit.
        let other = format!(
            "INSERT INTO batches VALUES ('trail', '{id}', '\\x{hash}', 0); SELECT pg_sleep(1)"
        );
        let postgres = std::sync::Arc::clone(world.postgres.as_ref().unwrap());
        let storing = std::thread::spawn(move || postgres.superuser(&other));
        let waits = "pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        let mut seen = 0;
        for _ in 0..1_000 {
            seen = world.count(waits).await;
            if seen > 0 {
                break;
            }
        }
        assert_eq!(seen, 1);
        let outcome = world.append("trail", vec![sent]).await;
        assert_eq!(outcome, [wanted]);
        storing.join().unwrap();
    }
    assert!(world.journal("acme").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_log_grows_through_two_servers() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    let replica = world.replica().await;
    async fn acts(db: Db) {
        let acme = scope("acme");
        let may = permit(&acme);
        for _ in 0..40 {
            let tx = db.tenant_tx(&acme, &may).await.unwrap();
            tx.commit(AuditEntry::new(&may)).await.unwrap();
            db.audit_read(&acme, AuditEntry::new(&may)).await.unwrap();
        }
        db.flush_reads(None).await.unwrap();
    }
    let other = tokio::spawn(acts(replica.clone()));
    acts(world.db.clone()).await;
    other.await.unwrap();
    let report = world.db.verify_audit(&scope("acme")).await.unwrap();
    assert_eq!((report.entries, report.broken_at), (161, None));
}

#[tokio::test]
async fn a_job_is_claimed_by_one_and_a_claim_that_lapsed_changes_nothing() {
    let world = World::on_postgres().await;
    let names: Vec<String> = (0..40).map(|n| format!("ten-{n}")).collect();
    world
        .create(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let replica = world.replica().await;
    for name in &names {
        world
            .db
            .schedule_job(&scope(name), "tidy", world.env.now())
            .await
            .unwrap();
    }
    let runner = JobRunner::new();
    let lease = SignedDuration::from_secs(60);
    let (one, other) = tokio::join!(
        world.db.claim_jobs(&runner, Lane::Bulk, lease, 30),
        replica.claim_jobs(&runner, Lane::Bulk, lease, 30)
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    let claimed = |jobs: &[JobClaim]| -> BTreeSet<String> {
        jobs.iter().map(|job| job.tenant().to_string()).collect()
    };
    assert!(claimed(&one).is_disjoint(&claimed(&other)));

    // A server that was stopped past its lease, and comes back.
    world.create(&["acme"]).await;
    world
        .append("trail", vec![batch("b1", vec![block("acme", 4, "x")])])
        .await;
    world
        .db
        .schedule_job(&scope("acme"), "seal", world.env.now())
        .await
        .unwrap();
    let claim = async |db: &Db| {
        let mut jobs = db
            .claim_jobs(&runner, Lane::Bulk, lease, 100)
            .await
            .unwrap();
        jobs.retain(|job| job.tenant().as_str() == "acme");
        jobs.pop()
    };
    let mut late = claim(&world.db).await;
    assert!(claim(&replica).await.is_none());
    world.clock.advance(SignedDuration::from_secs(61));
    let held = claim(&replica).await.unwrap();
    let late = late.take().unwrap();
    fn seal(claim: &JobClaim) -> SegmentCommit<'_> {
        SegmentCommit {
            sealed_through: Some(4),
            claim: Some(claim),
            ..SegmentCommit::default()
        }
    }
    let refused = world
        .db
        .commit_segments(&job_scope("acme"), seal(&late))
        .await;
    assert_eq!(refused.unwrap_err().reason(), Reason::EtagMismatch);
    assert_eq!(
        world.db.job_done(late).await.unwrap_err().reason(),
        Reason::EtagMismatch
    );
    replica
        .commit_segments(&job_scope("acme"), seal(&held))
        .await
        .unwrap();
    replica.job_done(held).await.unwrap();
}

#[tokio::test]
async fn what_one_server_registers_another_attributes_by() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    let replica = world.replica().await;
    let known = replica.directory_version(&ingest("trail")).await.unwrap();
    let mut stale = batch("b1", vec![block("acme", 1, "x")]);
    stale.directory_version = Some(known);
    let (staff, may) = provider();
    let mut tx = world.db.provider_tx(&staff, &may).await.unwrap();
    let account = "aws:111111111111".parse().unwrap();
    tx.add_account(
        &tenant_id("acme"),
        &account,
        jiff::Timestamp::UNIX_EPOCH,
        None,
    )
    .await
    .unwrap();
    // Ingest through the other server waits for whoever changes the registers, and then knows.
    let asking = ingest("trail");
    let waiting = replica.append(&asking, flush(vec![stale]));
    let committing = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        tx.commit(AuditEntry::new(&may)).await.unwrap()
    };
    let (outcome, _) = tokio::join!(waiting, committing);
    assert_eq!(outcome.unwrap().batches, [BatchOutcome::Stale]);
    let rows = replica.directory(&asking, Some(known)).await.unwrap();
    assert_eq!(rows.unwrap().accounts.len(), 1);
}
