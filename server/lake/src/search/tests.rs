use std::collections::{BTreeMap, HashMap};

use cordon_views::EventRow;

use super::*;
use crate::row::Events;
use crate::schema::Column;
use crate::testing::{ACME, EPOCH, OTHER, SECOND, World, event};
use crate::{LakeConfig, SealMode};

async fn collect(lake: &Lake, scope: &TenantScope, query: Query) -> Vec<RecordBatch> {
    let mut search = lake.search(scope, query).await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = search.next().await.unwrap() {
        assert!(batch.num_rows() > 0);
        batches.push(batch);
    }
    batches
}

/// Name and raw event of everything found, in order.
async fn found(lake: &Lake, scope: &TenantScope, query: Query) -> Vec<([u8; 16], String)> {
    let batches = collect(
        lake,
        scope,
        Query {
            columns: Columns::ALL,
            ..query
        },
    )
    .await;
    let mut all = Vec::new();
    for batch in &batches {
        let events = Events::new(batch).unwrap();
        for row in 0..events.len() {
            all.push((events.name(row), events.row(row, &[]).raw.to_owned()));
        }
    }
    all
}

/// What a search must find, by looking at every row ever stored.
fn expected(
    rows: &[EventRow],
    order: Order,
    keep: impl Fn(&EventRow) -> bool,
) -> Vec<([u8; 16], String)> {
    let mut seen: HashMap<[u8; 16], EventRow> = HashMap::new();
    for row in rows {
        seen.entry(row.name).or_insert_with(|| row.clone());
    }
    let addressed: Vec<&EventRow> = seen
        .values()
        .filter(|row| row.addressed && !row.shared_event_id.is_empty())
        .collect();
    let gone = |row: &EventRow| addressed.iter().any(|other| other.supersedes(row));
    let mut kept: Vec<&EventRow> = seen
        .values()
        .filter(|row| !gone(row) && keep(row))
        .collect();
    kept.sort_by(|left, right| {
        let place = |row: &EventRow| Position {
            time_ns: row.time_ns,
            name: row.name,
        };
        order.compare(place(left), place(right))
    });
    kept.iter().map(|row| (row.name, row.raw.clone())).collect()
}

fn filter(world: &World, text: &str) -> Option<Arc<Filter>> {
    Some(
        world
            .lake
            .filters()
            .compile(&world.scope(ACME), text)
            .unwrap(),
    )
}

#[tokio::test]
async fn journal_alone_is_searched_in_order_without_repetitions() {
    let world = World::new().await;
    let rows: Vec<EventRow> = (0..500)
        .map(|id| event(id, (id as i64 * 37) % 400))
        .collect();
    world.append_all(ACME, &rows, 7).await;
    world.append_all(ACME, &rows[100..300], 50).await;
    let scope = world.scope(ACME);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for lake in [&world.lake, &world.cold()] {
            let query = Query {
                order,
                ..Query::default()
            };
            assert_eq!(
                found(lake, &scope, query).await,
                expected(&rows, order, |_| true)
            );
        }
    }
    assert!(
        found(&world.lake, &world.scope(OTHER), Query::default())
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn sealed_and_unsealed_events_are_one_answer() {
    let world = World::new().await;
    let rows: Vec<EventRow> = (0..30_000)
        .map(|id| event(id, (id as i64 * 7_919) % 20_000))
        .collect();
    world.append_all(ACME, &rows[..10_000], 2_500).await;
    let sealed = world
        .lake
        .seal(&world.scope(ACME), None, SealMode::All)
        .await
        .unwrap();
    assert_eq!((sealed.rows, sealed.files), (10_000, 1));
    // Some of it again, before and after the second sealing.
    world.append_all(ACME, &rows[5_000..20_000], 3_000).await;
    let sealed = world
        .lake
        .seal(&world.scope(ACME), None, SealMode::All)
        .await
        .unwrap();
    assert_eq!((sealed.rows, sealed.dropped), (10_000, 5_000));
    world.append_all(ACME, &rows[15_000..], 1_000).await;
    let scope = world.scope(ACME);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let query = Query {
            order,
            ..Query::default()
        };
        let all = found(&world.cold(), &scope, query.clone()).await;
        assert_eq!(all, expected(&rows, order, |_| true));
        let query = Query {
            limit: Some(100),
            ..query
        };
        assert_eq!(found(&world.lake, &scope, query).await, all[..100]);
    }
    let query = Query {
        since: Some(EPOCH + 100 * SECOND),
        until: Some(EPOCH + 200 * SECOND),
        filter: filter(&world, "operation = 'AssumeRole' AND raw LIKE '%\"n\":1%'"),
        ..Query::default()
    };
    let keep = |row: &EventRow| {
        (EPOCH + 100 * SECOND..EPOCH + 200 * SECOND).contains(&row.time_ns)
            && row.operation == "AssumeRole"
            && row.raw.contains("\"n\":1")
    };
    let wanted = expected(&rows, Order::NewestFirst, keep);
    assert!(wanted.len() > 5);
    assert_eq!(found(&world.lake, &scope, query).await, wanted);
}

