//! Files of incidents.
//!
//! A file is announced, sent in parts, and finished; then it is an attachment, and the timeline says
//! so. Each part is an object of its own, sealed under the file's key, which lies in the file's row
//! under the tenant's keys: when a data key ends the row is sealed anew and the parts stay. What is
//! durable is what has a part's row; where a stream broke off, the next one goes on from there.

mod convert;
mod download;
mod finish;
mod jobs;
mod model;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::object::Objects;
use cordon_proto::incidents::attachments_service_server::AttachmentsServiceServer;

use crate::config::Attachments;

pub(crate) use jobs::sweep;
use rpc::AttachmentsRpc;
pub(super) use service::recorded;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub(crate) fn service(
    kernel: Arc<Kernel>,
    objects: Objects,
    limits: Attachments,
) -> AttachmentsServiceServer<AttachmentsRpc> {
    AttachmentsServiceServer::new(AttachmentsRpc::new(kernel, objects, limits))
}
