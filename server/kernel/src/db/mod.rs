//! The database. A transaction is had only with a scope, and a connection only within a
//! transaction; the pools are private and never leave this module.
//!
//! - [`tenant_tx`]: one tenant's transaction, and its read-only snapshot;
//! - [`provider_tx`]: the provider's registers;
//! - [`registers`], [`directory`]: changes of those that must keep together, and their use;
//! - [`ingest`]: the one way in for events, exactly once;
//! - [`journal`], [`segments`]: what is native to each database: append, heads, catalogue;
//! - [`sealed`]: rows of the rooms in which something is sealed;
//! - [`jobs`]: due work, claimed with a fencing epoch;
//! - [`releases`]: what answers across tenants rest on, which no room reaches;
//! - [`quarantine`]: events of nobody yet, and records that could not be read.

mod append;
mod catalogue;
pub mod deletion;
pub mod detected;
mod dialect;
pub mod directory;
mod faults;
pub mod ingest;
pub mod jobs;
pub mod journal;
pub mod measures;
mod migrate;
mod named;
pub mod originals;
mod postgres;
pub mod provider_tx;
mod purge;
pub mod quarantine;
pub mod registers;
pub mod releases;
pub mod rotation;
pub mod sealed;
pub mod segments;
pub mod self_tx;
pub mod servers;
mod sqlite;
mod standing;
pub mod tenant_tx;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sqlx::AnyPool;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use crate::audit::{self, Waiting};
use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::keys::{KeyService, Keyring};

pub use ingest::{
    BatchOutcome, DeadLetter, Flush, FlushBatch, FlushOutcome, OriginalRecord, QuarantineRecord,
    TenantBlock,
};
pub use jobs::JobClaim;
pub use journal::{BlockMeta, HeadWatch, JournalBlock, JournalEntry};
pub use migrate::Migrated;
pub use named::OtherNamed;
pub use provider_tx::{ProviderRead, ProviderTx};
pub use segments::{SegmentCommit, SegmentRow, Snapshot, SourceProgress};
pub use self_tx::SelfTx;
pub use tenant_tx::{TenantRead, TenantTx};

pub use rotation::Rotation;

pub(crate) use dialect::{Dialect, confine, parameters};
use journal::JournalStore;

/// How long a caller waits for a connection or for its turn to write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database is and how it is used.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// `sqlite:PATH`, or `postgres://HOST[:PORT]/DATABASE[?sslmode=…]` without user or password:
    /// the roles are Cordon's own.
    pub url: String,
    /// How PostgreSQL's roles log in.
    pub roles: RolePasswords,
    /// Connections for reading, per pool.
    pub readers: u32,
    /// When a tenant's journal is due to be sealed into a segment.
    pub seal: SealPolicy,
    /// Most bytes of dead letters kept per source; the oldest make room.
    pub dead_letter_bytes: u64,
    /// Most plain bytes that wait in memory to be appended; past it callers wait.
    pub append_queue_bytes: usize,
}

impl DbConfig {
    /// The usual configuration for a database at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            roles: RolePasswords::default(),
            readers: 4,
            seal: SealPolicy::default(),
            dead_letter_bytes: 256 << 20,
            append_queue_bytes: 24 << 20,
        }
    }
}

/// The passwords of PostgreSQL's roles, as far as they log in by one and not by certificate or
/// socket.
#[derive(Debug, Clone, Default)]
pub struct RolePasswords {
    /// Who migrates: owns everything and may make roles. Its name, and its password; serving
    /// neither needs nor knows it.
    pub owner: Option<(String, Option<SecretString>)>,
    /// `cordon_app`: one tenant at a time.
    pub app: Option<SecretString>,
    /// `cordon_ingest`: what a flush of events writes.
    pub ingest: Option<SecretString>,
    /// `cordon_provider`: the provider's registers.
    pub provider: Option<SecretString>,
    /// `cordon_kernel`: the kernel's own tables, and work across tenants that no room reaches.
    pub kernel: Option<SecretString>,
}

/// When a tenant's journal is due to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealPolicy {
    /// As soon as so many rows are unsealed.
    pub rows: u64,
    /// As soon as so many blocks are, however few rows they hold: many small blocks pack badly
    /// and take long to read.
    pub blocks: u64,
    /// As soon as the oldest unsealed row is so old.
    pub age: SignedDuration,
}

impl Default for SealPolicy {
    fn default() -> Self {
        Self {
            rows: 32_768,
            blocks: 128,
            age: SignedDuration::from_hours(24),
        }
    }
}

