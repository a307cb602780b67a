//! The tables of notices.

use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Result, TenantId};
use cordon_sla::period::Period;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::super::model::Severity;
use super::model::{Audience, Interest, State, Subscription, Words};

pub(super) const SUBSCRIPTIONS: &str = "incident_subscriptions";

const COLUMNS: &str = "s.subscription_id, s.state, s.audience, s.kinds, s.severities, s.incident_id, \
     s.created_time, s.updated_time, s.failures, s.next_time, s.etag, s.sealed, \
     (SELECT count(*) FROM incident_deliveries d WHERE d.tenant_id = s.tenant_id \
         AND d.subscription_id = s.subscription_id AND d.state = 'pending') AS pending, \
     (SELECT count(*) FROM incident_deliveries d WHERE d.tenant_id = s.tenant_id \
         AND d.subscription_id = s.subscription_id AND d.state = 'dead') AS dead";

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Pending,
    Delivered,
    Redacted,
    Withheld,
    Dead,
}

impl Standing {
    const ALL: [Self; 5] = [
        Self::Pending,
        Self::Delivered,
        Self::Redacted,
        Self::Withheld,
        Self::Dead,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Redacted => "redacted",
            Self::Withheld => "withheld",
            Self::Dead => "dead",
        }
    }

    fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

/// What a notice tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// An entry of an incident's timeline.
    Entry { incident: Uuid, seq: i64 },
    /// The final report of a month.
    Report(Period),
}

/// A notice on its way, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) subscription: Uuid,
    /// The subscription's, from 1.
    pub(super) seq: i64,
    pub(super) about: Subject,
    pub(super) standing: Standing,
    pub(super) created: Timestamp,
    /// Since when it is tried.
    pub(super) queued: Timestamp,
    pub(super) attempts: i64,
    pub(super) attempted: Option<Timestamp>,
    pub(super) reason: String,
    pub(super) code: i64,
    /// How often it was refused since it is tried.
    pub(super) refusals: i64,
}

impl Delivery {
    /// By what the receiver knows it: the same each time, and telling nothing of others that there
    /// were between two.
    pub(super) fn id(&self, tenant: &TenantId) -> String {
        let mut hash = blake3::Hasher::new_derive_key("cordon notice id");
        hash.update(tenant.as_str().as_bytes()).update(&[0]);
        hash.update(self.subscription.as_bytes());
        hash.update(&self.seq.to_be_bytes());
        let mut bytes = [0; 16];
        hash.finalize_xof().fill(&mut bytes);
        hex::encode(bytes)
    }
}

/// What a tenant's receivers have outstanding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backlog {
    pub(super) tenant: TenantId,
    pub(super) pending: i64,
    pub(super) dead: i64,
    pub(super) oldest: Option<Timestamp>,
}

pub(super) async fn find(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    id: Uuid,
) -> Result<Option<Subscription>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incident_subscriptions s \
          WHERE s.tenant_id = $1 AND s.subscription_id = $2"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(text(id))
        .fetch_optional(conn)
        .await?;
    row.map(|row| read(&row, cipher)).transpose()
}

/// Up to `limit` subscriptions after the id `after`, the oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: &str,
    limit: i64,
) -> Result<Vec<Subscription>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incident_subscriptions s \
          WHERE s.tenant_id = $1 AND s.subscription_id > $2 ORDER BY s.subscription_id LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| read(row, cipher)).collect()
}

pub(super) async fn count(tx: &mut TenantTx<'_>) -> Result<i64> {
    let tenant = tx.tenant();
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM incident_subscriptions WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_one(tx.conn())
            .await?,
    )
}

