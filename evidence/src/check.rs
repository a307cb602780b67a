//! The check of what was downloaded: block by block as it goes by, and of parts alone.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::content::Content;
use crate::digest::{Digesting, Digests};
use crate::geometry::{Geometry, GeometryError};
use crate::list::BlockList;
use crate::merkle::ProvenBlocks;
use crate::record::Record;

/// How much is read at once.
const PART: usize = 256 << 10;

/// Which digests of the same bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differing {
    /// SHA-256 alone.
    Sha256,
    /// BLAKE3 alone.
    Blake3,
    /// Both, as of any bytes that were changed.
    Both,
}

impl Differing {
    fn between(one: &Digests, other: &Digests) -> Option<Self> {
        match (one.sha256 == other.sha256, one.blake3 == other.blake3) {
            (true, true) => None,
            (false, true) => Some(Self::Sha256),
            (true, false) => Some(Self::Blake3),
            (false, false) => Some(Self::Both),
        }
    }
}

impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "its SHA-256 is another, its BLAKE3 is right",
            Self::Blake3 => "its BLAKE3 is another, its SHA-256 is right",
            Self::Both => "its digests are others",
        })
    }
}

/// The first thing that is not as it was acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// A block.
    #[error(
        "block {index} ({length} bytes from byte {offset} on) is not what was acquired: {differing}"
    )]
    Block {
        /// Which block.
        index: u64,
        /// Where it begins.
        offset: u64,
        /// How long it is.
        length: u32,
        /// Which digests differ.
        differing: Differing,
    },
    /// The bytes end early.
    #[error("the bytes end at byte {end}, in block {index}; there have to be more")]
    Short {
        /// The block that is not whole.
        index: u64,
        /// Where the bytes end.
        end: u64,
    },
    /// There are bytes behind the last.
    #[error("there are bytes behind byte {end}, where the item ends")]
    Long {
        /// Where they should end.
        end: u64,
    },
    /// All blocks are right and the whole is not: the manifest contradicts itself.
    #[error(
        "every block is what was acquired, but of the whole {0}: the manifest contradicts itself"
    )]
    Whole(Differing),
    /// It is the list of another item.
    #[error("the list of blocks is another item's")]
    OtherList,
}

