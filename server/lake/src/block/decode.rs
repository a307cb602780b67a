//! Bytes → batches. One decoder takes any number of blocks and makes one batch of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;
use cordon_views::Status;
use zstd::bulk::Decompressor;

use super::{DECODE_PRIME, FIRST, Head, MAX_ROWS};
use crate::codec::Reader;
use crate::error::{LakeError, Result};
use crate::row::with_credentials;
use crate::schema::{NAME_LEN, item, schema, time_quality};

/// Most bytes of text that one batch may hold: offsets are 32 bits wide.
const MAX_TEXT: usize = 1 << 30;

/// What the journal's row says of a block and its rows do not repeat.
#[derive(Debug, Clone, Copy)]
pub struct BlockContext<'a> {
    /// Sequence number of the first row.
    pub first_seq: u64,
    /// When it was made durable, nanoseconds since 1970.
    pub stored_ns: i64,
    /// Id of the source that sent it.
    pub source: &'a str,
}

/// Collects the rows of blocks.
pub struct BlockDecoder {
    plain: Decompressor<'static>,
    primed: Decompressor<'static>,
    body: Vec<u8>,
    columns: Columns,
}

impl BlockDecoder {
    /// A new decoder.
    ///
    /// # Errors
    /// Out of memory in zstd.
    pub fn new() -> Result<Self> {
        Ok(Self {
            plain: Decompressor::new()?,
            primed: Decompressor::with_prepared_dictionary(&DECODE_PRIME)?,
            body: Vec::new(),
            columns: Columns::default(),
        })
    }

    /// Rows collected so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.time.len()
    }

    /// Bytes collected so far, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.raw.bytes.len() + self.columns.event_id.bytes.len() + 200 * self.rows()
    }

    /// Adds a block's rows, in their order. After an error what was collected is gone.
    ///
    /// # Errors
    /// [`LakeError::Corrupt`] if the bytes are no block; [`LakeError::TooLarge`] if one batch
    /// can't hold all that text.
    pub fn decode(&mut self, block: &[u8], context: BlockContext<'_>) -> Result<()> {
        let outcome = self.try_decode(block, context);
        if outcome.is_err() {
            self.columns = Columns::default();
        }
        outcome
    }

    fn try_decode(&mut self, block: &[u8], context: BlockContext<'_>) -> Result<()> {
        let head = Head::parse(block)?;
        let unpack = if head.primed {
            &mut self.primed
        } else {
            &mut self.plain
        };
        self.body.clear();
        self.body.reserve(head.body_len);
        let wrong = |_| LakeError::corrupt("journal block does not unpack");
        let length = unpack
            .decompress_to_buffer(head.packed, &mut self.body)
            .map_err(wrong)?;
        if length != head.body_len {
            return Err(LakeError::corrupt(
                "journal block unpacks to another length",
            ));
        }
        let first = head.version == FIRST;
        self.columns.read(&self.body, head.rows, context, first)
    }

    /// The collected rows as one batch of all columns; the decoder is empty afterwards.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] if some text was not UTF-8.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        std::mem::take(&mut self.columns).finish()
    }
}

/// A dictionary column under construction.
#[derive(Default)]
struct Words {
    keys: Vec<i32>,
    valid: Vec<bool>,
    ends: Vec<i32>,
    bytes: Vec<u8>,
    index: HashMap<Box<str>, i32>,
    /// Key by number in the current block's table; -1 is not looked up yet.
    seen: Vec<i32>,
}

impl Words {
    fn start_block(&mut self, table: &[&str]) {
        self.seen.clear();
        self.seen.resize(table.len(), -1);
    }

    fn push(&mut self, number: usize, table: &[&str]) -> Result<()> {
        let Some(index) = number.checked_sub(1) else {
            self.keys.push(0);
            self.valid.push(false);
            return Ok(());
        };
        let unknown = || LakeError::corrupt("journal block names a word it does not have");
        let text = table.get(index).ok_or_else(unknown)?;
        let seen = self.seen.get_mut(index).ok_or_else(unknown)?;
        if *seen < 0 {
            *seen = key_of(&mut self.index, &mut self.ends, &mut self.bytes, text)?;
        }
        self.keys.push(*seen);
        self.valid.push(true);
        Ok(())
    }

