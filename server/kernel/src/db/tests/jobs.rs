//! Due work.

use jiff::SignedDuration;

use super::super::jobs::{JobClaim, JobRunner, Lane, SEAL, bucket_of};
use super::super::testing::*;
use super::super::{SealPolicy, SegmentCommit};
use crate::clock::Env;
use crate::error::Reason;

const LEASE: SignedDuration = SignedDuration::from_secs(30);

async fn claim(world: &World) -> Vec<JobClaim> {
    world
        .db
        .claim_jobs(&JobRunner::new(), Lane::Bulk, LEASE, 100)
        .await
        .unwrap()
}

fn names(claims: &[JobClaim]) -> Vec<String> {
    let mut names: Vec<String> = claims
        .iter()
        .map(|c| format!("{}/{}", c.tenant(), c.job()))
        .collect();
    names.sort();
    names
}

async fn small() -> World {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let (env, clock) = Env::fixed(START.parse().unwrap(), 2);
    let world = World::with(dir, env, clock, |c| {
        c.seal = SealPolicy {
            rows: 10,
            blocks: 4,
            age: SignedDuration::from_hours(24),
        };
    })
    .await;
    world.create(&["acme", "globex"]).await;
    world
}

#[tokio::test]
async fn appending_schedules_sealing_by_rows_and_by_age() {
    let world = small().await;
    let blocks = vec![block("acme", 9, "x"), block("globex", 1, "x")];
    world.append("trail", vec![batch("b1", blocks)]).await;
    assert!(claim(&world).await.is_empty());
    world
        .append("trail", vec![batch("b2", vec![block("acme", 1, "x")])])
        .await;
    let due = claim(&world).await;
    assert_eq!(names(&due), ["acme/seal"]);
    assert!(claim(&world).await.is_empty(), "claimed is claimed");

    // Sealed only in part, with more coming meanwhile: what is left is due in its time.
    world
        .append("trail", vec![batch("b3", vec![block("acme", 3, "x")])])
        .await;
    let seal = SegmentCommit {
        sealed_through: Some(10),
        claim: due.first(),
        ..SegmentCommit::default()
    };
    world
        .db
        .commit_segments(&job_scope("acme"), seal)
        .await
        .unwrap();
    for job in due {
        world.db.job_done(job).await.unwrap();
    }
    assert!(claim(&world).await.is_empty());
    world.clock.advance(SignedDuration::from_hours(24));
    let due = claim(&world).await;
    assert_eq!(names(&due), ["acme/seal", "globex/seal"]);
    for job in due {
        world.db.job_done(job).await.unwrap();
    }
    world.clock.advance(SignedDuration::from_hours(100));
    assert!(claim(&world).await.is_empty());
}

#[tokio::test]
async fn many_small_blocks_are_due_too() {
    let world = small().await;
    let one = async |id: &str| {
        let blocks = vec![block("acme", 1, "x")];
        world.append("trail", vec![batch(id, blocks)]).await;
    };
    for id in ["b1", "b2", "b3"] {
        one(id).await;
    }
    assert!(claim(&world).await.is_empty());
    one("b4").await;
    let due = claim(&world).await;
    assert_eq!(names(&due), ["acme/seal"]);
    // One more comes while the four are sealed: it is counted from there.
    one("b5").await;
    let seal = SegmentCommit {
        sealed_through: Some(4),
        claim: due.first(),
        ..SegmentCommit::default()
    };
    world
        .db
        .commit_segments(&job_scope("acme"), seal)
        .await
        .unwrap();
    for job in due {
        world.db.job_done(job).await.unwrap();
    }
    for id in ["b6", "b7"] {
        one(id).await;
    }
    assert!(claim(&world).await.is_empty());
    one("b8").await;
    assert_eq!(names(&claim(&world).await), ["acme/seal"]);
}

