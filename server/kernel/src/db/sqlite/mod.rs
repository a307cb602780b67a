//! What is native to SQLite. One connection writes, on a thread of its own, so that its statements
//! stay prepared and no two of our transactions fight over the lock; a small pool reads.
//!
//! A statement costs a round trip to the connection's thread. So a flush of a thousand blocks is
//! not a thousand statements: rows go in many to a statement, and what is asked for or changed by
//! many keys goes as one JSON array.

#[path = "../native/append.rs"]
mod append;
mod connect;
mod guard;
#[path = "../native/leftovers.rs"]
mod leftovers;
mod many;
#[path = "../native/originals.rs"]
mod originals;
#[path = "../native/read.rs"]
mod read;
#[path = "../native/rows.rs"]
mod rows;
#[path = "../native/segments.rs"]
mod segments;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, Transaction};
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore};

use super::catalogue::Catalogue;
use super::journal::{Appended, Head, JournalStore, RawBlock, RawEntry, Work};
use super::segments::{RawSegment, RawSnapshot, StoredCommit};
use super::{DbConfig, PATIENCE};
use crate::error::{Error, Reason, Result};
use crate::ids::{SourceId, TenantId};
use append::{Attempt, KnownSources, Policy, Refused};

pub(super) use connect::{options, pools};

/// What the shared texts run on.
type Conn = SqliteConnection;
type Row = sqlx::sqlite::SqliteRow;

/// Pages of WAL before it is copied back: 64 MiB. Rarer than SQLite's usual 4 MiB, since under
/// load each flush dirties the same thousand pages again.
const CHECKPOINT_PAGES: &str = "16384";

/// Pages given back in one transaction: a few milliseconds' work.
const SHRINK_PAGES: u64 = 256;

pub(super) struct SqliteJournal {
    writing: SqliteConnectOptions,
    writer: Mutex<Option<SqliteConnection>>,
    readers: SqlitePool,
    turns: Arc<Semaphore>,
    catalogue: Catalogue,
    known_sources: KnownSources,
    policy: Policy,
}

/// The writing connection and the right to use it.
struct Writer<'a> {
    options: &'a SqliteConnectOptions,
    guard: MutexGuard<'a, Option<SqliteConnection>>,
    _turn: OwnedSemaphorePermit,
}

impl SqliteJournal {
    pub(super) async fn open(
        options: &SqliteConnectOptions,
        config: &DbConfig,
        turns: Arc<Semaphore>,
        catalogue: Catalogue,
    ) -> Result<Self> {
        let writing = options
            .clone()
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", "16777216")
            .pragma("cache_size", "-32768");
        let writer = writing.connect().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(config.readers.max(1))
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .before_acquire(|conn, _| Box::pin(std::future::ready(Ok(!conn.is_in_transaction()))))
            .connect_lazy_with(
                options
                    .clone()
                    .pragma("query_only", "ON")
                    .pragma("cache_size", "-8192"),
            );
        Ok(Self {
            writing,
            writer: Mutex::new(Some(writer)),
            readers,
            turns,
            catalogue,
            known_sources: KnownSources::default(),
            policy: Policy::of(config),
        })
    }

    async fn writer(&self) -> Result<Writer<'_>> {
        let turn = super::turn(&self.turns).await?;
        Ok(Writer {
            options: &self.writing,
            guard: self.writer.lock().await,
            _turn: turn,
        })
    }

    async fn read_tx(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin_with("BEGIN DEFERRED").await?)
    }
}

impl Writer<'_> {
    fn conn(&mut self) -> Result<&mut SqliteConnection> {
        self.guard.as_mut().ok_or_else(|| {
            Error::new(Reason::Unavailable, "the database is closed")
                .with_retry_after(Duration::from_secs(1))
        })
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>> {
        let options = self.options;
        let conn = self.conn()?;
        if conn.is_in_transaction() {
            // The last one was given up, and its end may still be under way.
            conn.ping().await?;
        }
        if conn.is_in_transaction() {
            // Or SQLite has ended it by itself: see `connect`.
            *conn = options.connect().await?;
        }
        Ok(conn.begin_with("BEGIN IMMEDIATE").await?)
    }
}