    fn push_text(&mut self, text: &str, times: usize) -> Result<()> {
        let key = key_of(&mut self.index, &mut self.ends, &mut self.bytes, text)?;
        self.keys.resize(self.keys.len() + times, key);
        self.valid.resize(self.valid.len() + times, true);
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef> {
        let values = texts(self.ends, self.bytes)?;
        let nulls = NullBuffer::from(self.valid);
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        let keys = Int32Array::try_new(ScalarBuffer::from(self.keys), nulls)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
            keys,
            Arc::new(values),
        )?))
    }
}

fn key_of(
    index: &mut HashMap<Box<str>, i32>,
    ends: &mut Vec<i32>,
    bytes: &mut Vec<u8>,
    text: &str,
) -> Result<i32> {
    if let Some(key) = index.get(text) {
        return Ok(*key);
    }
    let key = i32::try_from(ends.len()).map_err(|_| LakeError::TooLarge("distinct words"))?;
    bytes.extend_from_slice(text.as_bytes());
    ends.push(end_of(bytes)?);
    index.insert(text.into(), key);
    Ok(key)
}

/// A text column under construction.
#[derive(Default)]
struct Texts {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Texts {
    fn push(&mut self, text: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(text);
        self.ends.push(end_of(&self.bytes)?);
        Ok(())
    }

    /// Adds texts that lie one behind the other.
    fn extend(&mut self, lengths: &[usize], all: &[u8]) -> Result<()> {
        let mut end = self.bytes.len();
        self.bytes.extend_from_slice(all);
        end_of(&self.bytes)?;
        for length in lengths {
            end += length;
            // Fits, as the end of all of them did.
            self.ends.push(end as i32);
        }
        Ok(())
    }
}

fn end_of(bytes: &[u8]) -> Result<i32> {
    if bytes.len() > MAX_TEXT {
        return Err(LakeError::TooLarge("text in a batch"));
    }
    Ok(bytes.len() as i32)
}

fn texts(ends: Vec<i32>, bytes: Vec<u8>) -> Result<StringArray> {
    Ok(StringArray::try_new(
        offsets(ends),
        Buffer::from_vec(bytes),
        None,
    )?)
}

/// Offsets from ends that never fall.
fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends);
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}

/// A column of lists under construction.
#[derive(Default)]
struct Lists {
    ends: Vec<i32>,
    items: Texts,
}

impl Lists {
    fn push(&mut self, from: &mut Reader<'_>, table: &[&str]) -> Result<()> {
        for _ in 0..from.count()? {
            let number = from.length(table.len())?;
            let text = number
                .checked_sub(1)
                .and_then(|index| table.get(index))
                .unwrap_or(&"");
            self.items.push(text.as_bytes())?;
        }
        let end = i32::try_from(self.items.ends.len());
        self.ends
            .push(end.map_err(|_| LakeError::TooLarge("elements of lists"))?);
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef> {
        let items = texts(self.items.ends, self.items.bytes)?;
        let lists =
            ListArray::try_new(Arc::new(item()), offsets(self.ends), Arc::new(items), None)?;
        Ok(Arc::new(lists))
    }
}

/// Numbers that may be missing.
#[derive(Default)]
struct Ports {
    values: Vec<i32>,
    valid: Vec<bool>,
}

impl Ports {
    fn push(&mut self, port: Option<i32>) {
        self.values.push(port.unwrap_or(0));
        self.valid.push(port.is_some());
    }

