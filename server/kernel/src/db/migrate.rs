//! Migrations: embedded text, applied in order, each in one transaction, each with a checksum, so
//! that a database that was migrated by other text is noticed and not guessed at.

mod ledger;

use sqlx::any::AnyConnectOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Row as _};

use super::dialect::Dialect;
use super::postgres::{Place, roles};
use crate::clock::Env;
use crate::error::{Error, Result};
use ledger::{
    APPLIED, BEYOND, Ledger, Migration, POSTGRES, SQLITE, compare, create, newest, note,
    require_beside, require_nobody_older,
};
pub(super) use ledger::{
    require_current_postgres, require_current_sqlite, require_serving, version,
};

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
pub(super) async fn sqlite(options: &SqliteConnectOptions, env: &Env) -> Result<Migrated> {
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
    conn.close().await?;
    let mut conn = any_sqlite(options).await?;
    let applied = apply(&mut conn, None, env, SQLITE).await?;
    conn.close().await?;
    Ok(migrated(applied, SQLITE))
}

/// The same for PostgreSQL, as its owner; makes the roles that serve, too.
pub(super) async fn postgres(place: &Place, env: &Env) -> Result<Migrated> {
    sqlx::any::install_default_drivers();
    let mut conn = place.connect_owner().await?;
    let applied = apply(&mut conn, Some(place), env, POSTGRES).await?;
    conn.close().await?;
    Ok(migrated(applied, POSTGRES))
}

async fn any_sqlite(options: &SqliteConnectOptions) -> Result<AnyConnection> {
    sqlx::any::install_default_drivers();
    let options = AnyConnectOptions::from_url(&options.to_url_lossy())?.disable_statement_logging();
    let mut conn = AnyConnection::connect_with(&options).await?;
    sqlx::raw_sql(
        "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL",
    )
    .execute(&mut conn)
    .await?;
    Ok(conn)
}

fn migrated(applied: usize, migrations: &[Migration]) -> Migrated {
    Migrated {
        applied,
        version: newest(migrations),
    }
}

async fn apply(
    conn: &mut AnyConnection,
    place: Option<&Place>,
    env: &Env,
    migrations: &'static [Migration],
) -> Result<usize> {
    let dialect = Dialect::of(conn);
    let mut tx = conn.begin_with(dialect.begin_write()).await?;
    if let Err(error) = sqlx::raw_sql(create(dialect)).execute(&mut *tx).await {
        // Another program makes the ledger at this moment, and has committed it now: what IF NOT
        // EXISTS looked at was before.
        let code = error.as_database_error().and_then(|e| e.code());
        if !matches!(code.as_deref(), Some("23505" | "42P07")) {
            return Err(error.into());
        }
        tx.rollback().await?;
        tx = conn.begin_with(dialect.begin_write()).await?;
        sqlx::raw_sql(create(dialect)).execute(&mut *tx).await?;
    }
    if let Some(place) = place {
        roles::ensure(&mut tx, place, env).await?;
    }
    let mut applied = Vec::new();
    for row in sqlx::query(APPLIED).fetch_all(&mut *tx).await? {
        applied.push((row.try_get(0)?, row.try_get(1)?));
    }
    let Ledger { pending, beyond } = compare(applied, migrations)?;
    if beyond {
        let row = sqlx::query(BEYOND)
            .bind(newest(migrations))
            .fetch_one(&mut *tx)
            .await?;
        require_beside(row.try_get(0)?, row.try_get(1)?, migrations)?;
    }
    require_nobody_older(&mut tx, env, &pending).await?;
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
        note(&mut tx, migration, env).await?;
    }
    tx.commit().await?;
    Ok(pending.len())
}

/// Applies one migration more, as the next version of this program would.
#[cfg(test)]
pub(super) async fn next_version(
    place: &super::Place,
    env: &Env,
    sql: &'static str,
    serves_from: impl FnOnce(i64) -> i64,
) -> Result<usize> {
    let (mut conn, place, migrations) = match place {
        super::Place::Sqlite(options) => (any_sqlite(options).await?, None, SQLITE),
        super::Place::Postgres(place) => {
            sqlx::any::install_default_drivers();
            (place.connect_owner().await?, Some(place), POSTGRES)
        }
    };
    let version = newest(migrations) + 1;
    let next = Migration {
        version,
        name: "next",
        serves_from: Some(serves_from(version)),
        sql,
    };
    let all = [migrations, &[next]].concat();
    apply(&mut conn, place, env, Box::leak(all.into_boxed_slice())).await
}

#[cfg(test)]
mod tests;
