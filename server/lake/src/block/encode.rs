//! Rows → bytes.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};

use arrow::array::RecordBatch;
use cordon_views::{EventRow, Status};
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::{
    ENCODE_PRIME, Facts, LEVEL, MAX_BODY, MAX_ROWS, PRIME_BELOW, PRIMED, VERSION, shared_key,
};
use crate::codec::{put_i64, put_len, put_u64};
use crate::error::{LakeError, Result};
use crate::row::{Address, Events, Gaps, Row, Words};

/// A finished block and what the journal's row says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedBlock {
    /// Number of rows.
    pub rows: u32,
    /// Earliest event time, nanoseconds since 1970.
    pub min_time: i64,
    /// Latest event time, nanoseconds since 1970.
    pub max_time: i64,
    /// The block, to be sealed by the kernel.
    pub plain: Vec<u8>,
}

/// Where a run of rows in a merged block came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) rows: usize,
    /// Sequence number of the first row, from the block's first one.
    pub(crate) offset: u32,
    pub(crate) stored_ns: i64,
    pub(crate) source: String,
}

/// Makes blocks; keeps its buffers between them, so keep it too.
pub struct BlockEncoder {
    words: Interner,
    columns: Vec<u8>,
    body: Vec<u8>,
    scratch: String,
    packed: Vec<u8>,
    plain: Compressor<'static>,
    primed: Compressor<'static>,
}

impl BlockEncoder {
    /// A new encoder.
    ///
    /// # Errors
    /// Out of memory in zstd.
    pub fn new() -> Result<Self> {
        Ok(Self {
            words: Interner::default(),
            columns: Vec::new(),
            body: Vec::new(),
            scratch: String::new(),
            packed: Vec::new(),
            plain: Compressor::new(LEVEL)?,
            primed: Compressor::with_prepared_dictionary(&ENCODE_PRIME)?,
        })
    }

    /// Encodes rows in the order given; row number i gets the block's first sequence number
    /// plus i.
    ///
    /// # Errors
    /// [`LakeError::TooLarge`]: no row, more than [`MAX_ROWS`], or more than [`MAX_BODY`]
    /// bytes; split and try again.
    pub fn encode<R: std::borrow::Borrow<EventRow>>(&mut self, rows: &[R]) -> Result<EncodedBlock> {
        let rows: Vec<Row<'_>> = rows.iter().map(|row| Row::from(row.borrow())).collect();
        self.encode_rows(&rows, &[])
    }

    /// Encodes the events of a batch of all columns, which keep their sequence numbers,
    /// sources and stored times. The batch is in sequence order and `first_seq` is not above
    /// its first number.
    pub(crate) fn encode_batch(
        &mut self,
        batch: &RecordBatch,
        first_seq: u64,
    ) -> Result<EncodedBlock> {
        let events = Events::new(batch)?;
        let mut origins: Vec<Origin> = Vec::new();
        let mut next = None;
        for row in 0..events.len() {
            let seq = events.seq(row);
            let offset = seq
                .checked_sub(first_seq)
                .and_then(|offset| u32::try_from(offset).ok())
                .ok_or(LakeError::TooLarge(
                    "range of sequence numbers in a merged block",
                ))?;
            let (stored_ns, source) = (events.stored_ns(row), events.source(row));
            match origins.last_mut() {
                Some(last)
                    if next == Some(seq)
                        && last.stored_ns == stored_ns
                        && last.source == source =>
                {
                    last.rows += 1;
                }
                _ => origins.push(Origin {
                    rows: 1,
                    offset,
                    stored_ns,
                    source: source.to_owned(),
                }),
            }
            next = seq.checked_add(1);
        }
        let rows: Vec<Row<'_>> = (0..events.len()).map(|row| events.borrow(row)).collect();
        self.encode_rows(&rows, &origins)
    }

