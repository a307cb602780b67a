//! A tenant's own log: what happened to all its incidents.

use std::collections::HashMap;

use cordon_proto::incidents as wire;
use cordon_sla::clock;
use cordon_sla::report::Log;
use cordon_sla::timeline::{CloseCode, Phase, TimelineEntry, What, incident_of, logs};
use futures::TryStreamExt as _;

use super::Sla;
use super::agreement::severity;
use crate::error::{Error, Reason, Result};
use crate::incidents::{IncidentFilter, Incidents};
use crate::time::from_proto;

/// An entry of the timeline as clocks go by it.
///
/// # Errors
///
/// `INTERNAL` when it is none that a server gives. What this program is too old to know is no
/// error: no clock that it knows goes by it.
pub fn to_timeline(entry: &wire::TimelineEntry) -> Result<TimelineEntry> {
    let found = (|| {
        Some(TimelineEntry {
            incident: incident_of(&entry.name)?.to_owned(),
            sequence: u64::try_from(entry.sequence).ok()?,
            time: entry.time.as_ref().and_then(from_proto)?,
            by: party(entry.actor.as_ref()?.party())?,
            reason: entry.reason.clone(),
            exercise: entry.exercise,
            what: what(entry.what.as_ref())?,
        })
    })();
    found.ok_or_else(|| {
        let name = &entry.name;
        Error::new(Reason::Internal, format!("`{name}` is no timeline entry"))
    })
}

const fn party(party: wire::Party) -> Option<clock::Party> {
    match party {
        wire::Party::Unspecified => None,
        wire::Party::Customer => Some(clock::Party::Customer),
        wire::Party::Provider => Some(clock::Party::Provider),
    }
}

const fn phase(phase: wire::Phase) -> Option<Phase> {
    Some(match phase {
        wire::Phase::Unspecified => return None,
        wire::Phase::Preparation => Phase::Preparation,
        wire::Phase::Identification => Phase::Identification,
        wire::Phase::Containment => Phase::Containment,
        wire::Phase::Investigation => Phase::Investigation,
        wire::Phase::Eradication => Phase::Eradication,
        wire::Phase::Recovery => Phase::Recovery,
        wire::Phase::FollowUp => Phase::FollowUp,
    })
}

const fn code(code: wire::CloseCode) -> Option<CloseCode> {
    Some(match code {
        wire::CloseCode::Unspecified => return None,
        wire::CloseCode::Resolved => CloseCode::Resolved,
        wire::CloseCode::FalsePositive => CloseCode::FalsePositive,
        wire::CloseCode::Duplicate => CloseCode::Duplicate,
        wire::CloseCode::Accepted => CloseCode::Accepted,
    })
}

fn what(what: Option<&wire::timeline_entry::What>) -> Option<What> {
    use wire::timeline_entry::What as Wire;
    Some(match what {
        Some(Wire::Opened(opened)) => What::Opened {
            severity: severity(opened.severity())?,
        },
        Some(Wire::Acknowledged(_)) => What::Acknowledged,
        Some(Wire::Moved(moved)) => What::Moved {
            from: phase(moved.from())?,
            to: phase(moved.to())?,
        },
        Some(Wire::Reclassified(reclassified)) => What::Reclassified {
            from: severity(reclassified.from())?,
            to: severity(reclassified.to())?,
        },
        Some(Wire::HandedOver(handed_over)) => What::HandedOver {
            to: party(handed_over.to())?,
        },
        Some(Wire::Closed(closed)) => What::Closed {
            code: code(closed.code())?,
        },
        Some(Wire::Reopened(_)) => What::Reopened,
        Some(Wire::Commented(_)) => What::Commented,
        Some(Wire::AnalysisRequested(of)) => What::AnalysisRequested {
            analysis: of.analysis.clone(),
        },
        Some(Wire::AnalysisHandedOver(of)) => What::AnalysisHandedOver {
            analysis: of.analysis.clone(),
            to: party(of.to())?,
        },
        Some(Wire::AnalysisAnswered(of)) => What::AnalysisAnswered {
            analysis: of.analysis.clone(),
        },
        Some(Wire::AnalysisCalledOff(of)) => What::AnalysisCalledOff {
            analysis: of.analysis.clone(),
        },
        _ => What::Other,
    })
}

impl Incidents {
    /// All that has happened to the tenant's incidents up to now, in order.
    ///
    /// # Errors
    ///
    /// As [`Incidents::watch`].
    pub async fn history(
        &self,
        mut each: impl FnMut(wire::TimelineEntry) -> Result<()>,
    ) -> Result<()> {
        let mut now = self.watch(None);
        // The server says at once where now is.
        let head = now.head().await?;
        drop(now);
        if head == 0 {
            return Ok(());
        }
        let mut all = self.watch(Some(0));
        while let Some(entry) = all.try_next().await? {
            let last = entry.sequence >= head;
            each(entry)?;
            if last {
                break;
            }
        }
        Ok(())
    }
}

impl Sla {
    /// The logs of all incidents of the client's tenant up to now, as reports are computed again
    /// from them. What is kept of them is what clocks go by.
    ///
    /// # Errors
    ///
    /// As [`Incidents::watch`] and [`Incidents::list`].
    pub async fn logs(&self) -> Result<Vec<Log>> {
        let incidents = self.client.incidents();
        let mut entries = Vec::new();
        incidents
            .history(|entry| {
                entries.push(to_timeline(&entry)?);
                Ok(())
            })
            .await?;
        let mut numbers = HashMap::new();
        let mut listed = std::pin::pin!(incidents.list(IncidentFilter::default()));
        while let Some(incident) = listed.try_next().await? {
            let id = incident.name.rsplit('/').next().unwrap_or_default();
            if let Ok(number) = u64::try_from(incident.number) {
                numbers.insert(id.to_owned(), number);
            }
        }
        let mut logs = logs(entries);
        for log in &mut logs {
            log.number = numbers.get(&log.incident).copied();
        }
        Ok(logs)
    }
}
