//! A sorted piece of the journal (or a small segment) in memory.

use std::cmp::Reverse;

use arrow::array::{FixedSizeBinaryArray, RecordBatch, UInt32Array};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::compute::{concat_batches, take_record_batch};

use crate::conflict::mark_conflicts;
use crate::error::Result;
use crate::facts::RowFacts;
use crate::row::{name_at, name_column, raw_bytes, seq_column, time_column};
use crate::schema::schema;

/// Rows of all columns, newest first and then by name; repetitions among them are gone, the
/// one with the lowest sequence number stayed.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) batch: RecordBatch,
    /// Rows without a valid time, with their names.
    pub(crate) invalid: Vec<(u32, [u8; 16])>,
    /// Rows that give way to a record addressed to the tenant, with the key they share.
    pub(crate) yielding: Vec<(u32, [u8; 16])>,
    /// Bytes of its raw events.
    pub(crate) text: usize,
}

impl Run {
    /// Sorts batches of all columns into one run.
    pub(crate) fn of(batches: &[RecordBatch]) -> Result<Self> {
        let batch = match batches {
            [batch] => sorted(batch)?,
            batches => sorted(&concat_batches(&schema(), batches)?)?,
        };
        let batch = mark_conflicts(batch)?;
        let facts = RowFacts::of(&batch)?;
        Ok(Self {
            text: raw_bytes(&batch)?,
            batch,
            invalid: facts.invalid,
            yielding: facts.yielding,
        })
    }

    /// Bytes it takes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.batch.get_array_memory_size() + 24 * (self.invalid.len() + self.yielding.len())
    }
}

/// What tells the rows of a sorted batch apart: their times, newest first, and names.
#[derive(Debug)]
pub(crate) struct Keys {
    times: ScalarBuffer<i64>,
    names: FixedSizeBinaryArray,
}

impl Keys {
    /// The keys of a sorted batch, which they share their memory with.
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self> {
        Ok(Self {
            times: time_column(batch)?.values().clone(),
            names: name_column(batch)?.clone(),
        })
    }

    /// The same keys with memory of their own, for keeping longer than the batch.
    pub(crate) fn detached(&self) -> Self {
        Self {
            times: self.times.iter().copied().collect(),
            names: FixedSizeBinaryArray::new(
                self.names.value_length(),
                Buffer::from(self.names.value_data()),
                None,
            ),
        }
    }

    /// Time and name of a row.
    pub(crate) fn at(&self, row: u32) -> (i64, [u8; 16]) {
        let row = row as usize;
        let time = self.times.get(row).copied().unwrap_or(0);
        (time, name_at(&self.names, row))
    }

    /// Whether a row has that time and name.
    pub(crate) fn contains(&self, time: i64, name: &[u8; 16]) -> bool {
        let start = self.times.partition_point(|other| *other > time);
        let end = self.times.partition_point(|other| *other >= time);
        (start..end).any(|row| self.names.value(row) == name)
    }

    /// Bytes it takes in memory.
    pub(crate) fn memory(&self) -> usize {
        24 * self.times.len() + 64
    }
}

/// The rows of a batch in the order of the lake, without repetitions at the same time.
pub(crate) fn sorted(batch: &RecordBatch) -> Result<RecordBatch> {
    match order(batch)? {
        None => Ok(batch.clone()),
        Some(order) => Ok(take_record_batch(batch, &UInt32Array::from(order))?),
    }
}

/// The rows to take, in order; `None` if the batch is in order as it is.
pub(crate) fn order(batch: &RecordBatch) -> Result<Option<Vec<u32>>> {
    let times = time_column(batch)?.values();
    let names = name_column(batch)?;
    let seqs = seq_column(batch)?.values();
    let key = |row: u32| {
        let row = row as usize;
        let time = times.get(row).copied().unwrap_or(0);
        (
            Reverse(time),
            names.value(row),
            seqs.get(row).copied().unwrap_or(0),
        )
    };
    let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
    let mut order: Vec<u32> = (0..rows).collect();
    let same = |left: u32, right: u32| {
        let (left, right) = (key(left), key(right));
        (left.0, left.1) == (right.0, right.1)
    };
    if order.is_sorted_by(|left, right| key(*left) < key(*right) && !same(*left, *right)) {
        return Ok(None);
    }
    order.sort_unstable_by(|left, right| key(*left).cmp(&key(*right)));
    // The first of equals has the lowest sequence number, and stays.
    order.dedup_by(|later, first| same(*later, *first));
    Ok(Some(order))
}
