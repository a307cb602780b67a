//! What a snapshot is and what becomes of one. Pure.

mod decide;

use cordon_evidence::custody::Chain;
use cordon_evidence::digest::Digest;
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::manifest::{ItemKind, Person};
use cordon_kernel::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rooms::uuid_text;

pub(super) use decide::{Change, create, decide};

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Requested,
    Acquiring,
    Complete,
    Failed,
    Cancelled,
    Deleted,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Acquiring => "acquiring",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Deleted => "deleted",
        }
    }

    /// Whether it is not taken any more.
    pub(super) const fn ended(self) -> bool {
        !matches!(self, Self::Requested | Self::Acquiring)
    }
}

/// How the parts fit together in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Consistency {
    Paused,
    Live,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// The instance's id with the provider.
    pub(super) instance: String,
    /// The incident's resource name.
    pub(super) incident: Option<String>,
    pub(super) purpose: String,
    pub(super) memory: bool,
    pub(super) network: bool,
    pub(super) disks: bool,
    /// All of them if there are none here.
    pub(super) disk_names: Vec<String>,
    pub(super) consistency: Consistency,
    /// Bytes a second; 0 for the server's own limit.
    pub(super) rate: u64,
}

/// How far an acquisition is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) item: String,
    pub(super) read: u64,
    pub(super) total: u64,
    pub(super) rate: u64,
}

/// Why it could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) message: String,
}

/// Something that was taken, without the ranges that the manifest has of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: ItemKind,
    /// Its place among what was taken, and in which attempt: how its map is found.
    pub(super) place: u32,
    pub(super) attempt: u32,
    pub(super) size: u64,
    pub(super) block_size: BlockSize,
    pub(super) data: u64,
    pub(super) unreadable: u64,
    pub(super) sha256: Digest,
    pub(super) blake3: Digest,
}

impl Item {
    /// # Errors
    /// `INTERNAL` for more blocks than an item may have, which none that was taken has.
    pub(super) fn geometry(&self) -> Result<Geometry> {
        Geometry::new(self.size, self.block_size).map_err(Error::internal)
    }
}

/// A snapshot as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    pub(super) wanted: Wanted,
    pub(super) state: State,
    /// How often it was begun.
    pub(super) attempt: u32,
    pub(super) progress: Progress,
    pub(super) failure: Option<Failure>,
    pub(super) items: Vec<Item>,
    /// SHA-256 of the manifest, in hexadecimal digits.
    pub(super) manifest: Option<String>,
    /// Where the chain of custody is.
    pub(super) custody: Option<Chain>,
    /// Its key, wrapped by the key service; in hexadecimal digits.
    pub(super) key: String,
    pub(super) by: Person,
    pub(super) stored: u64,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) etag: String,
}

impl Snapshot {
    /// Whether nothing of its bytes is to be kept, now and for ever: these states have no way out.
    pub(super) fn is_over(&self) -> bool {
        match self.state {
            State::Cancelled | State::Deleted => true,
            State::Failed => self.manifest.is_none(),
            State::Requested | State::Acquiring | State::Complete => false,
        }
    }

    pub(super) fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }
}

/// What was acquired in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acquired {
    pub(super) items: Vec<Item>,
    /// SHA-256 of the manifest.
    pub(super) manifest: String,
    pub(super) custody: Chain,
    /// Why not all of it could be taken.
    pub(super) failure: Option<Failure>,
}

/// What happens to a snapshot.
#[derive(Debug)]
pub(super) enum Command {
    /// A server begins to take it, or anew after another has died over it.
    Begin,
    /// It has come so far, and so many bytes were stored since.
    Advance(Progress),
    /// It was taken.
    Finish(Box<Acquired>),
    /// Nothing of it could be taken.
    Fail(Failure),
    /// It is called off.
    Cancel,
    /// Something was done with it that is in the chain of custody now.
    Note(Box<Chain>),
    /// It is destroyed.
    Delete(Box<Chain>),
}

/// When, and what it is called afterwards.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) etag: String,
}
