//! Sorted batches → a segment.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::DataType;
use cordon_kernel::keys::TenantCipher;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use super::{GROUP_ROWS, GROUP_TEXT, GroupMeta, SegmentIndex, SegmentMeta, index_object};
use crate::error::{LakeError, Result};
use crate::facts::RowFacts;
use crate::row::{name_at, name_column, time_column};
use crate::schema::{Column, schema};

/// Pages of raw events end at so many bytes: a hundred events are wanted more often than a
/// thousand.
const RAW_PAGE: usize = 64 << 10;

/// Rows per page of the other columns.
const PAGE_ROWS: usize = 2_048;

/// Distinct values are kept apart up to so many bytes per column and row group.
const DICTIONARY: usize = 256 << 10;

/// A finished segment, not stored yet.
pub(crate) struct WrittenSegment {
    pub(crate) id: Uuid,
    pub(crate) bytes: Vec<u8>,
    pub(crate) key_version: u32,
    pub(crate) meta: SegmentMeta,
    pub(crate) rows: u64,
    pub(crate) first_stored: i64,
    pub(crate) last_stored: i64,
}

pub(crate) struct SegmentWriter {
    cipher: Arc<TenantCipher>,
    id: Uuid,
    key_version: u32,
    writer: ArrowWriter<Vec<u8>>,
    index: SegmentIndex,
    meta: SegmentMeta,
    rows: u64,
    stored: (i64, i64),
    last: Option<(i64, [u8; 16])>,
    /// The row group under way.
    group: Vec<RecordBatch>,
    group_rows: usize,
    group_text: usize,
}

