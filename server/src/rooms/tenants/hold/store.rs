//! The table of legal holds.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::model::{Change, Hold};

/// Whether a hold keeps the tenant as it is.
pub(in super::super) async fn is_held(conn: &mut AnyConnection, tenant: &TenantId) -> Result<bool> {
    let holds: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM legal_holds WHERE tenant_id = $1 AND released_time IS NULL",
    )
    .bind(tenant.as_str())
    .fetch_one(conn)
    .await?;
    Ok(holds > 0)
}

pub(super) async fn find(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<Hold>> {
    let row = sqlx::query(
        "SELECT tenant_id, hold_id, reason, reference, created_time, released_time \
           FROM legal_holds WHERE tenant_id = $1 AND hold_id = $2",
    )
    .bind(tenant.as_str())
    .bind(id.hyphenated().to_string())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Up to `limit` of the tenant's holds after the id `after`, oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Hold>> {
    let rows = sqlx::query(
        "SELECT tenant_id, hold_id, reason, reference, created_time, released_time \
           FROM legal_holds WHERE tenant_id = $1 AND hold_id > $2 ORDER BY hold_id LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Writes a decided change.
pub(super) async fn apply(conn: &mut AnyConnection, change: &Change) -> Result<()> {
    let hold = change.hold();
    sqlx::query(
        "INSERT INTO legal_holds (tenant_id, hold_id, reason, reference, created_time, released_time) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, hold_id) DO UPDATE SET released_time = excluded.released_time",
    )
    .bind(hold.tenant.as_str())
    .bind(hold.id.hyphenated().to_string())
    .bind(hold.reason.as_str())
    .bind(hold.reference.as_str())
    .bind(nanos(hold.created))
    .bind(hold.released.map(nanos))
    .execute(conn)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Hold> {
    let damaged = || Error::internal("a legal hold's row has a damaged id");
    Ok(Hold {
        tenant: row
            .try_get::<String, _>("tenant_id")?
            .parse()
            .map_err(|_| damaged())?,
        id: Uuid::try_parse(&row.try_get::<String, _>("hold_id")?).map_err(|_| damaged())?,
        reason: row.try_get("reason")?,
        reference: row.try_get("reference")?,
        created: timestamp(row.try_get("created_time")?),
        released: row
            .try_get::<Option<i64>, _>("released_time")?
            .map(timestamp),
    })
}
