//! On which hosts instances are, and what work on hosts was announced. The provider's records: rows of
//! announced work come, and none is changed.

mod convert;
mod model;
mod rpc;
mod service;
mod store;

pub use rpc::HostsRpc;
