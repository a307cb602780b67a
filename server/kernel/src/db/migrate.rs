//! Migrations: embedded text, applied in order, each in one transaction, each with a checksum, so
//! that a database that was migrated by other text is noticed and not guessed at.

use ring::digest;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::clock::Env;
use crate::error::{Error, Reason, Result};

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "kernel",
    sql: include_str!("../../../../migrations/sqlite/0001_kernel.sql"),
}];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL,
    applied_time INTEGER NOT NULL
) STRICT";

/// What [`migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// How many migrations were applied now.
    pub applied: usize,
    /// The schema's version.
    pub version: i64,
}

/// Brings the database up to this program's schema, making the file if there is none.
/// `FAILED_PRECONDITION` when it was migrated by a newer program or by other text.
pub(super) async fn migrate(options: &SqliteConnectOptions, env: &Env) -> Result<Migrated> {
    // Takes effect on a new file only: lets `Db::shrink` give space back.
    let mut conn = options
        .clone()
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .connect()
        .await?;
    // Permanent once set; must not happen inside a transaction.
    sqlx::raw_sql("PRAGMA journal_mode = WAL")
        .execute(&mut conn)
        .await?;
    let applied = apply(&mut conn, env).await?;
    conn.close().await?;
    Ok(Migrated {
        applied,
        version: newest(),
    })
}

/// Fails unless the schema is exactly this program's.
pub(super) async fn require_current(conn: &mut SqliteConnection) -> Result<()> {
    let known: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'")
            .fetch_one(&mut *conn)
            .await?;
    let pending = if known == 0 {
        MIGRATIONS.len()
    } else {
        pending(conn).await?.len()
    };
    if pending == 0 {
        return Ok(());
    }
    Err(Error::new(
        Reason::FailedPrecondition,
        format!("the database lacks {pending} migration(s): run `cordon-server migrate`"),
    ))
}

fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.version)
}

async fn apply(conn: &mut SqliteConnection, env: &Env) -> Result<usize> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(LEDGER).execute(&mut *tx).await?;
    let pending = pending(&mut tx).await?;
    // One transaction for all: two programs that start at once do not meet half-way, and a
    // failure leaves the schema as it was.
    for migration in &pending {
        sqlx::raw_sql(migration.sql)
            .execute(&mut *tx)
            .await
            .map_err(|e| {
                Error::internal(format!(
                    "migration {} {}: {e}",
                    migration.version, migration.name
                ))
            })?;
        sqlx::query("INSERT INTO schema_migrations (version, name, checksum, applied_time) VALUES ($1, $2, $3, $4)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .bind(super::nanos(env.now()))
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(pending.len())
}

async fn pending(conn: &mut SqliteConnection) -> Result<Vec<&'static Migration>> {
    let rows = sqlx::query("SELECT version, checksum FROM schema_migrations ORDER BY version")
        .fetch_all(&mut *conn)
        .await?;
    let mut left: Vec<&'static Migration> = MIGRATIONS.iter().collect();
    for row in rows {
        let (version, stored): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        let Some(at) = left.iter().position(|m| m.version == version) else {
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!(
                    "the database has migration {version}, which this program does not know: use a newer one"
                ),
            ));
        };
        let migration = left.remove(at);
        if checksum(migration.sql) != stored {
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!(
                    "migration {version} {} was applied with other text than this program's",
                    migration.name
                ),
            ));
        }
    }
    Ok(left)
}

fn checksum(sql: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, sql.as_bytes())
        .as_ref()
        .to_vec()
}
