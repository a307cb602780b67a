//! Sealing, merging, sweeping, counting, tailing and checking, on one journal and its segments.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use cordon_kernel::TenantScope;
use cordon_kernel::db::segments::SegmentObject;
use cordon_views::EventRow;

use crate::count::CountQuery;
use crate::error::LakeError;
use crate::row::Events;
use crate::schema::{Column, Columns};
use crate::testing::{ACME, EPOCH, OTHER, SECOND, World, event};
use crate::{FILE_ROWS, Lake, Query, SealMode};

pub(crate) fn events(ids: std::ops::Range<u64>) -> Vec<EventRow> {
    ids.map(|id| event(id, (id as i64 * 7_919) % 50_000))
        .collect()
}

pub(crate) async fn names(lake: &Lake, scope: &TenantScope) -> Vec<[u8; 16]> {
    let columns = Columns::ALL;
    let mut search = lake
        .search(
            scope,
            Query {
                columns,
                ..Query::default()
            },
        )
        .await
        .unwrap();
    let mut names = Vec::new();
    while let Some(batch) = search.next().await.unwrap() {
        let events = Events::new(&batch).unwrap();
        names.extend((0..events.len()).map(|row| events.name(row)));
    }
    names
}

fn files(world: &World) -> Vec<PathBuf> {
    let folder = world.dir.path().join("objects/t").join(ACME).join("seg");
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    files.map(|file| file.unwrap().path()).collect()
}

async fn check(world: &World) {
    let report = world.cold().fsck(&world.scope(ACME)).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}

#[tokio::test]
async fn little_stays_in_the_database_and_grows_into_a_file() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..6_000);
    let mut stored = 0;
    for rows in all.chunks(1_500) {
        world.append_all(ACME, rows, 100).await;
        let sealed = world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        stored += rows.len();
        let small = stored < FILE_ROWS;
        assert_eq!((sealed.rows, sealed.dropped), (1_500, 0));
        let (files_written, blocks_written) = (sealed.files, sealed.blocks);
        match stored {
            6_000 => assert_eq!(
                (files_written, blocks_written),
                (0, 1),
                "after the file it begins anew"
            ),
            _ => assert_eq!(
                (files_written, blocks_written),
                (u64::from(!small), u64::from(small))
            ),
        }
        let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
        assert_eq!(
            (snapshot.sealed_seq, snapshot.unsealed.len()),
            (stored as u64, 0)
        );
        assert_eq!(names(&world.cold(), &scope).await.len(), stored);
    }
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    let kinds: Vec<bool> = snapshot
        .segments
        .iter()
        .map(|row| row.object == SegmentObject::Block)
        .collect();
    assert_eq!(kinds.len(), 2);
    assert_eq!(files(&world).len(), 1);
    check(&world).await;
    // Nothing left to do.
    assert_eq!(
        world.lake.seal(&scope, None, SealMode::All).await.unwrap(),
        crate::Sealed::default()
    );
}

#[tokio::test]
async fn small_blocks_of_a_day_are_joined_by_eights() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..170);
    let mut blocks = Vec::new();
    for (done, rows) in all.chunks(10).enumerate() {
        world.append(ACME, rows).await;
        let sealed = world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        assert_eq!((sealed.rows, sealed.blocks), (10, 1));
        let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
        blocks.push(snapshot.segments.len());
        let rows: u64 = snapshot.segments.iter().map(|row| row.rows).sum();
        assert_eq!(rows, 10 * (done as u64 + 1));
        check(&world).await;
    }
    assert_eq!(blocks, [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1]);
    assert_eq!(names(&world.cold(), &scope).await.len(), 170);
    assert!(files(&world).is_empty());
}

#[tokio::test]
async fn days_part() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    world.append(ACME, &events(0..300)).await;
    world.clock.advance(jiff::SignedDuration::from_hours(24));
    world.append(ACME, &events(300..500)).await;
    // Today's is not due.
    let sealed = world.lake.seal(&scope, None, SealMode::Due).await.unwrap();
    assert_eq!(sealed.rows, 300);
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    assert_eq!((snapshot.sealed_seq, snapshot.unsealed.len()), (300, 1));
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    let days: HashSet<i32> = snapshot.segments.iter().map(|row| row.stored_day).collect();
    assert_eq!((snapshot.segments.len(), days.len()), (2, 2));
    assert_eq!(names(&world.lake, &scope).await.len(), 500);
    check(&world).await;
}

