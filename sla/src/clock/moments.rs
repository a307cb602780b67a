//! The moments at which something has to be said about a clock.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Clock, Party, State};

/// The parts of the allowed time, in percent, at which a warning is given.
pub const WARNINGS: [u8; 3] = [50, 75, 90];

/// What happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// So many percent of the allowed time are used.
    Warning(u8),
    /// The clock is breached.
    Breach,
}

/// A moment that is to come for a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When. An evaluation at this moment shows what happened.
    pub at: Timestamp,
    /// What happens.
    pub kind: MomentKind,
}

/// When so many percent of the allowed time were or will be used, if the turn does not
/// change. Percents that were not reached before the clock ended or was paused are missing.
/// They are counted from the allowed time as it is: after a re-classification, a moment may
/// lie before the entry that made it one.
pub fn thresholds(clock: &Clock<'_>) -> impl Iterator<Item = (u8, Timestamp)> {
    WARNINGS.into_iter().filter_map(|percent| {
        let part = clock.allowed.saturating_mul(i32::from(percent)) / 100;
        Some((percent, reached(clock, part)?))
    })
}

/// The first warning after `now`, or the breach if that comes before; none while the clock
/// is paused, and none once it is breached or at its end. The breach comes one nanosecond
/// after the due moment, which itself is still in time.
pub fn next_moment(clock: &Clock<'_>, now: Timestamp) -> Option<Moment> {
    if clock.state != State::Running {
        return None;
    }
    let warnings = thresholds(clock).map(|(percent, at)| Moment {
        at,
        kind: MomentKind::Warning(percent),
    });
    let breach = clock.due.and_then(|due| {
        let at = due.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let kind = MomentKind::Breach;
        Some(Moment { at, kind })
    });
    let coming = warnings.chain(breach).filter(|moment| moment.at > now);
    coming.min_by_key(|moment| moment.at)
}

/// When the provider's open time was or will be that much.
fn reached(clock: &Clock<'_>, amount: SignedDuration) -> Option<Timestamp> {
    let mut spent = SignedDuration::ZERO;
    for segment in clock.segments.iter().filter(|s| s.party == Party::Provider) {
        let after = spent.saturating_add(segment.open);
        let goes_on = segment.ended_by.is_none();
        if after >= amount || goes_on {
            let target = clock.agreement.target(clock.kind, segment.severity)?;
            let rest = amount.saturating_sub(spent);
            return target.calendar.add_open(segment.from, rest).ok();
        }
        spent = after;
    }
    None
}