/// Why a check did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Something is not as it was acquired.
    #[error(transparent)]
    Bad(#[from] Bad),
    /// There is no such range.
    #[error(transparent)]
    Range(#[from] GeometryError),
    /// The bytes can't be read.
    #[error("the bytes can't be read: {0}")]
    Read(#[from] io::Error),
}

/// Where the records are that bytes are held against.
#[derive(Debug, Clone, Copy)]
enum Records<'a> {
    List(&'a BlockList),
    Proven(&'a ProvenBlocks),
}

impl Records<'_> {
    fn get(&self, index: u64) -> Option<Record> {
        match self {
            Self::List(list) => list.record(index),
            Self::Proven(blocks) => blocks.record(index),
        }
    }
}

/// Holds bytes against what is known of their blocks while they go by, in any pieces. It keeps
/// none of them.
#[derive(Debug)]
pub struct Checker<'a> {
    records: Records<'a>,
    geometry: Geometry,
    /// The block that is being taken, and the one behind the last.
    index: u64,
    until: u64,
    /// How much of the block was taken.
    filled: u32,
    block: Digesting,
    /// The whole, and what its digests must be; nothing of a part.
    whole: Option<(Digesting, Digests)>,
    /// What was found, which every later call gives again.
    bad: Option<Bad>,
}

impl<'a> Checker<'a> {
    /// For a whole item, as its bytes come from the first on.
    ///
    /// # Errors
    ///
    /// When the list is not the item's.
    pub fn whole(content: &Content, list: &'a BlockList) -> Result<Self, Bad> {
        let geometry = list.geometry();
        if content.geometry() != Ok(geometry) || content.root != list.root() {
            return Err(Bad::OtherList);
        }
        let digests = Digests {
            sha256: content.sha256,
            blake3: content.blake3,
        };
        let whole = Some((Digesting::default(), digests));
        let blocks = 0..geometry.blocks();
        Ok(Self::new(Records::List(list), geometry, blocks, whole))
    }

    /// For the blocks that hold a range of bytes. They are given from the beginning of the first
    /// block, as [`Geometry::covering`] tells, to the end of the last.
    ///
    /// # Errors
    ///
    /// When there is no such range.
    pub fn part(list: &'a BlockList, bytes: &Range<u64>) -> Result<Self, GeometryError> {
        let geometry = list.geometry();
        let blocks = geometry.covering(bytes)?;
        Ok(Self::new(Records::List(list), geometry, blocks, None))
    }

    /// For blocks that were proven, given from the beginning of the first to the end of the last
    /// ([`ProvenBlocks::bytes`]).
    #[must_use]
    pub fn proven(blocks: &'a ProvenBlocks) -> Self {
        let (geometry, range) = (blocks.geometry(), blocks.blocks());
        Self::new(Records::Proven(blocks), geometry, range, None)
    }

    fn new(
        records: Records<'a>,
        geometry: Geometry,
        blocks: Range<u64>,
        whole: Option<(Digesting, Digests)>,
    ) -> Self {
        Self {
            records,
            geometry,
            index: blocks.start,
            until: blocks.end,
            filled: 0,
            block: Digesting::default(),
            whole,
            bad: None,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// The first block that is not what was acquired, or that there are too many bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Bad> {
        let mut rest = bytes;
        while !rest.is_empty() && self.bad.is_none() {
            let length = self.length();
            if length == 0 {
                self.bad = Some(Bad::Long { end: self.at() });
                break;
            }
            let missing = (length - self.filled) as usize;
            let (part, behind) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            match &mut self.whole {
                Some((whole, _)) => whole.update_with(&mut self.block, part),
                None => self.block.update(part),
            }
            // No more than is missing of a block.
            self.filled += part.len() as u32;
            rest = behind;
            if self.filled == length {
                self.close(length);
            }
        }
        self.bad.map_or(Ok(()), Err)
    }

    /// Says that there are no more bytes.
    ///
    /// # Errors
    ///
    /// What is not as it was acquired.
    pub fn finish(self) -> Result<(), Bad> {
        if let Some(bad) = self.bad {
            return Err(bad);
        }
        if self.index < self.until {
            return Err(Bad::Short {
                index: self.index,
                end: self.at(),
            });
        }
        let Some((whole, known)) = self.whole else {
            return Ok(());
        };
        Differing::between(&whole.finish(), &known)
            .map_or(Ok(()), |differing| Err(Bad::Whole(differing)))
    }

    /// Up to which byte of the item everything was taken.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.geometry.offset(self.index) + u64::from(self.filled)
    }

    /// How long the block is that is being taken; 0 behind the last.
    fn length(&self) -> u32 {
        if self.index < self.until {
            self.geometry.length(self.index)
        } else {
            0
        }
    }

    fn close(&mut self, length: u32) {
        let digests = std::mem::take(&mut self.block).finish();
        let differing = match self.records.get(self.index) {
            Some(record) => Differing::between(&digests, &record.digests),
            None => Some(Differing::Both),
        };
        if let Some(differing) = differing {
            self.bad = Some(Bad::Block {
                index: self.index,
                offset: self.geometry.offset(self.index),
                length,
                differing,
            });
            return;
        }
        self.index += 1;
        self.filled = 0;
    }
}

/// Checks a whole item, such as a file, from its first byte to its end.
///
/// # Errors
///
/// The first thing that is not as it was acquired.
pub fn check(bytes: impl Read, content: &Content, list: &BlockList) -> Result<(), CheckError> {
    pump(bytes, Checker::whole(content, list)?)
}

/// Checks the blocks that hold a range of an item's bytes, in a file that has all of them.
///
/// # Errors
///
/// The first of these blocks that is not as it was acquired.
pub fn check_range(
    mut file: impl Read + Seek,
    list: &BlockList,
    bytes: &Range<u64>,
) -> Result<(), CheckError> {
    let checker = Checker::part(list, bytes)?;
    let start = checker.at();
    let end = list.geometry().offset(checker.until);
    file.seek(SeekFrom::Start(start))?;
    pump(file.take(end - start), checker)
}

/// Checks blocks that were proven; `bytes` gives just [these](ProvenBlocks::bytes).
///
/// # Errors
///
/// The first of them that is not as it was acquired.
pub fn check_proven(bytes: impl Read, blocks: &ProvenBlocks) -> Result<(), CheckError> {
    pump(bytes, Checker::proven(blocks))
}

fn pump(mut bytes: impl Read, mut checker: Checker<'_>) -> Result<(), CheckError> {
    let mut buffer = vec![0; PART];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => return Ok(checker.finish()?),
            Ok(got) => checker.take(buffer.get(..got).unwrap_or(&buffer))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
