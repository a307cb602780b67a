//! The tables of findings and of what correlations remember. What was found is sealed; what lists
//! sort and filter by is not.

use cordon_baseline::Anomaly;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Env, Error, Result};
use cordon_sigma::Window;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::compiled::Ready;
use super::super::drafts::Draft;
use super::super::explained::Judged;
use super::model::{self, Change, Finding, FindingStatus, Mark};

const FINDINGS: &str = "findings";
const WINDOWS: &str = "detection_windows";

fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn read(cipher: &TenantCipher, row: &AnyRow) -> Result<Finding> {
    let id: String = row.try_get("finding_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(FINDINGS, &id), 0, &sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// One finding.
pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Finding>> {
    sqlx::query("SELECT finding_id, sealed FROM findings WHERE tenant_id = $1 AND finding_id = $2")
        .bind(cipher.tenant().as_str())
        .bind(text(id))
        .fetch_optional(conn)
        .await?
        .map(|row| read(cipher, &row))
        .transpose()
}

/// Which findings are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// Of these; empty for all.
    pub(super) statuses: Vec<FindingStatus>,
    /// At least of this level; 0 for all.
    pub(super) min_level: i64,
}

/// Up to `limit` of a tenant's findings before the id `before` (empty for the newest), newest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    wanted: &Wanted,
    before: &str,
    limit: i64,
) -> Result<Vec<Finding>> {
    // Numbers of a closed set alone; nothing that a caller wrote.
    let statuses: Vec<String> = wanted
        .statuses
        .iter()
        .map(|status| status.code().to_string())
        .collect();
    let confined = match statuses.as_slice() {
        [] => String::new(),
        statuses => format!(" AND status IN ({})", statuses.join(", ")),
    };
    let sql = format!(
        "SELECT finding_id, sealed FROM findings \
          WHERE tenant_id = $1 AND ($2 = '' OR finding_id < $2) AND level >= $3{confined} \
          ORDER BY finding_id DESC LIMIT $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(before)
        .bind(wanted.min_level)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| read(cipher, row)).collect()
}

/// Up to `limit` of a tenant's findings that changed after a place of the sequence, in its order.
pub(super) async fn changed(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: i64,
    limit: i64,
) -> Result<Vec<Finding>> {
    let rows = sqlx::query(
        "SELECT finding_id, sealed FROM findings WHERE tenant_id = $1 AND seq > $2 \
          ORDER BY seq LIMIT $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(cipher, row)).collect()
}

/// The last place of a tenant's sequence of findings.
pub(super) async fn head(conn: &mut AnyConnection, tenant: &str) -> Result<i64> {
    let head: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM finding_heads WHERE tenant_id = $1")
            .bind(tenant)
            .fetch_optional(conn)
            .await?;
    Ok(head.unwrap_or(0))
}

/// Keeps others from taking places of the sequence until the transaction ends.
pub(super) async fn hold(tx: &mut TenantTx<'_>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("UPDATE finding_heads SET seq = seq WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The next place of the sequence. Who has it keeps others out until the transaction ends, so that
/// places become visible in their order.
pub(super) async fn next(tx: &mut TenantTx<'_>) -> Result<i64> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "INSERT INTO finding_heads (tenant_id, seq) VALUES ($1, 1) \
         ON CONFLICT (tenant_id) DO UPDATE SET seq = finding_heads.seq + 1 RETURNING seq",
    )
    .bind(tenant.as_str())
    .fetch_one(tx.conn())
    .await?)
}

/// Keeps what a rule found: as a finding of its own, or as more of one that is there.
pub(in super::super) async fn take(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    (env, id): (&Env, Uuid),
    ready: &Ready,
    draft: &Draft,
) -> Result<()> {
    let rule = text(ready.rule.id);
    let parts: [&[u8]; 3] = [b"finding", rule.as_bytes(), draft.key.as_bytes()];
    let dedup_key = cipher.event_name(&parts).to_string();
    let before = same(tx, cipher, &dedup_key).await?;
    let mark = mark(tx, env).await?;
    let change = match before {
        Some(before) => model::add(before, ready, draft, mark),
        None => model::make((id, dedup_key), ready, draft, mark),
    };
    apply(tx, cipher, &change).await
}

/// Keeps what is unusual: as a finding of its own, or as more of one that is there.
pub(in super::super) async fn take_anomaly(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    (env, id): (&Env, Uuid),
    found: &(Anomaly, Judged),
) -> Result<()> {
    let key = &found.0.key;
    let dedup_key = cipher.event_name(&[b"anomaly", key]).to_string();
    let before = same(tx, cipher, &dedup_key).await?;
    let mark = mark(tx, env).await?;
    let change = match before {
        Some(before) => model::more_unusual(before, found, mark),
        None => model::unusual((id, dedup_key), found, mark),
    };
    apply(tx, cipher, &change).await
}

