//! What an acquired item holds: sizes, digests, holes, and what could not be read.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::geometry::{BlockSize, Geometry, GeometryError};
use crate::record::Kind;
use crate::spans::Spans;

/// What is said of an item's bytes. Fields that this version does not know are refused: they
/// could change what the digests are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// How many bytes the item has, holes and all.
    pub size: u64,
    /// How long its blocks are.
    pub block_size: BlockSize,
    /// How many bytes are neither in a hole nor unreadable.
    pub data: u64,
    /// Blocks of nothing but zeros.
    pub holes: Spans,
    /// What could not be read, to the byte. Zeros stand in its place.
    pub unreadable: Spans,
    /// SHA-256 of all bytes.
    pub sha256: Digest,
    /// BLAKE3 of all bytes.
    pub blake3: Digest,
    /// The root of the [tree](crate::merkle) over the blocks.
    pub root: Digest,
}

/// What is wrong with what is said of an item's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentProblem {
    /// Too many blocks.
    #[error(transparent)]
    Geometry(GeometryError),
    /// Data, holes and unreadable bytes are not the size.
    #[error("data, holes and unreadable bytes do not add up to the size")]
    Sum,
    /// The holes do not add up.
    #[error("the holes are out of order, touch, lie outside the item or do not add up")]
    Holes,
    /// A hole is not made of whole blocks.
    #[error("a hole is not made of whole blocks")]
    HoleBlocks,
    /// The unreadable ranges do not add up.
    #[error("the unreadable ranges are out of order, touch, lie outside the item or do not add up")]
    Unreadable,
    /// Something is both.
    #[error("a hole and an unreadable range overlap")]
    Overlap,
}

impl Content {
    /// How the item is cut.
    ///
    /// # Errors
    ///
    /// When it has too many blocks.
    pub fn geometry(&self) -> Result<Geometry, GeometryError> {
        Geometry::new(self.size, self.block_size)
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<ContentProblem> {
        let mut problems = Vec::new();
        let mut refuse_if = |wrong: bool, problem: ContentProblem| {
            if wrong {
                problems.push(problem);
            }
        };
        if let Err(error) = self.geometry() {
            refuse_if(true, ContentProblem::Geometry(error));
        }
        let parts = [self.holes.bytes, self.unreadable.bytes];
        let sum = parts
            .iter()
            .try_fold(self.data, |sum, part| sum.checked_add(*part));
        refuse_if(sum != Some(self.size), ContentProblem::Sum);
        let (holes, unreadable) = (
            self.holes.adds_up(self.size),
            self.unreadable.adds_up(self.size),
        );
        refuse_if(!holes, ContentProblem::Holes);
        refuse_if(!self.holes_are_blocks(), ContentProblem::HoleBlocks);
        refuse_if(!unreadable, ContentProblem::Unreadable);
        // Only of lists in order can the overlap be told.
        let overlap = holes && unreadable && self.overlap();
        refuse_if(overlap, ContentProblem::Overlap);
        problems
    }

    fn holes_are_blocks(&self) -> bool {
        let block = u64::from(self.block_size.bytes());
        self.holes.first.iter().all(|hole| {
            let ends = |end: u64| end.is_multiple_of(block) || end == self.size;
            hole.offset.is_multiple_of(block) && hole.end().is_some_and(ends)
        })
    }

    fn overlap(&self) -> bool {
        self.unreadable.first.iter().any(|span| {
            let end = span.end().unwrap_or(u64::MAX);
            self.holes.overlap(span.offset, end) > 0
        })
    }

    /// Whether a block can be of a kind, by the ranges. Those left out of a list may lie
    /// anywhere behind the last that is named.
    pub(crate) fn can_be(&self, kind: Kind, start: u64, length: u32) -> bool {
        let end = start.saturating_add(length.into());
        let unread = self.unreadable.overlap(start, end);
        let by_list = match kind {
            Kind::Data | Kind::Hole => unread == 0,
            Kind::Unreadable => unread == u64::from(length),
            Kind::Partial => unread > 0 && unread < u64::from(length),
        };
        let unnamed = self.unreadable.left_out > 0 && end > self.unreadable.named_until();
        by_list || (unnamed && matches!(kind, Kind::Unreadable | Kind::Partial))
    }
}

#[cfg(test)]
mod tests;
