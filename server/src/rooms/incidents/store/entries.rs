//! What happened to incidents, in order.

use cordon_kernel::db::jobs::CLOCKS;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::model::Happened;
use super::super::notices::{Offered, offer};
use super::incidents::touch;
use super::{text, uuid};

const ENTRIES: &str = "incident_entries";

/// Something that happened to one of the tenant's incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Entry {
    pub(in super::super) seq: i64,
    pub(in super::super) incident: Uuid,
    pub(in super::super) time: Timestamp,
    pub(in super::super) happened: Happened,
    /// Whether the incident is a drill.
    pub(in super::super) exercise: bool,
}

/// Up to where the tenant's incidents have come.
pub(in super::super) async fn head(conn: &mut AnyConnection, tenant: &TenantId) -> Result<i64> {
    let head: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM incident_heads WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(head.unwrap_or(0))
}

/// Writes what happened to an incident that itself stays as it is.
pub(in super::super) async fn note(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    time: Timestamp,
    happened: &Happened,
) -> Result<()> {
    touch(tx, incident, time).await?;
    enter(tx, cipher, incident, time, happened).await
}

/// Writes what happened, as the next of the tenant's, and for whom a notice of it is.
pub(in super::super) async fn enter(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    time: Timestamp,
    happened: &Happened,
) -> Result<()> {
    enter_said(tx, cipher, incident, time, happened, None).await
}

/// The same; `said` is what a comment says that it is about.
pub(super) async fn enter_said(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    time: Timestamp,
    happened: &Happened,
    said: Option<&str>,
) -> Result<()> {
    let tenant = tx.tenant();
    let seq: i64 = sqlx::query_scalar(
        "UPDATE incident_heads SET seq = seq + 1 WHERE tenant_id = $1 RETURNING seq",
    )
    .bind(tenant.as_str())
    .fetch_one(tx.conn())
    .await?;
    let plain = serde_json::to_vec(happened).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(ENTRIES, &seq.to_string()), 0, &plain)?;
    sqlx::query(
        "INSERT INTO incident_entries (tenant_id, seq, incident_id, time, kind, party, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tenant.as_str())
    .bind(seq)
    .bind(text(incident))
    .bind(nanos(time))
    .bind(happened.what.kind())
    .bind(happened.actor.party.as_str())
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    sqlx::query("UPDATE incidents SET last_seq = $3 WHERE tenant_id = $1 AND incident_id = $2")
        .bind(tenant.as_str())
        .bind(text(incident))
        .bind(seq)
        .execute(tx.conn())
        .await?;
    if happened.what.moves_clocks() {
        let job = format!("{CLOCKS}:{}", text(incident));
        tx.schedule_job(&job, time).await?;
    }
    let offered = Offered {
        incident,
        seq,
        time,
        kind: happened.what.kind(),
        said,
    };
    offer(tx, cipher, offered).await
}

/// Up to `limit` entries after `after`, of one incident or of all of the tenant's.
pub(in super::super) async fn entries(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Option<Uuid>,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>> {
    let sql = match incident {
        Some(_) => {
            "SELECT e.seq, e.incident_id, e.time, e.sealed, i.exercise FROM incident_entries e \
               JOIN incidents i ON i.tenant_id = e.tenant_id AND i.incident_id = e.incident_id \
              WHERE e.tenant_id = $1 AND e.seq > $2 AND e.incident_id = $4 ORDER BY e.seq LIMIT $3"
        }
        None => {
            "SELECT e.seq, e.incident_id, e.time, e.sealed, i.exercise FROM incident_entries e \
               JOIN incidents i ON i.tenant_id = e.tenant_id AND i.incident_id = e.incident_id \
              WHERE e.tenant_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3"
        }
    };
    let mut query = sqlx::query(sql)
        .bind(cipher.tenant().as_str())
        .bind(after)
        .bind(limit);
    if let Some(incident) = incident {
        query = query.bind(text(incident));
    }
    let rows = query.fetch_all(conn).await?;
    read_entries(&rows, cipher)
}

/// All of an incident's entries of a kind, in order.
pub(in super::super) async fn entries_of_kind(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    kind: &str,
) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "SELECT e.seq, e.incident_id, e.time, e.sealed, i.exercise FROM incident_entries e \
           JOIN incidents i ON i.tenant_id = e.tenant_id AND i.incident_id = e.incident_id \
          WHERE e.tenant_id = $1 AND e.incident_id = $2 AND e.kind = $3 ORDER BY e.seq",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(kind)
    .fetch_all(conn)
    .await?;
    read_entries(&rows, cipher)
}

fn read_entries(rows: &[AnyRow], cipher: &TenantCipher) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let seq: i64 = row.try_get("seq")?;
        let sealed: Vec<u8> = row.try_get("sealed")?;
        let plain = cipher.open(&object(ENTRIES, &seq.to_string()), 0, &sealed)?;
        entries.push(Entry {
            seq,
            incident: uuid(&row.try_get::<String, _>("incident_id")?)?,
            time: timestamp(row.try_get("time")?),
            happened: serde_json::from_slice(&plain).map_err(Error::internal)?,
            exercise: row.try_get::<i64, _>("exercise")? == 1,
        });
    }
    Ok(entries)
}

/// Since when the next move has been where it is.
pub(in super::super) async fn pending_since(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    incident: Uuid,
) -> Result<Option<Timestamp>> {
    let time: Option<i64> = sqlx::query_scalar(
        "SELECT time FROM incident_entries WHERE tenant_id = $1 AND incident_id = $2 \
            AND kind IN ('opened', 'imported', 'handed_over', 'reopened') ORDER BY seq DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(text(incident))
    .fetch_optional(conn)
    .await?;
    Ok(time.map(timestamp))
}
