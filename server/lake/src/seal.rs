//! Sealing: unsealed blocks of the journal → segments.
//!
//! One step seals blocks of one stored day, up to a bounded size, and commits. Its order is
//! what makes it safe to be killed at any moment: the object is written and durable first, then
//! one transaction puts the segment into the catalogue, takes out what it replaces and drops
//! the blocks' payloads. An object without a catalogue row is an orphan that
//! [`Lake::sweep`](crate::Lake::sweep) removes.
//!
//! Repetitions end here: among the rows themselves, and of rows that a segment has already.
//! So do records that give way to one addressed to the tenant. What is left of few rows goes into
//! a block in the database rather than a file; the day's earlier blocks come along once there are
//! many, or enough rows for a file.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use bytes::Bytes;
use cordon_kernel::TenantScope;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::db::segments::{NewSegment, SegmentCommit, SegmentObject, SegmentRow, Snapshot};
use cordon_kernel::db::{BlockMeta, nanos};

use crate::block::{BlockDecoder, BlockEncoder};
use crate::catalogue::CatalogueView;
use crate::conflict::mark_conflicts;
use crate::error::{LakeError, Result};
use crate::facts::RowFacts;
use crate::journal::{context, portions};
use crate::lake::{Access, Lake};
use crate::object::Objects;
use crate::row::{name_at, name_column, raw_bytes, seq_column, time_column};
use crate::run::{Keys, order};
use crate::schema::schema;
use crate::search::{Probe, superseded};
use crate::segment::{FORMAT, GROUP_ROWS, GroupMeta, SegmentMeta, SegmentWriter, WrittenSegment};

/// Fewer rows of a day become a block in the database rather than a file.
pub const FILE_ROWS: usize = 4_096;

/// So many blocks of a day become one: a row is written again for each eightfold, not for each
/// sealing.
const SMALL_SEGMENTS: usize = 8;

/// So many bytes of raw events become a file however few rows they are.
const FILE_TEXT: usize = 16 << 20;

/// Most rows and bytes that one step holds in memory.
const STEP_ROWS: u64 = 32_768;
const STEP_BYTES: usize = 48 << 20;

/// Packed bytes from which a step counts as much: only one such is done at a time.
const HEAVY_BYTES: u64 = 1 << 20;

const DAY: i64 = 86_400 * 1_000_000_000;

/// What to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealMode {
    /// What is due: all when it is much, otherwise the days that are over.
    Due,
    /// All there is.
    All,
}

/// What sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Rows that are in segments now.
    pub rows: u64,
    /// Rows that were dropped, as repetitions or because others took their place.
    pub dropped: u64,
    /// Files written.
    pub files: u64,
    /// Blocks written into the database.
    pub blocks: u64,
}

/// The stored day of a time in nanoseconds.
pub(crate) fn day_of(ns: i64) -> i32 {
    i32::try_from(ns.div_euclid(DAY)).unwrap_or(i32::MAX)
}

impl Lake {
    /// Seals a tenant's journal. Under a job's claim the commit fails once another has claimed
    /// the job.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim lapsed or the catalogue changed meanwhile; what was
    /// committed before stays. Otherwise the store's.
    pub async fn seal(
        &self,
        scope: &TenantScope,
        claim: Option<&JobClaim>,
        mode: SealMode,
    ) -> Result<Sealed> {
        let access = self.access(scope).await?;
        let mut sealed = Sealed::default();
        let mut all = mode == SealMode::All;
        loop {
            let snapshot = self.kernel.db().snapshot(scope).await?;
            let unsealed = snapshot.head - snapshot.sealed_seq;
            // Once begun because there was much, it goes on to the end.
            let blocks = snapshot.unsealed.len() as u64;
            all |= self.kernel.db().seal_policy().is_much(unsealed, blocks);
            let today = day_of(nanos(self.kernel.env().now()));
            let due = snapshot
                .unsealed
                .partition_point(|block| all || day_of(block.stored_time) < today);
            let due = snapshot.unsealed.get(..due).unwrap_or_default();
            let Some(first) = due.first() else {
                return Ok(sealed);
            };
            let day = day_of(first.stored_time);
            let same_day = due.partition_point(|block| day_of(block.stored_time) == day);
            let same_day = due.get(..same_day).unwrap_or_default();
            let step = access.seal_step(&snapshot, same_day, day, claim).await?;
            sealed.rows += step.rows;
            sealed.dropped += step.dropped;
            sealed.files += step.files;
            sealed.blocks += step.blocks;
        }
    }
}

/// Blocks decoded for one step.
struct Portion {
    batch: RecordBatch,
    first_seq: u64,
    last_seq: u64,
}

