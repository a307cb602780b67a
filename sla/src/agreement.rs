//! A service level agreement: its objectives, the calendars that they are read in, and
//! what is owed when they are missed.

mod draft;
#[cfg(test)]
pub(crate) mod tests;
mod validity;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::draft::{AgreementDraft, AgreementProblem, CreditBasis, CreditTerm};
pub use self::validity::{Validity, overlaps};
use super::calendar::{Calendar, HORIZON};
use super::duties::{self, Contact, Duty, Escalation};
use super::objective::{BasisPoints, Objective, ObjectiveKind, Severity};
use super::problems::Problems;

/// An agreement that was looked at: one version, in force for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AgreementDraft", into = "AgreementDraft")]
pub struct Agreement {
    draft: AgreementDraft,
    /// By kind and severity; each with its calendar, so that no name is looked up again.
    targets: Box<[Option<Target>; 32]>,
}

/// An objective with the calendar that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The open time that may pass.
    pub within: SignedDuration,
    /// Which time is open.
    pub calendar: Calendar,
}

impl Agreement {
    /// Looks at a draft.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, by field.
    pub fn new(draft: AgreementDraft) -> Result<Self, Problems<AgreementProblem>> {
        let mut targets: Box<[Option<Target>; 32]> = Box::new([const { None }; 32]);
        for objective in &draft.objectives {
            let slot = targets.get_mut(slot(objective.kind, objective.severity));
            let calendar = draft.calendars.get(&objective.calendar);
            if let Some((slot, calendar)) = slot.zip(calendar) {
                *slot = Some(Target {
                    within: objective.within,
                    calendar: calendar.clone(),
                });
            }
        }
        Problems::none_or(problems(&draft), Self { draft, targets })
    }

    /// Which agreement it is, through all its versions.
    pub fn id(&self) -> &str {
        &self.draft.id
    }

    /// The version, from 1.
    pub fn version(&self) -> u32 {
        self.draft.version
    }

    /// When it is in force.
    pub fn validity(&self) -> Validity {
        Validity {
            from: self.draft.valid_from,
            to: self.draft.valid_to,
        }
    }

    /// Whether it is in force at a moment.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.validity().contains(at)
    }

    /// The calendars by name.
    pub fn calendars(&self) -> &BTreeMap<String, Calendar> {
        &self.draft.calendars
    }

    /// The objectives, as they were written down.
    pub fn objectives(&self) -> &[Objective] {
        &self.draft.objectives
    }

    /// What is promised of a kind for a severity, if anything.
    pub fn target(&self, kind: ObjectiveKind, severity: Severity) -> Option<&Target> {
        self.targets.get(slot(kind, severity))?.as_ref()
    }

    /// The open time that a re-classification to a graver severity leaves at least.
    pub fn reclassify_grace(&self) -> SignedDuration {
        self.draft.reclassify_grace
    }

    /// How old what the customer is shown may be, for 99 of 100 readings.
    pub fn freshness_p99(&self) -> Option<SignedDuration> {
        self.draft.freshness_p99
    }

    /// The part of the time that the service has to be available.
    pub fn availability(&self) -> Option<BasisPoints> {
        self.draft.availability
    }

    /// What is owed when less was attained.
    pub fn credits(&self) -> &[CreditTerm] {
        &self.draft.credits
    }

    /// Who does what.
    pub fn duties(&self) -> &[Duty] {
        &self.draft.duties
    }

    /// The row of the matrix for a task, if there is one.
    pub fn duty(&self, task: &str) -> Option<&Duty> {
        self.draft.duties.iter().find(|duty| duty.task == task)
    }

    /// Who can be called.
    pub fn contacts(&self) -> &[Contact] {
        &self.draft.contacts
    }

    /// Whom to call when a move is waited for too long.
    pub fn escalations(&self) -> &[Escalation] {
        &self.draft.escalations
    }
}

/// The agreement in force at a moment, of versions that do not overlap.
pub fn in_force(agreements: &[Agreement], at: Timestamp) -> Option<&Agreement> {
    agreements
        .iter()
        .find(|agreement| agreement.is_valid_at(at))
}

fn slot(kind: ObjectiveKind, severity: Severity) -> usize {
    kind as usize * Severity::ALL.len() + severity as usize
}

fn problems(draft: &AgreementDraft) -> Vec<AgreementProblem> {
    let mut problems = Vec::new();
    let mut refuse_if = |wrong: bool, problem: AgreementProblem| {
        if wrong {
            problems.push(problem);
        }
    };
    refuse_if(draft.id.is_empty(), AgreementProblem::NoId);
    refuse_if(draft.version == 0, AgreementProblem::NoVersion);
    let ends = draft.valid_to.is_some_and(|to| to <= draft.valid_from);
    refuse_if(ends, AgreementProblem::EmptyValidity);
    let unnamed = draft.calendars.contains_key("");
    refuse_if(unnamed, AgreementProblem::UnnamedCalendar);
    let mut seen = BTreeSet::new();
    for (index, objective) in draft.objectives.iter().enumerate() {
        let Objective {
            kind,
            severity,
            within,
            calendar,
        } = objective;
        let twice = !seen.insert((*kind, *severity));
        refuse_if(twice, AgreementProblem::ObjectiveTwice(index));
        let fits = within.is_positive() && *within <= HORIZON;
        refuse_if(!fits, AgreementProblem::Within(index));
        let unknown = !draft.calendars.contains_key(calendar);
        refuse_if(unknown, AgreementProblem::UnknownCalendar(index));
    }
    let grace = draft.reclassify_grace;
    let fits = !grace.is_negative() && grace <= HORIZON;
    refuse_if(!fits, AgreementProblem::Grace);
    let fits = draft.freshness_p99.is_none_or(|age| age.is_positive());
    refuse_if(!fits, AgreementProblem::Freshness);
    let is_part = |points: BasisPoints| points.0 > 0 && points <= BasisPoints::WHOLE;
    let fits = draft.availability.is_none_or(is_part);
    refuse_if(!fits, AgreementProblem::Availability);
    for (index, term) in draft.credits.iter().enumerate() {
        refuse_if(!is_part(term.below), AgreementProblem::CreditBelow(index));
        refuse_if(!is_part(term.credit), AgreementProblem::Credit(index));
        // Of two steps of a kind, the one for the lower attainment owes more.
        let steps = draft.credits.iter().take(index);
        let against = steps
            .filter(|other| other.basis == term.basis)
            .any(|other| {
                let (lower, dearer) =
                    (other.below.cmp(&term.below), term.credit.cmp(&other.credit));
                lower.is_eq() || lower != dearer
            });
        refuse_if(against, AgreementProblem::CreditSteps(index));
    }
    problems.extend(duties::problems(draft));
    problems
}

impl TryFrom<AgreementDraft> for Agreement {
    type Error = Problems<AgreementProblem>;

    fn try_from(draft: AgreementDraft) -> Result<Self, Self::Error> {
        Self::new(draft)
    }
}

impl From<Agreement> for AgreementDraft {
    fn from(agreement: Agreement) -> Self {
        agreement.draft
    }
}
