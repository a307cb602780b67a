//! The list of an item's blocks: a short head, and one record a block.
//!
//! All records are of one length, so that the record of any block lies where one can tell, and
//! so that a list is never larger in memory than it came.

use std::ops::Range;

use crate::content::Content;
use crate::digest::{Digest, Digests};
use crate::geometry::{BlockSize, Geometry};
use crate::merkle::{MAX_PROOF_BLOCKS, ProofError, RangeProof, Root, Tree, leaf};
use crate::record::{Kind, Record};
use crate::spans::Merging;

/// What a list begins with.
const MAGIC: [u8; 8] = *b"cordonB1";
/// How long the head of a list is.
pub const HEAD_BYTES: usize = 20;

/// The head of a list: 8 bytes that say what it is, the block size (4 bytes, the highest first) and
/// the item's size (8). The [records](Record::to_bytes) follow, and nothing else.
#[must_use]
pub fn head(geometry: &Geometry) -> [u8; HEAD_BYTES] {
    let mut out = [0; HEAD_BYTES];
    let parts = MAGIC
        .into_iter()
        .chain(geometry.block_size().bytes().to_be_bytes())
        .chain(geometry.size().to_be_bytes());
    for (to, from) in out.iter_mut().zip(parts) {
        *to = from;
    }
    out
}

/// Why bytes are not the list of an item's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// They are no list, or that of an item of another size.
    #[error("this is no list of blocks, or that of an item of another size")]
    Head,
    /// They are too few or too many.
    #[error("the list has {got} bytes, not {expected}")]
    Length {
        /// How many there must be.
        expected: u64,
        /// How many there are.
        got: u64,
    },
    /// A record is none.
    #[error("the record of block {index} can't be read")]
    Record {
        /// Which.
        index: u64,
    },
    /// The tree over the records has another root than the manifest says.
    #[error(
        "the list has another root than the manifest says: it was changed or is another item's"
    )]
    Root,
    /// The root fits, but a record and the manifest do not.
    #[error("block {index} is said to be {kind:?}, which it can't be by the manifest's ranges")]
    Kind {
        /// Which block.
        index: u64,
        /// What the list says.
        kind: Kind,
    },
    /// The root fits, but the holes in the list are not the manifest's.
    #[error("the holes in the list are others than those in the manifest")]
    Holes,
}

/// A list that is the one of an item's manifest. There is none that is not: it comes from
/// [`open`](Self::open) alone.
#[derive(Debug, Clone)]
pub struct BlockList {
    geometry: Geometry,
    root: Digest,
    bytes: Vec<u8>,
}

impl BlockList {
    /// Checks a list against what a verified manifest says of the item.
    ///
    /// # Errors
    ///
    /// When it is another's, was changed, or contradicts the manifest.
    pub fn open(bytes: Vec<u8>, content: &Content) -> Result<Self, ListError> {
        let geometry = content.geometry().map_err(|_| ListError::Head)?;
        let expected = HEAD_BYTES as u64 + geometry.blocks() * Record::BYTES as u64;
        if !bytes.starts_with(&head(&geometry)) {
            return Err(ListError::Head);
        }
        let got = bytes.len() as u64;
        if got != expected {
            return Err(ListError::Length { expected, got });
        }
        let list = Self {
            geometry,
            root: content.root,
            bytes,
        };
        list.check(content)?;
        Ok(list)
    }

    /// How the item is cut.
    #[must_use]
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The root of the tree over the blocks.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// What the list says of a block; nothing if there is no such block.
    #[must_use]
    pub fn record(&self, index: u64) -> Option<Record> {
        let at = usize::try_from(index).ok()?.checked_mul(Record::BYTES)?;
        let start = at.checked_add(HEAD_BYTES)?;
        let end = start.checked_add(Record::BYTES)?;
        Record::from_bytes(self.bytes.get(start..end)?)
    }

    /// The tree over the blocks, for proofs.
    #[must_use]
    pub fn tree(&self) -> Tree {
        let leaves = (0..self.geometry.blocks()).filter_map(|index| {
            let record = self.record(index)?;
            Some(leaf(index, self.geometry.length(index), &record))
        });
        Tree::new(leaves.collect())
    }

    /// Proves the blocks that hold a range of bytes; `tree` is this list's.
    ///
    /// # Errors
    ///
    /// When there is no such range, it has too many blocks, or the tree is another's.
    pub fn prove(&self, tree: &Tree, bytes: &Range<u64>) -> Result<RangeProof, ProofError> {
        let blocks = self.geometry.covering(bytes)?;
        if blocks.end - blocks.start > MAX_PROOF_BLOCKS {
            return Err(ProofError::TooLarge);
        }
        if tree.leaves() != self.geometry.blocks() {
            return Err(ProofError::OtherBlocks);
        }
        let path = tree.path(&blocks).ok_or(ProofError::OtherBlocks)?;
        Ok(RangeProof {
            first: blocks.start,
            records: blocks.filter_map(|index| self.record(index)).collect(),
            path,
        })
    }

    fn check(&self, content: &Content) -> Result<(), ListError> {
        let mut root = Root::default();
        for index in 0..self.geometry.blocks() {
            let record = self.record(index).ok_or(ListError::Record { index })?;
            root.push(leaf(index, self.geometry.length(index), &record));
        }
        if root.finish() != content.root {
            return Err(ListError::Root);
        }
        let mut zeros = Zeros::new(self.geometry.block_size());
        let mut holes = Merging::default();
        for index in 0..self.geometry.blocks() {
            let record = self.record(index).ok_or(ListError::Record { index })?;
            let (start, length) = (self.geometry.offset(index), self.geometry.length(index));
            let kind = record.kind;
            let as_zeros = kind.is_stored() || record.digests == zeros.of(length);
            if !as_zeros || !content.can_be(kind, start, length) {
                return Err(ListError::Kind { index, kind });
            }
            if kind == Kind::Hole {
                holes.push(start, length.into());
            }
        }
        if holes.finish() != content.holes {
            return Err(ListError::Holes);
        }
        Ok(())
    }
}

/// Digests of blocks of zeros: that of a whole block is made once.
struct Zeros {
    block_size: u32,
    whole: Option<Digests>,
}

impl Zeros {
    fn new(block_size: BlockSize) -> Self {
        Self {
            block_size: block_size.bytes(),
            whole: None,
        }
    }

    fn of(&mut self, length: u32) -> Digests {
        if length != self.block_size {
            return Digests::of_zeros(length.into());
        }
        *self
            .whole
            .get_or_insert_with(|| Digests::of_zeros(length.into()))
    }
}

#[cfg(test)]
mod tests;
