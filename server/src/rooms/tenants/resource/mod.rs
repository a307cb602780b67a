//! What events name: ARNs, instances, addresses, and whose they are when.

pub(super) mod convert;
mod held;
mod identifier;
pub(super) mod model;
mod service;
mod store;

pub(crate) use held::Which;
pub(super) use held::instance_at;
pub(super) use identifier::network;
