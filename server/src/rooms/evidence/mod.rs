//! The evidence room: forensic snapshots of the tenant's machines, and everything that is done with
//! them since.
//!
//! A snapshot is taken by a job, once, by whichever server holds its claim and reaches the instance's
//! hypervisor. What comes of the machine is hashed while it is read and kept in the vault, under a key
//! of the snapshot's own inside the key service; what was taken is signed, and begins a chain of custody
//! to which every act on it is added before it is done.

mod acquire;
mod convert;
mod custody;
mod delete;
mod download;
mod fsck;
mod holds;
mod model;
mod pieces;
mod remove;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::object::Objects;
use cordon_proto::evidence::snapshots_service_server::SnapshotsServiceServer;

use crate::config::Evidence;

pub(crate) use acquire::take;
pub(crate) use fsck::fsck;
pub(crate) use remove::sweep;
pub use rpc::SnapshotsRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(
    kernel: Arc<Kernel>,
    objects: Objects,
    limits: Evidence,
) -> SnapshotsServiceServer<SnapshotsRpc> {
    SnapshotsServiceServer::new(SnapshotsRpc(service::Service::new(kernel, objects, limits)))
}
