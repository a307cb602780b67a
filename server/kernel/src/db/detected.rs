//! Up to where a tenant's events were looked at by rules. It moves in the transaction that keeps what
//! was found, so that nothing is found twice or missed, whichever server looks.

use sqlx::Row as _;

use super::jobs::{DETECT, JobClaim, require_claim};
use super::{Db, ProviderTx, TenantTx, confine, from_sql, to_sql};
use crate::auth::TenantScope;
use crate::error::{Error, Result};

/// Where a tenant's events stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detected {
    /// Up to which sequence number events were looked at.
    pub seq: u64,
    /// The newest sequence number.
    pub head: u64,
    /// 0 when there is nothing to look at them by; otherwise which beginning of looking this is.
    pub watched: i64,
    /// How often there was something new to look at all tenants' events by.
    pub begun: i64,
}

const READ: &str = "SELECT h.detected_seq, h.seq, h.watched, r.begun \
       FROM tenant_head h JOIN provider_rule_head r ON r.id = 1 WHERE h.tenant_id = $1";
/// $1 tenant, $2 from, $3 to.
const MOVE: &str = "UPDATE tenant_head SET detected_seq = $3 \
      WHERE tenant_id = $1 AND detected_seq = $2 RETURNING seq";

impl Db {
    /// Up to where the scope's tenant's events were looked at.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn detected(&self, scope: &TenantScope) -> Result<Detected> {
        let mut read = self.tenant_read(scope).await?;
        let row = sqlx::query(READ)
            .bind(scope.tenant().as_str())
            .fetch_one(read.conn())
            .await?;
        Ok(Detected {
            seq: from_sql(row.try_get(0)?)?,
            head: from_sql(row.try_get(1)?)?,
            watched: row.try_get(2)?,
            begun: row.try_get(3)?,
        })
    }

    /// Notes that the events of a job's tenant were looked at up to `to`, and that nothing was found;
    /// the newest sequence number by then.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another looks at them.
    pub async fn found_nothing(&self, claim: &JobClaim, from: u64, to: u64) -> Result<u64> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, claim.tenant().as_str()).await?;
        require_claim(&mut system.tx, claim).await?;
        let head = advance(&mut system.tx, claim, from, to).await?;
        system.commit().await?;
        Ok(head)
    }

    /// Notes that there is nothing to look at a tenant's events by, unless that has changed since `at`
    /// was read; whether it has not.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another looks at them.
    pub async fn stop_watching(&self, claim: &JobClaim, at: Detected) -> Result<bool> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, claim.tenant().as_str()).await?;
        require_claim(&mut system.tx, claim).await?;
        let stopped = sqlx::query(
            "UPDATE tenant_head SET watched = 0, detected_seq = seq, passed_begun = $3 \
              WHERE tenant_id = $1 AND watched = $2 \
                AND $3 = (SELECT begun FROM provider_rule_head WHERE id = 1)",
        )
        .bind(claim.tenant().as_str())
        .bind(at.watched)
        .bind(at.begun)
        .execute(&mut *system.tx)
        .await?
        .rows_affected();
        system.commit().await?;
        Ok(stopped > 0)
    }

    /// Has a tenant's events looked at, if there are some that were not.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn catch_up_detection(&self, scope: &TenantScope) -> Result<()> {
        let at = self.detected(scope).await?;
        if at.watched > 0 && at.head > at.seq {
            let now = self.env().now();
            self.schedule_job(scope, DETECT, now).await?;
        }
        Ok(())
    }
}

impl TenantTx<'_> {
    /// Has what comes in from now on looked at: there is a rule to look at it by, or another than
    /// before.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn watch_events(&mut self) -> Result<()> {
        let tenant = self.tenant();
        sqlx::query(
            "UPDATE tenant_head SET watched = watched + 1, \
                    detected_seq = CASE WHEN watched = 0 THEN seq ELSE detected_seq END \
              WHERE tenant_id = $1",
        )
        .bind(tenant.as_str())
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Notes that the tenant's events were looked at up to `to`, together with what was found; the
    /// newest sequence number by then.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another looks at them.
    pub async fn found(&mut self, claim: &JobClaim, from: u64, to: u64) -> Result<u64> {
        self.require_claim(claim).await?;
        advance(self.conn(), claim, from, to).await
    }
}

impl ProviderTx<'_> {
    /// Notes by how many of the provider's rules all tenants' events are looked at, after a change of
    /// these; `begins` when there is something new to look at them by. What comes in from then on is
    /// looked at, of each tenant when it comes: there is nothing to do for those who have no events.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn watch_all_events(&mut self, begins: bool) -> Result<()> {
        sqlx::query(
            "UPDATE provider_rule_head SET begun = begun + $1, \
                    enabled = (SELECT count(*) FROM provider_rules WHERE enabled = 1) \
              WHERE id = 1",
        )
        .bind(i64::from(begins))
        .execute(self.conn())
        .await?;
        Ok(())
    }
}

async fn advance(
    conn: &mut sqlx::AnyConnection,
    claim: &JobClaim,
    from: u64,
    to: u64,
) -> Result<u64> {
    let head: Option<i64> = sqlx::query_scalar(MOVE)
        .bind(claim.tenant().as_str())
        .bind(to_sql(from)?)
        .bind(to_sql(to)?)
        .fetch_optional(conn)
        .await?;
    match head {
        Some(head) => from_sql(head),
        None => Err(Error::internal(
            "events are looked at by a job that does not stand where it should",
        )),
    }
}
