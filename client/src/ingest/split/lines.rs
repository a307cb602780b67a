//! Lines of text, each a record.

use std::io::{self, Read};

use bytes::Bytes;

use super::window::Window;
use super::{Fault, MAX_RECORD_BYTES, Piece, Source};

/// The lines of a file that are not blank.
#[derive(Debug)]
pub(super) struct Lines<S> {
    window: Window<S>,
    begun: bool,
}

/// A line, and on which of the file's it is; or what can't be one.
pub(super) enum Line {
    /// Text, without white space around it.
    Text(u64, Bytes),
    /// What can't be a record.
    Bad(Piece),
}

impl<R: Read> Lines<Source<R>> {
    pub(super) const fn new(window: Window<Source<R>>) -> Self {
        Self {
            window,
            begun: false,
        }
    }

    /// The next line as a record.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        Ok(self.line()?.map(|line| match line {
            Line::Text(line, bytes) => Piece::Record {
                line,
                bytes,
                context: "".into(),
            },
            Line::Bad(piece) => piece,
        }))
    }

    /// The next line, which is UTF-8 if it is text.
    pub(super) fn line(&mut self) -> io::Result<Option<Line>> {
        if !self.begun {
            self.begun = true;
            if let Some(piece) = self.window.begin()? {
                return Ok(Some(Line::Bad(piece)));
            }
        }
        if self.window.skip_blank()?.is_none() {
            return Ok(self.window.finish().map(Line::Bad));
        }
        let line_end = self.window.line_end();
        let data = self.window.data();
        let Some(end) = line_end.or(self.window.ended().then_some(data.len())) else {
            let newline = |data: &[u8], from: usize| {
                memchr::memchr(b'\n', data.get(from..)?).map(|at| from + at)
            };
            let piece = self.window.discard(Fault::TooLarge, 0, 0, newline)?;
            return Ok(Some(Line::Bad(piece)));
        };
        let line = self.window.line();
        // A line that the file's cut went through looks whole and is not.
        let cut = end == data.len() && self.window.is_broken();
        let bytes = data.get(..end).unwrap_or_default().trim_ascii();
        let fault = if cut {
            Some(Fault::TruncatedInput)
        } else if bytes.len() > MAX_RECORD_BYTES {
            Some(Fault::TooLarge)
        } else if std::str::from_utf8(bytes).is_err() {
            Some(Fault::NotUtf8)
        } else {
            None
        };
        let content = Bytes::copy_from_slice(bytes.get(..MAX_RECORD_BYTES).unwrap_or(bytes));
        self.window.consume(end);
        Ok(Some(match fault {
            None => Line::Text(line, content),
            Some(fault) => Line::Bad(self.bad(line, fault, &content)),
        }))
    }

    /// A piece for a line that was read and can't be a record.
    pub(super) fn bad(&mut self, line: u64, fault: Fault, content: &[u8]) -> Piece {
        self.window.unreadable(line, fault, content)
    }
}