impl SealPolicy {
    /// Whether what is unsealed is due to be sealed whatever its age.
    #[must_use]
    pub fn is_much(&self, rows: u64, blocks: u64) -> bool {
        rows >= self.rows || blocks >= self.blocks
    }
}

/// The database. Cheap to copy; all copies are one.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    dialect: Dialect,
    pools: Pools,
    turns: Arc<Semaphore>,
    journal: Arc<dyn JournalStore>,
    appender: append::Appender,
    heads: journal::Heads,
    catalogue: catalogue::Catalogue,
    names: tokio::sync::Mutex<Option<Arc<named::Names>>>,
    keyring: Arc<Keyring>,
    waiting: Waiting,
    seal: SealPolicy,
    audit_task: Mutex<Option<AbortHandle>>,
    on_change: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        stop(&self.audit_task);
    }
}

fn stop(task: &Mutex<Option<AbortHandle>>) {
    if let Some(task) = task.lock().unwrap_or_else(PoisonError::into_inner).take() {
        task.abort();
    }
}

/// One pool for each kind of caller, since a connection's guards are of one kind.
struct Pools {
    tenant_write: AnyPool,
    tenant_read: AnyPool,
    provider_write: AnyPool,
    provider_read: AnyPool,
    /// The kernel's own: no guards.
    system: AnyPool,
}

/// Which database, and where.
enum Place {
    Sqlite(SqliteConnectOptions),
    Postgres(postgres::Place),
}

impl Place {
    fn of(config: &DbConfig) -> Result<Self> {
        let url = config.url.as_str();
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return postgres::Place::parse(url, &config.roles).map(Self::Postgres);
        }
        sqlite::options(url).map(Self::Sqlite)
    }
}

impl Db {
    /// Brings the database's schema up to this program's, making the file if there is none.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when a newer program or other text migrated it; `INVALID_ARGUMENT`
    /// when the URL is none of a supported database.
    pub async fn migrate(config: &DbConfig, env: &Env) -> Result<Migrated> {
        match Place::of(config)? {
            Place::Sqlite(options) => migrate::sqlite(&options, env).await,
            Place::Postgres(place) => migrate::postgres(&place, env).await,
        }
    }

