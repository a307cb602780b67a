//! The provider's transactions: its registers (tenants, accounts, resources, address ranges,
//! sources, credentials) and nothing of a tenant's data.

use std::collections::BTreeSet;

use sqlx::AnyConnection;
use sqlx::{Any, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::Db;
use crate::audit::{self, AuditEntry};
use crate::auth::{Permit, ProviderScope};
use crate::error::{Error, Result};
use crate::ids::TenantId;

/// A writing transaction of the provider's: on its registers, the only one until it ends
/// ([`Db::provider_tx`]), or beside them ([`Db::provider_tx_beside_registers`]). Dropped
/// uncommitted, it rolls back.
pub struct ProviderTx<'s> {
    pub(super) db: Db,
    scope: &'s ProviderScope,
    permit: &'s Permit,
    about: BTreeSet<TenantId>,
    /// Whether it holds the registers, and what events are attributed by may be another afterwards.
    registers: bool,
    /// Deleted by this transaction: the last entry of their logs is this one's.
    pub(super) ending: BTreeSet<TenantId>,
    // Before the turn, so that it is dropped first.
    pub(super) tx: Transaction<'static, Any>,
    turn: OwnedSemaphorePermit,
}

impl ProviderTx<'_> {
    /// The connection, for SQL on the registers. It refuses to write to a tenant's data.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Says that this concerns `tenant`: the entry goes to that tenant's log too.
    pub fn about(&mut self, tenant: &TenantId) -> &mut Self {
        self.about.insert(tenant.clone());
        self
    }

    /// Writes `entry` to the provider's log, and to the log of every tenant that this is
    /// [`about`](Self::about) and that was not deleted before, and commits all, or nothing.
    /// Returns the number of the entry in the provider's log.
    ///
    /// # Errors
    /// `INTERNAL` when the entry was made for another action than this transaction's, or names
    /// something of a tenant that this is not about, or when this is about a tenant and does not
    /// hold the registers; nothing is committed then.
    pub async fn commit(mut self, entry: AuditEntry) -> Result<u64> {
        if entry.action() != self.permit.action() {
            return Err(Error::internal(
                "an audit entry of another action than its transaction's",
            ));
        }
        if entry
            .tenant()
            .is_some_and(|tenant| !self.about.contains(tenant))
        {
            return Err(Error::internal(
                "an audit entry about a tenant that its transaction isn't about",
            ));
        }
        // A tenant that is deleted meanwhile would have an entry after its last one.
        if !self.registers && !self.about.is_empty() {
            return Err(Error::internal(
                "a transaction beside the registers that is about a tenant",
            ));
        }
        let now = self.db.env().now();
        let entry = entry.by(self.scope.principal(), None);
        let mut waited = Vec::with_capacity(self.about.len());
        for tenant in &self.about {
            if !self.ending.contains(tenant) && is_deleted(&mut self.tx, tenant).await? {
                continue; // its log is removed, or about to be
            }
            waited.push(self.db.waiting().write(&mut self.tx, tenant).await?);
            audit::append_tenant(&mut self.tx, tenant, now, &entry).await?;
        }
        let seq = audit::append_provider(&mut self.tx, now, &entry).await?;
        if self.registers {
            sqlx::query("UPDATE directory_version SET version = version + 1 WHERE id = 1")
                .execute(&mut *self.tx)
                .await?;
        }
        let Self { db, tx, turn, .. } = self;
        tx.commit().await?;
        for entries in waited {
            entries.written();
        }
        drop(turn);
        db.changed();
        Ok(seq)
    }
}

pub(super) async fn is_deleted(conn: &mut AnyConnection, tenant: &TenantId) -> Result<bool> {
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM tenants WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(status.as_deref() == Some("deleted"))
}

/// A snapshot of the provider's registers, for reading.
pub struct ProviderRead<'s> {
    _scope: &'s ProviderScope,
    tx: Transaction<'static, Any>,
}

impl ProviderRead<'_> {
    /// The connection, for SQL on the registers and the provider's own log. What is a tenant's
    /// looks empty on SQLite and is refused on PostgreSQL.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}

impl Db {
    /// Begins a writing transaction on the provider's registers. Whoever else changes them waits
    /// until it ends, and so does ingest.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` when the permit was not given out with this scope; `UNAVAILABLE` when
    /// the database can't be had within ten seconds.
    pub async fn provider_tx<'s>(
        &self,
        scope: &'s ProviderScope,
        permit: &'s Permit,
    ) -> Result<ProviderTx<'s>> {
        let mut begun = self.begin_provider(scope, permit, true).await?;
        if let Some(lock) = self.inner.dialect.lock_registers() {
            sqlx::query(lock).execute(begun.conn()).await?;
        }
        Ok(begun)
    }

    /// Begins a writing transaction on what is the provider's and nothing by which events are
    /// attributed. On PostgreSQL it holds no register: ingest does not wait for it, and no server
    /// reads the registers anew because of it. It is about no tenant.
    ///
    /// # Errors
    /// As [`Db::provider_tx`].
    pub async fn provider_tx_beside_registers<'s>(
        &self,
        scope: &'s ProviderScope,
        permit: &'s Permit,
    ) -> Result<ProviderTx<'s>> {
        self.begin_provider(scope, permit, false).await
    }

    async fn begin_provider<'s>(
        &self,
        scope: &'s ProviderScope,
        permit: &'s Permit,
        registers: bool,
    ) -> Result<ProviderTx<'s>> {
        if !permit.covers_provider(scope) {
            return Err(Error::permission_denied());
        }
        let turn = self.turn().await?;
        let pool = &self.inner.pools.provider_write;
        let tx = pool.begin_with(self.inner.dialect.begin_write()).await?;
        Ok(ProviderTx {
            db: self.clone(),
            scope,
            permit,
            about: BTreeSet::new(),
            registers,
            ending: BTreeSet::new(),
            tx,
            turn,
        })
    }

    /// Begins a snapshot of the provider's registers.
    ///
    /// # Errors
    /// `UNAVAILABLE` when no connection can be had within ten seconds.
    pub async fn provider_read<'s>(&self, scope: &'s ProviderScope) -> Result<ProviderRead<'s>> {
        let begin = self.inner.dialect.begin_read();
        let tx = self.inner.pools.provider_read.begin_with(begin).await?;
        Ok(ProviderRead { _scope: scope, tx })
    }
}
