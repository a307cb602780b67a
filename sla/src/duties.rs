//! Who does what, and who is called: the part of an agreement that is about people.
//!
//! For each task the matrix says who does it (responsible), who answers for it (accountable), who is
//! asked (consulted) and who is told (informed). Contacts have hours, and an escalation path says
//! after how much of whose time somebody else is called.

mod ladder;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use self::ladder::{OnCall, Step, ladder, on_call};
use super::agreement::{AgreementDraft, AgreementProblem};
use super::calendar::HORIZON;
use super::clock::Party;
use super::objective::Severity;

/// Who does a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Responsible {
    /// The tenant's people.
    Customer,
    /// The provider's staff.
    Provider,
    /// Both together.
    Shared,
}

impl Responsible {
    /// Whether it is (also) this side's.
    pub fn includes(self, party: Party) -> bool {
        match self {
            Self::Customer => party == Party::Customer,
            Self::Provider => party == Party::Provider,
            Self::Shared => true,
        }
    }
}

/// Phases of incident handling, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before anything has happened.
    Preparation,
    /// What it is.
    Identification,
    /// Keeping it from spreading.
    Containment,
    /// How it came about.
    Investigation,
    /// Removing it.
    Eradication,
    /// Back to service.
    Recovery,
    /// What is to be learned.
    FollowUp,
}

/// A row of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// By which tasks name it, as in `isolate machine`.
    pub task: String,
    /// What exactly is to be done; may be empty.
    pub asks: String,
    /// Who does it.
    pub responsible: Responsible,
    /// Who answers for it, and there is only one.
    pub accountable: Party,
    /// Who is asked before.
    pub consulted: BTreeSet<Party>,
    /// Who is told after.
    pub informed: BTreeSet<Party>,
    /// With these phases a task of this kind begins.
    pub phases: BTreeSet<Phase>,
}

/// Somebody who can be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// By which escalations name it.
    pub id: String,
    /// Of which side.
    pub party: Party,
    /// Who.
    pub name: String,
    /// As what; may be empty.
    pub role: String,
    /// Mail address; may be empty if there is a phone.
    pub mail: String,
    /// Phone number; may be empty if there is a mail address.
    pub phone: String,
    /// The calendar of the hours in which it is on duty.
    pub hours: String,
}

/// A step of an escalation path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Whose move it is.
    pub party: Party,
    /// For these severities; none for all.
    pub severities: BTreeSet<Severity>,
    /// How much open time the move has then waited.
    pub after: SignedDuration,
    /// The calendar that says which time is open.
    pub hours: String,
    /// Whom to call then.
    pub contact: String,
}

/// What is wrong with the people's part of a draft.
pub(super) fn problems(draft: &AgreementDraft) -> Vec<AgreementProblem> {
    let mut problems = Vec::new();
    let mut refuse_if = |wrong: bool, problem: AgreementProblem| {
        if wrong {
            problems.push(problem);
        }
    };
    let mut tasks = BTreeSet::new();
    for (index, duty) in draft.duties.iter().enumerate() {
        refuse_if(duty.task.is_empty(), AgreementProblem::UnnamedDuty(index));
        let twice = !tasks.insert(duty.task.as_str());
        refuse_if(twice, AgreementProblem::DutyTwice(index));
    }
    let mut contacts = BTreeSet::new();
    for (index, contact) in draft.contacts.iter().enumerate() {
        let unnamed = contact.id.is_empty() || contact.name.is_empty();
        refuse_if(unnamed, AgreementProblem::UnnamedContact(index));
        let twice = !contacts.insert(contact.id.as_str());
        refuse_if(twice, AgreementProblem::ContactTwice(index));
        let mute = contact.mail.is_empty() && contact.phone.is_empty();
        refuse_if(mute, AgreementProblem::MuteContact(index));
        let unknown = !draft.calendars.contains_key(&contact.hours);
        refuse_if(unknown, AgreementProblem::UnknownHours(index));
    }
    for (index, step) in draft.escalations.iter().enumerate() {
        let fits = !step.after.is_negative() && step.after <= HORIZON;
        refuse_if(!fits, AgreementProblem::EscalationAfter(index));
        let unknown = !draft.calendars.contains_key(&step.hours);
        refuse_if(unknown, AgreementProblem::UnknownEscalationHours(index));
        let unknown = !contacts.contains(step.contact.as_str());
        refuse_if(unknown, AgreementProblem::UnknownContact(index));
    }
    problems
}
