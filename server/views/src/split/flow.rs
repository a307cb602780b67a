//! VPC flow log lines below their header line.

use super::{BYTE_ORDER_MARK, Fault, Item, LineCounter, MAX_RECORD_BYTES};
use crate::vpcflow::Layout;

/// The lines of a payload. A header line holds until the next one, so that files put one
/// behind the other read well.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    payload: &'a [u8],
    at: usize,
    lines: LineCounter,
    header: Option<(&'a str, Result<Layout<'a>, Fault>)>,
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
            header: None,
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
            let text = if bytes.len() > MAX_RECORD_BYTES {
                Err(Fault::TooLong)
            } else {
                std::str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)
            };
            if let Ok(text) = text
                && Layout::is_header(text)
            {
                self.header = Some((text, Layout::parse(text)));
                continue;
            }
            let record = text.and_then(|text| {
                let layout = match &self.header {
                    None => Layout::default_format(),
                    Some((_, Ok(layout))) => layout,
                    Some((_, Err(fault))) => return Err(*fault),
                };
                layout.cut(text).map(|_| text)
            });
            return Some(Item {
                line: self.lines.at(self.payload, offset),
                offset,
                bytes,
                context: self.header.as_ref().map(|(text, _)| *text),
                record,
            });
        }
    }
}
