//! The transaction in which a principal changes its own credential.

use sqlx::AnyConnection;
use sqlx::{Any, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::Db;
use crate::audit::{self, AuditEntry};
use crate::auth::{Home, Permit, SelfScope};
use crate::error::{Error, Result};

/// A writing transaction on the caller's own credential. The entry goes to the log of the
/// caller's home: its tenant's, or the provider's for staff and sources. Dropped uncommitted, it
/// rolls back.
pub struct SelfTx<'s> {
    db: Db,
    scope: &'s SelfScope,
    permit: &'s Permit,
    // Before the turn, so that it is dropped first.
    tx: Transaction<'static, Any>,
    turn: OwnedSemaphorePermit,
}

impl SelfTx<'_> {
    /// The connection. It writes to a tenant's rows, or to the provider's registers,
    /// and to nothing else; the SQL names home and credential in every condition.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Writes `entry` and commits both, or neither. Returns the number of the entry.
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
        let principal = self.scope.principal();
        let (seq, waited) = match principal.home() {
            Home::Tenant(tenant) => {
                let waited = self.db.waiting().write(&mut self.tx, tenant).await?;
                let entry = entry.by(principal, None);
                (
                    audit::append_tenant(&mut self.tx, tenant, now, &entry).await?,
                    Some(waited),
                )
            }
            Home::Provider | Home::Source(_) => {
                if entry.tenant().is_some() {
                    return Err(Error::internal(
                        "an audit entry about a tenant by one who is of none",
                    ));
                }
                let entry = entry.by(principal, None);
                (
                    audit::append_provider(&mut self.tx, now, &entry).await?,
                    None,
                )
            }
        };
        let Self { db, tx, turn, .. } = self;
        tx.commit().await?;
        if let Some(entries) = waited {
            entries.written();
        }
        drop(turn);
        db.changed();
        Ok(seq)
    }
}

impl Db {
    /// Begins a writing transaction on the caller's own credential.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` when the permit was not given out with this scope; `UNAVAILABLE` when
    /// the database can't be had within ten seconds.
    pub async fn self_tx<'s>(
        &self,
        scope: &'s SelfScope,
        permit: &'s Permit,
    ) -> Result<SelfTx<'s>> {
        if !permit.covers_self(scope) {
            return Err(Error::permission_denied());
        }
        let turn = self.turn().await?;
        let dialect = self.inner.dialect;
        let pools = &self.inner.pools;
        let tx = match scope.principal().home() {
            Home::Tenant(tenant) => {
                let mut tx = pools.tenant_write.begin_with(dialect.begin_write()).await?;
                sqlx::query(dialect.set_tenant())
                    .bind(tenant.as_str())
                    .execute(&mut *tx)
                    .await?;
                if let Some(lock) = dialect.lock_tenant() {
                    sqlx::query(lock)
                        .bind(tenant.as_str())
                        .execute(&mut *tx)
                        .await?;
                }
                tx
            }
            Home::Provider | Home::Source(_) => {
                pools
                    .provider_write
                    .begin_with(dialect.begin_write())
                    .await?
            }
        };
        Ok(SelfTx {
            db: self.clone(),
            scope,
            permit,
            tx,
            turn,
        })
    }
}
