//! Legal holds: reasons why a tenant must be kept.

pub(super) mod convert;
mod model;
mod service;
mod store;

pub(super) use store::is_held;
