//! The map of an item: for each block what it is, where it lies and by which key it opens.
//!
//! How long a piece is depends on what its blocks are alone, and not on chance: what a snapshot takes in
//! the store is the same wherever and whenever it is taken.

use bytes::Bytes;
use cordon_evidence::digest::Digests;
use cordon_evidence::geometry::Geometry;
use cordon_evidence::record::{Kind, Record};
use cordon_kernel::keys::ContentCipher;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::ports::PieceRow;

/// Of how many blocks a piece tells at most.
pub const PIECE_BLOCKS: u32 = 8_192;
/// How many of these lie in packs at most: what is lost by an acquisition that dies is less than that.
pub(crate) const PIECE_STORED: u32 = 128;
/// How long an entry of a block that lies somewhere is: a record and a place. Of others it is the kind
/// alone, as their bytes are zeros.
const ENTRY: usize = Record::BYTES + PLACE;
const PLACE: usize = 16 + 4 + 4 + 1 + 32;

/// Where a block lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// In which pack.
    pub(crate) pack: Uuid,
    /// Where there.
    pub(crate) offset: u32,
    /// How long it is there.
    pub(crate) length: u32,
    /// Whether it is compressed.
    pub(crate) packed: bool,
    /// The key that it opens by.
    pub(crate) key: Zeroizing<[u8; 32]>,
}

impl Place {
    /// In which object.
    #[must_use]
    pub fn pack(&self) -> Uuid {
        self.pack
    }

    /// What its bytes are bound to, besides the tenant and where they lie.
    pub(crate) fn object(&self) -> String {
        object(self.pack)
    }
}

pub(crate) fn object(pack: Uuid) -> String {
    format!("evidence-pack/{}", pack.hyphenated())
}

/// What is known of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub record: Record,
    /// Where it lies; nowhere if its bytes are known without.
    pub place: Option<Place>,
}

impl Entry {
    fn write(&self, out: &mut Vec<u8>) {
        match &self.place {
            None => out.push(self.record.kind.code()),
            Some(place) => {
                out.extend_from_slice(&self.record.to_bytes());
                out.extend_from_slice(place.pack.as_bytes());
                out.extend_from_slice(&place.offset.to_be_bytes());
                out.extend_from_slice(&place.length.to_be_bytes());
                out.push(u8::from(place.packed));
                out.extend_from_slice(place.key.as_slice());
            }
        }
    }

    /// Reads the first entry, and gives what is behind it. `zeros` gives the digests of the block if it
    /// is zeros.
    fn read(bytes: &[u8], zeros: impl FnOnce() -> Digests) -> Option<(Self, &[u8])> {
        let kind = Kind::from_code(*bytes.first()?)?;
        if !kind.is_stored() {
            let digests = zeros();
            let record = Record { kind, digests };
            let rest = bytes.get(1..)?;
            return Some((
                Self {
                    record,
                    place: None,
                },
                rest,
            ));
        }
        let (entry, behind) = bytes.split_at_checked(ENTRY)?;
        let (record, place) = entry.split_at_checked(Record::BYTES)?;
        let record = Record::from_bytes(record)?;
        let (pack, rest) = place.split_first_chunk::<16>()?;
        let (offset, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (packed, key) = rest.split_first()?;
        let place = Place {
            pack: Uuid::from_bytes(*pack),
            offset: u32::from_be_bytes(*offset),
            length: u32::from_be_bytes(*length),
            packed: *packed == 1,
            key: Zeroizing::new(key.try_into().ok()?),
        };
        let place = Some(place);
        Some((Self { record, place }, behind))
    }
}

/// A piece of a map.
#[derive(Debug, Clone)]
pub struct MapPiece {
    /// The first block that it tells of.
    pub first: u64,
    /// What it tells of that and the next ones.
    pub entries: Vec<Entry>,
}

impl MapPiece {
    /// What it is kept as. `item` is what the snapshot calls the item.
    pub(crate) fn seal(
        &self,
        cipher: &ContentCipher,
        item: &str,
        id: Uuid,
    ) -> Result<Bytes, VaultError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(self.entries.len() * ENTRY));
        for entry in &self.entries {
            entry.write(&mut plain);
        }
        let sealed = cipher.seal(&piece(item, id), self.first, &plain)?;
        Ok(sealed.into())
    }

    /// Reads what was kept. `geometry` is the item's; where only what lies somewhere is asked for,
    /// [`Geometry::largest`] of its block size does.
    ///
    /// # Errors
    /// When it does not open, or is no piece of that many blocks.
    pub fn open(
        cipher: &ContentCipher,
        item: &str,
        row: &PieceRow,
        sealed: &[u8],
        geometry: &Geometry,
    ) -> Result<Self, VaultError> {
        let wrong = || VaultError::internal("a piece of a map is none");
        let plain = Zeroizing::new(cipher.open(&piece(item, row.id), row.first, sealed)?);
        let whole = geometry.block_size().bytes();
        let mut of_whole = None;
        let mut rest = plain.as_slice();
        let mut entries = Vec::with_capacity(row.blocks.min(PIECE_BLOCKS) as usize);
        for index in row.first..row.first.saturating_add(u64::from(row.blocks)) {
            let length = geometry.length(index);
            let zeros = || match length == whole {
                true => *of_whole.get_or_insert_with(|| Digests::of_zeros(length.into())),
                false => Digests::of_zeros(length.into()),
            };
            let (entry, behind) = Entry::read(rest, zeros).ok_or_else(wrong)?;
            entries.push(entry);
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            first: row.first,
            entries,
        })
    }
}

/// What a piece is bound to, besides the tenant, the snapshot's key and its first block.
fn piece(item: &str, id: Uuid) -> String {
    format!("{item}/map/{}", id.hyphenated())
}
