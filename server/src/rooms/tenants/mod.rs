//! The tenants room: tenants, what belongs to them, where events come from, and who may call.
//!
//! Everything here is the provider's register. Attribution reads it through the kernel's
//! directory; the gate reads it for everyone's standing. A tenant's admin reaches what the
//! registers have about its own tenant; all else is staff's.

mod access;
mod account;
mod certificate;
mod credential;
mod hold;
mod identity;
mod key;
mod range;
mod resource;
mod rpc;
mod service;
mod source;
mod tenant;
#[cfg(test)]
pub(crate) mod tests;
mod validity;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Home, Result, TenantId};
use cordon_proto::tenants::identity_service_server::IdentityServiceServer;
use cordon_proto::tenants::tenants_service_server::TenantsServiceServer;
use jiff::Timestamp;
use sqlx::AnyConnection;

use super::{fields, paging};
pub use identity::IdentityRpc;
pub(crate) use resource::Which;
pub use rpc::TenantsRpc;

type Services = (
    TenantsServiceServer<TenantsRpc>,
    IdentityServiceServer<IdentityRpc>,
);

/// Refuses a tenant that is not in the registers, or not any more.
///
/// # Errors
/// `NOT_FOUND`.
pub(crate) async fn require_tenant(conn: &mut AnyConnection, tenant: &TenantId) -> Result<()> {
    access::exists(conn, &Home::Tenant(tenant.clone())).await
}

/// Refuses a tenant that was never in the registers.
///
/// # Errors
/// `NOT_FOUND`.
pub(crate) async fn require_known(conn: &mut AnyConnection, tenant: &TenantId) -> Result<()> {
    access::existed(conn, &Home::Tenant(tenant.clone())).await
}

/// Whether an account is the tenant's at a moment.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn has_account(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    at: Timestamp,
) -> Result<bool> {
    account::held_at(conn, tenant, at).await
}

/// Whether a legal hold keeps everything of the tenant's as it is.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn is_held(conn: &mut AnyConnection, tenant: &TenantId) -> Result<bool> {
    hold::is_held(conn, tenant).await
}

/// The id of an instance, if it is the tenant's at a moment.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn instance_at(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    which: &Which,
    at: Timestamp,
) -> Result<Option<String>> {
    resource::instance_at(conn, tenant, which, at).await
}

/// The room's services, to be mounted behind the authentication layer. Stored events of an account
/// or resource that is registered late are left to the kernel's backfill job.
#[must_use]
pub fn services(kernel: Arc<Kernel>) -> Services {
    let service = service::Service { kernel };
    (
        TenantsServiceServer::new(TenantsRpc(service.clone())),
        IdentityServiceServer::new(IdentityRpc(service)),
    )
}
