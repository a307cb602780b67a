//! An item while it is acquired: bytes, holes and what can't be read go in, in order, and
//! blocks come out.

use crate::content::Content;
use crate::digest::{Digesting, Digests, is_zero};
use crate::geometry::{BlockSize, Geometry};
use crate::merkle::{Root, leaf};
use crate::record::{Kind, Record};
use crate::spans::Merging;

/// What comes next of an item.
#[derive(Debug, Clone, Copy)]
pub enum Run<'a> {
    /// Bytes that were read.
    Data(&'a [u8]),
    /// So many zeros that need not be read.
    Hole(u64),
    /// So many bytes that could not be read. Zeros take their place.
    Unreadable(u64),
}

impl Run<'_> {
    /// How many bytes of the item it is.
    #[must_use]
    pub const fn length(&self) -> u64 {
        match self {
            Self::Data(bytes) => bytes.len() as u64,
            Self::Hole(length) | Self::Unreadable(length) => *length,
        }
    }

    /// Takes so many bytes off its front; at most what it has.
    fn split(&mut self, length: u32) -> Self {
        let front;
        match self {
            Self::Data(bytes) => {
                let (head, tail) = bytes
                    .split_at_checked(length as usize)
                    .unwrap_or((bytes, &[]));
                front = Run::Data(head);
                *bytes = tail;
            }
            Self::Hole(left) => {
                front = Run::Hole(u64::from(length).min(*left));
                *left -= front.length();
            }
            Self::Unreadable(left) => {
                front = Run::Unreadable(u64::from(length).min(*left));
                *left -= front.length();
            }
        }
        front
    }
}

/// A block that is complete.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Which it is, from 0.
    pub index: u64,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u32,
    /// Its kind and digests.
    pub record: Record,
    /// What is to be stored of it; nothing of a hole and of what can't be read.
    pub bytes: Option<&'a [u8]>,
}

/// Why an item is not what it was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// More came than its size.
    #[error("there is more of the item than the {size} bytes that it was to have")]
    TooMuch {
        /// Its size.
        size: u64,
    },
    /// It ended early.
    #[error("the item ended after {taken} of {size} bytes")]
    TooLittle {
        /// Its size.
        size: u64,
        /// How many bytes came.
        taken: u64,
    },
}

/// Cuts an item into blocks and hashes them and the whole. It keeps one block at most, and that
/// only where runs do not end where blocks do.
#[derive(Debug)]
pub struct Hasher {
    geometry: Geometry,
    /// How many bytes of the item were taken.
    taken: u64,
    /// The next block.
    index: u64,
    /// What was taken of the next block; stale while `filled` is 0.
    buffer: Vec<u8>,
    filled: u32,
    /// How much of the next block could not be read, so far.
    unread: u32,
    whole: Digesting,
    /// Digests of a whole block of zeros, once there was one.
    zeros: Option<Digests>,
    root: Root,
    holes: Merging,
    unreadable: Merging,
}

