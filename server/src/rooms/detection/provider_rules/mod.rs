//! The provider's rules for all tenants. Staff publish them here; what a tenant makes of one is the
//! tenant's, and stands with its own rules.

mod convert;
mod model;
mod rpc;
mod service;
mod store;

pub(super) use model::ProviderRule;
pub use rpc::ProviderRulesRpc;
pub(super) use store::{find, list, versions};
