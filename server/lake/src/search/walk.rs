//! Units and the merge.

use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::db::segments::{SegmentObject, Snapshot};
use futures::future::join_all;
use uuid::Uuid;

use super::cursor::{Cursor, Memory, Source, Wanted};
use super::output::{Pick, gather, gone};
use super::probe::Probe;
use super::{Order, Position, Query};
use crate::beside::places;
use crate::catalogue::CatalogueView;
use crate::conflict::mark_conflicts;
use crate::error::{LakeError, Result};
use crate::filter::Filter;
use crate::journal::{Group, JournalFacts};
use crate::lake::Access;
use crate::run::Run;
use crate::schema::{Column, Columns};

/// Most rows of a batch.
const BATCH_ROWS: usize = 4_096;

/// Batches end at about so many bytes of raw events.
const BATCH_TEXT: usize = 8 << 20;

/// Row groups that are opened one by one before several are at the same time.
pub(super) const AHEAD: usize = 4;
/// Most that are, for each piece of work that is done at a time: while some compute, others read.
const MOST_AHEAD: usize = 2;
/// Most that are in all, and most bytes of their raw events where a filter reads these: none is unpacked
/// before it is its turn, but what is packed waits in memory.
const ALL_AHEAD: usize = 16;
const TEXT_AHEAD: u64 = 64 << 20;

/// Where a walk looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sources {
    /// Everywhere.
    All,
    /// In what lies in memory alone; segment files only say what is a repetition.
    Memory,
    /// In these segments of the catalogue.
    Segments(Vec<Uuid>),
}

/// Something that may hold rows, not opened yet.
#[derive(Debug)]
struct Unit {
    min: i64,
    max: i64,
    what: What,
}

#[derive(Debug)]
enum What {
    Journal(Arc<Group>),
    Segment(usize),
    RowGroup(usize, usize),
}

/// A walk over one snapshot.
pub(crate) struct Walk {
    catalogue: Arc<CatalogueView>,
    facts: Arc<JournalFacts>,
    query: Query,
    bounds: (i64, i64),
    after: Option<Position>,
    head: u64,
    /// In reverse order of the walk: the next one is the last.
    units: Vec<Unit>,
    cursors: Vec<Cursor>,
    probe: Probe,
    /// Row groups that were opened.
    opened: usize,
    /// Records that give way to others are walked over all the same.
    all: bool,
}

impl Walk {
    pub(crate) async fn begin(
        access: &Access<'_>,
        snapshot: &Snapshot,
        query: &Query,
        after: Option<Position>,
        head: u64,
        sources: Sources,
    ) -> Result<Self> {
        let journal = access.journal(snapshot).await?;
        let catalogue = access.catalogue(snapshot)?;
        let mut walk = Self {
            probe: Probe::new(&catalogue),
            facts: journal.facts,
            query: Query {
                columns: match query.columns.is_empty() {
                    true => Columns::of(&[Column::Time, Column::Name]),
                    false => query.columns,
                },
                ..query.clone()
            },
            bounds: query.bounds(after),
            after,
            head,
            units: Vec::new(),
            cursors: Vec::new(),
            opened: 0,
            all: false,
            catalogue,
        };
        let unsealed = !matches!(sources, Sources::Segments(_));
        let groups = journal
            .groups
            .iter()
            .filter(|group| unsealed && group.first_seq <= head);
        let mut units: Vec<Unit> = groups
            .map(|group| Unit {
                min: group.min_time,
                max: group.max_time,
                what: What::Journal(Arc::clone(group)),
            })
            .collect();
        for (index, (row, _)) in walk.catalogue.segments().enumerate() {
            let wanted = match &sources {
                Sources::All => true,
                Sources::Memory => row.object == SegmentObject::Block,
                Sources::Segments(ids) => ids.contains(&row.id),
            };
            if wanted && row.first_seq <= head {
                units.push(Unit {
                    min: row.min_time,
                    max: row.max_time,
                    what: What::Segment(index),
                });
            }
        }
        let (low, high) = walk.bounds;
        units.retain(|unit| unit.min <= high && unit.max >= low);
        walk.units = units;
        walk.sort_units();
        Ok(walk)
    }

