//! From a file to its records, as it is read and without keeping more than a few MiB of it.
//!
//! JSON comes as `{"Records":[…]}` (other clouds have words of their own), as a list, as one
//! object, as one object a line, as objects one after another, or with nothing in it; VPC flow
//! logs as lines below a header line; logs of hosts as lines. Each may be compressed with gzip.
//! One bad record never takes the next with it: it becomes a piece with its line, the reason and
//! its bytes, and reading goes on behind it.
//!
//! Records are handed on byte for byte. Here they are only told apart; what the server finds
//! wrong in one that was told apart (nested too deep, a key twice) it says itself.

mod flow;
mod json;
mod lines;
mod window;

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use self::flow::FlowLog;
use self::json::Documents;
use self::lines::Lines;
use self::window::Window;

/// Longest record, in bytes.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// How much is read from a file at once.
const READ_BYTES: usize = 256 << 10;

/// Why a record could not be told apart from the rest of the file, or not be read. The codes are
/// the server's, where it has one for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Not JSON.
    MalformedJson,
    /// JSON, but no object.
    NotAnObject,
    /// Longer than [`MAX_RECORD_BYTES`].
    TooLarge,
    /// Not UTF-8.
    NotUtf8,
    /// The file ends within the record, or within the list that held the records.
    Truncated,
    /// The compressed file ends before its end.
    TruncatedInput,
    /// The compressed file is damaged.
    CorruptInput,
    /// The file is compressed in another way than gzip, or twice.
    Compressed,
    /// A flow log line that is not of the default format, and no header says what it is.
    MissingHeader,
}

impl Fault {
    /// The code, as in `MALFORMED_JSON`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "MALFORMED_JSON",
            Self::NotAnObject => "NOT_AN_OBJECT",
            Self::TooLarge => "TOO_LARGE",
            Self::NotUtf8 => "NOT_UTF8",
            Self::Truncated => "TRUNCATED",
            Self::TruncatedInput => "TRUNCATED_INPUT",
            Self::CorruptInput => "CORRUPT_INPUT",
            Self::Compressed => "COMPRESSED",
            Self::MissingHeader => "MISSING_HEADER",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::MalformedJson => "the record is not valid JSON",
            Self::NotAnObject => "the record is JSON, but not an object",
            Self::TooLarge => "the record is longer than 1 MiB",
            Self::NotUtf8 => "the record is not UTF-8",
            Self::Truncated => "the file ends before the record or the list of records does",
            Self::TruncatedInput => {
                "the compressed file is cut off: what comes behind this line is missing"
            }
            Self::CorruptInput => {
                "the compressed file is damaged: what comes behind this line can't be unpacked"
            }
            Self::Compressed => {
                "the content is compressed in a way that is not read here: unpack it first"
            }
            Self::MissingHeader => {
                "the line is not of the default flow log format, and no header line says what it is"
            }
        }
    }
}

/// What a file holds, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A record.
    Record {
        /// Line on which it starts, from 1.
        line: u64,
        /// Its bytes as they stand in the file, without white space around them.
        bytes: Bytes,
        /// What is needed to read it besides: the header line of a flow log; else empty.
        context: Arc<str>,
    },
    /// What can't be a record.
    Unreadable {
        /// Line on which it starts, from 1.
        line: u64,
        /// What is wrong with it.
        fault: Fault,
        /// Its bytes, cut to [`MAX_RECORD_BYTES`].
        content: Bytes,
    },
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// JSON of any shape, also `{"Records":[…]}`.
    Json,
    /// JSON of any shape in which an object may hold records as a list under another key: one of
    /// these, each in quotes, as in `"value"`.
    JsonUnder(&'static [&'static [u8]]),
    /// Lines of a flow log. The field list is for files without a header line.
    FlowLog(Option<&'a str>),
    /// Lines, each a record.
    Lines,
}

