//! Sweeping away what was announced and never finished, and objects that no row names.

use std::collections::HashSet;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Permit, Result, TenantScope};
use cordon_lake::object::Objects;
use jiff::SignedDuration;
use uuid::Uuid;

use super::store::{self, Part};
use super::upload::discard;
use crate::rooms::tenants;

/// How long after its last part a file that is not finished is kept.
const ABANDONED: SignedDuration = SignedDuration::from_hours(24);
/// How long an object may wait for its row.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// Sweeps a tenant's. While the tenant is to be kept, nothing that has a row goes.
///
/// # Errors
/// `UNAVAILABLE` when database or object store can't be reached; what was swept before stays so.
pub(crate) async fn sweep(
    kernel: &Kernel,
    objects: &Objects,
    scope: &TenantScope,
    permit: &Permit,
) -> Result<()> {
    let tenant = scope.tenant();
    let now = kernel.env().now();
    let before = |age| now.checked_sub(age).map_err(Error::internal);
    let mut read = kernel.db().tenant_read(scope).await?;
    let abandoned = match tenants::is_held(read.conn(), tenant).await? {
        true => Vec::new(),
        false => store::abandoned(read.conn(), tenant, before(ABANDONED)?).await?,
    };
    drop(read);
    if !abandoned.is_empty() {
        let parts = forget(kernel, scope, permit, &abandoned).await?;
        discard(objects, scope, &parts).await;
    }
    // Listed before the rows are read: what is in the list and has no row never gets one, once it
    // is old enough.
    let listed = objects.list_parts(scope).await?;
    if listed.is_empty() {
        return Ok(());
    }
    let mut read = kernel.db().tenant_read(scope).await?;
    let known: HashSet<Uuid> = store::all_parts(read.conn(), tenant)
        .await?
        .into_iter()
        .collect();
    drop(read);
    let oldest = before(GRACE)?.as_second();
    for object in listed {
        if !known.contains(&object.id) && object.modified < oldest {
            objects.delete(scope, &object.path).await?;
        }
    }
    Ok(())
}

/// Removes the rows of abandoned files: what parts they had.
async fn forget(
    kernel: &Kernel,
    scope: &TenantScope,
    permit: &Permit,
    abandoned: &[Uuid],
) -> Result<Vec<Part>> {
    let mut tx = kernel.db().tenant_tx(scope, permit).await?;
    // Once more, now that nobody can place a hold or store a part beside this.
    if tenants::is_held(tx.conn(), scope.tenant()).await? {
        return Ok(Vec::new());
    }
    let now = kernel.env().now();
    let before = now.checked_sub(ABANDONED).map_err(Error::internal)?;
    let still = store::abandoned(tx.conn(), scope.tenant(), before).await?;
    let (mut count, mut parts) = (0, Vec::new());
    for id in abandoned.iter().filter(|id| still.contains(id)) {
        let of = store::parts(tx.conn(), scope.tenant(), *id, -1).await?;
        if store::remove(&mut tx, *id).await? {
            parts.extend(of);
            count += 1;
        }
    }
    if count > 0 {
        let entry = AuditEntry::new(permit).detail("unfinished files swept away", count);
        tx.commit(entry).await?;
    }
    Ok(parts)
}
