//! The table of links.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::model::Actor;
use super::super::store::{Cut, cut, text, uuid};

const TABLE: &str = "incident_links";

/// That an incident has to do with something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Link {
    pub(in super::super) id: Uuid,
    pub(in super::super) incident: Uuid,
    /// A name within the tenant's.
    pub(in super::super) resource: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) said: Said,
}

/// What is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Said {
    pub(in super::super) actor: Actor,
    /// What it has to do with it; may be empty.
    pub(in super::super) reason: String,
}

/// The incident's link to `resource`.
pub(super) async fn to(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    resource: &str,
) -> Result<Option<Link>> {
    let row = sqlx::query(
        "SELECT link_id, incident_id, resource, created_time, sealed FROM incident_links \
          WHERE tenant_id = $1 AND incident_id = $2 AND resource = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(resource)
    .fetch_optional(conn)
    .await?;
    row.map(|row| read(&row, cipher)).transpose()
}

pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    id: Uuid,
) -> Result<Option<Link>> {
    let row = sqlx::query(
        "SELECT link_id, incident_id, resource, created_time, sealed FROM incident_links \
          WHERE tenant_id = $1 AND incident_id = $2 AND link_id = $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(text(id))
    .fetch_optional(conn)
    .await?;
    row.map(|row| read(&row, cipher)).transpose()
}

/// Up to `limit` of an incident's links after the id `after`, oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
    after: &str,
    limit: i64,
) -> Result<Cut<Link>> {
    let rows = sqlx::query(
        "SELECT link_id, incident_id, resource, created_time, sealed FROM incident_links \
          WHERE tenant_id = $1 AND incident_id = $2 AND link_id > $3 ORDER BY link_id LIMIT $4",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .bind(after)
    .bind(limit)
    .fetch(conn);
    cut(rows, |row| read(row, cipher)).await
}

pub(super) async fn count(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM incident_links WHERE tenant_id = $1 AND incident_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(incident))
    .fetch_one(conn)
    .await?)
}

pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    link: &Link,
) -> Result<()> {
    let plain = serde_json::to_vec(&link.said).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(TABLE, &text(link.id)), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_links (tenant_id, link_id, incident_id, resource, created_time, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant.as_str())
    .bind(text(link.id))
    .bind(text(link.incident))
    .bind(link.resource.as_str())
    .bind(nanos(link.created))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut TenantTx<'_>, id: Uuid) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("DELETE FROM incident_links WHERE tenant_id = $1 AND link_id = $2")
        .bind(tenant.as_str())
        .bind(text(id))
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn read(row: &AnyRow, cipher: &TenantCipher) -> Result<Link> {
    let id: String = row.try_get("link_id")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(TABLE, &id), 0, &sealed)?;
    Ok(Link {
        id: uuid(&id)?,
        incident: uuid(&row.try_get::<String, _>("incident_id")?)?,
        resource: row.try_get("resource")?,
        created: timestamp(row.try_get("created_time")?),
        said: serde_json::from_slice(&plain).map_err(Error::internal)?,
    })
}
