//! What ingest keeps beside tenants' blocks: watermarks, quarantine, dead letters, batch ids.

use jiff::SignedDuration;

use super::super::testing::*;
use super::super::{BatchOutcome, DeadLetter, QuarantineRecord};
use crate::error::Reason;

#[tokio::test]
async fn watermarks_do_not_go_back_and_belong_to_sources_that_delivered() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let mut one = batch("b1", vec![block("acme", 1, "x")]);
    one.watermark = Some(500);
    world.append("trail", vec![one]).await;
    world
        .db
        .heartbeat(&ingest("trail"), Some(400))
        .await
        .unwrap();
    world.db.heartbeat(&ingest("trail"), None).await.unwrap();
    world
        .db
        .heartbeat(&ingest("flows"), Some(900))
        .await
        .unwrap();
    world
        .append("quiet", vec![batch("b1", vec![block("acme", 1, "y")])])
        .await;
    let sources = world.db.snapshot(&scope("acme")).await.unwrap().sources;
    let sources: Vec<_> = sources
        .iter()
        .map(|s| (s.source.as_str(), s.watermark))
        .collect();
    assert_eq!(sources, [("quiet", None), ("trail", Some(500))]);
    assert!(
        world
            .db
            .snapshot(&scope("globex"))
            .await
            .unwrap()
            .sources
            .is_empty()
    );
}

#[tokio::test]
async fn quarantine_is_found_by_party_and_only_for_whom_it_is_registered() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let names = crate::keys::IngestNames::new(world.db.keyring().clone())
        .await
        .unwrap();
    let (a, b) = ("aws:111111111111", "aws:222222222222");
    let mut batch = batch("b1", vec![]);
    for (plain, parties) in [("both", vec![a, b]), ("one", vec![a])] {
        batch.quarantine.push(QuarantineRecord {
            party_hashes: parties.iter().map(|p| names.party_hash(p)).collect(),
            network_hashes: Vec::new(),
            plain: plain.as_bytes().to_vec(),
        });
    }
    world.append("trail", vec![batch]).await;
    let acme = job_scope("acme");
    assert_eq!(
        world
            .db
            .quarantined(&acme, a, None, 10)
            .await
            .unwrap_err()
            .reason(),
        Reason::PermissionDenied,
        "not registered"
    );
    let (staff, permit) = provider();
    let mut tx = world.db.provider_tx(&staff, &permit).await.unwrap();
    tx.add_account(
        &tenant_id("acme"),
        &a.parse().unwrap(),
        "2020-01-01T00:00:00Z".parse().unwrap(),
        None,
    )
    .await
    .unwrap();
    tx.commit(crate::audit::AuditEntry::new(&permit))
        .await
        .unwrap();
    assert!(
        world
            .db
            .quarantined(&job_scope("globex"), a, None, 10)
            .await
            .is_err()
    );
    assert!(
        world
            .db
            .quarantined(&scope("acme"), a, None, 10)
            .await
            .is_err(),
        "no job"
    );
    let items = world.db.quarantined(&acme, a, None, 10).await.unwrap();
    let mut texts: Vec<_> = items.iter().map(|i| i.plain.as_slice()).collect();
    texts.sort_unstable();
    assert_eq!(texts, [b"both".as_slice(), b"one"]);
    let ids: Vec<_> = items.iter().map(|i| i.id).collect();
    world.db.release_quarantined(&acme, a, &ids).await.unwrap();
    assert!(
        world
            .db
            .quarantined(&acme, a, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world.count("quarantine").await,
        1,
        "the other party may still be registered"
    );

    // What a backfill stores goes to its own tenant, under the source's name, once.
    let backfill = || super::super::testing::batch("backfill/1", vec![block("acme", 1, "both")]);
    let stored = world
        .db
        .append_backfill(&acme, &source_id("trail"), backfill())
        .await
        .unwrap();
    assert_eq!(stored, BatchOutcome::Stored);
    let again = world
        .db
        .append_backfill(&acme, &source_id("trail"), backfill())
        .await
        .unwrap();
    assert_eq!(again, BatchOutcome::Duplicate);
    let foreign = super::super::testing::batch("backfill/2", vec![block("globex", 1, "x")]);
    assert!(
        world
            .db
            .append_backfill(&acme, &source_id("trail"), foreign)
            .await
            .is_err()
    );
    let outside = super::super::testing::batch("backfill/3", vec![block("acme", 1, "x")]);
    assert!(
        world
            .db
            .append_backfill(&scope("acme"), &source_id("trail"), outside)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn dead_letters_are_kept_within_their_bound() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let (env, clock) = crate::clock::Env::fixed(START.parse().unwrap(), 3);
    let world = World::with(dir, env, clock, |c| c.dead_letter_bytes = 10_000).await;
    for n in 0..40u64 {
        world.clock.advance(SignedDuration::from_secs(1));
        let mut batch = batch(&format!("b{n}"), vec![]);
        batch.dead_letters.push(DeadLetter {
            line: n,
            reason: "MALFORMED".to_owned(),
            bytes: vec![b'x'; 1_000],
            full_bytes: if n == 39 { 100 << 20 } else { 0 },
        });
        world.append("trail", vec![batch]).await;
    }
    let (staff, _) = provider();
    let kept = world
        .db
        .dead_letters(&staff, &source_id("trail"), None, 100)
        .await
        .unwrap();
    assert!(!kept.is_empty() && kept.len() < 10, "{}", kept.len());
    assert_eq!(kept.last().unwrap().line, 39);
    assert_eq!(kept.last().unwrap().full_bytes, 100 << 20);
    let id = kept.last().unwrap().id;
    let bytes = world
        .db
        .dead_letter(&staff, &source_id("trail"), id)
        .await
        .unwrap();
    assert_eq!(bytes, vec![b'x'; 1_000]);
    assert!(
        world
            .db
            .dead_letter(&staff, &source_id("flows"), id)
            .await
            .is_err()
    );
    world
        .db
        .forget_dead_letter(&staff, &source_id("trail"), id)
        .await
        .unwrap();
    let error = world
        .db
        .dead_letter(&staff, &source_id("trail"), id)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::NotFound);
}

#[tokio::test]
async fn batch_ids_are_forgotten_when_told() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let runner = crate::db::jobs::JobRunner::new();
    let one = || batch("b1", vec![block("acme", 1, "one")]);
    world.append("trail", vec![one()]).await;
    let before = world.env.now();
    assert_eq!(world.db.prune_batches(&runner, before).await.unwrap(), 0);
    world.clock.advance(SignedDuration::from_secs(1));
    world.append("trail", vec![batch("b2", vec![])]).await;
    assert_eq!(
        world
            .db
            .prune_batches(&runner, world.env.now())
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        world.append("trail", vec![one()]).await,
        [BatchOutcome::Stored]
    );
}
