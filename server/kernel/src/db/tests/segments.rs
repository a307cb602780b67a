//! Sealing: rows move from the journal to segments, in one transaction, and nothing is lost.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use uuid::Uuid;

use super::super::segments::{NewSegment, SegmentObject};
use super::super::testing::*;
use super::super::{SegmentCommit, SegmentRow, jobs};
use crate::error::Reason;

fn segment(n: u128, first_seq: u64, last_seq: u64) -> SegmentRow {
    SegmentRow {
        id: Uuid::from_u128(n),
        first_seq,
        last_seq,
        rows: last_seq - first_seq + 1,
        min_time: 10,
        max_time: 20,
        stored_day: 20_000,
        first_stored: 1,
        last_stored: 2,
        object: SegmentObject::Parquet(format!("acme/{n}.parquet")),
        object_bytes: 123,
        object_hash: [3; 32],
        key_version: 1,
        format: 1,
        meta: format!("what the lake knows of {n}").into_bytes().into(),
    }
}

fn parquet(row: SegmentRow) -> NewSegment {
    NewSegment { row, block: None }
}

async fn filled() -> World {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    for n in 0..4 {
        let blocks = vec![
            block("acme", 2, &format!("a{n}")),
            block("globex", 1, &format!("g{n}")),
        ];
        world
            .append("trail", vec![batch(&format!("b{n}"), blocks)])
            .await;
    }
    world
}

#[tokio::test]
async fn sealing_drops_payloads_and_keeps_the_journal() {
    let world = filled().await;
    let acme = job_scope("acme");
    let before = world.db.snapshot(&acme).await.unwrap();
    assert_eq!(
        (before.head, before.sealed_seq, before.unsealed.len()),
        (8, 0, 4)
    );
    world
        .db
        .commit_segments(
            &acme,
            SegmentCommit {
                add: vec![parquet(segment(1, 1, 6))],
                sealed_through: Some(6),
                ..SegmentCommit::default()
            },
        )
        .await
        .unwrap();
    let after = world.db.snapshot(&acme).await.unwrap();
    assert_eq!(
        (after.head, after.sealed_seq, after.unsealed.len()),
        (8, 6, 1)
    );
    assert_eq!(*after.segments, vec![segment(1, 1, 6)]);
    assert_eq!(after.unsealed[0].first_seq, 7);
    assert_eq!(world.journal("acme").await, vec![(7, 2, "a3".into())]);
    let gone = world.db.journal_blocks(&acme, &[1, 3, 7]).await.unwrap();
    assert_eq!(
        gone.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, false, true]
    );

    let journal = world.journal_and_payloads();
    let rows = world
        .ask(&format!(
            "SELECT first_seq FROM {journal} WHERE tenant_id = 'acme' AND payload IS NULL ORDER BY 1"
        ))
        .await;
    assert_eq!(
        (
            rows.join(" "),
            world.count("journal WHERE tenant_id = 'acme'").await
        ),
        ("1 3 5".to_owned(), 4),
        "rows stay: they are ingest's audit entries"
    );
    let report = world.db.verify_journal(&acme).await.unwrap();
    assert_eq!(
        (report.entries, report.blocks, report.faults.len()),
        (4, 1, 0)
    );
    let entries = world.db.journal_entries(&acme, 2, 2).await.unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.meta.first_seq, e.batch_id.as_str()))
        .collect();
    assert_eq!(seen, [(3, "b1"), (5, "b2")]);
    // The neighbour noticed nothing.
    let globex = world.db.snapshot(&scope("globex")).await.unwrap();
    assert_eq!(
        (globex.head, globex.sealed_seq, globex.unsealed.len()),
        (4, 0, 4)
    );
    assert!(globex.segments.is_empty());

    // And the same from the file alone.
    let world = world.reopened().await;
    let again = world.db.snapshot(&acme).await.unwrap();
    assert_eq!((again.head, again.sealed_seq), (8, 6));
    assert_eq!(*again.segments, *after.segments);
    assert_eq!(*again.unsealed, *after.unsealed);
    // Tail from a cursor that lies in the segments learns that they hold the rest.
    let read = world.db.journal_read(&acme, 2, 1 << 20).await.unwrap();
    assert_eq!((read.sealed_seq, read.blocks[0].meta.first_seq), (6, 7));
}

