//! The incidents room: what is being handled for whom, whose move it is, and what was said.
//!
//! An incident is its tenant's. Its people reach it as they are, staff after they have entered the
//! tenant; before that they see a queue of all tenants' incidents, by number, severity, phase and
//! time alone. What people wrote is sealed under the tenant's keys.

pub(crate) mod attachments;
mod clocked;
mod clocks;
mod convert;
pub mod detection_policy;
mod exchange;
mod exercises;
mod facts;
mod links;
mod model;
mod notes;
pub mod notices;
mod provider;
mod provider_notes;
mod read;
mod records;
mod requests;
mod rpc;
mod service;
mod store;
mod tasks;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents::incidents_service_server::IncidentsServiceServer;
use cordon_proto::incidents::provider_incidents_service_server::ProviderIncidentsServiceServer;
use cordon_proto::incidents::tasks_service_server::TasksServiceServer;

pub(crate) use clocked::{
    Clocked, handled, has_unseen, head, open, schedule_open, severity_of, touched,
};
pub(crate) use clocks::{ClockLog, Standing, clock_log, record, stand};
pub(crate) use convert::{
    incident_name, reporting_duty, reporting_fact, reporting_fact_from, reporting_stage,
};
pub(crate) use exchange::service as exchange_service;
pub(crate) use exercises::last_exercise;
pub(crate) use facts::{facts, state_fact};
pub use links::service as links;
pub(crate) use model::CalledOff;
pub use notes::service as notes;
pub use provider::ProviderIncidentsRpc;
pub use provider_notes::service as provider_notes;
pub(crate) use records::{records, too_large};
pub(crate) use requests::{AboutAnalysis, By, Noted, Request, note_analysis};
pub use rpc::IncidentsRpc;
pub use tasks::TasksRpc;
pub(crate) use tasks::wire_contact;

/// The service, to be mounted behind the authentication layer.
#[must_use]
pub fn service(kernel: Arc<Kernel>) -> IncidentsServiceServer<IncidentsRpc> {
    IncidentsServiceServer::new(IncidentsRpc::new(kernel))
}

/// The service of tasks and contacts, to be mounted in the same way.
#[must_use]
pub fn tasks(kernel: Arc<Kernel>) -> TasksServiceServer<TasksRpc> {
    TasksServiceServer::new(TasksRpc::new(kernel))
}

/// The service of the provider's own incidents, to be mounted in the same way.
#[must_use]
pub fn provider_incidents(
    kernel: Arc<Kernel>,
) -> ProviderIncidentsServiceServer<ProviderIncidentsRpc> {
    ProviderIncidentsServiceServer::new(ProviderIncidentsRpc::new(kernel))
}