impl Access<'_> {
    async fn seal_step(
        &self,
        snapshot: &Snapshot,
        due: &[BlockMeta],
        day: i32,
        claim: Option<&JobClaim>,
    ) -> Result<Sealed> {
        let bytes: u64 = due.iter().map(|block| block.bytes).sum();
        let _heavy = match bytes >= HEAVY_BYTES {
            true => self.lake.heavy().await,
            false => None,
        };
        let portion = self.portion(due).await?;
        let before = portion.batch.num_rows();
        let catalogue = self.catalogue(snapshot)?;
        let journal = self.journal(snapshot).await?;

        let facts = RowFacts::of(&portion.batch)?;
        let mut gone: HashSet<u32> = facts
            .yielding
            .iter()
            .filter(|(_, key)| superseded(&journal.facts, &catalogue, key, u64::MAX))
            .map(|(row, _)| *row)
            .collect();
        repeated_invalid(&portion.batch, &facts, &catalogue, &mut gone)?;
        let valid = self.in_segments(&portion.batch, &catalogue, &facts, &mut gone);
        valid.await?;
        let mut batch = portion.batch;
        if !gone.is_empty() {
            let kept: BooleanArray = (0..before as u32)
                .map(|row| Some(!gone.contains(&row)))
                .collect();
            batch = filter_record_batch(&batch, &kept)?;
        }

        let (mut first_seq, mut remove, mut own) = (portion.first_seq, Vec::new(), 0);
        let earlier = earlier_blocks(&catalogue, day, batch.num_rows());
        if !earlier.is_empty() {
            let mut runs = Vec::with_capacity(earlier.len());
            for row in earlier {
                runs.push(self.block_segment(row).await?);
                remove.push(row.id);
                first_seq = first_seq.min(row.first_seq);
                own += row.rows;
            }
            let mut all: Vec<&RecordBatch> = runs.iter().map(|run| &run.batch).collect();
            all.push(&batch);
            batch = concat_batches(&schema(), all)?;
        }

        let mut sealed = Sealed::default();
        let mut add = Vec::new();
        if batch.num_rows() > 0 {
            let range = (first_seq, portion.last_seq);
            let new = self.write(batch, range, day).await?;
            sealed.rows = new.row.rows - own;
            match new.row.object {
                SegmentObject::Block => sealed.blocks = 1,
                SegmentObject::Parquet(_) => sealed.files = 1,
            }
            add.push(new);
        }
        sealed.dropped = before as u64 - sealed.rows;
        let commit = SegmentCommit {
            add,
            remove,
            sealed_through: Some(portion.last_seq),
            oldest_seq: None,
            claim,
        };
        self.lake
            .kernel
            .db()
            .commit_segments(self.scope, commit)
            .await?;
        Ok(sealed)
    }

    /// Decodes as many of the blocks as one step may hold.
    async fn portion(&self, due: &[BlockMeta]) -> Result<Portion> {
        let mut decoder = BlockDecoder::new()?;
        let mut last_seq = 0;
        let mut rows = 0_u64;
        for blocks in portions(due) {
            let mut fetched = Vec::with_capacity(blocks.len());
            self.fetch(blocks, |block, plain| {
                fetched.push((block.clone(), plain.clone()));
                Ok(())
            })
            .await?;
            let decoding = move || -> Result<(BlockDecoder, u64, u64, bool)> {
                let mut full = false;
                for (block, plain) in fetched {
                    rows += u64::from(block.rows);
                    if last_seq > 0 && rows > STEP_ROWS {
                        full = true;
                        break;
                    }
                    decoder.decode(&plain, context(&block))?;
                    last_seq = block.last_seq();
                    if decoder.bytes() >= STEP_BYTES {
                        full = true;
                        break;
                    }
                }
                Ok((decoder, last_seq, rows, full))
            };
            let full;
            (decoder, last_seq, rows, full) = blocking(decoding).await?;
            if full {
                break;
            }
        }
        let first_seq = due.first().map_or(0, |block| block.first_seq);
        let batch = blocking(move || decoder.finish()).await?;
        Ok(Portion {
            batch,
            first_seq,
            last_seq,
        })
    }

    /// Marks rows with a valid time that a segment has.
    async fn in_segments(
        &self,
        batch: &RecordBatch,
        catalogue: &Arc<CatalogueView>,
        facts: &RowFacts,
        gone: &mut HashSet<u32>,
    ) -> Result<()> {
        let invalid: HashSet<u32> = facts.invalid.iter().map(|(row, _)| *row).collect();
        let (times, names) = (time_column(batch)?.values(), name_column(batch)?);
        let mut small = Vec::new();
        for (row, _) in catalogue.segments() {
            if row.object == SegmentObject::Block {
                small.push(Keys::of(&self.block_segment(row).await?.batch)?);
            }
        }
        let mut probe = Probe::new(catalogue);
        // In the order of time, so that the same parts of segments are asked for in a row.
        let mut rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
        rows.sort_unstable_by_key(|row| times.get(*row as usize).copied());
        for row in rows {
            if invalid.contains(&row) {
                continue;
            }
            let time = times.get(row as usize).copied().unwrap_or(0);
            let name = name_at(names, row as usize);
            let known = small.iter().any(|keys| keys.contains(time, &name));
            if known || probe.has(self, time, &name).await? {
                gone.insert(row);
            }
        }
        Ok(())
    }

    /// Writes rows as a segment: a file, durable when this returns, or a block for the commit
    /// to carry.
    pub(crate) async fn write(
        &self,
        batch: RecordBatch,
        range: (u64, u64),
        day: i32,
    ) -> Result<NewSegment> {
        let cipher = Arc::clone(&self.cipher);
        let id = self
            .lake
            .kernel
            .env()
            .fork(self.scope.tenant().as_str().as_bytes())
            .uuid_v7();
        if batch.num_rows() < FILE_ROWS && raw_bytes(&batch)? < FILE_TEXT {
            return blocking(move || block_segment(&batch, id, range, day)).await;
        }
        let written = blocking(move || {
            let order = order(&batch)?.unwrap_or_else(|| (0..batch.num_rows() as u32).collect());
            let mut writer = SegmentWriter::new(cipher, id)?;
            for rows in order.chunks(GROUP_ROWS) {
                let rows = take_record_batch(&batch, &UInt32Array::from(rows.to_vec()))?;
                writer.write(&mark_conflicts(rows)?)?;
            }
            writer.finish()
        })
        .await?;
        self.store(written, range, day).await
    }

    /// Stores a written segment's file.
    pub(crate) async fn store(
        &self,
        written: WrittenSegment,
        (first_seq, last_seq): (u64, u64),
        day: i32,
    ) -> Result<NewSegment> {
        let path = Objects::segment_path(self.scope, written.id);
        let (min_time, max_time) = written.times();
        let row = SegmentRow {
            id: written.id,
            first_seq,
            last_seq,
            rows: written.rows,
            min_time,
            max_time,
            stored_day: day,
            first_stored: written.first_stored,
            last_stored: written.last_stored,
            object: SegmentObject::Parquet(path.clone()),
            object_bytes: written.bytes.len() as u64,
            object_hash: *blake3::hash(&written.bytes).as_bytes(),
            key_version: written.key_version,
            format: FORMAT,
            meta: Bytes::from(written.meta.encode()),
        };
        self.lake
            .objects
            .put(self.scope, &path, Bytes::from(written.bytes))
            .await?;
        Ok(NewSegment { row, block: None })
    }
}

