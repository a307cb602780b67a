//! What the vault is given: where objects lie, and what notes that they are there.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use cordon_kernel::Error;
use uuid::Uuid;

/// One tenant's objects.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores an object; durable when it returns.
    async fn put(&self, id: Uuid, bytes: Bytes) -> Result<(), Error>;

    /// A part of one.
    async fn read(&self, id: Uuid, range: Range<u64>) -> Result<Bytes, Error>;

    /// All of one.
    async fn read_all(&self, id: Uuid) -> Result<Bytes, Error>;
}

/// An object with blocks in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackRow {
    /// The object.
    pub id: Uuid,
    /// How long it is.
    pub bytes: u64,
}

/// An object with a piece of a map in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceRow {
    /// The object.
    pub id: Uuid,
    /// The first block that it tells of.
    pub first: u64,
    /// Of how many blocks it tells.
    pub blocks: u32,
    /// How long it is.
    pub bytes: u64,
}

/// What has come to lie in the store, and is to be noted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The packs that the piece leads to and no piece before did.
    pub packs: Vec<PackRow>,
    /// Packs that it leads to and that are none of this item's: those of blocks that were known.
    pub reused: Vec<Uuid>,
    /// The piece.
    pub piece: PieceRow,
}

/// What is durable of an item.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Notes what has come to lie in the store. Refused when the work is somebody else's meanwhile.
    async fn note(&self, noted: Noted) -> Result<(), Error>;
}
