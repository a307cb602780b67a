//! Counting events by up to three columns. Segment files are counted row group by row group
//! without looking at names, since they repeat nothing; what lies in memory goes through the
//! walker. Decoding runs beside the calls, so that several cores take part.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int32Array, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use cordon_kernel::TenantScope;
use cordon_kernel::db::segments::{SegmentObject, Snapshot};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::beside::UNPACKING;
use crate::catalogue::CatalogueView;
use crate::error::{FilterError, LakeError, Result};
use crate::filter::{Filter, project};
use crate::lake::{Access, Lake};
use crate::row::time_column;
use crate::schema::{Column, Columns};
use crate::search::{Order, Query, Sources, Walk, row_groups, superseded};
use crate::segment::SegmentFile;

/// Most columns to count by.
pub const MAX_COLUMNS: usize = 3;

/// Most distinct combinations.
pub const MAX_GROUPS: usize = 100_000;

/// Segments that are read at the same time.
const AT_ONCE: usize = 3;

const PATIENCE: u32 = 8;

/// What to count.
#[derive(Debug, Clone, Default)]
pub struct CountQuery {
    /// Earliest event time, included, nanoseconds since 1970.
    pub since: Option<i64>,
    /// Latest event time, excluded.
    pub until: Option<i64>,
    /// Condition, compiled for the same tenant.
    pub filter: Option<Arc<Filter>>,
    /// By which columns; none counts all events in one number.
    pub by: Vec<Column>,
}

/// One combination of values and how many events have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// One value per column, as text; `None` is null.
    pub values: Vec<Option<String>>,
    /// Events.
    pub count: u64,
}

/// What was counted.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Most frequent first, then by value.
    pub counts: Vec<Count>,
    /// All events that matched.
    pub total: u64,
    /// What it was counted from: sources and their watermarks.
    pub snapshot: Snapshot,
}

impl Lake {
    /// Counts events.
    ///
    /// # Errors
    /// [`LakeError::Filter`] for a column that can't be counted by, or a filter that fails on
    /// an event; [`LakeError::TooLarge`] beyond [`MAX_GROUPS`].
    pub async fn count(&self, scope: &TenantScope, query: &CountQuery) -> Result<Counts> {
        check(&query.by)?;
        let access = self.access(scope).await?;
        let mut patience = PATIENCE;
        loop {
            let snapshot = self.kernel.db().snapshot(scope).await?;
            match access.count(&snapshot, query).await {
                Err(LakeError::Stale) if patience > 0 => patience -= 1,
                other => {
                    let table = other.map_err(LakeError::lost)?;
                    let total = table.counts.values().sum();
                    return Ok(Counts {
                        counts: table.finish(),
                        total,
                        snapshot,
                    });
                }
            }
        }
    }
}

fn check(by: &[Column]) -> Result<()> {
    let refuse = |message: String| {
        Err(FilterError {
            message,
            line: 0,
            column: 0,
        }
        .into())
    };
    if by.len() > MAX_COLUMNS {
        return refuse(format!(
            "events are counted by at most {MAX_COLUMNS} columns"
        ));
    }
    for (at, column) in by.iter().enumerate() {
        let wide = matches!(
            column,
            Column::Raw
                | Column::Resources
                | Column::Name
                | Column::Seq
                | Column::Time
                | Column::ObservedTime
        );
        if wide || !column.visible() {
            return refuse(format!("events can't be counted by {}", column.name()));
        }
        if by.iter().skip(at + 1).any(|other| other == column) {
            return refuse(format!("{} is given twice", column.name()));
        }
    }
    Ok(())
}

