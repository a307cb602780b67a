use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::geometry::BlockSize;
use crate::spans::Span;
use crate::testing::{BLOCK, made, noise};

fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

fn spans(pairs: &[(u64, u64)]) -> Vec<Span> {
    let span = |&(offset, length): &(u64, u64)| Span { offset, length };
    pairs.iter().map(span).collect()
}

#[test]
fn an_empty_item_has_the_digests_of_nothing() {
    let made = made(&[]);
    let sha256 = digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let blake3 = digest("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    assert_eq!(made.content.sha256, sha256);
    assert_eq!(made.content.blake3, blake3);
    assert_eq!(made.content.root, sha256);
    assert!(made.records.is_empty() && made.content.holes.first.is_empty());
}

/// The digests are those of the algorithms' own test vectors, the root that of a program which
/// shares nothing with this one.
#[test]
fn one_byte_is_as_other_programs_have_it() {
    let made = made(&[Run::Data(&[0])]);
    let blake3 = digest("2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213");
    let sha256 = digest("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    let root = digest("b088d5d9eec949d1138d0fcc6c5c443bb101ded13643f7c1c25a76d6cfe7b657");
    assert_eq!(made.content.blake3, blake3);
    assert_eq!(made.content.sha256, sha256);
    assert_eq!(made.content.root, root);
    assert_eq!(made.records[0].digests, Digests { sha256, blake3 });
    assert_eq!(made.records[0].kind, Kind::Hole);
}

/// The bytes of BLAKE3's test vectors, 102,400 of them: a block and a part of one.
#[test]
fn a_long_known_input_has_its_known_digests() {
    let bytes: Vec<u8> = (0..102_400_u32).map(|at| (at % 251) as u8).collect();
    let made = made(&[Run::Data(&bytes)]);
    let blake3 = digest("bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085");
    let sha256 = digest("74588b7f0bcc354ac14d9cf199fa3a20c05f0c7293b9075b2f2e146e718de800");
    assert_eq!(made.content.blake3, blake3);
    assert_eq!(made.content.sha256, sha256);
    assert_eq!(made.records.len(), 2);
    assert_eq!(made.records[0].digests, Digests::of(&bytes[..BLOCK]));
    assert_eq!(made.records[1].digests, Digests::of(&bytes[BLOCK..]));
    let leaves = [
        leaf(0, 65_536, &made.records[0]),
        leaf(1, 36_864, &made.records[1]),
    ];
    let root = Digest::sha256(&[&[1], &leaves[0].0, &leaves[1].0]);
    assert_eq!(made.content.root, root);
}

#[test]
fn items_around_a_block_have_as_many_blocks_as_they_need() {
    for (length, blocks) in [
        (1, 1),
        (BLOCK - 1, 1),
        (BLOCK, 1),
        (BLOCK + 1, 2),
        (2 * BLOCK, 2),
    ] {
        let bytes = noise(length, 1);
        let made = made(&[Run::Data(&bytes)]);
        assert_eq!(made.records.len(), blocks, "{length}");
        assert_eq!(made.content.size, length as u64);
        assert_eq!(made.content.data, length as u64);
        assert_eq!(made.content.sha256, Digests::of(&bytes).sha256);
        assert_eq!(made.content.blake3, Digests::of(&bytes).blake3);
        assert!(made.content.problems().is_empty());
        let stored: Vec<u8> = made.stored.into_iter().flatten().flatten().collect();
        assert_eq!(stored, bytes);
    }
}

#[test]
fn holes_are_explicit_zeros() {
    let bytes = noise(100, 2);
    let zeros = vec![0; 3 * BLOCK];
    let told = made(&[
        Run::Data(&bytes),
        Run::Hole(3 * BLOCK as u64),
        Run::Data(&bytes),
    ]);
    let read = made(&[Run::Data(&bytes), Run::Data(&zeros), Run::Data(&bytes)]);
    assert_eq!(told, read);
    let kinds: Vec<_> = told.records.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [Kind::Data, Kind::Hole, Kind::Hole, Kind::Data]);
    let block = BLOCK as u64;
    assert_eq!(told.content.holes.first, spans(&[(block, 2 * block)]));
    assert_eq!(told.content.data, block + 200);
}

#[test]
fn what_could_not_be_read_is_told_to_the_byte_and_is_no_hole() {
    let bytes = noise(BLOCK, 3);
    let block = BLOCK as u64;
    let made = made(&[
        Run::Data(&bytes),
        Run::Unreadable(block),
        Run::Data(&bytes[..10]),
        Run::Unreadable(block - 10),
        Run::Unreadable(4),
        Run::Hole(block),
    ]);
    let kinds: Vec<_> = made.records.iter().map(|record| record.kind).collect();
    let expected = [
        Kind::Data,
        Kind::Unreadable,
        Kind::Partial,
        Kind::Partial,
        Kind::Hole,
    ];
    assert_eq!(kinds, expected);
    let ranges = spans(&[(block, block), (2 * block + 10, block - 6)]);
    assert_eq!(made.content.unreadable.first, ranges);
    assert_eq!(made.content.holes.first, spans(&[(4 * block, 4)]));
    let mut whole = [&bytes[..], &vec![0; BLOCK], &bytes[..10]].concat();
    whole.resize(4 * BLOCK + 4, 0);
    assert_eq!(made.content.sha256, Digests::of(&whole).sha256);
    assert!(made.content.problems().is_empty());
    // The same bytes, all of them read, are other evidence.
    let read = crate::testing::made(&[Run::Data(&whole)]);
    assert_eq!(read.content.sha256, made.content.sha256);
    assert_ne!(read.content.root, made.content.root);
}

#[test]
fn an_item_has_the_size_that_it_was_said_to_have() {
    let geometry = Geometry::new(5, BlockSize::MIN).unwrap();
    let mut hasher = Hasher::new(geometry);
    assert!(hasher.take(&mut Run::Data(b"abc")).unwrap().is_none());
    for mut run in [Run::Data(b"def"), Run::Hole(u64::MAX), Run::Unreadable(3)] {
        let refused = hasher.take(&mut run).map(|_| ());
        assert_eq!(refused, Err(HashError::TooMuch { size: 5 }));
    }
    assert!(hasher.take(&mut Run::Data(b"de")).unwrap().is_some());
    assert_eq!(
        hasher.finish().unwrap().sha256,
        Digests::of(b"abcde").sha256
    );

    let mut hasher = Hasher::new(geometry);
    hasher.take(&mut Run::Hole(4)).unwrap();
    let short = HashError::TooLittle { size: 5, taken: 4 };
    assert_eq!(hasher.finish(), Err(short));
}

/// A piece of an item: noise, zeros that are read, a hole, or what can't be read.
fn pieces() -> impl Strategy<Value = Vec<(u8, usize)>> {
    let length = prop_oneof![
        1..200_usize,
        Just(BLOCK),
        BLOCK - 2..BLOCK + 3,
        1..3 * BLOCK
    ];
    proptest::collection::vec((0..4_u8, length), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_of_the_input_gives_the_same(
        pieces in pieces(),
        cuts in proptest::collection::vec(1..2 * BLOCK, 1..8),
    ) {
        let bytes: Vec<Vec<u8>> = (0..).zip(&pieces).map(|(seed, (kind, length))| match kind {
            0 => noise(*length, seed),
            _ => vec![0; *length],
        }).collect();
        let runs: Vec<Run<'_>> = pieces.iter().zip(&bytes).map(|((kind, length), bytes)| match kind {
            0 | 1 => Run::Data(bytes),
            2 => Run::Hole(*length as u64),
            _ => Run::Unreadable(*length as u64),
        }).collect();
        let whole = made(&runs);
        let all = bytes.concat();
        prop_assert_eq!(whole.content.sha256, Digests::of(&all).sha256);
        prop_assert_eq!(whole.content.blake3, Digests::of(&all).blake3);
        prop_assert_eq!(whole.content.problems(), vec![]);
        for (index, record) in whole.records.iter().enumerate() {
            let end = all.len().min((index + 1) * BLOCK);
            prop_assert_eq!(record.digests, Digests::of(&all[index * BLOCK..end]));
        }

        let mut cut = Vec::new();
        let mut lengths = cuts.iter().cycle();
        for run in &runs {
            let mut rest = *run;
            if let Run::Hole(length) = rest {
                rest = Run::Data(&all[..0]);
                cut.push(Run::Hole(length / 2));
                cut.push(Run::Hole(length - length / 2));
            }
            while rest.length() > 0 {
                cut.push(rest.split(*lengths.next().unwrap() as u32));
            }
        }
        prop_assert_eq!(&made(&cut), &whole);
        let zeros: Vec<Run<'_>> = runs.iter().zip(&bytes).map(|(run, bytes)| match run {
            Run::Hole(_) => Run::Data(bytes),
            Run::Data(bytes) if is_zero(bytes) => Run::Hole(bytes.len() as u64),
            other => *other,
        }).collect();
        prop_assert_eq!(&made(&zeros), &whole);
        // What the list makes of it is what was acquired.
        whole.list();
    }
}

