//! Cursors: rows of one opened unit that are still to come.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, FixedSizeBinaryArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::ScalarBuffer;
use parquet::arrow::arrow_reader::RowSelection;

use super::{Order, Position};
use crate::error::Result;
use crate::filter::{Condition, Filter};
use crate::lake::Access;
use crate::row::{name_at, name_column, seq_column, time_column};
use crate::run::Run;
use crate::schema::{Column, Columns};
use crate::segment::{GroupMeta, SegmentFile};

/// Rows of a unit in the order of the store (newest first), of which a walk that goes the
/// other way begins with the last.
pub(super) struct Cursor {
    pub(super) source: Source,
    times: ScalarBuffer<i64>,
    names: FixedSizeBinaryArray,
    order: Order,
    taken: usize,
    /// Bytes of an average raw event.
    pub(super) text: usize,
}

pub(super) enum Source {
    Memory(Memory),
    File {
        file: Arc<SegmentFile>,
        group: usize,
        /// Which rows of the row group these are.
        rows: Vec<u32>,
    },
}

pub(super) struct Memory {
    pub(super) run: Arc<Run>,
    /// The run's row that is the cursor's first.
    pub(super) start: usize,
    pub(super) seqs: ScalarBuffer<i64>,
    /// Whether the filter holds. Rows of which it does not are walked over all the same: they
    /// decide which of several repetitions is the event.
    pub(super) pass: BooleanArray,
    pub(super) yielding: HashMap<u32, [u8; 16]>,
    pub(super) invalid: bool,
    /// It is a segment's: nothing in it repeats what came before.
    pub(super) sealed: bool,
}

impl Cursor {
    fn len(&self) -> usize {
        self.times.len()
    }

    /// The row that comes next.
    pub(super) fn row(&self) -> Option<usize> {
        let ahead = self.len().checked_sub(self.taken + 1)?;
        Some(match self.order {
            Order::NewestFirst => self.taken,
            Order::OldestFirst => ahead,
        })
    }

    /// Its place.
    pub(super) fn head(&self) -> Option<Position> {
        let row = self.row()?;
        Some(Position {
            time_ns: self.times.get(row).copied()?,
            name: name_at(&self.names, row),
        })
    }

    pub(super) fn advance(&mut self) {
        self.taken += 1;
    }

    fn skip_to(&mut self, after: Option<Position>) {
        let Some(after) = after else { return };
        while self
            .head()
            .is_some_and(|head| self.order.compare(head, after) != std::cmp::Ordering::Greater)
        {
            self.advance();
        }
    }

    /// A cursor over a run's rows within the bounds.
    pub(super) async fn memory(
        access: &Access<'_>,
        run: &Arc<Run>,
        sealed: bool,
        filter: Option<&Filter>,
        order: Order,
        (low, high): (i64, i64),
        after: Option<Position>,
    ) -> Result<Self> {
        let times = time_column(&run.batch)?.values();
        let start = times.partition_point(|time| *time > high);
        let end = times.partition_point(|time| *time >= low).max(start);
        let rows = run.batch.slice(start, end - start);
        let pass = access
            .fulfilling(rows.clone(), Filter::conditions(filter))
            .await?;
        let mut cursor = Self {
            times: time_column(&rows)?.values().clone(),
            names: name_column(&rows)?.clone(),
            order,
            taken: 0,
            text: run.text / run.batch.num_rows().max(1),
            source: Source::Memory(Memory {
                seqs: seq_column(&rows)?.values().clone(),
                run: Arc::clone(run),
                start,
                pass,
                yielding: run.yielding.iter().copied().collect(),
                invalid: !run.invalid.is_empty(),
                sealed,
            }),
        };
        cursor.skip_to(after);
        Ok(cursor)
    }

    /// A cursor over the rows of a row group that pass the filter, or none.
    pub(super) async fn file(
        access: &Access<'_>,
        file: Arc<SegmentFile>,
        group: usize,
        meta: &GroupMeta,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Self>> {
        let Some(rows) = matching(access, &file, group, meta, wanted).await? else {
            return Ok(None);
        };
        let (rows, times, names) = rows;
        let mut cursor = Self {
            source: Source::File { file, group, rows },
            times,
            names,
            order: wanted.order,
            taken: 0,
            text: usize::try_from(meta.text).unwrap_or(usize::MAX) / (meta.rows as usize).max(1),
        };
        cursor.skip_to(wanted.after);
        Ok(Some(cursor))
    }
}

/// What is wanted of a row group.
pub(super) struct Wanted<'a> {
    pub(super) filter: Option<&'a Filter>,
    pub(super) order: Order,
    pub(super) bounds: (i64, i64),
    pub(super) after: Option<Position>,
    pub(super) head: u64,
    /// Rows that gave way to others.
    pub(super) gone: Vec<u32>,
}

