//! Baselines: what is usual of a tenant's own events, and what is not.

mod convert;
mod learn;
mod observe;
mod rpc;
mod service;
mod store;

pub(super) use learn::due;
pub(crate) use learn::learn;
pub use rpc::BaselinesRpc;
