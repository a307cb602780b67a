//! The migrations, what the database says of those that were applied, and which programs may serve
//! beside which.

use ring::digest;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use super::super::dialect::Dialect;
use super::super::nanos;
use super::super::servers::SILENCE;
use crate::clock::Env;
use crate::error::{Error, Reason, Result};

#[derive(Clone, Copy)]
pub(super) struct Migration {
    pub(super) version: i64,
    pub(super) name: &'static str,
    /// The oldest schema whose program may serve beside this one: a migration that only adds names
    /// an older one, one that takes away names itself. `None` before that was noted.
    pub(super) serves_from: Option<i64>,
    pub(super) sql: &'static str,
}

/// `from`: as [`Migration::serves_from`].
macro_rules! migrations {
    ($folder:literal: $($version:literal $number:literal $name:literal $(from $serves_from:literal)?),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            serves_from: [$(Some($serves_from),)? None][0],
            sql: include_str!(concat!(
                "../../../../../migrations/", $folder, "/", $number, "_", $name, ".sql"
            )),
        }),+]
    };
}

pub(super) const SQLITE: &[Migration] = migrations!("sqlite":
    1 "0001" "kernel",
    2 "0002" "journal_payloads",
    3 "0003" "quarantine_networks",
    4 "0004" "originals",
    5 "0005" "servers" from 5,
    6 "0006" "ends" from 6,
    7 "0007" "incidents",
    8 "0008" "clocks" from 8,
    9 "0009" "notices" from 9,
    10 "0010" "attachments" from 10,
    11 "0011" "duties" from 11,
    12 "0012" "exchange" from 12,
    13 "0013" "outbox" from 12,
    14 "0014" "requests" from 12,
    15 "0015" "report_notices" from 15,
    16 "0016" "detection" from 15,
    17 "0017" "catalogue" from 15,
    18 "0018" "provider_rules" from 15,
    19 "0019" "analysis" from 15,
    20 "0020" "baselines" from 15,
    21 "0021" "releases" from 15,
    22 "0022" "context" from 15,
    23 "0023" "credentials" from 23,
    24 "0024" "evidence" from 24,
);

pub(super) const POSTGRES: &[Migration] = migrations!("postgres":
    1 "0001" "tables",
    2 "0002" "walls",
    3 "0003" "servers" from 3,
    4 "0004" "ends" from 4,
    5 "0005" "incidents",
    6 "0006" "clocks" from 6,
    7 "0007" "notices" from 7,
    8 "0008" "attachments" from 8,
    9 "0009" "duties" from 9,
    10 "0010" "exchange" from 10,
    11 "0011" "outbox" from 10,
    12 "0012" "requests" from 10,
    13 "0013" "report_notices" from 13,
    14 "0014" "detection" from 13,
    15 "0015" "catalogue" from 13,
    16 "0016" "provider_rules" from 13,
    17 "0017" "analysis" from 13,
    18 "0018" "baselines" from 13,
    19 "0019" "releases" from 13,
    20 "0020" "context" from 13,
    21 "0021" "credentials" from 21,
    22 "0022" "evidence" from 22,
);

/// Makes the ledger, unless it is there.
pub(super) const fn create(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version INTEGER NOT NULL PRIMARY KEY,
                name TEXT NOT NULL,
                checksum BLOB NOT NULL,
                applied_time INTEGER NOT NULL
            ) STRICT"
        }
        Dialect::Postgres => {
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version BIGINT NOT NULL PRIMARY KEY,
                name TEXT NOT NULL,
                checksum BYTEA NOT NULL,
                applied_time BIGINT NOT NULL
            );
            LOCK TABLE schema_migrations IN EXCLUSIVE MODE"
        }
    }
}

const fn known(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    }
}

/// The version of the schema that this program is for.
pub(in super::super) fn version(dialect: Dialect) -> i64 {
    newest(known(dialect))
}

pub(super) fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |m| m.version)
}

/// Fails unless this program may serve on the schema of the file: its own, or a newer one that
/// has only added.
pub(in super::super) async fn require_current_sqlite(options: &SqliteConnectOptions) -> Result<()> {
    // Not through `Any`, which makes a file that is missing.
    let mut conn = options.clone().create_if_missing(false).connect().await?;
    let there: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'")
            .fetch_one(&mut conn)
            .await?;
    let applied = if there == 0 {
        Vec::new()
    } else {
        sqlx::query_as(APPLIED).fetch_all(&mut conn).await?
    };
    let state = compare(applied, SQLITE)?;
    require_none(state.pending.len())?;
    if state.beyond {
        let (unsaid, from) = sqlx::query_as(BEYOND)
            .bind(newest(SQLITE))
            .fetch_one(&mut conn)
            .await?;
        require_beside(unsaid, from, SQLITE)?;
    }
    conn.close().await?;
    Ok(())
}

