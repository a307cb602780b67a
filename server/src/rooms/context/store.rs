//! The tables of what a tenant tells. All that it says is sealed; what kind it is of and whether it is
//! a crown jewel is not, so that they can be counted.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Reason, Result};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::model::{Change, ContextKind, Entry};

const ENTRIES: &str = "context_entries";

pub(super) fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn open(cipher: &TenantCipher, id: &str, sealed: &[u8]) -> Result<Entry> {
    let plain = cipher.open(&object(ENTRIES, id), 0, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

fn read(cipher: &TenantCipher, row: &AnyRow) -> Result<Entry> {
    let id: String = row.try_get("entry_id")?;
    open(cipher, &id, &row.try_get::<Vec<u8>, _>("sealed")?)
}

/// By what an entry's name is found without being readable.
fn name_key(cipher: &TenantCipher, kind: ContextKind, display_name: &str) -> String {
    let parts: [&[u8]; 3] = [
        b"context",
        kind.as_str().as_bytes(),
        display_name.as_bytes(),
    ];
    cipher.event_name(&parts).to_string()
}

/// One entry.
pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Entry>> {
    sqlx::query(
        "SELECT entry_id, sealed FROM context_entries WHERE tenant_id = $1 AND entry_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?
    .map(|row| read(cipher, &row))
    .transpose()
}

/// The entry of a kind that has this display name.
pub(super) async fn named(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    kind: ContextKind,
    display_name: &str,
) -> Result<Option<Entry>> {
    sqlx::query(
        "SELECT entry_id, sealed FROM context_entries WHERE tenant_id = $1 AND name_key = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(name_key(cipher, kind, display_name))
    .fetch_optional(conn)
    .await?
    .map(|row| read(cipher, &row))
    .transpose()
}

/// Up to `limit` of a tenant's entries after the id `after`, of one kind or of all.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    kind: Option<ContextKind>,
    after: &str,
    limit: i64,
) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "SELECT entry_id, sealed FROM context_entries \
          WHERE tenant_id = $1 AND ($2 = '' OR kind = $2) AND entry_id > $3 \
          ORDER BY entry_id LIMIT $4",
    )
    .bind(cipher.tenant().as_str())
    .bind(kind.map_or("", ContextKind::as_str))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(cipher, row)).collect()
}

/// How many entries of a kind a tenant has.
pub(super) async fn count(
    conn: &mut AnyConnection,
    tenant: &str,
    kind: ContextKind,
) -> Result<i64> {
    let sql = "SELECT count(*) FROM context_entries WHERE tenant_id = $1 AND kind = $2";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(kind.as_str())
        .fetch_one(conn)
        .await?)
}

/// How many crown jewels a tenant has named.
pub(super) async fn crown_jewels(conn: &mut AnyConnection, tenant: &str) -> Result<i64> {
    let sql = "SELECT count(*) FROM context_entries \
                WHERE tenant_id = $1 AND kind = 'asset' AND crown_jewel = 1";
    Ok(sqlx::query_scalar(sql).bind(tenant).fetch_one(conn).await?)
}

/// How often what a tenant tells has changed; `None` if it never told anything.
pub(super) async fn edition(conn: &mut AnyConnection, tenant: &str) -> Result<Option<i64>> {
    Ok(
        sqlx::query_scalar("SELECT edition FROM context_heads WHERE tenant_id = $1")
            .bind(tenant)
            .fetch_optional(conn)
            .await?,
    )
}

/// Counts a change. Who has counted keeps others from changing anything until the transaction ends,
/// so that nobody tells more than there can be.
pub(super) async fn advance(tx: &mut TenantTx<'_>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO context_heads (tenant_id, edition) VALUES ($1, 1) \
         ON CONFLICT (tenant_id) DO UPDATE SET edition = context_heads.edition + 1",
    )
    .bind(tenant.as_str())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes a decided change.
///
/// # Errors
/// `ALREADY_EXISTS` when another entry of the kind has its display name.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
) -> Result<()> {
    let entry = change.entry();
    let kind = entry.about.kind();
    let other = named(tx.conn(), cipher, kind, &entry.display_name).await?;
    if other.is_some_and(|other| other.id != entry.id) {
        return Err(Error::new(
            Reason::AlreadyExists,
            "another entry of the kind has this name: change that one, or choose another name",
        )
        .with_violation("context_entry.display_name", "is another entry's"));
    }
    let id = text(entry.id);
    let plain = serde_json::to_vec(entry).map_err(Error::internal)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO context_entries (tenant_id, entry_id, kind, name_key, crown_jewel, etag, \
                updated_time, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (tenant_id, entry_id) DO UPDATE SET name_key = excluded.name_key, \
                crown_jewel = excluded.crown_jewel, etag = excluded.etag, \
                updated_time = excluded.updated_time, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(kind.as_str())
    .bind(name_key(cipher, kind, &entry.display_name))
    .bind(i64::from(entry.about.crown_jewel()))
    .bind(entry.etag.as_str())
    .bind(nanos(entry.updated))
    .bind(cipher.seal(&object(ENTRIES, &id), 0, &plain)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes an entry.
pub(super) async fn delete(tx: &mut TenantTx<'_>, id: Uuid) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("DELETE FROM context_entries WHERE tenant_id = $1 AND entry_id = $2")
        .bind(tenant.as_str())
        .bind(text(id))
        .execute(tx.conn())
        .await?;
    Ok(())
}
