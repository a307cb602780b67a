//! The tree over an item's blocks, as RFC 9162 (and 6962) makes it of SHA-256: leaves and inner
//! nodes are hashed apart, and a leaf says which block it is, how long, of which kind, and both
//! its digests. The root in a manifest so binds every block to its place, and any part of an
//! item can be checked without the rest.

mod proof;

use crate::digest::Digest;
use crate::record::Record;

pub use self::proof::{MAX_PROOF_BLOCKS, ProofError, ProvenBlocks, RangeProof};

/// Before what is hashed of a leaf.
const LEAF: &[u8] = &[0];
/// Before what is hashed of an inner node.
const NODE: &[u8] = &[1];

/// The leaf of a block: SHA-256 of a zero byte, the index (8 bytes, the highest first), the length
/// (4 bytes), and the [record](Record::to_bytes).
#[must_use]
pub fn leaf(index: u64, length: u32, record: &Record) -> Digest {
    Digest::sha256(&[
        LEAF,
        &index.to_be_bytes(),
        &length.to_be_bytes(),
        &record.to_bytes(),
    ])
}

/// What stands above two nodes.
fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::sha256(&[NODE, &left.0, &right.0])
}

/// The root, of leaves as they come. It keeps one node a level.
#[derive(Debug, Clone, Default)]
pub struct Root {
    /// Complete trees, the largest first; how many leaves each has are the ones in `leaves`.
    peaks: Vec<Digest>,
    leaves: u64,
}

impl Root {
    /// Takes the next leaf.
    pub fn push(&mut self, leaf: Digest) {
        let mut top = leaf;
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                top = node(&left, &top);
            }
        }
        self.peaks.push(top);
        self.leaves += 1;
    }

    /// The root; of no leaves the SHA-256 of nothing.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.peaks
            .into_iter()
            .rev()
            .reduce(|right, left| node(&left, &right))
            .unwrap_or_else(|| Digest::sha256(&[]))
    }
}

/// All nodes, for proofs: 64 bytes a block.
#[derive(Debug, Clone)]
pub struct Tree {
    /// From the leaves to the root. A node without a neighbour stands in the next level as it is.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// Of all leaves.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).filter_map(pair).collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or_else(|| Digest::sha256(&[]))
    }

    /// How many leaves it has.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }
}

fn pair(nodes: &[Digest]) -> Option<Digest> {
    match nodes {
        [left, right] => Some(node(left, right)),
        [alone] => Some(*alone),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
