//! JSON: documents one after another, each a record or a list of records.

use std::io::{self, Read};

use bytes::Bytes;
use memchr::memmem;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::window::{Window, blank};
use super::{Fault, MAX_RECORD_BYTES, Piece, Source};

/// How documents are told apart, decided by the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Undecided,
    /// One document a line: a line that is damaged ends at its end.
    Lines,
    /// Documents over several lines: reading goes on at a line that opens one.
    Documents,
}

/// Where reading stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Between documents.
    Top,
    /// In a list of records. `wrapped`: it is the value of a wrapper's key in an object. `anchor`: the
    /// key, in quotes, that the first record starts with; behind a damaged record, the next one
    /// is where an object starts with it.
    List { wrapped: bool, anchor: Vec<u8> },
    /// Behind the list, in the object that held it.
    Wrapper,
}

/// A value, as far as it is in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framed {
    /// It ends before this offset.
    Whole(usize),
    /// The byte at about this offset can't stand there.
    Malformed(usize),
    /// All is well up to the end of what is in view.
    Open,
}

/// The records of a file.
#[derive(Debug)]
pub(super) struct Documents<S> {
    window: Window<S>,
    state: State,
    style: Style,
    begun: bool,
    /// Keys, in quotes, under which an object may hold records as a list.
    wrappers: &'static [&'static [u8]],
    /// Bytes looked at so far, some of them more than once.
    work: u64,
}

impl Framed {
    /// How many of the bytes were looked at to find it out.
    const fn looked_at(self, data: &[u8]) -> u64 {
        match self {
            Self::Whole(length) | Self::Malformed(length) => length as u64,
            Self::Open => data.len() as u64,
        }
    }
}