impl Access<'_> {
    async fn count(&self, snapshot: &Snapshot, query: &CountQuery) -> Result<Table> {
        let search = Query {
            since: query.since,
            until: query.until,
            filter: query.filter.clone(),
            order: Order::NewestFirst,
            columns: shown(&query.by),
            ..Query::default()
        };
        let journal = self.journal(snapshot).await?;
        let catalogue = self.catalogue(snapshot)?;
        let mut table = Table::new(&query.by);

        let files: Vec<usize> = catalogue
            .segments()
            .enumerate()
            .filter(|(_, (row, _))| row.object != SegmentObject::Block)
            .map(|(index, _)| index)
            .collect();
        let gave_way = |key: &[u8; 16]| superseded(&journal.facts, &catalogue, key, u64::MAX);
        let parts = futures::stream::iter(files)
            .map(|index| self.count_file(&catalogue, index, &search, &query.by, &gave_way))
            .buffer_unordered(AT_ONCE);
        let mut parts = std::pin::pin!(parts);
        while let Some(part) = parts.try_next().await? {
            table.merge(part)?;
        }

        let mut walk = Walk::begin(
            self,
            snapshot,
            &search,
            None,
            snapshot.head,
            Sources::Memory,
        )
        .await?;
        while let Some((batch, _)) = walk.next(self, u64::MAX).await? {
            table.add(&batch, None)?;
        }
        Ok(table)
    }

    async fn count_file(
        &self,
        catalogue: &Arc<CatalogueView>,
        index: usize,
        search: &Query,
        by: &[Column],
        gave_way: &impl Fn(&[u8; 16]) -> bool,
    ) -> Result<Table> {
        let (row, meta) = catalogue.segment(index)?;
        let (low, high) = search.bounds(None);
        let mut table = Table::new(by);
        if row.min_time > high || row.max_time < low {
            return Ok(table);
        }
        let groups = row_groups(self, row, meta, search, (low, high), u64::MAX).await?;
        if groups.is_empty() {
            return Ok(table);
        }
        let inside = row.min_time >= low && row.max_time <= high;
        if by.is_empty() && search.filter.is_none() && inside && meta.yielding.is_empty() {
            let rows = meta.groups.iter().map(|group| u64::from(group.rows)).sum();
            table.counts.insert([0; MAX_COLUMNS], rows);
            return Ok(table);
        }
        let mut columns = shown(by);
        if !inside {
            columns = columns.with(Column::Time);
        }
        for condition in search
            .filter
            .iter()
            .flat_map(|filter| [&filter.narrow, &filter.wide])
            .flatten()
        {
            columns = columns.union(condition.columns);
        }
        let mut gone: HashMap<u32, Vec<u32>> = HashMap::new();
        for (group, row, key) in &meta.yielding {
            if gave_way(key) {
                gone.entry(*group).or_default().push(*row);
            }
        }
        let file = self.file(row).await?;
        let parts = file
            .fetch(&self.lake.objects, self.scope, &groups, columns)
            .await?;
        let filter = search.filter.clone();
        let conditions = Filter::conditions(filter.as_deref());
        let often: usize = conditions.iter().map(|condition| condition.parts).sum();
        // Group by group, so that others come in between.
        for (group, part) in groups.iter().zip(parts) {
            let bytes = part.bytes().saturating_mul(UNPACKING * (1 + often));
            let gone = u32::try_from(*group)
                .ok()
                .and_then(|group| gone.remove(&group));
            let (filter, shown) = (filter.clone(), shown(by));
            let count = move || {
                let batch = SegmentFile::decode(part)?;
                let hits = hits(
                    &batch,
                    filter.as_deref(),
                    gone.as_ref(),
                    (low, high),
                    inside,
                )?;
                table.add(&project(&batch, shown)?, hits.as_ref())?;
                Ok(table)
            };
            table = self.beside(bytes, count).await?;
        }
        Ok(table)
    }
}

/// The columns to read; one at least, for something must say how many rows there are.
fn shown(by: &[Column]) -> Columns {
    match by {
        [] => Columns::of(&[Column::Shared]),
        by => Columns::of(by),
    }
}

/// Which rows count; `None` if all do.
fn hits(
    batch: &RecordBatch,
    filter: Option<&Filter>,
    gone: Option<&Vec<u32>>,
    (low, high): (i64, i64),
    inside: bool,
) -> Result<Option<BooleanArray>> {
    let mut hits: Option<BooleanArray> = None;
    let mut narrow = |with: BooleanArray| -> Result<()> {
        hits = Some(match hits.take() {
            None => with,
            Some(hits) => arrow::compute::and(&hits, &with)?,
        });
        Ok(())
    };
    if !inside {
        let times = time_column(batch)?.values();
        narrow(
            times
                .iter()
                .map(|time| Some((low..=high).contains(time)))
                .collect(),
        )?;
    }
    if let Some(gone) = gone {
        let rows = 0..batch.num_rows() as u32;
        narrow(rows.map(|row| Some(!gone.contains(&row))).collect())?;
    }
    for condition in filter
        .iter()
        .flat_map(|filter| [&filter.narrow, &filter.wide])
        .flatten()
    {
        narrow(condition.evaluate_within(batch)?)?;
    }
    Ok(hits)
}

/// Counts by combinations of numbered values.
struct Table {
    by: Vec<Column>,
    /// Per column the values, and their numbers; 0 is null.
    values: Vec<(Vec<String>, HashMap<String, u32>)>,
    counts: HashMap<[u32; MAX_COLUMNS], u64>,
}

impl Table {
    fn new(by: &[Column]) -> Self {
        Self {
            by: by.to_vec(),
            values: by.iter().map(|_| (Vec::new(), HashMap::new())).collect(),
            counts: HashMap::new(),
        }
    }