    fn finish(self) -> Result<ArrayRef> {
        let nulls = NullBuffer::from(self.valid);
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        Ok(Arc::new(Int32Array::try_new(
            ScalarBuffer::from(self.values),
            nulls,
        )?))
    }
}

/// The eight word columns in the order in which the encoder writes them, then the two
/// addresses.
const ACCOUNT: usize = 0;
const REGION: usize = 1;
const SERVICE: usize = 2;
const OPERATION: usize = 3;
const ACTOR: usize = 4;
const SOURCE_TYPE: usize = 5;
const RAW_CONTEXT: usize = 6;
const SHARED_EVENT_ID: usize = 7;
const SRC_IP: usize = 8;
const DST_IP: usize = 9;
const TABLE_COLUMNS: usize = 10;

const QUALITIES: [&str; 2] = [time_quality(false), time_quality(true)];

/// In the order of the codes that the encoder writes.
const STATUSES: [&str; 4] = [
    Status::Unknown.as_str(),
    Status::Success.as_str(),
    Status::Failure.as_str(),
    Status::Other.as_str(),
];

#[derive(Default)]
struct Columns {
    time: Vec<i64>,
    name: Vec<u8>,
    seq: Vec<i64>,
    observed: Vec<i64>,
    stored: Vec<i64>,
    quality: Words,
    class_uid: Vec<i32>,
    activity_id: Vec<i32>,
    severity_id: Vec<i32>,
    normalizer: Vec<i32>,
    status: Words,
    words: [Words; TABLE_COLUMNS],
    src_port: Ports,
    dst_port: Ports,
    resources: Lists,
    source: Words,
    event_id: Texts,
    shared: Vec<bool>,
    conflict: Vec<bool>,
    addressed: Vec<bool>,
    raw: Texts,
    withheld: Lists,
    credential_uid: Words,
    /// Some rows' credentials stand in their records alone.
    older: bool,
}

impl Columns {
    /// A block of the first version has no credentials.
    fn read(
        &mut self,
        body: &[u8],
        rows: usize,
        context: BlockContext<'_>,
        first: bool,
    ) -> Result<()> {
        let mut from = Reader::new(body);
        let table = read_table(&mut from)?;
        self.read_origins(&mut from, rows, &table, context)?;

        let flags = from.bytes(rows)?;
        self.quality.start_block(&QUALITIES);
        self.status.start_block(&STATUSES);
        for flag in flags {
            self.quality.push(1 + usize::from(flag & 1), &QUALITIES)?;
            self.conflict.push(flag & 2 != 0);
            self.shared.push(flag & 4 != 0);
            self.addressed.push(flag & 8 != 0);
            self.status.push(1 + usize::from(flag >> 6), &STATUSES)?;
        }
        read_differences(&mut from, rows, &mut self.time)?;
        read_differences(&mut from, rows, &mut self.observed)?;
        for flag in flags {
            self.class_uid.push(from.i32()?);
            self.activity_id.push(from.i32()?);
            self.severity_id.push(from.i32()?);
            self.normalizer.push(from.i32()?);
            let mut port = |present: bool| present.then(|| from.i32()).transpose();
            self.src_port.push(port(flag & 16 != 0)?);
            self.dst_port.push(port(flag & 32 != 0)?);
        }
        for words in &mut self.words {
            words.start_block(&table);
            for _ in 0..rows {
                words.push(from.length(table.len())?, &table)?;
            }
        }
        for _ in 0..rows {
            self.resources.push(&mut from, &table)?;
        }
        for _ in 0..rows {
            self.withheld.push(&mut from, &table)?;
        }
        self.name
            .extend_from_slice(from.bytes(rows * NAME_LEN as usize)?);
        let (id_lengths, ids) = read_lengths(&mut from, rows)?;
        let (raw_lengths, raws) = read_lengths(&mut from, rows)?;
        self.event_id.extend(&id_lengths, from.bytes(ids)?)?;
        self.raw.extend(&raw_lengths, from.bytes(raws)?)?;
        self.older |= first;
        self.credential_uid.start_block(&table);
        for _ in 0..rows {
            let number = if first { 0 } else { from.length(table.len())? };
            self.credential_uid.push(number, &table)?;
        }
        if from.is_at_end() {
            Ok(())
        } else {
            Err(LakeError::corrupt("journal block with more than its rows"))
        }
    }

