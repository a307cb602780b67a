//! Incidents that are opened of findings, by the tenant's policy.
//!
//! A job follows the findings from a cursor on. What it makes of one, that this finding has been
//! decided on and the cursor are one transaction, which the job's claim fences: a finding opens one
//! incident, whichever servers end in between.

mod convert;
mod model;
mod open;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::detection_policy_service_server::DetectionPolicyServiceServer;

pub(crate) use open::escalate;
pub use rpc::DetectionPolicyRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> DetectionPolicyServiceServer<DetectionPolicyRpc> {
    DetectionPolicyServiceServer::new(DetectionPolicyRpc::new(kernel))
}
