use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::digest::Digests;
use crate::geometry::{BlockSize, Geometry, GeometryError};
use crate::record::Kind;
use crate::testing::BLOCK;

/// The tree as RFC 9162, section 2.1.1, defines it.
fn by_definition(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::sha256(&[]),
        [leaf] => *leaf,
        leaves => {
            let half = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(half);
            node(&by_definition(left), &by_definition(right))
        }
    }
}

fn root(leaves: &[Digest]) -> Digest {
    let mut root = Root::default();
    for leaf in leaves {
        root.push(*leaf);
    }
    root.finish()
}

/// Records of so many made-up blocks.
fn records(count: usize) -> Vec<Record> {
    (0..count)
        .map(|index| Record {
            kind: Kind::ALL[index % 4],
            digests: Digests::of(&index.to_be_bytes()),
        })
        .collect()
}

struct World {
    geometry: Geometry,
    records: Vec<Record>,
    tree: Tree,
}

impl World {
    fn new(blocks: usize, last: usize) -> Self {
        let size = (blocks - 1) * BLOCK + last;
        let geometry = Geometry::new(size as u64, BlockSize::MIN).unwrap();
        let records = records(blocks);
        let leaves = (0..).zip(&records);
        let tree = leaves.map(|(index, record)| leaf(index, geometry.length(index), record));
        Self {
            geometry,
            tree: Tree::new(tree.collect()),
            records,
        }
    }

    fn prove(&self, blocks: Range<usize>) -> RangeProof {
        let leaves = blocks.start as u64..blocks.end as u64;
        RangeProof {
            first: leaves.start,
            path: self.tree.path(&leaves).unwrap(),
            records: self.records[blocks].to_vec(),
        }
    }

    fn bytes(&self, blocks: &Range<usize>) -> Range<u64> {
        let offset = |index: usize| self.geometry.offset(index as u64);
        offset(blocks.start)..offset(blocks.end)
    }

    fn verify(&self, proof: RangeProof, blocks: &Range<usize>) -> Result<ProvenBlocks, ProofError> {
        proof.verify(&self.tree.root(), &self.geometry, &self.bytes(blocks))
    }
}

/// The leaves and roots that implementations of certificate transparency test with.
#[test]
fn roots_are_those_of_other_programs() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\0",
        b"\x10",
        b" !",
        b"01",
        b"@ABC",
        b"PQRSTUVW",
        b"`abcdefghijklmno",
    ];
    let leaves = inputs.map(|input| Digest::sha256(&[LEAF, input]));
    for (count, known) in [
        (
            0,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            1,
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ),
        (
            2,
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            3,
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ),
        (
            8,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ] {
        assert_eq!(root(&leaves[..count]).to_string(), known, "{count}");
        assert_eq!(
            Tree::new(leaves[..count].to_vec()).root().to_string(),
            known
        );
    }
}

#[test]
fn both_ways_to_the_root_are_the_definition() {
    let leaves: Vec<_> = (0..70_u8).map(|byte| Digest::sha256(&[&[byte]])).collect();
    for count in 0..leaves.len() {
        let known = by_definition(&leaves[..count]);
        assert_eq!(root(&leaves[..count]), known, "{count}");
        assert_eq!(Tree::new(leaves[..count].to_vec()).root(), known, "{count}");
    }
}

#[test]
fn a_leaf_binds_everything_that_is_said_of_a_block() {
    let record = records(1)[0];
    let known = leaf(7, 9, &record);
    assert_ne!(leaf(8, 9, &record), known);
    assert_ne!(leaf(7, 8, &record), known);
    for byte in 0..Record::BYTES {
        let mut bytes = record.to_bytes();
        bytes[byte] ^= 1;
        assert_ne!(leaf(7, 9, &Record::from_bytes(&bytes).unwrap()), known);
    }
}

#[test]
fn every_range_is_proven_by_its_own_proof_alone() {
    for blocks in 1..12 {
        let world = World::new(blocks, 5);
        let ranges = (0..blocks).flat_map(|start| (start + 1..=blocks).map(move |end| start..end));
        let ranges: Vec<_> = ranges.collect();
        for range in &ranges {
            let proven = world.verify(world.prove(range.clone()), range).unwrap();
            assert_eq!(proven.bytes(), world.bytes(range));
            for index in 0..blocks {
                let known = range.contains(&index).then_some(world.records[index]);
                assert_eq!(proven.record(index as u64), known);
            }
            for other in ranges.iter().filter(|other| *other != range) {
                let refused = world.verify(world.prove(range.clone()), other);
                assert_eq!(refused, Err(ProofError::OtherBlocks));
                // Not even when it says that it is about these blocks.
                let mut moved = world.prove(range.clone());
                moved.first = other.start as u64;
                assert!(world.verify(moved, other).is_err());
            }
        }
    }
}

