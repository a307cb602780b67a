//! The context room: what a tenant chooses to tell of its own. Assets, planned work and networks that it
//! trusts raise, lower or explain what the detection room finds
//! ([ADR 28](../../../../docs/adr/0028-context-explains-findings.md)). Nothing here is needed by
//! anything, and this room knows no finding.

mod convert;
mod held;
mod matching;
mod model;
mod patterns;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Result, TenantId};
use cordon_proto::context::context_service_server::ContextServiceServer;
use sqlx::AnyConnection;

pub(crate) use held::Contexts;
pub(crate) use matching::{Context, ContextMatch, ContextMatchKind, Facts, MOST_OF_A_KIND};
pub use rpc::ContextRpc;

/// How many crown jewels a tenant has named.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn crown_jewels(conn: &mut AnyConnection, tenant: &TenantId) -> Result<i64> {
    store::crown_jewels(conn, tenant.as_str()).await
}

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> ContextServiceServer<ContextRpc> {
    ContextServiceServer::new(ContextRpc::new(kernel))
}
