//! The provider's desk: what people answer.

mod findings;
mod rpc;
mod service;

pub use rpc::DeskRpc;
