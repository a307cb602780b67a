//! The tables of the provider's rules. They are plain: every tenant reads the texts, and nothing of
//! any tenant stands in them.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::rules::Version;
use super::model::{Change, ProviderRule};
use crate::rooms::requests::{RequestId, oldest};

/// Versions of a rule that are kept.
const KEPT: i64 = 100;

/// A rule, or a version of one, as it stands in its row.
#[derive(Serialize, Deserialize)]
struct Document {
    text: String,
    by: String,
    #[serde(default)]
    regexes: usize,
}

fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

const COLUMNS: &str =
    "rule_id, version, enabled, etag, created_time, updated_time, document FROM provider_rules";

fn read(row: &AnyRow) -> Result<ProviderRule> {
    let id: String = row.try_get("rule_id")?;
    let document: String = row.try_get("document")?;
    let document: Document = serde_json::from_str(&document).map_err(Error::internal)?;
    Ok(ProviderRule {
        id: id.parse().map_err(Error::internal)?,
        version: row.try_get("version")?,
        enabled: row.try_get::<i64, _>("enabled")? == 1,
        text: document.text,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        by: document.by,
        etag: row.try_get("etag")?,
        regexes: document.regexes,
    })
}

/// One rule.
pub(in super::super) async fn find(
    conn: &mut AnyConnection,
    id: Uuid,
) -> Result<Option<ProviderRule>> {
    let sql = format!("SELECT {COLUMNS} WHERE rule_id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(text(id))
        .fetch_optional(conn)
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Up to `limit` rules after the id `after`, in the order in which they were published.
pub(in super::super) async fn list(
    conn: &mut AnyConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<ProviderRule>> {
    let sql = format!("SELECT {COLUMNS} WHERE rule_id > $1 ORDER BY rule_id LIMIT $2");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

/// The texts that a rule has had, newest first.
pub(in super::super) async fn versions(
    conn: &mut AnyConnection,
    rule: Uuid,
) -> Result<Vec<Version>> {
    let rows = sqlx::query(
        "SELECT version, created_time, document FROM provider_rule_versions \
          WHERE rule_id = $1 ORDER BY version DESC LIMIT $2",
    )
    .bind(text(rule))
    .bind(KEPT)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let document: String = row.try_get("document")?;
            let document: Document = serde_json::from_str(&document).map_err(Error::internal)?;
            Ok(Version {
                version: row.try_get("version")?,
                text: document.text,
                created: timestamp(row.try_get("created_time")?),
                by: document.by,
            })
        })
        .collect()
}

/// Writes a decided change.
pub(super) async fn apply(conn: &mut AnyConnection, change: &Change) -> Result<()> {
    let rule = change.rule();
    let document = Document {
        text: rule.text.clone(),
        by: rule.by.clone(),
        regexes: rule.regexes,
    };
    sqlx::query(
        "INSERT INTO provider_rules (rule_id, version, enabled, etag, created_time, updated_time, \
                document) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (rule_id) DO UPDATE SET version = excluded.version, \
                enabled = excluded.enabled, etag = excluded.etag, \
                updated_time = excluded.updated_time, document = excluded.document",
    )
    .bind(text(rule.id))
    .bind(rule.version)
    .bind(i64::from(rule.enabled))
    .bind(rule.etag.as_str())
    .bind(nanos(rule.created))
    .bind(nanos(rule.updated))
    .bind(serde_json::to_string(&document).map_err(Error::internal)?)
    .execute(&mut *conn)
    .await?;
    let Some(version) = change.version() else {
        return Ok(());
    };
    let document = Document {
        text: version.text,
        by: version.by,
        regexes: 0,
    };
    sqlx::query(
        "INSERT INTO provider_rule_versions (rule_id, version, created_time, document) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(text(rule.id))
    .bind(version.version)
    .bind(nanos(version.created))
    .bind(serde_json::to_string(&document).map_err(Error::internal)?)
    .execute(&mut *conn)
    .await?;
    sqlx::query("DELETE FROM provider_rule_versions WHERE rule_id = $1 AND version <= $2")
        .bind(text(rule.id))
        .bind(version.version - KEPT)
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes a rule and its versions.
pub(super) async fn delete(conn: &mut AnyConnection, rule: Uuid) -> Result<()> {
    for sql in [
        "DELETE FROM provider_rule_versions WHERE rule_id = $1",
        "DELETE FROM provider_rules WHERE rule_id = $1",
    ] {
        sqlx::query(sql)
            .bind(text(rule))
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// The rule that a call of this name was about, if there was one within a day.
///
/// # Errors
/// `ALREADY_EXISTS` when the name was used for something else.
pub(super) async fn requested(
    conn: &mut AnyConnection,
    request: &RequestId,
    now: Timestamp,
) -> Result<Option<Uuid>> {
    let Some((name, hash)) = request.named() else {
        return Ok(None);
    };
    let row = sqlx::query(
        "SELECT request_hash, rule_id FROM provider_rule_requests \
          WHERE request_id = $1 AND created_time > $2",
    )
    .bind(name)
    .bind(oldest(now))
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    if row.try_get::<String, _>("request_hash")? != hash {
        return Err(RequestId::used());
    }
    let id: String = row.try_get("rule_id")?;
    id.parse().map(Some).map_err(Error::internal)
}

/// Notes that a call was done, with its effect, and forgets what is too old.
pub(super) async fn note_request(
    conn: &mut AnyConnection,
    request: &RequestId,
    id: Uuid,
    now: Timestamp,
) -> Result<()> {
    let Some((name, hash)) = request.named() else {
        return Ok(());
    };
    sqlx::query("DELETE FROM provider_rule_requests WHERE created_time <= $1")
        .bind(oldest(now))
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO provider_rule_requests (request_id, request_hash, rule_id, created_time) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(name)
    .bind(hash)
    .bind(text(id))
    .bind(nanos(now))
    .execute(conn)
    .await?;
    Ok(())
}