    fn read_origins(
        &mut self,
        from: &mut Reader<'_>,
        rows: usize,
        table: &[&str],
        context: BlockContext<'_>,
    ) -> Result<()> {
        let wrong = || LakeError::corrupt("journal block with wrong sequence numbers");
        let first = i64::try_from(context.first_seq).map_err(|_| wrong())?;
        let origins = from.length(rows)?;
        if origins == 0 {
            let end = first.checked_add(rows as i64).ok_or_else(wrong)?;
            self.seq.extend(first..end);
            self.stored
                .resize(self.stored.len() + rows, context.stored_ns);
            return self.source.push_text(context.source, rows);
        }
        let mut left = rows;
        for _ in 0..origins {
            let count = from.length(left)?;
            let start = first
                .checked_add(i64::from(from.u32()?))
                .ok_or_else(wrong)?;
            let end = start.checked_add(count as i64).ok_or_else(wrong)?;
            let stored = from.i64()?;
            let source = from
                .length(table.len())?
                .checked_sub(1)
                .and_then(|index| table.get(index));
            self.seq.extend(start..end);
            self.stored.resize(self.stored.len() + count, stored);
            self.source.push_text(source.ok_or_else(wrong)?, count)?;
            left -= count;
        }
        if left == 0 { Ok(()) } else { Err(wrong()) }
    }

    fn finish(self) -> Result<RecordBatch> {
        let time = |values: Vec<i64>| -> ArrayRef {
            Arc::new(TimestampNanosecondArray::from(values).with_timezone("UTC"))
        };
        let numbers = |values: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(values)) };
        let bools = |values: Vec<bool>| -> ArrayRef { Arc::new(BooleanArray::from(values)) };
        let mut words = self.words.map(Some);
        let mut word = |index: usize| -> Result<ArrayRef> {
            words
                .get_mut(index)
                .and_then(Option::take)
                .ok_or_else(|| LakeError::corrupt("a column is built twice"))?
                .finish()
        };
        let names = Buffer::from_vec(self.name);
        let columns: Vec<ArrayRef> = vec![
            time(self.time),
            Arc::new(FixedSizeBinaryArray::try_new(NAME_LEN, names, None)?),
            Arc::new(Int64Array::from(self.seq)),
            time(self.observed),
            time(self.stored),
            self.quality.finish()?,
            numbers(self.class_uid),
            numbers(self.activity_id),
            numbers(self.severity_id),
            self.status.finish()?,
            word(ACCOUNT)?,
            word(REGION)?,
            word(SERVICE)?,
            word(OPERATION)?,
            word(ACTOR)?,
            word(SRC_IP)?,
            self.src_port.finish()?,
            word(DST_IP)?,
            self.dst_port.finish()?,
            self.resources.finish()?,
            self.source.finish()?,
            word(SOURCE_TYPE)?,
            Arc::new(texts(self.event_id.ends, self.event_id.bytes)?),
            bools(self.shared),
            bools(self.conflict),
            Arc::new(texts(self.raw.ends, self.raw.bytes)?),
            word(RAW_CONTEXT)?,
            self.withheld.finish()?,
            numbers(self.normalizer),
            word(SHARED_EVENT_ID)?,
            bools(self.addressed),
            self.credential_uid.finish()?,
        ];
        let batch = RecordBatch::try_new(schema(), columns)?;
        if self.older {
            return with_credentials(&batch, crate::schema::Columns::ALL);
        }
        Ok(batch)
    }
}

/// The block's distinct words.
fn read_table<'a>(from: &mut Reader<'a>) -> Result<Vec<&'a str>> {
    let count = from.count()?;
    let (lengths, all) = read_lengths(from, count)?;
    let wrong = || LakeError::corrupt("journal block with words that are no text");
    let text = std::str::from_utf8(from.bytes(all)?).map_err(|_| wrong())?;
    let mut start = 0;
    let mut table = Vec::with_capacity(count);
    for length in lengths {
        table.push(text.get(start..start + length).ok_or_else(wrong)?);
        start += length;
    }
    Ok(table)
}

/// `count` lengths and their sum, which is no more than is left to read.
fn read_lengths(from: &mut Reader<'_>, count: usize) -> Result<(Vec<usize>, usize)> {
    let mut lengths = Vec::with_capacity(count.min(MAX_ROWS));
    let mut sum = 0_usize;
    for _ in 0..count {
        let length = from.length(super::MAX_BODY)?;
        lengths.push(length);
        sum = sum.saturating_add(length);
    }
    Ok((lengths, sum))
}

fn read_differences(from: &mut Reader<'_>, rows: usize, to: &mut Vec<i64>) -> Result<()> {
    let mut last = 0_i64;
    for _ in 0..rows {
        last = last.wrapping_add(from.i64()?);
        to.push(last);
    }
    Ok(())
}
