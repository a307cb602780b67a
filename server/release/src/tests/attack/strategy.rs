//! What colluders contribute, and when, so that a victim's one contribution is felt.

use super::{EVENT, SNAPSHOTS};
use crate::Bucket;

/// A plan of contributions.
#[derive(Clone, Copy)]
pub(super) struct Strategy {
    pub(super) name: &'static str,
    /// On the days up to the one in question.
    pub(super) before: fn() -> [i64; EVENT + 1],
    /// On each day after, by the answers so far.
    pub(super) next: fn(&[Bucket]) -> i64,
}

fn on_the_day(count: i64) -> [i64; EVENT + 1] {
    let mut days = [0; EVENT + 1];
    days[EVENT] = count;
    days
}

fn some(bucket: &Bucket) -> bool {
    *bucket >= Bucket::FiveToTwenty
}

/// The victim moves every window's count over the edge.
pub(super) const HELD: Strategy = Strategy {
    name: "held at the edge 4/5 for seven days",
    before: || on_the_day(4),
    next: |_| 0,
};

/// Own contributions leave and enter the window, so that the threshold moves over the same noise.
pub(super) const TOGGLE: Strategy = Strategy {
    name: "toggled around the edge 4/5",
    before: || [2, 1, 1, 1, 1, 0, 0],
    next: |_| 0,
};

pub(super) const STRATEGIES: [Strategy; 5] = [
    HELD,
    Strategy {
        name: "held at the edge 20/21 for seven days",
        before: || on_the_day(20),
        next: |_| 0,
    },
    TOGGLE,
    Strategy {
        name: "raised through the edge",
        before: || on_the_day(2),
        next: |answers| i64::from(answers.len() < 5),
    },
    Strategy {
        name: "raised while the answer is fewer than 5",
        before: || on_the_day(4),
        next: |answers| match answers.last() {
            Some(last) if !some(last) && answers.len() < SNAPSHOTS => 1,
            _ => 0,
        },
    },
];
