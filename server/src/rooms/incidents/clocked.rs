//! Which incidents there are whose clocks are to be looked at.

use cordon_kernel::db::jobs::CLOCKS;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::{Result, TenantId};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::convert;
use super::model::{Severity, State};
use super::store;

/// An incident without what people wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocked {
    pub(crate) id: Uuid,
    /// Counts the tenant's, from 1.
    pub(crate) number: i64,
    severity: Severity,
    state: State,
}

impl Clocked {
    /// How bad it is, in a message.
    pub(crate) fn severity(&self) -> i32 {
        convert::severity(self.severity)
    }

    /// Whether anything is still to be done, in a message.
    pub(crate) fn state(&self) -> i32 {
        convert::state(self.state)
    }
}

const COLUMNS: &str = "i.incident_id, i.number, i.severity, i.state";

/// Up to `limit` of the tenant's open incidents, in the order of their ids, after one.
pub(crate) async fn open(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Clocked>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incidents i WHERE i.tenant_id = $1 AND i.incident_id > $2 \
            AND i.state = 'open' ORDER BY i.incident_id LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(after.map(store::text).unwrap_or_default())
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(clocked).collect()
}

/// Up to `limit` of the tenant's incidents for which clocks may have been decided from one moment to
/// before another, in the order of their ids, after one. Drills are none: their clocks run for those
/// who train, and count nowhere.
pub(crate) async fn handled(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    (from, to): (Timestamp, Timestamp),
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Clocked>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incidents i WHERE i.tenant_id = $1 AND i.incident_id > $2 \
            AND i.created_time < $4 AND (i.state = 'open' OR i.updated_time >= $3) \
            AND i.exercise = 0 \
          ORDER BY i.incident_id LIMIT $5"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(after.map(store::text).unwrap_or_default())
        .bind(nanos(from))
        .bind(nanos(to))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(clocked).collect()
}

/// The incidents that the tenant's entries after `after` are of, up to `limit` entries, each once;
/// and the last of these entries.
pub(crate) async fn touched(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    after: i64,
    limit: i64,
) -> Result<(Vec<Clocked>, i64)> {
    let sql = format!(
        "SELECT {COLUMNS}, max(e.seq) AS last FROM \
            (SELECT incident_id, seq FROM incident_entries WHERE tenant_id = $1 AND seq > $2 \
              ORDER BY seq LIMIT $3) e \
           JOIN incidents i ON i.tenant_id = $1 AND i.incident_id = e.incident_id \
          GROUP BY {COLUMNS} ORDER BY last"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let last = rows.last().map(|row| row.try_get("last")).transpose()?;
    let found: Result<Vec<Clocked>> = rows.iter().map(clocked).collect();
    Ok((found?, last.unwrap_or(after)))
}

/// Up to where the tenant's incidents have come.
pub(crate) async fn head(conn: &mut AnyConnection, tenant: &TenantId) -> Result<i64> {
    store::head(conn, tenant).await
}

/// Has the clocks of up to `limit` of the tenant's open incidents looked at, in the order of their
/// ids, after one; the last of them.
pub(crate) async fn schedule_open(
    tx: &mut TenantTx<'_>,
    after: Option<Uuid>,
    limit: i64,
    now: Timestamp,
) -> Result<Option<Uuid>> {
    let tenant = tx.tenant();
    let found = open(tx.conn(), tenant, after, limit).await?;
    for incident in &found {
        let job = format!("{CLOCKS}:{}", store::text(incident.id));
        tx.schedule_job(&job, now).await?;
    }
    Ok(found.last().map(|incident| incident.id))
}

/// Whether some of the tenant's open incidents were opened before their clocks were looked at.
pub(crate) async fn has_unseen(conn: &mut AnyConnection, tenant: &TenantId) -> Result<bool> {
    let one: Option<i64> = sqlx::query_scalar(
        "SELECT number FROM incidents WHERE tenant_id = $1 AND state = 'open' \
            AND breaches IS NULL LIMIT 1",
    )
    .bind(tenant.as_str())
    .fetch_optional(conn)
    .await?;
    Ok(one.is_some())
}

/// How bad an incident is, as agreements say it; `None` if there is none of that id.
pub(crate) async fn severity_of(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    incident: Uuid,
) -> Result<Option<cordon_sla::objective::Severity>> {
    let row =
        sqlx::query("SELECT severity FROM incidents WHERE tenant_id = $1 AND incident_id = $2")
            .bind(tenant.as_str())
            .bind(store::text(incident))
            .fetch_optional(conn)
            .await?;
    row.map(|row| store::word(&row, "severity", Severity::from_stored).map(super::clocks::graded))
        .transpose()
}

fn clocked(row: &AnyRow) -> Result<Clocked> {
    Ok(Clocked {
        id: store::uuid(&row.try_get::<String, _>("incident_id")?)?,
        number: row.try_get("number")?,
        severity: store::word(row, "severity", Severity::from_stored)?,
        state: store::word(row, "state", State::from_stored)?,
    })
}
