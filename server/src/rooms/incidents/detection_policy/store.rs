//! The policy's table, and which incident a finding went to.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::store::{text, uuid};
use super::model::{Hour, Policy, Went};

const TABLE: &str = "detection_policies";
/// A tenant has one.
const ID: &str = "default";
/// For how long incidents count together.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The policy, as it is when none was set.
pub(super) async fn find(conn: &mut AnyConnection, cipher: &TenantCipher) -> Result<Policy> {
    let row = sqlx::query(
        "SELECT enabled, seen_seq, etag, updated_time, sealed FROM detection_policies \
          WHERE tenant_id = $1 AND policy_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(ID)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(Policy::default());
    };
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(TABLE, ID), 0, &sealed)?;
    Ok(Policy {
        enabled: row.try_get::<i64, _>("enabled")? == 1,
        seen: row.try_get("seen_seq")?,
        etag: row.try_get("etag")?,
        updated: Some(timestamp(row.try_get("updated_time")?)),
        said: serde_json::from_slice(&plain).map_err(Error::internal)?,
    })
}

/// Writes the policy.
pub(super) async fn put(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    policy: &Policy,
) -> Result<()> {
    let plain = serde_json::to_vec(&policy.said).map_err(Error::internal)?;
    let sealed = cipher.seal(&object(TABLE, ID), 0, &plain)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO detection_policies (tenant_id, policy_id, enabled, seen_seq, etag, \
                updated_time, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (tenant_id, policy_id) DO UPDATE SET enabled = excluded.enabled, \
                seen_seq = excluded.seen_seq, etag = excluded.etag, \
                updated_time = excluded.updated_time, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(ID)
    .bind(i64::from(policy.enabled))
    .bind(policy.seen)
    .bind(policy.etag.as_str())
    .bind(policy.updated.map_or(0, nanos))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes up to where findings were decided on, if the policy still is what it was; whether it is.
pub(super) async fn advance(tx: &mut TenantTx<'_>, policy: &Policy, to: i64) -> Result<bool> {
    let tenant = tx.tenant();
    let moved = sqlx::query(
        "UPDATE detection_policies SET seen_seq = $5 \
          WHERE tenant_id = $1 AND policy_id = $2 AND etag = $3 AND seen_seq = $4",
    )
    .bind(tenant.as_str())
    .bind(ID)
    .bind(policy.etag.as_str())
    .bind(policy.seen)
    .bind(to)
    .execute(tx.conn())
    .await?;
    Ok(moved.rows_affected() > 0)
}

/// To which incident a finding went, if to any.
pub(super) async fn went(tx: &mut TenantTx<'_>, finding: Uuid) -> Result<Option<Went>> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "SELECT f.incident_id, f.told_count, i.state FROM finding_incidents f \
           JOIN incidents i ON i.tenant_id = f.tenant_id AND i.incident_id = f.incident_id \
          WHERE f.tenant_id = $1 AND f.finding_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(finding))
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        let told: i64 = row.try_get("told_count")?;
        Ok(Went {
            incident: uuid(&row.try_get::<String, _>("incident_id")?)?,
            open: row.try_get::<String, _>("state")? == "open",
            told: u64::try_from(told).unwrap_or(0),
        })
    })
    .transpose()
}

/// How it stands with the incidents of the hour before `now`.
pub(super) async fn hour(tx: &mut TenantTx<'_>, now: Timestamp) -> Result<Hour> {
    let since = nanos(now.checked_sub(HOUR).map_err(Error::internal)?);
    let tenant = tx.tenant();
    let opened: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM finding_incidents \
          WHERE tenant_id = $1 AND kind = 'opened' AND time > $2",
    )
    .bind(tenant.as_str())
    .bind(since)
    .fetch_one(tx.conn())
    .await?;
    let collecting: Option<String> = sqlx::query_scalar(
        "SELECT f.incident_id FROM finding_incidents f \
           JOIN incidents i ON i.tenant_id = f.tenant_id AND i.incident_id = f.incident_id \
          WHERE f.tenant_id = $1 AND f.kind = 'collected' AND f.time > $2 AND i.state = 'open' \
          ORDER BY f.time DESC, f.incident_id DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(since)
    .fetch_optional(tx.conn())
    .await?;
    Ok(Hour {
        opened,
        collecting: collecting.map(|id| uuid(&id)).transpose()?,
    })
}

/// Whether the incident was opened for a finding, or takes those for which there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Opened,
    Collected,
}

/// Notes to which incident a finding went.
pub(super) async fn note_went(
    tx: &mut TenantTx<'_>,
    (finding, incident): (Uuid, Uuid),
    kind: Kind,
    now: Timestamp,
    told: u64,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO finding_incidents (tenant_id, finding_id, incident_id, kind, time, told_count) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, finding_id) DO UPDATE SET incident_id = excluded.incident_id, \
                kind = excluded.kind, time = excluded.time, told_count = excluded.told_count",
    )
    .bind(tenant.as_str())
    .bind(text(finding))
    .bind(text(incident))
    .bind(match kind {
        Kind::Opened => "opened",
        Kind::Collected => "collected",
    })
    .bind(nanos(now))
    .bind(i64::try_from(told).unwrap_or(i64::MAX))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes how many events a finding had when its incident was told.
pub(super) async fn note_told(tx: &mut TenantTx<'_>, finding: Uuid, told: u64) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "UPDATE finding_incidents SET told_count = $3 WHERE tenant_id = $1 AND finding_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(finding))
    .bind(i64::try_from(told).unwrap_or(i64::MAX))
    .execute(tx.conn())
    .await?;
    Ok(())
}
