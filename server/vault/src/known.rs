//! Which blocks of the tenant's need not be stored again.

use std::collections::HashMap;

use cordon_evidence::digest::Digest;

use crate::map::{Entry, MapPiece, Place};

/// Most blocks that are known: 400 GiB in blocks of the usual size, in some 60 MiB of memory.
const MOST: usize = 400_000;

/// Blocks that lie in the store under keys that the snapshot being taken may have: of earlier ones of
/// its tenant's, and of itself.
#[derive(Debug, Default)]
pub struct Known(HashMap<Digest, Place>);

impl Known {
    /// Whether more can be told of.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Takes in what a piece of a map leads to.
    pub fn learn(&mut self, piece: MapPiece) {
        for entry in piece.entries {
            self.add(entry);
        }
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        if let Some(place) = entry.place
            && !self.is_full()
        {
            self.0.entry(entry.record.digests.blake3).or_insert(place);
        }
    }

    pub(crate) fn find(&self, blake3: &Digest) -> Option<&Place> {
        self.0.get(blake3)
    }
}