/// Writes a subscription, but for its counts and how its sending goes.
pub(super) async fn put(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    subscription: &Subscription,
) -> Result<()> {
    let Subscription { id, interest, .. } = subscription;
    let words = Words {
        display_name: subscription.display_name.clone(),
        target: subscription.target.clone(),
        mention: interest.mention.clone(),
    };
    let plain = serde_json::to_vec(&words).map_err(Error::internal)?;
    let plain = zeroize::Zeroizing::new(plain);
    let sealed = cipher.seal(&object(SUBSCRIPTIONS, &text(*id)), 0, &plain)?;
    let severities: Vec<&str> = interest.severities.iter().map(|s| s.as_str()).collect();
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO incident_subscriptions (tenant_id, subscription_id, state, audience, kinds, \
                severities, incident_id, mentions, created_time, updated_time, last_seq, failures, \
                next_time, etag, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, $11, $12) \
         ON CONFLICT (tenant_id, subscription_id) DO UPDATE SET state = excluded.state, \
                updated_time = excluded.updated_time, etag = excluded.etag, sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(text(*id))
    .bind(subscription.state.as_str())
    .bind(subscription.audience.as_str())
    .bind(interest.kinds.join(" "))
    .bind(severities.join(" "))
    .bind(interest.incident.map(text).unwrap_or_default())
    .bind(i64::from(interest.mention.is_some()))
    .bind(nanos(subscription.created))
    .bind(nanos(subscription.updated))
    .bind(subscription.etag.as_str())
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes a subscription with its deliveries; whether there was one.
pub(super) async fn delete(tx: &mut TenantTx<'_>, id: Uuid) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query("DELETE FROM incident_deliveries WHERE tenant_id = $1 AND subscription_id = $2")
        .bind(tenant.as_str())
        .bind(text(id))
        .execute(tx.conn())
        .await?;
    let gone = sqlx::query(
        "DELETE FROM incident_subscriptions WHERE tenant_id = $1 AND subscription_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .execute(tx.conn())
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// Says how sending to a subscription goes: how often it failed since it last did not, and before
/// when nothing is tried.
pub(super) async fn pace(
    tx: &mut TenantTx<'_>,
    id: Uuid,
    failures: u32,
    next: Option<Timestamp>,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "UPDATE incident_subscriptions SET failures = $3, next_time = $4 \
          WHERE tenant_id = $1 AND subscription_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .bind(i64::from(failures))
    .bind(next.map_or(0, nanos))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps back what a subscription is sent, as if it was paused; its words stay as they are sealed.
pub(super) async fn pause(
    tx: &mut TenantTx<'_>,
    id: Uuid,
    now: Timestamp,
    etag: &str,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "UPDATE incident_subscriptions SET state = $3, updated_time = $4, etag = $5 \
          WHERE tenant_id = $1 AND subscription_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .bind(State::Paused.as_str())
    .bind(nanos(now))
    .bind(etag)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Has what waits tried as if it was new: how long it waited counts no more.
pub(super) async fn renew(tx: &mut TenantTx<'_>, id: Uuid, now: Timestamp) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "UPDATE incident_deliveries SET queued_time = $3, refusals = 0 \
          WHERE tenant_id = $1 AND subscription_id = $2 AND state = 'pending'",
    )
    .bind(tenant.as_str())
    .bind(text(id))
    .bind(nanos(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

const DELIVERY: &str = "subscription_id, seq, entry_seq, incident_id, report, state, created_time, \
     queued_time, attempts, attempted_time, reason, code, refusals";

/// The first delivery that waits.
pub(super) async fn first_pending(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    subscription: Uuid,
) -> Result<Option<Delivery>> {
    let sql = format!(
        "SELECT {DELIVERY} FROM incident_deliveries \
          WHERE tenant_id = $1 AND subscription_id = $2 AND state = 'pending' ORDER BY seq LIMIT 1"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(text(subscription))
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(delivery).transpose()
}

/// Whether `count` deliveries or more wait. Walks an index as far.
pub(super) async fn has_pending(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    subscription: Uuid,
    count: i64,
) -> Result<bool> {
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM incident_deliveries \
          WHERE tenant_id = $1 AND subscription_id = $2 AND state = 'pending' \
          ORDER BY seq LIMIT 1 OFFSET $3",
    )
    .bind(tenant.as_str())
    .bind(text(subscription))
    .bind(count - 1)
    .fetch_optional(conn)
    .await?;
    Ok(last.is_some())
}

pub(super) async fn find_delivery(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    subscription: Uuid,
    seq: i64,
) -> Result<Option<Delivery>> {
    let sql = format!(
        "SELECT {DELIVERY} FROM incident_deliveries \
          WHERE tenant_id = $1 AND subscription_id = $2 AND seq = $3"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(text(subscription))
        .bind(seq)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(delivery).transpose()
}

/// Up to `limit` deliveries before the one numbered `before`, the newest first.
pub(super) async fn deliveries(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    subscription: Uuid,
    standings: &[Standing],
    before: i64,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let mut sql = format!(
        "SELECT {DELIVERY} FROM incident_deliveries \
          WHERE tenant_id = $1 AND subscription_id = $2 AND seq < $3"
    );
    // Words of a closed set alone; nothing that a caller wrote.
    if !standings.is_empty() {
        let words: Vec<&str> = standings.iter().map(|word| word.as_str()).collect();
        sql.push_str(&format!(" AND state IN ('{}')", words.join("', '")));
    }
    sql.push_str(" ORDER BY seq DESC LIMIT $4");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(text(subscription))
        .bind(before)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(delivery).collect()
}

/// Notes what came of a delivery that waits.
pub(super) async fn settle(tx: &mut TenantTx<'_>, delivery: &Delivery) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "UPDATE incident_deliveries SET state = $4, queued_time = $5, attempts = $6, \
                attempted_time = $7, reason = $8, code = $9, refusals = $10 \
          WHERE tenant_id = $1 AND subscription_id = $2 AND seq = $3",
    )
    .bind(tenant.as_str())
    .bind(text(delivery.subscription))
    .bind(delivery.seq)
    .bind(delivery.standing.as_str())
    .bind(nanos(delivery.queued))
    .bind(delivery.attempts)
    .bind(delivery.attempted.map(nanos))
    .bind(delivery.reason.as_str())
    .bind(delivery.code)
    .bind(delivery.refusals)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives up what waits since before `before`: its receiver has been failing all that time.
pub(super) async fn give_up(
    tx: &mut TenantTx<'_>,
    subscription: Uuid,
    before: Timestamp,
    reason: &str,
    code: i64,
) -> Result<u64> {
    let tenant = tx.tenant();
    let gone = sqlx::query(
        "UPDATE incident_deliveries SET state = 'dead', reason = $4, code = $5 \
          WHERE tenant_id = $1 AND subscription_id = $2 AND state = 'pending' AND queued_time <= $3",
    )
    .bind(tenant.as_str())
    .bind(text(subscription))
    .bind(nanos(before))
    .bind(reason)
    .bind(code)
    .execute(tx.conn())
    .await?;
    Ok(gone.rows_affected())
}

/// Of a tenant: what was last tried, or put in the queue, before a time and waits no more.
const OLD: &str = "tenant_id = $1 AND state <> 'pending' \
     AND COALESCE(attempted_time, queued_time) < $2";

/// Most deliveries that are forgotten in one transaction.
const STEP: i64 = 1_024;

/// Whether the tenant has deliveries that waited for nothing more before `before`.
pub(super) async fn has_old(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    before: Timestamp,
) -> Result<bool> {
    let sql = format!("SELECT seq FROM incident_deliveries WHERE {OLD} LIMIT 1");
    let old: Option<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(nanos(before))
        .fetch_optional(conn)
        .await?;
    Ok(old.is_some())
}

/// Forgets some of what [`has_old`] found; how many.
pub(super) async fn forget_old(tx: &mut TenantTx<'_>, before: Timestamp) -> Result<u64> {
    let tenant = tx.tenant();
    let sql = format!(
        "DELETE FROM incident_deliveries WHERE tenant_id = $1 AND (subscription_id, seq) IN \
            (SELECT subscription_id, seq FROM incident_deliveries WHERE {OLD} LIMIT $3)"
    );
    let gone = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(nanos(before))
        .bind(STEP)
        .execute(tx.conn())
        .await?;
    Ok(gone.rows_affected())
}

/// Whether the tenant's people are let in: a tenant that is shut out is sent nothing.
pub(super) async fn is_active(conn: &mut AnyConnection, tenant: &TenantId) -> Result<bool> {
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM tenants WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(status.is_some_and(|status| status == "active"))
}

/// Up to `limit` tenants after `after` for whose receivers something waits or was given up.
pub(super) async fn backlogs(
    conn: &mut AnyConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<Backlog>> {
    let rows = sqlx::query(
        "SELECT tenant_id, sum(CASE WHEN state = 'pending' THEN 1 ELSE 0 END) AS pending, \
                sum(CASE WHEN state = 'dead' THEN 1 ELSE 0 END) AS dead, \
                min(CASE WHEN state = 'pending' THEN queued_time END) AS oldest \
           FROM incident_deliveries WHERE state IN ('pending', 'dead') AND tenant_id > $1 \
          GROUP BY tenant_id ORDER BY tenant_id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let backlog = |row: &AnyRow| {
        let tenant: String = row.try_get("tenant_id")?;
        Ok(Backlog {
            tenant: tenant.parse().map_err(|_| damaged("tenant"))?,
            pending: row.try_get("pending")?,
            dead: row.try_get("dead")?,
            oldest: row.try_get::<Option<i64>, _>("oldest")?.map(timestamp),
        })
    };
    rows.iter().map(backlog).collect()
}

fn read(row: &AnyRow, cipher: &TenantCipher) -> Result<Subscription> {
    let id = uuid(&row.try_get::<String, _>("subscription_id")?)?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let words = open(cipher, id, &sealed)?;
    let incident: String = row.try_get("incident_id")?;
    let failures: i64 = row.try_get("failures")?;
    let next: i64 = row.try_get("next_time")?;
    Ok(Subscription {
        id,
        display_name: words.display_name,
        target: words.target,
        audience: word(row, "audience", Audience::from_stored)?,
        interest: Interest {
            kinds: split(&row.try_get::<String, _>("kinds")?),
            severities: severities(&row.try_get::<String, _>("severities")?)?,
            incident: match incident.as_str() {
                "" => None,
                text => Some(uuid(text)?),
            },
            mention: words.mention,
        },
        state: word(row, "state", State::from_stored)?,
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        next: (next > 0).then(|| timestamp(next)),
        pending: row.try_get("pending")?,
        dead: row.try_get("dead")?,
        etag: row.try_get("etag")?,
    })
}

/// What is sealed of a subscription.
pub(super) fn open(cipher: &TenantCipher, id: Uuid, sealed: &[u8]) -> Result<Words> {
    let plain = cipher.open(&object(SUBSCRIPTIONS, &text(id)), 0, sealed)?;
    let plain = zeroize::Zeroizing::new(plain);
    serde_json::from_slice(&plain).map_err(Error::internal)
}

pub(super) fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn severities(words: &str) -> Result<Vec<Severity>> {
    let words = words.split_whitespace();
    words
        .map(|word| Severity::from_stored(word).ok_or_else(|| damaged("severity")))
        .collect()
}

fn delivery(row: &AnyRow) -> Result<Delivery> {
    Ok(Delivery {
        subscription: uuid(&row.try_get::<String, _>("subscription_id")?)?,
        seq: row.try_get("seq")?,
        about: told(row)?,
        standing: word(row, "state", Standing::from_stored)?,
        created: timestamp(row.try_get("created_time")?),
        queued: timestamp(row.try_get("queued_time")?),
        attempts: row.try_get("attempts")?,
        attempted: row
            .try_get::<Option<i64>, _>("attempted_time")?
            .map(timestamp),
        reason: row.try_get("reason")?,
        code: row.try_get("code")?,
        refusals: row.try_get("refusals")?,
    })
}

fn told(row: &AnyRow) -> Result<Subject> {
    Ok(match row.try_get::<Option<i64>, _>("entry_seq")? {
        Some(seq) => Subject::Entry {
            incident: uuid(&row.try_get::<String, _>("incident_id")?)?,
            seq,
        },
        None => {
            let month: String = row.try_get("report")?;
            Subject::Report(month.parse().map_err(|_| damaged("month"))?)
        }
    })
}

fn word<T>(row: &AnyRow, column: &str, from: impl Fn(&str) -> Option<T>) -> Result<T> {
    from(&row.try_get::<String, _>(column)?).ok_or_else(|| damaged(column))
}

fn damaged(what: &str) -> Error {
    Error::internal(format!("a row of notices has a damaged {what}"))
}

pub(super) fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

pub(super) fn uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| damaged("id"))
}
