//! Incidents themselves.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::model::{
    Change, CloseCode, Import, Incident, Party, Phase, Severity, State, Tlp,
};
use super::comments::put_comment;
use super::entries::enter;
use super::{COLUMNS, Cut, NOBODY, cut, damaged, drills, pending, text, time, uuid, word};

const INCIDENTS: &str = "incidents";

/// What a listing is confined to; empty for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Wanted {
    pub(in super::super) states: Vec<State>,
    pub(in super::super) severities: Vec<Severity>,
    pub(in super::super) phases: Vec<Phase>,
    pub(in super::super) pending: Option<Party>,
    /// Drills alone, or everything but them.
    pub(in super::super) exercise: Option<bool>,
    pub(in super::super) number: Option<i64>,
    /// In nanoseconds since 1970.
    pub(in super::super) updated_after: Option<i64>,
}

pub(in super::super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Incident>> {
    let sql = format!("SELECT {COLUMNS} FROM incidents WHERE tenant_id = $1 AND incident_id = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(text(id))
        .fetch_optional(conn)
        .await?;
    row.map(|row| read(&row, cipher)).transpose()
}

/// Up to `limit` incidents, the one that was changed last first, after the one that was changed at
/// `after` and has that id.
pub(in super::super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    wanted: &Wanted,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Cut<Incident>> {
    // Words of closed sets and numbers alone; nothing that a caller wrote.
    let mut sql = format!(
        "SELECT {COLUMNS} FROM incidents WHERE tenant_id = $1 \
            AND (updated_time < $2 OR (updated_time = $2 AND incident_id < $3))"
    );
    let mut confine = |column: &str, words: Vec<&'static str>| {
        if !words.is_empty() {
            sql.push_str(&format!(" AND {column} IN ('{}')", words.join("', '")));
        }
    };
    confine("state", wanted.states.iter().map(|w| w.as_str()).collect());
    confine(
        "severity",
        wanted.severities.iter().map(|w| w.as_str()).collect(),
    );
    confine("phase", wanted.phases.iter().map(|w| w.as_str()).collect());
    confine(
        "pending_party",
        wanted.pending.iter().map(|w| w.as_str()).collect(),
    );
    sql.push_str(drills(wanted.exercise));
    if let Some(number) = wanted.number {
        sql.push_str(&format!(" AND number = {number}"));
    }
    if let Some(time) = wanted.updated_after {
        sql.push_str(&format!(" AND updated_time > {time}"));
    }
    sql.push_str(" ORDER BY updated_time DESC, incident_id DESC LIMIT $4");
    let (time, id) = after.unwrap_or((i64::MAX, String::new()));
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(time)
        .bind(id)
        .bind(limit)
        .fetch(conn);
    cut(rows, |row| read(row, cipher)).await
}

/// The tenant's next number.
pub(in super::super) async fn next_number(tx: &mut TenantTx<'_>) -> Result<i64> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "INSERT INTO incident_heads (tenant_id, seq, number) VALUES ($1, 0, 1) \
         ON CONFLICT (tenant_id) DO UPDATE SET number = incident_heads.number + 1 RETURNING number",
    )
    .bind(tenant.as_str())
    .fetch_one(tx.conn())
    .await?)
}

/// Writes a decided change.
pub(in super::super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
) -> Result<()> {
    let incident = change.incident();
    let Some(happened) = change.happened() else {
        return Ok(());
    };
    let words = serde_json::to_vec(&incident.words).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(INCIDENTS, &text(incident.id)), 0, &words)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incidents (tenant_id, incident_id, number, severity, phase, state, tlp, \
                pending_party, created_time, updated_time, acknowledged_time, closed_time, close_code, \
                etag, sealed, exercise) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (tenant_id, incident_id) DO UPDATE SET severity = excluded.severity, \
                phase = excluded.phase, state = excluded.state, tlp = excluded.tlp, \
                pending_party = excluded.pending_party, updated_time = excluded.updated_time, \
                acknowledged_time = excluded.acknowledged_time, closed_time = excluded.closed_time, \
                close_code = excluded.close_code, etag = excluded.etag, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(incident.id))
    .bind(incident.number)
    .bind(incident.severity.as_str())
    .bind(incident.phase.as_str())
    .bind(incident.state.as_str())
    .bind(incident.tlp.as_str())
    .bind(incident.pending.map_or(NOBODY, Party::as_str))
    .bind(nanos(incident.created))
    .bind(nanos(incident.updated))
    .bind(incident.acknowledged.map(nanos))
    .bind(incident.closed.map(nanos))
    .bind(incident.code.map(|code| code.as_str()))
    .bind(incident.etag.as_str())
    .bind(sealed)
    .bind(i64::from(incident.exercise))
    .execute(tx.conn())
    .await?;
    enter(tx, cipher, incident.id, incident.updated, happened).await
}

/// Writes a decided import.
pub(in super::super) async fn apply_import(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    import: &Import,
) -> Result<()> {
    apply(tx, cipher, import.change()).await?;
    for comment in import.comments() {
        put_comment(tx, cipher, comment).await?;
    }
    Ok(())
}

/// Notes when something happened to an incident, which itself stays as it is.
pub(in super::super) async fn touch(
    tx: &mut TenantTx<'_>,
    incident: Uuid,
    time: Timestamp,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("UPDATE incidents SET updated_time = $3 WHERE tenant_id = $1 AND incident_id = $2")
        .bind(tenant.as_str())
        .bind(text(incident))
        .bind(nanos(time))
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(in super::super) fn read(row: &AnyRow, cipher: &TenantCipher) -> Result<Incident> {
    let id = uuid(&row.try_get::<String, _>("incident_id")?)?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let words = cipher.open(&object(INCIDENTS, &text(id)), 0, &sealed)?;
    let code: Option<String> = row.try_get("close_code")?;
    Ok(Incident {
        id,
        number: row.try_get("number")?,
        severity: word(row, "severity", Severity::from_stored)?,
        phase: word(row, "phase", Phase::from_stored)?,
        state: word(row, "state", State::from_stored)?,
        tlp: word(row, "tlp", Tlp::from_stored)?,
        pending: pending(row)?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        acknowledged: time(row, "acknowledged_time")?,
        closed: time(row, "closed_time")?,
        code: code
            .map(|code| CloseCode::from_stored(&code).ok_or_else(|| damaged("close code")))
            .transpose()?,
        etag: row.try_get("etag")?,
        exercise: row.try_get::<i64, _>("exercise")? == 1,
        words: serde_json::from_slice(&words).map_err(Error::internal)?,
    })
}