    /// Opens the database, whose schema must be current ([`Db::migrate`]), and starts the task
    /// that appends. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when migrations are pending, or when PostgreSQL's walls do not stand
    /// (a role that may too much, a table without its policies); `UNAVAILABLE` when it can't be
    /// opened.
    pub async fn open(config: &DbConfig, env: Env, keys: Arc<dyn KeyService>) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let place = Place::of(config)?;
        let (dialect, pools) = match &place {
            Place::Sqlite(options) => {
                migrate::require_current_sqlite(options).await?;
                (Dialect::Sqlite, sqlite::pools(options, config.readers)?)
            }
            Place::Postgres(place) => {
                postgres::require_walls(place).await?;
                (Dialect::Postgres, postgres::pools(place, config.readers)?)
            }
        };
        let keyring = Arc::new(Keyring::new(env.clone(), keys, pools.system.clone()));
        let turns = Arc::new(Semaphore::new(dialect.writers()));
        let heads = journal::Heads::default();
        let catalogue = catalogue::Catalogue::default();
        let journal: Arc<dyn JournalStore> = match place {
            Place::Sqlite(options) => Arc::new(
                sqlite::SqliteJournal::open(
                    &options,
                    config,
                    Arc::clone(&turns),
                    catalogue.clone(),
                )
                .await?,
            ),
            Place::Postgres(place) => Arc::new(postgres::PostgresJournal::open(
                &place,
                config,
                catalogue.clone(),
            )?),
        };
        let appender = append::Appender::start(
            config,
            env.clone(),
            Arc::clone(&journal),
            Arc::clone(&keyring),
            heads.clone(),
        );
        let db = Self {
            inner: Arc::new(Inner {
                env,
                dialect,
                pools,
                turns,
                journal,
                appender,
                heads,
                catalogue,
                names: tokio::sync::Mutex::default(),
                keyring,
                waiting: Waiting::default(),
                seal: config.seal,
                audit_task: Mutex::default(),
                on_change: OnceLock::new(),
            }),
        };
        let task = tokio::spawn(write_waiting(
            db.inner.waiting.clone(),
            Arc::downgrade(&db.inner),
        ));
        *db.inner
            .audit_task
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Ok(db)
    }

    /// Waits for what is queued to be appended, then closes every connection. Afterwards all
    /// calls fail with `UNAVAILABLE`.
    pub async fn close(&self) {
        self.inner.appender.stop().await;
        stop(&self.inner.audit_task);
        if let Err(error) = self.flush_reads(None).await {
            tracing::error!(%error, "the last audit entries about reads are lost");
        }
        let pools = &self.inner.pools;
        for pool in [
            &pools.tenant_write,
            &pools.tenant_read,
            &pools.provider_write,
            &pools.provider_read,
            &pools.system,
        ] {
            pool.close().await;
        }
        self.inner.journal.close().await;
    }

    pub(crate) fn env(&self) -> &Env {
        &self.inner.env
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.inner.keyring
    }

    pub(crate) fn journal(&self) -> &dyn JournalStore {
        &*self.inner.journal
    }

    /// When a tenant's journal is due to be sealed.
    #[must_use]
    pub fn seal_policy(&self) -> SealPolicy {
        self.inner.seal
    }

    pub(crate) fn system(&self) -> &AnyPool {
        &self.inner.pools.system
    }

    /// A snapshot on an unguarded connection.
    pub(crate) async fn system_read(&self) -> Result<sqlx::Transaction<'static, sqlx::Any>> {
        Ok(self
            .inner
            .pools
            .system
            .begin_with(self.inner.dialect.begin_read())
            .await?)
    }

    pub(crate) fn waiting(&self) -> &Waiting {
        &self.inner.waiting
    }

    /// What is to happen at once after a committed change of tenants, sources or credentials.
    /// Only the first caller is heard.
    pub(crate) fn on_change(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _ = self.inner.on_change.set(Box::new(hook));
    }

    fn changed(&self) {
        if let Some(hook) = self.inner.on_change.get() {
            hook();
        }
    }

    /// Waits for the right to write, where the process has to see to that itself.
    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        turn(&self.inner.turns).await
    }

    /// Begins a writing transaction on an unguarded connection, for the kernel's own tables.
    pub(crate) async fn system_tx(&self) -> Result<SystemTx> {
        let turn = self.turn().await?;
        let tx = self
            .inner
            .pools
            .system
            .begin_with(self.inner.dialect.begin_write())
            .await?;
        Ok(SystemTx { tx, _turn: turn })
    }
}

/// Makes waiting audit entries durable, a while after the first arrives; also wipes keys whose time
/// is up. Ends when the database is dropped.
async fn write_waiting(waiting: Waiting, db: Weak<Inner>) {
    loop {
        // Woken now and then without entries too, for the keys.
        let _ = tokio::time::timeout(Duration::from_secs(30), waiting.some()).await;
        tokio::time::sleep(audit::DELAY).await;
        let Some(inner) = db.upgrade() else { return };
        let db = Db { inner };
        db.keyring().sweep();
        if let Err(error) = db.flush_reads(None).await {
            tracing::error!(%error, "audit entries about reads could not be written yet");
        }
    }
}

/// A writing transaction of the kernel's own; dropped uncommitted, it rolls back.
pub(crate) struct SystemTx {
    // Before the turn, so that it is dropped first.
    pub(crate) tx: sqlx::Transaction<'static, sqlx::Any>,
    _turn: OwnedSemaphorePermit,
}

impl SystemTx {
    /// Makes it the only one that changes what the provider's transactions change.
    pub(crate) async fn lock_registers(&mut self) -> Result<()> {
        if let Some(lock) = Dialect::of(&self.tx).lock_registers() {
            sqlx::query(lock).execute(&mut *self.tx).await?;
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let busy = || {
        Error::new(Reason::Unavailable, "the database is busy")
            .with_retry_after(Duration::from_secs(1))
    };
    tokio::time::timeout(PATIENCE, Arc::clone(turns).acquire_owned())
        .await
        .map_err(|_| busy())?
        .map_err(|_| busy())
}

/// Nanoseconds since 1970, as the tables keep times; clamped to 1677–2262.
#[must_use]
pub fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The time that [`nanos`] wrote.
#[must_use]
pub fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Sequence numbers and counts are unsigned here and signed in SQL.
pub(crate) fn to_sql(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(|_| Error::internal("a number is too large for the database"))
}

pub(crate) fn from_sql(n: i64) -> Result<u64> {
    u64::try_from(n).map_err(|_| Error::internal("a number in the database is negative"))
}
