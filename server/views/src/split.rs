//! From an uploaded payload to its records, without copying.
//!
//! JSON sources come as `{"Records":[…]}` (other clouds have words of their own), as a
//! list, as one object, as one object a line, as objects one after another, or with nothing
//! in them; VPC flow logs as lines below a header line; those of Linux hosts as bare lines
//! or one object a line. One bad record never takes the next with it: it becomes an item
//! with its place, the reason and its bytes, and reading goes on behind it. Every byte that
//! is not white space, punctuation between records, a header or the wrapper around the
//! records belongs to exactly one item.
//!
//! Reading is lazy and its work is bounded by a multiple of the payload's size, whatever
//! is in it.

mod flow;
mod json;
pub(crate) mod scan;
mod text;

use std::fmt;

use crate::attribute::{self, Reject};
use crate::row::SourceType;
use crate::vpcflow::Layout;

/// Longest record, in bytes.
pub const MAX_RECORD_BYTES: usize = attribute::LONGEST_RECORD;

/// Deepest nesting of lists and objects in a record.
pub const MAX_DEPTH: usize = attribute::DEEPEST_RECORD;

/// Why a record can't be taken. Closed: users' scripts compare with the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// Not JSON.
    Malformed,
    /// JSON, but no object.
    NotAnObject,
    /// Longer than [`MAX_RECORD_BYTES`].
    TooLong,
    /// Not UTF-8.
    NotUtf8,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// An object has a key twice, so that two readers could see two different events.
    DuplicateKey,
    /// The payload ends within the record, or within the list that held the records.
    Truncated,
    /// The payload is still compressed.
    Compressed,
    /// A flow log line that is not of the default format, and no header says what it is.
    MissingHeader,
    /// A flow log line with more or fewer fields than its header.
    FieldCount,
    /// A header that names a field twice, none that is known, or far too many.
    BadHeader,
}

impl From<Fault> for Reject {
    fn from(fault: Fault) -> Self {
        Self::new(fault.as_str(), fault.message())
    }
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 11] = [
        Self::Malformed,
        Self::NotAnObject,
        Self::TooLong,
        Self::NotUtf8,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::Truncated,
        Self::Compressed,
        Self::MissingHeader,
        Self::FieldCount,
        Self::BadHeader,
    ];

    /// The code users see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => Reject::MALFORMED,
            Self::NotAnObject => "NOT_AN_OBJECT",
            Self::TooLong => Reject::TOO_LONG,
            Self::NotUtf8 => Reject::NOT_UTF8,
            Self::TooDeep => Reject::TOO_DEEP,
            Self::DuplicateKey => Reject::DUPLICATE_KEY,
            Self::Truncated => "TRUNCATED",
            Self::Compressed => "COMPRESSED",
            Self::MissingHeader => "MISSING_HEADER",
            Self::FieldCount => "FIELD_COUNT",
            Self::BadHeader => "BAD_HEADER",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Malformed => "the record is not valid JSON",
            Self::NotAnObject => "the record is JSON, but not an object",
            Self::TooLong => "the record is longer than 1 MiB",
            Self::NotUtf8 => "the record is not UTF-8",
            Self::TooDeep => "the record is nested deeper than 64 levels",
            Self::DuplicateKey => "an object in the record has the same key twice",
            Self::Truncated => "the input ends before the record or the list of records does",
            Self::Compressed => "the input is still compressed",
            Self::MissingHeader => {
                "the line is not of the default flow log format, and no header line came before it"
            }
            Self::FieldCount => "the line does not have as many fields as its header",
            Self::BadHeader => "the header names a field twice, none that is known, or too many",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One record of a payload, good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Line of the payload on which it starts, counted from 1.
    pub line: u64,
    /// Offset in the payload, in bytes.
    pub offset: usize,
    /// Its bytes as they came, without white space around them: what the dead-letter store
    /// keeps of a bad record.
    pub bytes: &'a [u8],
    /// What is needed to read it besides: the header line above it, as written. `None` for
    /// JSON, and for flow log lines of the default format that have no header.
    pub context: Option<&'a str>,
    /// The record, or why it can't be taken.
    pub record: Result<&'a str, Fault>,
}

