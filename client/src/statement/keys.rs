//! The public keys that statements are checked with.

use jiff::Timestamp;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use super::strict::unambiguous;
use super::{invalid, too_large};
use crate::error::{Error, Result};
use crate::identity::SigningKey;
use crate::time::from_proto;

/// Largest file of keys that is read, in bytes.
pub const MAX_KEYS_BYTES: usize = 1 << 20;

/// The algorithm that statements are signed with, as JOSE calls it: Ed25519.
const ALGORITHM: &str = "EdDSA";
/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const POINT_BYTES: usize = 32;

/// A server's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicKey {
    /// The key's id: what a signature names.
    pub kid: String,
    /// SubjectPublicKeyInfo in PEM.
    pub public_key_pem: String,
    /// When the server began to sign with it.
    pub create_time: Option<Timestamp>,
    /// When it stopped to; `None` if it still signed with it when the keys were fetched.
    pub retire_time: Option<Timestamp>,
    point: [u8; POINT_BYTES],
}

impl PublicKey {
    pub(super) const fn point(&self) -> &[u8; POINT_BYTES] {
        &self.point
    }
}

/// The keys of one server, with their history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys(Vec<PublicKey>);

/// The form in which keys are kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    kid: String,
    algorithm: String,
    public_key_pem: String,
    create_time: Option<Timestamp>,
    retire_time: Option<Timestamp>,
}

impl PublicKeys {
    /// The keys that a server gave.
    ///
    /// # Errors
    ///
    /// `INVALID_STATEMENT` when there is none, two have one id, or one is no Ed25519 key.
    pub fn new(keys: &[SigningKey]) -> Result<Self> {
        let stored = keys.iter().map(|key| StoredKey {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            public_key_pem: key.public_key_pem.clone(),
            create_time: key.create_time.as_ref().and_then(from_proto),
            retire_time: key.retire_time.as_ref().and_then(from_proto),
        });
        Self::checked(stored.collect())
    }

    /// Reads keys that [`PublicKeys::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// As [`PublicKeys::new`]; also when it is something else, and `TOO_LARGE` over
    /// [`MAX_KEYS_BYTES`].
    pub fn parse(json: &[u8]) -> Result<Self> {
        if json.len() > MAX_KEYS_BYTES {
            return Err(too_large("file of keys", MAX_KEYS_BYTES));
        }
        let wrong = |error: serde_json::Error| invalid(format!("no keys: {error}"));
        unambiguous(json).map_err(wrong)?;
        let stored: Stored = serde_json::from_slice(json).map_err(wrong)?;
        Self::checked(stored.keys)
    }

    /// The keys as JSON on one line, for keeping.
    #[must_use]
    pub fn to_json(&self) -> String {
        let stored = self.0.iter().map(|key| StoredKey {
            kid: key.kid.clone(),
            algorithm: ALGORITHM.to_owned(),
            public_key_pem: key.public_key_pem.clone(),
            create_time: key.create_time,
            retire_time: key.retire_time,
        });
        let keys = stored.collect();
        // Texts and times have no form that JSON lacks.
        serde_json::to_string(&Stored { keys }).unwrap_or_default()
    }

    /// The keys, in the order in which they were given.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    pub(super) fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    fn checked(stored: Vec<StoredKey>) -> Result<Self> {
        if stored.is_empty() {
            return Err(invalid("there is no key"));
        }
        let mut keys = Self(Vec::with_capacity(stored.len()));
        for key in stored {
            if key.kid.is_empty() {
                return Err(invalid("a key has no id"));
            }
            if keys.get(&key.kid).is_some() {
                return Err(invalid(format!("there are two keys `{}`", key.kid)));
            }
            if key.algorithm != ALGORITHM {
                return Err(wrong(&key, "is not for EdDSA"));
            }
            let point = point(&key.public_key_pem)
                .ok_or_else(|| wrong(&key, "is no Ed25519 key in PEM"))?;
            keys.0.push(PublicKey {
                kid: key.kid,
                public_key_pem: key.public_key_pem,
                create_time: key.create_time,
                retire_time: key.retire_time,
                point,
            });
        }
        Ok(keys)
    }
}

fn wrong(key: &StoredKey, what: &str) -> Error {
    invalid(format!("key `{}` {what}", key.kid))
}

/// The key itself. DER writes one thing in one way only, so that its beginning can be compared.
fn point(pem: &str) -> Option<[u8; POINT_BYTES]> {
    let found: Result<Vec<_>, _> =
        SubjectPublicKeyInfoDer::pem_slice_iter(pem.as_bytes()).collect();
    match found.ok()?.as_slice() {
        [key] => key.strip_prefix(&SPKI_ED25519)?.try_into().ok(),
        _ => None,
    }
}
