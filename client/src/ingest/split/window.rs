//! The part of a file that is looked at: enough for the longest record, and no more than a few
//! of them.

use std::io::{self, Read};

use bytes::Bytes;

use super::{Fault, Got, MAX_RECORD_BYTES, Piece, Source};

/// What is kept in view unless the file ends before: one byte more than the longest record, and
/// some for what stands around it.
const AHEAD: usize = MAX_RECORD_BYTES + (64 << 10);
/// Room for some more, so that what is left is seldom moved to the front.
const ROOM: usize = 4 * AHEAD;
/// Read at once; a little, so that a slow source does not hold back what is there.
const CHUNK: usize = 256 << 10;

/// A view on a file that moves forwards.
#[derive(Debug)]
pub(super) struct Window<S> {
    source: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Nothing comes behind what is in view.
    ended: bool,
    /// The end came too early, for this reason, and nobody was told yet.
    broken: Option<Fault>,
    line: u64,
    /// Bytes at the start of the view that are known to hold no line's end.
    unbroken: usize,
    /// Bytes that the view has moved over.
    passed: u64,
}

impl<R: Read> Window<Source<R>> {
    pub(super) fn new(source: Source<R>) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
            broken: None,
            line: 1,
            unbroken: 0,
            passed: 0,
        }
    }

    /// Reads on until the longest record would be in view, or all of the file.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if self.ended || self.end - self.start >= AHEAD {
            return Ok(());
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; ROOM];
        }
        if self.start > 0 && self.buffer.len() - self.start < 2 * AHEAD {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while !self.ended && self.end - self.start < AHEAD {
            let to = self.buffer.len().min(self.end + CHUNK);
            let Some(room) = self.buffer.get_mut(self.end..to) else {
                return Err(io::Error::other("no room left to read into"));
            };
            match self.source.get(room)? {
                Got::Bytes(length) => self.end += length,
                Got::End => self.ended = true,
                Got::Broken(fault) => {
                    self.ended = true;
                    self.broken = Some(fault);
                }
            }
        }
        Ok(())
    }

    /// What is in view.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing comes behind what is in view.
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the end came too early.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The line on which the view starts, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// Moves the view forwards.
    pub(super) fn consume(&mut self, length: usize) {
        let to = self.end.min(self.start.saturating_add(length));
        let passed = self.buffer.get(self.start..to).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.passed += passed.len() as u64;
        self.unbroken = self.unbroken.saturating_sub(length);
        self.start = to;
    }

    /// Bytes that the view has moved over.
    pub(super) const fn passed(&self) -> u64 {
        self.passed
    }

    /// Where the line ends that the view starts with; none when that is not in view. What was
    /// looked through once is not looked through again: many records may share one line.
    pub(super) fn line_end(&mut self) -> Option<usize> {
        let rest = self.data().get(self.unbroken..).unwrap_or_default();
        let (found, length) = (memchr::memchr(b'\n', rest), rest.len());
        self.unbroken += found.unwrap_or(length);
        found.map(|_| self.unbroken)
    }

    /// Moves the view to the next byte that is no white space, reading on as needed. `None` at
    /// the end.
    pub(super) fn skip_blank(&mut self) -> io::Result<Option<u8>> {
        loop {
            self.fill()?;
            let blank = blank(self.data());
            self.consume(blank);
            match self.data().first() {
                Some(byte) => {
                    let byte = *byte;
                    // As much as before the blanks must be in view behind them.
                    self.fill()?;
                    return Ok(Some(byte));
                }
                None if self.ended => return Ok(None),
                None => {}
            }
        }
    }

    /// Moves the view over a bad record up to where `find` says that the next one starts, or to
    /// the end of the file, and makes a piece of it. `find` gets what is in view and where to
    /// look from; what it looks for must not be longer than `overlap`.
    pub(super) fn discard(
        &mut self,
        fault: Fault,
        mut from: usize,
        overlap: usize,
        mut find: impl FnMut(&[u8], usize) -> Option<usize>,
    ) -> io::Result<Piece> {
        let line = self.line;
        let mut content = Vec::new();
        let mut length = 0;
        loop {
            self.fill()?;
            let data = self.data();
            let found = find(data, from.min(data.len()));
            let step = match found {
                Some(at) => at,
                None if self.ended => data.len(),
                None => data.len().saturating_sub(overlap),
            };
            let passed = data.get(..step).unwrap_or_default();
            length += passed.trim_ascii_end().len();
            let room = MAX_RECORD_BYTES - content.len();
            content.extend_from_slice(passed.get(..room).unwrap_or(passed));
            self.consume(step);
            from = 0;
            if found.is_some() || (self.ended && self.data().is_empty()) {
                break;
            }
        }
        let fault = if length > MAX_RECORD_BYTES {
            Fault::TooLarge
        } else {
            fault
        };
        Ok(self.unreadable(line, fault, content.trim_ascii_end()))
    }

    /// A piece for what can't be a record. When the file was cut off in it, it is told as that.
    pub(super) fn unreadable(&mut self, line: u64, fault: Fault, content: &[u8]) -> Piece {
        let at_end = self.ended && self.data().is_empty();
        let cut = if at_end { self.broken.take() } else { None };
        // Of two things that are wrong, the one that says more; where it was cut nobody can tell.
        let text = content.len() >= MAX_RECORD_BYTES || std::str::from_utf8(content).is_ok();
        let fault = match fault {
            Fault::MalformedJson if !text => Fault::NotUtf8,
            fault => fault,
        };
        let content = content.get(..MAX_RECORD_BYTES).unwrap_or(content);
        Piece::Unreadable {
            line,
            fault: cut.unwrap_or(fault),
            content: Bytes::copy_from_slice(content),
        }
    }

    /// At the end of the file: a piece that tells of its being cut off, unless one did.
    pub(super) fn finish(&mut self) -> Option<Piece> {
        let fault = self.broken.take()?;
        Some(Piece::Unreadable {
            line: self.line,
            fault,
            content: Bytes::new(),
        })
    }

    /// What no reader of text can do anything with, told by its first bytes: the whole file is
    /// one bad record. Steps over the mark that some editors put before UTF-8.
    pub(super) fn begin(&mut self) -> io::Result<Option<Piece>> {
        const MARKED: [(&[u8], Fault); 4] = [
            (&[0x1f, 0x8b], Fault::Compressed),
            (&[0x28, 0xb5, 0x2f, 0xfd], Fault::Compressed),
            (&[0xff, 0xfe], Fault::NotUtf8),
            (&[0xfe, 0xff], Fault::NotUtf8),
        ];
        self.fill()?;
        if self.data().starts_with(&[0xef, 0xbb, 0xbf]) {
            self.consume(3);
        }
        let fault = MARKED
            .iter()
            .find(|(mark, _)| self.data().starts_with(mark))
            .map(|(_, fault)| *fault);
        let Some(fault) = fault else {
            return Ok(None);
        };
        let line = self.line;
        let content =
            Bytes::copy_from_slice(self.data().get(..MAX_RECORD_BYTES).unwrap_or(self.data()));
        self.discard(fault, 0, 0, |_, _| None)?;
        Ok(Some(Piece::Unreadable {
            line,
            fault,
            content,
        }))
    }
}

/// How many bytes of white space it starts with.
pub(super) fn blank(data: &[u8]) -> usize {
    data.iter()
        .position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
        .unwrap_or(data.len())
}
