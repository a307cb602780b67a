//! The time for which an account or a resource belongs to a tenant.

use cordon_kernel::AuditEntry;
use cordon_kernel::db::timestamp;

/// From a first moment to a first moment after, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: i64,
    to: Option<i64>,
}

/// What becomes of a validity that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It ends at this moment.
    At(i64),
    /// It had not begun, and never will.
    Never,
    /// It had ended already.
    Already,
}

impl Validity {
    /// How "always" is kept as a first moment.
    pub(super) const ALWAYS: i64 = i64::MIN;

    /// `None` unless the end is after the beginning. Without a beginning: always; without an
    /// end: open.
    pub(super) fn new(from: Option<i64>, to: Option<i64>) -> Option<Self> {
        let from = from.unwrap_or(Self::ALWAYS);
        to.is_none_or(|to| to > from).then_some(Self { from, to })
    }

    /// First moment, [`Self::ALWAYS`] for no beginning; as the tables keep it.
    pub(super) const fn from(self) -> i64 {
        self.from
    }

    /// First moment, `None` for no beginning.
    pub(super) fn start(self) -> Option<i64> {
        (self.from != Self::ALWAYS).then_some(self.from)
    }

    /// First moment after; `None` for open.
    pub(super) const fn to(self) -> Option<i64> {
        self.to
    }

    /// Adds the times to an entry of the log.
    pub(super) fn detail(self, entry: AuditEntry) -> AuditEntry {
        let entry = match self.start() {
            Some(from) => entry.detail("start_time", timestamp(from)),
            None => entry,
        };
        match self.to {
            Some(to) => entry.detail("end_time", timestamp(to)),
            None => entry,
        }
    }

    /// Whether there is a moment in both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.to.is_none_or(|to| other.from < to) && other.to.is_none_or(|to| self.from < to)
    }

    /// This, ended at `now`.
    pub(super) fn end(self, now: i64) -> (Self, Ending) {
        if self.to.is_some_and(|to| to <= now) {
            (self, Ending::Already)
        } else if self.from >= now {
            // What never came is shown as ending where it begins.
            (
                Self {
                    to: Some(self.from),
                    ..self
                },
                Ending::Never,
            )
        } else {
            (
                Self {
                    to: Some(now),
                    ..self
                },
                Ending::At(now),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: Option<i64>) -> Validity {
        Validity::new(Some(from), to).unwrap()
    }

    #[test]
    fn the_end_is_after_the_beginning() {
        assert!(Validity::new(Some(5), Some(5)).is_none());
        assert!(Validity::new(Some(5), Some(4)).is_none());
        assert!(Validity::new(None, Some(i64::MIN + 1)).is_some());
    }

    #[test]
    fn the_end_itself_is_outside() {
        assert!(!span(0, Some(5)).overlaps(span(5, None)));
        assert!(span(0, Some(6)).overlaps(span(5, None)));
        assert!(
            Validity::new(None, None)
                .unwrap()
                .overlaps(span(5, Some(6)))
        );
    }

    #[test]
    fn ending() {
        assert_eq!(span(0, None).end(5), (span(0, Some(5)), Ending::At(5)));
        assert_eq!(span(0, Some(9)).end(5), (span(0, Some(5)), Ending::At(5)));
        assert_eq!(span(0, Some(5)).end(5), (span(0, Some(5)), Ending::Already));
        let (nothing, ending) = span(5, None).end(5);
        assert_eq!(
            (nothing.start(), nothing.to(), ending),
            (Some(5), Some(5), Ending::Never)
        );
        let always = Validity::new(None, None).unwrap();
        assert_eq!(always.end(5).0.to(), Some(5));
    }

    #[test]
    fn overlap_means_a_common_moment() {
        let spans: Vec<(i64, i64)> = (0..7)
            .flat_map(|from| (from + 1..8).map(move |to| (from, to)))
            .collect();
        for (a, b) in &spans {
            for (c, d) in &spans {
                let common = (0..8).any(|t| (*a..*b).contains(&t) && (*c..*d).contains(&t));
                assert_eq!(span(*a, Some(*b)).overlaps(span(*c, Some(*d))), common);
            }
        }
    }
}
