//! Events as files for the tenant itself: CSV and plain Parquet. (NDJSON of OCSF is rendered by
//! the server.)

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampNanosecondType};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{LakeError, Result};
use crate::schema::{Column, Columns};

/// Columns of an export when nobody says otherwise: all that filters see.
#[must_use]
pub fn export_columns() -> Columns {
    Column::ALL
        .into_iter()
        .filter(|column| column.visible())
        .fold(Columns::NONE, Columns::with)
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn missing(column: Column) -> LakeError {
    LakeError::corrupt(format!("a batch without column {}", column.name()))
}

/// Writes batches as CSV (RFC 4180, UTF-8, with a header): times as RFC 3339, names as
/// hexadecimal digits, lists as JSON arrays, null as nothing.
#[derive(Debug)]
pub struct CsvExport {
    columns: Columns,
    begun: bool,
}

impl CsvExport {
    /// An export of these columns.
    #[must_use]
    pub const fn new(columns: Columns) -> Self {
        Self {
            columns,
            begun: false,
        }
    }

    /// The next bytes of the file; the header comes with the first.
    ///
    /// # Errors
    /// [`LakeError::Corrupt`] if the batch lacks a column.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let mut to = self.header();
        let cells: Vec<StringArray> = self
            .columns
            .iter()
            .map(|column| texts(batch, column))
            .collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            for (at, cells) in cells.iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                if cells.is_valid(row) {
                    put_cell(&mut to, cells.value(row));
                }
            }
            to.extend_from_slice(b"\r\n");
        }
        Ok(to)
    }

    /// What is still to come: the header, if there was no event.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.header()
    }

    fn header(&mut self) -> Vec<u8> {
        if std::mem::replace(&mut self.begun, true) {
            return Vec::new();
        }
        let names: Vec<&str> = self.columns.iter().map(Column::name).collect();
        let mut header = names.join(",").into_bytes();
        header.extend_from_slice(b"\r\n");
        header
    }
}

fn put_cell(to: &mut Vec<u8>, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) && !text.is_empty() {
        to.extend_from_slice(text.as_bytes());
        return;
    }
    // An empty text is quoted: without quotes it would be null.
    to.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            to.push(b'"');
        }
        to.push(byte);
    }
    to.push(b'"');
}

/// A column as text.
fn texts(batch: &RecordBatch, column: Column) -> Result<StringArray> {
    let array = batch
        .column_by_name(column.name())
        .ok_or_else(|| missing(column))?;
    Ok(match array.data_type() {
        DataType::FixedSizeBinary(_) => hex_column(array, column)?,
        DataType::Timestamp(..) => {
            let times = array
                .as_primitive_opt::<TimestampNanosecondType>()
                .ok_or_else(|| missing(column))?;
            let time = |ns: i64| cordon_kernel::db::timestamp(ns).to_string();
            times.iter().map(|ns| ns.map(time)).collect()
        }
        DataType::List(_) => {
            let lists = array.as_list_opt::<i32>().ok_or_else(|| missing(column))?;
            lists.iter().map(|list| Some(json_list(&list?))).collect()
        }
        _ => {
            let texts = cast(array, &DataType::Utf8)?;
            texts
                .as_string_opt::<i32>()
                .ok_or_else(|| missing(column))?
                .clone()
        }
    })
}

fn hex_column(array: &ArrayRef, column: Column) -> Result<StringArray> {
    let names = array
        .as_fixed_size_binary_opt()
        .ok_or_else(|| missing(column))?;
    Ok(names.iter().map(|name| name.map(hex)).collect())
}

/// A column of events' names as hexadecimal digits.
pub(crate) fn hex_names(array: &ArrayRef) -> Result<StringArray> {
    hex_column(array, Column::Name)
}

fn json_list(list: &ArrayRef) -> String {
    let mut json = String::from("[");
    for (at, item) in list
        .as_string_opt::<i32>()
        .iter()
        .flat_map(|items| items.iter())
        .enumerate()
    {
        if at > 0 {
            json.push(',');
        }
        json.push('"');
        for char in item.unwrap_or_default().chars() {
            match char {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                char if u32::from(char) < 0x20 => {
                    json.push_str(&format!("\\u{:04x}", u32::from(char)))
                }
                char => json.push(char),
            }
        }
        json.push('"');
    }
    json.push(']');
    json
}

/// Writes batches as one Parquet file, not encrypted, with names as hexadecimal digits.
pub struct ParquetExport {
    columns: Columns,
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl std::fmt::Debug for ParquetExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParquetExport({:?})", self.columns)
    }
}

