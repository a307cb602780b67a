//! Forgetting what has long arrived or was long given up.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Permit, Result, TenantScope};
use jiff::SignedDuration;

use super::store;

/// How long what has arrived, or was given up, can be looked at.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Sweeps a tenant's, whatever the state of the subscription. What waits stays.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached; what was swept before stays so.
pub(crate) async fn sweep(kernel: &Kernel, scope: &TenantScope, permit: &Permit) -> Result<()> {
    let (db, tenant) = (kernel.db(), scope.tenant());
    let now = kernel.env().now();
    let before = now.checked_sub(KEPT).map_err(Error::internal)?;
    loop {
        let mut read = db.tenant_read(scope).await?;
        if !store::has_old(read.conn(), tenant, before).await? {
            return Ok(());
        }
        drop(read);
        let mut tx = db.tenant_tx(scope, permit).await?;
        let count = store::forget_old(&mut tx, before).await?;
        if count == 0 {
            // Another server was quicker.
            return Ok(());
        }
        let entry = AuditEntry::new(permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("forgotten", count);
        tx.commit(entry).await?;
    }
}
