//! The readiness room: whether a tenant is ready for an incident, from what other rooms keep. It keeps
//! nothing itself. It is no part of the catalogue, which comes before the rooms that it asks.

mod convert;
mod model;
mod rpc;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::readiness::readiness_service_server::ReadinessServiceServer;

pub use rpc::ReadinessRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>, lake: Arc<Lake>) -> ReadinessServiceServer<ReadinessRpc> {
    ReadinessServiceServer::new(ReadinessRpc::new(kernel, lake))
}
