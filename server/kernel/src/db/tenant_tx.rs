//! One tenant's transactions. A write ends with [`TenantTx::commit`], which takes an audit entry;
//! there is no other way to commit, so an unaudited write does not exist.

use sqlx::AnyConnection;
use sqlx::{Any, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::Db;
use crate::audit::{self, AuditEntry};
use crate::auth::{Permit, TenantScope};
use crate::error::{Error, Result};
use crate::ids::TenantId;

/// A writing transaction in one tenant. Dropped uncommitted, it rolls back.
///
/// It is the tenant's only one until it ends, and on SQLite the whole database's: between beginning
/// and commit do nothing that waits for anything else.
pub struct TenantTx<'s> {
    pub(super) db: Db,
    scope: &'s TenantScope,
    permit: &'s Permit,
    // Before the turn, so that it is dropped first.
    pub(super) tx: Transaction<'static, Any>,
    turn: OwnedSemaphorePermit,
}

impl<'s> TenantTx<'s> {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &'s TenantId {
        self.scope.tenant()
    }

    /// The connection, for the room's SQL. It refuses to write any row but the tenant's; the SQL still names the tenant in every condition.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Writes `entry` to the tenant's log and commits both, or neither. Returns the number of the
    /// entry.
    ///
    /// # Errors
    /// `INTERNAL` when the entry was made for another action than this transaction's, or names
    /// something of another tenant; nothing is committed then.
    pub async fn commit(mut self, entry: AuditEntry) -> Result<u64> {
        if entry.action() != self.permit.action() {
            return Err(Error::internal(
                "an audit entry of another action than its transaction's",
            ));
        }
        let now = self.db.env().now();
        let entry = entry.by(self.scope.principal(), self.scope.entered());
        let waited = self
            .db
            .waiting()
            .write(&mut self.tx, self.scope.tenant())
            .await?;
        let seq = audit::append_tenant(&mut self.tx, self.scope.tenant(), now, &entry).await?;
        let Self { db, tx, turn, .. } = self;
        tx.commit().await?;
        waited.written();
        drop(turn);
        db.changed();
        Ok(seq)
    }
}

/// A read-only snapshot of one tenant's rows. It has no commit.
pub struct TenantRead<'s> {
    scope: &'s TenantScope,
    tx: Transaction<'static, Any>,
}

impl<'s> TenantRead<'s> {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &'s TenantId {
        self.scope.tenant()
    }

    /// The connection, for the room's SQL. It shows the tenant's rows alone and writes nothing.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}

impl Db {
    /// Begins a writing transaction in the scope's tenant.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` when the permit was not given out with this scope; `UNAVAILABLE` when
    /// the database can't be had within ten seconds.
    pub async fn tenant_tx<'s>(
        &self,
        scope: &'s TenantScope,
        permit: &'s Permit,
    ) -> Result<TenantTx<'s>> {
        if !permit.covers_tenant(scope) {
            return Err(Error::permission_denied());
        }
        let turn = self.turn().await?;
        let dialect = self.inner.dialect;
        let mut tx = self
            .inner
            .pools
            .tenant_write
            .begin_with(dialect.begin_write())
            .await?;
        sqlx::query(dialect.set_tenant())
            .bind(scope.tenant().as_str())
            .execute(&mut *tx)
            .await?;
        if let Some(lock) = dialect.lock_tenant() {
            sqlx::query(lock)
                .bind(scope.tenant().as_str())
                .execute(&mut *tx)
                .await?;
        }
        Ok(TenantTx {
            db: self.clone(),
            scope,
            permit,
            tx,
            turn,
        })
    }

    /// Begins a read-only snapshot of the scope's tenant.
    ///
    /// # Errors
    /// `UNAVAILABLE` when no connection can be had within ten seconds.
    pub async fn tenant_read<'s>(&self, scope: &'s TenantScope) -> Result<TenantRead<'s>> {
        let dialect = self.inner.dialect;
        let mut conn = self.inner.pools.tenant_read.acquire().await?;
        // On SQLite naming the tenant is itself a write, to a temporary table of this connection.
        if let Some(writable) = dialect.set_read_only(false) {
            sqlx::query(writable).execute(&mut *conn).await?;
        }
        let mut tx =
            Transaction::begin(conn, Some(sqlx::SqlStr::from_static(dialect.begin_read()))).await?;
        sqlx::query(dialect.set_tenant())
            .bind(scope.tenant().as_str())
            .execute(&mut *tx)
            .await?;
        if let Some(read_only) = dialect.set_read_only(true) {
            sqlx::query(read_only).execute(&mut *tx).await?;
        }
        Ok(TenantRead { scope, tx })
    }
}