#[test]
fn a_proof_is_of_one_item_and_its_size() {
    let world = World::new(9, BLOCK);
    let root = world.tree.root();
    let size = world.geometry.size();
    for other in [size - 1, size + 1, size - BLOCK as u64, 2 * size] {
        let other = Geometry::new(other, BlockSize::MIN).unwrap();
        // The end of an item shows its size.
        let last = other.blocks() - 1;
        let mut proof = world.prove(last.min(8) as usize..9.min(last as usize + 1));
        proof.first = last;
        let bytes = other.size() - 1..other.size();
        assert!(proof.verify(&root, &other, &bytes).is_err());
    }
    let bytes = world.bytes(&(2..5));
    let small = Geometry::new(size - BLOCK as u64, BlockSize::MIN).unwrap();
    let refused = world.prove(2..5).verify(&root, &small, &bytes);
    assert_eq!(refused, Err(ProofError::Path));
    let refused = world
        .prove(2..5)
        .verify(&Digest([0; 32]), &world.geometry, &bytes);
    assert_eq!(refused, Err(ProofError::Root));
}

#[test]
fn ranges_that_are_not_there_are_refused() {
    let world = World::new(3, 5);
    let end = world.geometry.size();
    for bytes in [0..0, end..end + 1, 0..u64::MAX, 0..end + 1] {
        let refused = world
            .prove(0..3)
            .verify(&world.tree.root(), &world.geometry, &bytes);
        assert!(matches!(
            refused,
            Err(ProofError::Range(GeometryError::Range { .. }))
        ));
    }
    for leaves in [0..0, 2..2, 0..4, 3..4, u64::MAX - 1..u64::MAX] {
        assert_eq!(world.tree.path(&leaves), None);
    }
    assert_eq!(Tree::new(Vec::new()).path(&(0..1)), None);
    let huge = Geometry::new(1 << 40, BlockSize::MIN).unwrap();
    let refused = world
        .prove(0..3)
        .verify(&world.tree.root(), &huge, &(0..1 << 40));
    assert_eq!(refused, Err(ProofError::TooLarge));
}

#[test]
fn bytes_that_are_no_proof_are_refused() {
    let bytes = World::new(9, 5).prove(2..5).to_bytes();
    for cut in 0..bytes.len() {
        // Cut between two nodes it is a proof, of nothing.
        let read = RangeProof::from_bytes(&bytes[..cut]);
        let whole = cut >= 12 + 3 * Record::BYTES && (bytes.len() - cut).is_multiple_of(32);
        assert_eq!(read.is_ok(), whole, "{cut}");
    }
    let mut many = bytes.clone();
    many[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(RangeProof::from_bytes(&many), Err(ProofError::TooLarge));
    let mut kind = bytes.clone();
    kind[12] = 9;
    assert_eq!(RangeProof::from_bytes(&kind), Err(ProofError::Malformed));
    let long = [&bytes[..], &[0; 32 * 48]].concat();
    assert_eq!(RangeProof::from_bytes(&long), Err(ProofError::Malformed));
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_proof_is_noticed(
        blocks in 1..40_usize,
        range in any::<(prop::sample::Index, prop::sample::Index)>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let world = World::new(blocks, 5);
        let start = range.0.index(blocks);
        let range = start..start + 1 + range.1.index(blocks - start);
        let proof = world.prove(range.clone());
        let mut bytes = proof.to_bytes();
        prop_assert_eq!(RangeProof::from_bytes(&bytes), Ok(proof.clone()));
        prop_assert!(world.verify(proof, &range).is_ok());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = RangeProof::from_bytes(&bytes) {
            prop_assert!(world.verify(changed, &range).is_err());
        }
    }

    #[test]
    fn more_or_fewer_nodes_are_refused(blocks in 1..40_usize, start in any::<prop::sample::Index>()) {
        let world = World::new(blocks, BLOCK);
        let start = start.index(blocks);
        let mut more = world.prove(start..start + 1);
        more.path.push(Digest([7; 32]));
        prop_assert_eq!(world.verify(more, &(start..start + 1)), Err(ProofError::Path));
        let mut fewer = world.prove(start..start + 1);
        if fewer.path.pop().is_some() {
            prop_assert_eq!(world.verify(fewer, &(start..start + 1)), Err(ProofError::Path));
        }
    }

    #[test]
    fn no_bytes_make_a_proof_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        size in any::<u64>(),
        range in any::<(u64, u64)>(),
    ) {
        let proof = RangeProof::from_bytes(&bytes);
        if let (Ok(proof), Ok(geometry)) = (proof, Geometry::new(size >> 24, BlockSize::MIN)) {
            let _ = proof.clone().verify(&Digest([0; 32]), &geometry, &(range.0..range.1));
            let end = geometry.offset(proof.first.saturating_add(proof.records.len() as u64));
            let start = geometry.offset(proof.first);
            prop_assert!(proof.verify(&Digest([0; 32]), &geometry, &(start..end)).is_err());
        }
    }
}