    /// Has records that gave way to others walked over like any.
    pub(crate) fn keep_all(&mut self) {
        self.all = true;
    }

    fn sort_units(&mut self) {
        match self.query.order {
            Order::NewestFirst => self.units.sort_by_key(|unit| unit.max),
            Order::OldestFirst => self.units.sort_by_key(|unit| std::cmp::Reverse(unit.min)),
        }
    }

    /// Whether no unopened unit can have a row before this one.
    fn due(&self, position: Position) -> bool {
        match (self.units.last(), self.query.order) {
            (None, _) => true,
            (Some(unit), Order::NewestFirst) => position.time_ns > unit.max,
            (Some(unit), Order::OldestFirst) => position.time_ns < unit.min,
        }
    }

    /// The next events, at most `limit`, and the place of the last; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        access: &Access<'_>,
        limit: u64,
    ) -> Result<Option<(RecordBatch, Position)>> {
        loop {
            let Some((picks, position)) = self.pick(access, limit).await? else {
                return Ok(None);
            };
            if picks.is_empty() {
                self.tidy();
                // A long way without a match: let others have a turn.
                tokio::task::yield_now().await;
                continue;
            }
            let columns = self.query.columns;
            let batch = gather(access, &self.cursors, &picks, columns, self.query.order).await?;
            let batch = mark_conflicts(batch)?;
            self.tidy();
            return Ok(Some((batch, position)));
        }
    }

    /// Drops cursors that are through.
    fn tidy(&mut self) {
        self.cursors.retain(|cursor| cursor.row().is_some());
    }

    /// Rows that are due, until there are enough for a batch. Empty if it took long to find
    /// none; `None` at the end.
    async fn pick(
        &mut self,
        access: &Access<'_>,
        limit: u64,
    ) -> Result<Option<(Vec<Pick>, Position)>> {
        let mut picks = Vec::new();
        let mut walked = 0;
        let mut position = None;
        loop {
            let text = self
                .cursors
                .iter()
                .map(|cursor| cursor.text)
                .max()
                .unwrap_or(0);
            let most = match self.query.columns.contains(Column::Raw) {
                true => BATCH_TEXT
                    .checked_div(text)
                    .unwrap_or(BATCH_ROWS)
                    .clamp(1, BATCH_ROWS),
                false => BATCH_ROWS,
            };
            let enough = most.min(usize::try_from(limit).unwrap_or(usize::MAX));
            if picks.len() >= enough || walked >= 4 * BATCH_ROWS {
                break;
            }
            let next = self.first();
            match next {
                Some(first) if self.due(first) => {
                    walked += 1;
                    position = Some(first);
                    if let Some(pick) = self.settle(access, first).await? {
                        picks.push(pick);
                    }
                }
                _ => match self.units.pop() {
                    Some(unit) => {
                        walked += BATCH_ROWS / 4;
                        self.open(access, unit).await?;
                    }
                    None if position.is_some() => break,
                    None => return Ok(None),
                },
            }
        }
        let start = Position {
            time_ns: 0,
            name: [0; 16],
        };
        Ok(Some((picks, position.unwrap_or(start))))
    }

    /// The place of the row that comes first of all cursors'.
    fn first(&self) -> Option<Position> {
        let heads = self.cursors.iter().filter_map(Cursor::head);
        heads.min_by(|left, right| self.query.order.compare(*left, *right))
    }

    /// Takes the rows at this place off their cursors and finds the one that is the event, if
    /// it is to be shown.
    async fn settle(&mut self, access: &Access<'_>, place: Position) -> Result<Option<Pick>> {
        let mut winner: Option<(u64, Pick)> = None;
        for (index, cursor) in self.cursors.iter_mut().enumerate() {
            if cursor.head() != Some(place) {
                continue;
            }
            let Some(row) = cursor.row() else { continue };
            cursor.advance();
            // What is in a file came before whatever is not sealed.
            let seq = match &cursor.source {
                Source::File { .. } => 0,
                Source::Memory(memory) => memory.seqs.get(row).map_or(0, |seq| seq.cast_unsigned()),
            };
            if winner.is_none_or(|(lowest, _)| seq < lowest) {
                winner = Some((seq, Pick { cursor: index, row }));
            }
        }
        let Some((seq, pick)) = winner else {
            return Ok(None);
        };
        let Some(cursor) = self.cursors.get(pick.cursor) else {
            return Ok(None);
        };
        let Source::Memory(memory) = &cursor.source else {
            return Ok(Some(pick));
        };
        if seq > self.head || !memory.pass.value(pick.row) || self.superseded_row(memory, pick.row)
        {
            return Ok(None);
        }
        if memory.sealed {
            return Ok(Some(pick));
        }
        if memory.invalid
            && let Some(lowest) = self.facts.invalid.get(&place.name)
        {
            // No two share a time, so these are told by name alone.
            let sealed = self.catalogue.invalid.contains(&place.name);
            return Ok((*lowest == seq && !sealed).then_some(pick));
        }
        let known = self.probe.has(access, place.time_ns, &place.name).await?;
        Ok((!known).then_some(pick))
    }

    fn superseded_row(&self, memory: &Memory, row: usize) -> bool {
        let key = memory.yielding.get(&((memory.start + row) as u32));
        key.is_some_and(|key| !self.all && superseded(&self.facts, &self.catalogue, key, self.head))
    }

    async fn open(&mut self, access: &Access<'_>, unit: Unit) -> Result<()> {
        match unit.what {
            What::Journal(group) => {
                let run = access.run(&group).await?;
                self.open_run(access, &run, false).await
            }
            What::Segment(index) => {
                let (row, _) = self.catalogue.segment(index)?;
                if row.object == SegmentObject::Block {
                    let run = access.block_segment(row).await?;
                    self.open_run(access, &run, true).await
                } else {
                    self.open_segment(access, index).await
                }
            }
            What::RowGroup(..) => {
                let units = self.ahead(unit);
                self.open_row_groups(access, units).await
            }
        }
    }

    async fn open_run(&mut self, access: &Access<'_>, run: &Arc<Run>, sealed: bool) -> Result<()> {
        let filter = self.query.filter.as_deref();
        let cursor = Cursor::memory(
            access,
            run,
            sealed,
            filter,
            self.query.order,
            self.bounds,
            self.after,
        )
        .await?;
        if cursor.row().is_some() {
            self.cursors.push(cursor);
        }
        Ok(())
    }

    /// Puts the row groups that may have rows of the query among the units.
    async fn open_segment(&mut self, access: &Access<'_>, index: usize) -> Result<()> {
        let (row, meta) = self.catalogue.segment(index)?;
        let (row, meta) = (row.clone(), Arc::clone(meta));
        let groups = row_groups(access, &row, &meta, &self.query, self.bounds, self.head).await?;
        for group in groups {
            let Some(bounds) = meta.groups.get(group) else {
                continue;
            };
            self.units.push(Unit {
                min: bounds.min_time,
                max: bounds.max_time,
                what: What::RowGroup(index, group),
            });
        }
        self.sort_units();
        Ok(())
    }

    /// That row group, and those after it that are opened at the same time: none at first, since
    /// most searches want no more.
    fn ahead(&mut self, first: Unit) -> Vec<Unit> {
        let at_once = match self.opened {
            ..AHEAD => 1,
            AHEAD.. => (MOST_AHEAD * places()).min(ALL_AHEAD),
        };
        let mut text = self.text(&first);
        let mut units = vec![first];
        while units.len() < at_once
            && let Some(next) = self.units.last()
            && matches!(next.what, What::RowGroup(..))
        {
            text = text.saturating_add(self.text(next));
            if text > TEXT_AHEAD {
                break;
            }
            units.extend(self.units.pop());
        }
        self.opened += units.len();
        units
    }

    /// Bytes of the raw events that the filter reads of a row group.
    fn text(&self, unit: &Unit) -> u64 {
        let filter = self.query.filter.as_deref();
        let What::RowGroup(segment, group) = unit.what else {
            return 0;
        };
        if !Filter::conditions(filter)
            .iter()
            .any(|condition| condition.columns.contains(Column::Raw))
        {
            return 0;
        }
        let meta = self.catalogue.segment(segment).ok();
        let meta = meta.and_then(|(_, meta)| meta.groups.get(group));
        meta.map_or(0, |meta| meta.text)
    }

    async fn open_row_groups(&mut self, access: &Access<'_>, units: Vec<Unit>) -> Result<()> {
        let opening = units.iter().map(|unit| self.row_group(access, unit));
        let opened = join_all(opening).await;
        for (at, (unit, opened)) in units.into_iter().zip(opened).enumerate() {
            match opened {
                Ok(cursor) => self.cursors.extend(cursor),
                // The search may end before it comes there.
                Err(_) if at > 0 => {
                    self.opened = 0;
                    self.units.push(unit);
                    self.sort_units();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A cursor over the rows of a row group that pass the filter, if there are any.
    async fn row_group(&self, access: &Access<'_>, unit: &Unit) -> Result<Option<Cursor>> {
        let What::RowGroup(segment, group) = unit.what else {
            return Ok(None);
        };
        let (row, meta) = self.catalogue.segment(segment)?;
        let file = access.file(row).await?;
        let bounds = meta
            .groups
            .get(group)
            .ok_or_else(|| LakeError::corrupt("no such row group"))?;
        let wanted = Wanted {
            filter: self.query.filter.as_deref(),
            order: self.query.order,
            bounds: self.bounds,
            after: self.after,
            head: self.head,
            gone: gone(&self.catalogue, segment, group, |key| {
                !self.all && superseded(&self.facts, &self.catalogue, key, self.head)
            })?,
        };
        let cursor = Cursor::file(access, file, group, bounds, &wanted).await?;
        Ok(cursor.filter(|cursor| cursor.row().is_some()))
    }
}

/// Whether a record addressed to the tenant takes the place of those with this key.
pub(crate) fn superseded(
    facts: &JournalFacts,
    catalogue: &CatalogueView,
    key: &[u8; 16],
    head: u64,
) -> bool {
    let by = |seqs: Option<&u64>| seqs.is_some_and(|seq| *seq <= head);
    by(facts.superseding.get(key)) || by(catalogue.superseding.get(key))
}

/// The row groups of a segment file that may have rows of the query.
pub(crate) async fn row_groups(
    access: &Access<'_>,
    row: &cordon_kernel::db::segments::SegmentRow,
    meta: &crate::segment::SegmentMeta,
    query: &Query,
    (low, high): (i64, i64),
    head: u64,
) -> Result<Vec<usize>> {
    let equal = query
        .filter
        .as_ref()
        .map(|filter| filter.pruning.equal.as_slice());
    let equal = equal.unwrap_or_default();
    let index = match equal.is_empty() {
        true => None,
        false => Some(access.index(row).await?),
    };
    let may_have = |group: usize| {
        index.as_ref().is_none_or(|index| {
            equal.iter().all(|(column, values)| {
                values
                    .iter()
                    .any(|value| index.may_have(group, *column, value))
            })
        })
    };
    let groups = meta.groups.iter().enumerate();
    Ok(groups
        .filter(|(group, bounds)| {
            bounds.min_time <= high
                && bounds.max_time >= low
                && bounds.min_seq <= head
                && may_have(*group)
        })
        .map(|(group, _)| group)
        .collect())
}

#[cfg(test)]
impl Walk {
    pub(crate) fn open_cursors(&self) -> usize {
        self.cursors.len()
    }

    pub(crate) fn unopened(&self) -> usize {
        self.units.len()
    }
}
