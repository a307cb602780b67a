//! Keys. Each tenant has a wrapping key *inside the key service*, never in SQL; it wraps the
//! tenant's data keys, which lie in SQL as ciphertext. Destroying the wrapping key destroys the
//! tenant's data, restored backups included.
//!
//! - [`service`]: the trait that a key service fulfils;
//! - [`destruction`]: the list of destroyed keys, which outlives backups of the keys;
//! - [`sealed_file`]: the driver that keeps wrapping keys in one sealed file;
//! - [`envelope`]: sealing and opening under one tenant's keys;
//! - [`content`]: keys of single objects, and what staff seal among themselves;
//! - `once`: the same with a key for one seal alone, and under several owners' keys in turn;
//! - [`keyring`]: the cache of unwrapped keys, bounded in number and in lifetime.

pub mod content;
pub mod destruction;
pub mod envelope;
mod files;
pub mod keyring;
pub(crate) mod once;
pub mod sealed_file;
pub(crate) mod secrets;
pub mod service;
mod store;

pub use content::{ContentCipher, StaffCipher};
pub use destruction::DestructionList;
pub use envelope::{TenantCipher, WriteCipher};
pub use keyring::{IngestNames, Keyring};
pub use sealed_file::SealedFile;
pub use service::{DestroyedKey, KeyId, KeyService};
pub use store::NewKeys;
