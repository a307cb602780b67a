//! A table of an answer as a Parquet file.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Schema};
use cordon_analysis::{Cell, Column, ColumnKind, Table};
use cordon_kernel::{Error, Result};
use cordon_lake::export::parquet_of;
use jiff::Timestamp;

/// The file.
///
/// # Errors
/// `INTERNAL` when the table is none.
pub(super) fn parquet(table: &Table) -> Result<Vec<u8>> {
    let mut fields = Vec::with_capacity(table.columns.len());
    let mut arrays = Vec::with_capacity(table.columns.len());
    for (at, column) in table.columns.iter().enumerate() {
        let cells = table
            .rows
            .iter()
            .map(|row| row.get(at).unwrap_or(&Cell::Empty));
        let array = array(column, cells);
        // Two columns of one name are two columns.
        let name = match table
            .columns
            .iter()
            .take(at)
            .filter(|one| one.name == column.name)
            .count()
        {
            0 => column.name.clone(),
            more => format!("{}_{}", column.name, more + 1),
        };
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema, arrays).map_err(Error::internal)?;
    parquet_of(&batch).map_err(Error::from)
}

fn array<'a>(column: &Column, cells: impl Iterator<Item = &'a Cell>) -> ArrayRef {
    match column.kind {
        ColumnKind::Integer => Arc::new(
            cells
                .map(|cell| match cell {
                    Cell::Integer(number) => Some(*number),
                    _ => None,
                })
                .collect::<Int64Array>(),
        ),
        ColumnKind::Float => Arc::new(
            cells
                .map(|cell| match cell {
                    Cell::Float(number) => Some(*number),
                    // What is whole is read back as such.
                    #[allow(clippy::cast_precision_loss, reason = "a fraction was rounded before")]
                    Cell::Integer(number) => Some(*number as f64),
                    _ => None,
                })
                .collect::<Float64Array>(),
        ),
        ColumnKind::Time => {
            let times = cells.map(|cell| match cell {
                Cell::Text(text) => text
                    .parse::<Timestamp>()
                    .ok()
                    .and_then(|time| i64::try_from(time.as_nanosecond()).ok()),
                _ => None,
            });
            Arc::new(
                times
                    .collect::<TimestampNanosecondArray>()
                    .with_timezone("UTC"),
            )
        }
        ColumnKind::Text | ColumnKind::Address | ColumnKind::EventName | ColumnKind::Json => {
            let texts = cells.map(|cell| match cell {
                Cell::Empty => None,
                Cell::Text(text) => Some(text.clone()),
                Cell::Integer(number) => Some(number.to_string()),
                Cell::Float(number) => Some(number.to_string()),
            });
            Arc::new(texts.collect::<StringArray>())
        }
    }
}