/// Marks repetitions of events without a valid time: all but the first among the rows, and
/// what is in a segment.
fn repeated_invalid(
    batch: &RecordBatch,
    facts: &RowFacts,
    catalogue: &CatalogueView,
    gone: &mut HashSet<u32>,
) -> Result<()> {
    let seqs = seq_column(batch)?.values();
    let mut firsts: HashMap<[u8; 16], (i64, u32)> = HashMap::new();
    for (row, name) in &facts.invalid {
        let seq = seqs.get(*row as usize).copied().unwrap_or(0);
        if catalogue.invalid.contains(name) {
            gone.insert(*row);
            continue;
        }
        let first = firsts.entry(*name).or_insert((seq, *row));
        if seq < first.0 {
            gone.insert(first.1);
            *first = (seq, *row);
        } else if *row != first.1 {
            gone.insert(*row);
        }
    }
    Ok(())
}

/// The day's earlier blocks that come along with so many new rows.
fn earlier_blocks(catalogue: &CatalogueView, day: i32, new: usize) -> Vec<&SegmentRow> {
    let small: Vec<&SegmentRow> = catalogue
        .segments()
        .map(|(row, _)| row)
        .filter(|row| row.stored_day == day && row.object == SegmentObject::Block)
        .collect();
    let rows = new as u64 + small.iter().map(|row| row.rows).sum::<u64>();
    let worth = small.len() >= SMALL_SEGMENTS || rows >= FILE_ROWS as u64;
    if new > 0 && worth { small } else { Vec::new() }
}

fn block_segment(
    batch: &RecordBatch,
    id: uuid::Uuid,
    (first_seq, last_seq): (u64, u64),
    day: i32,
) -> Result<NewSegment> {
    // Repetitions at the same time go with the order of the lake; the block is in the order of
    // the sequence.
    let batch = mark_conflicts(crate::run::sorted(batch)?)?;
    let seqs = seq_column(&batch)?.values();
    let mut rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
    rows.sort_unstable_by_key(|row| seqs.get(*row as usize).copied());
    let batch = take_record_batch(&batch, &UInt32Array::from(rows))?;
    let block = BlockEncoder::new()?.encode_batch(&batch, first_seq)?;
    let facts = RowFacts::of(&batch)?;
    let mut group = GroupMeta::EMPTY;
    group.add(&batch)?;
    let meta = SegmentMeta {
        groups: vec![group],
        invalid: facts.invalid.iter().map(|(_, name)| *name).collect(),
        superseding: facts.superseding,
        ..SegmentMeta::default()
    };
    let row = SegmentRow {
        id,
        first_seq,
        last_seq,
        rows: batch.num_rows() as u64,
        min_time: block.min_time,
        max_time: block.max_time,
        stored_day: day,
        first_stored: facts.stored.0,
        last_stored: facts.stored.1,
        object: SegmentObject::Block,
        object_bytes: 0,
        object_hash: [0; 32],
        key_version: 0,
        format: FORMAT,
        meta: Bytes::from(meta.encode()),
    };
    Ok(NewSegment {
        row,
        block: Some(block.plain),
    })
}

/// Runs what takes long where it keeps nobody waiting.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| LakeError::Io(std::io::Error::other(error)))?
}
