use proptest::prelude::*;

use super::*;
use crate::hasher::Run;
use crate::merkle::Root;
use crate::testing::{BLOCK, Made, made, noise};

fn item() -> Made {
    let block = BLOCK as u64;
    let bytes = noise(2 * BLOCK, 1);
    made(&[
        Run::Data(&bytes),
        Run::Hole(2 * block),
        Run::Unreadable(block + 10),
        Run::Data(&bytes[..BLOCK]),
        Run::Hole(7),
    ])
}

/// The item with other records, and a root that fits them: what a liar with a key could sign.
fn signed_over(mut item: Made, change: impl FnOnce(&mut Made)) -> Result<BlockList, ListError> {
    change(&mut item);
    let geometry = item.content.geometry().unwrap();
    let mut root = Root::default();
    for (index, record) in (0..).zip(&item.records) {
        root.push(leaf(index, geometry.length(index), record));
    }
    item.content.root = root.finish();
    BlockList::open(item.list_bytes(), &item.content)
}

#[test]
fn a_list_is_read_as_it_was_written() {
    let item = item();
    let list = item.list();
    for (index, record) in (0..).zip(&item.records) {
        assert_eq!(list.record(index), Some(*record));
    }
    assert_eq!(list.record(item.records.len() as u64), None);
    assert_eq!(list.record(u64::MAX), None);
    assert_eq!(list.tree().root(), item.content.root);
    assert!(made(&[]).list().record(0).is_none());
}

#[test]
fn any_changed_byte_of_a_list_is_noticed() {
    let item = item();
    let bytes = item.list_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(BlockList::open(changed, &item.content).is_err(), "{at}");
    }
    for length in 0..bytes.len() {
        let cut = bytes[..length].to_vec();
        assert!(BlockList::open(cut, &item.content).is_err(), "{length}");
    }
    let (expected, got) = (bytes.len() as u64, bytes.len() as u64 + 1);
    let long = BlockList::open([&bytes[..], &[0]].concat(), &item.content).map(|_| ());
    assert_eq!(long, Err(ListError::Length { expected, got }));
}

#[test]
fn a_list_of_another_item_is_refused() {
    let (one, other) = (made(&[Run::Data(b"one")]), made(&[Run::Data(b"two")]));
    let refused = BlockList::open(one.list_bytes(), &other.content).map(|_| ());
    assert_eq!(refused, Err(ListError::Root));
    let longer = made(&[Run::Data(b"three")]);
    let refused = BlockList::open(one.list_bytes(), &longer.content).map(|_| ());
    assert_eq!(refused, Err(ListError::Head));
}

#[test]
fn a_list_that_contradicts_its_manifest_is_refused_though_its_root_fits() {
    assert!(signed_over(item(), |_| {}).is_ok());
    for (index, kind) in [
        (0, Kind::Unreadable),
        (0, Kind::Hole),
        (2, Kind::Unreadable),
        (4, Kind::Hole),
        (5, Kind::Data),
        (5, Kind::Unreadable),
    ] {
        let refused = signed_over(item(), |item| item.records[index].kind = kind).map(|_| ());
        let index = index as u64;
        assert_eq!(refused, Err(ListError::Kind { index, kind }));
    }
    // A hole of other bytes than zeros.
    let refused = signed_over(item(), |item| item.records[2].digests = Digests::of(b"x"));
    let kind = Kind::Hole;
    assert_eq!(refused.map(|_| ()), Err(ListError::Kind { index: 2, kind }));
    // Zeros that are in no list of holes.
    let refused = signed_over(item(), |item| item.records[2].kind = Kind::Data);
    assert_eq!(refused.map(|_| ()), Err(ListError::Holes));
}

#[test]
fn ranges_are_proven_from_the_list() {
    let (item, block) = (item(), BLOCK as u64);
    let list = item.list();
    let tree = list.tree();
    for bytes in [
        0..1,
        block - 1..block + 1,
        5..item.content.size,
        6 * block..6 * block + 1,
    ] {
        let proof = list.prove(&tree, &bytes).unwrap();
        let geometry = list.geometry();
        let proven = proof.verify(&item.content.root, &geometry, &bytes).unwrap();
        assert!(proven.bytes().start <= bytes.start && bytes.end <= proven.bytes().end);
    }
    let nothing = 5..5;
    assert!(list.prove(&tree, &nothing).is_err());
    let other = made(&[Run::Data(b"x")]).list().tree();
    assert_eq!(list.prove(&other, &(0..1)), Err(ProofError::OtherBlocks));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), with_head: bool) {
        let item = item();
        let geometry = item.content.geometry().unwrap();
        let head = head(&geometry);
        let bytes = if with_head { [&head[..], &bytes].concat() } else { bytes };
        prop_assert!(BlockList::open(bytes, &item.content).is_err());
    }
}