impl<R: Read> Documents<Source<R>> {
    pub(super) fn new(window: Window<Source<R>>, wrappers: &'static [&'static [u8]]) -> Self {
        Self {
            window,
            wrappers,
            state: State::Top,
            style: Style::Undecided,
            begun: false,
            work: 0,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        if !self.begun {
            self.begun = true;
            if let Some(piece) = self.window.begin()? {
                return Ok(Some(piece));
            }
        }
        loop {
            let first = self.window.skip_blank()?;
            let piece = match (&self.state, first) {
                (State::Top, None) => return Ok(self.window.finish()),
                (State::Top, Some(first)) => self.document(first)?,
                (State::List { .. } | State::Wrapper, None) => {
                    self.state = State::Top;
                    let line = self.window.line();
                    Some(self.window.unreadable(line, Fault::Truncated, b""))
                }
                (State::List { .. }, Some(first)) => self.element(first)?,
                (State::Wrapper, Some(first)) => self.wrapper(first)?,
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    /// Reads a document. `None` when a list opened.
    fn document(&mut self, first: u8) -> io::Result<Option<Piece>> {
        if self.style == Style::Undecided {
            self.style = self.decide(first);
        }
        if first == b'[' {
            self.window.consume(1);
            self.open_list(false);
            return Ok(None);
        }
        if self.exhausted() {
            return self
                .window
                .discard(Fault::MalformedJson, 0, 0, |_, _| None)
                .map(Some);
        }
        let line_end = self.window.line_end();
        let data = self.window.data();
        let within = match (self.style, line_end) {
            (Style::Lines, Some(end)) => data.get(..end).unwrap_or_default(),
            _ => data,
        };
        let whole_in_view = within.len() < data.len() || self.window.ended();
        let framed = frame(within);
        self.work += framed.looked_at(within);
        let list = if first == b'{' {
            records(within, framed, self.wrappers)
        } else {
            None
        };
        if let Some(list) = list {
            self.window.consume(list);
            self.open_list(true);
            return Ok(None);
        }
        match framed {
            Framed::Whole(end) if self.style == Style::Documents || followed_well(within, end) => {
                Ok(Some(self.record(end)))
            }
            framed => {
                let fault = match framed {
                    Framed::Open if !whole_in_view => Fault::TooLarge,
                    Framed::Open if self.style == Style::Documents || line_end.is_none() => {
                        Fault::Truncated
                    }
                    _ => Fault::MalformedJson,
                };
                self.give_up_document(fault).map(Some)
            }
        }
    }

    /// Bytes looked at so far.
    #[cfg(test)]
    pub(super) const fn work(&self) -> u64 {
        self.work
    }

    /// More than any honest file takes: what is left then is one bad record. Honest files are
    /// looked through once, long records four times at most.
    fn exhausted(&self) -> bool {
        self.work
            > self
                .window
                .passed()
                .saturating_mul(8)
                .saturating_add(16 << 20)
    }

    /// One object a line, or objects over several lines? The first tells: one that can go on
    /// behind its line's end does.
    fn decide(&mut self, first: u8) -> Style {
        let line_end = self.window.line_end();
        let data = self.window.data();
        match (first, line_end) {
            (b'[', _) => Style::Documents,
            (b'{', Some(end)) => {
                let line = data.get(..end).unwrap_or_default();
                let framed = frame(line);
                if framed == Framed::Open || records(line, framed, self.wrappers).is_some() {
                    Style::Documents
                } else {
                    Style::Lines
                }
            }
            _ => Style::Lines,
        }
    }

    fn open_list(&mut self, wrapped: bool) {
        self.state = State::List {
            wrapped,
            anchor: Vec::new(),
        };
    }

    /// Makes a record of the value in view up to `end`.
    fn record(&mut self, end: usize) -> Piece {
        let line = self.window.line();
        let bytes = self
            .window
            .data()
            .get(..end)
            .unwrap_or_default()
            .trim_ascii_end();
        let fault = if bytes.len() > MAX_RECORD_BYTES {
            Some(Fault::TooLarge)
        } else if bytes.first() != Some(&b'{') {
            Some(Fault::NotAnObject)
        } else if std::str::from_utf8(bytes).is_err() {
            Some(Fault::NotUtf8)
        } else {
            None
        };
        let bytes = Bytes::copy_from_slice(bytes.get(..MAX_RECORD_BYTES).unwrap_or(bytes));
        self.window.consume(end);
        match fault {
            None => Piece::Record {
                line,
                bytes,
                context: "".into(),
            },
            Some(fault) => Piece::Unreadable {
                line,
                fault,
                content: bytes,
            },
        }
    }

    /// Steps over a document that can't be read.
    fn give_up_document(&mut self, fault: Fault) -> io::Result<Piece> {
        if self.style == Style::Documents {
            self.window.discard(fault, 0, 2, next_opening)
        } else {
            self.window.discard(fault, 0, 0, |data, from| {
                memchr::memchr(b'\n', data.get(from..)?).map(|at| from + at)
            })
        }
    }

    /// Reads an element of a list. `None` when the list has ended, or at a comma.
    fn element(&mut self, first: u8) -> io::Result<Option<Piece>> {
        let State::List { wrapped, anchor } = &mut self.state else {
            return Ok(None);
        };
        if first == b',' {
            self.window.consume(1);
            return Ok(None);
        }
        if first == b']' {
            self.window.consume(1);
            self.state = if *wrapped { State::Wrapper } else { State::Top };
            return Ok(None);
        }
        let data = self.window.data();
        if anchor.is_empty() {
            *anchor = first_key(data).unwrap_or_default().to_vec();
        }
        let framed = frame(data);
        self.work += framed.looked_at(data);
        let piece = match framed {
            Framed::Whole(end) => return Ok(Some(self.record(end))),
            Framed::Open if !self.window.ended() => {
                let mut value = Balance::default();
                self.window
                    .discard(Fault::TooLarge, 0, 0, |data, _| value.end_in(data))?
            }
            Framed::Open => self.window.discard(Fault::Truncated, 0, 0, |_, _| None)?,
            Framed::Malformed(at) => {
                let anchor = anchor.clone();
                let from = at.saturating_sub(anchor.len() + 1).max(1);
                let overlap = anchor.len() + 64;
                let exhausted = self.exhausted();
                self.window
                    .discard(Fault::MalformedJson, from, overlap, |data, from| {
                        if exhausted {
                            None
                        } else {
                            resume(data, from, &anchor)
                        }
                    })?
            }
        };
        // One that took the rest of the file took the list's end as well: that is not told again.
        if self.window.ended() && self.window.data().is_empty() {
            self.state = State::Top;
        }
        Ok(Some(without_comma(piece)))
    }

    /// Reads on behind a list that an object held: the object's other members and its end.
    fn wrapper(&mut self, first: u8) -> io::Result<Option<Piece>> {
        let data = self.window.data();
        let fault = match first {
            b'}' => {
                self.window.consume(1);
                self.state = State::Top;
                return Ok(None);
            }
            b',' => {
                self.window.consume(1);
                return Ok(None);
            }
            b'"' => match member(data, 0) {
                Some((_, value)) => match frame(data.get(value..).unwrap_or_default()) {
                    Framed::Whole(length) => {
                        self.window.consume(value + length);
                        return Ok(None);
                    }
                    Framed::Open if self.window.ended() => Fault::Truncated,
                    _ => Fault::MalformedJson,
                },
                None => Fault::MalformedJson,
            },
            _ => Fault::MalformedJson,
        };
        self.state = State::Top;
        self.window.discard(fault, 0, 2, next_opening).map(Some)
    }
}

/// What was stepped over up to the next element ends with the comma between the two.
fn without_comma(piece: Piece) -> Piece {
    match piece {
        Piece::Unreadable {
            line,
            fault,
            content,
        } => {
            let kept = content
                .strip_suffix(b",")
                .unwrap_or(&content)
                .trim_ascii_end();
            Piece::Unreadable {
                line,
                fault,
                content: content.slice(..kept.len()),
            }
        }
        record => record,
    }
}

/// Finds where the value ends that the data start with.
fn frame(data: &[u8]) -> Framed {
    let mut values = Deserializer::from_slice(data).into_iter::<IgnoredAny>();
    match values.next() {
        None => Framed::Open,
        Some(Ok(_)) => Framed::Whole(values.byte_offset()),
        Some(Err(error)) if error.is_eof() => Framed::Open,
        Some(Err(error)) => {
            let line_start = match error.line() {
                0 | 1 => 0,
                line => memchr::memchr_iter(b'\n', data)
                    .nth(line - 2)
                    .map_or(0, |at| at + 1),
            };
            Framed::Malformed((line_start + error.column()).min(data.len()))
        }
    }
}

/// Whether what follows a value on its line is another document, or nothing.
fn followed_well(data: &[u8], end: usize) -> bool {
    let rest = data.get(end..).unwrap_or_default();
    let next = rest
        .iter()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    matches!(next, None | Some(b'\n' | b'{' | b'['))
}

/// If the object that the data start with has a list under one of the wrappers' keys: the offset
/// behind the list's opening bracket. A whole object that has none of the words in it is not
/// looked through.
fn records(data: &[u8], framed: Framed, wrappers: &[&[u8]]) -> Option<usize> {
    if let Framed::Whole(end) = framed {
        let whole = data.get(..end)?;
        wrappers
            .iter()
            .find(|word| memmem::find(whole, word).is_some())?;
    }
    let mut at = 1;
    loop {
        at += blank(data.get(at..)?);
        if data.get(at) == Some(&b',') {
            at += 1;
            continue;
        }
        let (key, value) = member(data, at)?;
        let wraps = data.get(key).is_some_and(|key| wrappers.contains(&key));
        if wraps && data.get(value) == Some(&b'[') {
            return Some(value + 1);
        }
        match frame(data.get(value..)?) {
            Framed::Whole(length) => at = value + length,
            Framed::Malformed(_) | Framed::Open => return None,
        }
    }
}

/// Reads `"key" :` at an offset: where the key stands, in quotes, and where its value starts.
fn member(data: &[u8], at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    if data.get(at) != Some(&b'"') {
        return None;
    }
    let Framed::Whole(length) = frame(data.get(at..)?) else {
        return None;
    };
    let key = at..at + length;
    let colon = key.end + blank(data.get(key.end..)?);
    if data.get(colon) != Some(&b':') {
        return None;
    }
    Some((key, colon + 1 + blank(data.get(colon + 1..)?)))
}

/// The first key, in quotes, of the object that the data start with.
fn first_key(data: &[u8]) -> Option<&[u8]> {
    if data.first() != Some(&b'{') {
        return None;
    }
    let at = 1 + blank(data.get(1..)?);
    let (key, _) = member(data, at)?;
    data.get(key)
}

/// Where reading can go on behind a damaged element: at an object that starts with the anchor.
fn resume(data: &[u8], from: usize, anchor: &[u8]) -> Option<usize> {
    if anchor.is_empty() {
        return None;
    }
    for hit in memmem::find_iter(data.get(from..)?, anchor) {
        let before = data.get(..from + hit)?.trim_ascii_end();
        // Not at the damaged element itself, which the data start with at first.
        if before.last() == Some(&b'{') && before.len() > from.min(1) {
            return Some(before.len() - 1);
        }
    }
    None
}

/// The next line that opens a document in its first column.
fn next_opening(data: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', data.get(from..)?)
        .map(|at| from + at + 1)
        .find(|at| matches!(data.get(*at), Some(b'{' | b'[')))
}

/// Finds the end of a value that is too long to be kept in view, by its brackets alone.
#[derive(Debug, Default)]
struct Balance {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Balance {
    /// The offset behind the value, if it ends in these data, which follow those before.
    fn end_in(&mut self, data: &[u8]) -> Option<usize> {
        for (at, byte) in data.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 1 => self.depth -= 1,
                b'}' | b']' => return Some(at + usize::from(self.depth == 1)),
                b',' if self.depth == 0 => return Some(at),
                _ => {}
            }
        }
        None
    }
}
