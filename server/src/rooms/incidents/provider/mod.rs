//! Incidents of the whole provider, each with a child of its own in every tenant that it concerns.
//!
//! What the provider does about one is a list of acts. Each act is kept once, and then done in each
//! tenant in a transaction of that tenant's, which notes that it is done there: what is broken off
//! is taken up again, and nothing is done twice. In the tenant's log and timeline it looks as if
//! staff had entered for this tenant alone.

mod convert;
mod deliver;
mod model;
mod rpc;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use rpc::ProviderIncidentsRpc;
