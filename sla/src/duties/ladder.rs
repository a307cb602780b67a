//! Who is on duty at a moment, and which steps of an escalation path are reached.

use jiff::Timestamp;

use super::{Contact, Escalation};
use crate::agreement::Agreement;
use crate::clock::Party;
use crate::objective::Severity;

/// A contact at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnCall<'a> {
    /// Who.
    pub contact: &'a Contact,
    /// From when on the contact is on duty: the moment itself if it is now; none within ten years.
    pub from: Option<Timestamp>,
}

/// A step of an escalation path, for a move that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The step.
    pub escalation: &'a Escalation,
    /// Whom to call.
    pub contact: &'a Contact,
    /// When its time is or was reached; none within ten years of open time.
    pub at: Option<Timestamp>,
}

/// All contacts of an agreement at a moment, those on duty first, else as they were written down.
pub fn on_call(agreement: &Agreement, at: Timestamp) -> Vec<OnCall<'_>> {
    let mut all: Vec<OnCall<'_>> = agreement
        .contacts()
        .iter()
        .map(|contact| OnCall {
            contact,
            from: agreement
                .calendars()
                .get(&contact.hours)
                .and_then(|hours| hours.next_open(at).ok()),
        })
        .collect();
    all.sort_by_key(|call| call.from != Some(at));
    all
}

/// The escalation path for a move that this side has had since `since`, by the time of its steps.
pub fn ladder(
    agreement: &Agreement,
    party: Party,
    severity: Severity,
    since: Timestamp,
) -> Vec<Step<'_>> {
    let concerned = agreement.escalations().iter().filter(|step| {
        let graded = step.severities.is_empty() || step.severities.contains(&severity);
        step.party == party && graded
    });
    let mut steps: Vec<Step<'_>> = concerned
        .filter_map(|escalation| {
            let mut contacts = agreement.contacts().iter();
            let contact = contacts.find(|contact| contact.id == escalation.contact)?;
            let hours = agreement.calendars().get(&escalation.hours)?;
            Some(Step {
                escalation,
                contact,
                at: hours.add_open(since, escalation.after).ok(),
            })
        })
        .collect();
    steps.sort_by_key(|step| (step.at.is_none(), step.at));
    steps
}
