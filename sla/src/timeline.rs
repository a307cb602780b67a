//! An incident's exported timeline, and what it says to clocks.
//!
//! The rules that make a timeline a log of [`Event`]s stand here once: the server goes by
//! them, and a customer who computes the same from its own export. An export is one JSON
//! document a line or one list of them, as `cordon incidents timeline … -o ndjson` and
//! `cordon incidents watch -o ndjson` write it:
//!
//! ```json
//! {"name": "tenants/acme/incidents/0190…/timelineEntries/17", "sequence": 17,
//!  "time": "2026-10-05T08:00:00Z", "actor": {"subject": "ada", "party": "PROVIDER"},
//!  "what": "MOVED", "details": {"from": "RECOVERY", "to": "FOLLOW_UP"}, "reason": null}
//! ```
//!
//! An entry of a drill has `"exercise": true`: drills count in no report.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use std::collections::BTreeMap;

use super::clock::{self, Event};
use super::objective::Severity;
use super::report::Log;

/// Phases of incident handling, after NIST SP 800-61.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Before anything has happened.
    Preparation,
    /// What it is.
    Identification,
    /// Keeping it from spreading.
    Containment,
    /// How it came about and what it touched.
    Investigation,
    /// Removing it.
    Eradication,
    /// Back to service.
    Recovery,
    /// What is to be learned.
    FollowUp,
}

/// Why an incident was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CloseCode {
    /// Handled to the end.
    Resolved,
    /// There was none.
    FalsePositive,
    /// It is another one.
    Duplicate,
    /// The risk is borne.
    Accepted,
}

/// What happened, as far as clocks go by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// It was opened.
    Opened {
        /// As what.
        severity: Severity,
    },
    /// The provider took note.
    Acknowledged,
    /// It was moved to another phase.
    Moved {
        /// Before.
        from: Phase,
        /// After.
        to: Phase,
    },
    /// Its severity was changed.
    Reclassified {
        /// Before.
        from: Severity,
        /// After.
        to: Severity,
    },
    /// The next move went to a side.
    HandedOver {
        /// To which.
        to: clock::Party,
    },
    /// It was closed.
    Closed {
        /// Why.
        code: CloseCode,
    },
    /// It was opened again.
    Reopened,
    /// Something was said to both sides.
    Commented,
    /// A question was put to the provider.
    AnalysisRequested {
        /// The name of the analysis.
        analysis: String,
    },
    /// The next move in a question went to a side.
    AnalysisHandedOver {
        /// The name of the analysis.
        analysis: String,
        /// To which.
        to: clock::Party,
    },
    /// A question was answered.
    AnalysisAnswered {
        /// The name of the analysis.
        analysis: String,
    },
    /// No answer will come: the question was taken back, declined, or could not be answered.
    AnalysisCalledOff {
        /// The name of the analysis.
        analysis: String,
    },
    /// Anything else, which no clock goes by.
    Other,
}

impl What {
    /// What it is to clocks; nothing for most things. `by` is the side of whoever did it.
    ///
    /// * Containment is left forward, or left out for eradication: the incident is contained.
    /// * Recovery is left forward: service is restored.
    /// * It is closed as resolved: resolved. As anything else: no more is to be done.
    /// * A comment of the provider's is an update.
    /// * A question's clock runs from when it was asked until it is answered, and goes by its own
    ///   hand-overs; a question that is declined or taken back is no longer promised anything.
    pub fn event(self, by: clock::Party, reason: &str) -> Option<Event> {
        Some(match self {
            Self::Opened { severity } => Event::Opened { severity },
            Self::Acknowledged => Event::Acknowledged,
            Self::Moved { from, to } => match (from, to) {
                (Phase::Containment, Phase::Investigation)
                | (Phase::Containment | Phase::Investigation, Phase::Eradication) => {
                    Event::Contained
                }
                (Phase::Recovery, Phase::FollowUp) => Event::Restored,
                _ => return None,
            },
            Self::Reclassified { from, to } => Event::Reclassified { from, to },
            Self::HandedOver { to } => Event::HandedOver {
                to,
                reason: reason.to_owned(),
            },
            Self::Closed { code } => match code {
                CloseCode::Resolved => Event::Resolved,
                CloseCode::FalsePositive | CloseCode::Duplicate | CloseCode::Accepted => {
                    Event::Closed
                }
            },
            Self::Reopened => Event::Reopened,
            Self::Commented if by == clock::Party::Provider => Event::Updated,
            Self::AnalysisRequested { analysis } => Event::AnalysisRequested { id: analysis },
            Self::AnalysisHandedOver { analysis, to } => {
                Event::RequestHandedOver { id: analysis, to }
            }
            Self::AnalysisAnswered { analysis } => Event::AnalysisAnswered { id: analysis },
            Self::AnalysisCalledOff { analysis } => Event::RequestCalledOff { id: analysis },
            Self::Commented | Self::Other => return None,
        })
    }
}

/// Something that happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The text of the incident's UUID.
    pub incident: String,
    /// Its number among all that happened to the tenant's incidents.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// The side of whoever did it.
    pub by: clock::Party,
    /// What was said with it; may be empty.
    pub reason: String,
    /// Whether the incident is a drill.
    pub exercise: bool,
    /// What it was.
    pub what: What,
}

