//! The outbox: whatever enters the timeline is written down for whom it is for, in the same
//! transaction, whatever its kind; and so is the final report of a month.

use cordon_kernel::Result;
use cordon_kernel::db::jobs::NOTIFY;
use cordon_kernel::db::{TenantTx, nanos};
use cordon_kernel::keys::TenantCipher;
use cordon_sla::period::Period;
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::model::mentions;
use super::store::{self, Subject};

/// Most notices that wait for one receiver; what comes on top is given up at once, where the tenant
/// sees it.
pub(super) const MAX_PENDING: i64 = 10_000;

/// The kind, among those of entries, of a final report of a month.
pub(super) const REPORTED: &str = "reported";

/// The job that sends what waits for a subscription.
pub(super) fn job(subscription: Uuid) -> String {
    format!("{NOTIFY}:{}", subscription.hyphenated())
}

/// The subscription whose job this is, if it is one of these.
pub(super) fn of_job(job: &str) -> Option<Uuid> {
    let id = job.strip_prefix(NOTIFY)?.strip_prefix(':')?;
    Uuid::try_parse(id).ok()
}

/// An entry of the timeline, as subscriptions are matched with it.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Offered<'a> {
    pub(in super::super) incident: Uuid,
    pub(in super::super) seq: i64,
    pub(in super::super) time: Timestamp,
    pub(in super::super) kind: &'a str,
    /// What a comment says, if it is about one.
    pub(in super::super) said: Option<&'a str>,
}

/// Notes an entry down for each subscription that wants it. Part of the transaction in which the
/// entry and its incident were written.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(in super::super) async fn offer(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    offered: Offered<'_>,
) -> Result<()> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "SELECT s.subscription_id, s.state, s.kinds, s.severities, s.mentions, s.sealed, i.severity \
           FROM incident_subscriptions s \
           JOIN incidents i ON i.tenant_id = s.tenant_id AND i.incident_id = $2 \
          WHERE s.tenant_id = $1 AND s.incident_id IN ('', $3) ORDER BY s.subscription_id",
    )
    .bind(tenant.as_str())
    .bind(store::text(offered.incident))
    .bind(store::text(offered.incident))
    .fetch_all(tx.conn())
    .await?;
    for row in rows {
        if wants(&row, cipher, offered)? {
            let id = store::uuid(&row.try_get::<String, _>("subscription_id")?)?;
            let active = row.try_get::<String, _>("state")? == "active";
            let entry = Subject::Entry {
                incident: offered.incident,
                seq: offered.seq,
            };
            put(tx, id, active, (entry, offered.time)).await?;
        }
    }
    Ok(())
}

/// Notes the final report of a month down for each subscription that wants it: those of all the
/// tenant's incidents, of whatever severity. Part of the transaction that keeps the report.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn offer_report(
    tx: &mut TenantTx<'_>,
    month: Period,
    time: Timestamp,
) -> Result<()> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "SELECT subscription_id, state, kinds FROM incident_subscriptions \
          WHERE tenant_id = $1 AND incident_id = '' AND severities = '' AND mentions = 0 \
          ORDER BY subscription_id",
    )
    .bind(tenant.as_str())
    .fetch_all(tx.conn())
    .await?;
    for row in rows {
        if lists(&row, "kinds", REPORTED)? {
            let id = store::uuid(&row.try_get::<String, _>("subscription_id")?)?;
            let active = row.try_get::<String, _>("state")? == "active";
            put(tx, id, active, (Subject::Report(month), time)).await?;
        }
    }
    Ok(())
}

/// Whether a list of words is empty, or has the word.
fn lists(row: &AnyRow, column: &str, word: &str) -> Result<bool> {
    let words: String = row.try_get(column)?;
    let mut words = words.split_whitespace().peekable();
    Ok(words.peek().is_none() || words.any(|one| one == word))
}

fn wants(row: &AnyRow, cipher: &TenantCipher, offered: Offered<'_>) -> Result<bool> {
    let severity: String = row.try_get("severity")?;
    if !lists(row, "kinds", offered.kind)? || !lists(row, "severities", &severity)? {
        return Ok(false);
    }
    if row.try_get::<i64, _>("mentions")? == 0 {
        return Ok(true);
    }
    let Some(said) = offered.said else {
        return Ok(false);
    };
    let id = store::uuid(&row.try_get::<String, _>("subscription_id")?)?;
    let words = store::open(cipher, id, &row.try_get::<Vec<u8>, _>("sealed")?)?;
    Ok(words.mention.is_some_and(|handle| mentions(said, &handle)))
}

async fn put(
    tx: &mut TenantTx<'_>,
    subscription: Uuid,
    active: bool,
    (about, time): (Subject, Timestamp),
) -> Result<()> {
    let tenant = tx.tenant();
    let id = store::text(subscription);
    let seq: i64 = sqlx::query_scalar(
        "UPDATE incident_subscriptions SET last_seq = last_seq + 1 \
          WHERE tenant_id = $1 AND subscription_id = $2 RETURNING last_seq",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .fetch_one(tx.conn())
    .await?;
    let first = store::first_pending(tx.conn(), tenant, subscription).await?;
    // No more can wait than there are numbers since the first that does; what is done since then is
    // counted out only where that is many.
    let full = first.is_some_and(|first| seq - first.seq >= MAX_PENDING)
        && store::has_pending(tx.conn(), tenant, subscription, MAX_PENDING).await?;
    let (state, reason) = match full {
        true => ("dead", "full"),
        false => ("pending", ""),
    };
    let (entry, incident, report) = match about {
        Subject::Entry { incident, seq } => (Some(seq), store::text(incident), String::new()),
        Subject::Report(month) => (None, String::new(), month.to_string()),
    };
    sqlx::query(
        "INSERT INTO incident_deliveries (tenant_id, subscription_id, seq, entry_seq, incident_id, \
                report, state, created_time, queued_time, attempts, attempted_time, reason, code) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 0, NULL, $9, 0)",
    )
    .bind(tenant.as_str())
    .bind(id)
    .bind(seq)
    .bind(entry)
    .bind(incident)
    .bind(report)
    .bind(state)
    .bind(nanos(time))
    .bind(reason)
    .execute(tx.conn())
    .await?;
    if active && !full {
        tx.schedule_job(&job(subscription), time).await?;
    }
    Ok(())
}
