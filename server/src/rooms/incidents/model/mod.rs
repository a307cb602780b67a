//! What an incident is, and what may become of it. Pure: commands are decided on here, and only
//! here a [`Change`] is made.

mod comment;
mod decide;
mod import;
mod phase;
#[cfg(test)]
mod tests;
mod words;

#[cfg(test)]
use comment::Revision;
pub(super) use comment::{Comment, CommentChange, create_comment, create_notice, update_comment};
pub(super) use decide::{Change, Command, NewIncident, create, decide};
pub(super) use import::{Foreign, ForeignComment, Import, Seal, import};
pub(crate) use words::CalledOff;
pub(super) use words::{CloseCode, Party, Phase, Severity, State, Tlp};

pub(super) use crate::rooms::uuid_text;

use cordon_sla::clock::ClockId;
use cordon_sla::duties::Responsible;
use cordon_sla::regulatory::Fact;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Actor {
    /// A name for people.
    pub(super) subject: String,
    pub(super) party: Party,
}

/// That somebody stands for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignOff {
    pub(super) subject: String,
    pub(super) time: Timestamp,
}

/// Something that has to be true before recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Criterion {
    pub(super) text: String,
    pub(super) customer: Option<SignOff>,
    pub(super) provider: Option<SignOff>,
}

impl Criterion {
    /// Signed off by both sides.
    pub(super) fn is_complete(&self) -> bool {
        self.customer.is_some() && self.provider.is_some()
    }
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Incident {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    /// Counts the tenant's, from 1.
    pub(super) number: i64,
    pub(super) severity: Severity,
    pub(super) phase: Phase,
    pub(super) state: State,
    pub(super) tlp: Tlp,
    /// Whose move it is; nobody's once it is closed.
    pub(super) pending: Option<Party>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) acknowledged: Option<Timestamp>,
    pub(super) closed: Option<Timestamp>,
    pub(super) code: Option<CloseCode>,
    pub(super) etag: String,
    /// Whether it is a drill.
    #[serde(default)]
    pub(super) exercise: bool,
    pub(super) words: Words,
}

impl Incident {
    /// What the side whose move it is is asked for: by the last hand-over or re-opening, else by
    /// where the incident stands. Empty once it is closed.
    pub(super) fn pending_action(&self) -> String {
        let Some(party) = self.pending else {
            return String::new();
        };
        if !self.words.asked.is_empty() {
            return self.words.asked.clone();
        }
        if party == Party::Provider && self.acknowledged.is_none() {
            return "take note of the incident".to_owned();
        }
        let phase = self.phase.as_str().replace('_', "-");
        format!("go on with the {phase} phase")
    }
}

/// What people wrote into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) criteria: Vec<Criterion>,
    pub(super) opened_by: Actor,
    /// What the side whose move it is was asked for; empty if it was not said.
    #[serde(default)]
    pub(super) asked: String,
    /// Whether the provider opened it as a part of one of its own.
    #[serde(default)]
    pub(super) provider_wide: bool,
    /// Of one that was brought in from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
}

/// What was brought in says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// By what it is known elsewhere; empty for a comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) external_id: String,
    /// Who opened or said it there; may be empty.
    pub(super) author: String,
    pub(super) created: Option<Timestamp>,
    pub(super) acknowledged: Option<Timestamp>,
    pub(super) updated: Option<Timestamp>,
    pub(super) closed: Option<Timestamp>,
    /// Of all that was brought in, so that other content is noticed; empty for a comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) digest: String,
}

impl Actor {
    /// The service itself, which keeps the clocks of what the provider has promised.
    pub(super) fn service() -> Self {
        Self {
            subject: "cordon".to_owned(),
            party: Party::Provider,
        }
    }
}

/// What happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Happened {
    pub(super) actor: Actor,
    /// Why; may be empty.
    pub(super) reason: String,
    pub(super) what: What,
}

