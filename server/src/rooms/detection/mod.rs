//! The detection room: rules, and what they find in a tenant's events. Rules are the tenant's own, and
//! the provider's for all tenants.
//!
//! A tenant's new events are looked at by a job of the kernel's, which the first of them schedules.
//! Up to where it has looked moves in the transaction that keeps what was found, so that a server
//! that ends in between loses nothing and finds nothing twice. What is looked at is the tenant's own
//! view of each event.

mod baselines;
mod compiled;
mod convert;
mod drafts;
mod dryrun;
mod explained;
mod findings;
mod hunt;
mod look;
mod provider_rules;
mod rules;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Result, TenantId};
use cordon_lake::Lake;
use cordon_proto::detection::baselines_service_server::BaselinesServiceServer;
use cordon_proto::detection::findings_service_server::FindingsServiceServer;
use cordon_proto::detection::provider_rules_service_server::ProviderRulesServiceServer;
use cordon_proto::detection::rules_service_server::RulesServiceServer;
use sqlx::AnyConnection;

pub use baselines::BaselinesRpc;
pub(crate) use baselines::learn;
pub use compiled::RuleSets;
pub(in crate::rooms) use convert::{level, level_from};
pub use findings::FindingsRpc;
pub(crate) use findings::{Found, changed, hold, last, require, take_up};
pub(crate) use hunt::Hunt;
pub(crate) use look::{computed, look, oldest};
pub use provider_rules::ProviderRulesRpc;
pub use rules::RulesRpc;
pub(crate) use rules::rule_name;
pub(crate) use sweep::sweep;

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

/// The service of the provider's rules, to be mounted in the same way.
#[must_use]
pub fn provider_rules(
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
) -> ProviderRulesServiceServer<ProviderRulesRpc> {
    ProviderRulesServiceServer::new(ProviderRulesRpc::new(kernel, lake))
}

/// The service of findings, to be mounted in the same way.
#[must_use]
pub fn findings(kernel: Arc<Kernel>) -> FindingsServiceServer<FindingsRpc> {
    FindingsServiceServer::new(FindingsRpc::new(kernel))
}

/// The service of baselines, to be mounted in the same way.
#[must_use]
pub fn baselines(kernel: Arc<Kernel>) -> BaselinesServiceServer<BaselinesRpc> {
    BaselinesServiceServer::new(BaselinesRpc::new(kernel))
}
