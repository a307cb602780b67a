//! What is to be recorded about clocks: that much of the allowed time is used, or all of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::objective::ObjectiveKind;
use super::{Clock, MomentKind, State, Subject, WARNINGS};

/// Which clock of an incident it is, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClockId {
    /// What was promised.
    pub kind: ObjectiveKind,
    /// Which one, where there may be several.
    pub subject: Option<Subject>,
    /// The sequence number of the entry that started it.
    pub started: u64,
}

impl ClockId {
    /// Of a clock.
    pub fn of(clock: &Clock<'_>) -> Self {
        Self {
            kind: clock.kind,
            subject: clock.subject.clone(),
            started: clock.started.sequence,
        }
    }
}

/// Something to be recorded about a clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// About which clock.
    pub clock: ClockId,
    /// What.
    pub kind: MomentKind,
}

/// What is to be recorded about clocks now, where `known` was recorded before: that a clock was
/// breached, or the highest of the [`WARNINGS`] that one has reached which is not at its end. A
/// lower one that nobody got to record in time is left out, and so is any that was reached again
/// after a re-classification gave more time.
pub fn notices(clocks: &[Clock<'_>], known: &BTreeSet<Notice>) -> Vec<Notice> {
    let about = |clock: &Clock<'_>| {
        let of = |kind| Notice {
            clock: ClockId::of(clock),
            kind,
        };
        let kind = match clock.state {
            State::Breached => MomentKind::Breach,
            State::Running | State::Paused => {
                let reached = |percent: &u8| {
                    let part = clock.allowed.saturating_mul(i32::from(*percent)) / 100;
                    clock.spent >= part
                };
                let highest = WARNINGS.into_iter().rev().find(reached)?;
                let from_here_on = WARNINGS.into_iter().filter(|other| *other >= highest);
                let mut warned = from_here_on.map(MomentKind::Warning);
                if warned.any(|warning| known.contains(&of(warning))) {
                    return None;
                }
                MomentKind::Warning(highest)
            }
            State::Met | State::Cancelled => return None,
        };
        Some(of(kind)).filter(|notice| !known.contains(notice))
    };
    clocks.iter().filter_map(about).collect()
}
