//! The table of key rotations, which the kernel writes.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// A data key that took an older one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct KeyRotation {
    pub(super) tenant: TenantId,
    pub(super) version: u64,
    pub(super) created: Timestamp,
    /// When the older keys were dropped.
    pub(super) finished: Option<Timestamp>,
    /// Segments under older keys, and those of them that were sealed anew.
    pub(super) segments: i64,
    pub(super) done: i64,
}

/// Up to `limit` of the tenant's rotations before the version `before`, newest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    before: i64,
    limit: i64,
) -> Result<Vec<KeyRotation>> {
    let rows = sqlx::query(
        "SELECT tenant_id, version, created_time, finished_time, segment_count, done_count \
           FROM key_rotations WHERE tenant_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<KeyRotation> {
    let damaged = || Error::internal("a key rotation's row is damaged");
    Ok(KeyRotation {
        tenant: row
            .try_get::<String, _>("tenant_id")?
            .parse()
            .map_err(|_| damaged())?,
        version: u64::try_from(row.try_get::<i64, _>("version")?).map_err(|_| damaged())?,
        created: timestamp(row.try_get("created_time")?),
        finished: row
            .try_get::<Option<i64>, _>("finished_time")?
            .map(timestamp),
        segments: row.try_get("segment_count")?,
        done: row.try_get("done_count")?,
    })
}
