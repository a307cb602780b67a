//! What an incident's timeline says to the clocks of an agreement, and what they say to it.

use std::collections::BTreeSet;

use cordon_kernel::db::TenantTx;
use cordon_kernel::db::nanos;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Name, Result, TenantId};
use cordon_sla::clock::{Entry, Event, MomentKind, Notice, Party as ClockParty};
use cordon_sla::objective::{ObjectiveKind, Severity as ClockSeverity};
use cordon_sla::timeline::{CloseCode as SaidCode, Phase as SaidPhase, What as Said};
use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::model::{Actor, CloseCode, Happened, Party, Phase, Severity, What};
use super::service::no_such_incident;
use super::store;

/// Entries that are read at a time.
const STEP: i64 = 1_000;

/// An incident's timeline as far as clocks are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClockLog {
    /// What they go by.
    pub(crate) entries: Vec<Entry>,
    /// What was recorded about them.
    pub(crate) notices: BTreeSet<Notice>,
    /// When something happened last, of whatever kind.
    pub(crate) last: Timestamp,
}

/// Where an incident stands, for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// When the next of its clocks is due, and what for.
    pub(crate) due: Option<(Timestamp, ObjectiveKind)>,
    /// How many were breached.
    pub(crate) breaches: i64,
}

/// The log of an incident as clocks go by it, by the rules of [`cordon_sla::timeline`].
///
/// # Errors
/// `NOT_FOUND` when the tenant has no such incident.
pub(crate) async fn clock_log(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    incident: Uuid,
) -> Result<ClockLog> {
    let mut log = ClockLog::default();
    let mut after = 0;
    loop {
        let step = store::entries(conn, cipher, Some(incident), after, STEP).await?;
        let Some(last) = step.last() else {
            break;
        };
        after = last.seq;
        log.last = last.time;
        for entry in step {
            let Happened {
                what,
                actor,
                reason,
            } = entry.happened;
            let event = event(cipher.tenant(), &what, actor.party, &reason);
            log.entries.extend(event.map(|event| Entry {
                sequence: u64::try_from(entry.seq).unwrap_or(0),
                at: entry.time,
                event,
            }));
            log.notices.extend(notice(what));
        }
    }
    if after == 0 {
        return Err(no_such_incident());
    }
    Ok(log)
}

/// Records in an incident's timeline what is to be said about a clock.
pub(crate) async fn record(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    time: Timestamp,
    (notice, due): (Notice, Option<Timestamp>),
) -> Result<()> {
    let Notice { clock, kind } = notice;
    let what = match kind {
        MomentKind::Warning(percent) => What::ClockWarned {
            clock,
            percent,
            due,
        },
        MomentKind::Breach => What::ClockBreached { clock, due },
    };
    let happened = Happened {
        actor: Actor::service(),
        reason: String::new(),
        what,
    };
    store::enter(tx, cipher, incident, time, &happened).await
}

/// Writes where an incident stands; whether that was otherwise before.
pub(crate) async fn stand(
    tx: &mut TenantTx<'_>,
    incident: Uuid,
    standing: Standing,
) -> Result<bool> {
    let tenant = tx.tenant();
    let (time, objective) = standing.due.unzip();
    let changed = sqlx::query(
        "UPDATE incidents SET due_time = $3, due_objective = $4, breaches = $5 \
          WHERE tenant_id = $1 AND incident_id = $2 AND (breaches IS NULL OR breaches <> $5 \
             OR COALESCE(due_time, 0) <> COALESCE($3, 0) \
             OR COALESCE(due_objective, '') <> COALESCE($4, ''))",
    )
    .bind(tenant.as_str())
    .bind(store::text(incident))
    .bind(time.map(nanos))
    .bind(objective.map(objective_word))
    .bind(standing.breaches)
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// The word for it in the tables.
const fn objective_word(kind: ObjectiveKind) -> &'static str {
    match kind {
        ObjectiveKind::Acknowledge => "acknowledge",
        ObjectiveKind::FirstUpdate => "first_update",
        ObjectiveKind::SubsequentUpdate => "subsequent_update",
        ObjectiveKind::Contain => "contain",
        ObjectiveKind::DeliverSnapshot => "deliver_snapshot",
        ObjectiveKind::AnswerAnalysis => "answer_analysis",
        ObjectiveKind::Restore => "restore",
        ObjectiveKind::Resolve => "resolve",
    }
}