#[tokio::test]
async fn snapshots_see_what_came_since_the_last_one() {
    let world = filled().await;
    let acme = job_scope("acme");
    for n in 4..20u32 {
        let id = format!("b{n}");
        world
            .append(
                "trail",
                vec![batch(&id, vec![block("acme", 1 + n % 3, &id)])],
            )
            .await;
        if n % 5 == 0 {
            let snapshot = world.db.snapshot(&acme).await.unwrap();
            let through = snapshot.unsealed[snapshot.unsealed.len() / 2].last_seq();
            let first = snapshot.sealed_seq + 1;
            world
                .db
                .commit_segments(
                    &acme,
                    SegmentCommit {
                        add: vec![parquet(segment(u128::from(n), first, through))],
                        sealed_through: Some(through),
                        ..SegmentCommit::default()
                    },
                )
                .await
                .unwrap();
        }
        // What is remembered and what is read afresh are the same.
        let warm = world.db.snapshot(&acme).await.unwrap();
        world.db.inner.catalogue.forget();
        let cold = world.db.snapshot(&acme).await.unwrap();
        assert_eq!(*warm.unsealed, *cold.unsealed);
        assert_eq!(*warm.segments, *cold.segments);
        let mut next = warm.sealed_seq + 1;
        for block in warm.unsealed.iter() {
            assert_eq!(block.first_seq, next);
            next = block.last_seq() + 1;
        }
        assert_eq!(next, warm.head + 1);
    }
}

#[tokio::test]
async fn small_segments_lie_in_the_database_under_the_tenants_key() {
    let world = filled().await;
    let acme = job_scope("acme");
    let mut row = segment(1, 1, 8);
    row.object = SegmentObject::Block;
    let block = Some(b"rows of a small tenant".to_vec());
    world
        .db
        .commit_segments(
            &acme,
            SegmentCommit {
                add: vec![NewSegment { row, block }],
                sealed_through: Some(8),
                ..SegmentCommit::default()
            },
        )
        .await
        .unwrap();
    let id = Uuid::from_u128(1);
    assert_eq!(
        world.db.segment_payload(&acme, id).await.unwrap().as_ref(),
        b"rows of a small tenant"
    );
    let foreign = world
        .db
        .segment_payload(&job_scope("globex"), id)
        .await
        .unwrap_err();
    assert_eq!(foreign.reason(), Reason::NotFound);
    world.tamper("INSERT INTO segments SELECT 'globex', segment_id, first_seq, last_seq, row_count, min_time, \
        max_time, stored_day, first_stored, last_stored, kind, object, object_bytes, object_hash, key_version, \
        format, meta, created_time, deleted_time FROM segments").await;
    world.tamper("INSERT INTO segment_payloads SELECT 'globex', segment_id, payload FROM segment_payloads").await;
    let moved = world
        .db
        .segment_payload(&job_scope("globex"), id)
        .await
        .unwrap_err();
    assert_eq!(
        moved.reason(),
        Reason::Internal,
        "bytes of another tenant do not open"
    );
    let stored = world
        .ask_bytes("SELECT payload FROM segment_payloads LIMIT 1")
        .await
        .remove(0);
    assert!(!stored.windows(5).any(|w| w == b"small"));
    let meta = world
        .ask_bytes("SELECT meta FROM segments LIMIT 1")
        .await
        .remove(0);
    assert!(!meta.windows(4).any(|w| w == b"lake"));
}

#[tokio::test]
async fn merging_replaces_segments_whose_objects_go_later() {
    let world = filled().await;
    let acme = job_scope("acme");
    let seal = |n: u128, first, last| SegmentCommit {
        add: vec![parquet(segment(n, first, last))],
        sealed_through: Some(last),
        ..SegmentCommit::default()
    };
    world
        .db
        .commit_segments(&acme, seal(1, 1, 4))
        .await
        .unwrap();
    world
        .db
        .commit_segments(&acme, seal(2, 5, 8))
        .await
        .unwrap();
    let merge = || SegmentCommit {
        add: vec![parquet(segment(3, 1, 8))],
        remove: vec![Uuid::from_u128(1), Uuid::from_u128(2)],
        ..SegmentCommit::default()
    };
    world.clock.advance(SignedDuration::from_secs(60));
    world.db.commit_segments(&acme, merge()).await.unwrap();
    let snapshot = world.db.snapshot(&acme).await.unwrap();
    assert_eq!(*snapshot.segments, vec![segment(3, 1, 8)]);
    let twice = SegmentCommit {
        add: vec![parquet(segment(4, 1, 8))],
        remove: vec![Uuid::from_u128(1)],
        ..SegmentCommit::default()
    };
    let error = world.db.commit_segments(&acme, twice).await.unwrap_err();
    assert_eq!(error.reason(), Reason::EtagMismatch);
    assert_eq!(
        world.db.snapshot(&acme).await.unwrap().segments.len(),
        1,
        "nothing of it was done"
    );

    let now = world.env.now();
    assert!(
        world
            .db
            .deleted_segments(&acme, now)
            .await
            .unwrap()
            .is_empty()
    );
    world.clock.advance(SignedDuration::from_secs(1));
    let gone = world
        .db
        .deleted_segments(&acme, world.env.now())
        .await
        .unwrap();
    let ids: BTreeSet<Uuid> = gone.iter().map(|row| row.id).collect();
    assert_eq!(
        ids,
        BTreeSet::from([Uuid::from_u128(1), Uuid::from_u128(2)])
    );
    // Only what was removed can be forgotten.
    let all: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
    world.db.forget_segments(&acme, &all).await.unwrap();
    assert!(
        world
            .db
            .deleted_segments(&acme, world.env.now())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.db.snapshot(&acme).await.unwrap().segments.len(), 1);
}

