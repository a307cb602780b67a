//! Reading by sequence number: what tail and the watchers of rules do. A cursor is the last
//! sequence number seen; each reading covers the next few thousand and says where to go on, so
//! that nothing is missed and nothing is kept between readings.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use cordon_kernel::db::segments::{SegmentObject, Snapshot};
use cordon_kernel::{Error, Reason, TenantScope};

use crate::catalogue::CatalogueView;
use crate::error::{LakeError, Result};
use crate::filter::{Filter, project};
use crate::journal::JournalView;
use crate::lake::{Access, Lake};
use crate::row::{name_at, name_column, seq_column, time_column};
use crate::run::Run;
use crate::schema::{Column, Columns};
use crate::search::{Probe, contains, evaluate, keep, read, superseded};

/// Sequence numbers that one reading covers.
const WINDOW: u64 = 4_096;

/// How often a reading starts over because the catalogue changed.
const PATIENCE: u32 = 8;

/// What one reading found.
#[derive(Debug)]
pub struct TailPage {
    /// Events in the order of their sequence numbers; none if none matched.
    pub batch: Option<RecordBatch>,
    /// The cursor to go on from. Equal to `head` when there is nothing more now.
    pub next: u64,
    /// The tenant's newest sequence number.
    pub head: u64,
}

impl Lake {
    /// Events with sequence numbers above `after` that match the filter, in their order, with
    /// these columns and the sequence number.
    ///
    /// # Errors
    /// `CURSOR_EXPIRED` (with `oldest_cursor` in the metadata) when `after` is past retention;
    /// [`LakeError::Filter`] when the filter fails on an event.
    pub async fn tail(
        &self,
        scope: &TenantScope,
        after: u64,
        filter: Option<&Filter>,
        columns: Columns,
    ) -> Result<TailPage> {
        let access = self.access(scope).await?;
        let mut patience = PATIENCE;
        loop {
            let snapshot = self.kernel.db().snapshot(scope).await?;
            match access.tail(&snapshot, after, filter, columns).await {
                Err(LakeError::Stale) if patience > 0 => patience -= 1,
                other => return other.map_err(LakeError::lost),
            }
        }
    }
}

impl Access<'_> {
    async fn tail(
        &self,
        snapshot: &Snapshot,
        after: u64,
        filter: Option<&Filter>,
        columns: Columns,
    ) -> Result<TailPage> {
        if after < snapshot.oldest_seq {
            let error = Error::new(
                Reason::CursorExpired,
                "the cursor is older than what is kept",
            )
            .with_metadata("oldest_cursor", snapshot.oldest_seq.to_string());
            return Err(error.into());
        }
        let head = snapshot.head;
        if after >= head {
            return Ok(TailPage {
                batch: None,
                next: after.max(head),
                head,
            });
        }
        let end = after.saturating_add(WINDOW).min(head);
        let window = after + 1..=end;
        let columns = columns.with(Column::Seq);
        let journal = self.journal(snapshot).await?;
        let catalogue = self.catalogue(snapshot)?;
        let reading = Reading {
            access: self,
            journal,
            catalogue,
            filter,
            columns,
            window,
        };
        let mut found = Vec::new();
        reading.segments(&mut found).await?;
        reading.groups(&mut found).await?;
        let batch = concat_batches(&columns.schema(), &found)?;
        let batch = match batch.num_rows() {
            0 => None,
            _ => Some(by_seq(&batch)?),
        };
        Ok(TailPage {
            batch,
            next: end,
            head,
        })
    }
}

fn by_seq(batch: &RecordBatch) -> Result<RecordBatch> {
    let seqs = seq_column(batch)?.values();
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_unstable_by_key(|row| seqs.get(*row as usize).copied());
    Ok(take_record_batch(batch, &UInt32Array::from(order))?)
}

struct Reading<'a> {
    access: &'a Access<'a>,
    journal: JournalView,
    catalogue: Arc<CatalogueView>,
    filter: Option<&'a Filter>,
    columns: Columns,
    window: RangeInclusive<u64>,
}

