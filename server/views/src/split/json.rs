//! JSON payloads: documents one after another, each a record or a list of records.

use super::scan::{Broken, Scanned, Scanner, skip_blank, string};
use super::{BYTE_ORDER_MARK, Fault, Item, LineCounter, MAX_RECORD_BYTES};

/// Checks one record.
pub(super) fn check(record: &[u8]) -> Result<&str, Fault> {
    let mut scanner = Scanner::default();
    let text = std::str::from_utf8(record).map_err(|_| Fault::NotUtf8)?;
    match scanner.value(record, 0) {
        Ok(scanned) if skip_blank(record, scanned.end) < record.len() => Err(Fault::Malformed),
        Ok(scanned) => match judge(record.trim_ascii(), &scanned) {
            Some(fault) => Err(fault),
            None => Ok(text),
        },
        Err(Broken::Malformed(_)) => Err(Fault::Malformed),
        Err(Broken::Truncated) => Err(Fault::Truncated),
    }
}

/// What is wrong with a value that has an end, its encoding aside.
fn judge(bytes: &[u8], scanned: &Scanned) -> Option<Fault> {
    if bytes.len() > MAX_RECORD_BYTES {
        Some(Fault::TooLong)
    } else if bytes.first() != Some(&b'{') {
        Some(Fault::NotAnObject)
    } else if scanned.too_deep {
        Some(Fault::TooDeep)
    } else if scanned.duplicate {
        Some(Fault::DuplicateKey)
    } else {
        None
    }
}

/// How documents are told apart, decided by the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Undecided,
    /// One document a line: a line that is damaged ends at its end.
    Lines,
    /// Documents over several lines: reading goes on at a line that opens one.
    Documents,
}

/// A list whose elements are records.
#[derive(Debug, Clone, Copy)]
struct List<'a> {
    /// Where the line or payload that holds it ends.
    end: usize,
    /// Whether it is the value of `Records` in an object.
    wrapped: bool,
    /// The key, in quotes, that the first record starts with. Behind a damaged record,
    /// the next one is where an object starts with it.
    anchor: Option<&'a [u8]>,
}

/// The records of a payload.
#[derive(Debug)]
pub(super) struct Documents<'a> {
    payload: &'a [u8],
    at: usize,
    style: Style,
    list: Option<List<'a>>,
    scanner: Scanner,
    lines: LineCounter,
    /// Where the line ends that was asked for last: many documents may share one.
    line: std::ops::Range<usize>,
}

impl<'a> Documents<'a> {
    /// The records of a payload in which lists under those keys, in quotes, hold records.
    pub(super) fn new(payload: &'a [u8], wrappers: &'static [&'static [u8]]) -> Self {
        let at = if payload.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        Self {
            payload,
            at,
            style: Style::Undecided,
            list: None,
            scanner: Scanner::with_wrappers(wrappers),
            lines: LineCounter::new(),
            line: 0..0,
        }
    }

    /// More than any honest payload takes: what is left then is one bad record.
    fn exhausted(&self) -> bool {
        self.scanner.work > self.payload.len().saturating_mul(8).saturating_add(1 << 16)
    }

    /// Bytes looked at so far.
    #[cfg(test)]
    pub(super) const fn work(&self) -> usize {
        self.scanner.work
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.payload.get(at).copied()
    }

    fn line_end(&mut self, from: usize) -> usize {
        if !self.line.contains(&from) {
            let rest = self.payload.get(from..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).map_or(self.payload.len(), |at| from + at);
            self.line = from..end;
        }
        self.line.end
    }

    /// Makes an item of the bytes, without white space around them.
    fn item(&mut self, start: usize, end: usize, fault: Option<Fault>) -> Item<'a> {
        let span = self.payload.get(start..end).unwrap_or_default();
        let bytes = span.trim_ascii();
        let offset = start + (span.len() - span.trim_ascii_start().len());
        let record = match fault {
            Some(fault @ (Fault::TooLong | Fault::NotAnObject)) => Err(fault),
            fault => match std::str::from_utf8(bytes) {
                Err(_) => Err(Fault::NotUtf8),
                Ok(text) => fault.map_or(Ok(text), Err),
            },
        };
        Item {
            line: self.lines.at(self.payload, offset),
            offset,
            bytes,
            context: None,
            record,
        }
    }

