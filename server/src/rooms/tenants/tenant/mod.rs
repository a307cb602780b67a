//! Tenants: the provider's customers.

pub(super) mod convert;
pub(super) mod model;
mod service;
mod store;

pub(super) use store::find;
