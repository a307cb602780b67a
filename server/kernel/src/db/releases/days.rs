//! The days of the counts and their keys. When one is opened, closed and destroyed depends on the
//! calendar alone: by what moment a day answers must tell nothing of any tenant.

use cordon_release::{Day, DayKey, Window};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;
use zeroize::Zeroizing;

use super::super::jobs::{CONTRIBUTE, JobRunner, bucket_of, schedule};
use super::super::{Db, from_sql};
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::keys::KeyId;
use crate::keys::envelope::OwnerKeys;

/// Over how long after its end the tenants' contributions to a day are spread.
const SPREAD: SignedDuration = SignedDuration::from_hours(3);
/// Counts that are removed at a time, so that others get their turn.
const REMOVED: i64 = 10_000;

/// Under what the secret of a day is sealed.
pub(super) fn object(day: Day) -> String {
    format!("release-day/{}", day.number())
}

/// A day as it is stored, without its secret.
#[derive(Debug, Clone, Copy)]
struct Known {
    day: Day,
    closed: bool,
}

/// What is to be done about the days at a moment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Due {
    open: Vec<Day>,
    close: bool,
    forget: Vec<Day>,
}

impl Due {
    /// `known`: the days that there are, ascending.
    fn at(now: Timestamp, known: &[Known]) -> Self {
        let yesterday = Day::of(now).minus(1);
        let first = Window::ending(Day::snapshot(now)).first();
        // Days on which no server ran are opened too, and have nothing: what came in meanwhile
        // counts on the next. Before the very first day there is nothing to make up for.
        let from = known.first().map_or(yesterday, |known| known.day);
        let mut open = Vec::new();
        let mut day = from.max(first);
        while day <= yesterday {
            if known.iter().all(|known| known.day != day) {
                open.push(day);
            }
            day = day.plus(1);
        }
        Self {
            open,
            close: known
                .iter()
                .any(|known| !known.closed && known.day.closes() <= now),
            forget: known
                .iter()
                .map(|known| known.day)
                .filter(|day| *day < first)
                .collect(),
        }
    }
}

impl Db {
    /// Opens the day that is over, has every tenant contribute to it, closes the one whose time to
    /// do so is past, and destroys the keys and counts that no answer reaches back to. To be called
    /// every minute, once [`Db::require_clock`] has passed: a day that is closed too early lacks what
    /// tenants had to say. Reads one small table when nothing is due.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn keep_release_days(&self, _runner: &JobRunner) -> Result<()> {
        let now = self.env().now();
        let rows = sqlx::query("SELECT day, closed FROM release_days ORDER BY day")
            .fetch_all(self.system())
            .await?;
        let known: Vec<Known> = rows
            .iter()
            .map(|row| {
                Ok(Known {
                    day: day_of(row.try_get(0)?)?,
                    closed: row.try_get::<i64, _>(1)? == 1,
                })
            })
            .collect::<Result<_>>()?;
        let due = Due::at(now, &known);
        if due == Due::default() {
            return Ok(());
        }
        for day in due.open {
            self.open_day(day, now).await?;
        }
        if due.close {
            self.close_days(now).await?;
        }
        for day in due.forget {
            self.forget_day(day).await?;
        }
        self.forget_questions(Day::snapshot(now)).await
    }

    /// Draws a day's secret, unless another server has, and has the tenants contribute.
    async fn open_day(&self, day: Day, now: Timestamp) -> Result<()> {
        let keys = self.keyring().system(&KeyId::server()).await?;
        let secret = Zeroizing::new(self.env().bytes::<32>());
        let sealed = keys.seal(self.env(), &object(day), 0, secret.as_slice())?;
        let mut system = self.system_tx().await?;
        let opened = sqlx::query(
            "INSERT INTO release_days (day, sealed, closed) VALUES ($1, $2, 0) \
             ON CONFLICT (day) DO NOTHING",
        )
        .bind(i64::from(day.number()))
        .bind(sealed)
        .execute(&mut *system.tx)
        .await?;
        if opened.rows_affected() > 0 && day.closes() > now {
            let tenants: Vec<String> = sqlx::query_scalar(
                "SELECT tenant_id FROM tenants WHERE status <> 'deleted' ORDER BY tenant_id",
            )
            .fetch_all(&mut *system.tx)
            .await?;
            for tenant in tenants {
                let tenant: TenantId = tenant
                    .parse()
                    .map_err(|_| Error::internal("a tenant id in the database is malformed"))?;
                let due = day
                    .end()
                    .checked_add(SPREAD * i32::from(bucket_of(&tenant)) / 256);
                let due = due.map_err(Error::internal)?;
                schedule(&mut system.tx, &tenant, CONTRIBUTE, due).await?;
            }
        }
        system.commit().await
    }

    async fn close_days(&self, now: Timestamp) -> Result<()> {
        let mut system = self.system_tx().await?;
        sqlx::query("UPDATE release_days SET closed = 1 WHERE closed = 0 AND day <= $1")
            .bind(i64::from(Day::snapshot(now).number()))
            .execute(&mut *system.tx)
            .await?;
        system.commit().await
    }

    /// Destroys a day's key at once, and then what was counted under it.
    async fn forget_day(&self, day: Day) -> Result<()> {
        let number = i64::from(day.number());
        loop {
            let mut system = self.system_tx().await?;
            let removed = sqlx::query(
                "DELETE FROM release_counts WHERE day = $1 AND tag IN \
                    (SELECT tag FROM release_counts WHERE day = $1 LIMIT $2)",
            )
            .bind(number)
            .bind(REMOVED)
            .execute(&mut *system.tx)
            .await?
            .rows_affected();
            let last = from_sql(REMOVED)? > removed;
            // The row goes last, so that what is left of its counts is found again.
            let rest = match last {
                true => "DELETE FROM release_days WHERE day = $1",
                false => "UPDATE release_days SET sealed = $2 WHERE day = $1",
            };
            let query = sqlx::query(rest).bind(number);
            let query = match last {
                true => query,
                false => query.bind(Vec::new()),
            };
            query.execute(&mut *system.tx).await?;
            system.commit().await?;
            if last {
                return Ok(());
            }
        }
    }

    /// What was asked in months that no budget reaches back to.
    async fn forget_questions(&self, snapshot: Day) -> Result<()> {
        let before = cordon_release::Budget::counting_from(snapshot);
        let mut system = self.system_tx().await?;
        for old in [
            "DELETE FROM release_questions WHERE day < $1",
            "DELETE FROM release_organisations WHERE day < $1",
        ] {
            sqlx::query(old)
                .bind(i64::from(before.number()))
                .execute(&mut *system.tx)
                .await?;
        }
        system.commit().await
    }
}