type Matching = (Vec<u32>, ScalarBuffer<i64>, FixedSizeBinaryArray);

async fn matching(
    access: &Access<'_>,
    file: &Arc<SegmentFile>,
    group: usize,
    meta: &GroupMeta,
    wanted: &Wanted<'_>,
) -> Result<Option<Matching>> {
    let mut rows: Vec<u32> = (0..meta.rows).collect();
    if let Some(filter) = wanted.filter {
        for condition in [&filter.narrow, &filter.wide].into_iter().flatten() {
            let hits = evaluate(access, file, group, meta, condition, &rows).await?;
            rows = keep(&rows, &hits);
            if rows.is_empty() {
                return Ok(None);
            }
        }
    }
    let mut columns = Columns::of(&[Column::Time, Column::Name]);
    if meta.max_seq > wanted.head {
        columns = columns.with(Column::Seq);
    }
    let keys = read(access, file, group, meta, columns, &rows).await?;
    let (low, high) = wanted.bounds;
    let times = time_column(&keys)?.values();
    let inside = meta.min_time >= low && meta.max_time <= high;
    if inside && wanted.gone.is_empty() && meta.max_seq <= wanted.head {
        let names = name_column(&keys)?.clone();
        return Ok(Some((rows, times.clone(), names)));
    }
    let seqs = match meta.max_seq > wanted.head {
        true => Some(seq_column(&keys)?.values()),
        false => None,
    };
    let hits: BooleanArray = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let time = times.get(at).copied().unwrap_or(0);
            let seq = seqs
                .and_then(|seqs| seqs.get(at))
                .map_or(0, |seq| seq.cast_unsigned());
            let gone = wanted.gone.binary_search(row).is_ok();
            Some((low..=high).contains(&time) && seq <= wanted.head && !gone)
        })
        .collect();
    let rows = keep(&rows, &hits);
    if rows.is_empty() {
        return Ok(None);
    }
    let keys = arrow::compute::filter_record_batch(&keys, &hits)?;
    let times = time_column(&keys)?.values().clone();
    let names = name_column(&keys)?.clone();
    Ok(Some((rows, times, names)))
}

/// Which of the rows fulfil a condition.
pub(crate) async fn evaluate(
    access: &Access<'_>,
    file: &Arc<SegmentFile>,
    group: usize,
    meta: &GroupMeta,
    condition: &Condition,
    rows: &[u32],
) -> Result<BooleanArray> {
    if condition.columns.is_empty() {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch =
            RecordBatch::try_new_with_options(condition.columns.schema(), Vec::new(), &options)?;
        return condition.evaluate(&batch);
    }
    let (columns, often) = (condition.columns, condition.parts);
    let selected = selected(rows, meta);
    let condition = condition.clone();
    let evaluate = move |batch: RecordBatch| condition.evaluate(&batch);
    file.read_for(access, group, columns, selected, often, evaluate)
        .await
}

/// These rows of a row group.
pub(crate) async fn read(
    access: &Access<'_>,
    file: &Arc<SegmentFile>,
    group: usize,
    meta: &GroupMeta,
    columns: Columns,
    rows: &[u32],
) -> Result<RecordBatch> {
    file.read(access, group, columns, selected(rows, meta))
        .await
}

/// None for all rows.
fn selected(rows: &[u32], meta: &GroupMeta) -> Option<RowSelection> {
    (rows.len() < meta.rows as usize).then(|| selection(rows, meta.rows))
}

pub(crate) fn keep(rows: &[u32], hits: &BooleanArray) -> Vec<u32> {
    let hits = hits.values().set_indices();
    hits.filter_map(|at| rows.get(at).copied()).collect()
}

/// Ascending rows as a selection.
fn selection(rows: &[u32], of: u32) -> RowSelection {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for row in rows {
        let row = *row as usize;
        match ranges.last_mut() {
            Some(range) if range.end == row => range.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    RowSelection::from_consecutive_ranges(ranges.into_iter(), of as usize)
}
