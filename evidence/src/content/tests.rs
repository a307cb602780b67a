use proptest::prelude::*;

use super::*;
use crate::hasher::Run;
use crate::spans::Span;
use crate::testing::{BLOCK, made, noise};

fn content() -> Content {
    let block = BLOCK as u64;
    let bytes = noise(BLOCK, 1);
    made(&[
        Run::Data(&bytes),
        Run::Hole(2 * block),
        Run::Unreadable(10),
        Run::Data(&bytes),
        Run::Hole(block + 7),
    ])
    .content
}

fn with(change: impl FnOnce(&mut Content)) -> Vec<ContentProblem> {
    let mut content = content();
    change(&mut content);
    content.problems()
}

#[test]
fn what_a_hasher_makes_adds_up() {
    assert_eq!(content().problems(), []);
}

#[test]
fn sizes_that_do_not_add_up_are_named() {
    use ContentProblem as P;
    let block = BLOCK as u64;
    assert_eq!(with(|of| of.data += 1), [P::Sum]);
    assert_eq!(with(|of| of.data = u64::MAX), [P::Sum]);
    assert_eq!(with(|of| of.holes.bytes += 1), [P::Sum, P::Holes]);
    assert_eq!(with(|of| of.unreadable.bytes = 9), [P::Sum, P::Unreadable]);
    assert_eq!(with(|of| of.holes.first[0].offset -= 1), [P::HoleBlocks]);
    assert_eq!(with(|of| of.holes.first.swap(0, 1)), [P::Holes]);
    assert_eq!(with(|of| of.holes.left_out = 1), [P::Holes]);
    assert_eq!(
        with(|of| of.unreadable.first[0].offset = block),
        [P::Overlap]
    );
    let outside = with(|of| of.unreadable.first[0].offset = of.size - 9);
    assert_eq!(outside, [P::Unreadable]);
    let far = with(|of| {
        of.holes.first[1] = Span {
            offset: u64::MAX,
            length: u64::MAX,
        }
    });
    assert_eq!(far, [P::Holes, P::HoleBlocks]);
    let large = with(|of| of.size = u64::MAX);
    assert!(
        matches!(large[..], [P::Geometry(_), P::Sum, P::HoleBlocks]),
        "{large:?}"
    );
}

#[test]
fn fields_that_are_not_known_are_refused_here() {
    let mut json = serde_json::to_value(content()).unwrap();
    assert_eq!(
        serde_json::from_value::<Content>(json.clone()).unwrap(),
        content()
    );
    json["compressed"] = true.into();
    assert!(serde_json::from_value::<Content>(json.clone()).is_err());
    let mut json = serde_json::to_value(content()).unwrap();
    json["block_size"] = 65_537.into();
    assert!(serde_json::from_value::<Content>(json).is_err());
}

proptest! {
    #[test]
    fn no_numbers_make_it_panic(
        numbers in proptest::array::uniform8(prop_oneof![any::<u64>(), 0..200_000_u64]),
        spans in proptest::collection::vec(any::<(u64, u64)>(), 0..4),
        start in any::<u64>(),
        length in any::<u32>(),
    ) {
        let list = |bytes, left_out| Spans {
            bytes,
            first: spans.iter().map(|&(offset, length)| Span { offset, length }).collect(),
            left_out,
        };
        let content = Content {
            size: numbers[0],
            data: numbers[1],
            holes: list(numbers[2], numbers[3]),
            unreadable: list(numbers[4], numbers[5]),
            ..content()
        };
        let _ = content.problems();
        for kind in Kind::ALL {
            let _ = content.can_be(kind, start, length);
        }
    }
}
