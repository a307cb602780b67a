//! Blocks out of the store, as they went in or not at all.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use cordon_evidence::digest::Digests;
use cordon_evidence::geometry::Geometry;
use cordon_evidence::record::Kind;
use cordon_kernel::keys::ContentCipher;

use crate::error::VaultError;
use crate::map::{Entry, MapPiece, Place};
use crate::ports::{PieceRow, Store};

/// Most bytes that are read of a pack at once.
const MOST: u32 = 8 << 20;
/// Most blocks without bytes that are shown at once.
const MOST_ZEROS: u64 = 1 << 20;

/// Blocks of one piece that follow each other: such as lie side by side in one pack, or such as have no
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which blocks.
    pub blocks: Range<u64>,
    /// Their entries.
    entries: Vec<Entry>,
    /// Where they lie.
    lie: Option<(Place, u32)>,
}

/// A part of an item, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A block's bytes.
    Block {
        /// Which.
        index: u64,
        /// Its bytes; zeros where they could not be read.
        bytes: Bytes,
    },
    /// Blocks that are nothing but zeros.
    Zeros {
        /// Which.
        blocks: Range<u64>,
    },
    /// Blocks of which nothing could be read. Zeros stand in their place.
    Unreadable {
        /// Which.
        blocks: Range<u64>,
    },
}

/// Reads a piece of a map, as [`MapPiece::open`] has it.
///
/// # Errors
/// The store's; when it does not open, or is no piece of that many blocks.
pub async fn piece(
    store: &dyn Store,
    cipher: &Arc<ContentCipher>,
    item: String,
    row: PieceRow,
    geometry: Geometry,
) -> Result<MapPiece, VaultError> {
    let sealed = store.read_all(row.id).await?;
    let cipher = Arc::clone(cipher);
    let opened = tokio::task::spawn_blocking(move || {
        MapPiece::open(&cipher, &item, &row, &sealed, &geometry)
    });
    opened.await.map_err(cordon_kernel::Error::internal)?
}

/// Groups the blocks of a piece that are wanted.
#[must_use]
pub fn groups(piece: &MapPiece, wanted: &Range<u64>) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for (index, entry) in (piece.first..).zip(&piece.entries) {
        if !wanted.contains(&index) {
            continue;
        }
        match all.last_mut() {
            Some(group) if group.goes_on(entry) => group.add(entry),
            _ => all.push(Group {
                blocks: index..index + 1,
                entries: vec![entry.clone()],
                lie: entry
                    .place
                    .clone()
                    .map(|place| (place.clone(), place.length)),
            }),
        }
    }
    all
}

impl Group {
    fn goes_on(&self, entry: &Entry) -> bool {
        match (&self.lie, &entry.place) {
            (Some((first, length)), Some(next)) => {
                first.pack == next.pack
                    && first.offset.checked_add(*length) == Some(next.offset)
                    && length.saturating_add(next.length) <= MOST
            }
            (None, None) => {
                let same = |one: &Entry| one.record.kind == entry.record.kind;
                self.entries.first().is_some_and(same)
                    && self.blocks.end - self.blocks.start < MOST_ZEROS
            }
            _ => false,
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.blocks.end += 1;
        if let (Some((_, length)), Some(place)) = (&mut self.lie, &entry.place) {
            *length += place.length;
            self.entries.push(entry.clone());
        }
    }

    /// Reads them, each held against both of its digests.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] with the first block that is not what was acquired; the store's.
    pub async fn show(
        self,
        store: &dyn Store,
        cipher: &Arc<ContentCipher>,
        geometry: Geometry,
    ) -> Result<Vec<Shown>, VaultError> {
        let Some((first, length)) = self.lie else {
            let blocks = self.blocks;
            let kind = self.entries.first().map(|entry| entry.record.kind);
            return Ok(vec![match kind {
                Some(Kind::Unreadable) => Shown::Unreadable { blocks },
                _ => Shown::Zeros { blocks },
            }]);
        };
        let start = u64::from(first.offset);
        let sealed = store
            .read(first.pack, start..start + u64::from(length))
            .await?;
        let (cipher, blocks, entries) = (Arc::clone(cipher), self.blocks, self.entries);
        let opened = tokio::task::spawn_blocking(move || {
            blocks
                .zip(entries)
                .map(|(index, entry)| {
                    let bytes = open(&cipher, &sealed, start, &entry, geometry.length(index));
                    let bytes = bytes.ok_or(VaultError::Damaged { index })?;
                    Ok(Shown::Block { index, bytes })
                })
                .collect()
        });
        opened.await.map_err(cordon_kernel::Error::internal)?
    }
}

/// A block's bytes, if they are what was acquired.
fn open(
    cipher: &ContentCipher,
    sealed: &[u8],
    start: u64,
    entry: &Entry,
    length: u32,
) -> Option<Bytes> {
    let place = entry.place.as_ref()?;
    let from = usize::try_from(u64::from(place.offset).checked_sub(start)?).ok()?;
    let sealed = sealed.get(from..from.checked_add(place.length as usize)?)?;
    let own = cipher.beside(place.key.clone());
    let plain = own
        .open(&place.object(), u64::from(place.offset), sealed)
        .ok()?;
    let bytes = match place.packed {
        // No more than a block has comes of it.
        true => zstd::bulk::decompress(&plain, length as usize).ok()?,
        false => plain,
    };
    let whole = bytes.len() == length as usize && Digests::of(&bytes) == entry.record.digests;
    whole.then(|| bytes.into())
}
