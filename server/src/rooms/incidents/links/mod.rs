//! What incidents have to do with: names of other things of the same tenant. Each kind is linked
//! through the room that keeps it, by somebody who may read it there.

mod convert;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::incidents::links_service_server::LinksServiceServer;

pub(super) use rpc::LinksRpc;
pub(super) use service::add;
pub(super) use store::{Link, Said};

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>, lake: Arc<Lake>) -> LinksServiceServer<LinksRpc> {
    LinksServiceServer::new(LinksRpc::new(kernel, lake))
}
