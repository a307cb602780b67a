//! What the room works on.

use std::sync::Arc;

use async_trait::async_trait;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Result, TenantId};

/// Brings events that came before their tenant was known from quarantine to the tenant; the
/// events room does it.
#[async_trait]
pub trait Backfill: Send + Sync + 'static {
    /// Looks through the quarantine for what concerns the tenant as it is registered now, and
    /// returns how many events came of it. Called after the registration is durable. A job that
    /// does the same was scheduled with it, so that an error delays the events and loses none.
    ///
    /// # Errors
    /// Whatever kept it from finishing.
    async fn backfill(&self, tenant: &TenantId) -> Result<i64>;
}

/// The room's service; its methods are spread over the nouns.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) backfill: Option<Arc<dyn Backfill>>,
}

impl Service {
    /// Backfills a tenant at once, if it can be done at once; the scheduled job does what is left.
    pub(super) async fn backfilled(&self, tenant: &TenantId) -> i64 {
        let Some(backfill) = &self.backfill else {
            return 0;
        };
        match backfill.backfill(tenant).await {
            Ok(count) => count,
            Err(error) => {
                tracing::warn!(%tenant, %error, "backfill is left to its job");
                0
            }
        }
    }
}