pub(super) fn objective_from(word: &str) -> Option<ObjectiveKind> {
    let mut kinds = ObjectiveKind::ALL.into_iter();
    kinds.find(|kind| objective_word(*kind) == word)
}

fn notice(what: What) -> Option<Notice> {
    match what {
        What::ClockWarned { clock, percent, .. } => Some(Notice {
            clock,
            kind: MomentKind::Warning(percent),
        }),
        What::ClockBreached { clock, .. } => Some(Notice {
            clock,
            kind: MomentKind::Breach,
        }),
        _ => None,
    }
}

/// What an entry is to clocks. The rules are with the clocks, where a customer finds them, too.
fn event(tenant: &TenantId, what: &What, by: Party, reason: &str) -> Option<Event> {
    // By the name, as the customer's export says it.
    let analysis = |id: &Uuid| Name::Analysis(tenant.clone(), *id).to_string();
    let said = match what {
        What::Opened { severity, .. } => Said::Opened {
            severity: graded(*severity),
        },
        What::Acknowledged => Said::Acknowledged,
        What::Moved { from, to } => Said::Moved {
            from: phase(*from),
            to: phase(*to),
        },
        What::Reclassified { from, to } => Said::Reclassified {
            from: graded(*from),
            to: graded(*to),
        },
        What::HandedOver { to } => Said::HandedOver { to: party(*to) },
        What::Closed { code } => Said::Closed {
            code: match code {
                CloseCode::Resolved => SaidCode::Resolved,
                CloseCode::FalsePositive => SaidCode::FalsePositive,
                CloseCode::Duplicate => SaidCode::Duplicate,
                CloseCode::Accepted => SaidCode::Accepted,
            },
        },
        What::Reopened => Said::Reopened,
        What::Commented { .. } => Said::Commented,
        What::AnalysisRequested { analysis: id, .. } => Said::AnalysisRequested {
            analysis: analysis(id),
        },
        What::AnalysisHandedOver { analysis: id, to } => Said::AnalysisHandedOver {
            analysis: analysis(id),
            to: party(*to),
        },
        What::AnalysisAnswered { analysis: id } => Said::AnalysisAnswered {
            analysis: analysis(id),
        },
        What::AnalysisCalledOff { analysis: id, .. } => Said::AnalysisCalledOff {
            analysis: analysis(id),
        },
        // Without an opening no clock runs: nobody here could have kept it.
        What::Imported { .. }
        | What::CommentUpdated { .. }
        | What::Attached { .. }
        | What::Linked { .. }
        | What::Unlinked { .. }
        | What::Updated { .. }
        | What::CriteriaSet { .. }
        | What::TaskAdded { .. }
        | What::TaskHandedOver { .. }
        | What::TaskDone { .. }
        | What::TaskCancelled { .. }
        | What::TaskReopened { .. }
        | What::SignedOff { .. }
        | What::ClockWarned { .. }
        | What::ClockBreached { .. }
        | What::ReportingFact { .. } => Said::Other,
    };
    said.event(party(by), reason)
}

pub(super) fn party(party: Party) -> ClockParty {
    match party {
        Party::Customer => ClockParty::Customer,
        Party::Provider => ClockParty::Provider,
    }
}

fn phase(phase: Phase) -> SaidPhase {
    match phase {
        Phase::Preparation => SaidPhase::Preparation,
        Phase::Identification => SaidPhase::Identification,
        Phase::Containment => SaidPhase::Containment,
        Phase::Investigation => SaidPhase::Investigation,
        Phase::Eradication => SaidPhase::Eradication,
        Phase::Recovery => SaidPhase::Recovery,
        Phase::FollowUp => SaidPhase::FollowUp,
    }
}

pub(super) fn graded(severity: Severity) -> ClockSeverity {
    match severity {
        Severity::Sev1 => ClockSeverity::Sev1,
        Severity::Sev2 => ClockSeverity::Sev2,
        Severity::Sev3 => ClockSeverity::Sev3,
        Severity::Sev4 => ClockSeverity::Sev4,
    }
}