/// Rows and bytes of a row group: what the export holds in memory.
const GROUP_ROWS: usize = 32_768;
const GROUP_BYTES: usize = 16 << 20;

impl ParquetExport {
    /// An export of these columns.
    ///
    /// # Errors
    /// [`LakeError::Parquet`] when there is no column.
    pub fn new(columns: Columns) -> Result<Self> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| match column {
                Column::Name => Field::new(column.name(), DataType::Utf8, false),
                column => column.field(),
            })
            .collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_created_by("cordon".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        Ok(Self {
            columns,
            writer: ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?,
            schema,
        })
    }

    /// Adds a batch. Returns the next bytes of the file, often none.
    ///
    /// # Errors
    /// [`LakeError::Corrupt`] if the batch lacks a column.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in self.columns.iter() {
            let array = batch
                .column_by_name(column.name())
                .ok_or_else(|| missing(column))?;
            columns.push(match column {
                Column::Name => Arc::new(hex_column(array, column)?),
                _ => Arc::clone(array),
            });
        }
        self.writer
            .write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        self.drain()
    }

    /// The rest of the file.
    ///
    /// # Errors
    /// [`LakeError::Parquet`].
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish()?;
        self.drain()
    }

    /// The writer counts what it has written, so that taking the bytes away moves no offset.
    fn drain(&mut self) -> Result<Vec<u8>> {
        self.writer.sync()?;
        let buffer = self.writer.inner_mut();
        buffer.flush()?;
        Ok(std::mem::take(buffer))
    }
}

/// A batch of whatever columns as one Parquet file, not encrypted.
///
/// # Errors
/// [`LakeError::Parquet`] when it has no column.
pub fn parquet_of(batch: &RecordBatch) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_created_by("cordon".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{BlockContext, BlockDecoder, BlockEncoder};
    use crate::testing::event;

    fn batch(ids: std::ops::Range<u64>) -> RecordBatch {
        let rows: Vec<_> = ids.map(|id| event(id, id as i64)).collect();
        let block = BlockEncoder::new().unwrap().encode(&rows).unwrap();
        let mut decoder = BlockDecoder::new().unwrap();
        let context = BlockContext {
            first_seq: 1,
            stored_ns: 0,
            source: "trail",
        };
        decoder.decode(&block.plain, context).unwrap();
        decoder.finish().unwrap()
    }

    #[test]
    fn csv_has_a_header_and_quotes_what_needs_it() {
        let columns = Columns::of(&[
            Column::Time,
            Column::Name,
            Column::SrcPort,
            Column::Resources,
            Column::EventId,
        ]);
        let mut export = CsvExport::new(columns);
        let text = String::from_utf8(export.write(&batch(3..5)).unwrap()).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], "time,name,src_port,resources,event_id");
        assert_eq!(
            lines[1],
            format!(
                "2026-11-24T00:00:03Z,{},,\"[\"\"arn:aws:s3:::bucket-3\"\"]\",00000000-0000-4000-8000-000000000003",
                hex(&event(3, 3).name)
            )
        );
        assert_eq!((lines.len(), lines[3]), (4, ""));
        assert!(export.write(&batch(3..4)).unwrap().starts_with(b"2026"));
        assert!(export.finish().is_empty());
        assert_eq!(
            CsvExport::new(columns).finish(),
            b"time,name,src_port,resources,event_id\r\n"
        );
    }

    #[test]
    fn parquet_comes_in_pieces_and_reads_back() {
        let mut export = ParquetExport::new(export_columns()).unwrap();
        let mut file = Vec::new();
        for start in 0..50 {
            file.extend(
                export
                    .write(&batch(start * 1_000..start * 1_000 + 1_000))
                    .unwrap(),
            );
        }
        assert!(
            file.len() > 1_000,
            "the first row group is out before the end"
        );
        file.extend(export.finish().unwrap());
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(
            bytes::Bytes::from(file),
            1_024,
        );
        let mut rows = 0;
        for batch in reader.unwrap() {
            let batch = batch.unwrap();
            let raw = batch.column_by_name("raw").unwrap().as_string::<i32>();
            let names = batch.column_by_name("name").unwrap().as_string::<i32>();
            for row in 0..batch.num_rows() {
                let wanted = event(rows, rows as i64);
                assert_eq!(raw.value(row), wanted.raw);
                assert_eq!(names.value(row), hex(&wanted.name));
                rows += 1;
            }
        }
        assert_eq!(rows, 50_000);
    }
}