impl Hasher {
    /// For an item of known size.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            taken: 0,
            index: 0,
            buffer: Vec::new(),
            filled: 0,
            unread: 0,
            whole: Digesting::default(),
            zeros: None,
            root: Root::default(),
            holes: Merging::default(),
            unreadable: Merging::default(),
        }
    }

    /// Takes from the front of `run` up to the end of the next block, and gives that block if it
    /// is complete; with `None` the run is used up. So it is called until it gives `None`:
    ///
    /// ```
    /// # use cordon_evidence::{geometry::{BlockSize, Geometry}, hasher::{Hasher, Run}};
    /// # let mut hasher = Hasher::new(Geometry::new(5, BlockSize::DEFAULT)?);
    /// let mut run = Run::Data(b"bytes");
    /// while let Some(block) = hasher.take(&mut run)? {
    ///     // Keep block.record, and block.bytes if there are any.
    ///     assert_eq!(block.bytes, Some(&b"bytes"[..]));
    /// }
    /// let content = hasher.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When there is more than the item's size. Then nothing was taken.
    pub fn take<'a, 'b: 'a>(
        &'a mut self,
        run: &mut Run<'b>,
    ) -> Result<Option<Block<'a>>, HashError> {
        let size = self.geometry.size();
        if run.length() > size - self.taken {
            return Err(HashError::TooMuch { size });
        }
        if run.length() == 0 {
            return Ok(None);
        }
        let length = self.geometry.length(self.index);
        let missing = length - self.filled;
        let part = run.split(missing);
        // At most what is missing of a block, so that it fits.
        let got = part.length() as u32;
        if let Run::Unreadable(unread) = part {
            self.unreadable.push(self.taken, unread);
            self.unread += got;
        }
        self.taken += part.length();
        if got == length {
            // A whole block at once: no need to copy it.
            let bytes = match part {
                Run::Data(bytes) => Some(bytes),
                Run::Hole(_) | Run::Unreadable(_) => None,
            };
            return Ok(Some(self.seal(bytes)));
        }
        self.keep(part, length);
        if self.filled < length {
            return Ok(None);
        }
        Ok(Some(self.seal_kept(length)))
    }

    /// For an item whose size is known when it ends, such as a memory dump: it is as large as what
    /// came until [`end`](Self::end).
    #[must_use]
    pub fn unbounded(block_size: BlockSize) -> Self {
        Self::new(Geometry::largest(block_size))
    }

    /// Says that there is no more of an item whose size was not known; gives its last block if that
    /// is a short one.
    pub fn end(&mut self) -> Option<Block<'_>> {
        self.geometry = self.geometry.cut(self.taken);
        if self.filled == 0 {
            return None;
        }
        Some(self.seal_kept(self.filled))
    }

    /// What the item was.
    ///
    /// # Errors
    ///
    /// When it ended early.
    pub fn finish(self) -> Result<Content, HashError> {
        let size = self.geometry.size();
        if self.taken != size {
            return Err(HashError::TooLittle {
                size,
                taken: self.taken,
            });
        }
        let (whole, holes) = (self.whole.finish(), self.holes.finish());
        let unreadable = self.unreadable.finish();
        Ok(Content {
            size,
            block_size: self.geometry.block_size(),
            data: size - holes.bytes - unreadable.bytes,
            holes,
            unreadable,
            sha256: whole.sha256,
            blake3: whole.blake3,
            root: self.root.finish(),
        })
    }

    fn keep(&mut self, part: Run<'_>, length: u32) {
        if self.filled == 0 {
            self.buffer.clear();
            self.buffer.reserve_exact(length as usize);
        }
        match part {
            Run::Data(bytes) => self.buffer.extend_from_slice(bytes),
            Run::Hole(zeros) | Run::Unreadable(zeros) => {
                let filled = self.buffer.len().saturating_add(zeros as usize);
                self.buffer.resize(filled, 0);
            }
        }
        self.filled += part.length() as u32;
    }

    /// Closes the next block, which is in the buffer.
    fn seal_kept(&mut self, length: u32) -> Block<'_> {
        let buffer = std::mem::take(&mut self.buffer);
        let block = self.seal(Some(&buffer));
        let (record, index, offset) = (block.record, block.index, block.offset);
        self.buffer = buffer;
        Block {
            index,
            offset,
            length,
            record,
            bytes: record.kind.is_stored().then_some(&*self.buffer),
        }
    }

    /// Closes the next block; without bytes it is zeros.
    fn seal<'b>(&mut self, bytes: Option<&'b [u8]>) -> Block<'b> {
        let (index, length) = (self.index, self.geometry.length(self.index));
        let offset = self.geometry.offset(index);
        let other = bytes.filter(|bytes| !is_zero(bytes));
        let digests = match other {
            Some(bytes) => {
                let mut own = Digesting::default();
                own.update_with(&mut self.whole, bytes);
                own.finish()
            }
            None => self.zeros(length),
        };
        let kind = match self.unread {
            0 if other.is_none() => Kind::Hole,
            0 => Kind::Data,
            unread if unread == length => Kind::Unreadable,
            _ => Kind::Partial,
        };
        if kind == Kind::Hole {
            self.holes.push(offset, length.into());
        }
        let record = Record { kind, digests };
        self.root.push(leaf(index, length, &record));
        self.index += 1;
        self.filled = 0;
        self.unread = 0;
        Block {
            index,
            offset,
            length,
            record,
            bytes: bytes.filter(|_| kind.is_stored()),
        }
    }

    /// Digests of a block of zeros, which the whole takes too.
    fn zeros(&mut self, length: u32) -> Digests {
        self.whole.zeros(length.into());
        if length != self.geometry.block_size().bytes() {
            return Digests::of_zeros(length.into());
        }
        *self
            .zeros
            .get_or_insert_with(|| Digests::of_zeros(length.into()))
    }
}

#[cfg(test)]
mod tests;