/// The kinds of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Opened {
        severity: Severity,
        phase: Phase,
    },
    Updated {
        fields: Vec<String>,
    },
    Acknowledged,
    Moved {
        from: Phase,
        to: Phase,
    },
    Reclassified {
        from: Severity,
        to: Severity,
    },
    HandedOver {
        to: Party,
    },
    CriteriaSet {
        count: usize,
    },
    SignedOff {
        party: Party,
        criteria: Vec<usize>,
        complete: bool,
    },
    Closed {
        code: CloseCode,
    },
    Reopened,
    Commented {
        #[serde(with = "uuid_text")]
        comment: Uuid,
    },
    CommentUpdated {
        #[serde(with = "uuid_text")]
        comment: Uuid,
    },
    /// So many percent of a clock's time are used up.
    ClockWarned {
        clock: ClockId,
        percent: u8,
        /// Unknown while it is the customer's turn.
        due: Option<Timestamp>,
    },
    ClockBreached {
        clock: ClockId,
        due: Option<Timestamp>,
    },
    /// Something that deadlines of the law run from.
    ReportingFact {
        fact: Fact,
    },
    TaskAdded {
        #[serde(with = "uuid_text")]
        task: Uuid,
        title: String,
    },
    TaskHandedOver {
        #[serde(with = "uuid_text")]
        task: Uuid,
        title: String,
        to: Responsible,
    },
    TaskDone {
        #[serde(with = "uuid_text")]
        task: Uuid,
        title: String,
    },
    TaskCancelled {
        #[serde(with = "uuid_text")]
        task: Uuid,
        title: String,
    },
    TaskReopened {
        #[serde(with = "uuid_text")]
        task: Uuid,
        title: String,
    },
    Imported {
        severity: Severity,
        phase: Phase,
        state: State,
        code: Option<CloseCode>,
        comments: usize,
        origin: Origin,
    },
    Attached {
        #[serde(with = "uuid_text")]
        attachment: Uuid,
        file_name: String,
        size: i64,
        sha256: String,
    },
    Linked {
        #[serde(with = "uuid_text")]
        link: Uuid,
        resource: String,
    },
    Unlinked {
        #[serde(with = "uuid_text")]
        link: Uuid,
        resource: String,
    },
    AnalysisRequested {
        #[serde(with = "uuid_text")]
        analysis: Uuid,
        /// Which kind of question.
        question: String,
    },
    AnalysisHandedOver {
        #[serde(with = "uuid_text")]
        analysis: Uuid,
        to: Party,
    },
    AnalysisAnswered {
        #[serde(with = "uuid_text")]
        analysis: Uuid,
    },
    AnalysisCalledOff {
        #[serde(with = "uuid_text")]
        analysis: Uuid,
        why: CalledOff,
    },
}

impl What {
    /// Whether clocks stand otherwise afterwards.
    pub(super) fn moves_clocks(&self) -> bool {
        match self {
            Self::Updated { .. }
            | Self::CriteriaSet { .. }
            | Self::SignedOff { .. }
            | Self::CommentUpdated { .. }
            | Self::Attached { .. }
            | Self::Linked { .. }
            | Self::Unlinked { .. }
            | Self::ClockWarned { .. }
            | Self::ClockBreached { .. }
            | Self::ReportingFact { .. }
            | Self::TaskAdded { .. }
            | Self::TaskHandedOver { .. }
            | Self::TaskDone { .. }
            | Self::TaskCancelled { .. }
            | Self::TaskReopened { .. } => false,
            Self::Opened { .. }
            | Self::Imported { .. }
            | Self::Acknowledged
            | Self::Moved { .. }
            | Self::Reclassified { .. }
            | Self::HandedOver { .. }
            | Self::Closed { .. }
            | Self::Reopened
            | Self::Commented { .. }
            | Self::AnalysisRequested { .. }
            | Self::AnalysisHandedOver { .. }
            | Self::AnalysisAnswered { .. }
            | Self::AnalysisCalledOff { .. } => true,
        }
    }
}

macro_rules! kinds {
    ($($what:ident = $word:literal,)*) => {
        impl What {
            /// The words for all kinds.
            pub(super) const KINDS: &'static [&'static str] = &[$($word,)*];

            /// The word for it in the tables.
            pub(super) fn kind(&self) -> &'static str {
                match self { $(Self::$what { .. } => $word,)* }
            }
        }
    };
}

kinds! {
    Opened = "opened",
    Updated = "updated",
    Acknowledged = "acknowledged",
    Moved = "moved",
    Reclassified = "reclassified",
    HandedOver = "handed_over",
    CriteriaSet = "criteria_set",
    SignedOff = "signed_off",
    Closed = "closed",
    Reopened = "reopened",
    Commented = "commented",
    CommentUpdated = "comment_updated",
    ClockWarned = "clock_warned",
    ClockBreached = "clock_breached",
    ReportingFact = "reporting_fact",
    TaskAdded = "task_added",
    TaskHandedOver = "task_handed_over",
    TaskDone = "task_done",
    TaskCancelled = "task_cancelled",
    TaskReopened = "task_reopened",
    Imported = "imported",
    Attached = "attached",
    Linked = "linked",
    Unlinked = "unlinked",
    AnalysisRequested = "analysis_requested",
    AnalysisHandedOver = "analysis_handed_over",
    AnalysisAnswered = "analysis_answered",
    AnalysisCalledOff = "analysis_called_off",
}