    pub(crate) fn encode_rows(
        &mut self,
        rows: &[Row<'_>],
        origins: &[Origin],
    ) -> Result<EncodedBlock> {
        if rows.is_empty() {
            return Err(LakeError::TooLarge("a block has at least one row"));
        }
        if rows.len() > MAX_ROWS {
            return Err(LakeError::TooLarge("rows in a block"));
        }
        self.words.clear(rows.len());
        self.columns.clear();
        self.put_origins(origins);
        self.put_columns(rows);

        self.body.clear();
        self.words.write(&mut self.body);
        self.body.extend_from_slice(&self.columns);
        if self.body.len() > MAX_BODY {
            return Err(LakeError::TooLarge("bytes in a block"));
        }
        let primed = self.body.len() < PRIME_BELOW;
        let compressor = if primed {
            &mut self.primed
        } else {
            &mut self.plain
        };
        self.packed.clear();
        self.packed.reserve(compress_bound(self.body.len()));
        compressor.compress_to_buffer(&self.body, &mut self.packed)?;

        let mut plain = Vec::with_capacity(self.packed.len() + 16);
        plain.push(VERSION);
        plain.push(if primed { PRIMED } else { 0 });
        put_len(&mut plain, rows.len());
        put_len(&mut plain, self.body.len());
        put_facts(&mut plain, &facts(rows, origins));
        plain.extend_from_slice(&self.packed);

        let times = rows.iter().map(|row| row.time_ns);
        Ok(EncodedBlock {
            rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            min_time: times.clone().min().unwrap_or(0),
            max_time: times.max().unwrap_or(0),
            plain,
        })
    }

    fn put_origins(&mut self, origins: &[Origin]) {
        put_len(&mut self.columns, origins.len());
        for origin in origins {
            put_len(&mut self.columns, origin.rows);
            put_u64(&mut self.columns, u64::from(origin.offset));
            put_i64(&mut self.columns, origin.stored_ns);
            let source = self.words.number(&origin.source);
            put_u64(&mut self.columns, u64::from(source));
        }
    }

    fn put_columns(&mut self, rows: &[Row<'_>]) {
        let to = &mut self.columns;
        to.extend(rows.iter().map(flags));
        let mut last = 0;
        for row in rows {
            put_i64(to, row.time_ns.wrapping_sub(last));
            last = row.time_ns;
        }
        let mut last = 0;
        for row in rows {
            put_i64(to, row.observed_ns.wrapping_sub(last));
            last = row.observed_ns;
        }
        for row in rows {
            for number in [
                row.class_uid,
                row.activity_id,
                row.severity_id,
                row.normalizer,
            ] {
                put_i64(to, i64::from(number));
            }
            for port in [row.src_port, row.dst_port].into_iter().flatten() {
                put_i64(to, i64::from(port));
            }
        }
        let words = &mut self.words;
        for pick in WORDS {
            for row in rows {
                put_u64(to, u64::from(words.number(pick(row))));
            }
        }
        for pick in ADDRESSES {
            for row in rows {
                let number = match pick(row) {
                    Address::Ip(None) => 0,
                    Address::Text(text) => words.number(text),
                    Address::Ip(Some(ip)) => {
                        self.scratch.clear();
                        // Writing to a String does not fail.
                        let _ = write!(self.scratch, "{ip}");
                        words.number(&self.scratch)
                    }
                };
                put_u64(to, u64::from(number));
            }
        }
        for row in rows {
            put_words(to, words, &row.resources);
        }
        for row in rows {
            put_gaps(to, words, &mut self.scratch, &row.withheld);
        }
        for row in rows {
            to.extend_from_slice(&row.name);
        }
        for pick in [
            |row: &Row<'_>| row.event_id.len(),
            |row: &Row<'_>| row.raw.len(),
        ] {
            rows.iter().for_each(|row| put_len(to, pick(row)));
        }
        rows.iter()
            .for_each(|row| to.extend_from_slice(row.event_id.as_bytes()));
        rows.iter()
            .for_each(|row| to.extend_from_slice(row.raw.as_bytes()));
        for row in rows {
            put_u64(to, u64::from(words.number(row.credential_uid)));
        }
    }
}

/// The text columns that go through the table of words, in the order they are written.
const WORDS: [for<'a> fn(&Row<'a>) -> &'a str; 8] = [
    |row| row.account,
    |row| row.region,
    |row| row.service,
    |row| row.operation,
    |row| row.actor,
    |row| row.source_type,
    |row| row.raw_context,
    |row| row.shared_event_id,
];

const ADDRESSES: [for<'a> fn(&Row<'a>) -> Address<'a>; 2] = [|row| row.src_ip, |row| row.dst_ip];

fn flags(row: &Row<'_>) -> u8 {
    let status = match row.status {
        Status::Unknown => 0,
        Status::Success => 1,
        Status::Failure => 2,
        Status::Other => 3,
    };
    u8::from(row.time_invalid)
        | u8::from(row.conflict) << 1
        | u8::from(row.shared) << 2
        | u8::from(row.addressed) << 3
        | u8::from(row.src_port.is_some()) << 4
        | u8::from(row.dst_port.is_some()) << 5
        | status << 6
}

fn put_words(to: &mut Vec<u8>, words: &mut Interner, list: &Words<'_>) {
    put_len(to, list.len());
    // An empty element is number 0 here, where no element means "none".
    list.for_each(|word| put_u64(to, u64::from(words.number(word))));
}

fn put_gaps(to: &mut Vec<u8>, words: &mut Interner, scratch: &mut String, gaps: &Gaps<'_>) {
    match gaps {
        Gaps::Owned(gaps) => {
            put_len(to, gaps.len());
            for gap in *gaps {
                scratch.clear();
                let _ = write!(scratch, "{} {}", gap.reason, gap.path);
                put_u64(to, u64::from(words.number(scratch)));
            }
        }
        Gaps::Array(lines) => put_words(to, words, &Words::Array(lines.clone())),
    }
}

/// Sequence number of each row, from the block's first.
fn offsets<'a>(rows: usize, origins: &'a [Origin]) -> Box<dyn Iterator<Item = u32> + 'a> {
    if origins.is_empty() {
        return Box::new(0..u32::try_from(rows).unwrap_or(u32::MAX));
    }
    Box::new(origins.iter().flat_map(|origin| {
        let rows = u32::try_from(origin.rows).unwrap_or(u32::MAX);
        origin.offset..origin.offset.saturating_add(rows)
    }))
}

