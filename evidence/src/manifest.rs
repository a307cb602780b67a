//! The manifest of a snapshot: what was taken, of what, by whom, for whom, when, how, and what
//! came of it. The server signs its canonical bytes; whoever has them has all that the digests
//! of the items rest on.

mod looked;
#[cfg(test)]
pub(crate) mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::looked::ManifestProblem;
use crate::canonical::{self, CanonicalError};
use crate::content::Content;
use crate::digest::Digest;
use crate::problems::Problems;

/// The predicate type of the statement in which a manifest is signed. Its subjects are the items,
/// by name and SHA-256.
pub const PREDICATE_TYPE: &str = "urn:cordon:snapshot-manifest:v1";
/// The version that is written and read here.
pub const VERSION: u32 = 1;
/// Largest manifest in bytes. In an envelope, as base64, it is smaller than what is read of one.
pub const MAX_MANIFEST_BYTES: usize = 8 << 20;
/// Most items of a snapshot.
pub const MAX_ITEMS: usize = 64;
/// Most entries of each other list.
pub const MAX_LIST: usize = 64;

/// A snapshot's manifest. A reader passes over what a later server says beside this, but in
/// [`Content`], where it could change what the digests mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the manifest: [`VERSION`].
    pub version: u32,
    /// The snapshot's resource name.
    pub snapshot: String,
    /// Of what it was taken.
    pub machine: Machine,
    /// What for, in the words of who asked.
    pub purpose: String,
    /// The resource name of the incident that it belongs to, if any.
    pub incident: Option<String>,
    /// Who asked for it.
    pub asked_by: Person,
    /// Who approved it, where that was needed.
    pub approved_by: Vec<Person>,
    /// Who or what took it.
    pub taken_by: Person,
    /// When taking began.
    pub began: Timestamp,
    /// When the last item was complete.
    pub ended: Timestamp,
    /// The clock that these times are by.
    pub clock: Clock,
    /// How it was taken.
    pub method: Method,
    /// With what.
    pub tools: Vec<Tool>,
    /// How still the machine stood.
    pub consistency: Consistency,
    /// What was taken; at least one.
    pub items: Vec<Item>,
    /// What was asked for and not taken.
    pub missing: Vec<Missing>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its id with the provider.
    pub id: String,
    /// The host that it ran on, where the provider tells.
    pub host: Option<String>,
}

/// Somebody, and whose person that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The person, or the service account.
    pub name: String,
    /// Whose: a tenant's name, `provider`, or another party's.
    pub party: String,
}

/// A clock, and how far it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What it was set by.
    pub source: String,
    /// How much it was wrong at most; none if nobody knows.
    pub error: Option<SignedDuration>,
}

/// How a snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// What of the provider's took it.
    pub driver: String,
    /// What was done, in order.
    pub steps: Vec<String>,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// What it is called.
    pub name: String,
    /// Which version.
    pub version: String,
}

/// How still a machine stood while its bytes were taken; each is more than those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It ran on: what was read later may be newer.
    Live,
    /// All is as of one moment, at which the machine stood still.
    Paused,
    /// And its file systems were flushed and frozen at that moment.
    Frozen,
}

/// What was asked of how still the machine stands, and what was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consistency {
    /// What was asked for.
    pub asked: Level,
    /// What was reached: the least of the items'.
    pub reached: Level,
    /// Why that is less than was asked for; none if it is not.
    pub shortfall: Option<String>,
}

/// What an item is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A disk.
    Disk,
    /// The memory.
    Memory,
    /// The state of the network: addresses, rules, connections.
    Network,
}

/// Something that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, which is a file's when it is downloaded.
    pub name: String,
    /// What it is of.
    pub kind: ItemKind,
    /// What exactly: the disk's id and such.
    pub source: String,
    /// How still the machine stood.
    pub reached: Level,
    /// When the first byte was read.
    pub began: Timestamp,
    /// When the last was.
    pub ended: Timestamp,
    /// Its bytes.
    pub content: Content,
}

/// Something that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What was asked for.
    pub kind: ItemKind,
    /// What exactly.
    pub source: String,
    /// Why it is not there.
    pub reason: String,
}

/// Why bytes are no manifest that can be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// They can't be read, or have another form than the one.
    #[error("this is no manifest: {0}")]
    Form(#[from] CanonicalError),
    /// It is of a version that is not known here.
    #[error(
        "the manifest is of version {0}, and only version 1 is known here: take a newer program"
    )]
    Version(u64),
    /// It contradicts itself.
    #[error("the manifest can't be: {0}")]
    Problems(#[from] Problems<ManifestProblem>),
}

/// The version alone, so that one that is not known is told from what can't be read.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Manifest {
    /// Looks for everything that is wrong.
    ///
    /// # Errors
    ///
    /// All that is, by field.
    pub fn check(&self) -> Result<(), Problems<ManifestProblem>> {
        looked::at(self)
    }

    /// The bytes that are signed: canonical JSON (RFC 8785).
    ///
    /// # Errors
    ///
    /// When something is wrong with it, or it is over [`MAX_MANIFEST_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        self.check()?;
        Ok(canonical::to_bytes(self, MAX_MANIFEST_BYTES)?)
    }

    /// Reads and checks what was signed. Nothing here says by whom: verify that first.
    ///
    /// # Errors
    ///
    /// When it is no manifest, is not in canonical form, or contradicts itself.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let json = canonical::read(bytes, MAX_MANIFEST_BYTES)?;
        let Versioned { version } = canonical::value(&json)?;
        if version != u64::from(VERSION) {
            return Err(ManifestError::Version(version));
        }
        let manifest: Self = canonical::value(&json)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// An item by its name.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }
}

/// What names a manifest, and what its [chain of custody](crate::custody) begins with: the
/// SHA-256 of its bytes, as they were signed.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(&[bytes])
}
