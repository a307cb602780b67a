//! Entries about reads. A read has no effect whose transaction its entry could join: staff's are
//! durable before the first byte leaves, a tenant's own are written within a second, together.
//!
//! Whatever else writes to the tenant's log takes the waiting entries with it, before its own, so
//! that the log has the order in which things were done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::AnyConnection;
use tokio::sync::Notify;

use super::{SignedEntry, append_tenant};
use crate::db::Dialect;
use crate::error::Result;
use crate::ids::TenantId;

/// Most entries that wait; past it a read waits for its entry to be durable.
const CAPACITY: usize = 8_192;
/// How long entries wait for company.
pub(crate) const DELAY: Duration = Duration::from_millis(500);

/// The entries that wait. Cheap to copy; all copies are one.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    by_tenant: BTreeMap<TenantId, Vec<(Timestamp, SignedEntry)>>,
    count: usize,
}

impl Waiting {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry, or gives it back when too many wait.
    pub(crate) fn push(
        &self,
        tenant: &TenantId,
        now: Timestamp,
        entry: SignedEntry,
    ) -> std::result::Result<(), Box<SignedEntry>> {
        {
            let mut queue = self.queue();
            if queue.count >= CAPACITY {
                return Err(Box::new(entry));
            }
            queue.count += 1;
            queue
                .by_tenant
                .entry(tenant.clone())
                .or_default()
                .push((now, entry));
        }
        self.0.arrived.notify_one();
        Ok(())
    }

    /// Waits until some entry waits.
    pub(crate) async fn some(&self) {
        while self.queue().count == 0 {
            self.0.arrived.notified().await;
        }
    }

    /// Whether any entry waits, those included that are in a transaction right now.
    pub(crate) fn any(&self) -> bool {
        self.queue().count > 0
    }

    /// Those whose entries wait.
    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.queue().by_tenant.keys().cloned().collect()
    }

    /// Writes the tenant's waiting entries within a transaction. They go back to waiting if the
    /// result is dropped without [`Taken::written`]. Must only be called by whoever has the turn
    /// to write: that, and the lock on the tenant's log, is what keeps the order.
    pub(crate) async fn write(&self, conn: &mut AnyConnection, tenant: &TenantId) -> Result<Taken> {
        if let Some(lock) = Dialect::of(conn).lock_tenant() {
            sqlx::query(lock)
                .bind(tenant.as_str())
                .execute(&mut *conn)
                .await?;
        }
        let entries = self.queue().by_tenant.remove(tenant).unwrap_or_default();
        let taken = Taken {
            waiting: self.clone(),
            tenant: tenant.clone(),
            entries,
        };
        for (time, entry) in &taken.entries {
            append_tenant(&mut *conn, tenant, *time, entry).await?;
        }
        Ok(taken)
    }
}

/// Entries that are in a transaction that has not committed yet.
pub(crate) struct Taken {
    waiting: Waiting,
    tenant: TenantId,
    entries: Vec<(Timestamp, SignedEntry)>,
}

impl Taken {
    /// To be called once they are durable.
    pub(crate) fn written(mut self) {
        let count = std::mem::take(&mut self.entries).len();
        let mut queue = self.waiting.queue();
        queue.count = queue.count.saturating_sub(count);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let mut entries = std::mem::take(&mut self.entries);
        {
            let mut queue = self.waiting.queue();
            let later = queue.by_tenant.entry(self.tenant.clone()).or_default();
            entries.append(later);
            *later = entries;
        }
        self.waiting.0.arrived.notify_one();
    }
}
