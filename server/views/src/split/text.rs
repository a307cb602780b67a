//! Lines of text, each a record: bare, or an object that holds one.

use super::{BYTE_ORDER_MARK, Fault, Item, LineCounter, MAX_RECORD_BYTES, json};

/// Checks one record. With a context it is a line whatever is in it.
pub(super) fn check(record: &[u8], has_context: bool) -> Result<&str, Fault> {
    let bytes = record.trim_ascii();
    if !has_context && bytes.first() == Some(&b'{') {
        return json::check(record);
    }
    let text = std::str::from_utf8(record).map_err(|_| Fault::NotUtf8)?;
    // What has a line break in it is more than a line, and half of it somebody else's word.
    let one = memchr::memchr3(b'\n', b'\r', 0, bytes).is_none();
    if bytes.is_empty() || !one {
        return Err(Fault::Malformed);
    }
    Ok(text)
}

/// The lines of a payload that are not blank.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    payload: &'a [u8],
    at: usize,
    lines: LineCounter,
}

impl<'a> Lines<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        let at = if payload.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        Self {
            payload,
            at,
            lines: LineCounter::new(),
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let rest = self.payload.get(self.at..)?;
            if rest.is_empty() {
                return None;
            }
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length)?;
            let bytes = line.trim_ascii();
            let offset = self.at + (line.len() - line.trim_ascii_start().len());
            self.at += length + 1;
            if bytes.is_empty() {
                continue;
            }
            let record = if bytes.len() > MAX_RECORD_BYTES {
                Err(Fault::TooLong)
            } else {
                check(bytes, false)
            };
            return Some(Item {
                line: self.lines.at(self.payload, offset),
                offset,
                bytes,
                context: None,
                record,
            });
        }
    }
}