#[tokio::test]
async fn pages_add_up_to_the_whole_whatever_happens_in_between() {
    let world = World::new().await;
    let rows: Vec<EventRow> = (0..9_000)
        .map(|id| event(id, (id as i64 * 31) % 700))
        .collect();
    world.append_all(ACME, &rows[..6_000], 1_500).await;
    let scope = world.scope(ACME);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut all = Vec::new();
        let (mut after, mut snapshot) = (None, None);
        let whole = found(
            &world.lake,
            &scope,
            Query {
                order,
                ..Query::default()
            },
        )
        .await;
        for step in 0.. {
            let query = Query {
                order,
                after,
                snapshot,
                limit: Some(700),
                columns: Columns::ALL,
                ..Query::default()
            };
            let mut search = world.lake.search(&scope, query).await.unwrap();
            snapshot = Some(search.head());
            let before = all.len();
            while let Some(batch) = search.next().await.unwrap() {
                let events = Events::new(&batch).unwrap();
                for row in 0..events.len() {
                    after = Some(Position {
                        time_ns: events.time_ns(row),
                        name: events.name(row),
                    });
                    all.push((events.name(row), events.row(row, &[]).raw.to_owned()));
                }
            }
            if all.len() == before {
                break;
            }
            // The journal grows and is sealed while somebody pages.
            if order == Order::NewestFirst && step < 4 {
                let at = 6_000 + step * 700;
                world.append_all(ACME, &rows[at..at + 700], 300).await;
            }
            if step == 2 {
                world.lake.seal(&scope, None, SealMode::All).await.unwrap();
            }
        }
        assert_eq!(all, whole);
    }
}

#[tokio::test]
async fn events_without_a_time_are_there_once() {
    let world = World::new().await;
    let lost = |id: u64, observed: i64| {
        let mut row = event(id, observed);
        row.time_invalid = true;
        row
    };
    let mut rows = vec![
        lost(1, 10),
        event(2, 11),
        lost(3, 12),
        lost(1, 500),
        event(4, 501),
        lost(3, 502),
    ];
    world.append(ACME, &rows[..3]).await;
    world.append(ACME, &rows[3..]).await;
    let scope = world.scope(ACME);
    let names =
        |found: &[([u8; 16], String)]| found.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let wanted = names(&expected(&rows, Order::NewestFirst, |_| true));
    assert_eq!(
        names(&found(&world.cold(), &scope, Query::default()).await),
        wanted
    );
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!(
        names(&found(&world.lake, &scope, Query::default()).await),
        wanted
    );
    let again = lost(1, 900);
    world.append(ACME, std::slice::from_ref(&again)).await;
    rows.push(again);
    assert_eq!(
        names(&found(&world.lake, &scope, Query::default()).await),
        wanted
    );
    let sealed = world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!((sealed.rows, sealed.dropped), (0, 1));
    assert_eq!(
        names(&found(&world.cold(), &scope, Query::default()).await),
        wanted
    );
}

#[tokio::test]
async fn a_record_addressed_to_the_tenant_takes_the_others_place() {
    let world = World::new().await;
    let joint = |id: u64, time: i64, shared: &str, addressed: bool| {
        let mut row = event(id, time);
        row.shared_event_id = shared.to_owned();
        row.addressed = addressed;
        row.shared = true;
        row
    };
    let scope = world.scope(ACME);
    // Sealed into a file before the addressed record comes.
    let mut rows: Vec<EventRow> = (100..6_000).map(|id| event(id, id as i64 % 50)).collect();
    rows.push(joint(1, 10, "one", false));
    rows.push(joint(2, 11, "two", false));
    world.append(ACME, &rows).await;
    let sealed = world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!((sealed.files, sealed.dropped), (1, 0));
    assert_eq!(
        found(&world.lake, &scope, Query::default()).await,
        expected(&rows, Order::NewestFirst, |_| true)
    );
    let snapshot = world
        .lake
        .search(&scope, Query::default())
        .await
        .unwrap()
        .head();

    let new = [
        joint(3, 10, "one", true),
        joint(4, 12, "three", true),
        joint(5, 12, "three", false),
    ];
    world.append(ACME, &new).await;
    let before = found(
        &world.lake,
        &scope,
        Query {
            snapshot: Some(snapshot),
            ..Query::default()
        },
    )
    .await;
    assert_eq!(
        before,
        expected(&rows, Order::NewestFirst, |_| true),
        "pages of before do not change"
    );
    rows.extend(new);
    let wanted = expected(&rows, Order::NewestFirst, |_| true);
    assert_eq!(wanted.len(), rows.len() - 2);
    for lake in [&world.lake, &world.cold()] {
        assert_eq!(found(lake, &scope, Query::default()).await, wanted);
    }
    let sealed = world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    assert_eq!((sealed.rows, sealed.dropped), (2, 1));
    for lake in [&world.lake, &world.cold()] {
        assert_eq!(found(lake, &scope, Query::default()).await, wanted);
    }
}

