//! An incident's log, as far as clocks are concerned.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::objective::Severity;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The one who made the promises.
    Provider,
    /// The one to whom they were made.
    Customer,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The incident began. Only the first such entry counts, and nothing before it.
    Opened {
        /// As it was first classified.
        severity: Severity,
    },
    /// The provider took it on.
    Acknowledged,
    /// The provider told the customer something.
    Updated,
    /// The severity was changed.
    Reclassified {
        /// As it was recorded; what counts is the severity in force.
        from: Severity,
        /// From now on.
        to: Severity,
    },
    /// The turn went to the other side. To the customer, it is what pauses the clocks of the incident;
    /// nothing else does. Requests go by hand-overs of their own.
    HandedOver {
        /// Whose turn it now is.
        to: Party,
        /// What is waited for.
        reason: String,
    },
    /// The incident no longer spreads.
    Contained,
    /// The customer asked for a snapshot of the evidence.
    SnapshotRequested {
        /// Of the request.
        id: String,
    },
    /// The snapshot was delivered.
    SnapshotDelivered {
        /// Of the request.
        id: String,
    },
    /// The customer asked something about the analysis.
    AnalysisRequested {
        /// Of the request.
        id: String,
    },
    /// The question was answered.
    AnalysisAnswered {
        /// Of the request.
        id: String,
    },
    /// The turn in one request went to the other side: the one who works on it has to know something, or
    /// was told it.
    RequestHandedOver {
        /// Of the request.
        id: String,
        /// Whose turn it now is.
        to: Party,
    },
    /// Nothing will come of a request: the customer took it back, or the provider declined it.
    RequestCalledOff {
        /// Of the request.
        id: String,
    },
    /// The service runs again.
    Restored,
    /// The incident is done with.
    Resolved,
    /// It was not done with after all.
    Reopened,
    /// No more is to be done. What is not done by then is called off.
    Closed,
}

/// An entry of the log. Entries come in the order of time, and of their sequence numbers
/// where the time is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique within the incident.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}
