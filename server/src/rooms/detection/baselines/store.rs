//! The tables of baselines: how far they have come, and the model's parts, sealed.

use std::collections::BTreeMap;

use cordon_baseline::Part;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

const PARTS: &str = "detection_baseline_parts";

/// How it stands with a tenant's baselines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Baselines {
    pub(super) enabled: bool,
    /// Counts how often it was begun anew.
    pub(super) edition: i64,
    /// Events up to here were learned from.
    pub(super) learned: u64,
    pub(super) learned_time: Option<Timestamp>,
    /// How often the model was too full.
    pub(super) crowded: i64,
    pub(super) etag: String,
}

fn id(part: Part) -> String {
    format!("{:02}", part.number())
}

pub(super) async fn find(conn: &mut AnyConnection, tenant: &str) -> Result<Baselines> {
    let row = sqlx::query(
        "SELECT enabled, edition, learned_seq, learned_time, crowded_count, etag \
           FROM detection_baselines WHERE tenant_id = $1",
    )
    .bind(tenant)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(Baselines::default());
    };
    let learned: i64 = row.try_get("learned_seq")?;
    Ok(Baselines {
        enabled: row.try_get::<i64, _>("enabled")? == 1,
        edition: row.try_get("edition")?,
        learned: u64::try_from(learned).map_err(Error::internal)?,
        learned_time: row
            .try_get::<Option<i64>, _>("learned_time")?
            .map(timestamp),
        crowded: row.try_get("crowded_count")?,
        etag: row.try_get("etag")?,
    })
}

/// Writes how it stands.
pub(super) async fn put(tx: &mut TenantTx<'_>, baselines: &Baselines) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO detection_baselines (tenant_id, enabled, edition, learned_seq, learned_time, \
                crowded_count, etag) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (tenant_id) DO UPDATE SET enabled = excluded.enabled, \
                edition = excluded.edition, learned_seq = excluded.learned_seq, \
                learned_time = excluded.learned_time, crowded_count = excluded.crowded_count, \
                etag = excluded.etag",
    )
    .bind(tenant.as_str())
    .bind(i64::from(baselines.enabled))
    .bind(baselines.edition)
    .bind(i64::try_from(baselines.learned).map_err(Error::internal)?)
    .bind(baselines.learned_time.map(nanos))
    .bind(baselines.crowded)
    .bind(baselines.etag.as_str())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes up to where events were learned from, unless it was begun anew or another was faster;
/// whether it was noted.
pub(super) async fn advance(
    tx: &mut TenantTx<'_>,
    before: &Baselines,
    (to, crowded, now): (u64, u64, Timestamp),
) -> Result<bool> {
    let tenant = tx.tenant();
    let moved = sqlx::query(
        "UPDATE detection_baselines SET learned_seq = $4, learned_time = $5, \
                crowded_count = crowded_count + $6 \
          WHERE tenant_id = $1 AND edition = $2 AND learned_seq = $3 AND enabled = 1",
    )
    .bind(tenant.as_str())
    .bind(before.edition)
    .bind(i64::try_from(before.learned).map_err(Error::internal)?)
    .bind(i64::try_from(to).map_err(Error::internal)?)
    .bind(nanos(now))
    .bind(i64::try_from(crowded).unwrap_or(i64::MAX))
    .execute(tx.conn())
    .await?;
    Ok(moved.rows_affected() > 0)
}

/// Parts as they are kept; those that never were are missing.
pub(super) async fn parts(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    wanted: &[Part],
) -> Result<BTreeMap<Part, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for part in wanted {
        let part_id = id(*part);
        let sealed: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT sealed FROM detection_baseline_parts WHERE tenant_id = $1 AND part_id = $2",
        )
        .bind(cipher.tenant().as_str())
        .bind(part_id.as_str())
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(sealed) = sealed {
            let plain = cipher.open(&object(PARTS, &part_id), 0, &sealed)?;
            found.insert(*part, plain.to_vec());
        }
    }
    Ok(found)
}

/// How many parts there are, and their bytes.
pub(super) async fn size(conn: &mut AnyConnection, tenant: &str) -> Result<(i64, i64)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS parts, CAST(COALESCE(SUM(LENGTH(sealed)), 0) AS BIGINT) AS bytes \
           FROM detection_baseline_parts WHERE tenant_id = $1",
    )
    .bind(tenant)
    .fetch_one(conn)
    .await?;
    Ok((row.try_get("parts")?, row.try_get("bytes")?))
}

/// A part, sealed: what takes a while is done before others have to wait.
pub(super) struct SealedPart {
    id: String,
    sealed: Vec<u8>,
}

pub(super) fn seal(cipher: &TenantCipher, part: Part, plain: &[u8]) -> Result<SealedPart> {
    let id = id(part);
    let sealed = cipher.seal(&object(PARTS, &id), 0, plain)?;
    Ok(SealedPart { id, sealed })
}

pub(super) async fn keep(tx: &mut TenantTx<'_>, part: SealedPart) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO detection_baseline_parts (tenant_id, part_id, sealed) VALUES ($1, $2, $3) \
         ON CONFLICT (tenant_id, part_id) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(part.id)
    .bind(part.sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets what was learned.
pub(super) async fn forget(tx: &mut TenantTx<'_>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("DELETE FROM detection_baseline_parts WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}
