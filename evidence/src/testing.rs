//! Items that tests make.

use crate::content::Content;
use crate::geometry::{BlockSize, Geometry};
use crate::hasher::{Hasher, Run};
use crate::list::{BlockList, head};
use crate::record::Record;

/// The smallest block.
pub(crate) const BLOCK: usize = 64 << 10;

/// What comes of an item when it is acquired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) content: Content,
    pub(crate) records: Vec<Record>,
    /// What was stored, by block.
    pub(crate) stored: Vec<Option<Vec<u8>>>,
}

impl Made {
    pub(crate) fn list_bytes(&self) -> Vec<u8> {
        let mut bytes = head(&self.content.geometry().unwrap()).to_vec();
        for record in &self.records {
            bytes.extend_from_slice(&record.to_bytes());
        }
        bytes
    }

    pub(crate) fn list(&self) -> BlockList {
        BlockList::open(self.list_bytes(), &self.content).unwrap()
    }
}

/// Acquires an item in blocks of the smallest size.
pub(crate) fn made(runs: &[Run<'_>]) -> Made {
    let size = runs.iter().map(Run::length).sum();
    let geometry = Geometry::new(size, BlockSize::MIN).unwrap();
    let mut hasher = Hasher::new(geometry);
    let (mut records, mut stored) = (Vec::new(), Vec::new());
    for run in runs {
        let mut run = *run;
        while let Some(block) = hasher.take(&mut run).unwrap() {
            assert_eq!(block.index, records.len() as u64);
            assert_eq!(block.offset, geometry.offset(block.index));
            assert_eq!(block.length, geometry.length(block.index));
            assert_eq!(block.bytes.is_some(), block.record.kind.is_stored());
            records.push(block.record);
            stored.push(block.bytes.map(<[u8]>::to_vec));
        }
    }
    assert_eq!(records.len() as u64, geometry.blocks());
    Made {
        content: hasher.finish().unwrap(),
        records,
        stored,
    }
}

/// Bytes that look random and are the same in every run.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut out = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    hasher.finalize_xof().fill(&mut out);
    out
}
