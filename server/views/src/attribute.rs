//! The one door: a record in, rows for the customers whom it concerns out.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::directory::{Directory, Names};
use crate::row::{Attributed, SourceType};
use crate::{azure, cloudtrail, gcp, guardduty, k8s, linux_auth, ocsf_native, openstack, vpcflow};

/// A record that can't be read. It goes to the dead letters, replayable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({reason})")]
pub struct Reject {
    /// A code from a closed set that scripts compare with.
    pub reason: &'static str,
    /// What is wrong, with its place where that is known.
    pub message: String,
}

impl Reject {
    /// The record is not UTF-8.
    pub const NOT_UTF8: &str = "NOT_UTF8";
    /// The record is not what its source type promises: not JSON, not an object, not a
    /// flow log line.
    pub const MALFORMED: &str = "MALFORMED";
    /// A key that decides who is concerned stands there twice.
    pub const DUPLICATE_KEY: &str = "DUPLICATE_KEY";
    /// Nested deeper than 64.
    pub const TOO_DEEP: &str = "TOO_DEEP";
    /// Longer than 1 MiB.
    pub const TOO_LONG: &str = "TOO_LONG";
    /// More parties or identities than a record can honestly have.
    pub const TOO_MANY_PARTIES: &str = "TOO_MANY_PARTIES";
    /// The record does not say whose it is, and no context does.
    pub const MISSING_CONTEXT: &str = "MISSING_CONTEXT";
    /// The server's own tables are wrong; nothing is wrong with the record.
    pub const BROKEN_TABLE: &str = "BROKEN_TABLE";

    /// A rejection with one of the codes above.
    #[must_use]
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

impl From<crate::table::TableError> for Reject {
    fn from(error: crate::table::TableError) -> Self {
        Self::new(Self::BROKEN_TABLE, error.to_string())
    }
}

/// What a record means for whom: one row for each registered party, and the ids of the
/// parties that nobody is registered for.
///
/// `context` is what is needed to read the record besides it (the header line of VPC flow
/// logs, whose a Linux host is, the account of a Kubernetes cluster), `observed_ns` when it
/// was received, in nanoseconds since 1970. Who owns what is
/// asked as of the event's own time.
///
/// # Errors
///
/// [`Reject`] if the record can't be read. Never panics, whatever the bytes.
pub fn attribute<D, N>(
    source_type: SourceType,
    record: &[u8],
    context: Option<&str>,
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    match source_type {
        SourceType::AwsCloudTrail => cloudtrail::attribute(record, observed_ns, directory, names),
        SourceType::AwsVpcFlow => {
            vpcflow::attribute(record, context, observed_ns, directory, names)
        }
        SourceType::AwsGuardDuty => guardduty::attribute(record, observed_ns, directory, names),
        SourceType::Ocsf => ocsf_native::attribute(record, observed_ns, directory, names),
        SourceType::GcpAudit => gcp::attribute(record, observed_ns, directory, names),
        SourceType::AzureActivity => azure::attribute(record, observed_ns, directory, names),
        SourceType::AzureSignIn => azure::signin::attribute(record, observed_ns, directory, names),
        SourceType::K8sAudit => k8s::attribute(record, context, observed_ns, directory, names),
        SourceType::OpenStackNotification => {
            openstack::attribute(record, observed_ns, directory, names)
        }
        SourceType::LinuxAuth => {
            linux_auth::attribute(record, context, observed_ns, directory, names)
        }
    }
}

/// A record is no longer than this.
pub const LONGEST_RECORD: usize = 1 << 20;
/// A record is nested no deeper than this.
pub const DEEPEST_RECORD: usize = 64;

/// A JSON record as text, of a size and depth that are fit to be read.
///
/// # Errors
///
/// [`Reject`] with `TOO_LONG`, `NOT_UTF8` or `TOO_DEEP`.
pub fn checked_text(record: &[u8]) -> Result<&str, Reject> {
    if record.len() > LONGEST_RECORD {
        return Err(Reject::new(
            Reject::TOO_LONG,
            format!("{} bytes, more than {LONGEST_RECORD}", record.len()),
        ));
    }
    let text = std::str::from_utf8(record).map_err(|error| {
        Reject::new(
            Reject::NOT_UTF8,
            format!("not UTF-8 after byte {}", error.valid_up_to()),
        )
    })?;
    // Counting brackets is quick, and nearly no record has more of them than the depth
    // that is allowed; only then they must be told from those in strings.
    let brackets = memchr::memchr2_iter(b'{', b'[', record).count();
    if brackets > DEEPEST_RECORD && depth(record) > DEEPEST_RECORD {
        return Err(Reject::new(
            Reject::TOO_DEEP,
            format!("nested deeper than {DEEPEST_RECORD}"),
        ));
    }
    Ok(text)
}

/// How deep JSON text is nested; brackets in strings do not count.
fn depth(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => {
                            bytes.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

/// Fingerprint of a JSON record's content: that of its bytes without the white space that
/// means nothing, so that the same record pretty-printed is the same.
#[must_use]
pub fn content_hash(record: &str) -> [u8; 32] {
    let bytes = record.as_bytes();
    // Nearly every record is compact already, and telling so is cheaper than copying it.
    // A record whose space this misses is merely another content.
    let spaced = memchr::memchr(b'\n', bytes).is_some()
        || AFTER_COLON.find(bytes).is_some()
        || AFTER_COMMA.find(bytes).is_some();
    if spaced {
        blake3::hash(&compact(bytes)).into()
    } else {
        blake3::hash(bytes).into()
    }
}

static AFTER_COLON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\": "));
static AFTER_COMMA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b", \""));

/// The JSON text without white space outside of strings.
fn compact(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        // Outside of strings.
        let Some(quote) = memchr::memchr(b'"', rest) else {
            out.extend(rest.iter().filter(|byte| !byte.is_ascii_whitespace()));
            return out;
        };
        let (before, string) = rest.split_at(quote);
        out.extend(before.iter().filter(|byte| !byte.is_ascii_whitespace()));
        // A string: from this quote to the next that no backslash takes away.
        let mut end = 1;
        while let Some(byte) = string.get(end) {
            end += match byte {
                b'\\' => 2,
                b'"' => break,
                _ => 1,
            };
        }
        let (text, tail) = string.split_at((end + 1).min(string.len()));
        out.extend_from_slice(text);
        rest = tail;
    }
}
