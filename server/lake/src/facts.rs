//! What deduplication must know of rows, read off a batch of all columns.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};

use crate::block::shared_key;
use crate::error::{LakeError, Result};
use crate::row::{name_at, name_column, seq_column};
use crate::schema::{Column, time_quality};

/// [`Facts`](crate::block::Facts) with rows of the batch in place of sequence numbers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct RowFacts {
    /// Rows without a valid time.
    pub(crate) invalid: Vec<(u32, [u8; 16])>,
    /// Records addressed to the tenant that have others give way to them: key and sequence
    /// number.
    pub(crate) superseding: Vec<([u8; 16], u64)>,
    /// Rows that give way to such a record.
    pub(crate) yielding: Vec<(u32, [u8; 16])>,
    /// Earliest and latest stored time.
    pub(crate) stored: (i64, i64),
}

impl RowFacts {
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self> {
        let mistyped =
            |of: Column| LakeError::corrupt(format!("a batch without column {}", of.name()));
        let column = |of: Column| batch.column_by_name(of.name()).ok_or_else(|| mistyped(of));
        let words = |of: Column| {
            let array = column(of)?
                .as_dictionary_opt::<Int32Type>()
                .ok_or_else(|| mistyped(of))?;
            let values = array
                .values()
                .as_string_opt::<i32>()
                .ok_or_else(|| mistyped(of))?;
            Ok::<_, LakeError>((array.keys(), values))
        };
        let mut facts = Self {
            stored: (i64::MAX, i64::MIN),
            ..Self::default()
        };
        let stored = column(Column::StoredTime)?
            .as_primitive_opt::<TimestampNanosecondType>()
            .ok_or_else(|| mistyped(Column::StoredTime))?;
        for time in stored.values() {
            facts.stored = (facts.stored.0.min(*time), facts.stored.1.max(*time));
        }

        let names = name_column(batch)?;
        let (keys, values) = words(Column::TimeQuality)?;
        let invalid = values
            .iter()
            .position(|value| value == Some(time_quality(true)));
        if let Some(invalid) = invalid.and_then(|key| i32::try_from(key).ok()) {
            for (row, key) in (0..).zip(keys.values()) {
                if *key == invalid {
                    facts.invalid.push((row, name_at(names, row as usize)));
                }
            }
        }

        let (keys, values) = words(Column::SharedEventId)?;
        if keys.null_count() < keys.len() {
            let (types, type_names) = words(Column::SourceType)?;
            let addressed = column(Column::Addressed)?
                .as_boolean_opt()
                .ok_or_else(|| mistyped(Column::Addressed))?;
            let seqs = seq_column(batch)?;
            for row in (0..keys.len()).filter(|row| keys.is_valid(*row)) {
                let text = |keys: &arrow::array::Int32Array, values: &arrow::array::StringArray| {
                    let key = usize::try_from(keys.value(row))
                        .ok()
                        .filter(|key| *key < values.len())?;
                    Some(values.value(key).to_owned())
                };
                let id = text(keys, values).ok_or_else(|| mistyped(Column::SharedEventId))?;
                let kind = text(types, type_names).ok_or_else(|| mistyped(Column::SourceType))?;
                let key = shared_key(&kind, &id);
                if addressed.value(row) {
                    let seq = u64::try_from(seqs.value(row)).unwrap_or(0);
                    facts.superseding.push((key, seq));
                } else {
                    facts
                        .yielding
                        .push((u32::try_from(row).unwrap_or(u32::MAX), key));
                }
            }
        }
        Ok(facts)
    }
}
