//! The chain of custody: everything that was done with a snapshot since it was taken, each entry
//! with the hash of the one before.
//!
//! The first entry has the hash of the manifest, so that no other snapshot's chain can be put in
//! its place. A chain whose newest entries were cut off still follows: that is noticed by who was
//! told a later [`Head`], which [`verify`] can be given.

mod follow;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::follow::{Broken, Chain, Step, verify};
use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::manifest::Person;

/// Largest entry in bytes.
pub const MAX_ENTRY_BYTES: usize = 64 << 10;

/// Before what is hashed of the beginning of a chain.
const START: &[u8] = b"cordon.custody.start.v1\n";
/// Before what is hashed of an entry.
const ENTRY: &[u8] = b"cordon.custody.entry.v1\n";

/// Something that is done with items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// They were taken.
    Acquired {},
    /// Their bytes, or part of them, were read.
    Read {},
    /// They were put into a form for elsewhere, or left the service.
    Exported {},
    /// Somebody or something looked into them and noted what is there.
    Examined {},
    /// They may not be deleted from now on.
    Held {
        /// The hold's name, by which it is released.
        hold: String,
    },
    /// A hold ended.
    Released {
        /// Which.
        hold: String,
    },
    /// Another party may read them.
    Shared {
        /// Who.
        with: String,
    },
    /// That party may not any more.
    ShareRevoked {
        /// Who.
        with: String,
    },
    /// They were destroyed.
    Deleted {},
}

/// What came of hashing items again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", deny_unknown_fields)]
pub enum Recheck {
    /// Nobody did.
    NotDone {},
    /// Everything that was touched is as it was taken.
    Same {},
    /// Something is not.
    Differs {
        /// In which item.
        item: String,
        /// The first block that is not.
        block: u64,
        /// Where it begins.
        offset: u64,
    },
}

/// What is entered: an entry but for its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it was done.
    pub at: Timestamp,
    /// What.
    pub act: Act,
    /// By whom.
    pub by: Person,
    /// What for.
    pub purpose: String,
    /// With which items; at least one, each once.
    pub items: Vec<String>,
    /// Whether the bytes were hashed again, and what came of it.
    pub recheck: Recheck,
}

/// An entry of a chain. It has no field that this version does not know: its hash is that of all
/// its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place, from 1.
    pub sequence: u64,
    /// When it was done; not before the one before.
    pub at: Timestamp,
    /// What was done.
    pub act: Act,
    /// By whom.
    pub by: Person,
    /// What for.
    pub purpose: String,
    /// With which items.
    pub items: Vec<String>,
    /// Whether the bytes were hashed again, and what came of it.
    pub recheck: Recheck,
    /// The hash of the entry before; of the first, that of the [`start`](Head::start).
    pub previous: Digest,
}

/// The end of a chain: how many entries it has, and the hash of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How many entries.
    pub sequence: u64,
    /// The hash of the last; of none, that of the manifest.
    pub hash: Digest,
}

impl Head {
    /// Where the chain of a manifest begins; `manifest` is the SHA-256 of its bytes.
    #[must_use]
    pub fn start(manifest: &Digest) -> Self {
        Self {
            sequence: 0,
            hash: Digest::sha256(&[START, &manifest.0]),
        }
    }
}

impl Entry {
    /// As bytes: canonical JSON, without a line's end.
    ///
    /// # Errors
    ///
    /// When a number or the whole is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_bytes(self, MAX_ENTRY_BYTES)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made. Whether it follows is the
    /// [chain's](Chain::follow) to say.
    ///
    /// # Errors
    ///
    /// When it is no entry, or spelled otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CanonicalError> {
        let json = canonical::read(bytes, MAX_ENTRY_BYTES)?;
        let entry: Self = canonical::value(&json)?;
        // A time can be spelled in many ways. Its hash is that of one.
        if entry.to_bytes()? != bytes {
            return Err(CanonicalError::Form);
        }
        Ok(entry)
    }

    /// What the next entry has of this one: SHA-256 of what it is, and its bytes.
    ///
    /// # Errors
    ///
    /// When it has no bytes.
    pub fn hash(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::sha256(&[ENTRY, &self.to_bytes()?]))
    }
}