#[tokio::test]
async fn what_comes_again_is_dropped_and_takes_no_segment() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..12_000);
    world.append_all(ACME, &all, 3_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    let before = names(&world.lake, &scope).await;
    world.append_all(ACME, &all[2_000..9_000], 1_000).await;
    assert_eq!(names(&world.lake, &scope).await, before);
    let sealed = world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!(
        (sealed.rows, sealed.dropped, sealed.files, sealed.blocks),
        (0, 7_000, 0, 0)
    );
    assert_eq!(names(&world.cold(), &scope).await, before);
    assert_eq!(files(&world).len(), 1);
    check(&world).await;
}

#[tokio::test]
async fn merging_keeps_every_event_and_sweeping_waits() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..45_000);
    for rows in all.chunks(4_500) {
        world.append_all(ACME, rows, 1_500).await;
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    }
    assert_eq!(files(&world).len(), 10);
    let before = names(&world.lake, &scope).await;
    assert_eq!(before.len(), 45_000);
    assert_eq!(world.lake.merge(&scope, None).await.unwrap(), 10);
    for lake in [&world.lake, &world.cold()] {
        assert_eq!(names(lake, &scope).await, before);
    }
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    assert_eq!((snapshot.segments.len(), files(&world).len()), (1, 11));
    // The old files are still being read by somebody, perhaps.
    world.lake.sweep(&scope).await.unwrap();
    assert_eq!(files(&world).len(), 11);
    world.clock.advance(jiff::SignedDuration::from_hours(2));
    let swept = world.lake.sweep(&scope).await.unwrap();
    assert_eq!((swept.segments, files(&world).len()), (10, 1));
    assert_eq!(names(&world.cold(), &scope).await, before);
    check(&world).await;
}

#[tokio::test]
async fn a_search_goes_on_while_its_segments_are_merged_and_swept() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..40_000);
    for rows in all.chunks(5_000) {
        world.append_all(ACME, rows, 2_500).await;
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    }
    let before = names(&world.lake, &scope).await;
    let lake = world.cold();
    let columns = Columns::ALL;
    let mut search = lake
        .search(
            &scope,
            Query {
                columns,
                ..Query::default()
            },
        )
        .await
        .unwrap();
    let mut seen = Vec::new();
    let mut step = 0;
    while let Some(batch) = search.next().await.unwrap() {
        let events = Events::new(&batch).unwrap();
        seen.extend((0..events.len()).map(|row| events.name(row)));
        if step == 1 {
            world.lake.merge(&scope, None).await.unwrap();
            world.clock.advance(jiff::SignedDuration::from_hours(2));
            world.lake.sweep(&scope).await.unwrap();
            // As if the cache had been too small.
            lake.forget(scope.tenant());
        }
        step += 1;
    }
    assert!(step > 3);
    assert_eq!(seen, before);
}

#[tokio::test]
async fn a_crash_between_object_and_catalogue_loses_nothing() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..9_000);
    world.append_all(ACME, &all, 3_000).await;
    // A segment that was written and never committed, and a write that was cut off.
    let id = world.kernel.env().uuid_v7();
    let path = crate::object::Objects::segment_path(&scope, id);
    world
        .lake
        .objects()
        .put(&scope, &path, bytes::Bytes::from_static(b"half a life"))
        .await
        .unwrap();
    let folder = world.dir.path().join("objects/t").join(ACME).join("seg");
    std::fs::write(folder.join("x.parquet.partial"), b"cut").unwrap();
    assert_eq!(names(&world.lake, &scope).await.len(), 9_000);
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!(files(&world).len(), 3);
    // File times are the machine's, so the test's clock is set far ahead of both.
    world
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 366 * 30));
    let swept = world.lake.sweep(&scope).await.unwrap();
    assert_eq!(
        (swept.orphans, swept.partial, files(&world).len()),
        (1, 1, 1)
    );
    assert_eq!(names(&world.cold(), &scope).await.len(), 9_000);
    check(&world).await;
}

