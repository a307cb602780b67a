//! What the provider does about an incident of its own. Pure.

use cordon_kernel::{Error, Reason, Result, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::model::{CloseCode, Incident, Phase, Severity, State, Tlp};

/// Most acts of an incident.
const MAX_ACTS: usize = 1_000;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    Opened(Opening),
    Noticed { text: String },
    Closed { code: CloseCode, reason: String },
}

/// With what words children are opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) severity: Severity,
    pub(super) tlp: Tlp,
}

/// An act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// From 1.
    pub(super) number: i64,
    pub(super) time: Timestamp,
    /// Who did it, by name.
    pub(super) by: String,
    pub(super) act: Act,
}

/// An incident of the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProviderIncident {
    pub(super) id: Uuid,
    pub(super) state: State,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) opened_by: String,
    pub(super) opening: Opening,
}

/// How it stands with a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) tenant: TenantId,
    /// As long as it was opened there.
    pub(super) incident: Option<Uuid>,
    pub(super) stands: Option<(State, Phase)>,
    /// The last act that was seen to be done there.
    pub(super) done: i64,
}

/// All there is of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) incident: ProviderIncident,
    pub(super) acts: Vec<Kept>,
    pub(super) children: Vec<Child>,
}

impl Whole {
    /// The last act's number.
    pub(super) fn head(&self) -> i64 {
        self.acts.last().map_or(0, |last| last.number)
    }

    /// Refuses what can't be done about it any more.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when it is closed, or has been spoken about too often.
    pub(super) fn require_open(&self) -> Result<()> {
        let why = if self.incident.state == State::Closed {
            "the provider's incident is closed: open another one"
        } else if self.acts.len() >= MAX_ACTS {
            "the provider's incident has as many notices as it can have: open another one"
        } else {
            return Ok(());
        };
        Err(Error::new(Reason::FailedPrecondition, why))
    }
}

/// Whether closing for all closes this child: as resolved it goes its own way to the follow-up
/// first, and what its tenant has closed stays as it is.
pub(super) fn closes(child: &Incident, code: CloseCode) -> bool {
    let resolved = code != CloseCode::Resolved || child.phase == Phase::FollowUp;
    child.state == State::Open && resolved
}
