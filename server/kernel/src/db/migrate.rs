//! Migrations: embedded text, applied in order, each in one transaction, each with a checksum, so
//! that a database that was migrated by other text is noticed and not guessed at.

use ring::digest;
use sqlx::any::AnyConnectOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use super::dialect::Dialect;
use super::postgres::{Place, roles};
use crate::clock::Env;
use crate::error::{Error, Reason, Result};

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($folder:literal: $($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!(
                "../../../../migrations/", $folder, "/000", $version, "_", $name, ".sql"
            )),
        }),+]
    };
}

const SQLITE: &[Migration] = migrations!("sqlite":
    1 "kernel", 2 "journal_payloads", 3 "quarantine_networks", 4 "originals");

const POSTGRES: &[Migration] = migrations!("postgres": 1 "tables", 2 "walls");

const fn ledger(dialect: Dialect) -> &'static str {
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
        version: migrations.last().map_or(0, |m| m.version),
    }
}

/// Fails unless the schema of the file is exactly this program's.
pub(super) async fn require_current_sqlite(options: &SqliteConnectOptions) -> Result<()> {
    // Not through `Any`, which makes a file that is missing.
    let mut conn = options.clone().create_if_missing(false).connect().await?;
    let known: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'")
            .fetch_one(&mut conn)
            .await?;
    let applied = if known == 0 {
        Vec::new()
    } else {
        sqlx::query_as(APPLIED).fetch_all(&mut conn).await?
    };
    conn.close().await?;
    require_none(pending(applied, SQLITE)?.len())
}

/// The same for PostgreSQL.
pub(super) async fn require_current_postgres(conn: &mut PgConnection) -> Result<()> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass('public.schema_migrations') IS NOT NULL")
            .fetch_one(&mut *conn)
            .await?;
    let applied = if known {
        sqlx::query_as(APPLIED).fetch_all(conn).await?
    } else {
        Vec::new()
    };
    require_none(pending(applied, POSTGRES)?.len())
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

async fn apply(
    conn: &mut AnyConnection,
    place: Option<&Place>,
    env: &Env,
    migrations: &'static [Migration],
) -> Result<usize> {
    let dialect = Dialect::of(conn);
    let mut tx = conn.begin_with(dialect.begin_write()).await?;
    if let Err(error) = sqlx::raw_sql(ledger(dialect)).execute(&mut *tx).await {
        // Another program makes the ledger at this moment, and has committed it now: what IF NOT
        // EXISTS looked at was before.
        let code = error.as_database_error().and_then(|e| e.code());
        if !matches!(code.as_deref(), Some("23505" | "42P07")) {
            return Err(error.into());
        }
        tx.rollback().await?;
        tx = conn.begin_with(dialect.begin_write()).await?;
        sqlx::raw_sql(ledger(dialect)).execute(&mut *tx).await?;
    }
    if let Some(place) = place {
        roles::ensure(&mut tx, place, env).await?;
    }
    let mut applied = Vec::new();
    for row in sqlx::query(APPLIED).fetch_all(&mut *tx).await? {
        applied.push((row.try_get(0)?, row.try_get(1)?));
    }
    let pending = pending(applied, migrations)?;
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

const APPLIED: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";

fn pending(
    applied: Vec<(i64, Vec<u8>)>,
    migrations: &'static [Migration],
) -> Result<Vec<&'static Migration>> {
    let mut left: Vec<&'static Migration> = migrations.iter().collect();
    for (version, stored) in applied {
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

#[cfg(test)]
mod tests {
    use super::super::testing::START;
    use super::*;

    /// The journals of two tenants as the first schema held them: acme's first block is sealed.
    const FIRST: &str = "
        INSERT INTO tenants VALUES ('acme', '', 'active', NULL, 'eu', 0, 0, 'e'),
                                   ('globex', '', 'active', NULL, 'eu', 0, 0, 'e');
        INSERT INTO tenant_head VALUES ('acme', 6, x'00', 2, 0, 0, 0, 3, 0),
                                       ('globex', 5, x'00', 0, 0, 0, 0, 1, 0);
        INSERT INTO journal VALUES
            ('acme', 1, 2, 0, 0, 0, 's', 'b1', 0, 4, x'00', x'00', NULL),
            ('acme', 3, 2, 0, 0, 0, 's', 'b2', 0, 4, x'00', x'00', CAST('acme3' AS BLOB)),
            ('acme', 5, 2, 0, 0, 0, 's', 'b3', 0, 4, x'00', x'00', CAST('acme5' AS BLOB)),
            ('globex', 1, 5, 0, 0, 0, 's', 'b2', 1, 4, x'00', x'00', CAST('globex1' AS BLOB));
    ";

    #[tokio::test]
    async fn each_row_keeps_its_block_when_payloads_move_out() {
        let dir = tempfile::tempdir().unwrap();
        let (env, _) = Env::fixed(START.parse().unwrap(), 1);
        let options = SqliteConnectOptions::new()
            .filename(dir.path().join("x.db"))
            .create_if_missing(true);
        options.connect().await.unwrap().close().await.unwrap();
        let mut conn = any_sqlite(&options).await.unwrap();
        let applied = apply(&mut conn, None, &env, &SQLITE[..1]).await;
        assert_eq!(applied.unwrap(), 1);
        sqlx::raw_sql(FIRST).execute(&mut conn).await.unwrap();
        let left = SQLITE.len() - 1;
        let applied = apply(&mut conn, None, &env, SQLITE).await;
        assert_eq!(applied.unwrap(), left);

        let rows: Vec<(String, i64, Option<String>)> = sqlx::query_as(
            "SELECT tenant_id, first_seq, CAST(payload AS TEXT) \
               FROM journal LEFT JOIN journal_payloads USING (payload_id) ORDER BY 1, 2",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap();
        let row =
            |tenant: &str, seq, text: Option<&str>| (tenant.into(), seq, text.map(Into::into));
        let wanted: [(String, i64, Option<String>); 4] = [
            row("acme", 1, None),
            row("acme", 3, Some("acme3")),
            row("acme", 5, Some("acme5")),
            row("globex", 1, Some("globex1")),
        ];
        assert_eq!(rows, wanted);
        let blocks: Vec<i64> =
            sqlx::query_scalar("SELECT unsealed_blocks FROM tenant_head ORDER BY tenant_id")
                .fetch_all(&mut conn)
                .await
                .unwrap();
        assert_eq!(blocks, [2, 1]);
        let last: i64 = sqlx::query_scalar("SELECT seq FROM sqlite_sequence")
            .fetch_one(&mut conn)
            .await
            .unwrap();
        assert_eq!(last, 3, "the next payload gets a number of its own");
    }
}
