//! Checking that what is stored is what was written: every block, every segment, every index.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use cordon_kernel::TenantScope;
use cordon_kernel::db::BlockMeta;
use cordon_kernel::db::segments::{SegmentObject, SegmentRow, Snapshot};

use crate::block::BlockDecoder;
use crate::error::{LakeError, Result};
use crate::facts::RowFacts;
use crate::journal::{context, portions};
use crate::lake::{Access, Lake};
use crate::row::{name_at, name_column, time_column};
use crate::run::Run;
use crate::schema::Columns;
use crate::seal::blocking;
use crate::search::{Query, Sources, Walk};
use crate::segment::{GroupMeta, INDEXED, SegmentFile, SegmentIndex, SegmentMeta, matches_hash};

/// Most faults that are described; the rest is counted.
const DESCRIBED: usize = 1_000;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FsckReport {
    /// Journal entries whose chain was followed.
    pub entries: u64,
    /// Unsealed blocks that were decoded.
    pub blocks: u64,
    /// Segments that were read whole.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// What does not hold, in words for the operator. Empty: all is well.
    pub faults: Vec<String>,
}

impl FsckReport {
    fn fault(&mut self, text: String) {
        if self.faults.len() < DESCRIBED {
            self.faults.push(text);
        }
    }
}

impl Lake {
    /// Checks a tenant's journal, segments and indexes: chain and hashes, that everything
    /// opens and decodes, that rows are in order and as many as their descriptions say, that
    /// indexes miss no row, and that no event is in two segments.
    ///
    /// # Errors
    /// When database or store can't be reached. What does not hold is in the report.
    pub async fn fsck(&self, scope: &TenantScope) -> Result<FsckReport> {
        let access = self.access(scope).await?;
        let journal = self.kernel.db().verify_journal(scope).await?;
        let mut report = FsckReport {
            entries: journal.entries,
            faults: journal.faults,
            ..FsckReport::default()
        };
        let snapshot = self.kernel.db().snapshot(scope).await?;
        access.check_blocks(&snapshot.unsealed, &mut report).await?;
        let mut sound = report.faults.is_empty();
        for row in snapshot.segments.iter() {
            if row.last_seq > snapshot.sealed_seq {
                report.fault(format!("segment {} reaches beyond what is sealed", row.id));
            }
            report.segments += 1;
            let faults = match access.check_segment(row).await {
                Ok(faults) => faults,
                // Others concern the store, not what is in it.
                Err(
                    error @ (LakeError::Corrupt(_) | LakeError::Parquet(_) | LakeError::Arrow(_)),
                ) => {
                    vec![error.to_string()]
                }
                Err(LakeError::Stale) => vec!["its object is not there".to_owned()],
                Err(LakeError::Kernel(error))
                    if error.reason() == cordon_kernel::Reason::Internal =>
                {
                    vec![error.to_string()]
                }
                Err(error) => return Err(error),
            };
            sound &= faults.is_empty();
            for fault in faults {
                report.fault(format!("segment {}: {fault}", row.id));
            }
            report.rows += row.rows;
        }
        if sound {
            access.check_repetitions(&snapshot, &mut report).await?;
        }
        Ok(report)
    }
}

impl Access<'_> {
    async fn check_blocks(&self, unsealed: &[BlockMeta], report: &mut FsckReport) -> Result<()> {
        for blocks in portions(unsealed) {
            let mut found = Vec::new();
            let fetched = self
                .fetch(blocks, |block, plain| {
                    found.push((block.clone(), plain.clone()));
                    Ok(())
                })
                .await;
            match fetched {
                // Sealed while we look: it is in a segment now, or its own chain tells.
                Err(LakeError::Stale) => continue,
                Err(LakeError::Kernel(error))
                    if error.reason() == cordon_kernel::Reason::Internal =>
                {
                    report.fault(error.to_string());
                    continue;
                }
                other => other?,
            }
            for (block, plain) in found {
                report.blocks += 1;
                if let Err(error) = check_block(&block, &plain) {
                    report.fault(format!("block {}: {error}", block.first_seq));
                }
            }
        }
        Ok(())
    }

    async fn check_segment(&self, row: &SegmentRow) -> Result<Vec<String>> {
        let meta = SegmentMeta::decode(&row.meta)?;
        let mut check = Check::new(row, &meta);
        if row.object == SegmentObject::Block {
            let run = self.block_segment(row).await?;
            check.group(
                &Run::of(std::slice::from_ref(&run.batch))?.batch,
                None,
                false,
            )?;
            return Ok(check.finish());
        }
        let SegmentObject::Parquet(path) = &row.object else {
            return Ok(vec!["of no known kind".to_owned()]);
        };
        let object = self.lake.objects.read_all(self.scope, path).await?;
        if !matches_hash(row, &object) {
            check
                .faults
                .push("the object's bytes are not those that were stored".to_owned());
        }
        drop(object);
        // Read anew, not from the cache.
        let file = SegmentFile::open(&self.lake.objects, self.scope, &self.cipher, row);
        let file = Arc::new(file.await?);
        let index = file.index(&self.lake.objects, self.scope, &self.cipher, row);
        let index = Arc::new(index.await?);
        for group in 0..meta.groups.len() {
            let parts = file
                .fetch(&self.lake.objects, self.scope, &[group], Columns::ALL)
                .await?;
            for part in parts {
                let index = Arc::clone(&index);
                let decoded = blocking(move || {
                    let batch = SegmentFile::decode(part)?;
                    let complete = index_is_complete(&index, group, &batch)?;
                    Ok((batch, complete))
                });
                let (batch, complete) = decoded.await?;
                check.group(&batch, u32::try_from(group).ok(), complete)?;
            }
        }
        Ok(check.finish())
    }

    /// Whether some event is in two segments. The walker drops repetitions, so it finds fewer
    /// rows then.
    async fn check_repetitions(&self, snapshot: &Snapshot, report: &mut FsckReport) -> Result<()> {
        let ids = snapshot.segments.iter().map(|row| row.id).collect();
        let query = Query {
            columns: Columns::of(&[crate::schema::Column::Shared]),
            ..Query::default()
        };
        let mut walk = Walk::begin(
            self,
            snapshot,
            &query,
            None,
            u64::MAX,
            Sources::Segments(ids),
        )
        .await?;
        walk.keep_all();
        let mut rows = 0;
        while let Some((batch, _)) = walk.next(self, u64::MAX).await? {
            rows += batch.num_rows() as u64;
        }
        if rows != report.rows {
            let missing = report.rows.saturating_sub(rows);
            report.fault(format!(
                "{missing} rows of segments are repetitions of others"
            ));
        }
        Ok(())
    }
}

