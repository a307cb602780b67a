//! Due work. A job is a name within a tenant; it is there when it is to be done and gone when it
//! is. Whoever claims one holds it for a time under an epoch, and longer as long as it says so;
//! when that time lapses another may claim it, and what the first still commits with the old epoch
//! is refused.

use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;

use super::{Db, Dialect, ProviderTx, TenantTx, nanos, parameters};
use crate::auth::TenantScope;
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;

/// Seal the tenant's journal into a segment. Scheduled by the kernel itself.
pub const SEAL: &str = "seal";
/// Take from quarantine what concerns a tenant that was registered late. Scheduled by the kernel
/// when an account or a resource is registered.
pub const BACKFILL: &str = "backfill";
/// Delete a tenant whose waiting period is over. Scheduled by the kernel.
pub const DELETE: &str = "delete";
/// Remove what is left of a deleted tenant, and certify it. Scheduled by the kernel.
pub const PURGE: &str = "purge";
/// Seal anew what older data keys have sealed. Scheduled by the kernel.
pub const REENCRYPT: &str = "reencrypt";

/// Look at the clocks of an incident, named after a colon, or of all open ones. Scheduled when
/// something happens to an incident, and for when the next warning or breach is to come.
pub const CLOCKS: &str = "clocks";
/// Send what waits for one receiver, which is named after a colon. Scheduled with what is to be sent.
pub const NOTIFY: &str = "notify";

/// Make the tenant's report of the month that is over, and of the present one so far. Scheduled with
/// an agreement, and then daily.
pub const REPORTS: &str = "reports";

/// Look at the tenant's new events by rules. Scheduled by the kernel itself, with the first events
/// after all before were looked at.
pub const DETECT: &str = "detect";

/// Answer a question, which is named after a colon. Scheduled with the question.
pub const ANALYSE: &str = "analyse";
/// Take a snapshot, which is named after a colon. Scheduled with it.
pub const ACQUIRE: &str = "acquire";
/// Learn from the tenant's new events what is usual. Scheduled with a look at them.
pub const LEARN: &str = "learn";
/// Contribute what the tenant saw on the day that is over to the counts of that day. Scheduled by
/// the kernel itself, once a day.
pub const CONTRIBUTE: &str = "contribute";
/// Open incidents of findings by the tenant's policy. Scheduled with what was found.
pub const ESCALATE: &str = "escalate";

/// Which jobs are claimed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those that take long: what moves much data.
    Bulk,
    /// Those that are short and must not wait behind the others.
    Prompt,
    /// Those that mostly wait for machines elsewhere: nothing here must wait behind them.
    Outside,
    /// Those that look at what comes in: they go on as long as something does.
    Detection,
    /// Those that answer questions: somebody waits for each.
    Analysis,
    /// Those that take snapshots: they go on for hours, and can't wait.
    Evidence,
}

impl Lane {
    /// Which jobs they are, as a condition.
    const fn condition(self) -> &'static str {
        match self {
            Self::Bulk => {
                "NOT (job = 'clocks' OR job LIKE 'clocks:%' OR job = 'escalate' OR job LIKE 'notify:%' \
                    OR job IN ('detect', 'learn') OR job LIKE 'analyse:%' OR job LIKE 'acquire:%')"
            }
            Self::Prompt => "(job = 'clocks' OR job LIKE 'clocks:%' OR job = 'escalate')",
            Self::Outside => "job LIKE 'notify:%'",
            Self::Detection => "job IN ('detect', 'learn')",
            Self::Analysis => "job LIKE 'analyse:%'",
            Self::Evidence => "job LIKE 'acquire:%'",
        }
    }
}

/// $1 tenant, $2 job, $3 bucket, $4 due: due at that time at the latest; if it is being done right
/// now, it is done again.
pub(crate) const SCHEDULE: &str = "INSERT INTO jobs (tenant_id, job, bucket, due_time, epoch, claimed, again, attempts) \
     VALUES ($1, $2, $3, $4, 0, 0, NULL, 0) \
     ON CONFLICT (tenant_id, job) DO UPDATE SET \
        due_time = CASE WHEN jobs.claimed = 0 AND excluded.due_time < jobs.due_time \
                        THEN excluded.due_time ELSE jobs.due_time END, \
        again = CASE WHEN jobs.claimed = 0 THEN jobs.again \
                     WHEN jobs.again IS NULL OR excluded.due_time < jobs.again THEN excluded.due_time \
                     ELSE jobs.again END";

