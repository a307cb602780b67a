//! What the service measures of itself: in which minutes it was ready, and how long events waited
//! until they could be seen.

use jiff::Timestamp;
use sqlx::Row as _;

use super::jobs::JobRunner;
use super::{Db, nanos};
use crate::error::Result;
use crate::ids::TenantId;

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 1_440 * MINUTE;

/// How long a number of a tenant's events waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// Whose.
    pub tenant: TenantId,
    /// The UTC day, since 1970-01-01.
    pub day: i64,
    /// At most so many milliseconds.
    pub bucket: i64,
    /// So many events.
    pub count: u64,
}

/// The minutes in which a server was ready.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadyMinutes {
    /// The first that was ever measured, in or before the time that was asked for.
    pub first: Option<i64>,
    /// Minutes since 1970-01-01 UTC, ascending.
    pub minutes: Vec<i64>,
}

/// The minute that a moment is in, since 1970-01-01 UTC.
#[must_use]
pub fn minute_of(time: Timestamp) -> i64 {
    nanos(time).div_euclid(MINUTE)
}

/// The day that a moment is in, since 1970-01-01 UTC.
#[must_use]
pub fn day_of(time: Timestamp) -> i64 {
    nanos(time).div_euclid(DAY)
}

impl Db {
    /// Notes that a server is ready now.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn note_ready(&self, _runner: &JobRunner) -> Result<()> {
        let mut system = self.system_tx().await?;
        sqlx::query(
            "INSERT INTO service_minutes (minute) VALUES ($1) ON CONFLICT (minute) DO NOTHING",
        )
        .bind(minute_of(self.env().now()))
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// The minutes from one to before another in which a server was ready. They are the
    /// installation's and say nothing of any tenant.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn ready_minutes(&self, from: Timestamp, to: Timestamp) -> Result<ReadyMinutes> {
        let (from, to) = (minute_of(from), minute_of(to));
        let first = sqlx::query_scalar(
            "SELECT minute FROM service_minutes WHERE minute < $1 ORDER BY minute LIMIT 1",
        )
        .bind(to)
        .fetch_optional(self.system())
        .await?;
        let minutes = sqlx::query_scalar(
            "SELECT minute FROM service_minutes WHERE minute >= $1 AND minute < $2 ORDER BY minute",
        )
        .bind(from)
        .bind(to)
        .fetch_all(self.system())
        .await?;
        Ok(ReadyMinutes { first, minutes })
    }

    /// Adds to how long events waited.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached; nothing is added then.
    pub async fn note_waited(&self, _runner: &JobRunner, waited: &[Waited]) -> Result<()> {
        if waited.is_empty() {
            return Ok(());
        }
        let mut system = self.system_tx().await?;
        for one in waited {
            // Of a tenant that is deleted nothing is kept.
            sqlx::query(
                "INSERT INTO sla_freshness (tenant_id, day, bucket, count) \
                 SELECT tenant_id, $2, $3, $4 FROM tenants \
                  WHERE tenant_id = $1 AND status <> 'deleted' \
                 ON CONFLICT (tenant_id, day, bucket) \
                    DO UPDATE SET count = sla_freshness.count + excluded.count",
            )
            .bind(one.tenant.as_str())
            .bind(one.day)
            .bind(one.bucket)
            .bind(i64::try_from(one.count).unwrap_or(i64::MAX))
            .execute(&mut *system.tx)
            .await?;
        }
        system.commit().await
    }

    /// Forgets what was measured before a time.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn prune_measures(&self, _runner: &JobRunner, before: Timestamp) -> Result<()> {
        let mut system = self.system_tx().await?;
        sqlx::query("DELETE FROM service_minutes WHERE minute < $1")
            .bind(minute_of(before))
            .execute(&mut *system.tx)
            .await?;
        sqlx::query("DELETE FROM sla_freshness WHERE day < $1")
            .bind(day_of(before))
            .execute(&mut *system.tx)
            .await?;
        system.commit().await
    }
}

/// How long the tenant's events waited on the days from one to before another: by milliseconds at
/// most, ascending, how many.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub async fn waited(
    conn: &mut sqlx::AnyConnection,
    tenant: &TenantId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(i64, u64)>> {
    let rows = sqlx::query(
        "SELECT bucket, CAST(sum(count) AS BIGINT) AS count FROM sla_freshness \
          WHERE tenant_id = $1 AND day >= $2 AND day < $3 GROUP BY bucket ORDER BY bucket",
    )
    .bind(tenant.as_str())
    .bind(day_of(from))
    .bind(day_of(to))
    .fetch_all(conn)
    .await?;
    let read = |row: sqlx::any::AnyRow| {
        let count: i64 = row.try_get("count")?;
        Ok((row.try_get("bucket")?, u64::try_from(count).unwrap_or(0)))
    };
    rows.into_iter().map(read).collect()
}
