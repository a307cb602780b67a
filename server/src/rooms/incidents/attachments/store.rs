//! The tables of attachments and their parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::super::store::{Cut, cut, damaged, text, uuid};
use super::model::{Attachment, Facts, State, Usage};

const TABLE: &str = "incident_attachments";
const COLUMNS: &str = "attachment_id, incident_id, state, size, committed, created_time, \
     updated_time, sealed";

/// The key of a file's parts.
pub(super) type FileKey = Zeroizing<[u8; 32]>;

/// Some bytes of a file, and the object that they lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Which byte of the file is the first.
    pub(super) start: i64,
    pub(super) id: Uuid,
    pub(super) size: i64,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    facts: Facts,
    key: String,
}

/// What a part's bytes are bound to, besides the tenant and their place.
pub(super) fn part_object(attachment: Uuid, part: Uuid) -> String {
    format!("attachments/{}/{}", text(attachment), text(part))
}

pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    id: Uuid,
) -> Result<Option<(Attachment, FileKey)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incident_attachments \
          WHERE tenant_id = $1 AND attachment_id = $2 AND incident_id = $3"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(text(id))
        .bind(text(incident))
        .fetch_optional(conn)
        .await?;
    row.map(|row| read(&row, cipher)).transpose()
}

/// Up to `limit` of an incident's attachments after the id `after`, oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    after: &str,
    limit: i64,
) -> Result<Cut<Attachment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incident_attachments \
          WHERE tenant_id = $1 AND incident_id = $2 AND attachment_id > $3 AND state = 'attached' \
          ORDER BY attachment_id LIMIT $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(text(incident))
        .bind(after)
        .bind(limit)
        .fetch(conn);
    cut(rows, |row| read(row, cipher).map(|(found, _)| found)).await
}

/// What counts against a new file's limits.
pub(super) async fn usage(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    incident: Uuid,
) -> Result<Usage> {
    let row = sqlx::query(
        "SELECT \
            (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM incident_attachments \
              WHERE tenant_id = $1 AND incident_id = $2) AS incident, \
            (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM incident_attachments \
              WHERE tenant_id = $1) AS tenant, \
            (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM incident_attachments \
              WHERE tenant_id = $1 AND state = 'uploading') AS unfinished, \
            (SELECT COUNT(*) FROM incident_attachments \
              WHERE tenant_id = $1 AND state = 'uploading') AS files",
    )
    .bind(tenant.as_str())
    .bind(text(incident))
    .fetch_one(conn)
    .await?;
    Ok(Usage {
        incident: row.try_get("incident")?,
        tenant: row.try_get("tenant")?,
        unfinished: row.try_get("unfinished")?,
        files: row.try_get("files")?,
    })
}

