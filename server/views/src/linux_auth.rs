//! Authentication logs of Linux hosts: whose they are and what is searched in them.
//!
//! A line says nothing of whose host wrote it, and what it calls the host is the host's own
//! word. Whose it is the source says, in one of two forms:
//!
//! - The records are bare lines, and the batch's context is a JSON object, which holds for
//!   all of them: `{"account": "aws:111122223333", "host": "i-0abc", "utc_offset": "+02:00"}`;
//!   or just the account.
//! - There is no context, and each record is such an object with the line in it, under
//!   `line`.
//!
//! `account` is the account as the directory writes it; one without a cloud is AWS's. The
//! column has it without the cloud, as other sources of the cloud write it. `host` is the
//! source's name for the host: an instance id, a machine's name. `utc_offset` is the zone
//! of times that have none, UTC if it is not given. A time without a year is the newest
//! that is not later than a day after the line was received, so that older archives need
//! times with a year.
//!
//! With a context a record is a line whatever is in it: who may write to a log could else
//! write whose it is. For the same reason a source that sends bare lines must send a
//! context. A record of which nothing says whose it is, is rejected.
//!
//! A line is wholly its account's, and no address or name in it makes anybody else a party:
//! whoever writes the log could name anybody.

pub(crate) mod line;
mod local;
pub(crate) mod message;
pub mod operation;
mod pam;
mod sshd;

use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use crate::attribute::Reject;
use crate::directory::{Directory, Names};
use crate::identity;
use crate::ocsf_native::json::{self, Record, Source, clip, text};
use crate::row::{Attributed, EventRow, SourceType};
use crate::split;

use line::Line;
use message::Said;
use operation::Operation;

const SOURCE: Source = Source {
    source_type: SourceType::LinuxAuth,
    // Read with the time at which the line was received, which may tell the year.
    time: |_| None,
    event_id: |_| None,
    operation: |_| "",
    hints: |_, _, _| {},
    columns,
};

/// Row for the tenant whose host wrote a line; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the line can't be read, or nobody says whose it is.
pub fn attribute<D, N>(
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
    let text = split::check_record(SOURCE.source_type, record, context)?.trim_ascii();
    let value = value(text, context)?;
    let zone = match json::text(&value, "utc_offset") {
        Some(text) => offset(text).ok_or_else(|| {
            Reject::new(
                Reject::MALFORMED,
                format!("{text:?} is no offset such as +02:00"),
            )
        })?,
        None => Offset::UTC,
    };
    if json::text(&value, "account").is_none() {
        return Err(Reject::new(
            Reject::MISSING_CONTEXT,
            "nothing says whose host wrote the line: there is no account",
        ));
    }
    // A break in a line is the end of one, and the rest somebody else's word.
    let line = json::text(&value, "line")
        .map(str::trim_ascii)
        .filter(|line| memchr::memchr3(b'\n', b'\r', 0, line.as_bytes()).is_none())
        .and_then(Line::parse)
        .ok_or_else(|| Reject::new(Reject::MALFORMED, "not a syslog line"))?;
    let record = Record {
        time_ns: line.time_ns(zone, observed_ns),
        content: content(&value),
        text,
        context,
        cloud: identity::AWS,
        provider: false,
        value,
    };
    json::attribute_read(&SOURCE, &record, observed_ns, directory, names)
}

/// The line and what is said of it, as one object, whichever form it came in.
///
/// # Errors
///
/// [`Reject`] if record and context have neither form.
pub(crate) fn value(record: &str, context: Option<&str>) -> Result<Value, Reject> {
    let Some(context) = context else {
        if !record.starts_with('{') {
            return Err(Reject::new(
                Reject::MISSING_CONTEXT,
                "a bare line needs a context that says whose host wrote it",
            ));
        }
        let value = json::parse(record)?;
        if json::text(&value, "line").is_none() {
            return Err(Reject::new(Reject::MALFORMED, "the object has no line"));
        }
        return Ok(value);
    };
    let context = context.trim_ascii();
    let mut value = match context.strip_prefix('{') {
        Some(_) => json::parse(context)?,
        None if is_account(context) => json!({"account": context}),
        None => Value::Null,
    };
    let Some(fields) = value.as_object_mut() else {
        return Err(Reject::new(
            Reject::MALFORMED,
            "the context is neither a JSON object nor an account such as aws:111122223333",
        ));
    };
    fields.insert("line".to_owned(), Value::String(record.to_owned()));
    Ok(value)
}

