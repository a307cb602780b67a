//! All of a tenant's rules: its own, and the provider's with what the tenant has said of them. That is
//! the tenant's own row, sealed like its rules; where there is none the provider's word holds.

use std::collections::HashMap;

use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::compiled::Edition;
use super::super::provider_rules::{self, ProviderRule};
use super::model::{Origin, Rule, Version};
use super::store::{self, open, seal, text};

const SETTINGS: &str = "detection_rule_settings";

/// What a tenant has said of one of the provider's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Settings {
    enabled: Option<bool>,
    exceptions: Vec<String>,
    muted_until: Option<Timestamp>,
    updated: Timestamp,
    by: String,
    etag: String,
    /// How many regular expressions its exceptions hold in memory.
    regexes: usize,
}

/// One of the provider's rules as it works for a tenant.
fn of_provider(published: ProviderRule, settings: Option<Settings>) -> Rule {
    let etag = etag(
        &published.etag,
        settings.as_ref().map_or("", |said| said.etag.as_str()),
    );
    let mut rule = Rule {
        id: published.id,
        version: published.version,
        enabled: published.enabled,
        text: published.text,
        exceptions: Vec::new(),
        muted_until: None,
        created: published.created,
        updated: published.updated,
        // Who of the staff it was is the provider's.
        by: String::new(),
        etag,
        regexes: 0,
        origin: Origin::Provider,
        said: None,
    };
    if let Some(said) = settings {
        rule.enabled = said.enabled.unwrap_or(rule.enabled);
        rule.said = said.enabled;
        rule.exceptions = said.exceptions;
        rule.muted_until = said.muted_until;
        rule.updated = rule.updated.max(said.updated);
        rule.by = said.by;
        rule.regexes = said.regexes;
    }
    rule
}

/// Changes with what the provider and with what the tenant has said.
fn etag(published: &str, said: &str) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(published.as_bytes()).update(&[0]);
    hash.update(said.as_bytes());
    let hash = hash.finalize();
    let (half, _) = hash.as_bytes().split_at(16);
    hex::encode(half)
}

fn read(cipher: &TenantCipher, row: &AnyRow) -> Result<(Uuid, Settings)> {
    let id: String = row.try_get("rule_id")?;
    let settings = open(
        cipher,
        (SETTINGS, &id),
        &row.try_get::<Vec<u8>, _>("sealed")?,
    )?;
    Ok((id.parse().map_err(Error::internal)?, settings))
}

async fn said_of(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Settings>> {
    let row = sqlx::query(
        "SELECT rule_id, sealed FROM detection_rule_settings \
          WHERE tenant_id = $1 AND rule_id = $2",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(id))
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(read(cipher, &row)?.1)).transpose()
}

async fn all_said(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
) -> Result<HashMap<Uuid, Settings>> {
    let rows =
        sqlx::query("SELECT rule_id, sealed FROM detection_rule_settings WHERE tenant_id = $1")
            .bind(cipher.tenant().as_str())
            .fetch_all(conn)
            .await?;
    rows.iter().map(|row| read(cipher, row)).collect()
}

/// One rule, the tenant's own or one of the provider's.
pub(in super::super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Rule>> {
    if let Some(own) = store::find(conn, cipher, id).await? {
        return Ok(Some(own));
    }
    let Some(published) = provider_rules::find(conn, id).await? else {
        return Ok(None);
    };
    let said = said_of(conn, cipher, id).await?;
    Ok(Some(of_provider(published, said)))
}

/// Up to `limit` of all rules after the id `after`.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: &str,
    limit: i64,
) -> Result<Vec<Rule>> {
    let mut rules = store::list(conn, cipher, after, limit).await?;
    rules.extend(published(conn, cipher, after, limit).await?);
    // Ids are in the order of time, whose ever they are.
    rules.sort_by_key(|rule| rule.id);
    rules.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rules)
}

async fn published(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: &str,
    limit: i64,
) -> Result<Vec<Rule>> {
    let rules = provider_rules::list(conn, after, limit).await?;
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let mut said = all_said(conn, cipher).await?;
    let rules = rules.into_iter();
    Ok(rules
        .map(|rule| {
            let said = said.remove(&rule.id);
            of_provider(rule, said)
        })
        .collect())
}

/// The rules by which the tenant's events are looked at.
pub(in super::super) async fn enabled(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
) -> Result<Vec<Rule>> {
    let mut rules = store::enabled(conn, cipher).await?;
    let published = published(conn, cipher, "", i64::MAX).await?;
    rules.extend(published.into_iter().filter(|rule| rule.enabled));
    Ok(rules)
}