/// The finding that is the same thing.
async fn same(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    dedup_key: &str,
) -> Result<Option<Finding>> {
    let tenant = tx.tenant();
    sqlx::query("SELECT finding_id, sealed FROM findings WHERE tenant_id = $1 AND dedup_key = $2")
        .bind(tenant.as_str())
        .bind(dedup_key)
        .fetch_optional(tx.conn())
        .await?
        .map(|row| read(cipher, &row))
        .transpose()
}

async fn mark(tx: &mut TenantTx<'_>, env: &Env) -> Result<Mark> {
    Ok(Mark {
        now: env.now(),
        seq: next(tx).await?,
        etag: hex::encode(env.bytes::<16>()),
    })
}

/// Writes a decided change.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
) -> Result<()> {
    let finding = change.finding();
    let id = text(finding.id);
    let plain = serde_json::to_vec(finding).map_err(Error::internal)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO findings (tenant_id, finding_id, seq, dedup_key, rule_id, level, etag, \
                status, created_time, updated_time, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (tenant_id, finding_id) DO UPDATE SET seq = excluded.seq, \
                level = excluded.level, etag = excluded.etag, status = excluded.status, \
                updated_time = excluded.updated_time, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(finding.seq)
    .bind(finding.dedup_key.as_str())
    .bind(text(finding.rule))
    .bind(finding.level)
    .bind(finding.etag.as_str())
    .bind(finding.status.code())
    .bind(nanos(finding.created))
    .bind(nanos(finding.updated))
    .bind(cipher.seal(&object(FINDINGS, &id), 0, &plain)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many findings a tenant has more than it keeps.
async fn beyond(conn: &mut AnyConnection, tenant: &str, most: i64) -> Result<i64> {
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM findings WHERE tenant_id = $1")
        .bind(tenant)
        .fetch_one(conn)
        .await?;
    Ok(all.saturating_sub(most).max(0))
}

/// Whether there is anything for [`forget_closed`].
pub(in super::super) async fn has_closed(
    conn: &mut AnyConnection,
    tenant: &str,
    (before, most): (Timestamp, i64),
) -> Result<bool> {
    let before = match beyond(conn, tenant, most).await? {
        0 => nanos(before),
        _ => i64::MAX,
    };
    let oldest: Option<i64> = sqlx::query_scalar(
        "SELECT min(updated_time) FROM findings WHERE tenant_id = $1 AND status IN (3, 4)",
    )
    .bind(tenant)
    .fetch_one(conn)
    .await?;
    Ok(oldest.is_some_and(|oldest| oldest < before))
}

/// Forgets up to `limit` findings that nobody has to look at any more, the oldest first: those that were
/// changed last before a time, and those that are more than a tenant keeps; how many that were.
pub(in super::super) async fn forget_closed(
    tx: &mut TenantTx<'_>,
    (before, most): (Timestamp, i64),
    limit: i64,
) -> Result<u64> {
    let tenant = tx.tenant();
    let (time, count) = match beyond(tx.conn(), tenant.as_str(), most).await? {
        0 => (nanos(before), limit),
        beyond => (i64::MAX, beyond.min(limit)),
    };
    let gone = sqlx::query(
        "DELETE FROM findings WHERE tenant_id = $1 AND finding_id IN \
            (SELECT finding_id FROM findings \
              WHERE tenant_id = $1 AND status IN (3, 4) AND updated_time < $2 \
              ORDER BY updated_time, finding_id LIMIT $3)",
    )
    .bind(tenant.as_str())
    .bind(time)
    .bind(count)
    .execute(tx.conn())
    .await?;
    Ok(gone.rows_affected())
}

/// What a correlation of that version remembers.
pub(in super::super) async fn window(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    (rule, version): (Uuid, i64),
) -> Result<Option<Window>> {
    let id = text(rule);
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT sealed FROM detection_windows \
          WHERE tenant_id = $1 AND rule_id = $2 AND version = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(id.as_str())
    .bind(version)
    .fetch_optional(conn)
    .await?;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let plain = cipher.open(&object(WINDOWS, &id), 0, &sealed)?;
    serde_json::from_slice(&plain)
        .map(Some)
        .map_err(Error::internal)
}

/// What a correlation remembers, sealed: what takes a while is done before others have to wait.
pub(in super::super) struct SealedWindow {
    id: String,
    version: i64,
    sealed: Vec<u8>,
}

pub(in super::super) fn seal_window(
    cipher: &TenantCipher,
    (rule, version): (Uuid, i64),
    window: &Window,
) -> Result<SealedWindow> {
    let id = text(rule);
    let plain = serde_json::to_vec(window).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(WINDOWS, &id), 0, &plain)?;
    Ok(SealedWindow {
        id,
        version,
        sealed,
    })
}

/// Keeps what a correlation remembers, with the cursor that it stands at.
pub(in super::super) async fn keep_window(
    tx: &mut TenantTx<'_>,
    window: SealedWindow,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO detection_windows (tenant_id, rule_id, version, sealed) \
         VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, rule_id) DO UPDATE SET version = excluded.version, \
                sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(window.id)
    .bind(window.version)
    .bind(window.sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}
