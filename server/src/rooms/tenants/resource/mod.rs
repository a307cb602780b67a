//! What events name: ARNs, instances, addresses, and whose they are when.

pub(super) mod convert;
mod identifier;
pub(super) mod model;
mod service;
mod store;

pub(super) use identifier::network;
