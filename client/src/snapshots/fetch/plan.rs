//! Which blocks are asked for, and in how many calls.

use std::ops::Range;

use cordon_evidence::list::BlockList;
use cordon_evidence::record::Kind;

/// How many ranges are fetched at once.
pub(super) const AT_ONCE: u64 = 4;
/// A range is not cut where it has less than this: each call is an entry of the chain of custody.
const LEAST: u64 = 8 << 20;

/// Whether a block is stored: only then there are bytes to fetch.
pub(super) fn is_stored(list: &BlockList, index: u64) -> bool {
    list.record(index)
        .is_some_and(|record| Kind::is_stored(record.kind))
}

/// How many bytes of an item are stored: those that are fetched, with none there yet. Holes and what
/// could not be read are no bytes.
#[must_use]
pub fn stored_bytes(list: &BlockList) -> u64 {
    bytes(list, |_| true)
}

/// How many bytes the stored blocks have of which `which` says so.
pub(super) fn bytes(list: &BlockList, which: impl Fn(u64) -> bool) -> u64 {
    let geometry = list.geometry();
    (0..geometry.blocks())
        .filter(|index| is_stored(list, *index) && which(*index))
        .map(|index| u64::from(geometry.length(index)))
        .sum()
}

/// The ranges of blocks that are to be fetched: each begins and ends with a block that is stored and
/// missing, and has none that is there. Holes within a range are passed over by the server, who
/// sends their length: to cut there would make the chain of custody of a disk in shreds as long as
/// the disk has shreds.
pub(super) fn ranges(list: &BlockList, is_there: impl Fn(u64) -> bool) -> Vec<Range<u64>> {
    let geometry = list.geometry();
    let missing = bytes(list, |index| !is_there(index));
    let enough = missing.div_ceil(AT_ONCE).max(LEAST);
    let mut ranges = Vec::new();
    let mut open: Option<(Range<u64>, u64)> = None;
    for index in (0..geometry.blocks()).filter(|index| is_stored(list, *index)) {
        if is_there(index) {
            ranges.extend(open.take().map(|(range, _)| range));
            continue;
        }
        let (range, filled) = open.get_or_insert((index..index, 0));
        range.end = index + 1;
        *filled += u64::from(geometry.length(index));
        if *filled >= enough {
            ranges.extend(open.take().map(|(range, _)| range));
        }
    }
    ranges.extend(open.map(|(range, _)| range));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::fetch::testing::{BLOCK, made};

    #[test]
    fn ranges_have_what_is_missing_and_holes_in_between() {
        // Two holes at the beginning, data, a hole, data, a hole at the end.
        let (_, _, list) = made("__dd_dd_", 0);
        let pairs = |is_there: fn(u64) -> bool| {
            let ranges = ranges(&list, is_there);
            let pairs = ranges.iter().map(|range| (range.start, range.end));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(pairs(|_| false), [(2, 7)]);
        assert_eq!(pairs(|index| index == 2), [(3, 7)]);
        assert_eq!(pairs(|index| index == 5), [(2, 4), (6, 7)]);
        assert_eq!(pairs(|index| index == 6), [(2, 6)]);
        assert!(ranges(&list, |_| true).is_empty());
        assert_eq!(stored_bytes(&list), 4 * BLOCK);
        let (_, _, holes) = made("___", 0);
        assert!(ranges(&holes, |_| false).is_empty());
        let (_, _, empty) = made("", 0);
        assert!(ranges(&empty, |_| false).is_empty());
    }

    #[test]
    fn much_is_cut_into_as_many_ranges_as_are_fetched_at_once() {
        let blocks = usize::try_from(4 * LEAST / BLOCK).unwrap();
        let (_, _, list) = made(&"d".repeat(blocks), 5);
        let cut = ranges(&list, |_| false);
        assert_eq!(cut.len(), 4);
        assert_eq!((cut[0].start, cut[3].end), (0, list.geometry().blocks()));
        assert!(cut.windows(2).all(|two| two[0].end == two[1].start));
        // What is little is asked for at once.
        let (_, _, list) = made(&"d".repeat(blocks / 8), 5);
        assert_eq!(ranges(&list, |_| false).len(), 1);
    }
}
