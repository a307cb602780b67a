//! The end of a tenant: announced, called off, and attested.

use std::time::Duration;

use cordon_proto::tenants::{
    DeleteTenantRequest, GetDeletionCertificateRequest, UndeleteTenantRequest,
};

use super::{DeletionCertificate, Tenant, Tenants, named, present};
use crate::client::{Call, call};
use crate::error::{Error, Result};

impl Tenants {
    /// Begins the waiting period at whose end the tenant's keys are destroyed, and with them its
    /// data, for ever. Until then [`Tenants::undelete_tenant`] calls it off.
    ///
    /// Needs the tenant suspended, and no legal hold on it. The waiting period is 7 to 30 days;
    /// 30 if none is given. The reason is kept in the tenant's log; the etag, unless empty, is
    /// checked.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is not suspended or is held, `INVALID_ARGUMENT` for another
    /// waiting period, `ETAG_MISMATCH` when somebody was faster.
    pub async fn delete_tenant(
        &self,
        tenant: &str,
        waiting_period: Option<Duration>,
        reason: &str,
        etag: &str,
    ) -> Result<Tenant> {
        let waiting_period = waiting_period.map(prost_types::Duration::try_from);
        let message = DeleteTenantRequest {
            name: named("tenants", tenant),
            etag: etag.to_owned(),
            waiting_period: waiting_period
                .transpose()
                .map_err(|_| Error::invalid("waiting_period", "expected 7 to 30 days"))?,
            reason: reason.to_owned(),
        };
        present(call!(self, Call::ONCE, delete_tenant(message))?.tenant)
    }

    /// Calls a deletion off while its waiting period lasts; the tenant is then suspended. The
    /// etag, unless empty, is checked.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when no deletion waits, `ETAG_MISMATCH` when somebody was faster.
    pub async fn undelete_tenant(&self, tenant: &str, etag: &str) -> Result<Tenant> {
        let message = UndeleteTenantRequest {
            name: named("tenants", tenant),
            etag: etag.to_owned(),
        };
        present(call!(self, Call::ONCE, undelete_tenant(message))?.tenant)
    }

    /// The signed account of what was destroyed with a tenant, and how that was verified.
    /// [`statement::verify`](crate::statement::verify) checks who signed it.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none.
    pub async fn deletion_certificate(&self, tenant: &str) -> Result<DeletionCertificate> {
        let message = GetDeletionCertificateRequest {
            name: named("tenants", tenant),
        };
        present(call!(self, Call::SAFE, get_deletion_certificate(message))?.deletion_certificate)
    }
}
