//! What is left of a deleted tenant, the originals that it shared included. Its keys are destroyed,
//! so that this frees space rather than secrets. What stays is the tenant's id, where its journal
//! and its log ended, and what was signed of its destruction.

mod steps;

use sqlx::{AnyConnection, Row as _};

use steps::{LEFT, STEPS};

use super::jobs::{JobClaim, require_claim};
use super::{Db, confine, nanos, timestamp};
use crate::audit::{self, AuditEntry};
use crate::auth::{ProviderScope, Role, TenantScope};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;
use jiff::Timestamp;

/// How far a tenant's removal has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) purge_time: Option<Timestamp>,
    pub(crate) deleted: Timestamp,
    /// When the key service was first seen to refuse the wrapping key.
    pub(crate) refused: Option<Timestamp>,
    pub(crate) certified: bool,
    /// How many of what were removed, by name.
    pub(crate) counts: Vec<(String, i64)>,
    /// The last number and the hash of the journal, and of the log.
    pub(crate) journal: (i64, Vec<u8>),
    pub(crate) log: (i64, Vec<u8>),
}

impl Db {
    /// Tenants that were deleted since `since` and whose removal is certified.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub(crate) async fn removed_since(&self, since: Timestamp) -> Result<Vec<TenantId>> {
        let deleted: Vec<String> = sqlx::query_scalar(
            "SELECT tenant_id FROM tenants WHERE status = 'deleted' AND updated_time >= $1",
        )
        .bind(nanos(since))
        .fetch_all(self.system())
        .await?;
        let mut removed = Vec::new();
        for tenant in deleted {
            let mut system = self.system_tx().await?;
            confine(&mut system.tx, &tenant).await?;
            let certified: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM deletions WHERE tenant_id = $1 AND certified_time IS NOT NULL",
            )
            .bind(tenant.as_str())
            .fetch_one(&mut *system.tx)
            .await?;
            system.commit().await?;
            if certified > 0 {
                removed.push(
                    tenant
                        .parse()
                        .map_err(|_| Error::internal("a tenant id in the database is malformed"))?,
                );
            }
        }
        Ok(removed)
    }

    /// Where the removal of a deleted tenant stands.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job; `FAILED_PRECONDITION` while the tenant is not deleted;
    /// `UNAVAILABLE` when the database can't be reached.
    pub(crate) async fn removal(&self, scope: &TenantScope) -> Result<Removal> {
        if scope.principal().role() != Role::System {
            return Err(Error::permission_denied());
        }
        let tenant = scope.tenant().as_str();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        let status = sqlx::query(
            "SELECT status, purge_time, updated_time FROM tenants WHERE tenant_id = $1",
        )
        .bind(tenant)
        .fetch_optional(&mut *system.tx)
        .await?;
        let status = status.filter(|row| row.try_get(0).is_ok_and(|s: String| s == "deleted"));
        let Some(status) = status else {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the tenant is not deleted",
            ));
        };
        // Who was deleted before deletions were noted has none.
        sqlx::query(
            "INSERT INTO deletions (tenant_id, deleted_time) VALUES ($1, $2) \
             ON CONFLICT (tenant_id) DO NOTHING",
        )
        .bind(tenant)
        .bind(status.try_get::<i64, _>(2)?)
        .execute(&mut *system.tx)
        .await?;
        let row = sqlx::query(
            "SELECT deleted_time, refused_time, certified_time FROM deletions WHERE tenant_id = $1",
        )
        .bind(tenant)
        .fetch_one(&mut *system.tx)
        .await?;
        let counts = sqlx::query(
            "SELECT what, count FROM deletion_counts WHERE tenant_id = $1 ORDER BY what",
        )
        .bind(tenant)
        .fetch_all(&mut *system.tx)
        .await?;
        let removal = Removal {
            purge_time: status.try_get::<Option<i64>, _>(1)?.map(timestamp),
            deleted: timestamp(row.try_get(0)?),
            refused: row.try_get::<Option<i64>, _>(1)?.map(timestamp),
            certified: row.try_get::<Option<i64>, _>(2)?.is_some(),
            counts: counts
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                .collect::<Result<_>>()?,
            journal: end(&mut system.tx, JOURNAL_END, tenant).await?,
            log: end(&mut system.tx, LOG_END, tenant).await?,
        };
        system.commit().await?;
        Ok(removal)
    }

    /// Notes that the key service refused the tenant's wrapping key; nobody works for the tenant
    /// any more from here on.
    pub(crate) async fn note_refusal(&self, tenant: &TenantId) -> Result<()> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        sqlx::query("DELETE FROM jobs WHERE tenant_id = $1 AND job <> 'purge'")
            .bind(tenant.as_str())
            .execute(&mut *system.tx)
            .await?;
        sqlx::query(
            "UPDATE deletions SET refused_time = COALESCE(refused_time, $2) WHERE tenant_id = $1",
        )
        .bind(tenant.as_str())
        .bind(nanos(self.env().now()))
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// Notes how many of something there were before they were removed; the first word counts,
    /// since whoever goes on after it finds fewer.
    pub(crate) async fn note_found(&self, tenant: &TenantId, what: &str, count: u64) -> Result<()> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        sqlx::query(
            "INSERT INTO deletion_counts (tenant_id, what, count) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id, what) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(what)
        .bind(super::to_sql(count)?)
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// Drops, in a background job, what a deleted tenant leaves in the database, and counts it. Can
    /// be broken off and called again.
    ///
    /// # Errors
    /// As [`Db::removal`].
    pub(crate) async fn purge_tenant(&self, scope: &TenantScope) -> Result<()> {
        self.removal(scope).await?;
        let tenant = scope.tenant().as_str();
        loop {
            let gone = self.purge_originals(scope.tenant()).await?;
            if gone == 0 {
                break;
            }
        }
        let blocks = self.inner.dialect.free_blocks().iter();
        let blocks = blocks.map(|step| ("journalBlocks", *step));
        for (what, step) in blocks.chain(STEPS.iter().copied()) {
            loop {
                let mut system = self.system_tx().await?;
                confine(&mut system.tx, tenant).await?;
                let done = sqlx::query(step)
                    .bind(tenant)
                    .execute(&mut *system.tx)
                    .await?
                    .rows_affected();
                // What only lets go of a block counts nothing by itself.
                if step.starts_with("DELETE") {
                    count(&mut system.tx, tenant, what, done).await?;
                }
                system.commit().await?;
                if done == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The tables in which something is left of a deleted tenant, with how many rows.
    pub(crate) async fn left(&self, scope: &TenantScope) -> Result<Vec<(&'static str, i64)>> {
        let tenant = scope.tenant().as_str();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        let mut left = Vec::with_capacity(LEFT.len());
        for (table, question) in LEFT {
            let rows: i64 = sqlx::query_scalar(*question)
                .bind(tenant)
                .fetch_one(&mut *system.tx)
                .await?;
            left.push((*table, rows));
        }
        Ok(left)
    }

    /// Keeps what was signed of a tenant's destruction, with an entry in the provider's log.
    pub(crate) async fn store_certificate(
        &self,
        scope: &ProviderScope,
        claim: &JobClaim,
        envelope: &[u8],
        entry: AuditEntry,
    ) -> Result<()> {
        let now = self.env().now();
        let mut system = self.system_tx().await?;
        system.lock_registers().await?;
        require_claim(&mut system.tx, claim).await?;
        confine(&mut system.tx, claim.tenant().as_str()).await?;
        sqlx::query(
            "UPDATE deletions SET certificate = $2, certified_time = $3 WHERE tenant_id = $1",
        )
        .bind(claim.tenant().as_str())
        .bind(envelope)
        .bind(nanos(now))
        .execute(&mut *system.tx)
        .await?;
        audit::append_provider(&mut system.tx, now, &entry.by(scope.principal(), None)).await?;
        system.commit().await
    }
}

const JOURNAL_END: &str = "SELECT seq, chain FROM tenant_head WHERE tenant_id = $1";
const LOG_END: &str = "SELECT seq, chain FROM audit_head WHERE tenant_id = $1";

async fn end(
    conn: &mut AnyConnection,
    question: &'static str,
    tenant: &str,
) -> Result<(i64, Vec<u8>)> {
    let row = sqlx::query(question).bind(tenant).fetch_one(conn).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Counts what was removed in the transaction that removed it.
pub(super) async fn count(
    conn: &mut AnyConnection,
    tenant: &str,
    what: &str,
    rows: u64,
) -> Result<()> {
    if rows == 0 {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO deletion_counts (tenant_id, what, count) VALUES ($1, $2, $3) \
         ON CONFLICT (tenant_id, what) DO UPDATE SET count = deletion_counts.count + excluded.count",
    )
    .bind(tenant)
    .bind(what)
    .bind(super::to_sql(rows)?)
    .execute(conn)
    .await?;
    Ok(())
}
