//! The provider's tables of its own incidents, and each tenant's note of what came from them.

use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::model::{Phase, State};
use super::super::store::{text, uuid};
use super::model::{Act, Child, Kept, ProviderIncident, Whole};
use crate::rooms::requests::{RequestId, oldest};

/// An act as it stands in its row.
#[derive(Serialize, Deserialize)]
struct Document {
    by: String,
    act: Act,
}

/// After every id.
const END: &str = "~";

pub(super) async fn insert(conn: &mut AnyConnection, id: Uuid, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO provider_incidents (provider_incident_id, state, created_time, updated_time, \
                acts) VALUES ($1, 'open', $2, $2, 0)",
    )
    .bind(text(id))
    .bind(nanos(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps what was done, as the next act.
pub(super) async fn add_act(
    conn: &mut AnyConnection,
    id: Uuid,
    by: &str,
    act: &Act,
    now: Timestamp,
) -> Result<()> {
    let state = match act {
        Act::Closed { .. } => State::Closed,
        Act::Opened(_) | Act::Noticed { .. } => State::Open,
    };
    let number: i64 = sqlx::query_scalar(
        "UPDATE provider_incidents SET acts = acts + 1, updated_time = $2, state = $3 \
          WHERE provider_incident_id = $1 RETURNING acts",
    )
    .bind(text(id))
    .bind(nanos(now))
    .bind(state.as_str())
    .fetch_one(&mut *conn)
    .await?;
    let document = Document {
        by: by.to_owned(),
        act: act.clone(),
    };
    sqlx::query(
        "INSERT INTO provider_incident_acts (provider_incident_id, act, created_time, document) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(text(id))
    .bind(number)
    .bind(nanos(now))
    .bind(serde_json::to_string(&document).map_err(Error::internal)?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds tenants that are concerned; those that are there stay. How many are new.
pub(super) async fn add_tenants(
    conn: &mut AnyConnection,
    id: Uuid,
    tenants: &[TenantId],
    now: Timestamp,
) -> Result<u64> {
    let mut added = 0;
    for tenant in tenants {
        added += sqlx::query(
            "INSERT INTO provider_incident_tenants (tenant_id, provider_incident_id, added_time, \
                    done_act) VALUES ($1, $2, $3, 0) \
             ON CONFLICT (tenant_id, provider_incident_id) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(text(id))
        .bind(nanos(now))
        .execute(&mut *conn)
        .await?
        .rows_affected();
    }
    Ok(added)
}

/// The incident that a call of this name was about, if there was one within a day.
///
/// # Errors
/// `ALREADY_EXISTS` when the name was used for something else.
pub(super) async fn requested(
    conn: &mut AnyConnection,
    request: &RequestId,
    now: Timestamp,
) -> Result<Option<Uuid>> {
    let Some((name, hash)) = request.named() else {
        return Ok(None);
    };
    let row = sqlx::query(
        "SELECT request_hash, provider_incident_id FROM provider_incident_requests \
          WHERE request_id = $1 AND (created_time IS NULL OR created_time > $2)",
    )
    .bind(name)
    .bind(oldest(now))
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    if row.try_get::<String, _>("request_hash")? != hash {
        return Err(RequestId::used());
    }
    uuid(&row.try_get::<String, _>("provider_incident_id")?).map(Some)
}

/// Notes that a call was done, with its effect, and forgets what is too old.
pub(super) async fn note_request(
    conn: &mut AnyConnection,
    request: &RequestId,
    id: Uuid,
    now: Timestamp,
) -> Result<()> {
    let Some((name, hash)) = request.named() else {
        return Ok(());
    };
    sqlx::query("DELETE FROM provider_incident_requests WHERE created_time <= $1")
        .bind(oldest(now))
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO provider_incident_requests (request_id, request_hash, provider_incident_id, \
                created_time) VALUES ($1, $2, $3, $4)",
    )
    .bind(name)
    .bind(hash)
    .bind(text(id))
    .bind(nanos(now))
    .execute(conn)
    .await?;
    Ok(())
}

const COLUMNS: &str = "p.provider_incident_id, p.state, p.created_time, p.updated_time, a.document \
      FROM provider_incidents p JOIN provider_incident_acts a \
        ON a.provider_incident_id = p.provider_incident_id AND a.act = 1";

/// All there is of one.
pub(super) async fn find(conn: &mut AnyConnection, id: Uuid) -> Result<Option<Whole>> {
    let sql = format!("SELECT {COLUMNS} WHERE p.provider_incident_id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(text(id))
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let incident = read(&row)?;
    let acts = sqlx::query(
        "SELECT act, created_time, document FROM provider_incident_acts \
          WHERE provider_incident_id = $1 ORDER BY act",
    )
    .bind(text(id))
    .fetch_all(&mut *conn)
    .await?;
    let children = sqlx::query(
        "SELECT m.tenant_id, m.incident_id, m.done_act, i.state, i.phase \
           FROM provider_incident_tenants m LEFT JOIN incidents i \
             ON i.tenant_id = m.tenant_id AND i.incident_id = m.incident_id \
          WHERE m.provider_incident_id = $1 ORDER BY m.tenant_id",
    )
    .bind(text(id))
    .fetch_all(conn)
    .await?;
    Ok(Some(Whole {
        incident,
        acts: acts.iter().map(kept).collect::<Result<_>>()?,
        children: children.iter().map(child).collect::<Result<_>>()?,
    }))
}

/// Up to `limit` of them, the newest first, after the one with that id.
pub(super) async fn list(
    conn: &mut AnyConnection,
    after: Option<String>,
    limit: i64,
) -> Result<Vec<ProviderIncident>> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE p.provider_incident_id < $1 \
          ORDER BY p.provider_incident_id DESC LIMIT $2"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(after.unwrap_or_else(|| END.to_owned()))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

/// Notes what was seen to be done in a tenant.
pub(super) async fn note_done(
    conn: &mut AnyConnection,
    id: Uuid,
    (tenant, incident, done): &(TenantId, Uuid, i64),
) -> Result<()> {
    sqlx::query(
        "UPDATE provider_incident_tenants SET incident_id = $3, done_act = $4 \
          WHERE tenant_id = $1 AND provider_incident_id = $2 AND done_act < $4",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .bind(text(*incident))
    .bind(*done)
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of the tenant's incidents it is, and up to which act it has come.
pub(super) async fn origin(tx: &mut TenantTx<'_>, id: Uuid) -> Result<Option<(Uuid, i64)>> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "SELECT incident_id, done_act FROM incident_origins \
          WHERE tenant_id = $1 AND provider_incident_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        let incident = uuid(&row.try_get::<String, _>("incident_id")?)?;
        Ok((incident, row.try_get("done_act")?))
    })
    .transpose()
}

/// Notes in the tenant that an act is done there.
pub(super) async fn note_origin(
    tx: &mut TenantTx<'_>,
    id: Uuid,
    incident: Uuid,
    done: i64,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_origins (tenant_id, provider_incident_id, incident_id, done_act) \
         VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, provider_incident_id) DO UPDATE SET done_act = excluded.done_act",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .bind(text(incident))
    .bind(done)
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn document(row: &AnyRow) -> Result<Document> {
    serde_json::from_str(&row.try_get::<String, _>("document")?).map_err(Error::internal)
}

fn kept(row: &AnyRow) -> Result<Kept> {
    let Document { by, act } = document(row)?;
    Ok(Kept {
        number: row.try_get("act")?,
        time: timestamp(row.try_get("created_time")?),
        by,
        act,
    })
}

fn read(row: &AnyRow) -> Result<ProviderIncident> {
    let Document { by, act } = document(row)?;
    let Act::Opened(opening) = act else {
        return Err(damaged());
    };
    let state: String = row.try_get("state")?;
    Ok(ProviderIncident {
        id: uuid(&row.try_get::<String, _>("provider_incident_id")?)?,
        state: State::from_stored(&state).ok_or_else(damaged)?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        opened_by: by,
        opening,
    })
}

fn child(row: &AnyRow) -> Result<Child> {
    let tenant: String = row.try_get("tenant_id")?;
    let incident: Option<String> = row.try_get("incident_id")?;
    let state: Option<String> = row.try_get("state")?;
    let phase: Option<String> = row.try_get("phase")?;
    let state = state.and_then(|state| State::from_stored(&state));
    let phase = phase.and_then(|phase| Phase::from_stored(&phase));
    Ok(Child {
        tenant: tenant.parse().map_err(|_| damaged())?,
        incident: incident.map(|id| uuid(&id)).transpose()?,
        stands: state.zip(phase),
        done: row.try_get("done_act")?,
    })
}

fn damaged() -> Error {
    Error::internal("a row of the provider's incidents is damaged")
}