#[tokio::test]
async fn no_person_changes_a_catalogue() {
    let world = filled().await;
    let commit = SegmentCommit {
        sealed_through: Some(8),
        ..SegmentCommit::default()
    };
    let error = world
        .db
        .commit_segments(&scope("acme"), commit)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::PermissionDenied);
    let error = world
        .db
        .forget_segments(&scope("acme"), &[])
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::PermissionDenied);
    assert_eq!(world.journal("acme").await.len(), 4);
}

#[tokio::test]
async fn sealing_that_makes_no_sense_changes_nothing() {
    let world = filled().await;
    let acme = job_scope("acme");
    for (through, oldest) in [
        (Some(5), None),
        (Some(0), None),
        (Some(9), None),
        (None, Some(9)),
    ] {
        let commit = SegmentCommit {
            add: vec![parquet(segment(1, 1, 5))],
            sealed_through: through,
            oldest_seq: oldest,
            ..SegmentCommit::default()
        };
        assert!(
            world.db.commit_segments(&acme, commit).await.is_err(),
            "{through:?} {oldest:?}"
        );
    }
    let snapshot = world.db.snapshot(&acme).await.unwrap();
    assert!(snapshot.segments.is_empty());
    assert_eq!(snapshot.unsealed.len(), 4);
    let commit = SegmentCommit {
        oldest_seq: Some(3),
        ..SegmentCommit::default()
    };
    world.db.commit_segments(&acme, commit).await.unwrap();
    assert_eq!(world.db.snapshot(&acme).await.unwrap().oldest_seq, 3);
}

fn seal(claim: &jobs::JobClaim) -> SegmentCommit<'_> {
    SegmentCommit {
        add: vec![parquet(segment(1, 1, 8))],
        sealed_through: Some(8),
        claim: Some(claim),
        ..SegmentCommit::default()
    }
}

#[tokio::test]
async fn a_sealer_whose_claim_lapsed_commits_nothing() {
    let world = filled().await;
    let runner = jobs::JobRunner::new();
    world.clock.advance(SignedDuration::from_hours(25));
    let lease = SignedDuration::from_secs(30);
    let slow = world
        .db
        .claim_jobs(&runner, jobs::Lane::Bulk, lease, 10)
        .await
        .unwrap();
    world.clock.advance(SignedDuration::from_secs(31));
    let quick = world
        .db
        .claim_jobs(&runner, jobs::Lane::Bulk, lease, 10)
        .await
        .unwrap();
    assert_eq!((slow.len(), quick.len()), (2, 2));
    let acme = job_scope("acme");
    let of = |claims: &[jobs::JobClaim], tenant: &str| {
        claims
            .iter()
            .position(|c| c.tenant().as_str() == tenant)
            .unwrap()
    };
    let late = &slow[of(&slow, "acme")];
    let error = world
        .db
        .commit_segments(&acme, seal(late))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::EtagMismatch);
    assert!(world.db.snapshot(&acme).await.unwrap().segments.is_empty());
    let foreign = &quick[of(&quick, "globex")];
    assert!(
        world
            .db
            .commit_segments(&acme, seal(foreign))
            .await
            .is_err()
    );
    let held = &quick[of(&quick, "acme")];
    world.db.commit_segments(&acme, seal(held)).await.unwrap();
    assert_eq!(world.db.snapshot(&acme).await.unwrap().segments.len(), 1);
}

#[tokio::test]
async fn what_sealing_frees_goes_back_to_the_file_system() {
    let world = World::on_sqlite().await;
    world.create(&["acme"]).await;
    let big = "x".repeat(100_000);
    for n in 0..60 {
        world
            .append(
                "trail",
                vec![batch(&format!("b{n}"), vec![block("acme", 1, &big)])],
            )
            .await;
    }
    let size = || {
        std::fs::metadata(world.dir.path().join("cordon.db"))
            .unwrap()
            .len()
    };
    let runner = jobs::JobRunner::new();
    assert_eq!(
        world.db.shrink(&runner, 0).await.unwrap(),
        0,
        "nothing is free yet"
    );
    let seal = SegmentCommit {
        sealed_through: Some(59),
        ..SegmentCommit::default()
    };
    world
        .db
        .commit_segments(&job_scope("acme"), seal)
        .await
        .unwrap();
    let keep = 1 << 20;
    let given = world.db.shrink(&runner, keep).await.unwrap();
    assert!(given > 4_000_000, "{given}");
    assert!((keep..2 << 20).contains(&size()), "{}", size());
    assert_eq!(world.db.shrink(&runner, keep).await.unwrap(), 0);
    assert_eq!(world.journal("acme").await, vec![(60, 1, big)]);
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