/// Whether the text is an account as the directory writes it, with its cloud in front.
fn is_account(text: &str) -> bool {
    let word = |text: &str| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_graphic() && byte != b':')
    };
    text.split_once(':')
        .is_some_and(|(cloud, id)| word(cloud) && word(id))
}

/// An offset from UTC: `+02:00`, `-0330`, `Z`.
fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "UTC") {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits
        .split_once(':')
        .or_else(|| digits.split_at_checked(2))?;
    let number = |text: &str, most: i32| -> Option<i32> {
        let whole = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| whole && *number <= most)
    };
    let seconds = number(hours, 14)? * 3600 + number(minutes, 59)? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

/// The cloud of an account, and its id there.
pub(crate) fn split_account(account: &str) -> (&str, &str) {
    account.split_once(':').unwrap_or((identity::AWS, account))
}

/// Fingerprint of a line and of whose it is, the same in both forms.
fn content(value: &Value) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for key in ["account", "host", "line"] {
        let text = text(value, key).unwrap_or_default();
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

/// A record as it is read for columns and for OCSF.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'v> {
    pub(crate) record: &'v Map<String, Value>,
    pub(crate) line: Line<'v>,
    pub(crate) said: Said<'v>,
}

impl<'v> Entry<'v> {
    /// `None` if it is no such record, which attribution does not let in.
    pub(crate) fn of(value: &'v Value) -> Option<Self> {
        let line = Line::parse(text(value, "line")?)?;
        Some(Self {
            record: value.as_object()?,
            line,
            said: Said::read(line.program, line.message),
        })
    }

    /// The source's name for the host.
    pub(crate) fn host(&self) -> Option<&'v str> {
        self.record
            .get("host")?
            .as_str()
            .filter(|host| !host.is_empty())
    }

    /// The program, or the service for which PAM works.
    pub(crate) fn service(&self) -> &'v str {
        if self.said.service.is_empty() {
            self.line.program
        } else {
            self.said.service
        }
    }

    /// Who did it; of a session, whose it is.
    pub(crate) fn actor(&self) -> &'v str {
        match self.said.operation {
            Operation::SessionOpen | Operation::SessionClose if self.said.actor.is_empty() => {
                self.said.target
            }
            _ => self.said.actor,
        }
    }
}

fn columns(value: &Value, row: &mut EventRow) {
    // As other sources of the cloud write it.
    row.account = text(value, "account")
        .map(|account| clip(split_account(account).1))
        .unwrap_or_default();
    let Some(entry) = Entry::of(value) else {
        return;
    };
    let said = &entry.said;
    (row.class_uid, row.activity_id) = said.operation.class();
    row.severity_id = said.operation.severity();
    row.status = said.operation.status();
    row.service = clip(entry.service());
    row.operation = said.operation.as_str().to_owned();
    row.actor = clip(entry.actor());
    row.src_ip = identity::parse_address(said.from);
    row.src_port = said.from_port.filter(|_| row.src_ip.is_some());
    row.dst_ip = identity::parse_address(said.to);
    row.dst_port = said.to_port.filter(|_| row.dst_ip.is_some());
    let things = [entry.host().unwrap_or_default(), said.target, said.group];
    for name in things.into_iter().filter(|name| !name.is_empty()) {
        let name = clip(name);
        if !row.resources.contains(&name) {
            row.resources.push(name);
        }
    }
}

#[cfg(test)]
mod tests;
