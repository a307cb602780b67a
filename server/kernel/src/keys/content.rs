//! Keys of single objects, and the provider's own cipher.
//!
//! What is long lies under a key of its own, which its row holds sealed under the tenant's data key:
//! when that ends, the row is sealed anew and the object stays as it is.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::envelope::{KeyBytes, OwnerKeys, TenantCipher, aad, open_raw, seal_raw};
use crate::clock::Env;
use crate::error::{Error, Result};
use crate::ids::TenantId;

/// Seals and opens the pieces of one object of a tenant's, under the object's own key.
pub struct ContentCipher {
    tenant: TenantId,
    key: KeyBytes,
    env: Env,
}

impl TenantCipher {
    /// Makes a key for one object. It belongs into a row that is sealed under the tenant's keys.
    #[must_use]
    pub fn new_content_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.env().bytes())
    }

    /// Seals and opens under such a key.
    #[must_use]
    pub fn content(&self, key: Zeroizing<[u8; 32]>) -> ContentCipher {
        ContentCipher {
            tenant: self.tenant().clone(),
            key,
            env: self.env().clone(),
        }
    }
}

impl ContentCipher {
    /// Makes a key for a part of the object that is to be sealed and opened by itself. It belongs
    /// into something that is sealed under this one.
    #[must_use]
    pub fn new_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.env.bytes())
    }

    /// Seals and opens under such a key.
    #[must_use]
    pub fn beside(&self, key: Zeroizing<[u8; 32]>) -> Self {
        Self {
            tenant: self.tenant.clone(),
            key,
            env: self.env.clone(),
        }
    }

    /// Seals a piece of `object` that stands at `position`. AES-256-GCM with a random nonce: at most
    /// 2^32 pieces under one key, which no object comes near to.
    ///
    /// # Errors
    /// `INTERNAL` when the cipher refuses.
    pub fn seal(&self, object: &str, position: u64, plain: &[u8]) -> Result<Vec<u8>> {
        let aad = aad(self.tenant.as_str(), object, position);
        seal_raw(&self.key, self.env.bytes(), &aad, plain)
    }

    /// Opens what [`seal`](Self::seal) made for the same tenant, object and position.
    ///
    /// # Errors
    /// `INTERNAL` for anything else, since a caller can neither cause nor mend it.
    pub fn open(&self, object: &str, position: u64, sealed: &[u8]) -> Result<Vec<u8>> {
        let aad = aad(self.tenant.as_str(), object, position);
        open_raw(&self.key, &aad, sealed)
            .map(|mut plain| std::mem::take(&mut *plain))
            .map_err(|_| {
                let tenant = &self.tenant;
                Error::internal(format!("{object} of {tenant} at {position} does not open"))
            })
    }
}

/// Seals and opens what the provider's staff write among themselves; had only through a scope of
/// theirs.
pub struct StaffCipher {
    keys: Arc<OwnerKeys>,
    env: Env,
}

impl StaffCipher {
    pub(crate) fn new(keys: Arc<OwnerKeys>, env: Env) -> Self {
        Self { keys, env }
    }

    /// Seals `plain` as `object`.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when the key is worn out.
    pub fn seal(&self, object: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.keys.seal(&self.env, object, 0, plain)
    }

    /// Opens what [`seal`](Self::seal) made of the same object.
    ///
    /// # Errors
    /// `INTERNAL` for anything else.
    pub fn open(&self, object: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        self.keys
            .open(object, 0, sealed)
            .map(|mut plain| std::mem::take(&mut *plain))
    }
}
