//! Sealing anew, on segments in files and in the database.

use cordon_kernel::db::jobs::{JobClaim, REENCRYPT};
use cordon_kernel::db::segments::{SegmentObject, Snapshot};
use cordon_kernel::{AuditEntry, Reason};
use jiff::SignedDuration;

use crate::seal_tests::{events, names};
use crate::testing::{ACME, World};
use crate::{LakeError, Reencrypted, SealMode};

async fn rotate(world: &World) {
    let (scope, permit) = world
        .kernel
        .maintenance_provider_scope(&world.runner, "test");
    let acme = ACME.parse().unwrap();
    let entry = AuditEntry::new(&permit);
    world
        .kernel
        .rotate_data_key(&scope, &permit, &acme, entry)
        .await
        .unwrap();
}

async fn claim(world: &World) -> JobClaim {
    let claims = world.claim_jobs().await;
    claims
        .into_iter()
        .find(|claim| claim.job() == REENCRYPT)
        .unwrap()
}

async fn snapshot(world: &World) -> Snapshot {
    world
        .kernel
        .db()
        .snapshot(&world.scope(ACME))
        .await
        .unwrap()
}

#[tokio::test]
async fn all_is_sealed_anew_and_the_old_keys_are_dropped() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    // A file, a block in the database, and rows that are not sealed.
    world.append_all(ACME, &events(0..5_000), 500).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append(ACME, &events(5_000..5_100)).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append(ACME, &events(5_100..5_150)).await;
    let before = names(&world.cold(), &scope).await;
    assert_eq!(before.len(), 5_150);
    let kinds = |snapshot: &Snapshot| -> Vec<bool> {
        let files = snapshot.segments.iter();
        files
            .map(|row| matches!(row.object, SegmentObject::Parquet(_)))
            .collect()
    };
    assert_eq!(kinds(&snapshot(&world).await), [true, false]);

    rotate(&world).await;
    rotate(&world).await;
    let none = world.claim_jobs().await;
    assert!(none.iter().all(|claim| claim.job() != REENCRYPT), "not due");
    world.clock.advance(SignedDuration::from_mins(11));
    let job = claim(&world).await;
    let done = world.lake.reencrypt(&scope, &job).await.unwrap();
    assert_eq!(done, Reencrypted::Done(2), "both older keys");
    let snapshot = snapshot(&world).await;
    let versions = snapshot.segments.iter().map(|row| row.key_version);
    assert_eq!(versions.collect::<Vec<_>>(), [3, 3, 3]);
    assert_eq!(names(&world.cold(), &scope).await, before);
    let report = world.cold().fsck(&scope).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    let again = world.lake.reencrypt(&scope, &job).await.unwrap();
    assert_eq!(again, Reencrypted::Done(0));
    world.append(ACME, &events(5_150..5_160)).await;
    assert_eq!(names(&world.cold(), &scope).await.len(), 5_160);
}

#[tokio::test]
async fn what_another_claimed_is_left_alone() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    world.append(ACME, &events(0..10)).await;
    rotate(&world).await;
    world.clock.advance(SignedDuration::from_mins(11));
    let slow = claim(&world).await;
    world.clock.advance(SignedDuration::from_mins(10));
    let quick = claim(&world).await;
    let refused = world.lake.reencrypt(&scope, &slow).await.unwrap_err();
    assert!(
        matches!(&refused, LakeError::Kernel(error) if error.reason() == Reason::EtagMismatch)
            || matches!(refused, LakeError::Stale),
        "{refused:?}"
    );
    assert_eq!(
        world.lake.reencrypt(&scope, &quick).await.unwrap(),
        Reencrypted::Done(1)
    );
}