#[async_trait]
impl JournalStore for SqliteJournal {
    async fn append(&self, work: Work) -> Result<Appended> {
        let mut writer = self.writer().await?;
        let mut refused = Refused::new();
        for _ in 0..append::ATTEMPTS {
            let mut tx = writer.begin().await?;
            let known = &self.known_sources;
            match append::append(&mut tx, &work, &refused, &self.policy, known).await? {
                Attempt::Done(done) => {
                    tx.commit().await?;
                    return Ok(done.appended(refused, known));
                }
                Attempt::Refused(more) => refused.extend(more),
                Attempt::Crossed => {}
            }
            tx.rollback().await?;
        }
        Err(append::too_often())
    }

    async fn heartbeat(
        &self,
        source: &SourceId,
        watermark: Option<i64>,
        now: Timestamp,
    ) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        append::heard_of(&mut tx, source, watermark, super::nanos(now)).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn head(&self, tenant: &TenantId) -> Result<Option<Head>> {
        let mut conn = self.readers.acquire().await?;
        read::head(&mut conn, tenant).await
    }

    async fn blocks_after(
        &self,
        tenant: &TenantId,
        after: u64,
        max_bytes: u64,
    ) -> Result<Option<(Head, Vec<RawBlock>)>> {
        let mut tx = self.read_tx().await?;
        read::blocks_after(&mut tx, tenant, after, max_bytes).await
    }

    async fn blocks(&self, tenant: &TenantId, first_seqs: &[u64]) -> Result<Vec<Option<RawBlock>>> {
        let mut conn = self.readers.acquire().await?;
        read::blocks(&mut conn, tenant, first_seqs).await
    }

    async fn entries(&self, tenant: &TenantId, after: u64, limit: u32) -> Result<Vec<RawEntry>> {
        let mut conn = self.readers.acquire().await?;
        read::entries(&mut conn, tenant, after, limit).await
    }

    async fn chain(&self, tenant: &TenantId) -> Result<(u64, Vec<u8>)> {
        let mut conn = self.readers.acquire().await?;
        read::chain(&mut conn, tenant).await
    }

    async fn snapshot(&self, tenant: &TenantId) -> Result<Option<RawSnapshot>> {
        let mut tx = self.read_tx().await?;
        segments::snapshot(&mut tx, tenant, &self.catalogue).await
    }

    async fn commit_segments(&self, tenant: &TenantId, commit: StoredCommit) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        segments::commit(&mut tx, tenant, commit, self.policy.seal).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn segment_payload(&self, tenant: &TenantId, segment: &str) -> Result<Option<Vec<u8>>> {
        let mut conn = self.readers.acquire().await?;
        segments::payload(&mut conn, tenant, segment).await
    }

    async fn deleted_segments(
        &self,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<Vec<RawSegment>> {
        let mut conn = self.readers.acquire().await?;
        segments::deleted(&mut conn, tenant, before).await
    }

    async fn forget_segments(&self, tenant: &TenantId, segments: &[String]) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        segments::forget(&mut tx, tenant, segments).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn shrink(&self, keep: u64) -> Result<u64> {
        let mut given = 0;
        loop {
            let mut writer = self.writer().await?;
            let conn = writer.conn()?;
            let (page, free): (i64, i64) = sqlx::query_as(
                "SELECT page_size, freelist_count FROM pragma_page_size, pragma_freelist_count",
            )
            .fetch_one(&mut *conn)
            .await?;
            let (page, free) = (super::from_sql(page)?, super::from_sql(free)?);
            let spare = free.saturating_sub(keep.div_ceil(page.max(1)));
            let before = free;
            if spare > 0 {
                let step = format!("PRAGMA incremental_vacuum({})", spare.min(SHRINK_PAGES));
                sqlx::raw_sql(sqlx::AssertSqlSafe(step))
                    .execute(&mut *conn)
                    .await?;
            }
            let after: i64 = sqlx::query_scalar("SELECT freelist_count FROM pragma_freelist_count")
                .fetch_one(&mut *conn)
                .await?;
            let freed = before.saturating_sub(super::from_sql(after)?);
            given += freed * page;
            // A file that was not made to shrink does not.
            if freed == 0 {
                // The file itself is cut when the log is copied back, and the log by the next
                // who writes.
                sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE)")
                    .execute(&mut *conn)
                    .await?;
                return Ok(given);
            }
        }
    }

    async fn close(&self) {
        self.readers.close().await;
        if let Some(conn) = self.writer.lock().await.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}
