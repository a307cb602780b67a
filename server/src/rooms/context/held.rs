//! What a tenant has told, ready to be held against events, and kept as long as it does not change.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Result, TenantId, TenantScope};
use cordon_lake::Cache;

use super::matching::Context;
use super::store;

/// Most bytes of all tenants' that are kept.
const KEPT: usize = 64 << 20;

/// What tenants have told, by tenant.
pub(crate) struct Contexts {
    kept: Cache<TenantId, (i64, Arc<Context>)>,
}

impl Default for Contexts {
    fn default() -> Self {
        Self {
            kept: Cache::new(KEPT),
        }
    }
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contexts")
    }
}

impl Contexts {
    /// What the tenant has told by now; `None` if that is nothing.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database or the keys can't be reached.
    pub(crate) async fn of(
        &self,
        kernel: &Kernel,
        scope: &TenantScope,
    ) -> Result<Option<Arc<Context>>> {
        let tenant = scope.tenant();
        let mut read = kernel.db().tenant_read(scope).await?;
        let Some(edition) = store::edition(read.conn(), tenant.as_str()).await? else {
            return Ok(None);
        };
        let kept = self.kept.get(tenant);
        let context = match kept.filter(|(of, _)| *of == edition) {
            Some((_, context)) => context,
            None => {
                let cipher = kernel.cipher(scope).await?;
                let entries = store::list(read.conn(), &cipher, None, "", i64::MAX).await?;
                drop(read);
                let made = tokio::task::spawn_blocking(move || Context::new(entries)).await;
                let context = Arc::new(made.map_err(Error::internal)?);
                let kept = (edition, Arc::clone(&context));
                self.kept.put(tenant.clone(), kept, context.bytes());
                context
            }
        };
        Ok((!context.is_empty()).then_some(context))
    }

    /// Forgets what is kept for a tenant: to be called when it is deleted.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.kept.remove(tenant);
    }
}