fn properties(cipher: &TenantCipher, id: Uuid, key_version: u32) -> Result<WriterProperties> {
    let name = id.hyphenated().to_string();
    let key = cipher.parquet_key(key_version, &name)?;
    // A footer key for all: were one column given a key of its own, the others would lie open.
    let encryption = FileEncryptionProperties::builder(key.to_vec())
        .with_aad_prefix(cipher.parquet_aad(&name))
        .with_aad_prefix_storage(false)
        .build()?;
    let mut builder = WriterProperties::builder()
        .set_created_by("cordon".to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_dictionary_page_size_limit(DICTIONARY)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_write_batch_size(256)
        .set_sorting_columns(Some(vec![
            SortingColumn {
                column_idx: Column::Time.index() as i32,
                descending: true,
                nulls_first: false,
            },
            SortingColumn {
                column_idx: Column::Name.index() as i32,
                descending: false,
                nulls_first: false,
            },
        ]))
        .with_file_encryption_properties(encryption);
    // Numbers and words of a few kinds are small once encoded. To pack them would save little and
    // cost much: whoever reads a column makes ready to unpack it, for each row group.
    // What filters read is packed by what is ready at once.
    let (zstd, lz4) = (
        Compression::ZSTD(ZstdLevel::try_new(1)?),
        Compression::LZ4_RAW,
    );
    for (column, packed) in [
        (Column::Actor, lz4),
        (Column::SrcIp, lz4),
        (Column::DstIp, lz4),
        (Column::Resources, zstd),
        (Column::EventId, zstd),
        (Column::Raw, zstd),
        (Column::Withheld, zstd),
        (Column::CredentialUid, lz4),
    ] {
        builder = builder.set_column_compression(leaf(column), packed);
    }
    for column in Column::ALL {
        let path = || leaf(column);
        match column {
            Column::Time | Column::Seq | Column::ObservedTime => {
                builder = builder
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_statistics_enabled(path(), EnabledStatistics::Page);
            }
            // Looks random, and is.
            Column::Name => {
                builder = builder
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_encoding(path(), Encoding::PLAIN);
            }
            Column::EventId => {
                builder = builder.set_column_dictionary_enabled(path(), false);
            }
            Column::Raw => {
                builder = builder
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_data_page_size_limit(path(), RAW_PAGE);
            }
            Column::Resources | Column::Withheld => {}
            _ => {
                builder = builder.set_column_statistics_enabled(path(), EnabledStatistics::Chunk);
            }
        }
    }
    Ok(builder.build())
}

/// Where a column's values lie: Parquet names a list's elements, not the list.
fn leaf(column: Column) -> ColumnPath {
    let mut path = vec![column.name().to_owned()];
    if let DataType::List(item) = column.data_type() {
        path.extend(["list".to_owned(), item.name().clone()]);
    }
    ColumnPath::new(path)
}

impl SegmentWriter {
    pub(crate) fn new(cipher: Arc<TenantCipher>, id: Uuid) -> Result<Self> {
        let key_version = cipher.key_version();
        let properties = properties(&cipher, id, key_version)?;
        Ok(Self {
            cipher,
            id,
            key_version,
            writer: ArrowWriter::try_new(Vec::new(), schema(), Some(properties))?,
            index: SegmentIndex::default(),
            meta: SegmentMeta::default(),
            rows: 0,
            stored: (i64::MAX, i64::MIN),
            last: None,
            group: Vec::new(),
            group_rows: 0,
            group_text: 0,
        })
    }

    /// One that writes the first format.
    #[cfg(test)]
    pub(crate) fn first(cipher: Arc<TenantCipher>, id: Uuid) -> Result<Self> {
        let properties = properties(&cipher, id, cipher.key_version())?;
        let columns = crate::schema::Columns::ALL.without(Column::CredentialUid);
        Ok(Self {
            writer: ArrowWriter::try_new(Vec::new(), columns.schema(), Some(properties))?,
            index: SegmentIndex::first(),
            ..Self::new(cipher, id)?
        })
    }

    /// Whether no row was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Adds a batch of all columns whose rows follow those before.
    ///
    /// # Errors
    /// [`LakeError::Corrupt`] if they do not: a segment in another order would hide events.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check_order(batch)?;
        let raw = batch
            .column(Column::Raw.index())
            .as_string_opt::<i32>()
            .ok_or_else(|| LakeError::corrupt("a batch without raw events"))?;
        let (mut start, mut text) = (0, 0);
        for row in 0..batch.num_rows() {
            text += raw.value_length(row).cast_unsigned() as usize;
            let rows = self.group_rows + row + 1 - start;
            if rows >= GROUP_ROWS || self.group_text + text >= GROUP_TEXT {
                self.push(batch.slice(start, row + 1 - start), text)?;
                self.flush()?;
                (start, text) = (row + 1, 0);
            }
        }
        if start < batch.num_rows() {
            self.push(batch.slice(start, batch.num_rows() - start), text)?;
        }
        Ok(())
    }

    fn check_order(&mut self, batch: &RecordBatch) -> Result<()> {
        let (times, names) = (time_column(batch)?, name_column(batch)?);
        for row in 0..batch.num_rows() {
            let key = (times.value(row), name_at(names, row));
            let follows = self
                .last
                .is_none_or(|(time, name)| time > key.0 || (time == key.0 && name < key.1));
            if !follows {
                return Err(LakeError::corrupt("rows of a segment are out of order"));
            }
            self.last = Some(key);
        }
        Ok(())
    }

    fn push(&mut self, batch: RecordBatch, text: usize) -> Result<()> {
        self.writer.write(&batch)?;
        self.group_rows += batch.num_rows();
        self.group_text += text;
        self.group.push(batch);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let batches = std::mem::take(&mut self.group);
        if batches.is_empty() {
            return Ok(());
        }
        self.writer.flush()?;
        self.index.add(&batches)?;
        let mut group = GroupMeta::EMPTY;
        let ordinal = u32::try_from(self.meta.groups.len()).unwrap_or(u32::MAX);
        for batch in &batches {
            let facts = RowFacts::of(batch)?;
            self.stored = (
                self.stored.0.min(facts.stored.0),
                self.stored.1.max(facts.stored.1),
            );
            self.meta
                .invalid
                .extend(facts.invalid.iter().map(|(_, name)| *name));
            self.meta.superseding.extend(facts.superseding);
            let yielding = facts.yielding.iter();
            self.meta
                .yielding
                .extend(yielding.map(|(row, key)| (ordinal, group.rows + row, *key)));
            group.add(batch)?;
        }
        self.rows += u64::from(group.rows);
        self.meta.groups.push(group);
        self.group_rows = 0;
        self.group_text = 0;
        Ok(())
    }

    /// Ends the segment.
    ///
    /// # Errors
    /// [`LakeError::Corrupt`] if it has no row.
    pub(crate) fn finish(mut self) -> Result<WrittenSegment> {
        self.flush()?;
        if self.rows == 0 {
            return Err(LakeError::corrupt("a segment without a row"));
        }
        let object = index_object(&self.id.hyphenated().to_string());
        let index = self.cipher.seal(&object, 0, &self.index.encode()?)?;
        self.meta.index_start = self.writer.bytes_written() as u64;
        self.writer.write_all(&index)?;
        self.meta.index_end = self.writer.bytes_written() as u64;
        Ok(WrittenSegment {
            id: self.id,
            key_version: self.key_version,
            bytes: self.writer.into_inner()?,
            meta: self.meta,
            rows: self.rows,
            first_stored: self.stored.0,
            last_stored: self.stored.1,
        })
    }
}

impl WrittenSegment {
    /// Earliest and latest event time.
    pub(crate) fn times(&self) -> (i64, i64) {
        let groups = &self.meta.groups;
        (
            groups.iter().map(|group| group.min_time).min().unwrap_or(0),
            groups.iter().map(|group| group.max_time).max().unwrap_or(0),
        )
    }
}
