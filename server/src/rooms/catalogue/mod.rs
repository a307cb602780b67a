//! The catalogue room: what can be known before anything happens. What the provider states about its
//! infrastructure, which services a tenant uses, and which data sources tell of what.
//!
//! The room comes before the one of events: what it measures it asks of the lake, under the scope of
//! the tenant whose events they are.

mod facts;
mod hosts;
mod rpc;
mod services;
mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::catalogue::catalogue_service_server::CatalogueServiceServer;
use cordon_proto::catalogue::facts_service_server::FactsServiceServer;
use cordon_proto::catalogue::hosts_service_server::HostsServiceServer;

pub use facts::FactsRpc;
pub use hosts::HostsRpc;
pub use rpc::CatalogueRpc;
pub(crate) use sources::{Logging, logging};

/// The service of facts, to be mounted behind the authentication layer.
#[must_use]
pub fn facts(kernel: Arc<Kernel>) -> FactsServiceServer<FactsRpc> {
    FactsServiceServer::new(FactsRpc::new(kernel))
}

/// The service of hosts and work on them, to be mounted in the same way.
#[must_use]
pub fn hosts(kernel: Arc<Kernel>) -> HostsServiceServer<HostsRpc> {
    HostsServiceServer::new(HostsRpc::new(kernel))
}

/// The service of services and data sources, to be mounted in the same way.
#[must_use]
pub fn service(kernel: Arc<Kernel>, lake: Arc<Lake>) -> CatalogueServiceServer<CatalogueRpc> {
    CatalogueServiceServer::new(CatalogueRpc::new(kernel, lake))
}
