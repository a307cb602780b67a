//! Notices: what happens to a tenant's incidents, and that a month's report is final, sent where its
//! admins want it. Written down in the
//! transaction of what happened, sent by a job a receiver, and never saying more than the marking of
//! the incident lets the receiver's audience read.

mod convert;
mod deliver;
mod model;
mod outbox;
mod read;
mod rpc;
mod service;
mod store;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::notices_service_server::NoticesServiceServer;

pub(crate) use deliver::deliver;
pub(crate) use outbox::offer_report;
pub(super) use outbox::{Offered, offer};
pub use rpc::NoticesRpc;
pub(crate) use sweep::sweep;

use crate::providers::courier::Courier;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>, courier: Arc<Courier>) -> NoticesServiceServer<NoticesRpc> {
    NoticesServiceServer::new(NoticesRpc::new(kernel, courier))
}
