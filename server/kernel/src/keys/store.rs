//! Wrapped keys in the database. A wrapped key is bound to its owner, purpose and version.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool, Row as _};
use zeroize::Zeroizing;

use super::envelope::{KeyBytes, OwnerKeys};
use super::keyring::ACTIVATION;
use super::service::{KeyId, KeyService};
use crate::clock::Env;
use crate::db::{nanos, parameters};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;

/// Owners asked for in one statement.
const STEP: usize = 256;
/// Name, pseudonym and page key, in one wrapping.
const FIXED_BYTES: usize = 96;

/// A key as it lies in the database.
pub(super) struct Wrapped {
    purpose: String,
    version: i64,
    bytes: Vec<u8>,
    created: i64,
}

fn context(purpose: &str, version: i64) -> String {
    format!("{purpose}/{version}")
}

fn wrapped(row: &AnyRow) -> Result<Wrapped> {
    Ok(Wrapped {
        purpose: row.try_get("purpose")?,
        version: row.try_get("version")?,
        bytes: row.try_get("wrapped")?,
        created: row.try_get("created_time")?,
    })
}

pub(super) async fn load_tenants(
    pool: &AnyPool,
    tenants: &[&TenantId],
) -> Result<HashMap<String, Vec<Wrapped>>> {
    let mut found: HashMap<String, Vec<Wrapped>> = HashMap::with_capacity(tenants.len());
    for step in tenants.chunks(STEP) {
        // Few lengths, so that few statements are prepared.
        let width = if step.len() == 1 { 1 } else { STEP };
        let sql = format!(
            "SELECT tenant_id, purpose, version, wrapped, created_time FROM tenant_keys \
              WHERE tenant_id IN ({})",
            parameters(1, width)
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for at in 0..width {
            query = query.bind(step.get(at).map_or("", |tenant| tenant.as_str()));
        }
        for row in query.fetch_all(pool).await? {
            found
                .entry(row.try_get("tenant_id")?)
                .or_default()
                .push(wrapped(&row)?);
        }
    }
    Ok(found)
}

pub(super) async fn load_system(pool: &AnyPool, id: &KeyId) -> Result<Vec<Wrapped>> {
    let rows = sqlx::query(
        "SELECT purpose, version, wrapped, created_time FROM system_keys WHERE key_id = $1",
    )
    .bind(id.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(wrapped).collect()
}

pub(super) async fn open(
    service: &dyn KeyService,
    id: &KeyId,
    key: &Wrapped,
) -> Result<Zeroizing<Vec<u8>>> {
    let context = context(&key.purpose, key.version);
    service.unwrap(id, &context, &key.bytes).await
}

/// The owner's keys; the newest seals that is old enough at `now` to be known everywhere.
pub(super) async fn unwrap(
    service: &dyn KeyService,
    id: &KeyId,
    wrapped: Vec<Wrapped>,
    now: Timestamp,
) -> Result<OwnerKeys> {
    let known = now.checked_sub(ACTIVATION).map_or(i64::MIN, nanos);
    let mut data = BTreeMap::new();
    let mut fixed = Zeroizing::new(Vec::new());
    let mut seals = None;
    for key in wrapped {
        let plain = open(service, id, &key).await?;
        if key.purpose == "fixed" {
            fixed = plain;
            continue;
        }
        let version = u32::try_from(key.version)
            .map_err(|_| Error::internal("a key version is out of range"))?;
        let bytes = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| {
            Error::internal(format!("data key {version} of {id} has the wrong length"))
        })?;
        if key.created <= known {
            seals = seals.max(Some(version));
        }
        data.insert(version, KeyBytes::new(bytes));
    }
    OwnerKeys::new(id.as_str().to_owned(), data, &fixed, seals)
}

fn fresh<const N: usize>(env: &Env) -> Zeroizing<[u8; N]> {
    let mut key = Zeroizing::new([0; N]);
    env.entropy.fill(key.as_mut());
    key
}

/// A tenant's first keys, wrapped and not stored yet. They are made before the transaction that
/// stores them: a key service that hangs then holds up nobody else.
pub struct NewKeys {
    tenant: TenantId,
    fixed: Vec<u8>,
    data: NewDataKey,
}

/// A tenant's next data key, wrapped and not stored yet.
pub(crate) struct NewDataKey {
    version: i64,
    wrapped: Vec<u8>,
}

impl NewDataKey {
    async fn make(service: &dyn KeyService, env: &Env, id: &KeyId, version: i64) -> Result<Self> {
        let key = fresh::<32>(env);
        let wrapped = service
            .wrap(id, &context("data", version), key.as_slice())
            .await?;
        Ok(Self { version, wrapped })
    }
}

impl NewKeys {
    /// Whose they are.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

pub(super) async fn first_keys(
    service: &dyn KeyService,
    env: &Env,
    tenant: &TenantId,
) -> Result<NewKeys> {
    let id = KeyId::tenant(tenant);
    let fixed = fresh::<FIXED_BYTES>(env);
    Ok(NewKeys {
        tenant: tenant.clone(),
        fixed: service
            .wrap(&id, &context("fixed", 1), fixed.as_slice())
            .await?,
        data: NewDataKey::make(service, env, &id, 1).await?,
    })
}

pub(super) async fn create_tenant(
    conn: &mut AnyConnection,
    env: &Env,
    keys: NewKeys,
) -> Result<()> {
    let NewKeys {
        tenant,
        fixed,
        data,
    } = keys;
    insert_tenant(conn, env, &tenant, "fixed", 1, fixed).await?;
    insert_tenant(conn, env, &tenant, "data", data.version, data.wrapped).await
}

async fn insert_tenant(
    conn: &mut AnyConnection,
    env: &Env,
    tenant: &TenantId,
    purpose: &str,
    version: i64,
    wrapped: Vec<u8>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tenant_keys (tenant_id, purpose, version, wrapped, created_time) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tenant.as_str())
    .bind(purpose)
    .bind(version)
    .bind(wrapped)
    .bind(nanos(env.now()))
    .execute(conn)
    .await?;
    Ok(())
}

const NEWEST: &str =
    "SELECT max(version) FROM tenant_keys WHERE tenant_id = $1 AND purpose = 'data'";

/// The key that comes after the tenant's newest one.
pub(super) async fn next_key(
    pool: &AnyPool,
    service: &dyn KeyService,
    env: &Env,
    tenant: &TenantId,
) -> Result<NewDataKey> {
    let newest: Option<i64> = sqlx::query_scalar(NEWEST)
        .bind(tenant.as_str())
        .fetch_one(pool)
        .await?;
    let newest = newest.ok_or_else(|| Error::new(Reason::NotFound, "the tenant has no keys"))?;
    NewDataKey::make(service, env, &KeyId::tenant(tenant), newest + 1).await
}

/// Stores the next data key and sets the count of its uses to nothing; its version. `None` when
/// another key was stored since it was made.
pub(super) async fn rotate_tenant(
    conn: &mut AnyConnection,
    env: &Env,
    tenant: &TenantId,
    next: NewDataKey,
) -> Result<Option<u32>> {
    let newest: Option<i64> = sqlx::query_scalar(NEWEST)
        .bind(tenant.as_str())
        .fetch_one(&mut *conn)
        .await?;
    let NewDataKey { version, wrapped } = next;
    if newest.map(|newest| newest + 1) != Some(version) {
        return Ok(None);
    }
    insert_tenant(&mut *conn, env, tenant, "data", version, wrapped).await?;
    sqlx::query("UPDATE tenant_head SET key_uses = 0 WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .execute(&mut *conn)
        .await?;
    let version = u32::try_from(version);
    version
        .map(Some)
        .map_err(|_| Error::internal("a key version is out of range"))
}

/// Drops the tenant's data keys older than `version`; how many.
pub(super) async fn drop_older(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    version: i64,
) -> Result<u64> {
    let gone = sqlx::query(
        "DELETE FROM tenant_keys WHERE tenant_id = $1 AND purpose = 'data' AND version < $2",
    )
    .bind(tenant.as_str())
    .bind(version)
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}

/// Makes the server's own keys, unless another process has.
pub(super) async fn create_system(
    pool: &AnyPool,
    service: &dyn KeyService,
    env: &Env,
    id: &KeyId,
) -> Result<()> {
    let fixed = service
        .wrap(
            id,
            &context("fixed", 1),
            fresh::<FIXED_BYTES>(env).as_slice(),
        )
        .await?;
    let data = service
        .wrap(id, &context("data", 1), fresh::<32>(env).as_slice())
        .await?;
    // One statement, so that the two belong together.
    sqlx::query(
        "INSERT INTO system_keys (key_id, purpose, version, wrapped, created_time) \
         SELECT $1, purpose, 1, wrapped, $4 FROM \
            (SELECT 'fixed' AS purpose, $2 AS wrapped UNION ALL SELECT 'data', $3) AS made \
          WHERE NOT EXISTS (SELECT 1 FROM system_keys WHERE key_id = $1) \
         ON CONFLICT DO NOTHING",
    )
    .bind(id.as_str())
    .bind(fixed)
    .bind(data)
    .bind(nanos(env.now()))
    .execute(pool)
    .await?;
    Ok(())
}
