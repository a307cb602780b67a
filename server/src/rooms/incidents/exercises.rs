//! What drills there were, for rooms beside this one.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Result, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;

/// When the tenant's last exercise was opened, if there was one.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn last_exercise(
    conn: &mut AnyConnection,
    tenant: &TenantId,
) -> Result<Option<Timestamp>> {
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT created_time FROM incidents WHERE tenant_id = $1 AND exercise = 1 \
          ORDER BY created_time DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .fetch_optional(conn)
    .await?;
    Ok(last.map(timestamp))
}
