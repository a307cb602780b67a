//! What rules found: kept, listed, followed, and how it stands with it.

mod convert;
mod handed;
mod model;
mod ocsf;
mod rpc;
mod service;
mod store;
mod watch;

pub(crate) use handed::{Found, changed, hold, last, require, take_up};
pub use rpc::FindingsRpc;
pub(super) use store::{
    forget_closed, has_closed, keep_window, seal_window, take, take_anomaly, window,
};
