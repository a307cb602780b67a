//! Tenants' data keys: giving a tenant a new one, and what became of the older.

pub(super) mod convert;
mod service;
mod store;
