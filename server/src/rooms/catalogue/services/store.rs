//! The table of tenants' services.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::model::{Change, Effect, MAX_SERVICES, Service};
use cordon_attack::ServiceModel;

/// A kind of records, as it is written down.
#[derive(Serialize, Deserialize)]
struct Source {
    source_type: String,
    access: String,
}

/// Up to `limit` of a tenant's services after one, by id.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Service>> {
    let rows = sqlx::query(
        "SELECT service_id, service_model, created_time, sources FROM tenant_services \
          WHERE tenant_id = $1 AND service_id > $2 ORDER BY service_id LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(row, tenant)).collect()
}

/// All of a tenant's services, by id.
pub(in super::super) async fn all(
    conn: &mut AnyConnection,
    tenant: &TenantId,
) -> Result<Vec<Service>> {
    let most = i64::try_from(MAX_SERVICES).unwrap_or(i64::MAX);
    list(conn, tenant, "", most).await
}

/// Writes a decided change.
pub(super) async fn apply(conn: &mut AnyConnection, change: &Change) -> Result<()> {
    match change.effect() {
        Effect::Insert(service) => {
            let sources = service.sources.iter().map(|(source_type, access)| Source {
                source_type: source_type.as_str().to_owned(),
                access: access.as_str().to_owned(),
            });
            let sources: Vec<_> = sources.collect();
            let sources = serde_json::to_string(&sources).map_err(Error::internal)?;
            sqlx::query(
                "INSERT INTO tenant_services (tenant_id, service_id, service_model, created_time, \
                        sources) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(service.tenant.as_str())
            .bind(service.id.as_str())
            .bind(service.model.as_str())
            .bind(nanos(service.created))
            .bind(sources)
            .execute(conn)
            .await?;
        }
        Effect::Delete(tenant, id) => {
            sqlx::query("DELETE FROM tenant_services WHERE tenant_id = $1 AND service_id = $2")
                .bind(tenant.as_str())
                .bind(id.as_str())
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

fn read(row: &AnyRow, tenant: &TenantId) -> Result<Service> {
    let damaged = |what: &str| Error::internal(format!("a service's row has a damaged {what}"));
    let text = |column: &str| row.try_get::<String, _>(column);
    let model = text("service_model")?;
    let model = ServiceModel::ALL
        .into_iter()
        .find(|one| one.as_str() == model);
    let sources: Vec<Source> = serde_json::from_str(&text("sources")?).map_err(Error::internal)?;
    let sources = sources.iter().map(|source| {
        let source_type = source.source_type.parse();
        let access = source.access.parse();
        Some((source_type.ok()?, access.ok()?))
    });
    Ok(Service {
        tenant: tenant.clone(),
        id: text("service_id")?.parse().map_err(|_| damaged("id"))?,
        model: model.ok_or_else(|| damaged("model"))?,
        sources: sources
            .collect::<Option<_>>()
            .ok_or_else(|| damaged("source"))?,
        created: timestamp(row.try_get("created_time")?),
    })
}
