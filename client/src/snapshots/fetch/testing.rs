//! Items that tests make.

use cordon_evidence::content::Content;
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::hasher::{Hasher, Run};
use cordon_evidence::list::{BlockList, head};

pub(crate) const BLOCK: u64 = 64 << 10;

/// An item by its blocks: `d` for data, `_` for a hole; with so many bytes of data behind them. Its
/// bytes, what the manifest says of it, and its list.
pub(crate) fn made(blocks: &str, behind: usize) -> (Vec<u8>, Content, BlockList) {
    let mut bytes = Vec::new();
    for (at, kind) in blocks.bytes().enumerate() {
        let at = u8::try_from(at % 251).unwrap();
        let block = match kind {
            b'd' => (0..BLOCK).map(|i| (i % 253) as u8 ^ at | 1).collect(),
            _ => vec![0; usize::try_from(BLOCK).unwrap()],
        };
        bytes.extend_from_slice(&block);
    }
    bytes.extend(vec![7; behind]);
    let geometry = Geometry::new(bytes.len() as u64, BlockSize::MIN).unwrap();
    let mut hasher = Hasher::new(geometry);
    let mut list = head(&geometry).to_vec();
    let mut run = Run::Data(&bytes);
    while let Some(block) = hasher.take(&mut run).unwrap() {
        list.extend_from_slice(&block.record.to_bytes());
    }
    let content = hasher.finish().unwrap();
    let list = BlockList::open(list, &content).unwrap();
    (bytes, content, list)
}
