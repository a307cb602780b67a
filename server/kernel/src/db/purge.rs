//! What is left of a deleted tenant, the originals that it shared included. Its keys are destroyed,
//! so that this frees space rather than secrets; the journal's rows and the log stay, as the proof of what was done.

use super::{Db, confine};
use crate::auth::{Role, TenantScope};
use crate::error::{Error, Reason, Result};

/// Rows changed in one transaction, so that ingest gets its turns in between.
const STEPS: &[&str] = &[
    "DELETE FROM segment_payloads WHERE tenant_id = $1 AND segment_id IN \
        (SELECT segment_id FROM segment_payloads WHERE tenant_id = $1 LIMIT 256)",
    "DELETE FROM segments WHERE tenant_id = $1 AND segment_id IN \
        (SELECT segment_id FROM segments WHERE tenant_id = $1 LIMIT 1024)",
    "DELETE FROM resources WHERE tenant_id = $1 AND resource_id IN \
        (SELECT resource_id FROM resources WHERE tenant_id = $1 LIMIT 1024)",
    "DELETE FROM tenant_sources WHERE tenant_id = $1",
    "DELETE FROM tenant_keys WHERE tenant_id = $1",
];

impl Db {
    /// Drops, in a background job, what a deleted tenant leaves in the database: originals, blocks,
    /// segments, resources, wrapped keys. Can be broken off and called again.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job; `FAILED_PRECONDITION` while the tenant is not deleted;
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn purge_tenant(&self, scope: &TenantScope) -> Result<()> {
        if scope.principal().role() != Role::System {
            return Err(Error::permission_denied());
        }
        let tenant = scope.tenant().as_str();
        let status: Option<String> =
            sqlx::query_scalar("SELECT status FROM tenants WHERE tenant_id = $1")
                .bind(tenant)
                .fetch_optional(self.system())
                .await?;
        if status.as_deref() != Some("deleted") {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the tenant is not deleted",
            ));
        }
        while self.purge_originals(scope.tenant()).await? {}
        for step in self.inner.dialect.free_blocks().iter().chain(STEPS) {
            loop {
                let mut system = self.system_tx().await?;
                confine(&mut system.tx, tenant).await?;
                let done = sqlx::query(*step)
                    .bind(tenant)
                    .execute(&mut *system.tx)
                    .await?;
                system.commit().await?;
                if done.rows_affected() == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}
