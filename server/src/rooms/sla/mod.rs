//! The sla room: what was promised to a tenant about time, and how the clocks of its incidents stand.
//!
//! Clocks are kept nowhere: they are a function of an incident's timeline, the agreements and the
//! moment (crate `cordon-sla`), so that a customer can compute them again. What is kept is when to
//! look at them next: a job for each incident, due when the next warning or breach is to come.

mod clocks;
mod convert;
mod deadlines;
mod jobs;
mod report;
mod reports;
mod rpc;
mod service;
mod shelve;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::sla::sla_service_server::SlaServiceServer;

pub(crate) use clocks::records;
pub(crate) use jobs::{catch_up, keep_reports, look_at_clocks};
pub use rpc::SlaRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> SlaServiceServer<SlaRpc> {
    SlaServiceServer::new(SlaRpc::new(kernel))
}
