//! The tables of announced work.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result};
use cordon_release::{Day, LEAD_DAYS, MIN_HOSTS};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::model::{HostWork, NewWork};

/// Rows of a statement.
const STATEMENT_ROWS: usize = 250;

pub(super) async fn announce(
    conn: &mut AnyConnection,
    work: &HostWork,
    new: &NewWork,
) -> Result<()> {
    let id = work.id.hyphenated().to_string();
    sqlx::query(
        "INSERT INTO host_work (work_id, announce_time, first_day, last_day, host_count, reference) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.as_str())
    .bind(nanos(work.announced))
    .bind(i64::from(work.first.number()))
    .bind(i64::from(work.last.number()))
    .bind(i64::from(work.hosts))
    .bind(work.reference.as_str())
    .execute(&mut *conn)
    .await?;
    let hosts: Vec<&str> = new.hosts.iter().map(String::as_str).collect();
    for hosts in hosts.chunks(STATEMENT_ROWS) {
        let rows: Vec<String> = (0..hosts.len())
            .map(|at| format!("($1, ${})", at + 2))
            .collect();
        let sql = format!(
            "INSERT INTO host_work_hosts (work_id, host) VALUES {}",
            rows.join(", ")
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
        let query = query.bind(id.as_str());
        let query = hosts.iter().fold(query, |query, host| query.bind(*host));
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Up to `limit` works before the id `before` (empty for the newest), newest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    before: &str,
    limit: i64,
) -> Result<Vec<HostWork>> {
    let rows = sqlx::query(
        "SELECT work_id, announce_time, first_day, last_day, host_count, reference FROM host_work \
          WHERE ($1 = '' OR work_id < $1) ORDER BY work_id DESC LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<HostWork> {
    let id: String = row.try_get("work_id")?;
    let day = |column: &str| -> Result<Day> {
        let number: i64 = row.try_get(column)?;
        let number = i32::try_from(number).map_err(Error::internal)?;
        Ok(Day::from_number(number))
    };
    let announced = timestamp(row.try_get("announce_time")?);
    let hosts: i64 = row.try_get("host_count")?;
    let hosts = u32::try_from(hosts).map_err(Error::internal)?;
    let first = day("first_day")?;
    Ok(HostWork {
        id: Uuid::try_parse(&id).map_err(Error::internal)?,
        announced,
        first,
        last: day("last_day")?,
        hosts,
        reference: row.try_get("reference")?,
        told: Day::of(announced).plus(LEAD_DAYS) <= first && hosts as usize >= MIN_HOSTS,
    })
}
