//! Blocks on their way into packs, and the map that grows with them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use cordon_evidence::record::Record;
use cordon_kernel::Env;
use cordon_kernel::keys::ContentCipher;
use uuid::Uuid;

use crate::error::VaultError;
use crate::known::Known;
use crate::map::{Entry, MapPiece, PIECE_BLOCKS, PIECE_STORED, Place, object};
use crate::ports::PieceRow;

/// From how many bytes on a pack is closed.
const PACK: usize = 16 << 20;
/// How hard blocks are compressed: as fast as they are hashed.
const LEVEL: i32 = 1;
/// Compressed by less than a sixteenth, a block is kept as it is: it is read faster then.
const WORTH: usize = 16;

/// A block that was cut and hashed.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) record: Record,
    /// What is to be stored of it.
    pub(crate) bytes: Option<Bytes>,
}

/// Something that is to lie in the store.
pub(crate) enum Made {
    Pack(Uuid, Bytes),
    /// With the packs that it leads to and that are not of this item.
    Piece(PieceRow, Bytes, Vec<Uuid>),
}

/// Makes packs and pieces of blocks as they come.
pub(crate) struct Packer {
    env: Env,
    cipher: Arc<ContentCipher>,
    item: String,
    known: Arc<Mutex<Known>>,
    compressor: zstd::bulk::Compressor<'static>,
    pack: Uuid,
    filled: Vec<u8>,
    /// The packs that were made so far.
    own: BTreeSet<Uuid>,
    /// Others that the piece leads to.
    reused: BTreeSet<Uuid>,
    piece: MapPiece,
    /// How many of the piece's blocks lie in packs.
    stored: u32,
}

impl Packer {
    pub(crate) fn new(
        env: Env,
        cipher: Arc<ContentCipher>,
        item: String,
        known: Arc<Mutex<Known>>,
    ) -> Result<Self, VaultError> {
        let compressor = zstd::bulk::Compressor::new(LEVEL);
        Ok(Self {
            pack: env.uuid_v7(),
            env,
            cipher,
            item,
            known,
            compressor: compressor.map_err(cordon_kernel::Error::internal)?,
            filled: Vec::new(),
            own: BTreeSet::new(),
            reused: BTreeSet::new(),
            piece: MapPiece {
                first: 0,
                entries: Vec::new(),
            },
            stored: 0,
        })
    }

    /// Takes the next block; what is whole now goes to `out`.
    pub(crate) fn take(&mut self, cut: Cut, out: &mut Vec<Made>) -> Result<(), VaultError> {
        let place = match cut.bytes {
            None => None,
            Some(bytes) => Some(self.place(&cut.record, &bytes)?),
        };
        self.stored += u32::from(place.is_some());
        self.piece.entries.push(Entry {
            record: cut.record,
            place,
        });
        if self.filled.len() >= PACK {
            self.close_pack(out);
        }
        let full = self.piece.entries.len() >= PIECE_BLOCKS as usize;
        if full || self.stored >= PIECE_STORED {
            self.close_piece(out)?;
        }
        Ok(())
    }

    /// Gives what is left.
    pub(crate) fn finish(mut self, out: &mut Vec<Made>) -> Result<(), VaultError> {
        self.close_piece(out)
    }

    fn place(&mut self, record: &Record, bytes: &[u8]) -> Result<Place, VaultError> {
        let known = |known: &Known| known.find(&record.digests.blake3).cloned();
        let lock = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = known(&lock) {
            if place.pack != self.pack && !self.own.contains(&place.pack) {
                self.reused.insert(place.pack);
            }
            return Ok(place);
        }
        drop(lock);
        let packed = self.compressor.compress(bytes);
        let packed = packed.map_err(cordon_kernel::Error::internal)?;
        let worth = packed.len() < bytes.len() - bytes.len() / WORTH;
        let plain = if worth { &packed[..] } else { bytes };
        let key = self.cipher.new_key();
        let offset = self.filled.len();
        let own = self.cipher.beside(key.clone());
        let sealed = own.seal(&object(self.pack), offset as u64, plain)?;
        self.filled.extend_from_slice(&sealed);
        let short = |length: usize| {
            u32::try_from(length).map_err(|_| VaultError::internal("a pack that is too long"))
        };
        let place = Place {
            pack: self.pack,
            offset: short(offset)?,
            length: short(sealed.len())?,
            packed: worth,
            key,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.add(Entry {
            record: *record,
            place: Some(place.clone()),
        });
        Ok(place)
    }

    fn close_pack(&mut self, out: &mut Vec<Made>) {
        if self.filled.is_empty() {
            return;
        }
        let next = self.env.uuid_v7();
        let pack = std::mem::replace(&mut self.pack, next);
        self.own.insert(pack);
        out.push(Made::Pack(pack, std::mem::take(&mut self.filled).into()));
    }

    /// The packs that a piece leads to lie in the store before it.
    fn close_piece(&mut self, out: &mut Vec<Made>) -> Result<(), VaultError> {
        self.close_pack(out);
        let blocks = self.piece.entries.len();
        if blocks == 0 {
            return Ok(());
        }
        let id = self.env.uuid_v7();
        let sealed = self.piece.seal(&self.cipher, &self.item, id)?;
        // As many as fit into a piece.
        let blocks = blocks as u32;
        let row = PieceRow {
            id,
            first: self.piece.first,
            blocks,
            bytes: sealed.len() as u64,
        };
        self.piece.first += u64::from(blocks);
        self.piece.entries.clear();
        self.stored = 0;
        let reused = std::mem::take(&mut self.reused).into_iter().collect();
        out.push(Made::Piece(row, sealed, reused));
        Ok(())
    }
}
