//! The servers on this database: each gives signs of life, and hears whether the schema has moved
//! past its program. A sign of life is a write that is durable, so that it is one of the database,
//! too.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;

use super::jobs::JobRunner;
use super::{Db, migrate, nanos, timestamp};
use crate::error::{Error, Reason, Result};

/// A server that has given no sign of life for so long no longer serves.
pub const SILENCE: SignedDuration = SignedDuration::from_secs(60);

/// How far a server's clock may be from the database's: leases, waiting periods and the time until
/// every server knows a key are reckoned by each server's own, and leave room for twice that.
pub const CLOCKS: SignedDuration = SignedDuration::from_secs(30);

/// A server, to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSeen {
    /// Its machine and where it listens.
    pub name: String,
    /// The version of its program.
    pub program: String,
    /// The schema that its program is for.
    pub schema_version: i64,
    /// When it began to serve.
    pub started: Timestamp,
    /// Its last sign of life.
    pub seen: Timestamp,
}

/// This server's place among them.
#[derive(Debug, Clone)]
pub struct ServerId([u8; 16]);

impl Db {
    /// A name for a server that begins to serve.
    #[must_use]
    pub fn server_id(&self) -> ServerId {
        ServerId(*self.env().uuid_v7().as_bytes())
    }

    /// Writes this server's sign of life, and forgets servers that are long silent.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when the schema has moved past this program; `UNAVAILABLE` when the
    /// database can't be reached or written.
    pub async fn beat(&self, _runner: &JobRunner, id: &ServerId, name: &str) -> Result<()> {
        let now = nanos(self.env().now());
        let silence = i64::try_from(SILENCE.as_nanos()).unwrap_or(i64::MAX);
        let mut system = self.system_tx().await?;
        migrate::require_serving(&mut system.tx, self.inner.dialect).await?;
        sqlx::query(
            "INSERT INTO servers (server_id, name, program, schema_version, started_time, seen_time) \
             VALUES ($1, $2, $3, $4, $5, $5) \
             ON CONFLICT (server_id) DO UPDATE SET seen_time = excluded.seen_time",
        )
        .bind(id.0.as_slice())
        .bind(name)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(migrate::version(self.inner.dialect))
        .bind(now)
        .execute(&mut *system.tx)
        .await?;
        sqlx::query("DELETE FROM servers WHERE seen_time < $1")
            .bind(now.saturating_sub(silence.saturating_mul(60)))
            .execute(&mut *system.tx)
            .await?;
        system.commit().await
    }

    /// Compares this server's clock with the database's.
    ///
    /// # Errors
    /// `UNAVAILABLE` when they differ by more than [`CLOCKS`], or the database can't be reached.
    pub async fn require_clock(&self) -> Result<()> {
        let asked = self.env().now();
        let there: i64 = sqlx::query_scalar(self.inner.dialect.clock())
            .fetch_one(self.system())
            .await?;
        let answered = self.env().now();
        let there = Timestamp::from_millisecond(there).map_err(Error::internal)?;
        // It was there at some moment between question and answer.
        let ahead = asked.duration_since(there);
        let behind = there.duration_since(answered);
        let by = ahead.max(behind);
        if by > CLOCKS {
            return Err(Error::new(
                Reason::Unavailable,
                format!(
                    "the server's clock and the database's differ by {} seconds: set them right",
                    by.as_secs()
                ),
            ));
        }
        Ok(())
    }

    /// Takes this server off the list.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn leave(&self, _runner: &JobRunner, id: &ServerId) -> Result<()> {
        let mut system = self.system_tx().await?;
        sqlx::query("DELETE FROM servers WHERE server_id = $1")
            .bind(id.0.as_slice())
            .execute(&mut *system.tx)
            .await?;
        system.commit().await
    }

    /// The servers that have given a sign of life within [`SILENCE`], the longest-serving first.
    /// For whoever has the database: machines and versions are nothing of any tenant's.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn servers(&self) -> Result<Vec<ServerSeen>> {
        let since = self.env().now().saturating_sub(SILENCE).map_or(0, nanos);
        let rows = sqlx::query(
            "SELECT name, program, schema_version, started_time, seen_time FROM servers \
              WHERE seen_time >= $1 ORDER BY started_time, server_id",
        )
        .bind(since)
        .fetch_all(self.system())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(ServerSeen {
                    name: row.try_get(0)?,
                    program: row.try_get(1)?,
                    schema_version: row.try_get(2)?,
                    started: timestamp(row.try_get(3)?),
                    seen: timestamp(row.try_get(4)?),
                })
            })
            .collect()
    }
}
