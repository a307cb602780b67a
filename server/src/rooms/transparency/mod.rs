//! The transparency room: what was done with a tenant's data, by anyone, as the tenant sees it.
//! The kernel writes the logs; this room shows them.

mod convert;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::transparency::transparency_service_server::TransparencyServiceServer;

pub use rpc::TransparencyRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> TransparencyServiceServer<TransparencyRpc> {
    TransparencyServiceServer::new(TransparencyRpc(service::Service { kernel }))
}
