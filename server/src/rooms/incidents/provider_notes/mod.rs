//! Notes of the provider's staff among themselves about a tenant's incident. They are the provider's:
//! under a key of its own, in a table that no tenant's transaction reaches, and spoken of in the
//! provider's log alone. Nothing that a tenant can see counts or tells them.

mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::provider_notes_service_server::ProviderNotesServiceServer;

use rpc::ProviderNotesRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> ProviderNotesServiceServer<ProviderNotesRpc> {
    ProviderNotesServiceServer::new(ProviderNotesRpc::new(kernel))
}
