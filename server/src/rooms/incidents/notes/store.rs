//! The tables of notes and their keys.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::store::{Cut, cut, text, uuid};
use super::model::{Note, NoteKey};

const KEYS: &str = "note_keys";
const NOTES: &str = "incident_notes";

/// Up to `limit` of the tenant's keys after the id `after`, oldest first.
pub(super) async fn keys(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: &str,
    limit: i64,
) -> Result<Vec<NoteKey>> {
    let rows = sqlx::query(
        "SELECT key_id, created_time, revoked_time, sealed FROM note_keys \
          WHERE tenant_id = $1 AND key_id > $2 ORDER BY key_id LIMIT $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| key(row, cipher)).collect()
}

/// All of them.
pub(super) async fn all_keys(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
) -> Result<Vec<NoteKey>> {
    keys(conn, cipher, "", i64::MAX).await
}

pub(super) async fn insert_key(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    key: &NoteKey,
) -> Result<()> {
    let plain = serde_json::to_vec(&key.facts).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(KEYS, &text(key.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO note_keys (tenant_id, key_id, created_time, revoked_time, sealed) \
         VALUES ($1, $2, $3, NULL, $4)",
    )
    .bind(tenant.as_str())
    .bind(text(key.id))
    .bind(nanos(key.created))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes that a key is revoked.
pub(super) async fn revoke_key(tx: &mut TenantTx<'_>, key: &NoteKey) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("UPDATE note_keys SET revoked_time = $3 WHERE tenant_id = $1 AND key_id = $2")
        .bind(tenant.as_str())
        .bind(text(key.id))
        .bind(key.revoked.map(nanos))
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    id: Uuid,
) -> Result<Option<Note>> {
    let row = sqlx::query(
        "SELECT note_id, incident_id, created_time, sealed FROM incident_notes \
          WHERE tenant_id = $1 AND note_id = $2 AND incident_id = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .bind(text(incident))
    .fetch_optional(conn)
    .await?;
    row.map(|row| note(&row, cipher)).transpose()
}

/// Up to `limit` of an incident's notes after the id `after`, oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    after: &str,
    limit: i64,
) -> Result<Cut<Note>> {
    let rows = sqlx::query(
        "SELECT note_id, incident_id, created_time, sealed FROM incident_notes \
          WHERE tenant_id = $1 AND incident_id = $2 AND note_id > $3 ORDER BY note_id LIMIT $4",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(after)
    .bind(limit)
    .fetch(conn);
    cut(rows, |row| note(row, cipher)).await
}

/// Writes a note, or what it says now.
pub(super) async fn put(tx: &mut TenantTx<'_>, cipher: &TenantCipher, note: &Note) -> Result<()> {
    let plain = serde_json::to_vec(&note.body).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(NOTES, &text(note.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_notes (tenant_id, note_id, incident_id, created_time, sealed) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, note_id) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(note.id))
    .bind(text(note.incident))
    .bind(nanos(note.created))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn key(row: &AnyRow, cipher: &TenantCipher) -> Result<NoteKey> {
    let id: String = row.try_get("key_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(KEYS, &id), 0, &sealed)?;
    Ok(NoteKey {
        id: uuid(&id)?,
        created: timestamp(row.try_get("created_time")?),
        revoked: row
            .try_get::<Option<i64>, _>("revoked_time")?
            .map(timestamp),
        facts: serde_json::from_slice(&plain).map_err(Error::internal)?,
    })
}

fn note(row: &AnyRow, cipher: &TenantCipher) -> Result<Note> {
    let id: String = row.try_get("note_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(NOTES, &id), 0, &sealed)?;
    Ok(Note {
        id: uuid(&id)?,
        incident: uuid(&row.try_get::<String, _>("incident_id")?)?,
        created: timestamp(row.try_get("created_time")?),
        body: serde_json::from_slice(&plain).map_err(Error::internal)?,
    })
}
