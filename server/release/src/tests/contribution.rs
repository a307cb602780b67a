//! A tenant counts once for an indicator in any window, whatever it sends.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::World;
use super::{address, day, key, nth};
use crate::{
    Collector, Contribution, Count, Eligible, Evidence, Indicator, IndicatorCount, MAX_TAGS,
    MemoryKey, ProviderRanges, Refused,
};

fn contribution(sightings: impl IntoIterator<Item = Indicator>) -> Contribution {
    let (key, memory) = (key(3), MemoryKey::new(&[1; 32]));
    let ranges = ProviderRanges::default();
    let mut collector = Collector::new(&key, &memory, [], &ranges);
    for indicator in sightings {
        collector.see(&indicator);
    }
    collector.finish()
}

proptest! {
    #[test]
    fn one_in_any_window_whatever_the_days(days in proptest::collection::btree_set(0_u16..30, 0..30)) {
        let x = address("203.0.113.9");
        let mut world = World::new(30);
        for on in &days {
            world.contribute(1, *on, &[x, x]);
        }
        for snapshot in 6..30 {
            let exactly = world.exactly(&x, snapshot);
            prop_assert!(exactly <= 1);
            // Who saw it on every day of the window is always in it.
            if (snapshot - 6..=snapshot).all(|on| days.contains(&on)) {
                prop_assert_eq!(exactly, 1);
            }
        }
    }

    #[test]
    fn order_and_repetition_change_nothing(mut numbers in proptest::collection::vec(0_usize..50, 0..80)) {
        let one = contribution(numbers.iter().copied().map(nth));
        numbers.reverse();
        let other = contribution(numbers.iter().chain(&numbers).copied().map(nth));
        prop_assert_eq!(one, other);
    }
}

#[test]
fn a_day_has_so_many_tags_at_most_and_the_lowest() {
    let all: BTreeSet<_> = (0..MAX_TAGS + 50)
        .map(|number| key(3).tag(&nth(number)))
        .collect();
    let upwards = contribution((0..MAX_TAGS + 50).map(nth));
    assert_eq!(upwards.tags().len(), MAX_TAGS);
    assert_eq!(upwards.remember().len(), MAX_TAGS);
    assert!(upwards.tags().iter().eq(all.iter().take(MAX_TAGS)));
}

#[test]
fn a_contribution_can_be_made_once_more_and_holds_back_for_six_days() {
    let x = address("203.0.113.9");
    let (memory, ranges) = (MemoryKey::new(&[1; 32]), ProviderRanges::default());
    let on = |number, rows: &[(crate::Day, crate::OwnTag)]| {
        let key = key(number);
        let mut collector = Collector::new(&key, &memory, rows.iter().copied(), &ranges);
        collector.see(&x);
        collector.finish()
    };
    let first = on(3, &[]);
    let rows = [(first.day(), first.remember()[0])];
    assert_eq!(on(3, &rows), first);
    for held in 4..=9 {
        assert_eq!(on(held, &rows).tags(), []);
    }
    assert_eq!(on(10, &rows).tags().len(), 1);
    let earliest = |number| Collector::holding(day(number));
    assert_eq!((earliest(9), earliest(10)), (day(3), day(4)));
}

#[test]
fn tags_of_days_cannot_be_linked() {
    let x = address("203.0.113.9");
    assert_ne!(key(3).tag(&x), key(4).tag(&x));
    // The memory has other tags than the counts, and each tenant its own.
    let contributed = contribution([x]);
    assert_ne!(contributed.tags()[0].0, contributed.remember()[0].0);
    let other = MemoryKey::new(&[2; 32]).tag(&x);
    assert_ne!(contributed.remember()[0], other);
}

#[test]
fn the_providers_addresses_are_not_contributed() {
    let (key, memory) = (key(3), MemoryKey::new(&[1; 32]));
    let ranges = ProviderRanges::new(["198.51.100.0/24".parse().unwrap()]);
    let mut collector = Collector::new(&key, &memory, [], &ranges);
    collector.see(&address("198.51.100.9"));
    collector.see(&address("203.0.113.9"));
    assert_eq!(
        collector.finish().tags(),
        [key.tag(&address("203.0.113.9"))]
    );
}

#[test]
fn only_a_whole_window_answers() {
    let x = address("203.0.113.9");
    let keys: Vec<_> = (0..8).map(key).collect();
    let answer = |days: &[usize]| {
        let evidence = Some(Evidence {
            indicator: x,
            seen: day(6),
        });
        let ranges = ProviderRanges::default();
        let eligible = Eligible::<Indicator>::check(x, day(6), evidence, &ranges).unwrap();
        let counts: Vec<_> = days
            .iter()
            .map(|at| IndicatorCount {
                key: &keys[*at],
                count: Count::stored(1),
            })
            .collect();
        let paid = crate::Budget::default().spend(eligible, &keys[6]).unwrap();
        paid.answer(&counts).map(drop)
    };
    assert_eq!(answer(&[0, 1, 2, 3, 4, 5, 6]), Ok(()));
    let missing = Err(Refused::SnapshotIncomplete);
    assert_eq!(answer(&[]), missing);
    assert_eq!(answer(&[1, 2, 3, 4, 5, 6]), missing);
    assert_eq!(answer(&[1, 2, 3, 4, 5, 6, 7]), missing);
    assert_eq!(answer(&[6, 5, 4, 3, 2, 1, 0]), missing);
    assert_eq!(answer(&[0, 1, 2, 3, 4, 6, 6]), missing);
}

#[test]
fn secrets_do_not_print() {
    assert_eq!(format!("{:?}", Count::stored(4)), "Count(withheld)");
    assert_eq!(format!("{:?}", key(3)), "DayKey(2026-11-04)");
    assert_eq!(format!("{:?}", MemoryKey::new(&[1; 32])), "MemoryKey");
}
