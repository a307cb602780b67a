//! The table of resources.

use std::fmt::Write as _;

use cordon_kernel::db::{ProviderTx, nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::super::validity::{Ending, Validity};
use super::identifier::{Identifier, Kind};
use super::model::{Change, Effect, Resource, Wanted, wants_addresses, wants_networks};

/// Identifiers that are asked for in one statement.
const CHUNK: usize = 500;

/// Every registration, by anyone, that an import of `wanted` has to mind: in a provider's
/// transaction only.
pub(super) async fn known(conn: &mut AnyConnection, wanted: &[Wanted]) -> Result<Vec<Resource>> {
    let mut known = Vec::new();
    let networks = wants_networks(wanted);
    for kind in [Kind::Arn, Kind::Instance, Kind::Address, Kind::Other] {
        if kind == Kind::Address && networks {
            continue; // all of them are read below
        }
        let of_kind: Vec<&Wanted> = wanted
            .iter()
            .filter(|w| w.identifier.kind() == kind)
            .collect();
        for chunk in of_kind.chunks(CHUNK) {
            let mut statement = String::from(
                "SELECT tenant_id, resource_id, kind, identifier, valid_from, valid_to FROM resources \
                  WHERE kind = $1 AND identifier IN (",
            );
            for n in 0..chunk.len() {
                let _ = write!(statement, "{}${}", if n == 0 { "" } else { ", " }, n + 2);
            }
            statement.push(')');
            // The text is made of our own words and numbers alone.
            let mut query = sqlx::query(AssertSqlSafe(statement)).bind(kind.as_str());
            for wish in chunk {
                query = query.bind(wish.identifier.as_str());
            }
            let rows = query.fetch_all(&mut *conn).await?;
            for row in &rows {
                known.push(read(row)?);
            }
        }
    }
    if wants_addresses(wanted) {
        // Single addresses lie in networks only; networks contain anything.
        let statement = if networks {
            "SELECT tenant_id, resource_id, kind, identifier, valid_from, valid_to FROM resources \
              WHERE kind = 'address'"
        } else {
            "SELECT tenant_id, resource_id, kind, identifier, valid_from, valid_to FROM resources \
              WHERE kind = 'address' AND identifier LIKE '%/%'"
        };
        let rows = sqlx::query(statement).fetch_all(&mut *conn).await?;
        for row in &rows {
            known.push(read(row)?);
        }
    }
    Ok(known)
}

/// One resource of the tenant.
pub(super) async fn find(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<Resource>> {
    let row = sqlx::query(
        "SELECT tenant_id, resource_id, kind, identifier, valid_from, valid_to FROM resources \
          WHERE tenant_id = $1 AND resource_id = $2",
    )
    .bind(tenant.as_str())
    .bind(id.hyphenated().to_string())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Up to `limit` of the tenant's resources after one, by id.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Resource>> {
    let rows = sqlx::query(
        "SELECT tenant_id, resource_id, kind, identifier, valid_from, valid_to FROM resources \
          WHERE tenant_id = $1 AND resource_id > $2 ORDER BY resource_id LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Writes a decided change. The transaction is then about the tenant.
pub(super) async fn apply(tx: &mut ProviderTx<'_>, change: &Change, now: Timestamp) -> Result<()> {
    match change.effect() {
        Effect::Insert { tenant, new, .. } => {
            for wish in new {
                let from = wish.validity.start().map_or(Timestamp::MIN, timestamp);
                let to = wish.validity.to().map(timestamp);
                let (kind, text) = (wish.identifier.kind().as_str(), wish.identifier.as_str());
                tx.add_resource(tenant, kind, text, from, to).await?;
            }
            tx.about(tenant);
        }
        Effect::End(resource, ending) => {
            let etag = tx.etag();
            let query = match ending {
                Ending::At(end) => sqlx::query(
                    "UPDATE resources SET valid_to = $3, updated_time = $4, etag = $5 \
                      WHERE tenant_id = $1 AND resource_id = $2",
                )
                .bind(resource.tenant.as_str())
                .bind(resource.id.hyphenated().to_string())
                .bind(*end)
                .bind(nanos(now))
                .bind(etag),
                Ending::Never | Ending::Already => {
                    sqlx::query("DELETE FROM resources WHERE tenant_id = $1 AND resource_id = $2")
                        .bind(resource.tenant.as_str())
                        .bind(resource.id.hyphenated().to_string())
                }
            };
            query.execute(tx.conn()).await?;
            tx.about(&resource.tenant);
        }
    }
    Ok(())
}

fn read(row: &AnyRow) -> Result<Resource> {
    let damaged = |what: &str| Error::internal(format!("a resource's row has a damaged {what}"));
    let kind: Kind = row
        .try_get::<String, _>("kind")?
        .parse()
        .map_err(|_| damaged("kind"))?;
    let text: String = row.try_get("identifier")?;
    let from: i64 = row.try_get("valid_from")?;
    Ok(Resource {
        tenant: row
            .try_get::<String, _>("tenant_id")?
            .parse()
            .map_err(|_| damaged("tenant"))?,
        id: Uuid::try_parse(&row.try_get::<String, _>("resource_id")?)
            .map_err(|_| damaged("id"))?,
        identifier: Identifier::parse(kind, &text).map_err(|_| damaged("identifier"))?,
        validity: Validity::new(Some(from), row.try_get("valid_to")?)
            .ok_or_else(|| damaged("validity"))?,
    })
}
