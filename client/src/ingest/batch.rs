//! Batches: what is sent at once, under an id that the same file gives again.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use cordon_proto::events::{IngestEventsRequest, RejectedRecord};
use jiff::Timestamp;
use ring::digest::{Context, SHA256};

use super::split::{Fault, Form, Piece, Splitter};
use crate::time::to_proto;

/// Most records in one batch.
pub const MAX_BATCH_RECORDS: usize = 10_000;
/// How many records a batch has unless said otherwise.
pub const DEFAULT_BATCH_RECORDS: usize = 5_000;
/// Most bytes of records in one batch; the server takes 8 MiB.
const MAX_BATCH_BYTES: usize = 7 << 20;

/// A record that could not be read here; the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
    /// Its bytes, cut to 1 MiB.
    pub content: Bytes,
}

/// Records that are stored together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Marks the batch: sent again under the same id it is stored once. 1 to 128 printable
    /// characters.
    pub id: String,
    /// Where it is from, for the one who sends it; not sent.
    pub label: Arc<str>,
    /// One record each, as the source wrote it.
    pub records: Vec<Bytes>,
    /// The line of each record, from 1; may be empty.
    pub lines: Vec<u64>,
    /// What all records need to be read: the header line of a flow log, or what [`Cut::context`]
    /// says; else empty.
    pub context: Arc<str>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Up to when the source has delivered everything, if it knows.
    pub watermark: Option<Timestamp>,
}

impl Batch {
    /// A batch of whole records under this id.
    #[must_use]
    pub fn new(id: impl Into<String>, records: Vec<Bytes>) -> Self {
        Self {
            id: id.into(),
            label: "".into(),
            records,
            lines: Vec::new(),
            context: "".into(),
            unreadable: Vec::new(),
            watermark: None,
        }
    }

    /// How many records were read to make it, good and bad.
    #[must_use]
    pub fn read_count(&self) -> u64 {
        (self.records.len() + self.unreadable.len()) as u64
    }

    pub(super) fn to_request(&self, source: &str, source_type: &str) -> IngestEventsRequest {
        let line = |line: &u64| i64::try_from(*line).unwrap_or(i64::MAX);
        IngestEventsRequest {
            source: source.to_owned(),
            source_type: source_type.to_owned(),
            batch_id: self.id.clone(),
            records: self.records.clone(),
            context: self.context.to_string(),
            lines: self.lines.iter().map(line).collect(),
            unreadable: self
                .unreadable
                .iter()
                .map(|record| RejectedRecord {
                    line: line(&record.line),
                    reason: record.fault.as_str().to_owned(),
                    message: record.fault.message().to_owned(),
                    content: record.content.clone(),
                })
                .collect(),
            watermark: self.watermark.map(to_proto),
        }
    }
}

/// How a file is made into batches.
#[derive(Debug, Clone)]
pub struct Cut {
    /// `sources/{source}` that the records are sent as.
    pub source: String,
    /// Kind of record, as in `aws.cloudtrail`.
    pub source_type: String,
    /// Most records in a batch, at most [`MAX_BATCH_RECORDS`].
    pub batch_records: usize,
    /// The field list of flow logs without a header line; none means version 2's.
    pub flow_fields: Option<String>,
    /// Whose the records are, where they do not say it themselves: of `k8s.audit` the account of
    /// the cluster, as in `k8s:prod-1`; of `linux.auth` the account of the host, or a JSON object
    /// with `account`, `host` and `utc_offset`. At most 8 KiB. Not for flow logs.
    pub context: Option<String>,
}

impl Cut {
    /// Batches of the usual size.
    #[must_use]
    pub fn new(source: impl Into<String>, source_type: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            source_type: source_type.into(),
            batch_records: DEFAULT_BATCH_RECORDS,
            flow_fields: None,
            context: None,
        }
    }
}

/// The batches of a file, made as they are asked for.
///
/// A batch's id is a hash of all that the file holds up to the batch's end. So the same file cut
/// in the same way gives the same ids again, whatever its name: what was stored before is
/// recognised, and a run that was broken off goes on where it was. A file that has grown gives the
/// same ids but for its last batch.
#[derive(Debug)]
pub struct Batches<R: Read> {
    splitter: Splitter<R>,
    label: Arc<str>,
    most_records: usize,
    hash: Hash,
    /// Of records that bring none.
    context: Arc<str>,
    /// Taken from the splitter, and for the next batch.
    next: Option<Piece>,
}