    /// Counts in the rows of a batch that has the columns.
    fn add(&mut self, batch: &RecordBatch, hits: Option<&BooleanArray>) -> Result<()> {
        let batch = match hits {
            Some(hits) => &filter_record_batch(batch, hits)?,
            None => batch,
        };
        let mut numbered = Vec::with_capacity(self.by.len());
        for (column, values) in self.by.iter().zip(&mut self.values) {
            numbered.push(number(batch, *column, values)?);
        }
        match numbered.as_slice() {
            [] => *self.counts.entry([0; MAX_COLUMNS]).or_default() += batch.num_rows() as u64,
            [(keys, numbers)] => {
                let mut counts = vec![0_u64; numbers.len()];
                for row in 0..keys.len() {
                    if let Some(count) = counts.get_mut(slot(keys, numbers.len() - 1, row)) {
                        *count += 1;
                    }
                }
                for (number, count) in numbers.iter().zip(counts).filter(|(_, count)| *count > 0) {
                    *self.counts.entry([*number, 0, 0]).or_default() += count;
                }
            }
            several => {
                for row in 0..batch.num_rows() {
                    let mut key = [0; MAX_COLUMNS];
                    for (part, (keys, numbers)) in key.iter_mut().zip(several) {
                        *part = numbers
                            .get(slot(keys, numbers.len() - 1, row))
                            .copied()
                            .unwrap_or(0);
                    }
                    *self.counts.entry(key).or_default() += 1;
                }
            }
        }
        self.bounded()
    }

    fn bounded(&self) -> Result<()> {
        if self.counts.len() > MAX_GROUPS {
            return Err(LakeError::TooLarge(
                "more than 100,000 different combinations; count by fewer columns or filter",
            ));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        let mut renumbered = Vec::with_capacity(self.by.len());
        for ((values, _), own) in other.values.into_iter().zip(&mut self.values) {
            let numbers = values.into_iter().map(|value| number_of(own, value));
            renumbered.push([0].into_iter().chain(numbers).collect::<Vec<u32>>());
        }
        for (key, count) in other.counts {
            let mut own = [0; MAX_COLUMNS];
            for ((own, number), numbers) in own.iter_mut().zip(key).zip(&renumbered) {
                *own = numbers.get(number as usize).copied().unwrap_or(0);
            }
            *self.counts.entry(own).or_default() += count;
        }
        self.bounded()
    }

    fn finish(self) -> Vec<Count> {
        let columns = self.by.len();
        let mut counts: Vec<Count> = self
            .counts
            .into_iter()
            .map(|(key, count)| Count {
                values: key
                    .iter()
                    .zip(&self.values)
                    .take(columns)
                    .map(|(number, (values, _))| {
                        let index = (*number as usize).checked_sub(1)?;
                        values.get(index).cloned()
                    })
                    .collect(),
                count,
            })
            .collect();
        counts.sort_unstable_by(|left, right| {
            right
                .count
                .cmp(&left.count)
                .then_with(|| left.values.cmp(&right.values))
        });
        counts
    }
}

fn number_of((values, numbers): &mut (Vec<String>, HashMap<String, u32>), value: String) -> u32 {
    if let Some(number) = numbers.get(&value) {
        return *number;
    }
    values.push(value.clone());
    let number = u32::try_from(values.len()).unwrap_or(u32::MAX);
    numbers.insert(value, number);
    number
}

/// The column's keys in the batch, and the number of each key; the last is that of null.
fn number(
    batch: &RecordBatch,
    column: Column,
    values: &mut (Vec<String>, HashMap<String, u32>),
) -> Result<(Int32Array, Vec<u32>)> {
    let missing = || LakeError::corrupt(format!("a batch without column {}", column.name()));
    let array = batch.column_by_name(column.name()).ok_or_else(missing)?;
    let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let array = match array.data_type() {
        DataType::Dictionary(..) => Arc::clone(array),
        DataType::Utf8 => cast(array, &words)?,
        _ => cast(&cast(array, &DataType::Utf8)?, &words)?,
    };
    let array = array.as_dictionary_opt::<Int32Type>().ok_or_else(missing)?;
    let texts = array.values().as_string_opt::<i32>().ok_or_else(missing)?;
    let keys = array.keys().clone();
    // Values that no row has any more must not take a number.
    let mut used = vec![false; texts.len()];
    for key in keys.iter().flatten() {
        if let Some(used) = usize::try_from(key).ok().and_then(|key| used.get_mut(key)) {
            *used = true;
        }
    }
    let mut numbers: Vec<u32> = used
        .iter()
        .enumerate()
        .map(|(key, used)| match used {
            true => number_of(values, texts.value(key).to_owned()),
            false => 0,
        })
        .collect();
    numbers.push(0);
    Ok((keys, numbers))
}

/// Where a row's count belongs: its key, or behind the last one for null.
fn slot(keys: &Int32Array, null: usize, row: usize) -> usize {
    match keys.is_valid(row) {
        true => usize::try_from(keys.value(row)).unwrap_or(null),
        false => null,
    }
}
