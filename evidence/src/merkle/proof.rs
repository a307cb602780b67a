//! That blocks stand in a tree in their place: their records, and the nodes beside them.

use std::ops::Range;

use super::{Tree, leaf};
use crate::digest::Digest;
use crate::geometry::{Geometry, GeometryError};
use crate::record::Record;

/// Most blocks that one proof is about: 64 GiB in blocks of the usual size.
pub const MAX_PROOF_BLOCKS: u64 = 1 << 16;
/// Most nodes in a proof: two for each level of the largest tree.
const MAX_PATH: usize = 48;
/// Index of the first block and how many there are, before the records.
const HEAD: usize = 12;

/// A proof for the blocks that hold a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeProof {
    /// The first of the blocks.
    pub first: u64,
    /// What is said of each of them.
    pub records: Vec<Record>,
    /// The nodes beside them: from the leaves to the root, the left one first.
    pub path: Vec<Digest>,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such range.
    #[error(transparent)]
    Range(#[from] GeometryError),
    /// The range has too many blocks for one proof.
    #[error("a proof is about 65536 blocks at most: ask for less at once")]
    TooLarge,
    /// It is about other blocks than those of the range.
    #[error("the proof is about other blocks than those that hold the range")]
    OtherBlocks,
    /// It has more or fewer nodes than such a proof has.
    #[error("the proof has more or fewer nodes than it must have")]
    Path,
    /// It leads to another root.
    #[error("the proof leads to another root than the item's: it was changed or is another item's")]
    Root,
    /// The bytes are no proof.
    #[error("these bytes are no proof")]
    Malformed,
}

/// Records of blocks of which it was proven that they are the item's. They come from
/// [`RangeProof::verify`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenBlocks {
    geometry: Geometry,
    first: u64,
    records: Vec<Record>,
}

impl ProvenBlocks {
    /// How the item is cut.
    #[must_use]
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Which blocks.
    #[must_use]
    pub fn blocks(&self) -> Range<u64> {
        self.first..self.first.saturating_add(self.records.len() as u64)
    }

    /// The bytes that these blocks hold: what has to be at hand to check them.
    #[must_use]
    pub fn bytes(&self) -> Range<u64> {
        let Range { start, end } = self.blocks();
        self.geometry.offset(start)..self.geometry.offset(end)
    }

    /// What was proven of a block; nothing of another's.
    #[must_use]
    pub fn record(&self, index: u64) -> Option<Record> {
        let at = index.checked_sub(self.first)?;
        self.records.get(usize::try_from(at).ok()?).copied()
    }
}

impl Tree {
    /// The nodes beside some leaves that stand together; nothing if there are no such leaves.
    pub(crate) fn path(&self, leaves: &Range<u64>) -> Option<Vec<Digest>> {
        let known = leaves.start < leaves.end && leaves.end <= self.leaves();
        let mut low = usize::try_from(leaves.start).ok().filter(|_| known)?;
        let mut high = usize::try_from(leaves.end).ok()?.checked_sub(1)?;
        let mut path = Vec::new();
        for level in self.levels.iter().take(self.levels.len() - 1) {
            if low % 2 == 1 {
                path.push(*level.get(low - 1)?);
            }
            if high.is_multiple_of(2) {
                // The last one of a level may have no neighbour.
                path.extend(level.get(high + 1));
            }
            (low, high) = (low / 2, high / 2);
        }
        Some(path)
    }
}

impl RangeProof {
    /// Checks the proof for the blocks that hold `bytes` of the item with this root. Root and
    /// geometry have to come from a manifest that was verified, never from beside the proof: how
    /// many blocks lie behind its own, a proof does not always show.
    ///
    /// # Errors
    ///
    /// When it proves nothing of the kind.
    pub fn verify(
        self,
        root: &Digest,
        geometry: &Geometry,
        bytes: &Range<u64>,
    ) -> Result<ProvenBlocks, ProofError> {
        let blocks = geometry.covering(bytes)?;
        let count = blocks.end - blocks.start;
        if count > MAX_PROOF_BLOCKS {
            return Err(ProofError::TooLarge);
        }
        if self.first != blocks.start || self.records.len() as u64 != count {
            return Err(ProofError::OtherBlocks);
        }
        let indices = blocks.start..blocks.end;
        let leaves = indices.zip(&self.records);
        let mut nodes: Vec<Digest> = leaves
            .map(|(index, record)| leaf(index, geometry.length(index), record))
            .collect();
        let mut path = self.path.iter();
        let (mut low, mut width) = (blocks.start, geometry.blocks());
        while width > 1 {
            nodes = above(nodes, &mut path, low, width).ok_or(ProofError::Path)?;
            (low, width) = (low / 2, width.div_ceil(2));
        }
        if path.next().is_some() {
            return Err(ProofError::Path);
        }
        if nodes.first() != Some(root) {
            return Err(ProofError::Root);
        }
        Ok(ProvenBlocks {
            geometry: *geometry,
            first: self.first,
            records: self.records,
        })
    }

    /// As bytes: the first index (8 bytes, the highest first), how many records (4), the records,
    /// and the nodes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let mut out = Vec::with_capacity(
            HEAD + self.records.len() * Record::BYTES + self.path.len() * size_of::<Digest>(),
        );
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        for record in &self.records {
            out.extend_from_slice(&record.to_bytes());
        }
        for node in &self.path {
            out.extend_from_slice(&node.0);
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made. Says nothing of whether it proves anything.
    ///
    /// # Errors
    ///
    /// When it is nothing of the kind, or over the bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let (first, rest) = bytes.split_first_chunk().ok_or(ProofError::Malformed)?;
        let (count, rest) = rest.split_first_chunk().ok_or(ProofError::Malformed)?;
        let count = u32::from_be_bytes(*count);
        if u64::from(count) > MAX_PROOF_BLOCKS {
            return Err(ProofError::TooLarge);
        }
        let (records, path) = rest
            .split_at_checked(count as usize * Record::BYTES)
            .ok_or(ProofError::Malformed)?;
        let (path, over) = path.as_chunks::<32>();
        if path.len() > MAX_PATH || !over.is_empty() {
            return Err(ProofError::Malformed);
        }
        let records = records.chunks(Record::BYTES).map(Record::from_bytes);
        Ok(Self {
            first: u64::from_be_bytes(*first),
            records: records
                .collect::<Option<_>>()
                .ok_or(ProofError::Malformed)?,
            path: path.iter().copied().map(Digest).collect(),
        })
    }
}

/// The nodes above `nodes`, of which the first is the `low`th of `width` in its level. Nothing
/// when the path has no node where one is needed.
fn above<'a>(
    nodes: Vec<Digest>,
    path: &mut impl Iterator<Item = &'a Digest>,
    low: u64,
    width: u64,
) -> Option<Vec<Digest>> {
    let behind = low.checked_add(nodes.len() as u64)?;
    let mut level = Vec::with_capacity(nodes.len() + 2);
    if !low.is_multiple_of(2) {
        level.push(*path.next()?);
    }
    level.extend(nodes);
    if !behind.is_multiple_of(2) && behind < width {
        level.push(*path.next()?);
    }
    Some(level.chunks(2).filter_map(super::pair).collect())
}