impl<R: Read> Batches<R> {
    /// Cuts what the reader gives. The label says in answers where a batch is from.
    ///
    /// # Errors
    ///
    /// Whatever the reader fails with.
    pub fn new(reader: R, label: &str, cut: &Cut) -> io::Result<Self> {
        let form = Form::of(&cut.source_type, cut.flow_fields.as_deref());
        let context = cut.context.as_deref().unwrap_or_default().trim();
        let mut hash = Hash(Context::new(&SHA256));
        hash.part(b"cordon batch 1");
        hash.part(cut.source.as_bytes());
        hash.part(cut.source_type.as_bytes());
        if !context.is_empty() {
            // Also where a batch has no record: what can't be read is kept with it.
            hash.part(context.as_bytes());
        }
        Ok(Self {
            splitter: Splitter::new(reader, form)?,
            label: label.into(),
            most_records: cut.batch_records.clamp(1, MAX_BATCH_RECORDS),
            hash,
            context: context.into(),
            next: None,
        })
    }

    fn batch(&mut self) -> io::Result<Option<Batch>> {
        let mut batch = Batch::new("", Vec::new());
        batch.label = Arc::clone(&self.label);
        batch.context = Arc::clone(&self.context);
        let mut size = 0;
        loop {
            let piece = match self.next.take() {
                Some(piece) => piece,
                None => match self.splitter.next().transpose()? {
                    Some(piece) => piece,
                    None => break,
                },
            };
            let length = match &piece {
                Piece::Record { bytes, .. } => bytes.len(),
                Piece::Unreadable { content, .. } => content.len() + 256,
            };
            let count = batch.records.len() + batch.unreadable.len();
            let full = count >= self.most_records || (count > 0 && size + length > MAX_BATCH_BYTES);
            let other_context = matches!(&piece, Piece::Record { context, .. }
                if !batch.records.is_empty() && !context.is_empty() && *context != batch.context);
            if full || other_context {
                self.next = Some(piece);
                break;
            }
            size += length;
            match piece {
                Piece::Record {
                    line,
                    bytes,
                    context,
                } => {
                    if batch.records.is_empty() {
                        if !context.is_empty() {
                            batch.context = context;
                        }
                        self.hash.part(batch.context.as_bytes());
                    }
                    self.hash.number(line);
                    self.hash.part(&bytes);
                    batch.records.push(bytes);
                    batch.lines.push(line);
                }
                Piece::Unreadable {
                    line,
                    fault,
                    content,
                } => {
                    self.hash.number(line);
                    self.hash.part(fault.as_str().as_bytes());
                    self.hash.part(fault.message().as_bytes());
                    self.hash.part(&content);
                    batch.unreadable.push(Unreadable {
                        line,
                        fault,
                        content,
                    });
                }
            }
        }
        if batch.read_count() == 0 {
            return Ok(None);
        }
        batch.id = self.hash.so_far();
        Ok(Some(batch))
    }
}

impl<R: Read> Iterator for Batches<R> {
    type Item = io::Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}

/// A hash over parts, each with its length, so that no two sequences of parts are alike.
struct Hash(Context);

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash")
    }
}

impl Hash {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn part(&mut self, part: &[u8]) {
        self.number(part.len() as u64);
        self.0.update(part);
    }