#[tokio::test]
async fn the_newest_of_much_opens_little() {
    let world = World::new().await;
    let rows: Vec<EventRow> = (0..32_000).map(|id| event(id, id as i64)).collect();
    world.append_all(ACME, &rows, 4_000).await;
    world
        .lake
        .seal(&world.scope(ACME), None, SealMode::All)
        .await
        .unwrap();
    let scope = world.scope(ACME);
    let lake = world.cold();
    let query = Query {
        limit: Some(100),
        columns: Columns::ALL,
        ..Query::default()
    };
    let access = lake.access(&scope).await.unwrap();
    let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
    let head = snapshot.head;
    let mut walk = Walk::begin(&access, &snapshot, &query, None, head, Sources::All)
        .await
        .unwrap();
    let (batch, _) = walk.next(&access, 100).await.unwrap().unwrap();
    assert_eq!(batch.num_rows(), 100);
    assert!(walk.open_cursors() <= 1, "{} cursors", walk.open_cursors());
    assert!(walk.unopened() >= 3, "{} units", walk.unopened());
}

#[tokio::test]
async fn memory_stays_bounded_while_much_is_read() {
    let config = LakeConfig {
        journal_cache: 1 << 20,
        footer_cache: 1 << 20,
        index_cache: 1 << 20,
        ..LakeConfig::default()
    };
    let world = World::with(config).await;
    // Events of 200 kB: 40 MB in all.
    let rows: Vec<EventRow> = (0..200)
        .map(|id| {
            let mut row = event(id, id as i64);
            row.raw = format!("{{\"n\":{id},\"pad\":\"{}\"}}", "x".repeat(200_000));
            row
        })
        .collect();
    world.append_all(ACME, &rows, 40).await;
    let scope = world.scope(ACME);
    for sealed in [false, true] {
        if sealed {
            world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        }
        let batches = collect(
            &world.lake,
            &scope,
            Query {
                columns: Columns::ALL,
                ..Query::default()
            },
        )
        .await;
        assert_eq!(
            batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
            200
        );
        let largest = batches
            .iter()
            .map(|batch| crate::row::raw_bytes(batch).unwrap())
            .max()
            .unwrap();
        assert!(largest <= 9 << 20, "a batch of {largest} bytes");
        assert!(
            world.lake.cached_bytes() <= 4 << 20,
            "{} bytes kept",
            world.lake.cached_bytes()
        );
    }
}

