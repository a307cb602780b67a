//! Cases go out and come in: what was changed since a cursor, and incidents from elsewhere.

mod changed;
mod convert;
mod rpc;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::exchange_service_server::ExchangeServiceServer;

use rpc::ExchangeRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub(crate) fn service(kernel: Arc<Kernel>) -> ExchangeServiceServer<ExchangeRpc> {
    ExchangeServiceServer::new(ExchangeRpc::new(kernel))
}
