//! Whose an instance was, on which hosts it was, and what work on hosts was announced.

use std::collections::BTreeSet;

use cordon_release::{Day, LEAD_DAYS, MIN_HOSTS, Ownership, Stay, Work};
use sqlx::{AnyConnection, Row as _};

use super::super::dialect::parameters;
use super::super::{timestamp, to_sql};
use super::days::day_of;
use crate::error::Result;
use crate::ids::TenantId;

/// Hosts that are looked for in one statement.
const HOSTS: usize = 64;
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;
/// Later than any day.
const NEVER: i32 = i32::MAX;

/// On which days the instance was registered for the tenant from their beginning to their end.
pub(super) async fn owned(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    instance: &str,
) -> Result<Vec<Ownership>> {
    let rows = sqlx::query(
        "SELECT valid_from, valid_to FROM resources \
          WHERE tenant_id = $1 AND identifier = $2 ORDER BY valid_from",
    )
    .bind(tenant.as_str())
    .bind(instance)
    .fetch_all(conn)
    .await?;
    let mut owned = Vec::new();
    for row in rows {
        let from = timestamp(row.try_get(0)?);
        let to = row.try_get::<Option<i64>, _>(1)?.map(timestamp);
        // A day that had begun is not owned from its beginning.
        let first = Day::of(from);
        let begun = first.minus(1).end() < from;
        owned.push(Ownership {
            instance: instance.to_owned(),
            first: first.plus(u16::from(begun)),
            last: to.map_or(Day::from_number(NEVER), |to| Day::of(to).minus(1)),
        });
    }
    Ok(owned)
}

/// On which hosts the tenant's instance was.
pub(super) async fn stays(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    instance: &str,
) -> Result<Vec<Stay>> {
    let rows = sqlx::query(
        "SELECT start_time, end_time, host FROM placements \
          WHERE tenant_id = $1 AND instance = $2 ORDER BY start_time",
    )
    .bind(tenant.as_str())
    .bind(instance)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let end = row.try_get::<Option<i64>, _>(1)?;
            Ok(Stay {
                host: row.try_get(2)?,
                first: Day::of(timestamp(row.try_get(0)?)),
                // The end itself is not in it.
                last: end.map_or(Day::from_number(NEVER), |end| {
                    Day::of(timestamp(end.saturating_sub(1)))
                }),
            })
        })
        .collect()
}

/// The announced work that takes in one of these hosts and may be told of, with all of its hosts.
/// Other work is not looked up: how long that takes would tell of it.
pub(super) async fn calendar(conn: &mut AnyConnection, stays: &[Stay]) -> Result<Vec<Work>> {
    let hosts: BTreeSet<&str> = stays.iter().map(|stay| stay.host.as_str()).collect();
    let hosts: Vec<&str> = hosts.into_iter().collect();
    let mut found: BTreeSet<String> = BTreeSet::new();
    for hosts in hosts.chunks(HOSTS) {
        let names = parameters(3, hosts.len());
        let sql = format!(
            "SELECT DISTINCT w.work_id FROM host_work_hosts h JOIN host_work w ON w.work_id = h.work_id \
              WHERE w.host_count >= $1 AND w.announce_time < (w.first_day - $2) * {DAY} \
                AND h.host IN ({names})"
        );
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).persistent(false);
        // Announced on the day so many days before, or earlier.
        let query = query.bind(to_sql(MIN_HOSTS as u64)?);
        let query = query.bind(i64::from(LEAD_DAYS) - 1);
        let query = hosts.iter().fold(query, |query, host| query.bind(*host));
        let works: Vec<String> = query.fetch_all(&mut *conn).await?;
        found.extend(works);
    }
    let mut calendar = Vec::new();
    for work in found {
        let row = sqlx::query(
            "SELECT announce_time, first_day, last_day FROM host_work WHERE work_id = $1",
        )
        .bind(work.as_str())
        .fetch_one(&mut *conn)
        .await?;
        let hosts: Vec<String> =
            sqlx::query_scalar("SELECT host FROM host_work_hosts WHERE work_id = $1")
                .bind(work)
                .fetch_all(&mut *conn)
                .await?;
        calendar.push(Work {
            announced: Day::of(timestamp(row.try_get(0)?)),
            first: day_of(row.try_get(1)?)?,
            last: day_of(row.try_get(2)?)?,
            hosts: hosts.into_iter().collect(),
        });
    }
    Ok(calendar)
}
