//! What fails where a search has not come to yet.

use std::path::PathBuf;

use cordon_kernel::db::segments::SegmentObject;
use cordon_views::EventRow;

use super::*;
use crate::row::{name_at, name_column};
use crate::testing::{ACME, World, event};
use crate::{LakeConfig, SealMode};

/// Rows of a row group of plain events.
const GROUP: usize = crate::segment::GROUP_ROWS;
const GROUPS: usize = 8;

struct Stored {
    world: World,
    rows: Vec<EventRow>,
    /// The files of the segments and how many row groups each has, the newest first.
    files: Vec<(PathBuf, usize, Vec<u8>)>,
}

impl Stored {
    async fn new() -> Self {
        let world = World::with(LakeConfig::default()).await;
        let rows: Vec<EventRow> = (0..GROUP * GROUPS)
            .map(|id| event(id as u64, id as i64))
            .collect();
        world.append_all(ACME, &rows, GROUP).await;
        let scope = world.scope(ACME);
        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        let access = world.lake.access(&scope).await.unwrap();
        let snapshot = world.kernel.db().snapshot(&scope).await.unwrap();
        let catalogue = access.catalogue(&snapshot).unwrap();
        let mut segments: Vec<_> = catalogue.segments().collect();
        segments.sort_by_key(|(row, _)| std::cmp::Reverse(row.max_time));
        let file = |path: &str| world.dir.path().join("objects").join(path);
        let files: Vec<_> = segments
            .into_iter()
            .map(|(row, meta)| match &row.object {
                SegmentObject::Parquet(path) => {
                    let sound = std::fs::read(file(path)).unwrap();
                    (file(path), meta.groups.len(), sound)
                }
                SegmentObject::Block => panic!("no file"),
            })
            .collect();
        let groups: usize = files.iter().map(|(_, groups, _)| groups).sum();
        assert_eq!(groups, GROUPS);
        Self { world, rows, files }
    }

    /// Spoils a row group, counted from the newest.
    fn spoil(&self, mut group: usize) {
        for (path, groups, sound) in &self.files {
            if group < *groups {
                let mut changed = sound.clone();
                let at = changed.len() * (2 * group + 1) / (2 * groups);
                changed[at] ^= 1;
                return std::fs::write(path, changed).unwrap();
            }
            group -= groups;
        }
        panic!("no such row group");
    }

    fn mend(&self) {
        for (path, _, sound) in &self.files {
            std::fs::write(path, sound).unwrap();
        }
    }

    /// A search that reads the record of every row to know whether it is wanted.
    async fn search<'s>(&self, lake: &'s Lake, scope: &'s TenantScope, order: Order) -> Search<'s> {
        let filter = self.world.lake.filters();
        let filter = filter.compile(scope, "raw LIKE '%eventVersion%'").unwrap();
        let query = Query {
            filter: Some(filter),
            order,
            ..Query::default()
        };
        lake.search(scope, query).await.unwrap()
    }

    /// The names of all rows in the order.
    fn names(&self, order: Order) -> Vec<[u8; 16]> {
        let names = self.rows.iter().map(|row| row.name);
        match order {
            Order::OldestFirst => names.collect(),
            Order::NewestFirst => names.rev().collect(),
        }
    }
}

/// Reads on until so many rows were found, or to the end.
async fn read(search: &mut Search<'_>, names: &mut Vec<[u8; 16]>, until: usize) -> Result<()> {
    while names.len() < until
        && let Some(batch) = search.next().await?
    {
        let column = name_column(&batch)?;
        names.extend((0..batch.num_rows()).map(|row| name_at(column, row)));
    }
    Ok(())
}

#[tokio::test]
async fn what_fails_is_told_when_it_is_due_and_not_before() {
    let stored = Stored::new().await;
    let scope = stored.world.scope(ACME);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let all = stored.names(order);
        for bad in 0..GROUPS {
            stored.mend();
            stored.spoil(bad);
            let before = match order {
                Order::NewestFirst => bad,
                Order::OldestFirst => GROUPS - 1 - bad,
            };
            let lake = stored.world.cold();
            let mut search = stored.search(&lake, &scope, order).await;
            let mut found = Vec::new();
            let failed = read(&mut search, &mut found, usize::MAX).await;
            assert!(failed.is_err(), "row group {bad} is spoilt");
            // What was found when it failed may have waited for more to make a batch.
            assert!(
                found.len() + GROUP > before * GROUP,
                "{bad}: {}",
                found.len()
            );
            assert!(found.len() <= before * GROUP, "{bad}: {}", found.len());
            assert_eq!(found, all[..found.len()]);
        }
        stored.mend();
    }
}

#[tokio::test]
async fn what_failed_ahead_of_its_turn_is_tried_again_in_its_turn() {
    let stored = Stored::new().await;
    let scope = stored.world.scope(ACME);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        // Those before are opened one by one.
        for before in super::walk::AHEAD + 1..GROUPS {
            let bad = match order {
                Order::NewestFirst => before,
                Order::OldestFirst => GROUPS - 1 - before,
            };
            let lake = stored.world.cold();
            let mut search = stored.search(&lake, &scope, order).await;
            let mut found = Vec::new();
            stored.spoil(bad);
            // The first rows of the row group before it.
            let until = (before - 1) * GROUP + 1;
            read(&mut search, &mut found, until).await.unwrap();
            stored.mend();
            read(&mut search, &mut found, usize::MAX).await.unwrap();
            assert!(found == stored.names(order), "{before}");
        }
    }
}
