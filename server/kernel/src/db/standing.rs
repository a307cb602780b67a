//! What the gate asks of the registers: how tenants, sources and credentials stand.

use async_trait::async_trait;
use sqlx::Row as _;

use super::Db;
use crate::audit::AuditEntry;
use crate::auth::{
    CredentialRecord, Permit, Principal, SourceStatus, StandingSource, TenantScope, TenantStatus,
};
use crate::error::{Error, Result};
use crate::ids::{CredentialId, SourceId, TenantId};
use crate::names::Name;

#[async_trait]
impl StandingSource for Db {
    async fn tenant(&self, tenant: &TenantId) -> Result<Option<TenantStatus>> {
        let status: Option<String> =
            sqlx::query_scalar("SELECT status FROM tenants WHERE tenant_id = $1")
                .bind(tenant.as_str())
                .fetch_optional(self.system())
                .await?;
        match status.as_deref() {
            Some("active") => Ok(Some(TenantStatus::Active)),
            Some("suspended") => Ok(Some(TenantStatus::Suspended)),
            Some("deleted") | None => Ok(None),
            Some(other) => Err(Error::internal(format!(
                "unknown status {other} of {tenant}"
            ))),
        }
    }

    async fn source(&self, source: &SourceId) -> Result<Option<SourceStatus>> {
        let status: Option<String> =
            sqlx::query_scalar("SELECT status FROM sources WHERE source_id = $1")
                .bind(source.as_str())
                .fetch_optional(self.system())
                .await?;
        match status.as_deref() {
            Some("active") => Ok(Some(SourceStatus::Active)),
            Some("disabled") => Ok(Some(SourceStatus::Disabled)),
            None => Ok(None),
            Some(other) => Err(Error::internal(format!(
                "unknown status {other} of {source}"
            ))),
        }
    }

    async fn credential(&self, credential: &CredentialId) -> Result<Option<CredentialRecord>> {
        let rows = sqlx::query(
            "SELECT home, subject, role, revoked_time FROM credentials WHERE credential_id = $1 LIMIT 2",
        )
        .bind(credential.as_str())
        .fetch_all(self.system())
        .await?;
        let [row] = rows.as_slice() else {
            // Ids are drawn at random; one that two homes have is a forgery somewhere.
            return match rows.is_empty() {
                true => Ok(None),
                false => Err(Error::internal(format!(
                    "credential {credential} is registered twice"
                ))),
            };
        };
        let (home, role): (String, String) = (row.try_get(0)?, row.try_get(2)?);
        Ok(Some(CredentialRecord {
            principal: Principal::new(
                credential.clone(),
                row.try_get::<String, _>(1)?,
                home.parse()?,
                role.parse()?,
            )?,
            revoked: row.try_get::<Option<i64>, _>(3)?.is_some(),
        }))
    }

    async fn record_entry(&self, scope: &TenantScope, permit: &Permit) -> Result<()> {
        let now = self.env().now();
        let mut entry = AuditEntry::new(permit)
            .resource(Name::Tenant(scope.tenant().clone()))
            .detail("entered", "true");
        if let Some(expires) = scope.entered().and_then(crate::auth::Entry::expires) {
            entry = entry.detail("expires", expires);
        }
        let entry = entry.by(scope.principal(), scope.entered());
        self.audit_now(scope.tenant(), now, &entry).await
    }
}
