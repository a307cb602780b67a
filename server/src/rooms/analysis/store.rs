//! The tables of analyses and of their answers. What was asked and said is sealed; what the desk's
//! queue sorts by is not.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Name, Result, TenantId};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::model::{Analysis, Change, Party, State, human};
use crate::rooms::incidents::{self, AboutAnalysis};

const ANALYSES: &str = "analyses";
const RESULTS: &str = "analysis_results";
/// Most sealed bytes of analyses that are read for one page.
const MOST_READ: i64 = 4 << 20;
/// Bytes of one piece of an answer.
const PIECE: usize = 1 << 20;

fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn read(cipher: &TenantCipher, row: &AnyRow) -> Result<Analysis> {
    let id: String = row.try_get("analysis_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(ANALYSES, &id), 0, &sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// One analysis.
pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Analysis>> {
    sqlx::query(
        "SELECT analysis_id, sealed FROM analyses WHERE tenant_id = $1 AND analysis_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?
    .map(|row| read(cipher, &row))
    .transpose()
}

/// Up to `limit` of a tenant's analyses before the id `before` (empty for the newest), newest first;
/// and whether more follow that are not read now, as these have many bytes.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    before: &str,
    limit: i64,
) -> Result<(Vec<Analysis>, bool)> {
    let sizes = sqlx::query(
        "SELECT analysis_id, CAST(length(sealed) AS BIGINT) AS bytes FROM analyses \
          WHERE tenant_id = $1 AND ($2 = '' OR analysis_id < $2) \
          ORDER BY analysis_id DESC LIMIT $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(before)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let (mut last, mut sum, mut count) = (None, 0_i64, 0_usize);
    for row in &sizes {
        sum = sum.saturating_add(row.try_get("bytes")?);
        if count > 0 && sum > MOST_READ {
            break;
        }
        last = Some(row.try_get::<String, _>("analysis_id")?);
        count += 1;
    }
    let Some(last) = last else {
        return Ok((Vec::new(), false));
    };
    let rows = sqlx::query(
        "SELECT analysis_id, sealed FROM analyses \
          WHERE tenant_id = $1 AND ($2 = '' OR analysis_id < $2) AND analysis_id >= $3 \
          ORDER BY analysis_id DESC",
    )
    .bind(cipher.tenant().as_str())
    .bind(before)
    .bind(last)
    .fetch_all(conn)
    .await?;
    let read: Result<Vec<_>> = rows.iter().map(|row| read(cipher, row)).collect();
    Ok((read?, count < sizes.len()))
}

/// When an analysis was last changed; `None` when there is none.
pub(super) async fn updated(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<i64>> {
    let found = sqlx::query_scalar(
        "SELECT updated_time FROM analyses WHERE tenant_id = $1 AND analysis_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// Removes up to `most` of the oldest analyses that have ended and of which no answer is kept; how
/// many.
pub(super) async fn prune(tx: &mut TenantTx<'_>, most: i64) -> Result<u64> {
    let tenant = tx.tenant();
    let gone = sqlx::query(
        "DELETE FROM analyses WHERE tenant_id = $1 AND analysis_id IN \
            (SELECT analysis_id FROM analyses WHERE tenant_id = $1 AND result_bytes = 0 \
                AND state IN ('released', 'declined', 'cancelled', 'failed') \
              ORDER BY analysis_id LIMIT $2)",
    )
    .bind(tenant.as_str())
    .bind(most)
    .execute(tx.conn())
    .await?;
    Ok(gone.rows_affected())
}

/// How many of a tenant's analyses there are, and how many of them have not ended.
pub(super) async fn counts(conn: &mut AnyConnection, tenant: &TenantId) -> Result<(i64, i64)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS all_of_them, CAST(COALESCE(SUM(CASE WHEN state IN \
            ('submitted', 'accepted', 'running', 'review') THEN 1 ELSE 0 END), 0) AS BIGINT) AS open \
           FROM analyses WHERE tenant_id = $1",
    )
    .bind(tenant.as_str())
    .fetch_one(conn)
    .await?;
    Ok((row.try_get("all_of_them")?, row.try_get("open")?))
}

/// Writes a decided change. `bytes` is how much of an answer is kept; `None` leaves that as it is.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
    bytes: Option<i64>,
) -> Result<()> {
    let analysis = change.analysis();
    let id = text(analysis.id);
    let plain = serde_json::to_vec(analysis).map_err(Error::internal)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO analyses (tenant_id, analysis_id, state, human, pending_party, due_time, \
                created_time, updated_time, result_bytes, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (tenant_id, analysis_id) DO UPDATE SET state = excluded.state, \
                pending_party = excluded.pending_party, due_time = excluded.due_time, \
                updated_time = excluded.updated_time, sealed = excluded.sealed, \
                result_bytes = CASE WHEN $11 = 1 THEN excluded.result_bytes \
                                    ELSE analyses.result_bytes END",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(analysis.state.as_str())
    .bind(i64::from(human(&analysis.question)))
    .bind(party(analysis.pending))
    .bind(analysis.due.map(nanos))
    .bind(nanos(analysis.created))
    .bind(nanos(analysis.updated))
    .bind(bytes.unwrap_or(0))
    .bind(cipher.seal(&object(ANALYSES, &id), 0, &plain)?)
    .bind(i64::from(bytes.is_some()))
    .execute(tx.conn())
    .await?;
    note(tx, cipher, change).await
}

/// Says in the timeline of the incident that it is for what both sides are to see.
async fn note(tx: &mut TenantTx<'_>, cipher: &TenantCipher, change: &Change) -> Result<()> {
    let analysis = change.analysis();
    let (Some(noted), Some(incident)) = (change.noted(), &analysis.incident) else {
        return Ok(());
    };
    let Name::Incident(_, incident) = Name::parse("analysis.incident", incident)? else {
        return Err(Error::internal("an incident by another name"));
    };
    let about = AboutAnalysis {
        incident,
        analysis: analysis.id,
        time: analysis.updated,
    };
    incidents::note_analysis(tx, cipher, about, noted.clone()).await
}

const fn party(of: Option<Party>) -> &'static str {
    match of {
        Some(Party::Customer) => "customer",
        Some(Party::Provider) => "provider",
        None => "nobody",
    }
}

/// An answer, sealed in pieces: what takes a while is done before others have to wait.
pub(super) struct SealedResult {
    pub(super) bytes: i64,
    pieces: Vec<(String, Vec<u8>)>,
}

fn part(id: Uuid, number: usize) -> String {
    format!("{}/{number:04}", text(id))
}

pub(super) fn seal_result(cipher: &TenantCipher, id: Uuid, kept: &[u8]) -> Result<SealedResult> {
    let mut pieces = Vec::new();
    for (number, piece) in kept.chunks(PIECE).enumerate() {
        let part = part(id, number);
        let sealed = cipher.seal(&object(RESULTS, &part), 0, piece)?;
        pieces.push((part, sealed));
    }
    Ok(SealedResult {
        bytes: i64::try_from(kept.len()).map_err(Error::internal)?,
        pieces,
    })
}

/// Keeps an answer, in the place of one that was there.
pub(super) async fn keep_result(
    tx: &mut TenantTx<'_>,
    id: Uuid,
    result: SealedResult,
) -> Result<()> {
    drop_result(tx, id).await?;
    let tenant = tx.tenant();
    for (part, sealed) in result.pieces {
        sqlx::query(
            "INSERT INTO analysis_results (tenant_id, part_id, sealed) VALUES ($1, $2, $3)",
        )
        .bind(tenant.as_str())
        .bind(part)
        .bind(sealed)
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Drops an answer.
pub(super) async fn drop_result(tx: &mut TenantTx<'_>, id: Uuid) -> Result<()> {
    let tenant = tx.tenant();
    let id = text(id);
    sqlx::query(
        "DELETE FROM analysis_results WHERE tenant_id = $1 AND part_id > $2 AND part_id < $3",
    )
    .bind(tenant.as_str())
    .bind(format!("{id}/"))
    .bind(format!("{id}0"))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An answer as it was kept; `None` when it is not there.
pub(super) async fn result(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Vec<u8>>> {
    let key = text(id);
    let rows = sqlx::query(
        "SELECT part_id, sealed FROM analysis_results \
          WHERE tenant_id = $1 AND part_id > $2 AND part_id < $3 ORDER BY part_id",
    )
    .bind(cipher.tenant().as_str())
    .bind(format!("{key}/"))
    .bind(format!("{key}0"))
    .fetch_all(conn)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut whole = Vec::new();
    for row in rows {
        let part: String = row.try_get("part_id")?;
        let sealed: Vec<u8> = row.try_get("sealed")?;
        whole.extend_from_slice(&cipher.open(&object(RESULTS, &part), 0, &sealed)?);
    }
    Ok(Some(whole))
}

/// The oldest answers that have to go for the tenant's to be at most `most` bytes, with `room` more.
pub(super) async fn surplus(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    room: i64,
    most: i64,
) -> Result<Vec<Uuid>> {
    let rows = sqlx::query(
        "SELECT analysis_id, result_bytes FROM analyses \
          WHERE tenant_id = $1 AND result_bytes > 0 AND state = 'released' \
          ORDER BY analysis_id DESC",
    )
    .bind(tenant.as_str())
    .fetch_all(conn)
    .await?;
    let (mut sum, mut gone) = (room, Vec::new());
    for row in rows {
        sum = sum.saturating_add(row.try_get::<i64, _>("result_bytes")?);
        if sum > most {
            let id: String = row.try_get("analysis_id")?;
            gone.push(Uuid::try_parse(&id).map_err(Error::internal)?);
        }
    }
    Ok(gone)
}

/// A question in the desk's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) state: State,
    pub(super) pending: Option<Party>,
    pub(super) due: Option<Timestamp>,
    pub(super) created: Timestamp,
}

/// Where a page of the queue begins: after this one.
pub(super) type Place = (i64, String, String);

impl Queued {
    pub(super) fn place(&self) -> Place {
        let id = text(self.id);
        (nanos(self.created), self.tenant.as_str().to_owned(), id)
    }
}

/// What waits for the provider's analysts, oldest first.
pub(super) async fn queue(
    conn: &mut AnyConnection,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Queued>> {
    let (time, tenant, id) = after.unwrap_or((i64::MIN, String::new(), String::new()));
    let rows = sqlx::query(
        "SELECT tenant_id, analysis_id, state, pending_party, due_time, created_time FROM analyses \
          WHERE human = 1 AND state IN ('submitted', 'running', 'review') \
            AND (created_time > $1 OR (created_time = $1 AND (tenant_id > $2 \
                 OR (tenant_id = $2 AND analysis_id > $3)))) \
          ORDER BY created_time, tenant_id, analysis_id LIMIT $4",
    )
    .bind(time)
    .bind(tenant)
    .bind(id)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(queued).collect()
}

fn queued(row: &AnyRow) -> Result<Queued> {
    let tenant: String = row.try_get("tenant_id")?;
    let id: String = row.try_get("analysis_id")?;
    let state: String = row.try_get("state")?;
    let pending: String = row.try_get("pending_party")?;
    Ok(Queued {
        tenant: tenant.parse().map_err(Error::internal)?,
        id: Uuid::try_parse(&id).map_err(Error::internal)?,
        state: State::of(&state).ok_or_else(|| Error::internal("an analysis in no known state"))?,
        pending: match pending.as_str() {
            "customer" => Some(Party::Customer),
            "provider" => Some(Party::Provider),
            _ => None,
        },
        due: row.try_get::<Option<i64>, _>("due_time")?.map(timestamp),
        created: timestamp(row.try_get("created_time")?),
    })
}
