//! The addresses that are the provider's own.

pub(super) mod convert;
pub(super) mod model;
mod service;
mod store;
