//! The detection room: rules, and what they find in a tenant's events.
//!
//! A tenant's new events are looked at by a job of the kernel's, which the first of them schedules.
//! Up to where it has looked moves in the transaction that keeps what was found, so that a server
//! that ends in between loses nothing and finds nothing twice. What is looked at is the tenant's own
//! view of each event.

mod compiled;
mod convert;
mod drafts;
mod dryrun;
mod findings;
mod look;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Result, TenantId};
use cordon_lake::Lake;
use cordon_proto::detection::findings_service_server::FindingsServiceServer;
use cordon_proto::detection::rules_service_server::RulesServiceServer;
use sqlx::AnyConnection;

pub use compiled::RuleSets;
pub use findings::FindingsRpc;
pub(crate) use look::look;
pub use rules::RulesRpc;

/// How many rules a tenant's events are looked at by.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn enabled_rules(conn: &mut AnyConnection, tenant: &TenantId) -> Result<usize> {
    Ok(rules::edition(conn, tenant.as_str()).await?.len())
}

/// The service of rules, to be mounted behind the authentication layer.
#[must_use]
pub fn rules(kernel: Arc<Kernel>, lake: Arc<Lake>) -> RulesServiceServer<RulesRpc> {
    RulesServiceServer::new(RulesRpc::new(kernel, lake))
}

/// The service of findings, to be mounted in the same way.
#[must_use]
pub fn findings(kernel: Arc<Kernel>) -> FindingsServiceServer<FindingsRpc> {
    FindingsServiceServer::new(FindingsRpc::new(kernel))
}