#[tokio::test]
async fn what_is_asked_for_while_it_is_done_is_done_again() {
    let world = small().await;
    let acme = scope("acme");
    world
        .db
        .schedule_job(&acme, "tidy", world.env.now())
        .await
        .unwrap();
    let job = claim(&world).await.pop().unwrap();
    assert_eq!(job.attempts(), 1);
    let soon = world.env.now() + SignedDuration::from_secs(5);
    world
        .db
        .schedule_job(&acme, "tidy", soon + SignedDuration::from_secs(60))
        .await
        .unwrap();
    world.db.schedule_job(&acme, "tidy", soon).await.unwrap();
    world.db.job_done(job).await.unwrap();
    assert!(claim(&world).await.is_empty());
    world.clock.advance(SignedDuration::from_secs(5));
    let job = claim(&world).await.pop().unwrap();
    assert_eq!((job.job(), job.attempts()), ("tidy", 1));
    // Failed: given back for later, and counted.
    world
        .db
        .job_again(job, world.env.now() + SignedDuration::from_secs(60))
        .await
        .unwrap();
    world.clock.advance(SignedDuration::from_secs(59));
    assert!(claim(&world).await.is_empty());
    world.clock.advance(SignedDuration::from_secs(1));
    let job = claim(&world).await.pop().unwrap();
    assert_eq!(job.attempts(), 2);
    // Done for now: what failed before counts no more.
    world.db.job_next(job, world.env.now()).await.unwrap();
    assert_eq!(claim(&world).await.pop().unwrap().attempts(), 1);
}

#[tokio::test]
async fn a_lapsed_claim_is_taken_over_and_its_holder_is_told() {
    let world = small().await;
    world
        .db
        .schedule_job(&scope("acme"), "tidy", world.env.now())
        .await
        .unwrap();
    let first = claim(&world).await.pop().unwrap();
    world.clock.advance(LEASE);
    let second = claim(&world).await.pop().unwrap();
    assert_eq!(second.attempts(), 2);
    assert_eq!(
        world.db.job_done(first).await.unwrap_err().reason(),
        Reason::EtagMismatch
    );
    world.db.job_done(second).await.unwrap();
    world.clock.advance(SignedDuration::from_hours(1));
    assert!(claim(&world).await.is_empty());
}

#[tokio::test]
async fn a_claim_that_is_renewed_is_held_on() {
    let world = small().await;
    let now = world.env.now();
    let tidy = world.db.schedule_job(&scope("acme"), "tidy", now).await;
    tidy.unwrap();
    let first = claim(&world).await.pop().unwrap();
    for _ in 0..3 {
        world.clock.advance(LEASE - SignedDuration::from_secs(1));
        assert!(claim(&world).await.is_empty());
        world.db.renew_claim(&first, LEASE).await.unwrap();
    }
    world.clock.advance(LEASE);
    let second = claim(&world).await.pop().unwrap();
    let lost = world.db.renew_claim(&first, LEASE).await.unwrap_err();
    assert_eq!(lost.reason(), Reason::EtagMismatch);
    world.db.job_done(second).await.unwrap();
}

#[tokio::test]
async fn claiming_goes_round_the_tenants() {
    let world = small().await;
    let now = world.env.now();
    assert_ne!(
        bucket_of(&tenant_id("acme")),
        bucket_of(&tenant_id("globex"))
    );
    let runner = JobRunner::new();
    let mut turns = Vec::new();
    for tenant in ["acme", "globex"] {
        let due = world.db.schedule_job(&scope(tenant), SEAL, now).await;
        due.unwrap();
    }
    for _ in 0..4 {
        let claims = world
            .db
            .claim_jobs(&runner, Lane::Bulk, LEASE, 1)
            .await
            .unwrap();
        turns.extend(names(&claims));
        for claim in claims {
            world.db.job_again(claim, now).await.unwrap(); // as if there were always more to do
        }
    }
    assert_ne!(turns[0], turns[1]);
    assert_eq!(turns[..2], turns[2..]);
}

#[tokio::test]
async fn a_job_is_scheduled_with_the_effect_or_not_at_all() {
    let world = small().await;
    let acme = scope("acme");
    let permit = permit(&acme);
    let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
    tx.schedule_job("tidy", world.env.now()).await.unwrap();
    drop(tx);
    assert!(claim(&world).await.is_empty());
    let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
    tx.schedule_job("tidy", world.env.now()).await.unwrap();
    tx.commit(crate::audit::AuditEntry::new(&permit))
        .await
        .unwrap();
    assert_eq!(names(&claim(&world).await), ["acme/tidy"]);
}
