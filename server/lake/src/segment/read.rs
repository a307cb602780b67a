//! Reading segments: the footer once, then only the pages that are needed.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use bytes::Bytes;
use cordon_kernel::TenantScope;
use cordon_kernel::db::segments::{SegmentObject, SegmentRow};
use cordon_kernel::keys::TenantCipher;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataPushDecoder};

use super::{FIRST, FORMAT, GROUP_ROWS, SegmentIndex, SegmentMeta, index_object};
use crate::beside::{UNPACKING, VALUE};
use crate::error::{LakeError, Result};
use crate::lake::Access;
use crate::object::Objects;
use crate::row::with_credentials;
use crate::schema::{Column, Columns};

/// A segment whose footer is known.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    path: String,
    pub(crate) meta: SegmentMeta,
    footer: ArrowReaderMetadata,
    /// It has no column of credentials.
    older: bool,
}

impl SegmentFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// [`LakeError::Parquet`] when it does not open under this tenant's key.
    pub(crate) async fn open(
        objects: &Objects,
        scope: &TenantScope,
        cipher: &TenantCipher,
        row: &SegmentRow,
    ) -> Result<Self> {
        let SegmentObject::Parquet(path) = &row.object else {
            return Err(LakeError::corrupt("a block segment has no file"));
        };
        let meta = SegmentMeta::decode(&row.meta)?;
        let start = meta.index_end;
        if !matches!(row.format, FIRST | FORMAT) || start >= row.object_bytes {
            return Err(LakeError::corrupt(format!(
                "segment of format {}",
                row.format
            )));
        }
        let range = start..row.object_bytes;
        let parts = objects
            .read(scope, path, std::slice::from_ref(&range))
            .await?;
        let tail = parts.into_iter().next().unwrap_or_default();

        let id = row.id.hyphenated().to_string();
        let key = cipher.parquet_key(row.key_version, &id)?;
        let keys = FileDecryptionProperties::builder(key.to_vec())
            .with_aad_prefix(cipher.parquet_aad(&id))
            .build()?;
        let mut decoder = ParquetMetaDataPushDecoder::try_new(row.object_bytes)?
            .with_page_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Required)
            .with_file_decryption_properties(Some(keys));
        decoder.push_range(range, tail)?;
        let DecodeResult::Data(footer) = decoder.try_decode()? else {
            return Err(LakeError::corrupt(
                "a segment's footer is larger than it should be",
            ));
        };
        if footer.num_row_groups() != meta.groups.len() {
            return Err(LakeError::corrupt("a segment's footer is that of another"));
        }
        let older = row.format == FIRST;
        let columns = match older {
            true => Columns::ALL.without(Column::CredentialUid),
            false => Columns::ALL,
        };
        let options = ArrowReaderOptions::new()
            .with_skip_arrow_metadata(true)
            .with_schema(columns.schema());
        Ok(Self {
            path: path.clone(),
            meta,
            footer: ArrowReaderMetadata::try_new(Arc::new(footer), options)?,
            older,
        })
    }

    /// Bytes it takes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.footer.metadata().memory_size() + self.meta.memory() + self.path.len()
    }

    /// Reads the sealed index.
    pub(crate) async fn index(
        &self,
        objects: &Objects,
        scope: &TenantScope,
        cipher: &TenantCipher,
        row: &SegmentRow,
    ) -> Result<SegmentIndex> {
        let range = self.meta.index_start..self.meta.index_end;
        let parts = objects
            .read(scope, &self.path, std::slice::from_ref(&range))
            .await?;
        let sealed = parts.into_iter().next().unwrap_or_default();
        let object = index_object(&row.id.hyphenated().to_string());
        SegmentIndex::decode(&cipher.open(&object, 0, &sealed)?)
    }

    /// Rows of one row group, in the order of the file, with these columns; all of them
    /// without a selection.
    pub(crate) async fn read(
        &self,
        access: &Access<'_>,
        group: usize,
        columns: Columns,
        selection: Option<RowSelection>,
    ) -> Result<RecordBatch> {
        self.read_for(access, group, columns, selection, 0, Ok)
            .await
    }

    /// The same for work that goes through the rows so often. They are unpacked when it is its
    /// turn, so that nothing large waits in memory.
    ///
    /// # Errors
    /// Those of the work too.
    pub(crate) async fn read_for<T: Send + 'static>(
        &self,
        access: &Access<'_>,
        group: usize,
        columns: Columns,
        selection: Option<RowSelection>,
        often: usize,
        work: impl FnOnce(RecordBatch) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stored = self.stored(columns);
        let complete = stored != columns;
        let unpacked = self.unpacked(group, stored, selection.as_ref());
        let mut decoder = self.decoder(group, stored, selection)?;
        let mut batches = Vec::new();
        let mut work = work;
        // Nothing is unpacked before something is there.
        let mut bytes = 0;
        loop {
            let step = move || {
                let ranges = loop {
                    match decoder.try_decode()? {
                        DecodeResult::NeedsData(ranges) => break ranges,
                        DecodeResult::Data(batch) => batches.push(batch),
                        DecodeResult::Finished => {
                            let mut batch = whole(batches, stored)?;
                            if complete {
                                batch = with_credentials(&batch, columns)?;
                            }
                            return Ok(Step::Done(work(batch)?));
                        }
                    }
                };
                Ok(Step::Needs(ranges, (decoder, batches, work)))
            };
            let ranges;
            (ranges, (decoder, batches, work)) = match access.beside(bytes, step).await? {
                Step::Done(made) => return Ok(made),
                Step::Needs(ranges, so_far) => (ranges, so_far),
            };
            let objects = &access.lake.objects;
            let parts = objects.read(access.scope, &self.path, &ranges).await?;
            let packed: usize = parts.iter().map(Bytes::len).sum();
            bytes = (UNPACKING * packed).max(unpacked).saturating_mul(1 + often);
            decoder.push_ranges(ranges, parts)?;
        }
    }

    /// What is read for these columns.
    fn stored(&self, columns: Columns) -> Columns {
        if !self.older || !columns.contains(Column::CredentialUid) {
            return columns;
        }
        let without = columns.without(Column::CredentialUid);
        without.with(Column::SourceType).with(Column::Raw)
    }

    /// Bytes of rows in memory, roughly.
    fn unpacked(&self, group: usize, columns: Columns, selection: Option<&RowSelection>) -> usize {
        let Some(meta) = self.meta.groups.get(group) else {
            return 0;
        };
        let all = (meta.rows as usize).max(1);
        let rows = selection.map_or(all, RowSelection::row_count);
        let text = match columns.contains(Column::Raw) {
            true => usize::try_from(meta.text).unwrap_or(usize::MAX) / all,
            false => 0,
        };
        rows.saturating_mul(text + columns.len() * VALUE)
    }

    /// The bytes of whole row groups with these columns, in one reading; each part is for
    /// [`SegmentFile::decode`].
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        objects: &Objects,
        scope: &TenantScope,
        groups: &[usize],
        columns: Columns,
    ) -> Result<Vec<Fetched>> {
        let stored = self.stored(columns);
        let mut ranges = Vec::with_capacity(groups.len() * stored.len());
        for group in groups {
            let group = self.footer.metadata().row_groups().get(*group);
            let group = group.ok_or_else(|| LakeError::corrupt("no such row group"))?;
            // One leaf per column: lists have one too.
            for column in stored.iter() {
                let chunk = group.columns().get(column.index());
                let chunk = chunk.ok_or_else(|| LakeError::corrupt("no such column"))?;
                let (start, length) = chunk.byte_range();
                ranges.push(start..start + length);
            }
        }
        let parts = objects.read(scope, &self.path, &ranges).await?;
        let each = stored.len().max(1);
        Ok(groups
            .iter()
            .zip(ranges.chunks(each).zip(parts.chunks(each)))
            .map(|(group, (ranges, parts))| Fetched {
                file: Arc::clone(self),
                group: *group,
                columns,
                ranges: ranges.to_vec(),
                parts: parts.to_vec(),
            })
            .collect())
    }

    /// The rows of a fetched row group. Takes a while: not for a thread that answers calls.
    pub(crate) fn decode(part: Fetched) -> Result<RecordBatch> {
        let Fetched {
            file,
            group,
            columns,
            ranges,
            parts,
        } = part;
        let stored = file.stored(columns);
        let mut decoder = file.decoder(group, stored, None)?;
        decoder.push_ranges(ranges, parts)?;
        match decoder.try_decode()? {
            DecodeResult::Data(batch) if stored != columns => with_credentials(&batch, columns),
            DecodeResult::Data(batch) => Ok(batch),
            _ => Err(LakeError::corrupt("a row group without rows")),
        }
    }

    fn decoder(
        &self,
        group: usize,
        columns: Columns,
        selection: Option<RowSelection>,
    ) -> Result<ParquetPushDecoder> {
        let roots = columns.iter().map(|column| column.index());
        let mask = ProjectionMask::roots(self.footer.parquet_schema(), roots);
        let mut builder = ParquetPushDecoderBuilder::new_with_metadata(self.footer.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(GROUP_ROWS);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        Ok(builder.build()?)
    }
}

