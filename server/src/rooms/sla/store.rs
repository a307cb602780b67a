//! The table of agreements.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use cordon_sla::agreement::{Agreement, AgreementDraft};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// An agreement as the register has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) tenant: TenantId,
    pub(super) version: u32,
    pub(super) created: Timestamp,
    /// Ends where the next one begins.
    pub(super) agreement: Agreement,
}

/// Up to `limit` of the tenant's agreements before the version `before`, the newest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    before: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    let rows = sqlx::query(
        "SELECT version, valid_to, created_time, document FROM sla_agreements \
          WHERE tenant_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(row, tenant)).collect()
}

/// Ends the tenant's newest agreement, if it has no end.
pub(super) async fn end_newest(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    at: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE sla_agreements SET valid_to = $2 WHERE tenant_id = $1 AND valid_to IS NULL",
    )
    .bind(tenant.as_str())
    .bind(nanos(at))
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert(conn: &mut AnyConnection, stored: &Stored) -> Result<()> {
    let validity = stored.agreement.validity();
    let document = serde_json::to_string(&stored.agreement).map_err(Error::internal)?;
    sqlx::query(
        "INSERT INTO sla_agreements (tenant_id, version, valid_from, valid_to, created_time, document) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(stored.tenant.as_str())
    .bind(i64::from(stored.version))
    .bind(nanos(validity.from))
    .bind(validity.to.map(nanos))
    .bind(nanos(stored.created))
    .bind(document)
    .execute(conn)
    .await?;
    Ok(())
}

fn read(row: &AnyRow, tenant: &TenantId) -> Result<Stored> {
    let version: i64 = row.try_get("version")?;
    let document: String = row.try_get("document")?;
    let mut draft: AgreementDraft = serde_json::from_str(&document).map_err(Error::internal)?;
    // Its end may have come after it was written down.
    draft.valid_to = row.try_get::<Option<i64>, _>("valid_to")?.map(timestamp);
    Ok(Stored {
        tenant: tenant.clone(),
        version: u32::try_from(version)
            .map_err(|_| Error::internal("an agreement's version is out of range"))?,
        created: timestamp(row.try_get("created_time")?),
        agreement: Agreement::new(draft).map_err(Error::internal)?,
    })
}
