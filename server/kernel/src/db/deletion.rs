//! How a tenant ends. A deletion waits, for as long as it can be called off; when its time has come
//! and nothing holds the tenant, the tenant is marked, its keys are destroyed, and what is left of
//! it is removed ([`super::purge`]).

use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;

use super::jobs::{self, JobClaim, require_claim, schedule};
use super::{ProviderTx, nanos, timestamp};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;

/// The shortest time for which a deletion can be called off.
pub const SHORTEST_WAIT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The longest.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often a deletion that is due looks whether what holds it is gone.
const HELD: SignedDuration = SignedDuration::from_hours(1);

/// What became of a deletion that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The tenant is deleted; its keys are to be destroyed.
    Deleted,
    /// It was before, by whoever died before it could say so; its keys may not be destroyed yet.
    DeletedBefore,
    /// It was called off.
    CalledOff,
    /// It is not to be done before then: its time has not come, or a legal hold is on the tenant.
    NotBefore(Timestamp),
}

impl ProviderTx<'_> {
    /// Has a suspended tenant deleted after `wait`. The transaction is then
    /// [`about`](Self::about) it.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when the tenant is not suspended, is under a legal hold, or is being
    /// deleted already; `INVALID_ARGUMENT` when `wait` is not 7 to 30 days.
    pub async fn schedule_deletion(
        &mut self,
        tenant: &TenantId,
        wait: SignedDuration,
    ) -> Result<()> {
        if wait < SHORTEST_WAIT || wait > LONGEST_WAIT {
            return Err(Error::invalid("waiting_period", "expected 7 to 30 days"));
        }
        let now = self.db.env().now();
        let purge_time = now.checked_add(wait).map_err(Error::internal)?;
        if self.holds(tenant).await? > 0 {
            return Err(held());
        }
        let set = sqlx::query(
            "UPDATE tenants SET purge_time = $2, updated_time = $3, etag = $4 \
              WHERE tenant_id = $1 AND status = 'suspended' AND purge_time IS NULL",
        )
        .bind(tenant.as_str())
        .bind(nanos(purge_time))
        .bind(nanos(now))
        .bind(self.etag())
        .execute(&mut *self.tx)
        .await?;
        if set.rows_affected() == 0 {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the tenant is not suspended, or is being deleted already",
            ));
        }
        self.about(tenant);
        schedule(&mut self.tx, tenant, jobs::DELETE, purge_time).await
    }

    /// Calls a deletion off that still waits. The transaction is then [`about`](Self::about) the
    /// tenant.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when none waits.
    pub async fn call_off_deletion(&mut self, tenant: &TenantId) -> Result<()> {
        // The job stays, and finds nothing to do.
        let set = sqlx::query(
            "UPDATE tenants SET purge_time = NULL, updated_time = $2, etag = $3 \
              WHERE tenant_id = $1 AND status = 'suspended' AND purge_time IS NOT NULL",
        )
        .bind(tenant.as_str())
        .bind(nanos(self.db.env().now()))
        .bind(self.etag())
        .execute(&mut *self.tx)
        .await?;
        if set.rows_affected() == 0 {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "no deletion of the tenant waits",
            ));
        }
        self.about(tenant);
        Ok(())
    }

    /// How many legal holds are on the tenant.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn holds(&mut self, tenant: &TenantId) -> Result<i64> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM legal_holds WHERE tenant_id = $1 AND released_time IS NULL",
        )
        .bind(tenant.as_str())
        .fetch_one(&mut *self.tx)
        .await?)
    }

    /// Deletes the claim's tenant if that is due. The claim fences the transaction.
    pub(crate) async fn delete_due(&mut self, claim: &JobClaim) -> Result<Due> {
        let tenant = claim.tenant();
        require_claim(&mut self.tx, claim).await?;
        let row = sqlx::query("SELECT status, purge_time FROM tenants WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_one(&mut *self.tx)
            .await?;
        let (status, purge_time): (String, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let purge_time = match (status.as_str(), purge_time) {
            ("deleted", _) => return Ok(Due::DeletedBefore),
            ("suspended", Some(time)) => timestamp(time),
            _ => return Ok(Due::CalledOff),
        };
        let now = self.db.env().now();
        if now < purge_time {
            return Ok(Due::NotBefore(purge_time));
        }
        if self.holds(tenant).await? > 0 || self.children(tenant).await? > 0 {
            return Ok(Due::NotBefore(now.saturating_add(HELD).unwrap_or(now)));
        }
        self.delete_tenant(tenant).await?;
        Ok(Due::Deleted)
    }

    /// Tenants below it that are not deleted.
    async fn children(&mut self, tenant: &TenantId) -> Result<i64> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM tenants WHERE parent = $1 AND status <> 'deleted'",
        )
        .bind(tenant.as_str())
        .fetch_one(&mut *self.tx)
        .await?)
    }

    /// Deletes a tenant: it is refused everywhere, its id is never given out again, what it had
    /// registered is free for others, and once the transaction has committed its wrapping key is
    /// to be destroyed.
    pub(crate) async fn delete_tenant(&mut self, tenant: &TenantId) -> Result<()> {
        self.mark_tenant(tenant, "deleted").await?;
        self.ending.insert(tenant.clone());
        let now = self.db.env().now();
        for statement in [
            "UPDATE accounts SET valid_to = $2 WHERE tenant_id = $1 \
                AND valid_from < $2 AND (valid_to IS NULL OR valid_to > $2)",
            "UPDATE resources SET valid_to = $2, updated_time = $2 WHERE tenant_id = $1 \
                AND valid_from < $2 AND (valid_to IS NULL OR valid_to > $2)",
            "DELETE FROM accounts WHERE tenant_id = $1 AND valid_from >= $2",
            "DELETE FROM resources WHERE tenant_id = $1 AND valid_from >= $2",
            "UPDATE credentials SET revoked_time = $2 \
              WHERE home = 'tenants/' || $1 AND revoked_time IS NULL",
            "INSERT INTO deletions (tenant_id, deleted_time) VALUES ($1, $2) \
             ON CONFLICT (tenant_id) DO NOTHING",
        ] {
            sqlx::query(statement)
                .bind(tenant.as_str())
                .bind(nanos(now))
                .execute(&mut *self.tx)
                .await?;
        }
        schedule(&mut self.tx, tenant, jobs::PURGE, now).await
    }
}

fn held() -> Error {
    Error::new(
        Reason::FailedPrecondition,
        "the tenant is under a legal hold: release it first",
    )
}
