//! The tables of incidents. What people wrote is sealed; what lists sort and filter by is not.

use cordon_kernel::db::jobs::CLOCKS;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result, TenantId};
use cordon_sla::objective::ObjectiveKind;
use futures::{Stream, TryStreamExt as _};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::clocks::objective_from;
use super::model::{
    Change, Comment, CommentChange, Happened, Import, Incident, Party, Phase, Severity, State,
};
use super::notices::{Offered, offer};

const INCIDENTS: &str = "incidents";
const ENTRIES: &str = "incident_entries";
const COMMENTS: &str = "incident_comments";

pub(super) const COLUMNS: &str = "incident_id, number, severity, phase, state, tlp, pending_party, created_time, \
     updated_time, acknowledged_time, closed_time, close_code, etag, exercise, sealed";

/// Of a closed incident: whose move it is.
const NOBODY: &str = "nobody";

/// Most sealed bytes of a page: what people wrote can be long.
const PAGE_BYTES: usize = 4 << 20;

/// Rows of a page, and whether it ends before what was asked for, since they are long.
pub(super) type Cut<T> = (Vec<T>, bool);

/// What a listing is confined to; empty for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) states: Vec<State>,
    pub(super) severities: Vec<Severity>,
    pub(super) phases: Vec<Phase>,
    pub(super) pending: Option<Party>,
    /// Drills alone, or everything but them.
    pub(super) exercise: Option<bool>,
    pub(super) number: Option<i64>,
    /// In nanoseconds since 1970.
    pub(super) updated_after: Option<i64>,
}

/// Something that happened to one of the tenant's incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) incident: Uuid,
    pub(super) time: Timestamp,
    pub(super) happened: Happened,
    /// Whether the incident is a drill.
    pub(super) exercise: bool,
}

/// What staff see of an incident before they enter its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) severity: Severity,
    pub(super) phase: Phase,
    pub(super) state: State,
    pub(super) pending: Option<Party>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) acknowledged: Option<Timestamp>,
    /// When the next of its clocks is due, and what for.
    pub(super) due: Option<(Timestamp, ObjectiveKind)>,
    pub(super) breaches: i32,
    /// Whether it is a drill.
    pub(super) exercise: bool,
}

pub(super) async fn find(
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
pub(super) async fn list(
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

/// The condition by which drills alone are found, or everything but them.
const fn drills(exercise: Option<bool>) -> &'static str {
    match exercise {
        None => "",
        Some(true) => " AND exercise = 1",
        Some(false) => " AND exercise = 0",
    }
}

/// Reads rows until there are no more, or they are too long for a page.
pub(super) async fn cut<T>(
    mut rows: impl Stream<Item = sqlx::Result<AnyRow>> + Unpin,
    read: impl Fn(&AnyRow) -> Result<T>,
) -> Result<Cut<T>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        bytes += row.try_get::<Vec<u8>, _>("sealed")?.len();
        if bytes > PAGE_BYTES && !found.is_empty() {
            return Ok((found, true));
        }
        found.push(read(&row)?);
    }
    Ok((found, false))
}

/// The tenant's next number.
pub(super) async fn next_number(tx: &mut TenantTx<'_>) -> Result<i64> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "INSERT INTO incident_heads (tenant_id, seq, number) VALUES ($1, 0, 1) \
         ON CONFLICT (tenant_id) DO UPDATE SET number = incident_heads.number + 1 RETURNING number",
    )
    .bind(tenant.as_str())
    .fetch_one(tx.conn())
    .await?)
}

/// Up to where the tenant's incidents have come.
pub(super) async fn head(conn: &mut AnyConnection, tenant: &TenantId) -> Result<i64> {
    let head: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM incident_heads WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(head.unwrap_or(0))
}

