//! How evidence is kept.
//!
//! An item goes through once, as it is acquired: it is cut into blocks and hashed
//! ([`cordon_evidence`]); each block is compressed, sealed under a key of its own, and put into a
//! pack with its neighbours, which is one object of the store. Where a block lies and by which key it
//! opens stands in the item's map, whose pieces are sealed under the snapshot's key. So whoever
//! destroys that key has destroyed the snapshot, whatever copies there are of packs and pieces.
//!
//! A block that an earlier snapshot of the same tenant has is not stored again: the new map takes over
//! where it lies and its key. Nothing is known of other tenants' blocks, so that how long an
//! acquisition takes tells nothing of theirs.
//!
//! What is durable is what the [`Ledger`] has noted. An acquisition that begins anew goes over the
//! whole source again, as its digests must, and finds in the pieces that were noted what need not be
//! stored again.

mod error;
mod known;
mod map;
mod pack;
mod ports;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::VaultError;
pub use known::Known;
pub use map::{Entry, MapPiece, PIECE_BLOCKS, Place};
pub use ports::{Ledger, Noted, PackRow, PieceRow, Store};
pub use read::{Group, Shown, groups, piece};
pub use write::{Fed, Progress, Target, keep};
