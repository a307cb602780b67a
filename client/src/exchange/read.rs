//! Reading what is to be brought in: our own JSON in one object or a line each, and STIX 2.1.

mod foreign;
mod stix;

use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{CASE, CASES, Case, VERSION};
use super::import::Offered;
use crate::error::{Error, Reason, Result};
use crate::incidents::{Severity, Tlp};

/// Most bytes of a document.
pub const MAX_BYTES: u64 = 512 << 20;

/// What to take where a document does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// How bad an incident is.
    pub severity: Severity,
    /// How far one may be passed on.
    pub tlp: Tlp,
}

impl Default for Defaults {
    /// SEV3 and AMBER.
    fn default() -> Self {
        Self {
            severity: Severity::Sev3,
            tlp: Tlp::Amber,
        }
    }
}

/// What a document holds.
#[derive(Debug, Default)]
pub struct Document {
    /// What is to be brought in, in its order.
    pub offered: Vec<Offered>,
    /// How many objects there are that have no place here.
    pub passed_over: usize,
}

/// What an object says of itself.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
    format: Option<String>,
    version: Option<u32>,
}

/// A file of cases.
#[derive(Deserialize)]
struct Cases<'a> {
    #[serde(borrow, default)]
    incidents: Vec<&'a RawValue>,
}

/// Reads a whole document. A line or an incident in it that makes no sense is an item that says so.
///
/// # Errors
///
/// `INVALID_DOCUMENT` when it is of no form that is known, `TOO_LARGE` when it is larger than 512
/// MiB, `IO` when it can't be read.
pub fn read(source: impl Read, defaults: Defaults) -> Result<Document> {
    bounded(source, MAX_BYTES, defaults)
}

fn bounded(source: impl Read, most: u64, defaults: Defaults) -> Result<Document> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = "the document is larger than 512 MiB: split it";
        return Err(Error::new(Reason::TooLarge, message));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("expected text in UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<&RawValue>(text) {
        Ok(whole) => one(whole, defaults),
        Err(error) => lines(text, &error, defaults),
    }
}

/// One object.
fn one(whole: &RawValue, defaults: Defaults) -> Result<Document> {
    let head: Head = serde_json::from_str(whole.get())
        .map_err(|_| invalid("expected a JSON object that says its `format` or `type`"))?;
    if head.kind.as_deref() == Some("bundle") {
        return stix::bundle(whole.get(), defaults);
    }
    match head.format.as_deref() {
        Some(CASE) => Ok(Document {
            offered: vec![offer("the document".to_owned(), whole.get(), defaults)],
            passed_over: 0,
        }),
        Some(CASES) => {
            version(head.version)?;
            let cases: Cases<'_> = serde_json::from_str(whole.get()).map_err(broken)?;
            let each = cases.incidents.iter().enumerate();
            let offered =
                each.map(|(at, case)| offer(format!("incidents[{at}]"), case.get(), defaults));
            Ok(Document {
                offered: offered.collect(),
                passed_over: 0,
            })
        }
        _ => Err(invalid(
            "expected a STIX bundle, or an object of the format `cordon.incidents` or \
             `cordon.incident`",
        )),
    }
}

/// An object a line. The first one tells whether it is that at all.
fn lines(text: &str, error: &serde_json::Error, defaults: Defaults) -> Result<Document> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let mut lines = lines.peekable();
    let first = lines
        .peek()
        .map(|(_, line)| serde_json::from_str::<Head>(line));
    match first {
        None => return Ok(Document::default()),
        Some(Ok(head)) if head.format.as_deref() == Some(CASE) => {}
        Some(_) => return Err(invalid(&format!("the document is no JSON: {error}"))),
    }
    let offered = lines.map(|(at, line)| offer(format!("line {}", at + 1), line, defaults));
    Ok(Document {
        offered: offered.collect(),
        passed_over: 0,
    })
}

fn offer(at: String, json: &str, defaults: Defaults) -> Offered {
    let read = || {
        let case: Case = serde_json::from_str(json).map_err(broken)?;
        if case.format != CASE {
            return Err(invalid(
                "expected an object of the format `cordon.incident`",
            ));
        }
        version(Some(case.version))?;
        let name = case.name.clone();
        foreign::of_case(case, defaults).map_err(|error| error.with_metadata("external_id", &name))
    };
    Offered {
        at,
        incident: read(),
    }
}

fn version(said: Option<u32>) -> Result<()> {
    match said {
        Some(VERSION) => Ok(()),
        _ => Err(invalid(&format!(
            "expected version {VERSION} of the format: this program may be too old for it"
        ))),
    }
}

fn broken(error: serde_json::Error) -> Error {
    invalid(&error.to_string())
}

fn invalid(message: &str) -> Error {
    Error::new(Reason::InvalidDocument, message)
}

#[cfg(test)]
mod tests;
