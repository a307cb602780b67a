//! A tenant's data keys.

use cordon_proto::tenants::{ListKeyRotationsRequest, RotateTenantKeyRequest};

use super::{KeyRotation, Tenants, named, pages, present};
use crate::client::{Call, call};
use crate::error::Result;
use crate::paging::{PAGE_SIZE, Paged};

impl Tenants {
    /// Gives the tenant a new data key, and has what older ones sealed sealed anew in the
    /// background; [`Tenants::list_key_rotations`] says how far that is. The reason is kept in
    /// the tenant's log.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when the tenant's state does not allow it.
    pub async fn rotate_key(&self, tenant: &str, reason: &str) -> Result<KeyRotation> {
        let message = RotateTenantKeyRequest {
            name: named("tenants", tenant),
            reason: reason.to_owned(),
        };
        present(call!(self, Call::ONCE, rotate_tenant_key(message))?.key_rotation)
    }

    /// The tenant's data keys, newest first, and how far sealing anew has come.
    #[must_use]
    pub fn list_key_rotations(&self, tenant: &str) -> Paged<KeyRotation> {
        let parent = named("tenants", tenant);
        pages!(
            self,
            list_key_rotations,
            ListKeyRotationsRequest { parent: parent },
            key_rotations
        )
    }
}