    /// A bad item, too large if it is that as well.
    fn bad(&mut self, start: usize, end: usize, fault: Fault) -> Item<'a> {
        let long = self
            .payload
            .get(start..end)
            .is_some_and(|span| span.trim_ascii().len() > MAX_RECORD_BYTES);
        self.item(start, end, Some(if long { Fault::TooLong } else { fault }))
    }

    /// Reads the next document. `None` only at the payload's end or when a list opened.
    fn document(&mut self) -> Option<Item<'a>> {
        self.at = skip_blank(self.payload, self.at);
        let start = self.at;
        let first = self.byte(start)?;
        if self.exhausted() {
            self.at = self.payload.len();
            return Some(self.bad(start, self.at, Fault::Malformed));
        }
        if self.style == Style::Undecided {
            self.decide(start, first);
        }
        let line_end = self.line_end(start);
        let end = if self.style == Style::Lines {
            line_end
        } else {
            self.payload.len()
        };
        if first == b'[' {
            self.at = start + 1;
            self.list = Some(List {
                end,
                wrapped: false,
                anchor: None,
            });
            return None;
        }
        if let Some(list_at) = records_first(self.payload, start, end, self.scanner.wrappers) {
            self.open_records(list_at, end);
            return None;
        }
        let within = self.payload.get(..end)?;
        match self.scanner.value(within, start) {
            Ok(Scanned {
                records_at: Some(list_at),
                ..
            }) => {
                self.open_records(list_at, end);
                None
            }
            Ok(scanned) => {
                // What follows on the same line must be another document or nothing.
                let next = skip_blank(self.payload, scanned.end);
                let line_end = self.line_end(scanned.end);
                if next < line_end && !matches!(self.byte(next), Some(b'{' | b'[')) {
                    self.at = line_end;
                    return Some(self.bad(start, line_end, Fault::Malformed));
                }
                self.at = scanned.end;
                let bytes = self.payload.get(start..scanned.end)?;
                Some(self.item(start, scanned.end, judge(bytes, &scanned)))
            }
            Err(broken) => {
                let stop = if self.style == Style::Lines {
                    line_end
                } else {
                    self.next_opening(line_end)
                };
                let fault = match broken {
                    Broken::Truncated if stop == self.payload.len() => Fault::Truncated,
                    _ => Fault::Malformed,
                };
                self.at = stop;
                Some(self.bad(start, stop, fault))
            }
        }
    }

    /// One object a line, or objects over several lines? The first tells: one that can go
    /// on behind its line's end does.
    fn decide(&mut self, start: usize, first: u8) {
        self.style = match first {
            b'[' => Style::Documents,
            b'{' => {
                let line_end = self.line_end(start);
                let within = self.payload.get(..line_end).unwrap_or_default();
                if records_first(self.payload, start, line_end, self.scanner.wrappers).is_some()
                    || self.scanner.value(within, start) == Err(Broken::Truncated)
                {
                    Style::Documents
                } else {
                    Style::Lines
                }
            }
            _ => Style::Lines,
        };
    }

    fn open_records(&mut self, list_at: usize, end: usize) {
        self.at = list_at + 1;
        self.list = Some(List {
            end,
            wrapped: true,
            anchor: None,
        });
    }

    /// The next line behind `line_end` that opens a document in its first column.
    fn next_opening(&mut self, line_end: usize) -> usize {
        let mut end = line_end;
        while end < self.payload.len() {
            if let Some(b'{' | b'[') = self.byte(end + 1) {
                return end + 1;
            }
            end = self.line_end(end + 1);
        }
        self.payload.len()
    }

    /// Reads the next element of a list. `None` when the list has ended.
    fn element(&mut self, mut list: List<'a>) -> Option<Item<'a>> {
        let within = self.payload.get(..list.end)?;
        let mut start = skip_blank(within, self.at);
        while within.get(start) == Some(&b',') {
            start = skip_blank(within, start + 1);
        }
        let Some(first) = within.get(start) else {
            self.list = None;
            self.at = list.end;
            return Some(self.item(start.min(list.end), list.end, Some(Fault::Truncated)));
        };
        if *first == b']' {
            self.list = None;
            self.at = start + 1;
            return if list.wrapped {
                self.rest_of_wrapper(list.end)
            } else {
                None
            };
        }
        if self.exhausted() {
            self.list = None;
            self.at = list.end;
            return Some(self.bad(start, list.end, Fault::Malformed));
        }
        if list.anchor.is_none() {
            list.anchor = first_key(within, start);
            self.list = Some(list);
        }
        match self.scanner.value(within, start) {
            Ok(scanned) => {
                self.at = scanned.end;
                let bytes = self.payload.get(start..scanned.end)?;
                Some(self.item(start, scanned.end, judge(bytes, &scanned)))
            }
            Err(broken) => {
                let at = match broken {
                    Broken::Malformed(at) => at,
                    Broken::Truncated => list.end,
                };
                let fault = match broken {
                    Broken::Malformed(_) => Fault::Malformed,
                    Broken::Truncated => Fault::Truncated,
                };
                if let Some(next) = resume(within, start, at, list.anchor) {
                    self.at = next;
                    let end = within
                        .get(start..next)
                        .map_or(next, |span| start + span.trim_ascii_end().len());
                    let end = if within.get(end.wrapping_sub(1)) == Some(&b',') {
                        end - 1
                    } else {
                        end
                    };
                    Some(self.bad(start, end.max(start + 1), fault))
                } else {
                    self.list = None;
                    self.at = list.end;
                    Some(self.bad(start, list.end, fault))
                }
            }
        }
    }

    /// Behind the list of a `Records` object: its other members and its end.
    fn rest_of_wrapper(&mut self, end: usize) -> Option<Item<'a>> {
        let within = self.payload.get(..end)?;
        let start = skip_blank(within, self.at);
        let mut at = start;
        let broken = loop {
            match within.get(at) {
                Some(b'}') => {
                    self.at = at + 1;
                    return None;
                }
                Some(b',') => at = skip_blank(within, at + 1),
                Some(_) => break Fault::Malformed,
                None => break Fault::Truncated,
            }
            if within.get(at) != Some(&b'"') {
                break Fault::Malformed;
            }
            let Ok((key_end, _)) = string(within, at) else {
                break Fault::Malformed;
            };
            let colon = skip_blank(within, key_end);
            if within.get(colon) != Some(&b':') {
                break Fault::Malformed;
            }
            match self.scanner.value(within, colon + 1) {
                Ok(scanned) => at = skip_blank(within, scanned.end),
                Err(_) => break Fault::Malformed,
            }
        };
        let stop = if end == self.payload.len() {
            let line_end = self.line_end(start);
            self.next_opening(line_end)
        } else {
            end
        };
        self.at = stop;
        Some(self.bad(start, stop, broken))
    }
}