/// $1 tenant, $2 job, $3 epoch: done, and asked for again meanwhile.
const AGAIN: &str = "UPDATE jobs SET claimed = 0, due_time = again, again = NULL, attempts = 0 \
      WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1 AND again IS NOT NULL";

/// In how many buckets jobs lie.
const BUCKETS: u16 = 256;

/// Leave to claim any tenant's due jobs. The kernel gives out one, to whoever runs the jobs.
#[derive(Debug)]
pub struct JobRunner {
    /// The bucket after the one that was claimed from last. Who always began at the first would
    /// never come to the last when there is more to do than is done.
    next: AtomicU16,
    /// The same for those that must not wait.
    next_prompt: AtomicU16,
    /// And for those that wait for others.
    next_outside: AtomicU16,
    /// And for those that look at what comes in.
    next_detection: AtomicU16,
    /// And for those that answer questions.
    next_analysis: AtomicU16,
    /// And for those that take snapshots.
    next_evidence: AtomicU16,
}

impl JobRunner {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicU16::new(0),
            next_prompt: AtomicU16::new(0),
            next_outside: AtomicU16::new(0),
            next_detection: AtomicU16::new(0),
            next_analysis: AtomicU16::new(0),
            next_evidence: AtomicU16::new(0),
        }
    }

    fn next(&self, lane: Lane) -> &AtomicU16 {
        match lane {
            Lane::Bulk => &self.next,
            Lane::Prompt => &self.next_prompt,
            Lane::Outside => &self.next_outside,
            Lane::Detection => &self.next_detection,
            Lane::Analysis => &self.next_analysis,
            Lane::Evidence => &self.next_evidence,
        }
    }
}

/// A job that is being done.
#[derive(Debug)]
pub struct JobClaim {
    tenant: TenantId,
    job: String,
    epoch: i64,
    attempts: u32,
}

impl JobClaim {
    /// For whom.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Which job.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// How often it was claimed since it last succeeded, this time included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }
}

/// Which of the 256 buckets a tenant's jobs are in.
pub(crate) fn bucket_of(tenant: &TenantId) -> u8 {
    bucket_of_text(tenant.as_str())
}

fn bucket_of_text(tenant: &str) -> u8 {
    blake3::hash(tenant.as_bytes())
        .as_bytes()
        .first()
        .copied()
        .unwrap_or(0)
}

/// `time` (ns) and `after` later, at most the end of time.
pub(crate) fn later(time: i64, after: SignedDuration) -> i64 {
    time.saturating_add(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX))
}

impl Db {
    /// Claims up to `limit` jobs of a lane that are due, for the length of `lease`, going round the tenants.
    /// Reads only what is due, and takes the write lock only when something is.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn claim_jobs(
        &self,
        runner: &JobRunner,
        lane: Lane,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<JobClaim>> {
        let now = self.env().now();
        let next = runner.next(lane).load(Ordering::Relaxed);
        let mut due = self.due_jobs(lane, next..BUCKETS, now, limit).await?;
        let left = limit.saturating_sub(u32::try_from(due.len()).unwrap_or(u32::MAX));
        due.extend(self.due_jobs(lane, 0..next, now, left).await?);
        let Some((last, _)) = due.last() else {
            return Ok(Vec::new());
        };
        let next = (u16::from(bucket_of_text(last)) + 1) % BUCKETS;
        let until = later(nanos(now), lease);
        let mut system = self.system_tx().await?;
        let claims = claim(&mut system.tx, &due, nanos(now), until).await?;
        system.commit().await?;
        runner.next(lane).store(next, Ordering::Relaxed);
        Ok(claims)
    }

