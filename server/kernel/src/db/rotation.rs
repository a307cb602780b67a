//! The end of a data key. A newer one seals from the moment it is made; what older ones have sealed
//! is sealed anew in the background, and then they are dropped.
//!
//! Before they are, the tenant's head is told the oldest version that may still seal: a server that
//! was stopped with an older one in memory, and goes on after it was dropped, is refused where it
//! commits. That is told once nobody may keep the older ones in memory any more, so that nobody who
//! runs is refused.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;
use uuid::Uuid;

use super::jobs::{self, JobClaim, require_claim, schedule};
use super::originals::{Party, object, open_parties};
use super::provider_tx::is_deleted;
use super::sealed::{self, SealedTable};
use super::{Db, ProviderTx, confine, nanos, timestamp};
use crate::auth::{Role, TenantScope};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;
use crate::keys::KeyId;
use crate::keys::keyring::{ACTIVATION, LIFETIME};
use crate::keys::once::rewrap_shared;

/// Originals that are looked at in one transaction.
const STEP: i64 = 256;
/// How long after a key was made nobody seals with an older one any more: it has begun to seal, and
/// who read the keys just before that has forgotten them.
const SETTLED: SignedDuration =
    SignedDuration::from_secs(ACTIVATION.as_secs() + LIFETIME.as_secs());

/// A data key that is to take the place of all older ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Its version.
    pub version: u32,
    /// From when on nobody seals with an older one.
    pub settled: Timestamp,
    /// Segments that were sealed anew so far.
    pub done: u64,
}

impl ProviderTx<'_> {
    /// Has what older keys sealed sealed anew. The transaction is then [`about`](Self::about) the
    /// tenant.
    ///
    /// # Errors
    /// `NOT_FOUND` when the tenant was deleted.
    pub(crate) async fn begin_rotation(&mut self, tenant: &TenantId, version: u32) -> Result<()> {
        if is_deleted(&mut self.tx, tenant).await? {
            return Err(Error::new(Reason::NotFound, "no such tenant"));
        }
        let now = self.db.env().now();
        sqlx::query(
            "INSERT INTO key_rotations (tenant_id, version, created_time, segment_count, done_count) \
             VALUES ($1, $2, $3, 0, 0)",
        )
        .bind(tenant.as_str())
        .bind(i64::from(version))
        .bind(nanos(now))
        .execute(&mut *self.tx)
        .await?;
        self.about(tenant);
        let settled = now.checked_add(SETTLED).map_err(Error::internal)?;
        schedule(&mut self.tx, tenant, jobs::REENCRYPT, settled).await
    }
}

impl Db {
    /// The newest key of the tenant that has not taken the place of all older ones yet, for the
    /// job.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job; `UNAVAILABLE` when the database can't be reached.
    pub async fn rotation(&self, scope: &TenantScope) -> Result<Option<Rotation>> {
        require_job(scope)?;
        let tenant = scope.tenant();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        let row = sqlx::query(
            "SELECT version, created_time, done_count FROM key_rotations \
              WHERE tenant_id = $1 AND finished_time IS NULL ORDER BY version DESC LIMIT 1",
        )
        .bind(tenant.as_str())
        .fetch_optional(&mut *system.tx)
        .await?;
        system.commit().await?;
        self.keyring().forget(&KeyId::tenant(tenant));
        row.map(|row| {
            let created = timestamp(row.try_get(1)?);
            Ok(Rotation {
                version: u32::try_from(row.try_get::<i64, _>(0)?)
                    .map_err(|_| Error::internal("a key version is out of range"))?,
                settled: created.checked_add(SETTLED).map_err(Error::internal)?,
                done: super::from_sql(row.try_get(2)?)?,
            })
        })
        .transpose()
    }

