//! Bloom filters per row group, for the columns that searches name a value of.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};
use parquet::bloom_filter::Sbbf;

use crate::codec::{Reader, put_len};
use crate::error::{LakeError, Result};
use crate::schema::Column;

const VERSION: u8 = 1;

/// The columns with a filter, in the order they are written, and how many in a hundred
/// values that are not there may seem to be. Those from the operation to
/// the source take a few dozen bytes.
pub(crate) const INDEXED: [(Column, f64); 11] = [
    (Column::Name, 0.05),
    (Column::EventId, 0.05),
    (Column::SrcIp, 0.01),
    (Column::DstIp, 0.01),
    (Column::Actor, 0.01),
    (Column::Operation, 0.01),
    (Column::Service, 0.01),
    (Column::Account, 0.01),
    (Column::Region, 0.01),
    (Column::Source, 0.01),
    (Column::CredentialUid, 0.01),
];

#[derive(Debug)]
pub(crate) struct SegmentIndex {
    /// How many of the columns have a filter.
    columns: usize,
    groups: Vec<Vec<Sbbf>>,
}

impl Default for SegmentIndex {
    fn default() -> Self {
        Self {
            columns: INDEXED.len(),
            groups: Vec::new(),
        }
    }
}

#[cfg(test)]
impl SegmentIndex {
    /// One as segments of the first format have it.
    pub(crate) fn first() -> Self {
        Self {
            columns: 10,
            ..Self::default()
        }
    }
}

impl SegmentIndex {
    /// Adds a row group, given as the batches it consists of.
    pub(crate) fn add(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let mut filters = Vec::with_capacity(self.columns);
        for (column, errors) in INDEXED.into_iter().take(self.columns) {
            let mut values: Vec<&[u8]> = Vec::new();
            for batch in batches {
                values_of(batch, column, &mut values)?;
            }
            if column.data_type() != DataType::Utf8 && column != Column::Name {
                values.sort_unstable();
                values.dedup();
            }
            let mut filter = Sbbf::new_with_ndv_fpp(values.len() as u64, errors)?;
            values.iter().for_each(|value| filter.insert(*value));
            filters.push(filter);
        }
        self.groups.push(filters);
        Ok(())
    }

    /// Whether the row group may have a row with that value. A column without a filter may.
    pub(crate) fn may_have(&self, group: usize, column: Column, value: &[u8]) -> bool {
        INDEXED
            .iter()
            .position(|(indexed, _)| *indexed == column)
            .and_then(|position| self.groups.get(group)?.get(position))
            .is_none_or(|filter| filter.check(value))
    }

    /// Bytes it takes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        let filters = self.groups.iter().flatten();
        filters.map(|filter| 32 * filter.num_blocks() + 24).sum()
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut to = vec![VERSION];
        put_len(&mut to, self.groups.len());
        put_len(&mut to, self.columns);
        for filter in self.groups.iter().flatten() {
            put_len(&mut to, 32 * filter.num_blocks());
            filter.write_bitset(&mut to)?;
        }
        Ok(to)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes);
        if from.byte()? != VERSION {
            return Err(LakeError::corrupt("segment index of another version"));
        }
        let groups = from.count()?;
        // Columns that a later version added stand behind the ones known here.
        let columns = from.count()?;
        let mut index = Self {
            columns,
            groups: Vec::new(),
        };
        for _ in 0..groups {
            let mut filters = Vec::new();
            for _ in 0..columns {
                let length = from.count()?;
                let bits = from.bytes(length)?;
                if bits.is_empty() || bits.len() % 32 != 0 {
                    return Err(LakeError::corrupt(
                        "segment index that does not fit together",
                    ));
                }
                filters.push(Sbbf::new(bits));
            }
            index.groups.push(filters);
        }
        Ok(index)
    }
}

fn values_of<'a>(batch: &'a RecordBatch, column: Column, to: &mut Vec<&'a [u8]>) -> Result<()> {
    let missing = || LakeError::corrupt(format!("a batch without column {}", column.name()));
    let array = batch.column_by_name(column.name()).ok_or_else(missing)?;
    if let Some(words) = array.as_dictionary_opt::<Int32Type>() {
        let values = words.values().as_string_opt::<i32>().ok_or_else(missing)?;
        let mut used = vec![false; values.len()];
        for key in words.keys().iter().flatten() {
            if let Some(used) = usize::try_from(key).ok().and_then(|key| used.get_mut(key)) {
                *used = true;
            }
        }
        let used = used.iter().enumerate().filter(|(_, used)| **used);
        to.extend(used.map(|(key, _)| values.value(key).as_bytes()));
    } else if let Some(texts) = array.as_string_opt::<i32>() {
        to.extend(texts.iter().flatten().map(str::as_bytes));
    } else if let Some(names) = array.as_fixed_size_binary_opt() {
        to.extend(names.iter().flatten());
    } else {
        return Err(missing());
    }
    Ok(())
}
