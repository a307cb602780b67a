//! The tables of rules. Texts and exceptions are sealed: they tell what somebody is afraid of.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::model::{Change, Rule, Version};

const RULES: &str = "detection_rules";
const VERSIONS: &str = "detection_rule_versions";
/// Versions of a rule that are kept.
const KEPT: i64 = 100;

pub(super) fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn version_id(rule: Uuid, version: i64) -> String {
    format!("{}/{version:010}", text(rule))
}

pub(super) fn open<T: DeserializeOwned>(
    cipher: &TenantCipher,
    (table, id): (&str, &str),
    sealed: &[u8],
) -> Result<T> {
    let plain = cipher.open(&object(table, id), 0, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

pub(super) fn seal(
    cipher: &TenantCipher,
    (table, id): (&str, &str),
    value: &impl Serialize,
) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(value).map_err(Error::internal)?;
    cipher.seal(&object(table, id), 0, &plain)
}

/// One rule.
pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Rule>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT sealed FROM detection_rules WHERE tenant_id = $1 AND rule_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?;
    sealed
        .map(|sealed| open(cipher, (RULES, &text(id)), &sealed))
        .transpose()
}

/// Up to `limit` of a tenant's rules after the id `after`.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: &str,
    limit: i64,
) -> Result<Vec<Rule>> {
    read(
        conn,
        cipher,
        "SELECT rule_id, sealed FROM detection_rules \
          WHERE tenant_id = $1 AND rule_id > $2 ORDER BY rule_id LIMIT $3",
        (after, limit),
    )
    .await
}

/// The rules by which events are looked at.
pub(super) async fn enabled(conn: &mut AnyConnection, cipher: &TenantCipher) -> Result<Vec<Rule>> {
    read(
        conn,
        cipher,
        "SELECT rule_id, sealed FROM detection_rules \
          WHERE tenant_id = $1 AND rule_id > $2 AND enabled = 1 ORDER BY rule_id LIMIT $3",
        ("", i64::MAX),
    )
    .await
}

async fn read(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    sql: &'static str,
    (after, limit): (&str, i64),
) -> Result<Vec<Rule>> {
    let rows = sqlx::query(sql)
        .bind(cipher.tenant().as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get("rule_id")?;
            open(cipher, (RULES, &id), &row.try_get::<Vec<u8>, _>("sealed")?)
        })
        .collect()
}

/// How many rules a tenant has.
pub(super) async fn count(conn: &mut AnyConnection, tenant: &str) -> Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM detection_rules WHERE tenant_id = $1")
            .bind(tenant)
            .fetch_one(conn)
            .await?,
    )
}

/// The texts that a rule has had, newest first.
pub(super) async fn versions(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    rule: Uuid,
) -> Result<Vec<Version>> {
    let rows = sqlx::query(
        "SELECT version_id, sealed FROM detection_rule_versions \
          WHERE tenant_id = $1 AND rule_id = $2 ORDER BY version_id DESC LIMIT $3",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(rule))
    .bind(KEPT)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get("version_id")?;
            open(
                cipher,
                (VERSIONS, &id),
                &row.try_get::<Vec<u8>, _>("sealed")?,
            )
        })
        .collect()
}

/// Writes a decided change.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    change: &Change,
) -> Result<()> {
    let rule = change.rule();
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO detection_rules (tenant_id, rule_id, version, enabled, etag, created_time, \
                updated_time, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (tenant_id, rule_id) DO UPDATE SET version = excluded.version, \
                enabled = excluded.enabled, etag = excluded.etag, \
                updated_time = excluded.updated_time, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(rule.id))
    .bind(rule.version)
    .bind(i64::from(rule.enabled))
    .bind(rule.etag.as_str())
    .bind(nanos(rule.created))
    .bind(nanos(rule.updated))
    .bind(seal(cipher, (RULES, &text(rule.id)), rule)?)
    .execute(tx.conn())
    .await?;
    let Some(version) = change.version() else {
        return Ok(());
    };
    let id = version_id(rule.id, version.version);
    sqlx::query(
        "INSERT INTO detection_rule_versions (tenant_id, version_id, rule_id, created_time, sealed) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(text(rule.id))
    .bind(nanos(version.created))
    .bind(seal(cipher, (VERSIONS, &id), &version)?)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "DELETE FROM detection_rule_versions \
          WHERE tenant_id = $1 AND rule_id = $2 AND version_id <= $3",
    )
    .bind(tenant.as_str())
    .bind(text(rule.id))
    .bind(version_id(rule.id, (version.version - KEPT).max(0)))
    .execute(tx.conn())
    .await?;
    forget_window(tx, rule.id).await
}

/// Removes a rule, what it remembers and its versions.
pub(super) async fn delete(tx: &mut TenantTx<'_>, rule: Uuid) -> Result<()> {
    forget_window(tx, rule).await?;
    for sql in [
        "DELETE FROM detection_rule_versions WHERE tenant_id = $1 AND rule_id = $2",
        "DELETE FROM detection_rules WHERE tenant_id = $1 AND rule_id = $2",
    ] {
        let tenant = tx.tenant();
        sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(text(rule))
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// What a correlation remembers is of the text that it had.
async fn forget_window(tx: &mut TenantTx<'_>, rule: Uuid) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query("DELETE FROM detection_windows WHERE tenant_id = $1 AND rule_id = $2")
        .bind(tenant.as_str())
        .bind(text(rule))
        .execute(tx.conn())
        .await?;
    Ok(())
}