fn check_block(block: &BlockMeta, plain: &[u8]) -> Result<()> {
    let mut decoder = BlockDecoder::new()?;
    decoder.decode(plain, context(block))?;
    let batch = decoder.finish()?;
    let mut bounds = GroupMeta::EMPTY;
    bounds.add(&batch)?;
    if bounds.rows != block.rows
        || (bounds.min_time, bounds.max_time) != (block.min_time, block.max_time)
    {
        return Err(LakeError::corrupt(
            "it holds other rows than its journal row says",
        ));
    }
    Ok(())
}

/// Whether every indexed value of the rows is found in the row group's filters.
fn index_is_complete(index: &SegmentIndex, group: usize, batch: &RecordBatch) -> Result<bool> {
    for (column, _) in INDEXED {
        let array = batch.column(column.index());
        let has = |value: &[u8]| index.may_have(group, column, value);
        let complete = if let Some(words) = array.as_dictionary_opt::<Int32Type>() {
            let used: HashSet<i32> = words.keys().iter().flatten().collect();
            let values = words.values().as_string_opt::<i32>();
            values.is_some_and(|values| {
                used.iter()
                    .filter_map(|key| usize::try_from(*key).ok())
                    .all(|key| key < values.len() && has(values.value(key).as_bytes()))
            })
        } else if let Some(texts) = array.as_string_opt::<i32>() {
            texts.iter().flatten().all(|text| has(text.as_bytes()))
        } else {
            let names = name_column(batch)?;
            names.iter().flatten().all(has)
        };
        if !complete {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A segment under check.
struct Check<'a> {
    row: &'a SegmentRow,
    meta: &'a SegmentMeta,
    groups: Vec<GroupMeta>,
    found: SegmentMeta,
    stored: (i64, i64),
    last: Option<(i64, [u8; 16])>,
    faults: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(row: &'a SegmentRow, meta: &'a SegmentMeta) -> Self {
        Self {
            row,
            meta,
            groups: Vec::new(),
            found: SegmentMeta::default(),
            stored: (i64::MAX, i64::MIN),
            last: None,
            faults: Vec::new(),
        }
    }

    fn group(&mut self, batch: &RecordBatch, group: Option<u32>, indexed: bool) -> Result<()> {
        let (times, names) = (time_column(batch)?.values(), name_column(batch)?);
        for (row, time) in times.iter().enumerate() {
            let key = (*time, name_at(names, row));
            let follows = self
                .last
                .is_none_or(|(time, name)| time > key.0 || (time == key.0 && name < key.1));
            if !follows {
                self.faults.push("rows are out of order".to_owned());
                break;
            }
            self.last = Some(key);
        }
        if group.is_some() && !indexed {
            self.faults.push("the index misses rows".to_owned());
        }
        let facts = RowFacts::of(batch)?;
        self.stored = (
            self.stored.0.min(facts.stored.0),
            self.stored.1.max(facts.stored.1),
        );
        self.found
            .invalid
            .extend(facts.invalid.iter().map(|(_, name)| *name));
        self.found.superseding.extend(facts.superseding);
        if let Some(group) = group {
            let yielding = facts.yielding.iter().map(|(row, key)| (group, *row, *key));
            self.found.yielding.extend(yielding);
        }
        let mut bounds = GroupMeta::EMPTY;
        bounds.add(batch)?;
        self.groups.push(bounds);
        Ok(())
    }

    fn finish(mut self) -> Vec<String> {
        let rows: u64 = self.groups.iter().map(|group| u64::from(group.rows)).sum();
        let times = (
            self.groups
                .iter()
                .map(|group| group.min_time)
                .min()
                .unwrap_or(0),
            self.groups
                .iter()
                .map(|group| group.max_time)
                .max()
                .unwrap_or(0),
        );
        let inside = self
            .groups
            .iter()
            .all(|group| group.min_seq >= self.row.first_seq && group.max_seq <= self.row.last_seq);
        let row = self.row;
        if rows != row.rows
            || times != (row.min_time, row.max_time)
            || self.stored != (row.first_stored, row.last_stored)
            || !inside
        {
            self.faults
                .push("it holds other rows than its catalogue row says".to_owned());
        }
        self.found.invalid.sort_unstable();
        self.found.superseding.sort_unstable();
        let mut said = self.meta.clone();
        said.invalid.sort_unstable();
        said.superseding.sort_unstable();
        if self.groups != said.groups
            || self.found.invalid != said.invalid
            || self.found.superseding != said.superseding
            || self.found.yielding != said.yielding
        {
            self.faults
                .push("its description does not fit its rows".to_owned());
        }
        self.faults
    }
}
