//! Certificates, and who holds them.

pub(super) mod convert;
pub(super) mod model;
pub(super) mod service;
pub(super) mod store;