#[tokio::test]
async fn only_the_asked_columns_come_back() {
    let world = World::new().await;
    let rows: Vec<EventRow> = (0..5_000).map(|id| event(id, id as i64 % 90)).collect();
    world.append_all(ACME, &rows, 500).await;
    let scope = world.scope(ACME);
    for _ in 0..2 {
        let columns = Columns::of(&[Column::Operation, Column::Account]);
        let batches = collect(
            &world.lake,
            &scope,
            Query {
                columns,
                ..Query::default()
            },
        )
        .await;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for batch in &batches {
            assert_eq!(batch.schema(), columns.schema());
            let values =
                arrow::compute::cast(batch.column(1), &arrow::datatypes::DataType::Utf8).unwrap();
            let values = arrow::array::AsArray::as_string::<i32>(&values);
            for value in values.iter().flatten() {
                *counts.entry(value.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(counts.values().collect::<Vec<_>>(), [&1_000; 5]);
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    }
}

#[tokio::test]
async fn an_event_is_got_by_its_name() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let rows: Vec<EventRow> = (0..9_000)
        .map(|id| event(id, (id as i64 * 17) % 900))
        .collect();
    world.append_all(ACME, &rows[..8_000], 2_000).await;
    world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    world.append_all(ACME, &rows[8_000..], 100).await;
    for wanted in [&rows[5], &rows[7_999], &rows[8_500]] {
        let name = cordon_kernel::EventName::from_bytes(wanted.name);
        let batch = world
            .lake
            .get(&scope, &name, Columns::ALL)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(Events::new(&batch).unwrap().row(0, &[]).raw, wanted.raw);
        assert!(
            world
                .lake
                .get(&world.scope(OTHER), &name, Columns::ALL)
                .await
                .unwrap()
                .is_none()
        );
    }
    let name = cordon_kernel::EventName::from_bytes([9; 16]);
    assert!(
        world
            .lake
            .get(&scope, &name, Columns::ALL)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn one_id_with_two_contents_is_a_conflict() {
    let world = World::new().await;
    let scope = world.scope(ACME);
    let mut twin = event(5_001, 7);
    twin.event_id = event(7, 7).event_id;
    let mut rows: Vec<EventRow> = (0..5_000).map(|id| event(id, id as i64)).collect();
    world.append_all(ACME, &rows, 1_000).await;
    world.append(ACME, std::slice::from_ref(&twin)).await;
    rows.push(twin);
    for _ in 0..2 {
        let query = Query {
            columns: Columns::ALL,
            ..Query::default()
        };
        let mut conflicts = Vec::new();
        for batch in collect(&world.lake, &scope, query).await {
            let events = Events::new(&batch).unwrap();
            conflicts.extend(
                (0..events.len())
                    .filter(|row| events.conflict(*row))
                    .map(|row| events.name(row)),
            );
        }
        conflicts.sort_unstable();
        let mut wanted = [rows[7].name, rows[5_000].name];
        wanted.sort_unstable();
        assert_eq!(conflicts, wanted);
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
    }
    // Sealed, the mark is the event's own, whoever else passes the filter.
    let query = Query {
        filter: filter(&world, "conflict"),
        ..Query::default()
    };
    assert_eq!(found(&world.lake, &scope, query).await.len(), 2);
}

/// Every way in which a journal and its segments can lie, and any query on it, against a look
/// at every row.
#[test]
fn any_query_finds_what_a_look_at_every_row_finds() {
    use proptest::prelude::*;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (world, rows) = runtime.block_on(async {
        let world = World::new().await;
        let scope = world.scope(ACME);
        let rows: Vec<EventRow> = (0..20_000)
            .map(|id| event(id, (id as i64 * 7_919) % 6_000))
            .collect();
        world.append_all(ACME, &rows[..9_000], 3_000).await;
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        world.append_all(ACME, &rows[7_000..17_000], 2_500).await;
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        world.append_all(ACME, &rows[16_500..17_500], 100).await;
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        world.append_all(ACME, &rows[17_000..], 70).await;
        (world, rows)
    });
    let scope = world.scope(ACME);
    let strategy = (
        proptest::option::weighted(0.9, crate::filter::tests::expression()),
        proptest::option::of(0..6_000_i64),
        proptest::option::of(0..6_000_i64),
        any::<bool>(),
        proptest::option::of(1..500_u64),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    let outcome = runner.run(&strategy, |(text, since, until, newest, limit)| {
        let compiled = text
            .as_ref()
            .map(|text| world.lake.filters().compile(&scope, text).unwrap());
        let order = if newest {
            Order::NewestFirst
        } else {
            Order::OldestFirst
        };
        let query = Query {
            since: since.map(|second| EPOCH + second * SECOND),
            until: until.map(|second| EPOCH + second * SECOND),
            filter: compiled.clone(),
            order,
            limit,
            ..Query::default()
        };
        let passes = match &compiled {
            Some(filter) => crate::filter::tests::passing(filter, &rows),
            None => vec![true; rows.len()],
        };
        let passing: std::collections::HashSet<[u8; 16]> = rows
            .iter()
            .zip(passes)
            .filter(|(_, passes)| *passes)
            .map(|(row, _)| row.name)
            .collect();
        let mut wanted = expected(&rows, order, |row| {
            passing.contains(&row.name)
                && since.is_none_or(|second| row.time_ns >= EPOCH + second * SECOND)
                && until.is_none_or(|second| row.time_ns < EPOCH + second * SECOND)
        });
        wanted.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
        let found = runtime.block_on(found(&world.lake, &scope, query));
        prop_assert_eq!(found.len(), wanted.len());
        prop_assert!(found == wanted);
        Ok(())
    });
    outcome.unwrap();
}
