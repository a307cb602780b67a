//! Journal blocks: the rows of one tenant from one flush (or from several, once merged), as
//! bytes small enough for one row and quick enough for a hundred thousand a second.
//!
//! A block is a head and a body. The head is readable without unpacking and carries the
//! [`Facts`] that deduplication needs from every unsealed block. The body is columns, packed
//! by zstd level 1; short ones are primed with [text that such records have in common]
//! (`prime.txt`), since a block of one or two rows repeats little within itself.
//!
//! ```text
//! block  = version:u8 flags:u8 rows:varint body_len:varint facts body
//! facts  = n:varint (offset:varint name:16)*  n:varint (offset:varint key:16)*
//! body   = zstd( words origins columns )
//! words  = n:varint len:varint* bytes          the distinct short texts; number 0 is "none"
//! ```
//!
//! Integers are LEB128, signed ones zigzag; times are differences to the row before. The
//! bytes are ciphertext wherever they lie, so decoding meets authenticated input; it checks
//! every bound all the same and never panics.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use zstd::dict::{DecoderDictionary, EncoderDictionary};

pub use decode::{BlockContext, BlockDecoder};
pub use encode::{BlockEncoder, EncodedBlock};

use crate::codec::Reader;
use crate::error::{LakeError, Result};

/// Most rows in a block.
pub const MAX_ROWS: usize = 32_768;

/// Most bytes in a block's body, unpacked.
pub const MAX_BODY: usize = 64 << 20;

/// Current version: its rows end with their credentials.
const VERSION: u8 = 2;

/// The one before, of which rows the credentials stand in their records alone.
const FIRST: u8 = 1;

/// The body was packed with the priming text.
const PRIMED: u8 = 1;

/// Bodies shorter than this are primed.
const PRIME_BELOW: usize = 48 << 10;

const LEVEL: i32 = 1;

/// What the short records of the supported sources have in common. Blocks of both
/// versions need exactly these bytes for ever.
const PRIME: &[u8] = include_bytes!("prime.txt");

static ENCODE_PRIME: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(PRIME, LEVEL));
static DECODE_PRIME: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(PRIME));

/// What deduplication must know of every unsealed block, whichever time its rows have.
/// Offsets are of sequence numbers, from the block's first one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Rows without a valid time: repetitions of them do not share a time.
    pub invalid: Vec<(u32, [u8; 16])>,
    /// Records addressed to the tenant that have others give way to them, by the key that
    /// these share.
    pub superseding: Vec<(u32, [u8; 16])>,
}

impl Facts {
    /// Bytes it takes in memory, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        24 * (self.invalid.len() + self.superseding.len())
    }

    /// Whether there is nothing to know.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.invalid.is_empty() && self.superseding.is_empty()
    }

    /// Reads the facts of a block without unpacking it, and its size unpacked in bytes.
    ///
    /// # Errors
    /// The bytes are no block of a known version.
    pub fn of(block: &[u8]) -> Result<(Self, usize)> {
        let head = Head::parse(block)?;
        Ok((head.facts, head.body_len))
    }
}

/// Key under which records of one event in several accounts find each other.
#[must_use]
pub(crate) fn shared_key(source_type: &str, shared_event_id: &str) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    hash.update(source_type.as_bytes());
    hash.update(&[0]);
    hash.update(shared_event_id.as_bytes());
    let mut key = [0; 16];
    hash.finalize_xof().fill(&mut key);
    key
}

struct Head<'a> {
    version: u8,
    rows: usize,
    primed: bool,
    body_len: usize,
    facts: Facts,
    packed: &'a [u8],
}

impl<'a> Head<'a> {
    fn parse(block: &'a [u8]) -> Result<Self> {
        let mut from = Reader::new(block);
        let version = from.byte()?;
        if !matches!(version, FIRST | VERSION) {
            return Err(LakeError::corrupt(format!(
                "journal block of version {version}"
            )));
        }
        let flags = from.byte()?;
        if flags & !PRIMED != 0 {
            return Err(LakeError::corrupt("journal block with unknown flags"));
        }
        let rows = from.length(MAX_ROWS)?;
        let body_len = from.length(MAX_BODY)?;
        let mut facts = Facts::default();
        for _ in 0..from.length(rows)? {
            facts.invalid.push((from.u32()?, from.array()?));
        }
        for _ in 0..from.length(rows)? {
            facts.superseding.push((from.u32()?, from.array()?));
        }
        Ok(Self {
            version,
            rows,
            primed: flags & PRIMED != 0,
            body_len,
            facts,
            packed: from.rest(),
        })
    }
}