#[cfg(test)]
impl SegmentFile {
    /// The columns that are packed, each by where its values lie.
    pub(crate) fn packed(&self) -> Vec<String> {
        let group = self.footer.metadata().row_group(0);
        let packed = group
            .columns()
            .iter()
            .filter(|chunk| chunk.compression() != parquet::basic::Compression::UNCOMPRESSED);
        packed.map(|chunk| chunk.column_path().string()).collect()
    }
}

/// How far the reading of a row group is.
enum Step<S, T> {
    /// These bytes come next.
    Needs(Vec<Range<u64>>, S),
    Done(T),
}

fn whole(mut batches: Vec<RecordBatch>, columns: Columns) -> Result<RecordBatch> {
    match batches.len() {
        1 => batches.pop().ok_or_else(|| LakeError::corrupt("no batch")),
        _ => Ok(concat_batches(&columns.schema(), &batches)?),
    }
}

/// Bytes of a row group, not decoded yet.
pub(crate) struct Fetched {
    file: Arc<SegmentFile>,
    group: usize,
    columns: Columns,
    ranges: Vec<Range<u64>>,
    parts: Vec<Bytes>,
}

impl Fetched {
    /// Bytes that are there.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }
}

/// Checks that an object is what its row says.
pub(crate) fn matches_hash(row: &SegmentRow, bytes: &Bytes) -> bool {
    bytes.len() as u64 == row.object_bytes && *blake3::hash(bytes).as_bytes() == row.object_hash
}