#[test]
fn an_item_whose_size_is_told_in_the_end_is_the_same_item() {
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
        let bytes = noise(length, 9);
        let known = made(&[Run::Data(&bytes)]);
        for step in [1_000, BLOCK, 2 * BLOCK + 5] {
            let mut hasher = Hasher::unbounded(BlockSize::MIN);
            let (mut records, mut stored) = (Vec::new(), Vec::new());
            for part in bytes.chunks(step) {
                let mut run = Run::Data(part);
                while let Some(block) = hasher.take(&mut run).unwrap() {
                    records.push(block.record);
                    stored.push(block.bytes.map(<[u8]>::to_vec));
                }
            }
            if let Some(block) = hasher.end() {
                assert_eq!(block.offset + u64::from(block.length), length as u64);
                records.push(block.record);
                stored.push(block.bytes.map(<[u8]>::to_vec));
            }
            assert_eq!(hasher.finish().unwrap(), known.content);
            assert_eq!((&records, &stored), (&known.records, &known.stored));
        }
    }
    let mut hasher = Hasher::unbounded(BlockSize::MIN);
    assert!(hasher.end().is_none());
    let more = hasher.take(&mut Run::Data(b"x")).map(|_| ());
    assert_eq!(more, Err(HashError::TooMuch { size: 0 }));
}
