//! What is kept of each block: its kind and its digests, in a fixed form of bytes.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Digests};

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bytes that were read, not all of them zero.
    Data,
    /// Nothing but zeros, all of them read or known to be a hole. It is never stored.
    Hole,
    /// Nothing that could be read; zeros stand in its place. It is never stored.
    Unreadable,
    /// In part what could not be read, with zeros in its place.
    Partial,
}

impl Kind {
    /// All kinds, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Data, Self::Hole, Self::Unreadable, Self::Partial];

    /// Whether the bytes of such a block are stored. Of the others everybody knows them.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Data | Self::Partial)
    }

    /// The byte that stands for it. Never given to another kind.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Hole => 1,
            Self::Unreadable => 2,
            Self::Partial => 3,
        }
    }

    /// The kind that a byte stands for.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One block's kind and digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// What it holds.
    pub kind: Kind,
    /// Of its bytes; zeros where there are none.
    pub digests: Digests,
}

impl Record {
    /// How many bytes it is kept in.
    pub const BYTES: usize = 65;

    /// The kind's code, SHA-256, BLAKE3.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        let parts = [self.kind.code()]
            .into_iter()
            .chain(self.digests.sha256.0)
            .chain(self.digests.blake3.0);
        for (to, from) in out.iter_mut().zip(parts) {
            *to = from;
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made; nothing of other bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, digests) = bytes.split_first()?;
        let (sha256, blake3) = digests.split_at_checked(32)?;
        Some(Self {
            kind: Kind::from_code(*kind)?,
            digests: Digests {
                sha256: Digest(sha256.try_into().ok()?),
                blake3: Digest(blake3.try_into().ok()?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_nothing_else_is() {
        for kind in Kind::ALL {
            let record = Record {
                kind,
                digests: Digests::of(&[kind.code()]),
            };
            let bytes = record.to_bytes();
            assert_eq!(Record::from_bytes(&bytes), Some(record));
            assert_eq!(bytes[0], kind.code());
            assert_eq!(Record::from_bytes(&bytes[..64]), None);
            assert_eq!(Record::from_bytes(&[&bytes[..], &[0]].concat()), None);
        }
        let mut unknown = [0; Record::BYTES];
        unknown[0] = 4;
        assert_eq!(Record::from_bytes(&unknown), None);
        assert_eq!(Record::from_bytes(b""), None);
    }

    #[test]
    fn codes_do_not_change() {
        let codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3]);
    }
}
