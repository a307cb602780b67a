//! A server to test against, and records to send to it.

mod places;
mod production;
mod raw;
mod records;
mod replicas;
mod server;

pub use places::{Places, impatient};
pub use production::{Production, database_settings, production};
pub use raw::{Raw, json, methods, request};
pub use records::{Call, trail};
pub use replicas::Replicas;
pub use server::{Log, Server, World, at, binary, connect, raw, raw_of};

use std::path::PathBuf;

/// The data sets that are not part of the project, where they are at hand.
pub fn shared_data() -> Option<PathBuf> {
    let folder = std::env::var_os("CORDON_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let data = folder.join("data");
    if data.is_dir() {
        Some(data)
    } else {
        println!("skipped: no shared data sets at {}", folder.display());
        None
    }
}
