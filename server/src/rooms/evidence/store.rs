//! The tables of snapshots and of what was signed of them.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result, TenantId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::model::{Change, Snapshot};

const SNAPSHOTS: &str = "snapshots";
const MANIFESTS: &str = "snapshot_manifests";
/// Bytes of one piece of what was signed.
const PIECE: usize = 1 << 20;

pub(super) fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

pub(super) fn uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(Error::internal)
}

fn read(cipher: &TenantCipher, row: &AnyRow) -> Result<Snapshot> {
    let id: String = row.try_get("snapshot_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(SNAPSHOTS, &id), 0, &sealed)?;
    let snapshot: Snapshot = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let stored: i64 = row.try_get("stored_bytes")?;
    Ok(Snapshot {
        stored: u64::try_from(stored).map_err(Error::internal)?,
        ..snapshot
    })
}

/// One snapshot.
pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Snapshot>> {
    sqlx::query(
        "SELECT snapshot_id, stored_bytes, sealed FROM snapshots \
          WHERE tenant_id = $1 AND snapshot_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?
    .map(|row| read(cipher, &row))
    .transpose()
}

/// Up to `limit` of a tenant's snapshots before the id `before` (empty for the newest), newest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    before: &str,
    limit: i64,
) -> Result<Vec<Snapshot>> {
    let rows = sqlx::query(
        "SELECT snapshot_id, stored_bytes, sealed FROM snapshots \
          WHERE tenant_id = $1 AND ($2 = '' OR snapshot_id < $2) \
          ORDER BY snapshot_id DESC LIMIT $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(cipher, row)).collect()
}

/// When a snapshot was last changed; `None` when there is none.
pub(super) async fn updated(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<i64>> {
    let found = sqlx::query_scalar(
        "SELECT updated_time FROM snapshots WHERE tenant_id = $1 AND snapshot_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// What counts against a new snapshot's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) all: i64,
    pub(super) open: i64,
    /// Bytes that all of them take.
    pub(super) stored: i64,
}

pub(super) async fn usage(conn: &mut AnyConnection, tenant: &TenantId) -> Result<Usage> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS all_of_them, \
                CAST(COALESCE(SUM(CASE WHEN state IN ('requested', 'acquiring') THEN 1 ELSE 0 END), 0) \
                     AS BIGINT) AS open, \
                CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) AS stored \
           FROM snapshots WHERE tenant_id = $1",
    )
    .bind(tenant.as_str())
    .fetch_one(conn)
    .await?;
    Ok(Usage {
        all: row.try_get("all_of_them")?,
        open: row.try_get("open")?,
        stored: row.try_get("stored")?,
    })
}

/// Snapshots of which nothing is to be kept, but something is: such as were called off, failed whole
/// or destroyed, while a server did not live to remove it.
pub(super) async fn leftovers(conn: &mut AnyConnection, tenant: &TenantId) -> Result<Vec<Uuid>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT s.snapshot_id FROM snapshots s \
          WHERE s.tenant_id = $1 AND s.state IN ('cancelled', 'failed', 'deleted') \
            AND EXISTS (SELECT 1 FROM snapshot_pieces p \
                         WHERE p.tenant_id = s.tenant_id AND p.snapshot_id = s.snapshot_id) \
            AND (s.state <> 'failed' OR NOT EXISTS (SELECT 1 FROM snapshot_manifests m \
                         WHERE m.tenant_id = s.tenant_id AND m.part_id = s.snapshot_id || '/0000')) \
          LIMIT 100",
    )
    .bind(tenant.as_str())
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| uuid(id)).collect()
}

/// Writes a decided change.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
) -> Result<()> {
    let snapshot = change.snapshot();
    let id = text(snapshot.id);
    let plain = serde_json::to_vec(snapshot).map_err(Error::internal)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO snapshots (tenant_id, snapshot_id, state, stored_bytes, created_time, \
                updated_time, sealed) \
         VALUES ($1, $2, $3, 0, $4, $5, $6) \
         ON CONFLICT (tenant_id, snapshot_id) DO UPDATE SET state = excluded.state, \
                updated_time = excluded.updated_time, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(snapshot.state.as_str())
    .bind(nanos(snapshot.created))
    .bind(nanos(snapshot.updated))
    .bind(cipher.seal(&object(SNAPSHOTS, &id), 0, &plain)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps what was signed of a snapshot.
pub(super) async fn keep_manifest(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    id: Uuid,
    envelope: &[u8],
) -> Result<()> {
    let tenant = tx.tenant();
    for (number, piece) in envelope.chunks(PIECE).enumerate() {
        let part = format!("{}/{number:04}", text(id));
        sqlx::query(
            "INSERT INTO snapshot_manifests (tenant_id, part_id, sealed) VALUES ($1, $2, $3)",
        )
        .bind(tenant.as_str())
        .bind(part.as_str())
        .bind(cipher.seal(&object(MANIFESTS, &part), 0, piece)?)
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// What was signed of a snapshot; `None` when nothing was.
pub(super) async fn manifest(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Vec<u8>>> {
    let key = text(id);
    let rows = sqlx::query(
        "SELECT part_id, sealed FROM snapshot_manifests \
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
        whole.extend_from_slice(&cipher.open(&object(MANIFESTS, &part), 0, &sealed)?);
    }
    Ok(Some(whole))
}
