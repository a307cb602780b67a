//! What acquires a machine's state.

mod disk;
mod error;
pub mod nbd;
pub mod qmp;

pub use disk::{Allocation, DiskSource, Extent, MAX_READ, Piece, Step, walk};
pub use error::Error;
