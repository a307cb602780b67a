//! Lists of byte ranges that are in order, merged and not longer than a bound.

use serde::{Deserialize, Serialize};

/// Most ranges that a list names. A disk in shreds has more; then the list of blocks tells.
pub const MAX_SPANS: usize = 4_096;

/// A range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Where it begins.
    pub offset: u64,
    /// How long it is; not 0.
    pub length: u64,
}

impl Span {
    /// The byte behind the last; none if no number tells it.
    #[must_use]
    pub const fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }
}

/// The ranges of one kind within an item, merged: no two touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spans {
    /// How many bytes they are together, with those left out.
    pub bytes: u64,
    /// The first of them, in order: at most [`MAX_SPANS`].
    pub first: Vec<Span>,
    /// How many more there are.
    pub left_out: u64,
}

impl Spans {
    /// Whether the list adds up: in order, merged, within `size`, and as many bytes as it says.
    pub(crate) fn adds_up(&self, size: u64) -> bool {
        let (mut behind, mut bytes) = (None, 0_u64);
        for span in &self.first {
            let Some(end) = span.end().filter(|end| *end <= size) else {
                return false;
            };
            if span.length == 0 || behind.is_some_and(|behind| span.offset <= behind) {
                return false;
            }
            behind = Some(end);
            bytes += span.length;
        }
        let full = self.first.len() == MAX_SPANS;
        if self.left_out == 0 {
            return self.first.len() <= MAX_SPANS && bytes == self.bytes;
        }
        // Each that is left out lies behind a gap of a byte at least, and has a byte itself.
        let room = size - behind.unwrap_or(0);
        let more = self.bytes.checked_sub(bytes);
        let fits = |more: u64| {
            let least = more.checked_add(self.left_out);
            more >= self.left_out && least.is_some_and(|least| least <= room)
        };
        full && more.is_some_and(fits)
    }

    /// How many bytes of `start..end` are in the ranges that the list names.
    pub(crate) fn overlap(&self, start: u64, end: u64) -> u64 {
        let from = self
            .first
            .partition_point(|span| span.end().is_some_and(|behind| behind <= start));
        let mut sum = 0_u64;
        for span in self.first.iter().skip(from) {
            if span.offset >= end {
                break;
            }
            let to = span.end().unwrap_or(u64::MAX).min(end);
            sum = sum.saturating_add(to.saturating_sub(span.offset.max(start)));
        }
        sum
    }

    /// The byte behind the last range that the list names.
    pub(crate) fn named_until(&self) -> u64 {
        self.first.last().and_then(Span::end).unwrap_or(0)
    }
}

/// Merges ranges as they come, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merging {
    spans: Spans,
    /// The last one, which the next may go on.
    open: Option<Span>,
}

impl Merging {
    pub(crate) fn push(&mut self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        self.spans.bytes = self.spans.bytes.saturating_add(length);
        match &mut self.open {
            Some(open) if open.end() == Some(offset) => {
                open.length = open.length.saturating_add(length);
            }
            _ => {
                self.close();
                self.open = Some(Span { offset, length });
            }
        }
    }

    pub(crate) fn finish(mut self) -> Spans {
        self.close();
        self.spans
    }

    fn close(&mut self) {
        let Some(span) = self.open.take() else { return };
        if self.spans.first.len() < MAX_SPANS {
            self.spans.first.push(span);
        } else {
            self.spans.left_out = self.spans.left_out.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(ranges: &[(u64, u64)]) -> Spans {
        let mut merging = Merging::default();
        for (offset, length) in ranges {
            merging.push(*offset, *length);
        }
        merging.finish()
    }

    fn pairs(spans: &Spans) -> Vec<(u64, u64)> {
        let pair = |span: &Span| (span.offset, span.length);
        spans.first.iter().map(pair).collect()
    }

    #[test]
    fn ranges_that_touch_are_one() {
        let spans = merged(&[(0, 2), (2, 3), (5, 0), (6, 1), (7, 1)]);
        assert_eq!(pairs(&spans), [(0, 5), (6, 2)]);
        assert_eq!((spans.bytes, spans.left_out), (7, 0));
        assert!(spans.adds_up(8) && !spans.adds_up(7));
    }

    #[test]
    fn what_is_over_the_bound_is_counted() {
        let count = MAX_SPANS as u64 + 3;
        let ranges: Vec<_> = (0..count).map(|index| (index * 4, 2)).collect();
        let spans = merged(&ranges);
        assert_eq!(spans.first.len(), MAX_SPANS);
        assert_eq!((spans.left_out, spans.bytes), (3, count * 2));
        assert!(spans.adds_up(count * 4));
        // The three left out have no room.
        assert!(!spans.adds_up(MAX_SPANS as u64 * 4));
        let mut more = spans.clone();
        more.left_out = 7;
        assert!(!more.adds_up(count * 4));
        more.left_out = u64::MAX;
        assert!(!more.adds_up(u64::MAX));
        more.left_out = 3;
        more.first.pop();
        assert!(!more.adds_up(count * 4));
    }

    #[test]
    fn lists_that_do_not_add_up_are_noticed() {
        let list = |bytes, ranges: &[(u64, u64)]| Spans {
            bytes,
            first: ranges
                .iter()
                .map(|&(offset, length)| Span { offset, length })
                .collect(),
            left_out: 0,
        };
        assert!(list(3, &[(0, 1), (2, 2)]).adds_up(4));
        assert!(list(0, &[]).adds_up(0));
        for wrong in [
            list(4, &[(0, 1), (2, 2)]),
            list(3, &[(2, 2), (0, 1)]),
            list(3, &[(0, 1), (1, 2)]),
            list(4, &[(0, 2), (1, 2)]),
            list(1, &[(0, 0), (2, 1)]),
            list(2, &[(3, 2)]),
            list(u64::MAX, &[(u64::MAX, u64::MAX)]),
        ] {
            assert!(!wrong.adds_up(4), "{wrong:?}");
        }
    }

    #[test]
    fn the_overlap_counts_each_byte_once() {
        let spans = merged(&[(10, 5), (20, 5), (30, 5)]);
        for (start, end, sum) in [
            (0, 10, 0),
            (0, 11, 1),
            (12, 33, 11),
            (24, 25, 1),
            (35, 99, 0),
        ] {
            assert_eq!(spans.overlap(start, end), sum, "{start} {end}");
        }
        assert_eq!(spans.named_until(), 35);
    }
}