#[tokio::test]
async fn a_lapsed_claim_changes_nothing() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    world.append_all(ACME, &events(0..500), 100).await;
    world.clock.advance(jiff::SignedDuration::from_hours(25));
    let claims = world.claim_jobs().await;
    let claim = claims
        .into_iter()
        .find(|claim| claim.job() == "seal")
        .expect("sealing is due after a day");
    world.clock.advance(jiff::SignedDuration::from_hours(1));
    let newer = world.claim_jobs().await;
    assert!(newer.iter().any(|other| other.job() == "seal"));
    assert!(matches!(
        world.lake.seal(&scope, Some(&claim), SealMode::Due).await,
        Err(LakeError::Kernel(error)) if error.reason() == cordon_kernel::Reason::EtagMismatch
    ));
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    assert_eq!((snapshot.sealed_seq, snapshot.segments.len()), (0, 0));
    let newer = newer
        .into_iter()
        .find(|claim| claim.job() == "seal")
        .unwrap();
    assert_eq!(
        world
            .lake
            .seal(&scope, Some(&newer), SealMode::Due)
            .await
            .unwrap()
            .rows,
        500
    );
}

#[tokio::test]
async fn counts_are_those_of_a_search() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..20_000);
    world.append_all(ACME, &all[..9_000], 3_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append_all(ACME, &all[6_000..12_000], 3_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append_all(ACME, &all[10_000..], 777).await;
    let since = EPOCH + 1_000 * SECOND;
    let until = EPOCH + 30_000 * SECOND;
    let filter = world
        .lake
        .filters()
        .compile(&scope, "region = 'eu-west-1' AND raw LIKE '%User%'")
        .unwrap();
    for (by, filter, bounds) in [
        (vec![Column::Operation], None, None),
        (
            vec![Column::Operation, Column::Region, Column::Status],
            None,
            Some((since, until)),
        ),
        (
            vec![Column::Account, Column::DstPort],
            Some(filter),
            Some((since, until)),
        ),
        (vec![Column::ClassUid], None, None),
        (vec![], None, None),
    ] {
        let query = CountQuery {
            since: bounds.map(|bounds| bounds.0),
            until: bounds.map(|bounds| bounds.1),
            filter: filter.clone(),
            by: by.clone(),
        };
        let mut wanted: BTreeMap<Vec<Option<String>>, u64> = BTreeMap::new();
        for row in &all {
            let inside = bounds.is_none_or(|(since, until)| (since..until).contains(&row.time_ns));
            let passes =
                filter.is_none() || (row.region == "eu-west-1" && row.raw.contains("User"));
            if inside && passes {
                let value = |column: &Column| match column {
                    Column::Operation => Some(row.operation.clone()),
                    Column::Region => Some(row.region.clone()),
                    Column::Status => Some(row.status.as_str().to_owned()),
                    Column::Account => Some(row.account.clone()),
                    Column::ClassUid => Some(row.class_uid.to_string()),
                    _ => None,
                };
                *wanted.entry(by.iter().map(value).collect()).or_default() += 1;
            }
        }
        let counts = world.lake.count(&scope, &query).await.unwrap();
        assert_eq!(counts.total, wanted.values().sum::<u64>());
        let found: BTreeMap<_, _> = counts
            .counts
            .iter()
            .map(|count| (count.values.clone(), count.count))
            .collect();
        assert_eq!(found, wanted, "{by:?}");
        assert!(
            counts
                .counts
                .is_sorted_by(|left, right| left.count >= right.count)
        );
    }
    for by in [
        vec![Column::Raw],
        vec![Column::RawContext],
        vec![Column::Region, Column::Region],
    ] {
        let query = CountQuery {
            by,
            ..CountQuery::default()
        };
        assert!(matches!(
            world.lake.count(&scope, &query).await,
            Err(LakeError::Filter(_))
        ));
    }
    let nothing = world
        .lake
        .count(&world.scope(OTHER), &CountQuery::default())
        .await
        .unwrap();
    assert_eq!(nothing.total, 0);
}

/// Everything that tail gives from a cursor on, in its order.
async fn tailed(lake: &Lake, scope: &TenantScope, mut after: u64) -> Vec<(u64, [u8; 16])> {
    let mut all = Vec::new();
    loop {
        let page = lake.tail(scope, after, None, Columns::ALL).await.unwrap();
        if let Some(batch) = &page.batch {
            let events = Events::new(batch).unwrap();
            all.extend((0..events.len()).map(|row| (events.seq(row), events.name(row))));
        }
        assert!(page.next > after || page.next == page.head);
        if page.next >= page.head {
            return all;
        }
        after = page.next;
    }
}

#[tokio::test]
async fn tail_gives_each_event_once_in_the_order_it_came() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let all = events(0..15_000);
    let mut wanted: Vec<(u64, [u8; 16])> = Vec::new();
    let mut seen = HashSet::new();
    let mut seq = 0;
    let mut append = async |rows: &[EventRow], size: usize| {
        world.append_all(ACME, rows, size).await;
        for row in rows {
            seq += 1;
            if seen.insert(row.name) {
                wanted.push((seq, row.name));
            }
        }
        wanted.clone()
    };
    append(&all[..6_000], 2_000).await;
    let wanted = append(&all[3_000..9_000], 250).await;
    assert_eq!(tailed(&world.lake, &scope, 0).await, wanted);
    assert_eq!(tailed(&world.cold(), &scope, 5_000).await, wanted[5_000..]);
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!(tailed(&world.lake, &scope, 0).await, wanted);
    append(&all[8_000..11_000], 500).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    let wanted = append(&all[10_000..], 333).await;
    assert_eq!(tailed(&world.lake, &scope, 0).await, wanted);
    world.lake.merge(&scope, None).await.unwrap();
    assert_eq!(tailed(&world.cold(), &scope, 0).await, wanted);

    let filter = world
        .lake
        .filters()
        .compile(&scope, "operation = 'AssumeRole'")
        .unwrap();
    let page = world
        .lake
        .tail(&scope, 0, Some(&filter), Columns::of(&[Column::Operation]))
        .await
        .unwrap();
    let batch: RecordBatch = page.batch.unwrap();
    assert_eq!(
        batch.schema(),
        Columns::of(&[Column::Seq, Column::Operation]).schema()
    );
    assert!(batch.num_rows() > 500 && page.next < page.head);
    let head = page.head;
    let page = world
        .lake
        .tail(&scope, head, None, Columns::ALL)
        .await
        .unwrap();
    assert!(page.batch.is_none() && page.next == head);
}

