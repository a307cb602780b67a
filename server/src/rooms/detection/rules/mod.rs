//! A tenant's own rules: their texts, exceptions and versions.

mod convert;
mod model;
mod rpc;
mod service;
mod store;

pub(super) use convert::rule_name;
pub(super) use model::Rule;
pub use rpc::RulesRpc;
pub(super) use service::no_such_rule;
pub(super) use store::{edition, enabled, find};