/// Writes a decided change.
pub(super) async fn apply(
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

/// Writes what happened to an incident that itself stays as it is.
pub(super) async fn note(
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
pub(super) async fn enter(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    time: Timestamp,
    happened: &Happened,
) -> Result<()> {
    enter_said(tx, cipher, incident, time, happened, None).await
}

/// The same; `said` is what a comment says that it is about.
async fn enter_said(
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
pub(super) async fn entries(
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
pub(super) async fn entries_of_kind(
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
pub(super) async fn pending_since(
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

pub(super) async fn find_comment(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    id: Uuid,
) -> Result<Option<Comment>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT sealed FROM incident_comments \
          WHERE tenant_id = $1 AND comment_id = $2 AND incident_id = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .bind(text(incident))
    .fetch_optional(conn)
    .await?;
    sealed
        .map(|sealed| comment(cipher, id, &sealed))
        .transpose()
}

/// Up to `limit` of an incident's comments after the one that was made at `after` and has that id,
/// oldest first.
pub(super) async fn comments(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Cut<Comment>> {
    let (time, id) = after.unwrap_or((i64::MIN, String::new()));
    let rows = sqlx::query(
        "SELECT comment_id, sealed FROM incident_comments \
          WHERE tenant_id = $1 AND incident_id = $2 \
            AND (created_time > $3 OR (created_time = $3 AND comment_id > $4)) \
          ORDER BY created_time, comment_id LIMIT $5",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(time)
    .bind(id)
    .bind(limit)
    .fetch(conn);
    cut(rows, |row| {
        let id = uuid(&row.try_get::<String, _>("comment_id")?)?;
        comment(cipher, id, &row.try_get::<Vec<u8>, _>("sealed")?)
    })
    .await
}

/// The last of an incident's comments.
pub(super) async fn last_comment(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    incident: Uuid,
) -> Result<Option<Uuid>> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT max(comment_id) FROM incident_comments WHERE tenant_id = $1 AND incident_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(incident))
    .fetch_one(conn)
    .await?;
    id.map(|id| uuid(&id)).transpose()
}

fn comment(cipher: &TenantCipher, id: Uuid, sealed: &[u8]) -> Result<Comment> {
    let plain = cipher.open(&object(COMMENTS, &text(id)), 0, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// Writes a decided change of a comment, and that the incident was spoken about.
pub(super) async fn apply_comment(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &CommentChange,
) -> Result<()> {
    let comment = change.comment();
    let Some(happened) = change.happened() else {
        return Ok(());
    };
    put_comment(tx, cipher, comment).await?;
    let (incident, time) = (comment.incident, comment.updated);
    touch(tx, incident, time).await?;
    let said = Some(comment.text.as_str());
    enter_said(tx, cipher, incident, time, happened, said).await
}

/// Writes a comment as it is now.
async fn put_comment(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    comment: &Comment,
) -> Result<()> {
    let plain = serde_json::to_vec(comment).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(COMMENTS, &text(comment.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_comments (tenant_id, comment_id, incident_id, created_time, sealed) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, comment_id) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(comment.id))
    .bind(text(comment.incident))
    .bind(nanos(comment.created))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes a decided import.
pub(super) async fn apply_import(
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
pub(super) async fn touch(tx: &mut TenantTx<'_>, incident: Uuid, time: Timestamp) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("UPDATE incidents SET updated_time = $3 WHERE tenant_id = $1 AND incident_id = $2")
        .bind(tenant.as_str())
        .bind(text(incident))
        .bind(nanos(time))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Where a page of the queue begins: after the incident with these.
pub(super) type QueuePlace = (String, String, String, i64, String, String);

/// Up to `limit` of all tenants' incidents: those whose move is the provider's first, then by
/// severity, then the oldest.
pub(super) async fn queue(
    conn: &mut AnyConnection,
    closed_too: bool,
    exercise: Option<bool>,
    after: Option<QueuePlace>,
    limit: i64,
) -> Result<Vec<Queued>> {
    // As text the words sort as they should: open before what is done with comes from the reverse.
    let drills = drills(exercise);
    let sql = format!(
        "SELECT tenant_id, incident_id, number, severity, phase, state, pending_party, created_time, \
                updated_time, acknowledged_time, due_time, due_objective, breaches, exercise \
           FROM incidents \
          WHERE ($1 = 1 OR state = 'open') AND ($2 = 0 OR \
                state < $3 OR (state = $3 AND (pending_party < $4 OR (pending_party = $4 AND \
                (severity > $5 OR (severity = $5 AND (created_time > $6 OR (created_time = $6 AND \
                (tenant_id > $7 OR (tenant_id = $7 AND incident_id > $8)))))))))){drills} \
          ORDER BY state DESC, pending_party DESC, severity, created_time, tenant_id, incident_id \
          LIMIT $9"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(i64::from(closed_too))
        .bind(i64::from(after.is_some()));
    let (state, pending, severity, created, tenant, id) = after.unwrap_or_default();
    let rows = rows
        .bind(state)
        .bind(pending)
        .bind(severity)
        .bind(created)
        .bind(tenant)
        .bind(id)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(queued).collect()
}

impl Queued {
    /// Where the page after this one begins.
    pub(super) fn place(&self) -> QueuePlace {
        (
            self.state.as_str().to_owned(),
            self.pending.map_or(NOBODY, Party::as_str).to_owned(),
            self.severity.as_str().to_owned(),
            nanos(self.created),
            self.tenant.to_string(),
            text(self.id),
        )
    }
}

fn queued(row: &AnyRow) -> Result<Queued> {
    Ok(Queued {
        tenant: row
            .try_get::<String, _>("tenant_id")?
            .parse()
            .map_err(|_| damaged("tenant"))?,
        id: uuid(&row.try_get::<String, _>("incident_id")?)?,
        number: row.try_get("number")?,
        severity: word(row, "severity", Severity::from_stored)?,
        phase: word(row, "phase", Phase::from_stored)?,
        state: word(row, "state", State::from_stored)?,
        pending: pending(row)?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        acknowledged: time(row, "acknowledged_time")?,
        due: due(row)?,
        breaches: row
            .try_get::<Option<i64>, _>("breaches")?
            .map_or(0, |breaches| i32::try_from(breaches).unwrap_or(i32::MAX)),
        exercise: row.try_get::<i64, _>("exercise")? == 1,
    })
}

fn due(row: &AnyRow) -> Result<Option<(Timestamp, ObjectiveKind)>> {
    let objective: Option<String> = row.try_get("due_objective")?;
    let objective = objective
        .map(|word| objective_from(&word).ok_or_else(|| damaged("objective")))
        .transpose()?;
    Ok(time(row, "due_time")?.zip(objective))
}

pub(super) fn read(row: &AnyRow, cipher: &TenantCipher) -> Result<Incident> {
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
        tlp: word(row, "tlp", super::model::Tlp::from_stored)?,
        pending: pending(row)?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        acknowledged: time(row, "acknowledged_time")?,
        closed: time(row, "closed_time")?,
        code: code
            .map(|code| {
                super::model::CloseCode::from_stored(&code).ok_or_else(|| damaged("close code"))
            })
            .transpose()?,
        etag: row.try_get("etag")?,
        exercise: row.try_get::<i64, _>("exercise")? == 1,
        words: serde_json::from_slice(&words).map_err(Error::internal)?,
    })
}

fn pending(row: &AnyRow) -> Result<Option<Party>> {
    let text: String = row.try_get("pending_party")?;
    match text.as_str() {
        NOBODY => Ok(None),
        text => Party::from_stored(text)
            .map(Some)
            .ok_or_else(|| damaged("party")),
    }
}

fn time(row: &AnyRow, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
}

pub(super) fn word<T>(row: &AnyRow, column: &str, from: impl Fn(&str) -> Option<T>) -> Result<T> {
    from(&row.try_get::<String, _>(column)?).ok_or_else(|| damaged(column))
}

pub(super) fn damaged(what: &str) -> Error {
    Error::internal(format!("an incident's row has a damaged {what}"))
}

pub(super) fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

pub(super) fn uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| damaged("id"))
}
