//! Clocks that were decided: done in time, or not done when they were due. This is what a
//! report counts.
//!
//! Each clock is decided once, at one moment, and so counts in exactly one month:
//!
//! * one that was **met**, at the entry that stopped it;
//! * one that was **breached**, at its due moment, whenever it was stopped or if at all. The
//!   breach itself shows one nanosecond later; at the due moment the clock still was in time.
//!
//! [`decided`] looks at the entries before the month's end alone, and as of the month's end.
//! So what a month has decided never changes once the month is over: entries come in the
//! order of time, and no later one is looked at. What is called off counts nowhere.

#[cfg(test)]
mod props;
#[cfg(test)]
pub(crate) mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::agreement::Agreement;
use super::clock::{Clock, Entry, State, Subject, evaluate};
use super::objective::{ObjectiveKind, Severity};
use super::period::Period;

/// How a clock was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done in time.
    Met,
    /// Not done in time.
    Breached,
}

/// A clock that was decided. In JSON the fields have the names and the order that they have
/// here; times are RFC 3339, durations ISO 8601, as in `PT1H30M`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedClock {
    /// The incident: the text of its UUID.
    pub incident: String,
    /// The incident's number among the tenant's.
    pub number: u64,
    /// What was promised.
    pub kind: ObjectiveKind,
    /// Which one, where there may be several: `{"interval": 2}` or `{"request": "…"}`.
    pub subject: Option<Subject>,
    /// The severity that it was decided under.
    pub severity: Severity,
    /// The version of the agreement that it went by.
    pub agreement: u32,
    /// How it was decided.
    pub state: Outcome,
    /// When it started.
    pub started: Timestamp,
    /// When its time was used up, or would have been. None if it was met while it was the
    /// customer's turn.
    pub due: Option<Timestamp>,
    /// When it was stopped or called off. None for a breached one that was not by the end of
    /// the month in which it was due.
    pub stopped: Option<Timestamp>,
    /// The moment that decided it: `stopped` of one that was met, `due` of a breached one.
    pub decided: Timestamp,
    /// The open time that was allowed.
    pub allowed: SignedDuration,
    /// The provider's open time until it was stopped, or else until the end of the month.
    pub spent: SignedDuration,
    /// The customer's open time until then, by recorded hand-overs. It does not count.
    pub paused: SignedDuration,
    /// The sequence numbers of the timeline entries that this rests on, ascending.
    pub entries: Vec<u64>,
}

impl DecidedClock {
    /// The clock as it was evaluated; none unless it was met or breached. `incident` is the
    /// text of the incident's UUID.
    ///
    /// [`decided`] evaluates it so that it never changes again.
    pub fn of(clock: &Clock<'_>, incident: &str, number: u64) -> Option<Self> {
        let stopped = clock.stopped.map(|mark| mark.at);
        let (state, decided) = match clock.state {
            State::Met => (Outcome::Met, stopped?),
            State::Breached => (Outcome::Breached, clock.due?),
            State::Running | State::Paused | State::Cancelled => return None,
        };
        Some(Self {
            incident: incident.to_owned(),
            number,
            kind: clock.kind,
            subject: clock.subject.clone(),
            severity: clock.severity,
            agreement: clock.agreement.version(),
            state,
            started: clock.started.at,
            due: clock.due,
            stopped,
            decided,
            allowed: clock.allowed,
            spent: clock.spent,
            paused: clock.paused,
            entries: clock.entries(),
        })
    }
}

/// The clocks of an incident that were decided in the period, as far as they are at `now`, in
/// the order of their starts and kinds. `log` is the incident's whole log, in any order.
pub fn decided<'a>(
    log: &[Entry],
    agreement_at: impl Fn(Timestamp) -> Option<&'a Agreement>,
    incident: &str,
    number: u64,
    period: Period,
    now: Timestamp,
) -> Vec<DecidedClock> {
    let (from, to) = (period.from(), period.to());
    // An entry of the very moment in which the next month begins is the next month's.
    let is_known = |entry: &Entry| entry.at < to;
    let known: Vec<Entry>;
    let log = if log.iter().all(is_known) {
        log
    } else {
        known = log
            .iter()
            .filter(|entry| is_known(entry))
            .cloned()
            .collect();
        &known
    };
    let mut clocks = evaluate(log, agreement_at, period.as_of(now));
    clocks.retain(|clock| match clock.state {
        State::Met => clock.stopped.is_some_and(|mark| mark.at >= from),
        State::Breached => clock.due.is_some_and(|due| due >= from),
        State::Running | State::Paused | State::Cancelled => false,
    });
    let clocks = clocks.iter();
    clocks
        .filter_map(|clock| DecidedClock::of(clock, incident, number))
        .collect()
}
