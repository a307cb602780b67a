//! Marking events that have the id of another and other content.
//!
//! Such events share source type, event id and time; what differs is their name. They are
//! looked for among rows that meet anyway: in one run of the journal, when sealing, and in
//! one batch of an answer.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};

use crate::error::Result;
use crate::schema::Column;

/// The batch, sorted by time, with conflicts among its rows marked. A batch that lacks the
/// columns to tell by is given back as it is.
pub(crate) fn mark_conflicts(batch: RecordBatch) -> Result<RecordBatch> {
    let column = |of: Column| batch.column_by_name(of.name());
    let (Some(times), Some(ids), Some(kinds), Some(names), Some(marks)) = (
        column(Column::Time).and_then(|array| array.as_primitive_opt::<TimestampNanosecondType>()),
        column(Column::EventId).and_then(|array| array.as_string_opt::<i32>()),
        column(Column::SourceType).and_then(|array| array.as_dictionary_opt::<Int32Type>()),
        column(Column::Name).and_then(|array| array.as_fixed_size_binary_opt()),
        column(Column::Conflict).and_then(|array| array.as_boolean_opt()),
    ) else {
        return Ok(batch);
    };
    let mut found: Vec<usize> = Vec::new();
    let mut start = 0;
    // Keys would not do: a dictionary may have one text twice.
    let Some(kind_names) = kinds.values().as_string_opt::<i32>() else {
        return Ok(batch);
    };
    let kind = |row: usize| {
        let key = usize::try_from(kinds.keys().value(row)).ok();
        key.filter(|key| *key < kind_names.len())
            .map(|key| kind_names.value(key))
    };
    let mut seen: HashMap<(Option<&str>, &str), usize> = HashMap::new();
    for same in times.values().chunk_by(|left, right| left == right) {
        let rows = start..start + same.len();
        start = rows.end;
        if rows.len() < 2 {
            continue;
        }
        seen.clear();
        for row in rows {
            let key = (kind(row), ids.value(row));
            match seen.get(&key) {
                Some(other) if names.value(*other) != names.value(row) => {
                    found.extend([*other, row])
                }
                Some(_) => {}
                None => {
                    seen.insert(key, row);
                }
            }
        }
    }
    if found.is_empty() {
        return Ok(batch);
    }
    found.sort_unstable();
    let marked: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(marks.value(row) || found.binary_search(&row).is_ok()))
        .collect();
    let schema = batch.schema();
    let mut columns = batch.columns().to_vec();
    let at = schema.index_of(Column::Conflict.name())?;
    if let Some(column) = columns.get_mut(at) {
        *column = Arc::new(marked) as ArrayRef;
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}