impl Reading<'_> {
    fn inside(&self, first: u64, last: u64) -> bool {
        first <= *self.window.end() && last >= *self.window.start()
    }

    fn gave_way(&self, key: &[u8; 16]) -> bool {
        superseded(&self.journal.facts, &self.catalogue, key, u64::MAX)
    }

    async fn segments(&self, found: &mut Vec<RecordBatch>) -> Result<()> {
        for index in 0..self.catalogue.len() {
            let (row, meta) = self.catalogue.segment(index)?;
            if !self.inside(row.first_seq, row.last_seq) {
                continue;
            }
            if row.object == SegmentObject::Block {
                let run = self.access.block_segment(row).await?;
                let chosen = self.choose(&run)?;
                self.take(&run, &chosen, found)?;
                continue;
            }
            for (group, bounds) in meta.groups.iter().enumerate() {
                if self.inside(bounds.min_seq, bounds.max_seq) {
                    self.row_group(index, group, found).await?;
                }
            }
        }
        Ok(())
    }

    async fn row_group(
        &self,
        segment: usize,
        group: usize,
        found: &mut Vec<RecordBatch>,
    ) -> Result<()> {
        let (row, meta) = self.catalogue.segment(segment)?;
        let file = self.access.file(row).await?;
        let bounds = meta
            .groups
            .get(group)
            .ok_or_else(|| LakeError::corrupt("no such row group"))?;
        let all: Vec<u32> = (0..bounds.rows).collect();
        let seqs = read(
            self.access,
            &file,
            group,
            bounds,
            Columns::of(&[Column::Seq]),
            &all,
        )
        .await?;
        let seqs = seq_column(&seqs)?.values();
        let gone: HashSet<u32> = meta
            .yielding
            .iter()
            .filter(|(at, _, key)| *at as usize == group && self.gave_way(key))
            .map(|(_, row, _)| *row)
            .collect();
        let mut rows: Vec<u32> = all
            .iter()
            .zip(seqs)
            .filter(|(row, seq)| self.window.contains(&seq.cast_unsigned()) && !gone.contains(row))
            .map(|(row, _)| *row)
            .collect();
        for condition in self.conditions() {
            if rows.is_empty() {
                return Ok(());
            }
            let hits = evaluate(self.access, &file, group, bounds, condition, &rows).await?;
            rows = keep(&rows, &hits);
        }
        if !rows.is_empty() {
            found.push(read(self.access, &file, group, bounds, self.columns, &rows).await?);
        }
        Ok(())
    }

    fn conditions(&self) -> impl Iterator<Item = &crate::filter::Condition> {
        self.filter
            .into_iter()
            .flat_map(|filter| [&filter.narrow, &filter.wide])
            .flatten()
    }

    /// The rows of a run that are in the window, have not given way and pass the filter.
    fn choose(&self, run: &Run) -> Result<Vec<u32>> {
        let seqs = seq_column(&run.batch)?.values();
        let gone: HashSet<u32> = run
            .yielding
            .iter()
            .filter(|(_, key)| self.gave_way(key))
            .map(|(row, _)| *row)
            .collect();
        let inside: BooleanArray = (0_u32..)
            .zip(seqs)
            .map(|(row, seq)| {
                Some(self.window.contains(&seq.cast_unsigned()) && !gone.contains(&row))
            })
            .collect();
        let mut rows: Vec<u32> = (0..run.batch.num_rows() as u32).collect();
        rows = keep(&rows, &inside);
        let mut batch = filter_record_batch(&run.batch, &inside)?;
        for condition in self.conditions() {
            let hits = condition.evaluate_within(&batch)?;
            rows = keep(&rows, &hits);
            batch = filter_record_batch(&batch, &hits)?;
        }
        Ok(rows)
    }

    fn take(&self, run: &Run, rows: &[u32], found: &mut Vec<RecordBatch>) -> Result<()> {
        if !rows.is_empty() {
            let batch = project(&run.batch, self.columns)?;
            let rows = UInt32Array::from_iter_values(rows.iter().copied());
            found.push(take_record_batch(&batch, &rows)?);
        }
        Ok(())
    }

    async fn groups(&self, found: &mut Vec<RecordBatch>) -> Result<()> {
        let mut probe = Probe::new(&self.catalogue);
        for group in &self.journal.groups {
            if !self.inside(group.first_seq, group.last_seq) {
                continue;
            }
            let run = self.access.run(group).await?;
            let mut rows = Vec::new();
            for row in self.choose(&run)? {
                if self.is_first(&run, row as usize, &mut probe).await? {
                    rows.push(row);
                }
            }
            self.take(&run, &rows, found)?;
        }
        Ok(())
    }

    /// Whether no row with a lower sequence number is the same event. (Within the run none
    /// is, so only earlier groups and segments are asked.)
    async fn is_first(&self, run: &Run, row: usize, probe: &mut Probe) -> Result<bool> {
        let time = time_column(&run.batch)?.value(row);
        let name = name_at(name_column(&run.batch)?, row);
        let seq = seq_column(&run.batch)?.value(row).cast_unsigned();
        if run.invalid.iter().any(|(at, _)| *at as usize == row) {
            let lowest = self
                .journal
                .facts
                .invalid
                .get(&name)
                .copied()
                .unwrap_or(seq);
            return Ok(lowest == seq && !self.catalogue.invalid.contains(&name));
        }
        for group in &self.journal.groups {
            if group.first_seq >= seq {
                break;
            }
            if !(group.min_time..=group.max_time).contains(&time) || group.last_seq >= seq {
                continue;
            }
            let earlier = self.access.run(group).await?;
            if contains(
                time_column(&earlier.batch)?.values(),
                name_column(&earlier.batch)?,
                time,
                &name,
            ) {
                return Ok(false);
            }
        }
        for (row, _) in self.catalogue.segments() {
            if row.object == SegmentObject::Block && (row.min_time..=row.max_time).contains(&time) {
                let sealed = self.access.block_segment(row).await?;
                if contains(
                    time_column(&sealed.batch)?.values(),
                    name_column(&sealed.batch)?,
                    time,
                    &name,
                ) {
                    return Ok(false);
                }
            }
        }
        Ok(!probe.has(self.access, time, &name).await?)
    }
}
