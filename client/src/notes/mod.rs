//! Notes and files that the provider can't read: how they are encrypted, and the keys for it.
//!
//! A note is a file of [age](https://age-encryption.org/v1), version 1, encrypted to the keys of those
//! who may read it. It is made and opened here, and the server has the ciphertext alone. The private
//! key lies beside the profile in a file that `age -d -i FILE` takes as well.
//!
//! The list of keys comes from the server. Whoever runs it could put a key of its own on that list,
//! so that nothing is encrypted to a key that was not [trusted](Keys::trust) on this machine: compare
//! fingerprints by another way first. A note is kept secret by this, and not signed.

mod age;
mod file;
mod keys;

pub use self::age::{Identity, Recipient};
pub(crate) use self::age::{encrypt, encrypt_to};
pub use self::file::{SEALED_FILE, SEALED_NAME, open_file, seal_file};
pub use self::keys::Keys;
