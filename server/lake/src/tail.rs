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
use crate::filter::{Condition, Filter, project};
use crate::journal::JournalView;
use crate::lake::{Access, Lake};
use crate::row::{seq_column, time_column};
use crate::run::{Keys, Run};
use crate::schema::{Column, Columns};
use crate::search::{Probe, evaluate, keep, read, superseded};

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
            conditions: Filter::conditions(filter),
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
    conditions: Vec<Condition>,
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
                let chosen = self.choose(&run).await?;
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
        for condition in &self.conditions {
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

    /// The rows of a run that are in the window, have not given way and pass the filter.
    async fn choose(&self, run: &Run) -> Result<Vec<u32>> {
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
        let rows: Vec<u32> = (0..run.batch.num_rows() as u32).collect();
        let rows = keep(&rows, &inside);
        if self.conditions.is_empty() {
            return Ok(rows);
        }
        let batch = filter_record_batch(&run.batch, &inside)?;
        let conditions = self.conditions.clone();
        let hits = self.access.fulfilling(batch, conditions).await?;
        Ok(keep(&rows, &hits))
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
        let mut open = Vec::new();
        for (at, group) in self.journal.groups.iter().enumerate() {
            if self.inside(group.first_seq, group.last_seq) {
                let run = self.access.run(group).await?;
                let rows = self.choose(&run).await?;
                let timeless = run.invalid.iter().map(|(row, _)| *row).collect();
                open.push(Chosen {
                    at,
                    run,
                    rows,
                    timeless,
                });
            }
        }
        self.drop_repetitions(&mut open).await?;
        for Chosen { run, rows, .. } in &open {
            self.take(run, rows, found)?;
        }
        Ok(())
    }

    /// Keeps the rows that no row with a lower sequence number is the same event as. (Within a
    /// run none is.) What lies earlier is opened once for all rows, not once for each.
    async fn drop_repetitions(&self, open: &mut [Chosen]) -> Result<()> {
        for chosen in &mut *open {
            self.drop_timeless(chosen)?;
        }
        for (at, group) in self.journal.groups.iter().enumerate() {
            let later = |chosen: &Chosen| {
                chosen.at > at && chosen.any_within(group.min_time, group.max_time)
            };
            if open.iter().any(later) {
                let earlier = self.access.run_keys(group).await?;
                for chosen in open.iter_mut().filter(|chosen| chosen.at > at) {
                    chosen.drop_those_in(&earlier)?;
                }
            }
        }
        for (row, _) in self.catalogue.segments() {
            let near = |chosen: &Chosen| chosen.any_within(row.min_time, row.max_time);
            if row.object == SegmentObject::Block && open.iter().any(near) {
                let sealed = Keys::of(&self.access.block_segment(row).await?.batch)?;
                for chosen in &mut *open {
                    chosen.drop_those_in(&sealed)?;
                }
            }
        }
        let mut probe = Probe::new(&self.catalogue);
        for chosen in open {
            let keys = Keys::of(&chosen.run.batch)?;
            let mut kept = Vec::with_capacity(chosen.rows.len());
            for row in &chosen.rows {
                let (time, name) = keys.at(*row);
                if chosen.timeless.contains(row) || !probe.has(self.access, time, &name).await? {
                    kept.push(*row);
                }
            }
            chosen.rows = kept;
        }
        Ok(())
    }

    /// Rows without a valid time are known by name alone.
    fn drop_timeless(&self, chosen: &mut Chosen) -> Result<()> {
        let seqs = seq_column(&chosen.run.batch)?.values();
        let mut gone = HashSet::new();
        for (row, name) in &chosen.run.invalid {
            let seq = seqs.get(*row as usize).map(|seq| seq.cast_unsigned());
            let lowest = self.journal.facts.invalid.get(name).copied().or(seq);
            if lowest != seq || self.catalogue.invalid.contains(name) {
                gone.insert(*row);
            }
        }
        chosen.rows.retain(|row| !gone.contains(row));
        Ok(())
    }
}

/// Rows of a group of unsealed blocks that the filter let through.
struct Chosen {
    /// Which of the journal's groups it is.
    at: usize,
    run: Arc<Run>,
    rows: Vec<u32>,
    /// Rows of the run without a valid time.
    timeless: HashSet<u32>,
}

impl Chosen {
    /// Whether rows are left whose time may be between the two.
    fn any_within(&self, min: i64, max: i64) -> bool {
        // Newest first.
        let Ok(times) = time_column(&self.run.batch) else {
            return true;
        };
        let time = |row: Option<&u32>| row.and_then(|row| times.values().get(*row as usize));
        match (time(self.rows.first()), time(self.rows.last())) {
            (Some(newest), Some(oldest)) => *oldest <= max && *newest >= min,
            _ => false,
        }
    }

    fn drop_those_in(&mut self, earlier: &Keys) -> Result<()> {
        let own = Keys::of(&self.run.batch)?;
        let timeless = &self.timeless;
        self.rows.retain(|row| {
            let (time, name) = own.at(*row);
            timeless.contains(row) || !earlier.contains(time, &name)
        });
        Ok(())
    }
}