impl<'a> Iterator for Documents<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let item = match self.list {
                Some(list) => self.element(list),
                None => self.document(),
            };
            if item.is_some() {
                return item;
            }
            if self.list.is_none() && skip_blank(self.payload, self.at) >= self.payload.len() {
                return None;
            }
        }
    }
}

/// Where the list starts in an object that starts with `"Records": [`.
fn records_first(payload: &[u8], start: usize, end: usize, wrappers: &[&[u8]]) -> Option<usize> {
    let within = payload.get(..end)?;
    let key = skip_blank(within, start + 1);
    let rest = within.get(key..)?;
    let rest = wrappers.iter().find_map(|word| rest.strip_prefix(*word))?;
    let colon = skip_blank(within, end - rest.len());
    if within.get(start) != Some(&b'{') || within.get(colon) != Some(&b':') {
        return None;
    }
    let list = skip_blank(within, colon + 1);
    (within.get(list) == Some(&b'[')).then_some(list)
}

/// The first key, in quotes, of the object that starts at `start`.
fn first_key(within: &[u8], start: usize) -> Option<&[u8]> {
    if within.get(start) != Some(&b'{') {
        return None;
    }
    let key = skip_blank(within, start + 1);
    if within.get(key) != Some(&b'"') {
        return None;
    }
    let (end, _) = string(within, key).ok()?;
    within.get(key..end)
}

/// Where reading can go on behind the record that starts at `start` and can't be read
/// beyond `broken_at`: at an object that starts with the anchor.
fn resume(within: &[u8], start: usize, broken_at: usize, anchor: Option<&[u8]>) -> Option<usize> {
    let anchor = anchor?;
    let from = broken_at.saturating_sub(anchor.len()).max(start + 1);
    let tail = within.get(from..)?;
    for hit in memchr::memmem::find_iter(tail, anchor) {
        let before = within.get(..from + hit)?.trim_ascii_end();
        if before.last() == Some(&b'{') && before.len() - 1 > start {
            return Some(before.len() - 1);
        }
    }
    None
}