/// Writes a file that was announced.
pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    attachment: &Attachment,
    key: &FileKey,
) -> Result<()> {
    let plain = Sealed {
        facts: attachment.facts.clone(),
        key: STANDARD.encode(key.as_slice()),
    };
    let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(Error::internal)?);
    let sealed = cipher.seal(&object(TABLE, &text(attachment.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_attachments (tenant_id, attachment_id, incident_id, state, size, \
                committed, created_time, updated_time, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant.as_str())
    .bind(text(attachment.id))
    .bind(text(attachment.incident))
    .bind(attachment.state.as_str())
    .bind(attachment.size)
    .bind(attachment.committed)
    .bind(nanos(attachment.created))
    .bind(nanos(attachment.updated))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that a part is stored; `false` when the file is not where the part begins, since another
/// stream was quicker, or it is finished or gone.
pub(super) async fn add_part(
    tx: &mut TenantTx<'_>,
    attachment: Uuid,
    part: Part,
    now: Timestamp,
) -> Result<bool> {
    let tenant = tx.tenant();
    let moved = sqlx::query(
        "UPDATE incident_attachments SET committed = committed + $4, updated_time = $5 \
          WHERE tenant_id = $1 AND attachment_id = $2 AND committed = $3 AND state = 'uploading' \
            AND committed + $4 <= size",
    )
    .bind(tenant.as_str())
    .bind(text(attachment))
    .bind(part.start)
    .bind(part.size)
    .bind(nanos(now))
    .execute(tx.conn())
    .await?;
    if moved.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO incident_attachment_parts (tenant_id, attachment_id, start, part_id, size) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tenant.as_str())
    .bind(text(attachment))
    .bind(part.start)
    .bind(text(part.id))
    .bind(part.size)
    .execute(tx.conn())
    .await?;
    Ok(true)
}

/// Makes a file whose bytes are all there an attachment; `false` when it is one, or gone.
pub(super) async fn attach(tx: &mut TenantTx<'_>, id: Uuid, now: Timestamp) -> Result<bool> {
    let tenant = tx.tenant();
    let done = sqlx::query(
        "UPDATE incident_attachments SET state = 'attached', updated_time = $3 \
          WHERE tenant_id = $1 AND attachment_id = $2 AND state = 'uploading' AND committed = size",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .bind(nanos(now))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a file that is not finished; its objects are the caller's to delete afterwards. `false`
/// when it is finished meanwhile, or gone.
pub(super) async fn remove(tx: &mut TenantTx<'_>, id: Uuid) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query(
        "DELETE FROM incident_attachment_parts WHERE tenant_id = $1 AND attachment_id IN \
            (SELECT attachment_id FROM incident_attachments \
              WHERE tenant_id = $1 AND attachment_id = $2 AND state = 'uploading')",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .execute(tx.conn())
    .await?;
    let gone = sqlx::query(
        "DELETE FROM incident_attachments \
          WHERE tenant_id = $1 AND attachment_id = $2 AND state = 'uploading'",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .execute(tx.conn())
    .await?;
    Ok(gone.rows_affected() == 1)
}

/// The parts of a file that reach beyond `offset`, in order.
pub(super) async fn parts(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    attachment: Uuid,
    offset: i64,
) -> Result<Vec<Part>> {
    let rows = sqlx::query(
        "SELECT start, part_id, size FROM incident_attachment_parts \
          WHERE tenant_id = $1 AND attachment_id = $2 AND start + size > $3 ORDER BY start",
    )
    .bind(tenant.as_str())
    .bind(text(attachment))
    .bind(offset)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Part {
                start: row.try_get("start")?,
                id: uuid(&row.try_get::<String, _>("part_id")?)?,
                size: row.try_get("size")?,
            })
        })
        .collect()
}

/// Files that are not finished and had no part since `before`.
pub(super) async fn abandoned(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    before: Timestamp,
) -> Result<Vec<Uuid>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT attachment_id FROM incident_attachments \
          WHERE tenant_id = $1 AND state = 'uploading' AND updated_time < $2 LIMIT 1000",
    )
    .bind(tenant.as_str())
    .bind(nanos(before))
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| uuid(id)).collect()
}

/// The ids of all parts that the tenant has.
pub(super) async fn all_parts(conn: &mut AnyConnection, tenant: &TenantId) -> Result<Vec<Uuid>> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT part_id FROM incident_attachment_parts WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_all(conn)
            .await?;
    ids.iter().map(|id| uuid(id)).collect()
}

fn read(row: &AnyRow, cipher: &TenantCipher) -> Result<(Attachment, FileKey)> {
    let id: String = row.try_get("attachment_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = Zeroizing::new(cipher.open(&object(TABLE, &id), 0, &sealed)?);
    let sealed: Sealed = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let mut key = Zeroizing::new([0; 32]);
    let length = STANDARD
        .decode_slice(&sealed.key, key.as_mut_slice())
        .map_err(|_| damaged("key"))?;
    if length != key.len() {
        return Err(damaged("key"));
    }
    let attachment = Attachment {
        id: uuid(&id)?,
        incident: uuid(&row.try_get::<String, _>("incident_id")?)?,
        state: State::from_stored(&row.try_get::<String, _>("state")?)
            .ok_or_else(|| damaged("state"))?,
        size: row.try_get("size")?,
        committed: row.try_get("committed")?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        facts: sealed.facts,
    };
    Ok((attachment, key))
}
