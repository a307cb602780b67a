//! What is past its time in the room: findings that were closed long ago, and what is left of the
//! provider's rules that were withdrawn.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Permit, Result, TenantScope};
use jiff::SignedDuration;

use super::{findings, rules};

/// How long findings are kept that are resolved or suppressed.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Most findings of a tenant, as long as there are closed ones to remove.
const MOST: i64 = 100_000;
/// Findings that are removed in one transaction.
const STEP: i64 = 1_024;

/// Removes it; how many findings.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn sweep(kernel: &Kernel, scope: &TenantScope, permit: &Permit) -> Result<u64> {
    sweep_beyond(kernel, scope, permit, (KEPT, MOST)).await
}

/// The same with another time and number of findings that are kept.
pub(super) async fn sweep_beyond(
    kernel: &Kernel,
    scope: &TenantScope,
    permit: &Permit,
    (kept, most): (SignedDuration, i64),
) -> Result<u64> {
    let before = kernel.env().now().checked_sub(kept);
    let before = before.map_err(Error::internal)?;
    let name = || Name::Tenant(scope.tenant().clone());
    let tenant = scope.tenant().as_str();
    let mut read = kernel.db().tenant_read(scope).await?;
    let withdrawn = rules::has_withdrawn(read.conn(), tenant).await?;
    let mut closed = findings::has_closed(read.conn(), tenant, (before, most)).await?;
    drop(read);
    if withdrawn {
        let mut tx = kernel.db().tenant_tx(scope, permit).await?;
        let gone = rules::forget_withdrawn(&mut tx).await?;
        let entry = AuditEntry::new(permit).resource(name());
        tx.commit(entry.detail("rule_settings", gone)).await?;
    }
    let mut all = 0;
    while closed {
        let mut tx = kernel.db().tenant_tx(scope, permit).await?;
        let gone = findings::forget_closed(&mut tx, (before, most), STEP).await?;
        closed = gone > 0;
        if closed {
            let entry = AuditEntry::new(permit).resource(name());
            tx.commit(entry.detail("findings", gone)).await?;
        }
        all += gone;
    }
    Ok(all)
}