/// The same for PostgreSQL.
pub(in super::super) async fn require_current_postgres(conn: &mut PgConnection) -> Result<()> {
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('public.schema_migrations') IS NOT NULL")
            .fetch_one(&mut *conn)
            .await?;
    let applied = if there {
        sqlx::query_as(APPLIED).fetch_all(&mut *conn).await?
    } else {
        Vec::new()
    };
    let state = compare(applied, POSTGRES)?;
    require_none(state.pending.len())?;
    if state.beyond {
        let (unsaid, from) = sqlx::query_as(BEYOND)
            .bind(newest(POSTGRES))
            .fetch_one(conn)
            .await?;
        require_beside(unsaid, from, POSTGRES)?;
    }
    Ok(())
}

/// Fails when a newer program's migration has ended this one's time.
pub(in super::super) async fn require_serving(
    conn: &mut AnyConnection,
    dialect: Dialect,
) -> Result<()> {
    let migrations = known(dialect);
    let row = sqlx::query(BEYOND)
        .bind(newest(migrations))
        .fetch_one(conn)
        .await?;
    require_beside(row.try_get(0)?, row.try_get(1)?, migrations)
}

/// $1 a version: of what came after it, how many don't say beside what they may be, and the oldest
/// schema whose program may serve beside all of them.
pub(super) const BEYOND: &str = "SELECT count(*) - count(serves_from), max(serves_from) \
       FROM schema_migrations WHERE version > $1";

pub(super) fn require_beside(
    unsaid: i64,
    from: Option<i64>,
    migrations: &[Migration],
) -> Result<()> {
    if unsaid == 0 && from.is_none_or(|from| from <= newest(migrations)) {
        return Ok(());
    }
    Err(Error::new(
        Reason::FailedPrecondition,
        "the database has moved to a schema that this program can't serve: use a newer one",
    ))
}

fn require_none(pending: usize) -> Result<()> {
    if pending == 0 {
        return Ok(());
    }
    Err(Error::new(
        Reason::FailedPrecondition,
        format!("the database lacks {pending} migration(s): run `cordon-server migrate`"),
    ))
}

pub(super) async fn note(conn: &mut AnyConnection, migration: &Migration, env: &Env) -> Result<()> {
    sqlx::query(
        "INSERT INTO schema_migrations (version, name, checksum, applied_time) VALUES ($1, $2, $3, $4)",
    )
    .bind(migration.version)
    .bind(migration.name)
    .bind(checksum(migration.sql))
    .bind(nanos(env.now()))
    .execute(&mut *conn)
    .await?;
    if let Some(from) = migration.serves_from {
        sqlx::query("UPDATE schema_migrations SET serves_from = $2 WHERE version = $1")
            .bind(migration.version)
            .bind(from)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Fails while a server serves whose program would not outlive what is pending.
pub(super) async fn require_nobody_older(
    conn: &mut AnyConnection,
    env: &Env,
    pending: &[&'static Migration],
) -> Result<()> {
    let Some(from) = pending.iter().filter_map(|m| m.serves_from).max() else {
        return Ok(());
    };
    // The migration that brings the list of servers has nobody to ask.
    if pending.iter().any(|m| m.name == "servers") {
        return Ok(());
    }
    let since = env.now().saturating_sub(SILENCE).map_or(0, nanos);
    let older: Option<(String, String)> = sqlx::query_as(
        "SELECT name, program FROM servers WHERE schema_version < $1 AND seen_time >= $2 LIMIT 1",
    )
    .bind(from)
    .bind(since)
    .fetch_optional(conn)
    .await?;
    match older {
        None => Ok(()),
        Some((name, program)) => Err(Error::new(
            Reason::FailedPrecondition,
            format!(
                "the server {name} serves with version {program}, which this migration would cut off: stop or replace it first"
            ),
        )),
    }
}

pub(super) const APPLIED: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";

/// What the ledger says to this program.
pub(super) struct Ledger {
    pub(super) pending: Vec<&'static Migration>,
    /// Whether a newer program has migrated further.
    pub(super) beyond: bool,
}

pub(super) fn compare(
    applied: Vec<(i64, Vec<u8>)>,
    migrations: &'static [Migration],
) -> Result<Ledger> {
    let mut pending: Vec<&'static Migration> = migrations.iter().collect();
    let mut beyond = false;
    for (version, stored) in applied {
        let Some(at) = pending.iter().position(|m| m.version == version) else {
            if version <= newest(migrations) {
                return Err(Error::new(
                    Reason::FailedPrecondition,
                    format!(
                        "the database has a migration {version} that this program does not know"
                    ),
                ));
            }
            beyond = true;
            continue;
        };
        let migration = pending.remove(at);
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
    Ok(Ledger { pending, beyond })
}

fn checksum(sql: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, sql.as_bytes())
        .as_ref()
        .to_vec()
}