/// The logs of incidents from what happened to them, in any order. Drills are left out.
pub fn logs(entries: impl IntoIterator<Item = TimelineEntry>) -> Vec<Log> {
    let mut logs: BTreeMap<String, (Log, bool)> = BTreeMap::new();
    for entry in entries {
        let logged = entry.entry();
        let (log, exercise) = logs.entry(entry.incident.clone()).or_insert_with(|| {
            let log = Log {
                incident: entry.incident,
                number: None,
                entries: Vec::new(),
            };
            (log, false)
        });
        *exercise |= entry.exercise;
        log.entries.extend(logged);
    }
    let real = logs.into_values().filter(|(_, exercise)| !exercise);
    real.map(|(log, _)| log).collect()
}

impl TimelineEntry {
    /// The entry of the log that clocks go by; none if they don't go by it.
    pub fn entry(&self) -> Option<clock::Entry> {
        let event = self.what.clone().event(self.by, &self.reason)?;
        Some(clock::Entry {
            sequence: self.sequence,
            at: self.time,
            event,
        })
    }
}

/// The id of the incident that the named entry is of.
pub fn incident_of(name: &str) -> Option<&str> {
    let mut parts = name.split('/');
    let found = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("tenants"), Some(_), Some("incidents"), Some(incident)) => incident,
        _ => return None,
    };
    Some(found).filter(|incident| !incident.is_empty())
}

/// An entry as it stands in JSON.
#[derive(Deserialize)]
struct Stored {
    name: String,
    sequence: u64,
    time: Timestamp,
    actor: StoredActor,
    reason: Option<String>,
    #[serde(default)]
    exercise: bool,
    what: Option<String>,
    #[serde(default)]
    details: Value,
}

#[derive(Deserialize)]
struct StoredActor {
    party: StoredParty,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StoredParty {
    Customer,
    Provider,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StoredSeverity {
    Sev1,
    Sev2,
    Sev3,
    Sev4,
}

#[derive(Deserialize)]
struct Opened {
    severity: StoredSeverity,
}

#[derive(Deserialize)]
struct Step<T> {
    from: T,
    to: T,
}

#[derive(Deserialize)]
struct HandedOver {
    to: StoredParty,
}

#[derive(Deserialize)]
struct OfAnalysis {
    analysis: String,
}

#[derive(Deserialize)]
struct AnalysisHandedOver {
    analysis: String,
    to: StoredParty,
}

#[derive(Deserialize)]
struct Closed {
    code: CloseCode,
}

impl From<StoredParty> for clock::Party {
    fn from(party: StoredParty) -> Self {
        match party {
            StoredParty::Customer => Self::Customer,
            StoredParty::Provider => Self::Provider,
        }
    }
}

impl From<StoredSeverity> for Severity {
    fn from(severity: StoredSeverity) -> Self {
        match severity {
            StoredSeverity::Sev1 => Self::Sev1,
            StoredSeverity::Sev2 => Self::Sev2,
            StoredSeverity::Sev3 => Self::Sev3,
            StoredSeverity::Sev4 => Self::Sev4,
        }
    }
}

impl TryFrom<Stored> for TimelineEntry {
    type Error = serde_json::Error;

    fn try_from(stored: Stored) -> Result<Self, serde_json::Error> {
        let incident = incident_of(&stored.name)
            .ok_or_else(|| serde_json::Error::custom("its name is no timeline entry's"))?;
        let details = stored.details;
        let what = match stored.what.as_deref().unwrap_or_default() {
            "OPENED" => serde_json::from_value(details).map(|opened: Opened| What::Opened {
                severity: opened.severity.into(),
            })?,
            "ACKNOWLEDGED" => What::Acknowledged,
            "MOVED" => serde_json::from_value(details).map(|step: Step<Phase>| What::Moved {
                from: step.from,
                to: step.to,
            })?,
            "RECLASSIFIED" => {
                serde_json::from_value(details).map(|step: Step<StoredSeverity>| {
                    What::Reclassified {
                        from: step.from.into(),
                        to: step.to.into(),
                    }
                })?
            }
            "HANDED_OVER" => serde_json::from_value(details)
                .map(|to: HandedOver| What::HandedOver { to: to.to.into() })?,
            "CLOSED" => serde_json::from_value(details)
                .map(|closed: Closed| What::Closed { code: closed.code })?,
            "REOPENED" => What::Reopened,
            "COMMENTED" => What::Commented,
            "ANALYSIS_REQUESTED" => serde_json::from_value(details)
                .map(|OfAnalysis { analysis }| What::AnalysisRequested { analysis })?,
            "ANALYSIS_HANDED_OVER" => {
                serde_json::from_value(details).map(|of: AnalysisHandedOver| {
                    What::AnalysisHandedOver {
                        analysis: of.analysis,
                        to: of.to.into(),
                    }
                })?
            }
            "ANALYSIS_ANSWERED" => serde_json::from_value(details)
                .map(|OfAnalysis { analysis }| What::AnalysisAnswered { analysis })?,
            "ANALYSIS_CALLED_OFF" => serde_json::from_value(details)
                .map(|OfAnalysis { analysis }| What::AnalysisCalledOff { analysis })?,
            _ => What::Other,
        };
        Ok(Self {
            incident: incident.to_owned(),
            sequence: stored.sequence,
            time: stored.time,
            by: stored.actor.party.into(),
            reason: stored.reason.unwrap_or_default(),
            exercise: stored.exercise,
            what,
        })
    }
}

impl<'de> Deserialize<'de> for TimelineEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Self::try_from(stored).map_err(D::Error::custom)
    }
}
