//! When agreements are in force, and where two are at once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stretch of time: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// The beginning.
    pub from: Timestamp,
    /// The end; none if that is open.
    pub to: Option<Timestamp>,
}

impl Validity {
    /// Whether a moment belongs to it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }

    /// Whether it is over at a moment, or was never begun.
    fn is_over_at(self, at: Timestamp) -> bool {
        self.to.is_some_and(|to| to <= at || to <= self.from)
    }
}

/// The pairs of stretches that have a moment in common, by their places in the list, the
/// smaller place first, in ascending order. None means that at any time at most one is in
/// force.
pub fn overlaps(spans: &[Validity]) -> Vec<(usize, usize)> {
    let mut sorted: Vec<(usize, Validity)> = spans.iter().copied().enumerate().collect();
    sorted.sort_by_key(|(place, span)| (span.from, *place));
    let mut found = Vec::new();
    let mut open: Vec<(usize, Validity)> = Vec::new();
    for (place, span) in sorted {
        open.retain(|(_, earlier)| !earlier.is_over_at(span.from));
        if span.is_over_at(span.from) {
            continue;
        }
        let pairs = open
            .iter()
            .map(|(other, _)| (place.min(*other), place.max(*other)));
        found.extend(pairs);
        open.push((place, span));
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: impl Into<Option<i64>>) -> Validity {
        let second = |second| Timestamp::from_second(second).unwrap();
        Validity {
            from: second(from),
            to: to.into().map(second),
        }
    }

    #[test]
    fn stretches_that_only_touch_do_not_overlap() {
        assert_eq!(overlaps(&[span(20, None), span(0, 10), span(10, 20)]), []);
        assert_eq!(overlaps(&[]), []);
    }

    #[test]
    fn every_pair_with_a_moment_in_common_is_found() {
        let spans = [
            span(50, None),
            span(0, 100),
            span(99, 120),
            span(10, 20),
            span(5, 5),
        ];
        assert_eq!(overlaps(&spans), [(0, 1), (0, 2), (1, 2), (1, 3)]);
        let twins = [span(0, None), span(0, None)];
        assert_eq!(overlaps(&twins), [(0, 1)]);
    }

    #[test]
    fn the_end_does_not_belong_to_it() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let contains = |at| span(10, 20).contains(second(at));
        assert_eq!([9, 10, 19, 20].map(contains), [false, true, true, false]);
        assert!(span(10, None).contains(Timestamp::MAX));
    }
}
