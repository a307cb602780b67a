//! The incidents room: what is being handled for whom, whose move it is, and what was said.
//!
//! An incident is its tenant's. Its people reach it as they are, staff after they have entered the
//! tenant; before that they see a queue of all tenants' incidents, by number, severity, phase and
//! time alone. What people wrote is sealed under the tenant's keys.

mod clocked;
mod clocks;
mod convert;
mod facts;
mod model;
mod read;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::incidents_service_server::IncidentsServiceServer;

pub(crate) use clocked::{Clocked, handled, has_unseen, head, open, schedule_open, touched};
pub(crate) use clocks::{ClockLog, Standing, clock_log, record, stand};
pub(crate) use convert::{
    incident_name, reporting_duty, reporting_fact, reporting_fact_from, reporting_stage,
};
pub(crate) use facts::{facts, state_fact};
pub use rpc::IncidentsRpc;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> IncidentsServiceServer<IncidentsRpc> {
    IncidentsServiceServer::new(IncidentsRpc::new(kernel))
}