    /// Notes how far sealing anew has come.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed.
    pub async fn note_progress(
        &self,
        claim: &JobClaim,
        rotation: &Rotation,
        left: u64,
    ) -> Result<()> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, claim.tenant().as_str()).await?;
        require_claim(&mut system.tx, claim).await?;
        sqlx::query(
            "UPDATE key_rotations SET segment_count = $3, done_count = $4 \
              WHERE tenant_id = $1 AND version = $2",
        )
        .bind(claim.tenant().as_str())
        .bind(i64::from(rotation.version))
        .bind(super::to_sql(rotation.done + left)?)
        .bind(super::to_sql(rotation.done)?)
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// From now on nothing is stored that an older key than the rotation's sealed.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed.
    pub async fn refuse_older_keys(&self, claim: &JobClaim, rotation: &Rotation) -> Result<()> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, claim.tenant().as_str()).await?;
        require_claim(&mut system.tx, claim).await?;
        // Who has read the floor before it rises has committed when this goes on.
        if let Some(lock) = self.inner.dialect.lock_tenant() {
            sqlx::query(lock)
                .bind(claim.tenant().as_str())
                .execute(&mut *system.tx)
                .await?;
        }
        sqlx::query(
            "UPDATE tenant_head SET key_floor = $2 WHERE tenant_id = $1 AND key_floor < $2",
        )
        .bind(claim.tenant().as_str())
        .bind(i64::from(rotation.version))
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// Wraps the keys of all originals anew that the tenant is a party of, also of those that its
    /// own events don't lead to any more; how many.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job; `UNAVAILABLE` when database or key service can't be
    /// reached.
    pub async fn rewrap_originals(&self, scope: &TenantScope) -> Result<u64> {
        require_job(scope)?;
        let mut after = String::new();
        let mut rewrapped = 0;
        loop {
            let rows = sqlx::query(
                "SELECT original_id, parties FROM originals \
                  WHERE original_id > $1 ORDER BY original_id LIMIT $2",
            )
            .bind(after.as_str())
            .bind(STEP)
            .fetch_all(self.system())
            .await?;
            if rows.is_empty() {
                return Ok(rewrapped);
            }
            let index = self.keyring().system(&KeyId::originals()).await?;
            for row in rows {
                after = row.try_get(0)?;
                let id = Uuid::try_parse(&after)
                    .map_err(|_| Error::internal("an original's id is malformed"))?;
                let parties = open_parties(&index, id, row.try_get(1)?)?;
                if parties.iter().any(|(tenant, _)| tenant == scope.tenant()) {
                    rewrapped += u64::from(self.rewrap(id, parties).await?);
                }
            }
        }
    }

    async fn rewrap(&self, id: Uuid, parties: Vec<Party>) -> Result<bool> {
        let name = id.hyphenated().to_string();
        let former: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT wrapped_key FROM originals WHERE original_id = $1")
                .bind(name.as_str())
                .fetch_optional(self.system())
                .await?;
        let Some(former) = former else {
            return Ok(false); // gone with another party
        };
        let tenants: BTreeSet<TenantId> = parties.into_iter().map(|(tenant, _)| tenant).collect();
        let keys = self.keyring().tenants(&tenants).await?;
        if keys.len() < tenants.len() {
            return Ok(false);
        }
        let (tenants, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let Some(wrapped) = rewrap_shared(self.env(), &keys, &object(id), &former)? else {
            return Ok(false);
        };
        let mut system = self.system_tx().await?;
        // Another party's rotation may have been quicker: then this one looks again.
        for (tenant, keys) in tenants.iter().zip(&keys) {
            let there: Option<i64> = sqlx::query_scalar(
                "SELECT version FROM tenant_keys \
                  WHERE tenant_id = $1 AND purpose = 'data' AND version = $2",
            )
            .bind(tenant.as_str())
            .bind(i64::from(keys.version()))
            .fetch_optional(&mut *system.tx)
            .await?;
            if there.is_none() {
                self.keyring().forget(&KeyId::tenant(tenant));
                return Err(overtaken());
            }
        }
        let changed = sqlx::query(
            "UPDATE originals SET wrapped_key = $2 WHERE original_id = $1 AND wrapped_key = $3",
        )
        .bind(name.as_str())
        .bind(wrapped)
        .bind(former)
        .execute(&mut *system.tx)
        .await?;
        system.commit().await?;
        match changed.rows_affected() {
            1 => Ok(true),
            _ => Err(overtaken()),
        }
    }

    /// Drops the keys that are older than the rotation's; how many. What they sealed opens never
    /// again, so that it is refused while there is anything.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when a segment, block or row is still under an older one, or one may
    /// still be stored; `ETAG_MISMATCH` when the claim has lapsed.
    pub async fn finish_rotation(&self, claim: &JobClaim, rotation: &Rotation) -> Result<u64> {
        let tenant = claim.tenant();
        let version = i64::from(rotation.version);
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        require_claim(&mut system.tx, claim).await?;
        let mut counts = vec![
            sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM segments \
                  WHERE tenant_id = $1 AND deleted_time IS NULL AND key_version < $2",
            )
            .bind(tenant.as_str())
            .bind(version)
            .fetch_one(&mut *system.tx)
            .await?,
            sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM tenant_head WHERE tenant_id = $1 AND key_floor < $2",
            )
            .bind(tenant.as_str())
            .bind(version)
            .fetch_one(&mut *system.tx)
            .await?,
            sqlx::query_scalar::<_, i64>(self.inner.dialect.blocks_under_older_keys())
                .bind(tenant.as_str())
                .bind(rotation.version.to_be_bytes().as_slice())
                .fetch_one(&mut *system.tx)
                .await?,
        ];
        let older = self.inner.dialect.sealed_before();
        for SealedTable { table, .. } in sealed::TABLES {
            let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = $1 AND {older}");
            let rows = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql))
                .bind(tenant.as_str())
                .bind(rotation.version.to_be_bytes().as_slice())
                .fetch_one(&mut *system.tx)
                .await?;
            counts.push(rows);
        }
        if counts.iter().sum::<i64>() > 0 {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "an older data key is still needed",
            )
            .with_source(format!("segments, heads, blocks, rows: {counts:?}")));
        }
        let dropped = self
            .keyring()
            .drop_older(&mut system.tx, tenant, version)
            .await?;
        sqlx::query(
            "UPDATE key_rotations SET finished_time = $3 \
              WHERE tenant_id = $1 AND version <= $2 AND finished_time IS NULL",
        )
        .bind(tenant.as_str())
        .bind(version)
        .bind(nanos(self.env().now()))
        .execute(&mut *system.tx)
        .await?;
        system.commit().await?;
        self.keyring().forget(&KeyId::tenant(tenant));
        Ok(dropped)
    }
}

fn overtaken() -> Error {
    Error::new(
        Reason::EtagMismatch,
        "an original's key was wrapped by another: start over",
    )
}

fn require_job(scope: &TenantScope) -> Result<()> {
    match scope.principal().role() {
        Role::System => Ok(()),
        _ => Err(Error::permission_denied()),
    }
}
