//! A tenant's own rules: their texts, exceptions and versions; and the provider's as they work for it.

mod convert;
mod model;
mod published;
mod rpc;
mod service;
mod store;

pub(crate) use convert::rule_name;
pub(super) use model::{Origin, Rule, Version};
pub(super) use published::{edition, enabled, find, forget_withdrawn, has_withdrawn};
pub use rpc::RulesRpc;
pub(super) use service::no_such_rule;