    /// Up to `limit` jobs of these buckets that are due: tenant and job.
    async fn due_jobs(
        &self,
        lane: Lane,
        buckets: Range<u16>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, String)>> {
        if buckets.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        // Written out, so that each bucket is one seek in the index and not a range of all.
        let buckets: Vec<String> = buckets.map(|bucket| bucket.to_string()).collect();
        let buckets = buckets.join(", ");
        let condition = lane.condition();
        let due = match lane {
            // One of a tenant at a time, the one that was asked first: who asks much waits for
            // itself and not others for it.
            Lane::Analysis => format!(
                "SELECT tenant_id, MIN(job) AS job FROM jobs \
                  WHERE bucket IN ({buckets}) AND due_time <= $1 AND {condition} \
                    AND NOT EXISTS (SELECT 1 FROM jobs other WHERE other.tenant_id = jobs.tenant_id \
                        AND other.job LIKE 'analyse:%' AND other.claimed = 1 AND other.due_time > $1) \
                  GROUP BY tenant_id LIMIT $2"
            ),
            _ => format!(
                "SELECT tenant_id, job FROM jobs \
                  WHERE bucket IN ({buckets}) AND due_time <= $1 AND {condition} LIMIT $2"
            ),
        };
        let rows = sqlx::query(sqlx::AssertSqlSafe(due))
            .persistent(false) // there are as many texts as buckets to begin with
            .bind(nanos(now))
            .bind(i64::from(limit))
            .fetch_all(self.system())
            .await?;
        rows.into_iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect()
    }

    /// Holds the job for the length of `lease` from now on.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another holds it; `UNAVAILABLE` when the
    /// database can't be reached.
    pub async fn renew_claim(&self, claim: &JobClaim, lease: SignedDuration) -> Result<()> {
        let until = later(nanos(self.env().now()), lease);
        let mut system = self.system_tx().await?;
        let held = sqlx::query(
            "UPDATE jobs SET due_time = $4 \
              WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1",
        )
        .bind(claim.tenant.as_str())
        .bind(claim.job.as_str())
        .bind(claim.epoch)
        .bind(until)
        .execute(&mut *system.tx)
        .await?;
        if held.rows_affected() == 0 {
            return Err(lapsed());
        }
        system.commit().await
    }

    /// Says that the job is done. If it was asked for again meanwhile, it stays and is due then.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another holds it.
    pub async fn job_done(&self, claim: JobClaim) -> Result<()> {
        let mut system = self.system_tx().await?;
        let kept = sqlx::query(AGAIN)
            .bind(claim.tenant.as_str())
            .bind(claim.job.as_str())
            .bind(claim.epoch)
            .execute(&mut *system.tx)
            .await?;
        let gone = sqlx::query(
            "DELETE FROM jobs WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1 \
                AND again IS NULL",
        )
        .bind(claim.tenant.as_str())
        .bind(claim.job.as_str())
        .bind(claim.epoch)
        .execute(&mut *system.tx)
        .await?;
        if kept.rows_affected() + gone.rows_affected() > 0 {
            return system.commit().await;
        }
        // Between the two it was asked for again, or another holds it.
        let kept = sqlx::query(AGAIN)
            .bind(claim.tenant.as_str())
            .bind(claim.job.as_str())
            .bind(claim.epoch)
            .execute(&mut *system.tx)
            .await?;
        if kept.rows_affected() == 0 {
            return Err(lapsed());
        }
        system.commit().await
    }

    /// Gives the job back, to be done again at `due`: it failed.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another holds it.
    pub async fn job_again(&self, claim: JobClaim, due: Timestamp) -> Result<()> {
        self.give_back(claim, due, 1).await
    }

    /// Gives the job back, to be done next at `due`: it succeeded, and there is more to do.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another holds it.
    pub async fn job_next(&self, claim: JobClaim, due: Timestamp) -> Result<()> {
        self.give_back(claim, due, 0).await
    }

    /// `keep`: 1 to go on counting attempts, 0 to begin anew.
    async fn give_back(&self, claim: JobClaim, due: Timestamp, keep: i64) -> Result<()> {
        let mut system = self.system_tx().await?;
        let given = sqlx::query(
            "UPDATE jobs SET claimed = 0, again = NULL, attempts = attempts * $5, \
                    due_time = CASE WHEN again < $4 THEN again ELSE $4 END \
              WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1",
        )
        .bind(claim.tenant.as_str())
        .bind(claim.job.as_str())
        .bind(claim.epoch)
        .bind(nanos(due))
        .bind(keep)
        .execute(&mut *system.tx)
        .await?;
        if given.rows_affected() == 0 {
            return Err(lapsed());
        }
        system.commit().await
    }

