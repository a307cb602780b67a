//! Where a tenant's events lie, and how they are found again.

pub mod block;
mod cache;
mod error;
pub mod filter;
mod functions;
mod row;
pub mod schema;

pub use error::{FilterError, LakeError, Result};
pub use row::Events;

#[cfg(test)]
mod testing;
