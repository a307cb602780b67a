//! The table of facts: rows come, and none is changed.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::model::{Audience, Change, Fact, Kind, Statement};

/// Who reads: of a tenant's people the database shows nobody who published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    /// To whom it must be stated; `None` for all.
    pub(super) tenant: Option<&'a TenantId>,
    pub(super) staff: bool,
}

impl Reader<'_> {
    fn tenant(&self) -> &str {
        self.tenant.map_or("", TenantId::as_str)
    }

    /// A query on `facts f` by what follows; `$1` is the tenant.
    fn sql(&self, condition: &str) -> String {
        let publisher = match self.staff {
            true => "f.published_by",
            false => "'' AS published_by",
        };
        format!(
            "SELECT f.fact_id, f.version, f.kind, f.audience, f.audience_id, f.service_id, f.region, \
                    f.title, f.text, f.valid_from, f.valid_to, f.withdrawn, f.withdraw_reason, \
                    f.published_time, f.etag, {publisher} \
               FROM facts f \
              WHERE ($1 = '' OR f.audience = 'everyone' \
                     OR (f.audience = 'tenant' AND f.audience_id = $1) \
                     OR (f.audience = 'service' AND EXISTS (SELECT 1 FROM tenant_services s \
                          WHERE s.tenant_id = $1 AND s.service_id = f.audience_id))) \
                AND {condition}"
        )
    }
}

/// What is listed.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) kind: Option<Kind>,
    /// Empty for all.
    pub(super) service: String,
    pub(super) at: Timestamp,
    /// Those too that were withdrawn or whose time was over.
    pub(super) ended: bool,
}

/// A fact as it was stated at a moment.
pub(super) async fn find(
    conn: &mut AnyConnection,
    reader: Reader<'_>,
    id: Uuid,
    at: Timestamp,
) -> Result<Option<Fact>> {
    let sql =
        reader.sql("f.fact_id = $2 AND f.published_time <= $3 ORDER BY f.version DESC LIMIT 1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(reader.tenant())
        .bind(id.hyphenated().to_string())
        .bind(nanos(at))
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A fact's newest version, for one who states it anew.
pub(super) async fn newest(conn: &mut AnyConnection, id: Uuid) -> Result<Option<Fact>> {
    let reader = Reader {
        tenant: None,
        staff: true,
    };
    let sql = reader.sql("f.fact_id = $2 ORDER BY f.version DESC LIMIT 1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(reader.tenant())
        .bind(id.hyphenated().to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// All versions of a fact, newest first.
pub(super) async fn versions(
    conn: &mut AnyConnection,
    reader: Reader<'_>,
    id: Uuid,
    limit: i64,
) -> Result<Vec<Fact>> {
    let sql = reader.sql("f.fact_id = $2 ORDER BY f.version DESC LIMIT $3");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(reader.tenant())
        .bind(id.hyphenated().to_string())
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

/// Up to `limit` facts after the id `after`, as they were stated at a moment.
pub(super) async fn list(
    conn: &mut AnyConnection,
    reader: Reader<'_>,
    wanted: &Wanted,
    after: &str,
    limit: i64,
) -> Result<Vec<Fact>> {
    let sql = reader.sql(
        "f.fact_id > $2 AND f.published_time <= $3 \
         AND NOT EXISTS (SELECT 1 FROM facts n \
              WHERE n.fact_id = f.fact_id AND n.version > f.version AND n.published_time <= $3) \
         AND ($4 = '' OR f.kind = $4) AND ($5 = '' OR f.service_id = $5) \
         AND ($6 = 'yes' OR (f.withdrawn = 0 AND (f.valid_to IS NULL OR f.valid_to > $3))) \
         ORDER BY f.fact_id LIMIT $7",
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(reader.tenant())
        .bind(after)
        .bind(nanos(wanted.at))
        .bind(wanted.kind.map_or("", Kind::as_str))
        .bind(wanted.service.as_str())
        .bind(if wanted.ended { "yes" } else { "" })
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

/// Writes a decided version.
pub(super) async fn apply(conn: &mut AnyConnection, change: &Change) -> Result<()> {
    let fact = change.fact();
    let (audience, audience_id) = match &fact.audience {
        Audience::Everyone => ("everyone", ""),
        Audience::Service(service) => ("service", service.as_str()),
        Audience::Tenant(tenant) => ("tenant", tenant.as_str()),
    };
    let statement = &fact.statement;
    sqlx::query(
        "INSERT INTO facts (fact_id, version, kind, audience, audience_id, service_id, region, title, \
                text, valid_from, valid_to, withdrawn, withdraw_reason, published_time, \
                published_by, etag) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(fact.id.hyphenated().to_string())
    .bind(fact.version)
    .bind(fact.kind.as_str())
    .bind(audience)
    .bind(audience_id)
    .bind(statement.service.as_ref().map_or("", |one| one.as_str()))
    .bind(statement.region.as_str())
    .bind(statement.title.as_str())
    .bind(statement.text.as_str())
    .bind(statement.valid_from)
    .bind(statement.valid_to)
    .bind(i64::from(fact.withdrawn.is_some()))
    .bind(fact.withdrawn.as_deref().unwrap_or_default())
    .bind(nanos(fact.published))
    .bind(fact.publisher.as_str())
    .bind(fact.etag.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Fact> {
    let damaged = |what: &str| Error::internal(format!("a fact's row has a damaged {what}"));
    let text = |column: &str| row.try_get::<String, _>(column);
    let (audience, audience_id) = (text("audience")?, text("audience_id")?);
    let audience = match audience.as_str() {
        "everyone" => Some(Audience::Everyone),
        "service" => audience_id.parse().ok().map(Audience::Service),
        "tenant" => audience_id.parse().ok().map(Audience::Tenant),
        _ => None,
    };
    let kind = text("kind")?;
    let kind = Kind::ALL.into_iter().find(|one| one.as_str() == kind);
    let service = text("service_id")?;
    let service = match service.as_str() {
        "" => None,
        service => Some(service.parse().map_err(|_| damaged("service"))?),
    };
    let withdrawn = row.try_get::<i64, _>("withdrawn")? != 0;
    let reason = text("withdraw_reason")?;
    Ok(Fact {
        id: Uuid::try_parse(&text("fact_id")?).map_err(|_| damaged("id"))?,
        version: row.try_get("version")?,
        kind: kind.ok_or_else(|| damaged("kind"))?,
        audience: audience.ok_or_else(|| damaged("audience"))?,
        statement: Statement {
            service,
            region: text("region")?,
            title: text("title")?,
            text: text("text")?,
            valid_from: row.try_get("valid_from")?,
            valid_to: row.try_get("valid_to")?,
        },
        withdrawn: withdrawn.then_some(reason),
        published: timestamp(row.try_get("published_time")?),
        publisher: text("published_by")?,
        etag: text("etag")?,
    })
}
