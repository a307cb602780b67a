//! The table of tenants.

use cordon_kernel::audit::AuditRecord;
use cordon_kernel::db::registers;
use cordon_kernel::db::{ProviderTx, nanos, timestamp};
use cordon_kernel::keys::NewKeys;
use cordon_kernel::{Action, Error, Name, Result, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::model::{Before, Change, Effect, NewTenant, State, Tenant};

/// Under which detail an entry about a creation keeps the request's id.
pub(super) const REQUEST_ID: &str = "request_id";

/// The tenant of that id, deleted ones included.
pub(in super::super) async fn find(
    conn: &mut AnyConnection,
    id: &TenantId,
) -> Result<Option<Tenant>> {
    let row = sqlx::query(
        "SELECT tenant_id, display_name, status, parent, home_region, billing_organisation, created_time, \
                updated_time, purge_time, etag \
           FROM tenants WHERE tenant_id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read).transpose()
}

/// The tenant that was created under a request id since `since`. The provider's log knows: its entry
/// was committed with the tenant. No tenant since then, no look into the log.
async fn repeated(
    conn: &mut AnyConnection,
    request_id: &str,
    since: Timestamp,
) -> Result<Option<Tenant>> {
    let recent: i64 = sqlx::query_scalar("SELECT count(*) FROM tenants WHERE created_time >= $1")
        .bind(nanos(since))
        .fetch_one(&mut *conn)
        .await?;
    if request_id.is_empty() || recent == 0 {
        return Ok(None);
    }
    let mut before = i64::MAX;
    loop {
        let rows = sqlx::query(
            "SELECT seq, time, entry FROM provider_audit_log WHERE seq < $1 ORDER BY seq DESC LIMIT 256",
        )
        .bind(before)
        .fetch_all(&mut *conn)
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        for row in rows {
            before = row.try_get("seq")?;
            if row.try_get::<i64, _>("time")? < nanos(since) {
                return Ok(None);
            }
            let record: AuditRecord = serde_json::from_slice(&row.try_get::<Vec<u8>, _>("entry")?)
                .map_err(|error| {
                    Error::internal(format!("audit entry {before} does not parse: {error}"))
                })?;
            if record.action == Action::CreateTenant.as_str()
                && record
                    .details
                    .get(REQUEST_ID)
                    .is_some_and(|id| id == request_id)
                && let Some(Ok(Name::Tenant(id))) = record.resource.as_deref().map(str::parse)
            {
                return find(conn, &id).await;
            }
        }
    }
}

/// What creation needs to know; request ids are looked for among those after `since`.
pub(super) async fn before(
    conn: &mut AnyConnection,
    new: &NewTenant,
    since: Timestamp,
) -> Result<Before> {
    Ok(Before {
        holder: find(conn, &new.id).await?,
        parent: match &new.parent {
            Some(parent) => find(conn, parent).await?,
            None => None,
        },
        repeated: repeated(conn, &new.request_id, since).await?,
    })
}

/// Sub-accounts that are not deleted.
pub(super) async fn children(conn: &mut AnyConnection, id: &TenantId) -> Result<i64> {
    Ok(
        sqlx::query_scalar(
            "SELECT count(*) FROM tenants WHERE parent = $1 AND status <> 'deleted'",
        )
        .bind(id.as_str())
        .fetch_one(conn)
        .await?,
    )
}

/// Up to `limit` tenants after the id `after`, by id.
pub(super) async fn list(conn: &mut AnyConnection, after: &str, limit: i64) -> Result<Vec<Tenant>> {
    let rows = sqlx::query(
        "SELECT tenant_id, display_name, status, parent, home_region, billing_organisation, created_time, \
                updated_time, purge_time, etag \
           FROM tenants WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Legal holds on it that were not released.
pub(super) async fn holds(conn: &mut AnyConnection, id: &TenantId) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM legal_holds WHERE tenant_id = $1 AND released_time IS NULL",
    )
    .bind(id.as_str())
    .fetch_one(conn)
    .await?)
}

/// Writes a decided change; a new tenant has `keys`.
pub(super) async fn apply(
    tx: &mut ProviderTx<'_>,
    id: &TenantId,
    change: &Change,
    keys: Option<NewKeys>,
) -> Result<()> {
    match change.effect() {
        Effect::None(_) => Ok(()),
        Effect::Create(new) => {
            let keys = keys.ok_or_else(|| Error::internal("a new tenant without keys"))?;
            let new = registers::NewTenant {
                tenant: new.id.clone(),
                display_name: new.display_name.clone(),
                parent: new.parent.clone(),
                home_region: new.home_region.clone(),
                billing_organisation: new.billing_organisation.clone(),
            };
            tx.create_tenant(&new, keys).await
        }
        Effect::Set(status) => tx.set_tenant_status(id, *status).await,
        Effect::Delete(wait) => tx.schedule_deletion(id, *wait).await,
        Effect::Undelete => tx.call_off_deletion(id).await,
        Effect::Bill(organisation) => tx.bill_tenant(id, organisation.as_deref()).await,
    }
}

fn read(row: &AnyRow) -> Result<Tenant> {
    let damaged = |what: &str| Error::internal(format!("a tenant's row has a damaged {what}"));
    let parse = |text: String| text.parse::<TenantId>().map_err(|_| damaged("id"));
    let purge = row.try_get::<Option<i64>, _>("purge_time")?.map(timestamp);
    Ok(Tenant {
        id: parse(row.try_get("tenant_id")?)?,
        display_name: row.try_get("display_name")?,
        state: State::from_stored(&row.try_get::<String, _>("status")?, purge)
            .ok_or_else(|| damaged("status"))?,
        parent: row
            .try_get::<Option<String>, _>("parent")?
            .map(parse)
            .transpose()?,
        home_region: row.try_get("home_region")?,
        billing_organisation: row.try_get("billing_organisation")?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        purge,
        etag: row.try_get("etag")?,
    })
}
