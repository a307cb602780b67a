//! The table of staff's notes.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{ProviderTx, nanos, timestamp};
use cordon_kernel::keys::StaffCipher;
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::store::{Cut, cut, text, uuid};

const TABLE: &str = "provider_notes";

/// A note of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProviderNote {
    pub(super) tenant: TenantId,
    pub(super) incident: Uuid,
    pub(super) id: Uuid,
    pub(super) created: Timestamp,
    pub(super) said: Said,
}

/// What is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) text: String,
}

/// What a note is sealed as: also whose incident it is about, which no key says here.
fn sealed_as(tenant: &TenantId, id: &str) -> String {
    object(&format!("{TABLE}/{tenant}"), id)
}

/// Whether the tenant has that incident.
pub(super) async fn has_incident(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    incident: Uuid,
) -> Result<bool> {
    let there: Option<String> = sqlx::query_scalar(
        "SELECT incident_id FROM incidents WHERE tenant_id = $1 AND incident_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(incident))
    .fetch_optional(conn)
    .await?;
    Ok(there.is_some())
}

pub(super) async fn insert(
    tx: &mut ProviderTx<'_>,
    cipher: &StaffCipher,
    note: &ProviderNote,
) -> Result<()> {
    let plain = serde_json::to_vec(&note.said).map_err(Error::internal)?;
    let id = text(note.id);
    let sealed = cipher.seal(&sealed_as(&note.tenant, &id), &plain)?;
    sqlx::query(
        "INSERT INTO provider_notes (tenant_id, note_id, incident_id, created_time, sealed) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(note.tenant.as_str())
    .bind(id)
    .bind(text(note.incident))
    .bind(nanos(note.created))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Up to `limit` notes about an incident after the id `after`, oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &StaffCipher,
    tenant: &TenantId,
    incident: Uuid,
    after: &str,
    limit: i64,
) -> Result<Cut<ProviderNote>> {
    let rows = sqlx::query(
        "SELECT note_id, created_time, sealed FROM provider_notes \
          WHERE tenant_id = $1 AND incident_id = $2 AND note_id > $3 ORDER BY note_id LIMIT $4",
    )
    .bind(tenant.as_str())
    .bind(text(incident))
    .bind(after)
    .bind(limit)
    .fetch(conn);
    cut(rows, |row| {
        let id: String = row.try_get("note_id")?;
        let sealed: Vec<u8> = row.try_get("sealed")?;
        let plain = cipher.open(&sealed_as(tenant, &id), &sealed)?;
        Ok(ProviderNote {
            tenant: tenant.clone(),
            incident,
            id: uuid(&id)?,
            created: timestamp(row.try_get("created_time")?),
            said: serde_json::from_slice(&plain).map_err(Error::internal)?,
        })
    })
    .await
}
