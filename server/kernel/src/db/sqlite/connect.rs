//! How SQLite is reached.

use std::path::PathBuf;

use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::super::{PATIENCE, Pools};
use super::guard::{self, Guard};
use crate::error::{Error, Result};

/// The file behind `sqlite:PATH`, with everything that must hold on each connection.
pub(in super::super) fn options(url: &str) -> Result<SqliteConnectOptions> {
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .filter(|path| !path.is_empty() && !path.starts_with(":memory:"))
        .ok_or_else(|| Error::invalid("database.url", "expected sqlite:PATH of a file"))?;
    let path = std::path::absolute(PathBuf::from(path))
        .map_err(|e| Error::invalid("database.url", format!("no usable path: {}", e.kind())))?;
    Ok(SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging())
}

/// SQLite itself rolls back a transaction that a full disk or a failed write has stopped, and then
/// refuses to do so when it is asked. The connection counts that transaction as open for ever: it
/// is not used again.
fn pool(options: &SqliteConnectOptions, guard: Option<Guard>, size: u32) -> Result<AnyPool> {
    // `Any` takes a URL only, so what the options say beyond the path is said again below.
    let url = options.to_url_lossy();
    let options = AnyConnectOptions::from_url(&url)?.disable_statement_logging();
    Ok(AnyPoolOptions::new()
        .max_connections(size.max(1))
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|conn, _| Box::pin(std::future::ready(Ok(!conn.is_in_transaction()))))
        .after_connect(move |conn, _| {
            Box::pin(async move {
                sqlx::raw_sql(
                    "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; \
                     PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; \
                     PRAGMA trusted_schema = OFF;",
                )
                .execute(&mut *conn)
                .await?;
                match guard {
                    Some(guard) => guard::install(conn, guard).await,
                    None => Ok(()),
                }
            })
        })
        .connect_lazy_with(options))
}

/// One pool for each kind of caller.
pub(in super::super) fn pools(options: &SqliteConnectOptions, readers: u32) -> Result<Pools> {
    Ok(Pools {
        tenant_write: pool(options, Some(Guard::TenantWrite), 2)?,
        tenant_read: pool(options, Some(Guard::TenantRead), readers)?,
        provider_write: pool(options, Some(Guard::ProviderWrite), 2)?,
        provider_read: pool(options, Some(Guard::ProviderRead), 2)?,
        system: pool(options, None, 4)?,
    })
}
