//! What an analysis is and how it goes on. Pure.

mod decide;

use cordon_analysis::{Question, Scope};
use cordon_sla::calendar::Calendar;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rooms::uuid_text;

pub(super) use decide::{Change, again, create, decide, expire, require};

/// How far an analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Submitted,
    Accepted,
    Running,
    Review,
    Released,
    Declined,
    Cancelled,
    Failed,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Review => "review",
            Self::Released => "released",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        [
            Self::Submitted,
            Self::Accepted,
            Self::Running,
            Self::Review,
            Self::Released,
            Self::Declined,
            Self::Cancelled,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    pub(super) const fn ended(self) -> bool {
        matches!(
            self,
            Self::Released | Self::Declined | Self::Cancelled | Self::Failed
        )
    }
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Party {
    Customer,
    Provider,
}

/// What may be read for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DataKind {
    Events,
    Incidents,
    ProviderRecords,
}

/// Whether people answer it.
pub(super) const fn human(question: &Question) -> bool {
    matches!(question, Question::Human(_))
}

/// Whether a declared release answers it.
const fn across_tenants(question: &Question) -> bool {
    matches!(
        question,
        Question::SeenByOthers(_) | Question::HostMaintenance(_)
    )
}

/// Something that a side said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) party: Party,
    pub(super) author: String,
    pub(super) text: String,
    pub(super) time: Timestamp,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) message: String,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) scanned: u64,
    pub(super) round: u32,
}

/// A table of an answer, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableOf {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) rows: u64,
    pub(super) left_out: u64,
}

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) method: String,
    pub(super) plan_version: u32,
    /// Of the answer's JSON, in hexadecimal digits.
    pub(super) sha256: String,
    /// Length of that JSON.
    pub(super) size: u64,
    pub(super) head: u64,
    pub(super) scanned: u64,
    pub(super) tables: Vec<TableOf>,
    pub(super) graph: bool,
    pub(super) timeline: bool,
    /// Of one that was computed again: whether it is the same.
    pub(super) identical: Option<bool>,
}

/// An analysis as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Analysis {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    pub(super) question: Question,
    pub(super) scope: Scope,
    pub(super) purpose: String,
    pub(super) consent: Vec<DataKind>,
    pub(super) incident: Option<String>,
    pub(super) rerun_of: Option<String>,
    /// Of one that is computed again: the answer that it is compared with, and up to where it looked.
    pub(super) compared: Option<(String, u64)>,
    pub(super) state: State,
    pub(super) pending: Option<Party>,
    pub(super) due: Option<Timestamp>,
    /// Since when the tenant has had the move.
    pub(super) waiting: Option<Timestamp>,
    pub(super) failure: Option<Failure>,
    pub(super) progress: Progress,
    /// Who of the provider works on it.
    pub(super) claimed_by: Option<String>,
    /// Who handed the answer in.
    pub(super) submitted_by: Option<String>,
    /// Why a second analyst gave the answer back: between analysts.
    pub(super) returned: Option<String>,
    pub(super) outcome: Option<Outcome>,
    pub(super) released_by: Option<String>,
    pub(super) released: Option<Timestamp>,
    /// The answer is not kept any more.
    pub(super) expired: bool,
    pub(super) messages: Vec<Message>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) etag: String,
    pub(super) by: String,
}

/// What a question begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct New {
    pub(super) question: Question,
    pub(super) scope: Scope,
    pub(super) purpose: String,
    pub(super) consent: Vec<DataKind>,
    pub(super) incident: Option<String>,
}

/// When, by whom, and what it is called afterwards.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    /// Empty for the server itself.
    pub(super) by: String,
    pub(super) etag: String,
    /// The hours that the time for an answer is counted in; all hours if there are none.
    pub(super) hours: Option<Calendar>,
}

/// What happens to an analysis.
#[derive(Debug)]
pub(super) enum Command {
    /// The server begins, or goes on after another has ended in the midst.
    Begin,
    /// The work has come so far.
    Advance(Progress),
    /// The server has an answer.
    Answer(Outcome),
    /// There is none.
    Fail(Failure),
    /// The tenant calls it off.
    Cancel,
    /// An analyst takes it on; with `take_over` from a colleague who can't go on.
    Claim { take_over: bool },
    /// The analyst asks the tenant something.
    AskBack(String),
    /// The tenant says something.
    Reply(String),
    /// The provider does not answer.
    Decline(String),
    /// The analyst hands an answer in.
    Submit(Outcome),
    /// A second analyst gives it back.
    Return(String),
    /// A second analyst releases it, as it was signed with that.
    Release(Outcome),
}