/// The key of a day out of what is stored of it.
pub(super) fn key(keys: &OwnerKeys, day: Day, sealed: &[u8]) -> Result<DayKey> {
    let secret = keys.open(&object(day), 0, sealed)?;
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(super::stored(&secret)?);
    Ok(DayKey::new(day, &secret))
}

pub(super) fn day_of(number: i64) -> Result<Day> {
    let number = i32::try_from(number).map_err(Error::internal)?;
    Ok(Day::from_number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(day: i32, closed: bool) -> Known {
        Known {
            day: Day::from_number(day),
            closed,
        }
    }

    fn at(day: i64, hour: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400 + hour * 3_600).unwrap()
    }

    fn numbers(days: &[Day]) -> Vec<i32> {
        days.iter().map(|day| day.number()).collect()
    }

    #[test]
    fn a_new_installation_begins_with_yesterday() {
        let due = Due::at(at(100, 3), &[]);
        assert_eq!(numbers(&due.open), [99]);
        assert!(!due.close);
        assert!(due.forget.is_empty());
    }

    #[test]
    fn nothing_is_due_twice() {
        let days = [known(98, true), known(99, false)];
        assert_eq!(Due::at(at(100, 5), &days), Due::default());
        assert!(Due::at(at(100, 6), &days).close);
        assert_eq!(numbers(&Due::at(at(101, 0), &days).open), [100]);
    }

    #[test]
    fn days_that_nobody_opened_are_made_up_for_within_the_window() {
        let due = Due::at(at(100, 7), &[known(80, true), known(95, true)]);
        // The snapshot is of day 99, its window begins with day 93.
        assert_eq!(numbers(&due.open), [93, 94, 96, 97, 98, 99]);
        assert_eq!(numbers(&due.forget), [80]);
    }

    #[test]
    fn a_day_is_kept_while_a_snapshot_reaches_it() {
        let days: Vec<Known> = (92..=99).map(|day| known(day, day < 99)).collect();
        // Until six the snapshot is that of day 98, which reaches back to day 92.
        assert!(Due::at(at(100, 5), &days).forget.is_empty());
        assert_eq!(numbers(&Due::at(at(100, 6), &days).forget), [92]);
    }
}
