//! The queue of all tenants' incidents, as staff see it.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Result, TenantId};
use cordon_sla::objective::ObjectiveKind;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::clocks::objective_from;
use super::super::model::{Party, Phase, Severity, State};
use super::{NOBODY, damaged, drills, pending, text, time, uuid, word};

/// What staff see of an incident before they enter its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Queued {
    pub(in super::super) tenant: TenantId,
    pub(in super::super) id: Uuid,
    pub(in super::super) number: i64,
    pub(in super::super) severity: Severity,
    pub(in super::super) phase: Phase,
    pub(in super::super) state: State,
    pub(in super::super) pending: Option<Party>,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
    pub(in super::super) acknowledged: Option<Timestamp>,
    /// When the next of its clocks is due, and what for.
    pub(in super::super) due: Option<(Timestamp, ObjectiveKind)>,
    pub(in super::super) breaches: i32,
    /// Whether it is a drill.
    pub(in super::super) exercise: bool,
}

/// Where a page of the queue begins: after the incident with these.
pub(in super::super) type QueuePlace = (String, String, String, i64, String, String);

/// Up to `limit` of all tenants' incidents: those whose move is the provider's first, then by
/// severity, then the oldest.
pub(in super::super) async fn queue(
    conn: &mut AnyConnection,
    closed_too: bool,
    exercise: Option<bool>,
    after: Option<QueuePlace>,
    limit: i64,
) -> Result<Vec<Queued>> {
    // As text the words sort as they should: open before what is done with comes from the reverse.
    let drills = drills(exercise);
    let sql = format!(
        "SELECT tenant_id, incident_id, number, severity, phase, state, pending_party, created_time, \
                updated_time, acknowledged_time, due_time, due_objective, breaches, exercise \
           FROM incidents \
          WHERE ($1 = 1 OR state = 'open') AND ($2 = 0 OR \
                state < $3 OR (state = $3 AND (pending_party < $4 OR (pending_party = $4 AND \
                (severity > $5 OR (severity = $5 AND (created_time > $6 OR (created_time = $6 AND \
                (tenant_id > $7 OR (tenant_id = $7 AND incident_id > $8)))))))))){drills} \
          ORDER BY state DESC, pending_party DESC, severity, created_time, tenant_id, incident_id \
          LIMIT $9"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(i64::from(closed_too))
        .bind(i64::from(after.is_some()));
    let (state, pending, severity, created, tenant, id) = after.unwrap_or_default();
    let rows = rows
        .bind(state)
        .bind(pending)
        .bind(severity)
        .bind(created)
        .bind(tenant)
        .bind(id)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(queued).collect()
}

impl Queued {
    /// Where the page after this one begins.
    pub(in super::super) fn place(&self) -> QueuePlace {
        (
            self.state.as_str().to_owned(),
            self.pending.map_or(NOBODY, Party::as_str).to_owned(),
            self.severity.as_str().to_owned(),
            nanos(self.created),
            self.tenant.to_string(),
            text(self.id),
        )
    }
}

fn queued(row: &AnyRow) -> Result<Queued> {
    Ok(Queued {
        tenant: row
            .try_get::<String, _>("tenant_id")?
            .parse()
            .map_err(|_| damaged("tenant"))?,
        id: uuid(&row.try_get::<String, _>("incident_id")?)?,
        number: row.try_get("number")?,
        severity: word(row, "severity", Severity::from_stored)?,
        phase: word(row, "phase", Phase::from_stored)?,
        state: word(row, "state", State::from_stored)?,
        pending: pending(row)?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        acknowledged: time(row, "acknowledged_time")?,
        due: due(row)?,
        breaches: row
            .try_get::<Option<i64>, _>("breaches")?
            .map_or(0, |breaches| i32::try_from(breaches).unwrap_or(i32::MAX)),
        exercise: row.try_get::<i64, _>("exercise")? == 1,
    })
}

fn due(row: &AnyRow) -> Result<Option<(Timestamp, ObjectiveKind)>> {
    let objective: Option<String> = row.try_get("due_objective")?;
    let objective = objective
        .map(|word| objective_from(&word).ok_or_else(|| damaged("objective")))
        .transpose()?;
    Ok(time(row, "due_time")?.zip(objective))
}
