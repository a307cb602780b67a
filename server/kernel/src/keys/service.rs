//! What a key service does. Wrapping keys never leave it.

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::ids::TenantId;

/// Names one wrapping key. Tenants' keys are named by the tenant; the server's own keys begin
/// with `~`, which no tenant id can.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The wrapping key of a tenant.
    #[must_use]
    pub fn tenant(tenant: &TenantId) -> Self {
        Self(tenant.as_str().to_owned())
    }

    /// The key over quarantine and dead letters, which belong to no tenant.
    #[must_use]
    pub fn quarantine() -> Self {
        Self("~quarantine".to_owned())
    }

    /// The key over who the parties of an original are. The original itself is under theirs.
    #[must_use]
    pub fn originals() -> Self {
        Self("~originals".to_owned())
    }

    /// The key over what the provider's staff write among themselves.
    #[must_use]
    pub fn staff() -> Self {
        Self("~staff".to_owned())
    }

    /// The key over the server's own secrets: signing keys and the local authority's key.
    #[must_use]
    pub fn server() -> Self {
        Self("~server".to_owned())
    }

    /// The wrapping key of one of a tenant's snapshots: whoever destroys it has destroyed that alone.
    #[must_use]
    pub fn snapshot(tenant: &TenantId, snapshot: Uuid) -> Self {
        Self(format!("{tenant}/snapshots/{}", snapshot.hyphenated()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// An entry of the destruction list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestroyedKey {
    /// Which key is gone.
    pub id: KeyId,
    /// When it was destroyed.
    pub time: jiff::Timestamp,
}

/// A keeper of wrapping keys. Every method fails with `UNAVAILABLE` when the keeper cannot be
/// reached, and with `INTERNAL` when it refuses for a reason that no caller can mend.
#[async_trait]
pub trait KeyService: Send + Sync + 'static {
    /// What kind of keeper it is, for certificates: `pkcs11`, `sealed-file`.
    fn kind(&self) -> &'static str;

    /// Makes the wrapping key if it does not exist yet. A destroyed key is never made again:
    /// `FAILED_PRECONDITION`.
    async fn create_wrapping_key(&self, id: &KeyId) -> Result<()>;

    /// Encrypts `plain` (a key) under the wrapping key, bound to `context`: [`unwrap`] with
    /// another context fails. `NOT_FOUND` when the key does not exist or was destroyed.
    ///
    /// [`unwrap`]: KeyService::unwrap
    async fn wrap(&self, id: &KeyId, context: &str, plain: &[u8]) -> Result<Vec<u8>>;

    /// Decrypts what [`wrap`](KeyService::wrap) made. `NOT_FOUND` when the key does not exist
    /// or was destroyed; `INTERNAL` when the bytes are not its work.
    async fn unwrap(&self, id: &KeyId, context: &str, wrapped: &[u8])
    -> Result<Zeroizing<Vec<u8>>>;

    /// Destroys the wrapping key for good and puts it on the destruction list, durably before
    /// this returns. Destroying a key that is gone or never was succeeds.
    async fn destroy(&self, id: &KeyId) -> Result<()>;

    /// Whether the keeper still holds the key itself, whatever its destruction list says: asked of
    /// what it keeps, for the proof of a destruction.
    async fn has_wrapping_key(&self, id: &KeyId) -> Result<bool>;

    /// The destruction list, oldest first. Whoever restores a backup of the service replays it.
    async fn list_destroyed(&self) -> Result<Vec<DestroyedKey>>;
}