/// Which rules events are looked at by now, and when each changed last.
pub(in super::super) async fn edition(conn: &mut AnyConnection, tenant: &str) -> Result<Edition> {
    let own = sqlx::query(
        "SELECT rule_id, etag, '' AS said FROM detection_rules \
          WHERE tenant_id = $1 AND enabled = 1 ORDER BY rule_id",
    )
    .bind(tenant)
    .fetch_all(&mut *conn)
    .await?;
    let published = sqlx::query(
        "SELECT p.rule_id, p.etag, COALESCE(s.etag, '') AS said FROM provider_rules p \
           LEFT JOIN detection_rule_settings s ON s.tenant_id = $1 AND s.rule_id = p.rule_id \
          WHERE COALESCE(s.enabled, p.enabled) = 1 ORDER BY p.rule_id",
    )
    .bind(tenant)
    .fetch_all(conn)
    .await?;
    own.iter()
        .chain(&published)
        .map(|row| {
            let id: String = row.try_get("rule_id")?;
            let id = id.parse().map_err(Error::internal)?;
            let (of, said): (String, String) = (row.try_get("etag")?, row.try_get("said")?);
            Ok((id, format!("{of}/{said}")))
        })
        .collect()
}

/// How many regular expressions the tenant's exceptions from the provider's rules hold in memory, but
/// for those from one.
pub(super) async fn regexes(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    but: Uuid,
) -> Result<usize> {
    let all = all_said(conn, cipher).await?;
    let others = all.iter().filter(|(id, _)| **id != but);
    Ok(others.map(|(_, said)| said.regexes).sum())
}

/// The texts that one of the provider's rules has had, newest first.
pub(super) async fn versions(conn: &mut AnyConnection, id: Uuid) -> Result<Vec<Version>> {
    let versions = provider_rules::versions(conn, id).await?.into_iter();
    Ok(versions
        .map(|version| Version {
            by: String::new(),
            ..version
        })
        .collect())
}

/// Keeps what the tenant says of one of the provider's rules, as it is in `rule`, which is called
/// `said` by the tenant's part of its etag; the rule as it is then.
pub(super) async fn apply(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    rule: &Rule,
    said: &str,
) -> Result<Rule> {
    let settings = Settings {
        enabled: rule.said,
        exceptions: rule.exceptions.clone(),
        muted_until: rule.muted_until,
        updated: rule.updated,
        by: rule.by.clone(),
        etag: said.to_owned(),
        regexes: rule.regexes,
    };
    let tenant = tx.tenant();
    let id = text(rule.id);
    sqlx::query(
        "INSERT INTO detection_rule_settings (tenant_id, rule_id, enabled, etag, updated_time, \
                sealed) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, rule_id) DO UPDATE SET enabled = excluded.enabled, \
                etag = excluded.etag, updated_time = excluded.updated_time, \
                sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(settings.enabled.map(i64::from))
    .bind(said)
    .bind(nanos(settings.updated))
    .bind(seal(cipher, (SETTINGS, &id), &settings)?)
    .execute(tx.conn())
    .await?;
    let published = provider_rules::find(tx.conn(), rule.id).await?;
    let published = published.ok_or_else(super::no_such_rule)?;
    Ok(of_provider(published, Some(settings)))
}

/// Whether there is anything for [`forget_withdrawn`].
pub(in super::super) async fn has_withdrawn(
    conn: &mut AnyConnection,
    tenant: &str,
) -> Result<bool> {
    let one: Option<i64> = sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM detection_rule_settings WHERE tenant_id = $1 \
            AND rule_id NOT IN (SELECT rule_id FROM provider_rules) \
         UNION ALL SELECT CAST(1 AS BIGINT) FROM detection_windows WHERE tenant_id = $1 \
            AND rule_id NOT IN (SELECT rule_id FROM provider_rules) \
            AND rule_id NOT IN (SELECT rule_id FROM detection_rules WHERE tenant_id = $1) LIMIT 1",
    )
    .bind(tenant)
    .fetch_optional(conn)
    .await?;
    Ok(one.is_some())
}

/// Forgets what the tenant has said of rules that the provider has withdrawn, and what these counted;
/// how many rows that were.
pub(in super::super) async fn forget_withdrawn(tx: &mut TenantTx<'_>) -> Result<u64> {
    let mut gone = 0;
    for sql in [
        "DELETE FROM detection_rule_settings WHERE tenant_id = $1 \
            AND rule_id NOT IN (SELECT rule_id FROM provider_rules)",
        "DELETE FROM detection_windows WHERE tenant_id = $1 \
            AND rule_id NOT IN (SELECT rule_id FROM provider_rules) \
            AND rule_id NOT IN (SELECT rule_id FROM detection_rules WHERE tenant_id = $1)",
    ] {
        let tenant = tx.tenant();
        let done = sqlx::query(sql).bind(tenant.as_str()).execute(tx.conn());
        gone += done.await?.rows_affected();
    }
    Ok(gone)
}