    /// 128 bits of the hash of all parts so far, in hexadecimal.
    fn so_far(&self) -> String {
        let digest = self.0.clone().finish();
        let mut text = String::with_capacity(32);
        for byte in digest.as_ref().iter().take(16) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(records: usize) -> Cut {
        Cut {
            batch_records: records,
            ..Cut::new("sources/s", "aws.cloudtrail")
        }
    }

    fn batches(file: &str, cut: &Cut) -> Vec<Batch> {
        Batches::new(file.as_bytes(), "f", cut)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    fn ids(file: &str, cut: &Cut) -> Vec<String> {
        batches(file, cut)
            .into_iter()
            .map(|batch| batch.id)
            .collect()
    }

    fn lines(numbers: std::ops::Range<u32>) -> String {
        numbers
            .map(|number| format!("{{\"n\":{number}}}\n"))
            .collect()
    }

    #[test]
    fn the_same_file_gives_the_same_ids_and_a_grown_one_all_but_the_last() {
        let first = ids(&lines(0..10), &cut(4));
        assert_eq!(first.len(), 3);
        assert_eq!(ids(&lines(0..10), &cut(4)), first);
        let grown = ids(&lines(0..14), &cut(4));
        assert_eq!(grown.len(), 4);
        assert_eq!(grown[..2], first[..2]);
        assert_ne!(grown[2], first[2]);
    }

    #[test]
    fn ids_differ_by_position_content_source_and_type() {
        // The same content twice in one file is two batches.
        let twice = ids(&(lines(0..4) + &lines(0..4)), &cut(4));
        assert_ne!(twice[0], twice[1]);
        let one = &ids(&lines(0..4), &cut(4))[0];
        for other in [
            ids(&lines(1..5), &cut(4)),
            ids(&format!("\n{}", lines(0..4)), &cut(4)),
            ids(
                &lines(0..4),
                &Cut {
                    source: "sources/t".to_owned(),
                    ..cut(4)
                },
            ),
            ids(
                &lines(0..4),
                &Cut {
                    source_type: "ocsf".to_owned(),
                    ..cut(4)
                },
            ),
        ] {
            assert_ne!(other[0], *one);
        }
        assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn the_context_goes_with_every_batch_and_is_part_of_its_id() {
        let of = |context: &str| Cut {
            context: (!context.is_empty()).then(|| context.to_owned()),
            ..Cut::new("sources/s", "k8s.audit")
        };
        let file = lines(0..3) + "bad\n";
        let told = batches(&file, &of(" k8s:prod-1\n"));
        assert_eq!(&*told[0].context, "k8s:prod-1");
        let request = told[0].to_request("sources/s", "k8s.audit");
        assert_eq!(request.context, "k8s:prod-1");
        // What can't be read is kept with it, too, and is no other cluster's batch.
        let bad = batches("bad\n", &of("k8s:prod-1"));
        assert_eq!(&*bad[0].context, "k8s:prod-1");
        for file in [file.as_str(), "bad\n"] {
            let all: std::collections::HashSet<_> = ["", "k8s:prod-1", "k8s:prod-2"]
                .into_iter()
                .flat_map(|context| ids(file, &of(context)))
                .collect();
            assert_eq!(all.len(), 3, "{file}");
        }
        // A flow log's header is its lines' own context, whatever else is said.
        let flow = Cut {
            context: Some("k8s:prod-1".to_owned()),
            ..Cut::new("sources/s", "aws.vpcflow")
        };
        let told = batches("version action\n2 OK\n", &flow);
        assert_eq!(&*told[0].context, "version action");
    }

    #[test]
    fn nothing_gives_no_batch_and_bad_records_count_as_read() {
        assert!(batches("[]", &cut(4)).is_empty());
        let batches = batches("{\"a\":1}\nbad\n{\"a\":2}\n", &cut(2));
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].read_count(), 2);
        assert_eq!(batches[0].lines, [1]);
        assert_eq!(batches[0].unreadable[0].line, 2);
        let request = batches[0].to_request("sources/s", "aws.cloudtrail");
        assert_eq!(request.unreadable[0].reason, "MALFORMED_JSON");
        assert_eq!(request.unreadable[0].content, "bad");
        assert_eq!(request.lines, [1]);
    }

    #[test]
    fn a_batch_has_one_header_and_a_bounded_size() {
        let flow = Cut::new("sources/s", "aws.vpcflow");
        let file = "version action\n2 OK\n2 NO\naction version\nOK 2\n";
        let contexts: Vec<_> = batches(file, &flow)
            .into_iter()
            .map(|batch| (batch.context.to_string(), batch.records.len()))
            .collect();
        assert_eq!(
            contexts,
            [
                ("version action".to_owned(), 2),
                ("action version".to_owned(), 1)
            ]
        );

        let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(900_000)).repeat(20);
        let batches = batches(&long, &cut(10_000));
        assert!(batches.len() >= 3);
        for batch in batches {
            assert!(batch.records.iter().map(Bytes::len).sum::<usize>() <= MAX_BATCH_BYTES);
        }
    }
}
