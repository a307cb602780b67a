//! Notes of a tenant's responders among themselves. They come encrypted to the responders' keys, and
//! are nothing but bytes here. The permits have no way for staff, and the timeline, which both sides
//! read, says nothing of them.

mod convert;
mod keys;
mod model;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::notes_service_server::NotesServiceServer;

use rpc::NotesRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> NotesServiceServer<NotesRpc> {
    NotesServiceServer::new(NotesRpc::new(kernel))
}
