//! What the two sides of an incident have stated, and what it comes to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::clock::Party;
use super::{Countdown, Duty, RULES, RegulatoryFacts, Submission, countdowns};

/// Something that a side has stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Which duties it has for the incident: these and no others.
    Duties(Vec<Duty>),
    /// When it became aware.
    Aware(Timestamp),
    /// When it classified the incident as major (DORA).
    Classified(Timestamp),
    /// What it has submitted.
    Submitted(Submission),
}

impl Fact {
    /// Whether it is a side's to state.
    pub fn is_of(&self, party: Party) -> bool {
        match self {
            Self::Duties(duties) => duties.iter().all(|duty| duty.party() == party),
            Self::Aware(_) => true,
            Self::Classified(_) => party == Party::Customer,
            Self::Submitted(submission) => submission.duty.party() == party,
        }
    }
}

/// What was stated about an incident, of both sides. A later statement corrects an earlier one;
/// submissions add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    customer: Stated,
    provider: Stated,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stated {
    duties: Vec<Duty>,
    aware: Option<Timestamp>,
    classified: Option<Timestamp>,
    submissions: Vec<Submission>,
}

impl Facts {
    /// Takes in what a side has stated, in the order in which it was. What is not its own to state
    /// is not looked at.
    pub fn state(&mut self, by: Party, fact: Fact) {
        if !fact.is_of(by) {
            return;
        }
        let stated = match by {
            Party::Customer => &mut self.customer,
            Party::Provider => &mut self.provider,
        };
        match fact {
            Fact::Duties(duties) => stated.duties = duties,
            Fact::Aware(at) => stated.aware = Some(at),
            Fact::Classified(at) => stated.classified = Some(at),
            Fact::Submitted(submission) => stated.submissions.push(submission),
        }
    }

    /// The countdowns of both sides as of `now`, the customer's first.
    pub fn countdowns(&self, now: Timestamp) -> Vec<Countdown<'static>> {
        let sides = [&self.customer, &self.provider].into_iter();
        sides
            .flat_map(|stated| {
                let facts = RegulatoryFacts {
                    duties: &stated.duties,
                    awareness: stated.aware,
                    classification: stated.classified,
                    submissions: &stated.submissions,
                    ..RegulatoryFacts::default()
                };
                countdowns(&facts, RULES, now)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Progress, Report};
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn each_side_has_its_own_clocks() {
        let mut facts = Facts::default();
        let now = at("2026-03-01T12:00:00Z");
        assert_eq!(facts.countdowns(now), []);
        facts.state(Party::Customer, Fact::Duties(vec![Duty::Nis2]));
        facts.state(Party::Customer, Fact::Aware(at("2026-03-01T10:00:00Z")));
        facts.state(Party::Provider, Fact::Duties(vec![Duty::GdprProcessor]));
        let found = facts.countdowns(now);
        let progress: Vec<Progress> = found.iter().map(|one| one.progress).collect();
        use Progress::{Running, Waiting};
        assert_eq!(progress, [Running, Running, Waiting, Waiting]);
        facts.state(Party::Provider, Fact::Aware(at("2026-03-01T11:00:00Z")));
        let found = facts.countdowns(now);
        assert_eq!(found[3].progress, Progress::Elapsing);
        assert_eq!(found[0].due, Some(at("2026-03-02T10:00:00Z")), "not moved");
        // A correction.
        facts.state(Party::Customer, Fact::Aware(at("2026-03-01T09:00:00Z")));
        assert_eq!(
            facts.countdowns(now)[0].due,
            Some(at("2026-03-02T09:00:00Z"))
        );
    }

    #[test]
    fn nobody_states_for_the_other_side() {
        let mut facts = Facts::default();
        facts.state(Party::Provider, Fact::Duties(vec![Duty::Nis2]));
        facts.state(
            Party::Customer,
            Fact::Duties(vec![Duty::Dora, Duty::GdprProcessor]),
        );
        assert_eq!(facts, Facts::default());
        let submission = Submission {
            duty: Duty::GdprProcessor,
            report: Report::ControllerNotification,
            at: at("2026-03-01T10:00:00Z"),
        };
        facts.state(Party::Customer, Fact::Submitted(submission));
        facts.state(Party::Provider, Fact::Classified(submission.at));
        assert_eq!(facts, Facts::default());
    }
}