#[tokio::test]
async fn retention_ends_whole_segments_and_expires_cursors() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    world.append_all(ACME, &events(0..5_000), 1_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.clock.advance(jiff::SignedDuration::from_hours(48));
    world.append_all(ACME, &events(5_000..11_000), 1_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    let cutoff = world
        .kernel
        .env()
        .now()
        .checked_sub(jiff::SignedDuration::from_hours(24))
        .unwrap();
    assert_eq!(
        world.lake.expire(&scope, None, cutoff).await.unwrap(),
        5_000
    );
    assert_eq!(world.lake.expire(&scope, None, cutoff).await.unwrap(), 0);
    assert_eq!(names(&world.lake, &scope).await.len(), 6_000);
    let expired = world.lake.tail(&scope, 100, None, Columns::ALL).await;
    let Err(LakeError::Kernel(error)) = expired else {
        panic!("{expired:?}")
    };
    assert_eq!(error.reason(), cordon_kernel::Reason::CursorExpired);
    assert_eq!(error.metadata("oldest_cursor"), Some("5000"));
    assert_eq!(tailed(&world.lake, &scope, 5_000).await.len(), 6_000);
    check(&world).await;
}

#[tokio::test]
async fn fsck_finds_damage() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    world.append_all(ACME, &events(0..9_000), 3_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append_all(ACME, &events(9_000..9_300), 100).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append_all(ACME, &events(9_300..9_500), 100).await;
    let report = world.lake.fsck(&scope).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!((report.segments, report.rows, report.blocks), (2, 9_300, 2));

    let file = files(&world).pop().unwrap();
    let sound = std::fs::read(&file).unwrap();
    let mut changed = sound.clone();
    let middle = changed.len() / 3;
    changed[middle] ^= 1;
    std::fs::write(&file, &changed).unwrap();
    let report = world.lake.fsck(&scope).await.unwrap();
    assert!(!report.faults.is_empty());
    std::fs::write(&file, &sound[..sound.len() - 1]).unwrap();
    assert!(!world.cold().fsck(&scope).await.unwrap().faults.is_empty());
    std::fs::remove_file(&file).unwrap();
    let report = world.cold().fsck(&scope).await.unwrap();
    assert!(
        report
            .faults
            .iter()
            .any(|fault| fault.contains("not there")),
        "{:?}",
        report.faults
    );
    std::fs::write(&file, &sound).unwrap();
    check(&world).await;
}
