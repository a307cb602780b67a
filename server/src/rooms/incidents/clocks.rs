//! What an incident's timeline says to the clocks of an agreement.

use cordon_kernel::Result;
use cordon_kernel::keys::TenantCipher;
use cordon_sla::clock::{Entry, Event, Party as ClockParty};
use cordon_sla::objective::Severity as ClockSeverity;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::model::{CloseCode, Party, Phase, Severity, What};
use super::service::no_such_incident;
use super::store;

/// Entries that are read at a time.
const STEP: i64 = 1_000;

/// The log of an incident as clocks go by it: containment ends a [`Contain`] clock when it is left
/// forward, recovery a [`Restore`] clock, and what the provider says to the customer is an update.
///
/// [`Contain`]: cordon_sla::objective::ObjectiveKind::Contain
/// [`Restore`]: cordon_sla::objective::ObjectiveKind::Restore
///
/// # Errors
/// `NOT_FOUND` when the tenant has no such incident.
pub(crate) async fn clock_log(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
) -> Result<Vec<Entry>> {
    let mut log = Vec::new();
    let mut after = 0;
    loop {
        let step = store::entries(conn, cipher, Some(incident), after, STEP).await?;
        let Some(last) = step.last() else {
            break;
        };
        after = last.seq;
        for entry in &step {
            let event = event(
                &entry.happened.what,
                entry.happened.actor.party,
                &entry.happened.reason,
            );
            log.extend(event.map(|event| Entry {
                sequence: u64::try_from(entry.seq).unwrap_or(0),
                at: entry.time,
                event,
            }));
        }
    }
    if log.is_empty() {
        return Err(no_such_incident());
    }
    Ok(log)
}

fn event(what: &What, by: Party, reason: &str) -> Option<Event> {
    Some(match what {
        What::Opened { severity, .. } => Event::Opened {
            severity: graded(*severity),
        },
        What::Acknowledged => Event::Acknowledged,
        What::Reclassified { from, to } => Event::Reclassified {
            from: graded(*from),
            to: graded(*to),
        },
        What::HandedOver { to } => Event::HandedOver {
            to: match to {
                Party::Customer => ClockParty::Customer,
                Party::Provider => ClockParty::Provider,
            },
            reason: reason.to_owned(),
        },
        What::Moved { from, to } => match (from, to) {
            (Phase::Containment, Phase::Investigation)
            | (Phase::Containment | Phase::Investigation, Phase::Eradication) => Event::Contained,
            (Phase::Recovery, Phase::FollowUp) => Event::Restored,
            _ => return None,
        },
        What::Closed { code } => match code {
            CloseCode::Resolved => Event::Resolved,
            CloseCode::FalsePositive | CloseCode::Duplicate | CloseCode::Accepted => Event::Closed,
        },
        What::Reopened => Event::Reopened,
        What::Commented { .. } if by == Party::Provider => Event::Updated,
        What::Commented { .. }
        | What::CommentUpdated { .. }
        | What::Updated { .. }
        | What::CriteriaSet { .. }
        | What::SignedOff { .. } => return None,
    })
}

fn graded(severity: Severity) -> ClockSeverity {
    match severity {
        Severity::Sev1 => ClockSeverity::Sev1,
        Severity::Sev2 => ClockSeverity::Sev2,
        Severity::Sev3 => ClockSeverity::Sev3,
        Severity::Sev4 => ClockSeverity::Sev4,
    }
}
