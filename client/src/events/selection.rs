//! Which events: the part that searches, counts and exports share.

use jiff::Timestamp;

use crate::time::to_proto;

/// A time range and a filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) filter: String,
}

impl Selection {
    pub(super) fn start(&self) -> Option<prost_types::Timestamp> {
        self.since.map(to_proto)
    }

    pub(super) fn end(&self) -> Option<prost_types::Timestamp> {
        self.until.map(to_proto)
    }
}

/// The methods that set a selection, for a builder with a field of that name.
macro_rules! selects {
    ($builder:ty) => {
        impl $builder {
            /// Only events that happened at this time or later.
            #[must_use]
            pub fn since(mut self, time: jiff::Timestamp) -> Self {
                self.selection.since = Some(time);
                self
            }

            /// Only events that happened before this time.
            #[must_use]
            pub fn until(mut self, time: jiff::Timestamp) -> Self {
                self.selection.until = Some(time);
                self
            }

            /// Only events of the time before now, by this machine's clock.
            #[must_use]
            pub fn last(self, time: std::time::Duration) -> Self {
                let now = $crate::time::now();
                self.since(now.checked_sub(time).unwrap_or(jiff::Timestamp::MIN))
            }

            /// Only events that pass a SQL boolean expression over the columns, as in
            /// `operation = 'AssumeRole' AND NOT cidr_contains('10.0.0.0/8', src_ip)`.
            #[must_use]
            pub fn filter(mut self, expression: impl Into<String>) -> Self {
                self.selection.filter = expression.into();
                self
            }
        }
    };
}
pub(super) use selects;

/// What to count.
///
/// ```
/// use std::time::Duration;
/// use cordon_client::Count;
/// let failures_by_operation = Count::new()
///     .last(Duration::from_secs(7 * 24 * 3600))
///     .filter("status = 'Failure'")
///     .by("operation");
/// # let _ = failures_by_operation;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Count {
    pub(super) selection: Selection,
    pub(super) group_by: Vec<String>,
    pub(super) limit: i32,
}

impl Count {
    /// All events, in one number.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts each value of this column by itself; up to three columns.
    #[must_use]
    pub fn by(mut self, column: impl Into<String>) -> Self {
        self.group_by.push(column.into());
        self
    }

    /// How many groups at most, the largest first; 100 if not set, at most 10,000.
    #[must_use]
    pub fn limit(mut self, groups: u32) -> Self {
        self.limit = i32::try_from(groups).unwrap_or(i32::MAX);
        self
    }
}

selects!(Count);
