//! What the provider states, version after version. Nothing that was stated is ever changed.

mod convert;
mod model;
mod rpc;
mod service;
mod store;

pub use rpc::FactsRpc;
