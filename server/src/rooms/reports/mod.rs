//! The reports room: what is told of an incident when it is over, from what other rooms keep. It
//! keeps nothing itself.

mod rpc;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::reports::reports_service_server::ReportsServiceServer;

pub use rpc::ReportsRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> ReportsServiceServer<ReportsRpc> {
    ReportsServiceServer::new(ReportsRpc(service::Service::new(kernel)))
}
