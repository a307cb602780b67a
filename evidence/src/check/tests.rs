use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::hasher::Run;
use crate::testing::{BLOCK, Made, made, noise};

/// An item of every kind of block, and its bytes.
fn item() -> (Made, Vec<u8>) {
    let block = BLOCK as u64;
    let noise = noise(2 * BLOCK + 9, 1);
    let made = made(&[
        Run::Data(&noise[..2 * BLOCK]),
        Run::Hole(block),
        Run::Unreadable(block + 10),
        Run::Data(&noise[10..BLOCK]),
        Run::Data(&noise[..100]),
    ]);
    let zeros = vec![0; 2 * BLOCK + 10];
    let bytes = [
        &noise[..2 * BLOCK],
        &zeros,
        &noise[10..BLOCK],
        &noise[..100],
    ]
    .concat();
    assert_eq!(made.content.size, bytes.len() as u64);
    (made, bytes)
}

fn bad(result: Result<(), CheckError>) -> Bad {
    match result {
        Err(CheckError::Bad(bad)) => bad,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_acquired_passes() {
    let (item, bytes) = item();
    check(&bytes[..], &item.content, &item.list()).unwrap();
    let empty = made(&[]);
    check(&b""[..], &empty.content, &empty.list()).unwrap();
}

#[test]
fn a_file_that_is_too_short_or_too_long_is_named() {
    let (item, mut bytes) = item();
    let list = item.list();
    for end in [0, 1, BLOCK, 3 * BLOCK + 5, bytes.len() - 1] {
        let (index, cut) = ((end / BLOCK) as u64, &bytes[..end]);
        let end = end as u64;
        assert_eq!(
            bad(check(cut, &item.content, &list)),
            Bad::Short { index, end }
        );
    }
    let end = bytes.len() as u64;
    bytes.push(0);
    assert_eq!(
        bad(check(&bytes[..], &item.content, &list)),
        Bad::Long { end }
    );
    let empty = made(&[]);
    let long = bad(check(&b"x"[..], &empty.content, &empty.list()));
    assert_eq!(long, Bad::Long { end: 0 });
}

#[test]
fn the_first_bad_block_is_named_and_no_later_one() {
    let (item, mut bytes) = item();
    bytes[4 * BLOCK + 3] ^= 1;
    bytes[BLOCK + 7] ^= 1;
    let found = bad(check(&bytes[..], &item.content, &item.list()));
    let expected = Bad::Block {
        index: 1,
        offset: BLOCK as u64,
        length: BLOCK as u32,
        differing: Differing::Both,
    };
    assert_eq!(found, expected);
    // However much comes afterwards.
    let list = item.list();
    let mut checker = Checker::whole(&item.content, &list).unwrap();
    assert_eq!(checker.take(&bytes), Err(expected));
    assert_eq!(checker.take(&bytes), Err(expected));
    assert_eq!(checker.finish(), Err(expected));
}

#[test]
fn a_manifest_whose_whole_is_not_its_blocks_is_noticed() {
    let (mut item, bytes) = item();
    let list = item.list();
    let right = item.content.clone();
    item.content.sha256 = item.content.blake3;
    let found = bad(check(&bytes[..], &item.content, &list));
    assert_eq!(found, Bad::Whole(Differing::Sha256));
    item.content = right;
    item.content.blake3 = item.content.sha256;
    let found = bad(check(&bytes[..], &item.content, &list));
    assert_eq!(found, Bad::Whole(Differing::Blake3));
    item.content.blake3 = item.content.root;
    item.content.sha256 = item.content.root;
    let found = bad(check(&bytes[..], &item.content, &list));
    assert_eq!(found, Bad::Whole(Differing::Both));
}

#[test]
fn a_list_is_of_its_item() {
    let (one, other) = (made(&[Run::Data(b"one")]), made(&[Run::Data(b"two")]));
    let found = bad(check(&b"one"[..], &one.content, &other.list()));
    assert_eq!(found, Bad::OtherList);
}

#[test]
fn blocks_that_were_proven_are_checked_alone() {
    let (item, mut bytes) = item();
    let list = item.list();
    let range = BLOCK as u64 + 5..4 * BLOCK as u64 + 1;
    let proof = list.prove(&list.tree(), &range).unwrap();
    let geometry = list.geometry();
    let proven = proof.verify(&item.content.root, &geometry, &range).unwrap();
    assert_eq!(proven.bytes(), BLOCK as u64..5 * BLOCK as u64);
    check_proven(&bytes[BLOCK..5 * BLOCK], &proven).unwrap();
    let (index, end) = (4, 5 * BLOCK as u64 - 1);
    let short = bad(check_proven(&bytes[BLOCK..5 * BLOCK - 1], &proven));
    assert_eq!(short, Bad::Short { index, end });
    let long = bad(check_proven(&bytes[BLOCK..5 * BLOCK + 1], &proven));
    assert_eq!(long, Bad::Long { end: end + 1 });
    bytes[3 * BLOCK] = 1;
    let found = bad(check_proven(&bytes[BLOCK..5 * BLOCK], &proven));
    assert!(matches!(found, Bad::Block { index: 3, .. }), "{found}");
}

#[test]
fn what_can_not_be_read_is_no_mismatch() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let (item, _) = item();
    let result = check(Broken, &item.content, &item.list());
    assert!(matches!(result, Err(CheckError::Read(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_anywhere_is_found_and_named(
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        pieces in proptest::collection::vec(1..2 * BLOCK, 1..6),
    ) {
        let (item, mut bytes) = item();
        let list = item.list();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let index = (at / BLOCK) as u64;
        let expected = Bad::Block {
            index,
            offset: index * BLOCK as u64,
            length: list.geometry().length(index),
            differing: Differing::Both,
        };
        prop_assert_eq!(bad(check(&bytes[..], &item.content, &list)), expected);
        // The same in pieces of any size.
        let mut checker = Checker::whole(&item.content, &list).unwrap();
        let (mut rest, mut pieces) = (&bytes[..], pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
            let _ = checker.take(piece);
            rest = behind;
        }
        prop_assert_eq!(checker.finish(), Err(expected));
    }

    #[test]
    fn a_range_is_bad_if_one_of_its_blocks_is(
        at in any::<prop::sample::Index>(),
        range in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let (item, mut bytes) = item();
        let list = item.list();
        let start = range.0.index(bytes.len());
        let end = start + 1 + range.1.index(bytes.len() - start);
        let range = start as u64..end as u64;
        check_range(Cursor::new(&bytes), &list, &range).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        let result = check_range(Cursor::new(&bytes), &list, &range);
        let index = (at / BLOCK) as u64;
        if list.geometry().covering(&range).unwrap().contains(&index) {
            let named = matches!(bad(result), Bad::Block { index: named, .. } if named == index);
            prop_assert!(named);
        } else {
            prop_assert!(result.is_ok());
        }
        let outside = check_range(Cursor::new(&bytes), &list, &(0..bytes.len() as u64 + 1));
        prop_assert!(matches!(outside, Err(CheckError::Range(_))));
    }
}
