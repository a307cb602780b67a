//! Who a caller is: tokens, certificates, and the keys that the server signs with.

mod convert;
mod rpc;
mod service;

pub use rpc::IdentityRpc;
