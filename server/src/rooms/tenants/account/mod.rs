//! Cloud accounts, and whose they are when.

pub(super) mod convert;
pub(super) mod model;
mod service;
mod store;

pub(super) use store::held_at;
