//! The clocks of an incident: what was promised, how long it took, and whose time it was.
//!
//! Clocks are a pure function of the log, of the agreements and of a moment. The rules:
//!
//! * **Agreement.** A clock goes by the agreement that is in force when it starts, to its
//!   end. Where none is, or where it promises nothing of the kind, there is no clock.
//! * **Start.** `Opened` starts Acknowledge, FirstUpdate, Contain, Restore and Resolve. Each
//!   `Updated` starts a SubsequentUpdate until the next one. A request starts a clock of its
//!   own. `Reopened` starts Contain, Restore, Resolve and a SubsequentUpdate anew, on the
//!   provider's turn; what was settled before stays settled.
//! * **Stop.** The entry that records the thing stops its clock, and is in time up to and
//!   including the due moment. `Resolved` also stops Acknowledge, Contain and Restore,
//!   which it implies, and calls off the updates. `Closed` calls off all that is left. What
//!   is called off after its due moment is breached all the same.
//! * **Pause.** Only a recorded hand-over to the customer pauses the clocks, until it is
//!   handed back. A clock that starts in between starts paused; but not that of a request,
//!   which is put to the provider whosever turn it is. A paused clock has no due moment and
//!   is not breached while it is paused.
//! * **Re-classification.** The target of the new severity applies from the start of the
//!   clock: the open time that has elapsed counts in full, each stretch as the calendar
//!   counted it that was in force in it. A clock that was breached under the old severity
//!   stays as it is. No re-classification makes a clock due before itself, and one to a
//!   graver severity leaves at least the agreement's `reclassify_grace`, in open time. Under
//!   a severity without such an objective the clock is called off; if a later severity has
//!   one, the clock goes on, and the time in between counts by the new calendar.
//! * **Due.** The first moment when as much open time as is allowed was the provider's.
//!   Time that is used up when a day's hours end is due then, and not in the next morning.

mod evaluate;
mod log;
mod moments;
mod notices;
#[cfg(test)]
pub(crate) mod props;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_reclassify;
#[cfg(test)]
mod tests_turns;
mod track;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::evaluate::evaluate;
pub use self::log::{Entry, Event, Party};
pub use self::moments::{Moment, MomentKind, WARNINGS, next_moment, thresholds};
pub use self::notices::{ClockId, Notice, notices};
use super::agreement::{Agreement, Target};
use super::objective::{ObjectiveKind, Severity};

/// A moment, and the log entry that makes it one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The sequence number of the entry.
    pub sequence: u64,
}

/// Which of several clocks of one kind it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The request for a snapshot or an analysis.
    Request(String),
    /// The interval between updates, from 1.
    Interval(u32),
}

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Time passes, and is not used up.
    Running,
    /// It is the customer's turn.
    Paused,
    /// Done in time.
    Met,
    /// Not done in time, whether or not it was done later. Never changes again.
    Breached,
    /// Called off before it was due.
    Cancelled,
}

/// A stretch of a clock in which nothing changed: one party, one severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Whose time it was. The customer's does not count.
    pub party: Party,
    /// The severity by whose calendar its open time was counted.
    pub severity: Severity,
    /// The beginning.
    pub from: Timestamp,
    /// The end; the moment of the evaluation if it goes on.
    pub to: Timestamp,
    /// The open time in it.
    pub open: SignedDuration,
    /// The sequence number of the entry that settled whose time it is: a start, a hand-over
    /// or a re-classification.
    pub begun_by: u64,
    /// The sequence number of the entry that ended it; none if it goes on.
    pub ended_by: Option<u64>,
}

/// A clock, as of the moment of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock<'a> {
    /// What was promised.
    pub kind: ObjectiveKind,
    /// Which one, where there may be several.
    pub subject: Option<Subject>,
    /// The severity that it is under; of a breached clock, the one that it was breached
    /// under.
    pub severity: Severity,
    /// The sequence number of the entry that set the severity at the start.
    pub severity_by: u64,
    /// The re-classifications that it went through.
    pub reclassified: Vec<u64>,
    /// By which agreement.
    pub agreement: &'a Agreement,
    /// What that says for the severity.
    pub target: &'a Target,
    /// The start.
    pub started: Mark,
    /// The end, by whatever was done or called off.
    pub stopped: Option<Mark>,
    /// How it stands.
    pub state: State,
    /// When the allowed time is or was used up. None if it is paused, was called off, ended
    /// while it was paused, or is not due within ten years.
    pub due: Option<Timestamp>,
    /// The open time allowed: the target, or more by the grace of a re-classification.
    pub allowed: SignedDuration,
    /// The provider's open time.
    pub spent: SignedDuration,
    /// The customer's open time.
    pub paused: SignedDuration,
    /// The stretches from the start to the end or the moment of the evaluation, without
    /// gaps, in order. One that a severity without the objective leaves out is missing.
    pub segments: Vec<Segment>,
}

impl Clock<'_> {
    /// The open time that is left; below zero, by how much it is overrun.
    pub fn left(&self) -> SignedDuration {
        self.allowed.saturating_sub(self.spent)
    }

    /// Whether it is at its end, and no later entry can change it. The exception is a clock that a
    /// re-classification called off: it has no `stopped`, and may go on.
    pub fn is_settled(&self) -> bool {
        self.stopped.is_some()
    }

    /// The stretches that were the customer's. A re-classification divides one in two.
    pub fn pauses(&self) -> impl Iterator<Item = &Segment> {
        let segments = self.segments.iter();
        segments.filter(|segment| segment.party == Party::Customer)
    }

    /// The sequence numbers of all log entries that its figures rest on, in ascending order.
    pub fn entries(&self) -> Vec<u64> {
        let mut entries = vec![self.started.sequence, self.severity_by];
        entries.extend(&self.reclassified);
        entries.extend(self.stopped.map(|mark| mark.sequence));
        for segment in &self.segments {
            entries.push(segment.begun_by);
            entries.extend(segment.ended_by);
        }
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}
