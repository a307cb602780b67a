//! The keys of snapshots. Each has a wrapping key of its own inside the key service, so that one can
//! be destroyed alone: what lies anywhere under its key, backups included, can't be read again then.

use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Kernel, system_scope};
use crate::db::confine;
use crate::db::jobs::JobClaim;
use crate::error::{Error, Reason, Result};
use crate::keys::{ContentCipher, KeyId, TenantCipher};

/// What a snapshot's key is wrapped as.
const CONTEXT: &str = "snapshot";

impl Kernel {
    /// Makes a snapshot's key: wrapped, as it belongs into the snapshot's row.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the key service can't be reached.
    pub async fn new_snapshot_key(&self, cipher: &TenantCipher, snapshot: Uuid) -> Result<Vec<u8>> {
        let id = KeyId::snapshot(cipher.tenant(), snapshot);
        let service = self.db.keyring().service();
        service.create_wrapping_key(&id).await?;
        let key = cipher.new_content_key();
        service.wrap(&id, CONTEXT, key.as_slice()).await
    }

    /// Seals and opens what a snapshot keeps.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when its key was destroyed; `UNAVAILABLE` when the key service can't be
    /// reached.
    pub async fn snapshot_cipher(
        &self,
        cipher: &TenantCipher,
        snapshot: Uuid,
        wrapped: &[u8],
    ) -> Result<ContentCipher> {
        let id = KeyId::snapshot(cipher.tenant(), snapshot);
        let service = self.db.keyring().service();
        let opened = service.unwrap(&id, CONTEXT, wrapped).await;
        let opened = opened.map_err(|error| match error.reason() {
            Reason::NotFound => Error::new(
                Reason::FailedPrecondition,
                "the snapshot's key was destroyed: nothing of it can be read again",
            ),
            _ => error,
        })?;
        let wrong = || Error::internal("a snapshot's key has another length");
        let key: [u8; 32] = opened.as_slice().try_into().map_err(|_| wrong())?;
        Ok(cipher.content(Zeroizing::new(key)))
    }

    /// Destroys a snapshot's key, and has the key service say so: when it was destroyed, by its own
    /// list. Done again, it says the same.
    ///
    /// # Errors
    /// `INTERNAL` when the key service still has it; `UNAVAILABLE` when it can't be reached.
    pub async fn destroy_snapshot_key(
        &self,
        cipher: &TenantCipher,
        snapshot: Uuid,
    ) -> Result<Timestamp> {
        self.destroy_and_prove(&KeyId::snapshot(cipher.tenant(), snapshot))
            .await
    }

    /// What keeper of keys the server has, for certificates.
    #[must_use]
    pub fn key_service(&self) -> &'static str {
        self.db.keyring().kind()
    }

    /// Destroys the wrapping keys of all snapshots of the claim's tenant, which is deleted. What
    /// they wrapped is under the tenant's own keys besides.
    ///
    /// # Errors
    /// `UNAVAILABLE` when database or key service can't be reached.
    pub async fn destroy_snapshot_keys(&self, claim: &JobClaim) -> Result<()> {
        let tenant = system_scope(claim.tenant(), claim.job()).0;
        let tenant = tenant.tenant();
        let mut system = self.db.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT snapshot_id FROM snapshots WHERE tenant_id = $1")
                .bind(tenant.as_str())
                .fetch_all(&mut *system.tx)
                .await?;
        system.commit().await?;
        for id in ids {
            let id = Uuid::try_parse(&id).map_err(Error::internal)?;
            self.destroy_and_prove(&KeyId::snapshot(tenant, id)).await?;
        }
        Ok(())
    }

    async fn destroy_and_prove(&self, id: &KeyId) -> Result<Timestamp> {
        let service = self.db.keyring().service();
        service.destroy(id).await?;
        if service.has_wrapping_key(id).await? {
            return Err(Error::internal(format!(
                "the key service still has the key {id}, which was destroyed"
            )));
        }
        let listed = service.list_destroyed().await?;
        let gone = listed.into_iter().find(|gone| gone.id == *id);
        gone.map(|gone| gone.time)
            .ok_or_else(|| Error::internal(format!("the key {id} is not among those destroyed")))
    }
}