/// Splits a payload of that source type into its records.
#[must_use]
pub fn split(source_type: SourceType, payload: &[u8]) -> Splitter<'_> {
    let inner = if let Some(fault) = unreadable(payload) {
        Inner::Once(Some(Item {
            line: 1,
            offset: 0,
            bytes: payload,
            context: None,
            record: Err(fault),
        }))
    } else if source_type == SourceType::AwsVpcFlow {
        Inner::Flow(flow::Lines::new(payload))
    } else if source_type == SourceType::LinuxAuth {
        Inner::Text(text::Lines::new(payload))
    } else {
        Inner::Json(Box::new(json::Documents::new(
            payload,
            wrappers(source_type),
        )))
    };
    Splitter(inner)
}

/// Keys, in quotes, under which deliveries of a source type have their records.
const fn wrappers(source_type: SourceType) -> &'static [&'static [u8]] {
    match source_type {
        // The API's answer to `entries.list`.
        SourceType::GcpAudit => &[b"\"entries\""],
        // Event hubs and storage accounts; the APIs' answers.
        SourceType::AzureActivity | SourceType::AzureSignIn => &[b"\"records\"", b"\"value\""],
        // An `EventList`, as the API server sends it to a webhook; AKS's event hub.
        SourceType::K8sAudit => &[b"\"items\"", b"\"records\""],
        _ => &[b"\"Records\""],
    }
}

/// What no reader of text can do anything with, told by its first bytes.
fn unreadable(payload: &[u8]) -> Option<Fault> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    const UTF16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];
    if payload.starts_with(GZIP) || payload.starts_with(ZSTD) {
        return Some(Fault::Compressed);
    }
    UTF16
        .iter()
        .any(|mark| payload.starts_with(mark))
        .then_some(Fault::NotUtf8)
}

/// The byte order mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// The records of a payload, one after another; made by [`split`].
#[derive(Debug)]
pub struct Splitter<'a>(Inner<'a>);

#[derive(Debug)]
enum Inner<'a> {
    Once(Option<Item<'a>>),
    Json(Box<json::Documents<'a>>),
    Flow(flow::Lines<'a>),
    Text(text::Lines<'a>),
}

impl<'a> Iterator for Splitter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match &mut self.0 {
            Inner::Once(item) => item.take(),
            Inner::Json(documents) => documents.next(),
            Inner::Flow(lines) => lines.next(),
            Inner::Text(lines) => lines.next(),
        }
    }
}

/// Checks one record that came by itself, as [`split`] checks those of a payload, so that
/// what a client split and what the server accepts follow the same rules.
///
/// # Errors
///
/// What is wrong with the record, or with the header line in `context`.
pub fn check_record<'a>(
    source_type: SourceType,
    record: &'a [u8],
    context: Option<&str>,
) -> Result<&'a str, Fault> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(Fault::TooLong);
    }
    if source_type == SourceType::LinuxAuth {
        return text::check(record, context.is_some());
    }
    if source_type != SourceType::AwsVpcFlow {
        return json::check(record);
    }
    let text = std::str::from_utf8(record).map_err(|_| Fault::NotUtf8)?;
    let cut = match context {
        Some(header) => Layout::parse(header)?.cut(text),
        None => Layout::default_format().cut(text),
    };
    cut.map(|_| text)
}

/// Counts lines up to where an item starts; offsets must not go down.
#[derive(Debug)]
struct LineCounter {
    line: u64,
    counted_to: usize,
}

impl LineCounter {
    const fn new() -> Self {
        Self {
            line: 1,
            counted_to: 0,
        }
    }

    fn at(&mut self, payload: &[u8], offset: usize) -> u64 {
        if let Some(passed) = payload.get(self.counted_to..offset) {
            self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.counted_to = offset;
        }
        self.line
    }
}

#[cfg(test)]
mod tests;
