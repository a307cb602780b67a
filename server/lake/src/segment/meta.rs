//! What must be known of a segment before its object is opened. Lies sealed in the segment's
//! catalogue row.

use arrow::array::RecordBatch;

use crate::codec::{Reader, put_i64, put_len, put_u64};
use crate::error::{LakeError, Result};
use crate::row::{raw_bytes, seq_column, time_column};

const VERSION: u8 = 1;

/// A row group, or the whole of a block segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupMeta {
    pub(crate) rows: u32,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) min_seq: u64,
    pub(crate) max_seq: u64,
    /// Bytes of its raw events.
    pub(crate) text: u64,
}

impl GroupMeta {
    /// Before any row is counted.
    pub(crate) const EMPTY: Self = Self {
        rows: 0,
        min_time: i64::MAX,
        max_time: i64::MIN,
        min_seq: u64::MAX,
        max_seq: 0,
        text: 0,
    };

    /// Counts in the rows of a batch.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for time in time_column(batch)?.values() {
            self.min_time = self.min_time.min(*time);
            self.max_time = self.max_time.max(*time);
        }
        for seq in seq_column(batch)?.values() {
            let seq = u64::try_from(*seq).unwrap_or(0);
            self.min_seq = self.min_seq.min(seq);
            self.max_seq = self.max_seq.max(seq);
        }
        self.rows += u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        self.text += raw_bytes(batch)? as u64;
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SegmentMeta {
    pub(crate) groups: Vec<GroupMeta>,
    /// Where the sealed index begins, and where it ends and Parquet's own begin.
    pub(crate) index_start: u64,
    pub(crate) index_end: u64,
    /// Names of the rows without a valid time.
    pub(crate) invalid: Vec<[u8; 16]>,
    /// Records addressed to the tenant that have others give way to them: key and sequence
    /// number.
    pub(crate) superseding: Vec<([u8; 16], u64)>,
    /// Rows (row group, row in it) that give way to such a record. In the order of the file.
    pub(crate) yielding: Vec<(u32, u32, [u8; 16])>,
}

impl SegmentMeta {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = vec![VERSION];
        put_len(&mut to, self.groups.len());
        for group in &self.groups {
            put_u64(&mut to, u64::from(group.rows));
            put_i64(&mut to, group.min_time);
            put_i64(&mut to, group.max_time);
            put_u64(&mut to, group.min_seq);
            put_u64(&mut to, group.max_seq);
            put_u64(&mut to, group.text);
        }
        put_u64(&mut to, self.index_start);
        put_u64(&mut to, self.index_end);
        put_len(&mut to, self.invalid.len());
        self.invalid
            .iter()
            .for_each(|name| to.extend_from_slice(name));
        put_len(&mut to, self.superseding.len());
        for (key, seq) in &self.superseding {
            to.extend_from_slice(key);
            put_u64(&mut to, *seq);
        }
        put_len(&mut to, self.yielding.len());
        for (group, row, key) in &self.yielding {
            put_u64(&mut to, u64::from(*group));
            put_u64(&mut to, u64::from(*row));
            to.extend_from_slice(key);
        }
        to
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes);
        let version = from.byte()?;
        if version != VERSION {
            return Err(LakeError::corrupt(format!(
                "segment description of version {version}"
            )));
        }
        let mut meta = Self::default();
        for _ in 0..from.count()? {
            meta.groups.push(GroupMeta {
                rows: from.u32()?,
                min_time: from.i64()?,
                max_time: from.i64()?,
                min_seq: from.u64()?,
                max_seq: from.u64()?,
                text: from.u64()?,
            });
        }
        meta.index_start = from.u64()?;
        meta.index_end = from.u64()?;
        for _ in 0..from.count()? {
            meta.invalid.push(from.array()?);
        }
        for _ in 0..from.count()? {
            meta.superseding.push((from.array()?, from.u64()?));
        }
        for _ in 0..from.count()? {
            meta.yielding
                .push((from.u32()?, from.u32()?, from.array()?));
        }
        if meta.index_start > meta.index_end || !from.is_at_end() {
            return Err(LakeError::corrupt(
                "segment description that does not fit together",
            ));
        }
        Ok(meta)
    }

    /// Bytes it takes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        64 + 56 * self.groups.len()
            + 16 * self.invalid.len()
            + 24 * (self.superseding.len() + self.yielding.len())
    }
}