fn facts(rows: &[Row<'_>], origins: &[Origin]) -> Facts {
    let mut facts = Facts::default();
    for (row, offset) in rows.iter().zip(offsets(rows.len(), origins)) {
        if row.time_invalid {
            facts.invalid.push((offset, row.name));
        }
        if row.addressed && !row.shared_event_id.is_empty() {
            let key = shared_key(row.source_type, row.shared_event_id);
            facts.superseding.push((offset, key));
        }
    }
    facts
}

fn put_facts(to: &mut Vec<u8>, facts: &Facts) {
    for list in [&facts.invalid, &facts.superseding] {
        put_len(to, list.len());
        for (offset, key) in list {
            put_u64(to, u64::from(*offset));
            to.extend_from_slice(key);
        }
    }
}

/// Numbers the distinct short texts of a block, from 1, in order of first appearance. One
/// allocation for all of them: a block of one row must not cost fifteen.
#[derive(Default)]
struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Open addressing; 0 is free. Random keys, since the texts are a stranger's choice.
    slots: Vec<u32>,
    hash: RandomState,
}

impl Interner {
    fn clear(&mut self, rows: usize) {
        self.bytes.clear();
        self.ends.clear();
        self.slots.clear();
        self.slots.resize((rows * 8).next_power_of_two().max(64), 0);
    }

    fn get(&self, number: u32) -> &[u8] {
        let index = number as usize;
        let end = self.ends.get(index.wrapping_sub(1)).copied().unwrap_or(0);
        let start = self.ends.get(index.wrapping_sub(2)).copied().unwrap_or(0);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// 0 for the empty text.
    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if (self.ends.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let slot = self.find(text.as_bytes());
        match self.slots.get(slot) {
            Some(&number) if number != 0 => number,
            _ => {
                self.bytes.extend_from_slice(text.as_bytes());
                self.ends.push(self.bytes.len());
                let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
                if let Some(free) = self.slots.get_mut(slot) {
                    *free = number;
                }
                number
            }
        }
    }

    /// The slot that holds the text, or the free one where it belongs.
    fn find(&self, text: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash.hash_one(text) as usize & mask;
        // At most half of the slots are taken, so a free one is met.
        while let Some(&number) = self.slots.get(slot) {
            if number == 0 || self.get(number) == text {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let wider = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(wider, 0);
        for number in 1..=u32::try_from(self.ends.len()).unwrap_or(u32::MAX) {
            let slot = self.find(self.get(number));
            if let Some(free) = self.slots.get_mut(slot) {
                *free = number;
            }
        }
    }

    fn write(&self, to: &mut Vec<u8>) {
        put_len(to, self.ends.len());
        let mut start = 0;
        for end in &self.ends {
            put_len(to, end - start);
            start = *end;
        }
        to.extend_from_slice(&self.bytes);
    }
}