    /// Makes a job of the scope's tenant due at `due` at the latest, in a transaction of its own.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn schedule_job(&self, scope: &TenantScope, job: &str, due: Timestamp) -> Result<()> {
        let mut system = self.system_tx().await?;
        schedule(&mut system.tx, scope.tenant(), job, due).await?;
        system.commit().await
    }
}

impl TenantTx<'_> {
    /// Makes a job of the tenant due at `due` at the latest, together with the transaction's effect.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn schedule_job(&mut self, job: &str, due: Timestamp) -> Result<()> {
        let tenant = self.tenant();
        schedule(self.conn(), tenant, job, due).await
    }

    /// Makes sure that the job is still this one's: what the transaction writes is its effect.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another holds it.
    pub async fn require_claim(&mut self, claim: &JobClaim) -> Result<()> {
        require_claim(self.conn(), claim).await
    }
}

impl ProviderTx<'_> {
    /// Makes a job of a tenant due at `due` at the latest, together with the transaction's effect.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn schedule_job(
        &mut self,
        tenant: &TenantId,
        job: &str,
        due: Timestamp,
    ) -> Result<()> {
        schedule(self.conn(), tenant, job, due).await
    }
}

/// Claims those of these jobs, tenant and name, that are still due at `now`, until `until` (both ns).
async fn claim(
    conn: &mut sqlx::AnyConnection,
    due: &[(String, String)],
    now: i64,
    until: i64,
) -> Result<Vec<JobClaim>> {
    let keys: Vec<String> = (0..due.len())
        .map(|n| format!("({})", parameters(3 + 2 * n, 2)))
        .collect();
    // One statement for all: one for each spends most of its time on the way to the database. CROSS
    // JOIN keeps SQLite from scanning the table.
    let sql = format!(
        "WITH wanted (tenant_id, job) AS (VALUES {}), \
         due AS (SELECT j.tenant_id, j.job FROM wanted w CROSS JOIN jobs j \
                  WHERE j.tenant_id = w.tenant_id AND j.job = w.job AND j.due_time <= $1{}) \
         UPDATE jobs SET epoch = epoch + 1, attempts = attempts + 1, claimed = 1, due_time = $2 \
          WHERE (tenant_id, job) IN (SELECT tenant_id, job FROM due) \
      RETURNING tenant_id, job, epoch, attempts",
        keys.join(", "),
        Dialect::of(conn).lock_jobs()
    );
    // As many texts as numbers: not worth remembering.
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
    let mut query = query.bind(now).bind(until);
    for (tenant, job) in due {
        query = query.bind(tenant.as_str()).bind(job.as_str());
    }
    // Those that another replica was quicker to claim are not among them.
    let rows = query.fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let tenant: String = row.try_get("tenant_id")?;
            Ok(JobClaim {
                tenant: tenant
                    .parse()
                    .map_err(|_| Error::internal("a tenant id in the database is malformed"))?,
                job: row.try_get("job")?,
                epoch: row.try_get("epoch")?,
                attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
            })
        })
        .collect()
}

pub(super) async fn schedule(
    conn: &mut sqlx::AnyConnection,
    tenant: &TenantId,
    job: &str,
    due: Timestamp,
) -> Result<()> {
    sqlx::query(SCHEDULE)
        .bind(tenant.as_str())
        .bind(job)
        .bind(i64::from(bucket_of(tenant)))
        .bind(nanos(due))
        .execute(conn)
        .await?;
    Ok(())
}

/// Fails when another has claimed the job meanwhile. Part of the transaction that the claim fences.
pub(super) async fn require_claim(conn: &mut sqlx::AnyConnection, claim: &JobClaim) -> Result<()> {
    let held: Option<i64> = sqlx::query_scalar(
        "SELECT epoch FROM jobs WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1",
    )
    .bind(claim.tenant.as_str())
    .bind(claim.job.as_str())
    .bind(claim.epoch)
    .fetch_optional(conn)
    .await?;
    held.map(drop).ok_or_else(lapsed)
}

fn lapsed() -> Error {
    Error::new(Reason::EtagMismatch, "the claim has lapsed")
}
