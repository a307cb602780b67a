//! What is refused before anything is sent: the limits of the server, so that a mistake is told at
//! once and by the name of its field.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::time::from_proto;

/// Longest text that events are compared with, in bytes.
const LONGEST_TEXT: usize = 1024;
/// Longest time before or after what a timeline is around: 31 days.
const WIDEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// A text that events are compared with.
pub(super) fn text(field: &str, text: &str) -> Result<()> {
    match text.len() {
        1..=LONGEST_TEXT => Ok(()),
        length => Err(Error::invalid(
            field,
            format!("has {length} bytes; expected 1 to {LONGEST_TEXT}"),
        )),
    }
}

/// What a person writes, up to so many characters.
pub(super) fn words(field: &str, text: &str, most: usize) -> Result<()> {
    let text = text.trim();
    match !text.is_empty() && text.chars().count() <= most {
        true => Ok(()),
        false => Err(Error::invalid(
            field,
            format!("expected 1 to {most} characters"),
        )),
    }
}

/// A text of up to so many bytes that says something.
pub(super) fn bytes(field: &str, text: &str, most: usize) -> Result<()> {
    match !text.trim().is_empty() && text.len() <= most {
        true => Ok(()),
        false => Err(Error::invalid(field, format!("expected 1 to {most} bytes"))),
    }
}

/// A list of so many things.
pub(super) fn count(field: &str, count: usize, least: usize, most: usize) -> Result<()> {
    match (least..=most).contains(&count) {
        true => Ok(()),
        false => Err(Error::invalid(
            field,
            format!("has {count}; expected {least} to {most}"),
        )),
    }
}

/// A start before its end, where there are both.
pub(super) fn order(field: &str, start: Option<Timestamp>, end: Option<Timestamp>) -> Result<()> {
    match (start, end) {
        (Some(start), Some(end)) if start >= end => Err(Error::invalid(
            field,
            format!("{end} is not later than {start}, where it begins"),
        )),
        _ => Ok(()),
    }
}

/// A time before or after, in whole seconds: a part of one counts as one.
pub(super) fn around(field: &str, length: Duration) -> Result<prost_types::Duration> {
    if length > WIDEST {
        return Err(Error::invalid(field, "expected at most 31 days"));
    }
    let part = u64::from(length.subsec_nanos() > 0);
    let seconds = length.as_secs().saturating_add(part);
    Ok(prost_types::Duration {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: 0,
    })
}

/// A length of the wire; `None` for one that is negative or none.
pub(super) fn length(length: Option<prost_types::Duration>) -> Option<Duration> {
    let length = length.unwrap_or_default();
    let nanos = u32::try_from(length.nanos)
        .ok()
        .filter(|n| *n < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(length.seconds).ok()?, nanos))
}

/// A time of the wire that has to be there.
pub(super) fn time(time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    from_proto(&time?)
}
