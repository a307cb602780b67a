//! VPC flow log lines below their header line.

use std::io::{self, Read};
use std::sync::Arc;

use super::lines::{Line, Lines};
use super::window::Window;
use super::{Fault, Piece, Source};

/// The field list of version 2, which lines without a header have.
pub(super) const DEFAULT_FIELDS: &str = "version account-id interface-id srcaddr dstaddr srcport \
     dstport protocol packets bytes start end action log-status";
const DEFAULT_COUNT: usize = 14;

/// The names that fields have in header lines.
const FIELDS: &[&str] = &[
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
    "resource-type",
    "tgw-id",
    "tgw-attachment-id",
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-service-name",
    "ecs-task-id",
    "reject-reason",
    "resource-id",
    "encryption-status",
];

/// The lines of a flow log. A header line holds until the next one, so that files put one behind
/// the other read well.
#[derive(Debug)]
pub(super) struct FlowLog<S> {
    lines: Lines<S>,
    /// From the header line, or from the caller.
    header: Option<Arc<str>>,
    default: Arc<str>,
}

impl<R: Read> FlowLog<Source<R>> {
    pub(super) fn new(window: Window<Source<R>>, fields: Option<&str>) -> Self {
        Self {
            lines: Lines::new(window),
            header: fields.map(|fields| fields.trim().into()),
            default: DEFAULT_FIELDS.into(),
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let (line, bytes) = match self.lines.line()? {
                Some(Line::Text(line, bytes)) => (line, bytes),
                Some(Line::Bad(piece)) => return Ok(Some(piece)),
                None => return Ok(None),
            };
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            if is_header(text) {
                self.header = Some(text.into());
                continue;
            }
            let context = match &self.header {
                Some(header) => Arc::clone(header),
                None if is_default(text) => Arc::clone(&self.default),
                None => return Ok(Some(self.lines.bad(line, Fault::MissingHeader, &bytes))),
            };
            return Ok(Some(Piece::Record {
                line,
                bytes,
                context,
            }));
        }
    }
}

/// Whether a line without a header is of version 2's default format.
fn is_default(line: &str) -> bool {
    let mut fields = line.split_ascii_whitespace();
    fields.next() == Some("2") && fields.count() == DEFAULT_COUNT - 1
}

/// Whether the line is a header and not a record: most of its words are field names, written as
/// `account-id`, `account_id`, `ACCOUNT-ID` or `${account-id}`.
fn is_header(line: &str) -> bool {
    if !line.starts_with(|first: char| first.is_ascii_alphabetic() || "$\"".contains(first)) {
        return false;
    }
    let comma = line.contains(',');
    let (mut known, mut words) = (0_usize, 0_usize);
    for word in line.split(|at: char| {
        if comma {
            at == ','
        } else {
            at.is_ascii_whitespace()
        }
    }) {
        let word = word.trim_matches(|at: char| at.is_ascii_whitespace() || at == '"');
        if word.is_empty() {
            continue;
        }
        words += 1;
        known += usize::from(is_field(word));
    }
    known * 2 > words
}

fn is_field(word: &str) -> bool {
    let word = word
        .strip_prefix("${")
        .and_then(|word| word.strip_suffix('}'))
        .unwrap_or(word);
    // Longer than any field: spare the copy.
    word.len() <= 40 && {
        let plain = word.replace('_', "-").to_ascii_lowercase();
        FIELDS.contains(&plain.as_str())
            || plain.starts_with("tgw-")
            || plain.starts_with("packets-lost-")
    }
}
