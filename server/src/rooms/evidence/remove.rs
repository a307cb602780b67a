//! The end of a snapshot's bytes: first its key inside the key service, so that nothing of them can be
//! read again wherever they lie, then the objects.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Permit, Result, TenantScope};
use cordon_lake::object::Objects;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::acquire::Shelf;
use super::{pieces, store};

/// How long an object may wait for its row: as long as so much is read as a piece of a map tells of, at
/// the lowest rate that can be asked for.
const GRACE: SignedDuration = SignedDuration::from_hours(48);

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removed {
    /// When the key service destroyed the key, by its own list.
    pub(super) destroyed: Timestamp,
    /// How many objects were deleted.
    pub(super) objects: usize,
}

/// Removes what is left of a snapshot that is to be no more. Done again, it goes on where it was.
///
/// # Errors
/// `INTERNAL` for one that is not over: what is destroyed does not come back, whoever asks for it.
/// `UNAVAILABLE` when something can't be reached; the hourly sweep tries again.
pub(super) async fn remains(
    kernel: &Kernel,
    objects: &Objects,
    scope: &Arc<TenantScope>,
    permit: &Permit,
    id: Uuid,
) -> Result<Removed> {
    let cipher = kernel.cipher(scope).await?;
    let mut read = kernel.db().tenant_read(scope).await?;
    let found = store::find(read.conn(), &cipher, id).await?;
    drop(read);
    if !found.is_some_and(|snapshot| snapshot.is_over()) {
        return Err(Error::internal(
            "a snapshot that is not over was to be removed",
        ));
    }
    let destroyed = kernel.destroy_snapshot_key(&cipher, id).await?;
    let mut tx = kernel.db().tenant_tx(scope, permit).await?;
    let gone = pieces::drop_all(&mut tx, id).await?;
    let entry = AuditEntry::new(permit)
        .resource(Name::Snapshot(scope.tenant().clone(), id))
        .detail("key", "destroyed")
        .detail("objects", gone.len());
    tx.commit(entry).await?;
    let shelf = Shelf {
        objects: objects.clone(),
        scope: Arc::clone(scope),
    };
    shelf.discard(&gone).await;
    Ok(Removed {
        destroyed,
        objects: gone.len(),
    })
}

/// Finishes what a server did not live to remove, and deletes objects that no row names.
///
/// # Errors
/// `UNAVAILABLE` when database, key service or object store can't be reached.
pub(crate) async fn sweep(
    kernel: &Kernel,
    objects: &Objects,
    scope: &Arc<TenantScope>,
    permit: &Permit,
) -> Result<()> {
    let tenant = scope.tenant();
    let mut read = kernel.db().tenant_read(scope).await?;
    let leftovers = store::leftovers(read.conn(), tenant).await?;
    drop(read);
    for id in leftovers {
        remains(kernel, objects, scope, permit, id).await?;
    }
    // Listed before the rows are read: what is in the list and has no row never gets one, once it is
    // old enough.
    let listed = objects.list_evidence(scope).await?;
    if listed.is_empty() {
        return Ok(());
    }
    let mut read = kernel.db().tenant_read(scope).await?;
    let known = pieces::all_objects(read.conn(), tenant).await?;
    drop(read);
    let now = kernel.env().now();
    let oldest = now.checked_sub(GRACE).map_err(Error::internal)?.as_second();
    for object in listed {
        if !known.contains(&object.id) && object.modified < oldest {
            objects.delete(scope, &object.path).await?;
        }
    }
    Ok(())
}
