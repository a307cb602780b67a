//! What is to be done about an incident, whose it is now, and whom to call.
//!
//! Whose a task is, is computed: from its hand-overs, else from the agreement in force. Nothing is
//! kept that could disagree with either.

mod contacts;
mod convert;
mod model;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use convert::wire_contact;
pub use rpc::TasksRpc;
pub(super) use service::{begin_phase, recorded};
