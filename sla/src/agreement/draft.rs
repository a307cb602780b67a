//! An agreement as it is written down, before it was looked at.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::calendar::Calendar;
use super::super::duties::{Contact, Duty, Escalation};
use super::super::objective::{BasisPoints, Objective, ObjectiveKind};
use super::super::problems::Problem;

/// What a credit is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditBasis {
    /// The attainment of a kind of objective, over all severities.
    Objective(ObjectiveKind),
    /// The availability of the service.
    Availability,
}

/// A step of a service credit: what is owed below an attainment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditTerm {
    /// What is measured.
    pub basis: CreditBasis,
    /// Owed when less than this was attained.
    pub below: BasisPoints,
    /// The part of the period's fee that is owed.
    pub credit: BasisPoints,
}

/// An agreement as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementDraft {
    /// Which agreement it is, through all its versions.
    pub id: String,
    /// The version, from 1.
    pub version: u32,
    /// When it comes into force.
    pub valid_from: Timestamp,
    /// When it no longer is in force; none if that is open.
    pub valid_to: Option<Timestamp>,
    /// The calendars that the objectives name.
    pub calendars: BTreeMap<String, Calendar>,
    /// What is promised: at most once for a kind and a severity.
    pub objectives: Vec<Objective>,
    /// The open time that a re-classification to a graver severity leaves at least; may be
    /// zero.
    pub reclassify_grace: SignedDuration,
    /// How old what the customer is shown may be, for 99 of 100 readings.
    pub freshness_p99: Option<SignedDuration>,
    /// The part of the time that the service has to be available.
    pub availability: Option<BasisPoints>,
    /// What is owed when less was attained.
    pub credits: Vec<CreditTerm>,
    /// Who does what. Agreements from before there were any have none, as for the two below.
    #[serde(default)]
    pub duties: Vec<Duty>,
    /// Who can be called.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// Whom to call when a move is waited for too long.
    #[serde(default)]
    pub escalations: Vec<Escalation>,
}

/// Why an agreement is refused. Numbers count the list's items from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgreementProblem {
    /// It has no id.
    #[error("must not be empty")]
    NoId,
    /// It has no version.
    #[error("must be 1 or more")]
    NoVersion,
    /// It ends before it begins.
    #[error("must be later than valid_from")]
    EmptyValidity,
    /// A calendar has no name.
    #[error("a calendar has no name")]
    UnnamedCalendar,
    /// The same kind and severity as an objective before it.
    #[error("an objective of the same kind and severity stands before it")]
    ObjectiveTwice(usize),
    /// No time at all, or too much.
    #[error("must be above zero, and at most ten years")]
    Within(usize),
    /// The agreement has no calendar of the name.
    #[error("the agreement has no such calendar")]
    UnknownCalendar(usize),
    /// Below zero, or too much.
    #[error("must not be below zero, nor above ten years")]
    Grace,
    /// Zero or less.
    #[error("must be above zero")]
    Freshness,
    /// No part of a whole.
    #[error("must be 1 to 10000 basis points")]
    Availability,
    /// No part of a whole.
    #[error("must be 1 to 10000 basis points")]
    CreditBelow(usize),
    /// No part of a whole.
    #[error("must be 1 to 10000 basis points")]
    Credit(usize),
    /// Two steps for the same attainment, or a lower attainment that owes no more.
    #[error("a lower attainment must owe more than a higher one")]
    CreditSteps(usize),
    /// A row of the matrix names no task.
    #[error("must name a task")]
    UnnamedDuty(usize),
    /// A task has two rows.
    #[error("a row for the same task stands before it")]
    DutyTwice(usize),
    /// Nobody could say who is meant.
    #[error("must have an id and a name")]
    UnnamedContact(usize),
    /// Two contacts of one id.
    #[error("a contact of the same id stands before it")]
    ContactTwice(usize),
    /// There is no way to reach it.
    #[error("must have a mail address or a phone number")]
    MuteContact(usize),
    /// The agreement has no calendar of the name.
    #[error("the agreement has no such calendar")]
    UnknownHours(usize),
    /// Below zero, or too much.
    #[error("must not be below zero, nor above ten years")]
    EscalationAfter(usize),
    /// The agreement has no calendar of the name.
    #[error("the agreement has no such calendar")]
    UnknownEscalationHours(usize),
    /// The agreement has no contact of the id.
    #[error("the agreement has no such contact")]
    UnknownContact(usize),
}

impl Problem for AgreementProblem {
    fn field(&self) -> String {
        match self {
            Self::NoId => "id".to_owned(),
            Self::NoVersion => "version".to_owned(),
            Self::EmptyValidity => "valid_to".to_owned(),
            Self::UnnamedCalendar => "calendars".to_owned(),
            Self::ObjectiveTwice(index) => format!("objectives[{index}]"),
            Self::Within(index) => format!("objectives[{index}].within"),
            Self::UnknownCalendar(index) => format!("objectives[{index}].calendar"),
            Self::Grace => "reclassify_grace".to_owned(),
            Self::Freshness => "freshness_p99".to_owned(),
            Self::Availability => "availability".to_owned(),
            Self::CreditBelow(index) => format!("credits[{index}].below"),
            Self::Credit(index) => format!("credits[{index}].credit"),
            Self::CreditSteps(index) => format!("credits[{index}]"),
            Self::UnnamedDuty(index) | Self::DutyTwice(index) => format!("duties[{index}].task"),
            Self::UnnamedContact(index) | Self::ContactTwice(index) => {
                format!("contacts[{index}].id")
            }
            Self::MuteContact(index) => format!("contacts[{index}]"),
            Self::UnknownHours(index) => format!("contacts[{index}].hours"),
            Self::EscalationAfter(index) => format!("escalations[{index}].after"),
            Self::UnknownEscalationHours(index) => format!("escalations[{index}].hours"),
            Self::UnknownContact(index) => format!("escalations[{index}].contact"),
        }
    }
}