impl<'a> Form<'a> {
    /// The form of files of a source type; JSON with `Records` for one that is not known here.
    /// `flow_fields` is the field list of flow logs without a header line.
    #[must_use]
    pub fn of(source_type: &str, flow_fields: Option<&'a str>) -> Self {
        match source_type {
            "aws.vpcflow" => Self::FlowLog(flow_fields),
            "linux.auth" => Self::Lines,
            // The API's answer to `entries.list`.
            "gcp.audit" => Self::JsonUnder(&[b"\"entries\""]),
            // Event hubs and storage accounts; the APIs' answers.
            "azure.activity" | "azure.signin" => Self::JsonUnder(&[b"\"records\"", b"\"value\""]),
            // An `EventList`, as the API server sends it to a webhook; AKS's event hub.
            "k8s.audit" => Self::JsonUnder(&[b"\"items\"", b"\"records\""]),
            _ => Self::Json,
        }
    }
}

/// The pieces of a file, read as they are asked for.
///
/// ```
/// use cordon_client::ingest::{Form, Piece, Splitter};
/// let file: &[u8] = br#"{"Records":[{"eventID":"1"},{"eventID":"2"}]}"#;
/// let records = Splitter::new(file, Form::Json)?
///     .map(|piece| match piece? {
///         Piece::Record { bytes, .. } => Ok(bytes),
///         Piece::Unreadable { fault, .. } => Err(std::io::Error::other(fault.message())),
///     })
///     .collect::<std::io::Result<Vec<_>>>()?;
/// assert_eq!(records, [r#"{"eventID":"1"}"#, r#"{"eventID":"2"}"#]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Splitter<R: Read>(Inner<R>);

#[derive(Debug)]
enum Inner<R: Read> {
    Json(Box<Documents<Source<R>>>),
    Flow(Box<FlowLog<Source<R>>>),
    Lines(Box<Lines<Source<R>>>),
}

impl<R: Read> Splitter<R> {
    /// Splits what the reader gives; gzip is noticed and unpacked.
    ///
    /// # Errors
    ///
    /// Whatever the reader fails with.
    pub fn new(reader: R, form: Form<'_>) -> io::Result<Self> {
        let window = Window::new(Source::open(reader)?);
        Ok(Self(match form {
            Form::Json => Inner::Json(Box::new(Documents::new(window, &[b"\"Records\""]))),
            Form::JsonUnder(keys) => Inner::Json(Box::new(Documents::new(window, keys))),
            Form::FlowLog(fields) => Inner::Flow(Box::new(FlowLog::new(window, fields))),
            Form::Lines => Inner::Lines(Box::new(Lines::new(window))),
        }))
    }
}

impl<R: Read> Iterator for Splitter<R> {
    type Item = io::Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Inner::Json(documents) => documents.next().transpose(),
            Inner::Flow(lines) => lines.next().transpose(),
            Inner::Lines(lines) => lines.next().transpose(),
        }
    }
}

type Opened<R> = BufReader<io::Chain<Cursor<Vec<u8>>, R>>;

/// A file, unpacked if need be.
#[derive(Debug)]
enum Source<R: Read> {
    Plain(Opened<R>),
    Gzip(Box<MultiGzDecoder<Opened<R>>>),
}

impl<R: Read> Source<R> {
    fn open(mut reader: R) -> io::Result<Self> {
        let mut magic = Vec::new();
        reader.by_ref().take(2).read_to_end(&mut magic)?;
        let gzip = magic == [0x1f, 0x8b];
        let whole = BufReader::with_capacity(READ_BYTES, Cursor::new(magic).chain(reader));
        Ok(if gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(whole)))
        } else {
            Self::Plain(whole)
        })
    }
}

/// What reading gives: bytes, the end, or an end that comes too early.
enum Got {
    Bytes(usize),
    End,
    Broken(Fault),
}

impl<R: Read> Source<R> {
    fn get(&mut self, into: &mut [u8]) -> io::Result<Got> {
        loop {
            let result = match self {
                Self::Plain(reader) => reader.read(into),
                Self::Gzip(reader) => reader.read(into),
            };
            return match result {
                Ok(0) => Ok(Got::End),
                Ok(length) => Ok(Got::Bytes(length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if matches!(self, Self::Gzip(_)) => match error.kind() {
                    io::ErrorKind::UnexpectedEof => Ok(Got::Broken(Fault::TruncatedInput)),
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                        Ok(Got::Broken(Fault::CorruptInput))
                    }
                    _ => Err(error),
                },
                Err(error) => Err(error),
            };
        }
    }
}

#[cfg(test)]
mod tests;
