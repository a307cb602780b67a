//! The agreement in force, for rooms beside the one that makes agreements.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use cordon_sla::agreement::{Agreement, AgreementDraft};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

/// The tenant's agreement that holds at a moment, if there is one.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached; `INTERNAL` when the agreement is damaged.
pub(crate) async fn in_force(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    at: Timestamp,
) -> Result<Option<Agreement>> {
    let row = sqlx::query(
        "SELECT document, valid_to FROM sla_agreements \
          WHERE tenant_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) \
          ORDER BY version DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(nanos(at))
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let document: String = row.try_get("document")?;
    let mut draft: AgreementDraft = serde_json::from_str(&document).map_err(Error::internal)?;
    // Its end may have come after it was written down.
    draft.valid_to = row.try_get::<Option<i64>, _>("valid_to")?.map(timestamp);
    Agreement::new(draft).map(Some).map_err(Error::internal)
}
