//! The end of data keys: what may still be sealed under one, and when it is dropped.

use jiff::SignedDuration;

use super::super::jobs::{JobClaim, JobRunner, Lane, REENCRYPT};
use super::super::rotation::Rotation;
use super::super::testing::*;
use super::originals::{original, read, send};
use crate::audit::AuditEntry;
use crate::error::Reason;

fn one(n: u32) -> super::super::FlushBatch {
    batch(&format!("b{n}"), vec![block("acme", 1, &n.to_string())])
}

async fn rotate(world: &World) {
    let (scope, permit) = provider();
    let acme = tenant_id("acme");
    let keyring = std::sync::Arc::clone(world.db.keyring());
    let next = keyring.next_key(&acme).await.unwrap();
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    let version = keyring.rotate_tenant(tx.conn(), &acme, next).await.unwrap();
    tx.begin_rotation(&acme, version.unwrap()).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

async fn claim(world: &World) -> (JobClaim, Rotation) {
    world
        .tamper("UPDATE jobs SET due_time = 0 WHERE job = 'reencrypt' AND claimed = 0")
        .await;
    let lease = SignedDuration::from_mins(10);
    let claims = world
        .db
        .claim_jobs(&JobRunner::new(), Lane::Bulk, lease, 100)
        .await
        .unwrap();
    let claim = claims.into_iter().find(|claim| claim.job() == REENCRYPT);
    let rotation = world.db.rotation(&job_scope("acme")).await.unwrap();
    (claim.unwrap(), rotation.unwrap())
}

#[tokio::test]
async fn a_key_is_dropped_once_nothing_is_under_it_and_nothing_can_be() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    world.append("trail", vec![one(1)]).await;
    rotate(&world).await;
    let (claim, rotation) = claim(&world).await;
    assert_eq!((rotation.version, rotation.done), (2, 0));
    let settles = rotation.settled.duration_since(world.env.now());
    assert_eq!(settles, SignedDuration::from_mins(11));
    let needed = world.db.finish_rotation(&claim, &rotation).await;
    assert_eq!(needed.unwrap_err().reason(), Reason::FailedPrecondition);
    world.db.refuse_older_keys(&claim, &rotation).await.unwrap();
    let needed = world.db.finish_rotation(&claim, &rotation).await;
    let needed = needed.unwrap_err();
    assert_eq!(
        needed.reason(),
        Reason::FailedPrecondition,
        "a block is left"
    );

    world.tamper("DELETE FROM journal_payloads").await;
    world.clock.advance(SignedDuration::from_mins(6));
    world.append("trail", vec![one(2)]).await;
    assert_eq!(
        world.db.finish_rotation(&claim, &rotation).await.unwrap(),
        1
    );
    assert_eq!(
        world
            .ask("SELECT version FROM tenant_keys WHERE purpose = 'data'")
            .await,
        ["2"]
    );
    assert_eq!(world.db.rotation(&job_scope("acme")).await.unwrap(), None);
    assert!(world.db.rotation(&scope("acme")).await.is_err(), "a job's");
}

#[tokio::test]
async fn who_was_stopped_with_an_older_key_stores_nothing_under_it() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    // Another server, with the tenant's first key in memory.
    let stopped = world.replica().await;
    stopped
        .append(&ingest("trail"), flush(vec![one(1)]))
        .await
        .unwrap();
    rotate(&world).await;
    let (claim, rotation) = claim(&world).await;
    world.db.refuse_older_keys(&claim, &rotation).await.unwrap();
    let refused = stopped
        .append(&ingest("trail"), flush(vec![one(2)]))
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), Reason::Unavailable);
    assert_eq!(world.count("journal").await, 1);
    // Once it asks anew, and the new key seals, the same batch is stored.
    world.clock.advance(SignedDuration::from_mins(6));
    stopped
        .append(&ingest("trail"), flush(vec![one(2)]))
        .await
        .unwrap();
    assert_eq!(world.count("journal").await, 2);
}

#[tokio::test]
async fn originals_are_wrapped_anew_also_where_the_tenants_event_has_moved_on() {
    let world = World::new().await;
    world.create(&["acme", "globex", "hooli"]).await;
    let first = original(&[("acme", 1), ("globex", 2)], "what happened");
    send(&world, "b1", vec![first]).await;
    // Another account was meant: acme's event leads elsewhere now, globex's stays.
    let other = original(&[("acme", 1), ("hooli", 3)], "what happened");
    send(&world, "b2", vec![other]).await;
    rotate(&world).await;
    world.clock.advance(SignedDuration::from_mins(9));
    let (claim, rotation) = claim(&world).await;
    let acme = job_scope("acme");
    assert_eq!(world.db.rewrap_originals(&acme).await.unwrap(), 2);
    assert_eq!(world.db.rewrap_originals(&acme).await.unwrap(), 0);
    world.tamper("DELETE FROM journal_payloads").await;
    world.db.refuse_older_keys(&claim, &rotation).await.unwrap();
    world.db.finish_rotation(&claim, &rotation).await.unwrap();
    for (tenants, event) in [(["globex", "acme"], 2), (["hooli", "acme"], 3)] {
        assert_eq!(
            read(&world, &tenants, event).await.unwrap(),
            "what happened",
            "{tenants:?}"
        );
    }
}

#[tokio::test]
async fn a_lapsed_claim_neither_refuses_nor_drops() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    rotate(&world).await;
    let (slow, rotation) = claim(&world).await;
    world.clock.advance(SignedDuration::from_mins(11));
    let _quick = claim(&world).await;
    for refused in [
        world.db.refuse_older_keys(&slow, &rotation).await,
        world.db.note_progress(&slow, &rotation, 1).await,
        world.db.finish_rotation(&slow, &rotation).await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().reason(), Reason::EtagMismatch);
    }
    assert_eq!(world.count("tenant_keys WHERE purpose = 'data'").await, 2);
    assert_eq!(world.count("tenant_head WHERE key_floor = 1").await, 1);
}
