//! What is native to PostgreSQL. Flushes are written by the role that may write them and read
//! nothing; a tenant's blocks and segments are read and changed by the role that sees one tenant.
//!
//! The texts that both databases take are in `native`, compiled here for PostgreSQL's connection.

#[path = "../native/append.rs"]
mod append;
mod connect;
#[path = "../native/leftovers.rs"]
mod leftovers;
mod many;
#[path = "../native/originals.rs"]
mod originals;
#[path = "../native/read.rs"]
mod read;
pub(super) mod roles;
#[path = "../native/rows.rs"]
mod rows;
#[path = "../native/segments.rs"]
mod segments;
mod walls;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::DbConfig;
use super::catalogue::Catalogue;
use super::dialect::Dialect;
use super::journal::{Appended, Head, JournalStore, RawBlock, RawEntry, Work};
use super::segments::{RawSegment, RawSnapshot, StoredCommit};
use crate::error::Result;
use crate::ids::{SourceId, TenantId};
use append::{Attempt, KnownSources, Policy, Refused};

use connect::Role;
pub(super) use connect::{Place, pools};
pub(super) use walls::require_walls;

/// What the shared texts run on.
type Conn = PgConnection;
type Row = sqlx::postgres::PgRow;

/// Connections that write flushes: one appends, another heartbeats.
const WRITERS: u32 = 2;

pub(super) struct PostgresJournal {
    ingest: PgPool,
    app: PgPool,
    catalogue: Catalogue,
    known_sources: KnownSources,
    policy: Policy,
}

impl PostgresJournal {
    pub(super) fn open(place: &Place, config: &DbConfig, catalogue: Catalogue) -> Result<Self> {
        Ok(Self {
            ingest: place.native_pool(Role::Ingest, WRITERS)?,
            app: place.native_pool(Role::App, config.readers)?,
            catalogue,
            known_sources: KnownSources::default(),
            policy: Policy::of(config),
        })
    }

    async fn ingest(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self
            .ingest
            .begin_with(Dialect::Postgres.begin_write())
            .await?)
    }

    /// A transaction that sees one tenant's rows.
    async fn tenant(
        &self,
        tenant: &TenantId,
        begin: &'static str,
    ) -> Result<Transaction<'static, Postgres>> {
        let mut tx = self.app.begin_with(begin).await?;
        sqlx::query(Dialect::Postgres.set_tenant())
            .bind(tenant.as_str())
            .execute(&mut *tx)
            .await?;
        Ok(tx)
    }

    async fn read(&self, tenant: &TenantId) -> Result<Transaction<'static, Postgres>> {
        self.tenant(tenant, Dialect::Postgres.begin_read()).await
    }

    async fn write(&self, tenant: &TenantId) -> Result<Transaction<'static, Postgres>> {
        self.tenant(tenant, Dialect::Postgres.begin_write()).await
    }
}

#[async_trait]
impl JournalStore for PostgresJournal {
    async fn append(&self, work: Work) -> Result<Appended> {
        let mut refused = Refused::new();
        for _ in 0..append::ATTEMPTS {
            let mut tx = self.ingest().await?;
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
        let mut tx = self.ingest().await?;
        append::heard_of(&mut tx, source, watermark, super::nanos(now)).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn head(&self, tenant: &TenantId) -> Result<Option<Head>> {
        let mut tx = self.read(tenant).await?;
        read::head(&mut tx, tenant).await
    }

    async fn blocks_after(
        &self,
        tenant: &TenantId,
        after: u64,
        max_bytes: u64,
    ) -> Result<Option<(Head, Vec<RawBlock>)>> {
        let mut tx = self.read(tenant).await?;
        read::blocks_after(&mut tx, tenant, after, max_bytes).await
    }

    async fn blocks(&self, tenant: &TenantId, first_seqs: &[u64]) -> Result<Vec<Option<RawBlock>>> {
        let mut tx = self.read(tenant).await?;
        read::blocks(&mut tx, tenant, first_seqs).await
    }

    async fn entries(&self, tenant: &TenantId, after: u64, limit: u32) -> Result<Vec<RawEntry>> {
        let mut tx = self.read(tenant).await?;
        read::entries(&mut tx, tenant, after, limit).await
    }

    async fn chain(&self, tenant: &TenantId) -> Result<(u64, Vec<u8>)> {
        let mut tx = self.read(tenant).await?;
        read::chain(&mut tx, tenant).await
    }

    async fn snapshot(&self, tenant: &TenantId) -> Result<Option<RawSnapshot>> {
        let mut tx = self.read(tenant).await?;
        segments::snapshot(&mut tx, tenant, &self.catalogue).await
    }

    async fn commit_segments(&self, tenant: &TenantId, commit: StoredCommit) -> Result<()> {
        let mut tx = self.write(tenant).await?;
        segments::commit(&mut tx, tenant, commit, self.policy.seal).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn segment_payload(&self, tenant: &TenantId, segment: &str) -> Result<Option<Vec<u8>>> {
        let mut tx = self.read(tenant).await?;
        segments::payload(&mut tx, tenant, segment).await
    }

    async fn deleted_segments(
        &self,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<Vec<RawSegment>> {
        let mut tx = self.read(tenant).await?;
        segments::deleted(&mut tx, tenant, before).await
    }

    async fn forget_segments(&self, tenant: &TenantId, segments: &[String]) -> Result<()> {
        let mut tx = self.write(tenant).await?;
        segments::forget(&mut tx, tenant, segments).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Its own vacuum does that.
    async fn shrink(&self, _keep: u64) -> Result<u64> {
        Ok(0)
    }

    async fn close(&self) {
        self.ingest.close().await;
        self.app.close().await;
    }
}
