//! Where a tenant's events lie, and how they are found again.

mod beside;
pub mod block;
mod cache;
mod catalogue;
mod codec;
mod conflict;
pub mod count;
mod error;
pub mod export;
mod facts;
pub mod filter;
mod fsck;
mod functions;
mod inputs;
mod journal;
mod lake;
mod merge;
pub mod object;
mod reencrypt;
mod row;
pub mod rules;
mod run;
pub mod schema;
mod seal;
pub mod search;
mod segment;
pub mod shelf;
pub mod sql;
mod tail;

pub use beside::places;
pub use cache::Cache;
pub use error::{FilterError, LakeError, Result};
pub use fsck::FsckReport;
pub use functions::first_at;
pub use inputs::{Inputs, Segment, SourceUntil};
pub use lake::{Lake, LakeConfig};
pub use merge::Swept;
pub use reencrypt::Reencrypted;
pub use row::{Events, filled};
pub use seal::{FILE_ROWS, SealMode, Sealed};
pub use search::{Order, Position, Query, Search};
pub use tail::TailPage;

#[cfg(test)]
mod object_tests;
#[cfg(test)]
mod reencrypt_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod seal_tests;
#[cfg(test)]
mod testing;
