//! What a tenant adds to the counts of a day: once, by whichever server holds its job's claim.

use cordon_release::{Collector, Contribution, Day, DayKey, MemoryKey, OwnTag, ProviderRanges};
use sqlx::{AnyConnection, Row as _};

use super::super::dialect::{Dialect, confine, parameters};
use super::super::jobs::{JobClaim, require_claim};
use super::super::{Db, from_sql, nanos, to_sql};
use super::{STATEMENT_ROWS, days, ranges, rows, stored};
use crate::error::Result;
use crate::keys::KeyId;

/// A day that a tenant has yet to contribute to, and what that takes.
#[derive(Debug)]
pub struct Contributing {
    key: DayKey,
    memory: MemoryKey,
    remembered: Vec<(Day, OwnTag)>,
    ranges: ProviderRanges,
    after: u64,
    until: u64,
}

impl Contributing {
    /// Events with sequence numbers above this one count.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.after
    }

    /// The last event that counts: the newest that was stored before the day's end.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.until
    }

    /// Takes what the tenant saw.
    #[must_use]
    pub fn collector(&self) -> Collector<'_> {
        let remembered = self.remembered.iter().copied();
        Collector::new(&self.key, &self.memory, remembered, &self.ranges)
    }
}

impl Db {
    /// What the job's tenant has to contribute to the day that is over; `None` when it has
    /// contributed, has nothing new, or comes too late: it then contributes to the next.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database or the keys can't be reached.
    pub async fn begin_contribution(&self, claim: &JobClaim) -> Result<Option<Contributing>> {
        let day = Day::of(self.env().now()).minus(1);
        let tenant = claim.tenant().as_str();
        let server = self.keyring().system(&KeyId::server()).await?;
        let own = self.keyring().tenant(claim.tenant()).await?;
        let mut read = self.system_read().await?;
        confine(&mut read, tenant).await?;
        let open: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM release_days WHERE day = $1 AND closed = 0")
                .bind(i64::from(day.number()))
                .fetch_optional(&mut *read)
                .await?;
        let Some(sealed) = open else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT day, seq FROM release_contributions WHERE tenant_id = $1 \
              ORDER BY day DESC LIMIT 1",
        )
        .bind(tenant)
        .fetch_optional(&mut *read)
        .await?;
        let (mut after, mut last) = (0, None);
        if let Some(row) = row {
            last = Some(days::day_of(row.try_get(0)?)?);
            after = from_sql(row.try_get(1)?)?;
        }
        if last >= Some(day) {
            return Ok(None);
        }
        // What came in before the earliest day of the window was not seen within it.
        let holding = Collector::holding(day);
        let floor = stored_before(&mut read, tenant, holding.minus(1)).await?;
        let after = after.max(floor);
        let until = stored_before(&mut read, tenant, day).await?;
        if until <= after {
            return Ok(None);
        }
        let rows = sqlx::query(
            "SELECT day, own_tag FROM release_memory WHERE tenant_id = $1 AND day >= $2",
        )
        .bind(tenant)
        .bind(i64::from(holding.number()))
        .fetch_all(&mut *read)
        .await?;
        let remembered = rows.iter().map(|row| {
            let tag: Vec<u8> = row.try_get(1)?;
            Ok((days::day_of(row.try_get(0)?)?, OwnTag(stored(&tag)?)))
        });
        Ok(Some(Contributing {
            key: days::key(&server, day, &sealed)?,
            // Under the key that never rotates and goes with the tenant.
            memory: MemoryKey::new(&own.keyed_hash(b"release-memory", b"")),
            remembered: remembered.collect::<Result<_>>()?,
            ranges: ranges(&mut read).await?,
            after,
            until,
        }))
    }

    /// Adds what the job's tenant contributes to the day's counts, unless it has or the day is
    /// closed; whether it did. `until`: [`Contributing::until`].
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed and another server contributes.
    pub async fn contribute(
        &self,
        claim: &JobClaim,
        contribution: &Contribution,
        until: u64,
    ) -> Result<bool> {
        let tenant = claim.tenant().as_str();
        let day = i64::from(contribution.day().number());
        let holding = i64::from(Collector::holding(contribution.day()).number());
        let mut system = self.system_tx().await?;
        let tx = &mut system.tx;
        confine(tx, tenant).await?;
        require_claim(tx, claim).await?;
        let open: Option<i64> = sqlx::query_scalar(Dialect::of(tx).hold_release_day())
            .bind(day)
            .fetch_optional(&mut **tx)
            .await?;
        if open.is_none() {
            return Ok(false);
        }
        // A tenant that was deleted meanwhile leaves nothing.
        let noted = sqlx::query(
            "INSERT INTO release_contributions (tenant_id, day, seq) \
             SELECT tenant_id, $2, $3 FROM tenants WHERE tenant_id = $1 AND status <> 'deleted' \
             ON CONFLICT (tenant_id, day) DO NOTHING",
        )
        .bind(tenant)
        .bind(day)
        .bind(to_sql(until)?)
        .execute(&mut **tx)
        .await?;
        if noted.rows_affected() == 0 {
            return Ok(false);
        }
        for old in [
            "DELETE FROM release_contributions WHERE tenant_id = $1 AND day < $2",
            "DELETE FROM release_memory WHERE tenant_id = $1 AND day < $2",
        ] {
            sqlx::query(old)
                .bind(tenant)
                .bind(holding)
                .execute(&mut **tx)
                .await?;
        }
        for own in contribution.remember().chunks(STATEMENT_ROWS) {
            remember(tx, tenant, day, own).await?;
        }
        // In the order of the tags, in which all tenants add: none waits for another in a circle.
        for tags in contribution.tags().chunks(STATEMENT_ROWS) {
            let rows = rows(tags.len(), |at| format!("($1, ${}, 1)", at + 2));
            let sql = format!(
                "INSERT INTO release_counts (day, tag, tenants) VALUES {rows} \
                 ON CONFLICT (day, tag) DO UPDATE SET tenants = release_counts.tenants + 1"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
            let query = tags
                .iter()
                .fold(query.bind(day), |query, tag| query.bind(tag.0.to_vec()));
            query.execute(&mut **tx).await?;
        }
        system.commit().await?;
        Ok(true)
    }
}

async fn remember(conn: &mut AnyConnection, tenant: &str, day: i64, own: &[OwnTag]) -> Result<()> {
    let rows = rows(own.len(), |at| {
        format!("($1, {}, $2)", parameters(at + 3, 1))
    });
    let sql = format!(
        "INSERT INTO release_memory (tenant_id, own_tag, day) VALUES {rows} \
         ON CONFLICT (tenant_id, own_tag) DO UPDATE SET day = excluded.day"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
    let query = own.iter().fold(query.bind(tenant).bind(day), |query, tag| {
        query.bind(tag.0.to_vec())
    });
    query.execute(conn).await?;
    Ok(())
}

/// The newest of the tenant's events that were stored by the end of a day; 0 if there is none.
async fn stored_before(conn: &mut AnyConnection, tenant: &str, day: Day) -> Result<u64> {
    // Backwards from the newest: the first that is old enough is not far.
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT first_seq + row_count - 1 FROM journal WHERE tenant_id = $1 AND stored_time < $2 \
          ORDER BY first_seq DESC LIMIT 1",
    )
    .bind(tenant)
    .bind(nanos(day.end()))
    .fetch_optional(conn)
    .await?;
    from_sql(last.unwrap_or(0))
}
