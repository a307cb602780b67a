//! From many clocks: how much of what was promised was attained, how long it took, and whose
//! time it was.
//!
//! Clocks may be added in any order and in parts that are merged: the outcome is the same.

mod credits;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use self::credits::{Credit, credits, total};
use super::clock::{Clock, State};
use super::decided::{DecidedClock, Outcome};
use super::objective::{BasisPoints, ObjectiveKind, Severity};

/// Whose time it was that breached clocks took, in open time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Causes {
    /// The provider's.
    pub provider: SignedDuration,
    /// The customer's, by recorded hand-overs.
    pub customer: SignedDuration,
}

/// The clocks of one kind and severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Done in time.
    pub met: u64,
    /// Not done in time, or not done although it was due.
    pub breached: u64,
    /// Running or paused, and not due yet.
    pub running: u64,
    /// Called off before they were due. They count neither way.
    pub cancelled: u64,
    /// Whose time the breached ones were.
    pub causes: Causes,
    /// How often each time was spent, of those that were met or breached.
    spent: BTreeMap<SignedDuration, u64>,
}

impl Group {
    fn add(&mut self, state: State, spent: SignedDuration, paused: SignedDuration) {
        let count = match state {
            State::Met => &mut self.met,
            State::Breached => &mut self.breached,
            State::Running | State::Paused => &mut self.running,
            State::Cancelled => &mut self.cancelled,
        };
        *count = count.saturating_add(1);
        if state == State::Breached {
            self.causes.provider = self.causes.provider.saturating_add(spent);
            self.causes.customer = self.causes.customer.saturating_add(paused);
        }
        if matches!(state, State::Met | State::Breached) {
            let times = self.spent.entry(spent).or_default();
            *times = times.saturating_add(1);
        }
    }

    /// Counts all that another one counted.
    pub fn merge(&mut self, other: &Self) {
        self.met = self.met.saturating_add(other.met);
        self.breached = self.breached.saturating_add(other.breached);
        self.running = self.running.saturating_add(other.running);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        let Causes { provider, customer } = other.causes;
        self.causes.provider = self.causes.provider.saturating_add(provider);
        self.causes.customer = self.causes.customer.saturating_add(customer);
        for (spent, more) in &other.spent {
            let times = self.spent.entry(*spent).or_default();
            *times = times.saturating_add(*more);
        }
    }

    /// The part of the settled clocks that was met, rounded down; none if nothing is settled.
    pub fn attained(&self) -> Option<BasisPoints> {
        BasisPoints::of(self.met, self.met.saturating_add(self.breached))
    }

    /// The time spent that so many percent of the met and breached clocks do not exceed, by
    /// the nearest rank: always a time that one of them took. A breached clock that is not
    /// at its end counts with what it has taken so far. None of no clocks.
    pub fn percentile(&self, percent: u8) -> Option<SignedDuration> {
        let times = self.spent.iter();
        nearest_rank(times.map(|(spent, times)| (*spent, *times)), percent)
    }
}

/// Of values in ascending order, each with how often it occurred, the one that so many percent do
/// not exceed, by the nearest rank; none of none.
pub fn nearest_rank<T>(values: impl Iterator<Item = (T, u64)> + Clone, percent: u8) -> Option<T> {
    let all: u128 = values.clone().map(|(_, times)| u128::from(times)).sum();
    let rank = (all * u128::from(percent.min(100))).div_ceil(100).max(1);
    let mut seen = 0;
    let mut values = values;
    values.find_map(|(value, times)| {
        seen += u128::from(times);
        (seen >= rank).then_some(value)
    })
}

/// What was attained, by kind and severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attainment {
    groups: BTreeMap<(ObjectiveKind, Severity), Group>,
}

impl Attainment {
    /// Counts a clock, as it stood when it was evaluated. Each clock is to be counted once.
    pub fn add(&mut self, clock: &Clock<'_>) {
        let group = self.groups.entry((clock.kind, clock.severity));
        group
            .or_default()
            .add(clock.state, clock.spent, clock.paused);
    }

    /// Counts a clock that was decided.
    pub fn add_decided(&mut self, clock: &DecidedClock) {
        let state = match clock.state {
            Outcome::Met => State::Met,
            Outcome::Breached => State::Breached,
        };
        let group = self.groups.entry((clock.kind, clock.severity));
        group.or_default().add(state, clock.spent, clock.paused);
    }

    /// Counts all that another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (key, group) in &other.groups {
            self.groups.entry(*key).or_default().merge(group);
        }
    }

    /// The clocks of a kind and severity, if there were any.
    pub fn group(&self, kind: ObjectiveKind, severity: Severity) -> Option<&Group> {
        self.groups.get(&(kind, severity))
    }

    /// All groups, in the order of kinds and severities.
    pub fn groups(&self) -> impl Iterator<Item = (ObjectiveKind, Severity, &Group)> {
        let groups = self.groups.iter();
        groups.map(|((kind, severity), group)| (*kind, *severity, group))
    }

    /// The clocks of a kind, over all severities.
    pub fn of_kind(&self, kind: ObjectiveKind) -> Group {
        let mut sum = Group::default();
        for (_, _, group) in self.groups().filter(|(of, _, _)| *of == kind) {
            sum.merge(group);
        }
        sum
    }
}
