//! What rules found: kept, listed, followed, and how it stands with it.

mod convert;
mod model;
mod ocsf;
mod rpc;
mod service;
mod store;
mod watch;

pub use rpc::FindingsRpc;
pub(super) use store::{keep_window, seal_window, take, window};
