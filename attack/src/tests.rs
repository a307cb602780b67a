//! Tests of the whole: what is in the tables, and what follows from them.

mod answers;
mod drawn;
mod props;
mod published;
mod reviewed;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::{Access, Attack, Available, SourceType};

fn attack() -> &'static Attack {
    Attack::embedded().unwrap()
}

fn direct(sources: &[SourceType]) -> Available {
    sources.iter().fold(Available::new(), |all, source| {
        all.with(*source, Access::Direct)
    })
}

/// The published data, or `None` with a message.
fn data() -> Option<PathBuf> {
    let shared = std::env::var_os("CORDON_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let data = shared.join("data");
    if data.is_dir() {
        Some(data)
    } else {
        println!("skipped: no data at {}", data.display());
        None
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut plain = Vec::new();
    let packed = std::fs::read(path).unwrap();
    flate2::read::MultiGzDecoder::new(&packed[..])
        .read_to_end(&mut plain)
        .unwrap();
    plain
}
