//! The audit log: one per tenant and one of the provider's own, append-only, hash-chained, written
//! in the transaction of the effect.
//!
//! An entry's leaf is SHA-256(0x00 ‖ entry), which is already the leaf of a C2SP transparency log;
//! the chain after it is SHA-256(0x02 ‖ chain before ‖ leaf). The first entry follows 32 zero
//! bytes. The entry's bytes name the log, the number and the time, so that no entry can be moved.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use ring::digest;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::Row as _;

use crate::auth::{Action, Entry, Permit, Principal};
use crate::db::{from_sql, nanos, timestamp, to_sql};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;
use crate::names::Name;

mod log;
mod waiting;
pub(crate) use waiting::{DELAY, Waiting};

/// Most bytes of one detail's value; what is longer is cut, marked with `…`.
const MAX_DETAIL: usize = 2_048;
/// Most details of one entry.
const MAX_DETAILS: usize = 32;

/// What was done, before it is known by whom and when: those the transaction adds.
#[derive(Debug)]
pub struct AuditEntry {
    action: Action,
    resource: Option<Name>,
    outcome: Option<Reason>,
    details: BTreeMap<&'static str, String>,
}

impl AuditEntry {
    /// An entry for the permitted action, with outcome OK.
    #[must_use]
    pub fn new(permit: &Permit) -> Self {
        Self {
            action: permit.action(),
            resource: None,
            outcome: None,
            details: BTreeMap::new(),
        }
    }

    /// Names what it was done to.
    #[must_use]
    pub fn resource(mut self, name: Name) -> Self {
        self.resource = Some(name);
        self
    }

    /// Says that it failed, and why.
    #[must_use]
    pub fn failed(mut self, reason: Reason) -> Self {
        self.outcome = Some(reason);
        self
    }

    /// Adds a detail: a filter, a count, a field that changed. Never a secret, never an event.
    #[must_use]
    pub fn detail(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        if self.details.len() < MAX_DETAILS {
            let mut value = value.to_string();
            if value.len() > MAX_DETAIL {
                let end = (0..=MAX_DETAIL)
                    .rev()
                    .find(|at| value.is_char_boundary(*at));
                value.truncate(end.unwrap_or(0));
                value.push('…');
            }
            self.details.insert(key, value);
        }
        self
    }

    pub(crate) fn action(&self) -> Action {
        self.action
    }

    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.resource.as_ref().and_then(Name::tenant)
    }

    /// Adds who did it.
    pub(crate) fn by(self, principal: &Principal, entered: Option<&Entry>) -> SignedEntry {
        SignedEntry {
            actor: AuditActor {
                subject: principal.subject().to_owned(),
                credential: principal.credential().to_string(),
                home: principal.home().to_string(),
                role: principal.role().to_string(),
                justification: entered.map(|e| e.justification().to_owned()),
                reference: entered.map(|e| e.reference().to_owned()),
                approval: entered.and_then(|e| e.approval().map(str::to_owned)),
            },
            entry: self,
        }
    }
}

/// An entry and who is answerable for it.
#[derive(Debug)]
pub(crate) struct SignedEntry {
    actor: AuditActor,
    entry: AuditEntry,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditActor {
    /// A name for people; `system:JOB` for the server itself.
    pub subject: String,
    /// The credential that was used.
    pub credential: String,
    /// `tenants/{t}`, `sources/{s}` or `provider`.
    pub home: String,
    /// The role.
    pub role: String,
    /// Why staff were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// For which incident or request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

/// An entry as it stands in a log. The order of the fields is the canonical order of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Which log: `tenants/{t}` or `provider`.
    pub log: String,
    /// Its number in that log, from 1.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The RPC, as in `SearchEvents`.
    pub action: String,
    /// Name of what it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `OK` or the reason why it failed.
    pub outcome: String,
    /// Who.
    pub actor: AuditActor,
    /// The rest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// A record and its place in the hash chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainedRecord {
    /// The record.
    pub record: AuditRecord,
    /// Hash of its bytes.
    pub leaf: [u8; 32],
    /// Value of the chain before it.
    pub previous: [u8; 32],
}

/// One page of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// Newest first.
    pub records: Vec<ChainedRecord>,
    /// Whether older ones follow.
    pub more: bool,
}

/// Which chain.
#[derive(Clone, Copy)]
enum Log<'a> {
    Tenant(&'a TenantId),
    Provider,
}

impl Log<'_> {
    fn name(self) -> String {
        match self {
            Self::Tenant(tenant) => format!("tenants/{tenant}"),
            Self::Provider => "provider".to_owned(),
        }
    }
}

/// Appends to a tenant's log, within a transaction that writes. `INTERNAL` when the entry names
/// something of another tenant.
pub(crate) async fn append_tenant(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    now: Timestamp,
    signed: &SignedEntry,
) -> Result<u64> {
    check_tenant(tenant, &signed.entry)?;
    append(conn, Log::Tenant(tenant), now, signed).await
}

fn check_tenant(tenant: &TenantId, entry: &AuditEntry) -> Result<()> {
    if entry.tenant().is_some_and(|named| named != tenant) {
        return Err(Error::internal(
            "an audit entry in one tenant's log about another tenant",
        ));
    }
    Ok(())
}

/// Appends to the provider's log, within a transaction that writes.
pub(crate) async fn append_provider(
    conn: &mut AnyConnection,
    now: Timestamp,
    signed: &SignedEntry,
) -> Result<u64> {
    append(conn, Log::Provider, now, signed).await
}

async fn append(
    conn: &mut AnyConnection,
    log: Log<'_>,
    now: Timestamp,
    signed: &SignedEntry,
) -> Result<u64> {
    // Advancing the head first makes it the lock under which the chain grows.
    let head =
        match log {
            Log::Tenant(tenant) => {
                sqlx::query(
                    "UPDATE audit_head SET seq = seq + 1 WHERE tenant_id = $1 RETURNING seq, chain",
                )
                .bind(tenant.as_str())
                .fetch_optional(&mut *conn)
                .await?
            }
            Log::Provider => sqlx::query(
                "UPDATE provider_audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, chain",
            )
            .fetch_optional(&mut *conn)
            .await?,
        };
    let head =
        head.ok_or_else(|| Error::internal(format!("the log {} does not exist", log.name())))?;
    let seq: i64 = head.try_get(0)?;
    let previous = hash_from(head.try_get(1)?)?;
    let record = AuditRecord {
        log: log.name(),
        seq: from_sql(seq)?,
        time: timestamp(nanos(now)),
        action: signed.entry.action.to_string(),
        resource: signed.entry.resource.as_ref().map(ToString::to_string),
        outcome: signed.entry.outcome.map_or("OK", Reason::as_str).to_owned(),
        actor: signed.actor.clone(),
        details: signed
            .entry
            .details
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect(),
    };
    let bytes =
        serde_json::to_vec(&record).map_err(|e| Error::internal(format!("audit entry: {e}")))?;
    let leaf = leaf_hash(&bytes);
    let chain = chain_hash(&previous, &leaf);
    match log {
        Log::Tenant(tenant) => {
            sqlx::query(
                "INSERT INTO audit_log (tenant_id, seq, time, entry, leaf_hash, prev_hash) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(tenant.as_str())
            .bind(seq)
            .bind(nanos(now))
            .bind(bytes)
            .bind(leaf.to_vec())
            .bind(previous.to_vec())
            .execute(&mut *conn)
            .await?;
            sqlx::query("UPDATE audit_head SET chain = $2 WHERE tenant_id = $1")
                .bind(tenant.as_str())
                .bind(chain.to_vec())
                .execute(&mut *conn)
                .await?;
        }
        Log::Provider => {
            sqlx::query(
                "INSERT INTO provider_audit_log (seq, time, entry, leaf_hash, prev_hash) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(seq)
            .bind(nanos(now))
            .bind(bytes)
            .bind(leaf.to_vec())
            .bind(previous.to_vec())
            .execute(&mut *conn)
            .await?;
            sqlx::query("UPDATE provider_audit_head SET chain = $1 WHERE id = 1")
                .bind(chain.to_vec())
                .execute(&mut *conn)
                .await?;
        }
    }
    from_sql(seq)
}

/// A page of the log, newest first, of entries below `before` (`None`: from the newest).
async fn page(
    conn: &mut AnyConnection,
    log: Log<'_>,
    before: Option<u64>,
    limit: u32,
) -> Result<AuditPage> {
    let before = to_sql(before.unwrap_or(i64::MAX as u64))?;
    let wanted = i64::from(limit) + 1;
    let rows = match log {
        Log::Tenant(tenant) => {
            sqlx::query(
                "SELECT entry, leaf_hash, prev_hash FROM audit_log \
                  WHERE tenant_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
            )
            .bind(tenant.as_str())
            .bind(before)
            .bind(wanted)
            .fetch_all(&mut *conn)
            .await?
        }
        Log::Provider => {
            sqlx::query(
                "SELECT entry, leaf_hash, prev_hash FROM provider_audit_log \
                  WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
            )
            .bind(before)
            .bind(wanted)
            .fetch_all(&mut *conn)
            .await?
        }
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let mut records = Vec::with_capacity(rows.len().min(limit));
    for row in rows.iter().take(limit) {
        let bytes: Vec<u8> = row.try_get(0)?;
        records.push(ChainedRecord {
            record: serde_json::from_slice(&bytes)
                .map_err(|e| Error::internal(format!("an audit entry does not parse: {e}")))?,
            leaf: hash_from(row.try_get(1)?)?,
            previous: hash_from(row.try_get(2)?)?,
        });
    }
    Ok(AuditPage { records, more })
}

/// Recomputes the whole chain of a log, in steps, within one snapshot.
async fn verify(conn: &mut AnyConnection, log: Log<'_>) -> Result<ChainReport> {
    const STEP: i64 = 1_000;
    let head = match log {
        Log::Tenant(tenant) => {
            sqlx::query("SELECT seq, chain FROM audit_head WHERE tenant_id = $1")
                .bind(tenant.as_str())
                .fetch_optional(&mut *conn)
                .await?
        }
        Log::Provider => {
            sqlx::query("SELECT seq, chain FROM provider_audit_head WHERE id = 1")
                .fetch_optional(&mut *conn)
                .await?
        }
    };
    let head =
        head.ok_or_else(|| Error::internal(format!("the log {} does not exist", log.name())))?;
    let last: i64 = head.try_get(0)?;
    let end = hash_from(head.try_get(1)?)?;
    let mut report = ChainReport {
        entries: 0,
        broken_at: None,
    };
    let (mut chain, mut seq) = ([0; 32], 0i64);
    loop {
        let rows = match log {
            Log::Tenant(tenant) => {
                sqlx::query(
                    "SELECT seq, time, entry, leaf_hash, prev_hash FROM audit_log \
                      WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                )
                .bind(tenant.as_str())
                .bind(seq)
                .bind(STEP)
                .fetch_all(&mut *conn)
                .await?
            }
            Log::Provider => {
                sqlx::query(
                    "SELECT seq, time, entry, leaf_hash, prev_hash FROM provider_audit_log \
                      WHERE seq > $1 ORDER BY seq LIMIT $2",
                )
                .bind(seq)
                .bind(STEP)
                .fetch_all(&mut *conn)
                .await?
            }
        };
        if rows.is_empty() {
            break;
        }
        for row in rows {
            seq += 1;
            let bytes: Vec<u8> = row.try_get("entry")?;
            let leaf = leaf_hash(&bytes);
            let named = serde_json::from_slice::<AuditRecord>(&bytes).ok();
            let holds = row.try_get::<i64, _>("seq")? == seq
                && row.try_get::<Vec<u8>, _>("leaf_hash")? == leaf
                && row.try_get::<Vec<u8>, _>("prev_hash")? == chain
                && named.is_some_and(|r| {
                    r.log == log.name() && from_sql(seq).is_ok_and(|seq| r.seq == seq)
                })
                && seq <= last;
            if !holds {
                report.broken_at = Some(from_sql(seq)?);
                return Ok(report);
            }
            chain = chain_hash(&chain, &leaf);
            report.entries += 1;
        }
    }
    if seq != last || chain != end {
        report.broken_at = Some(from_sql(seq + 1)?);
    }
    Ok(report)
}

/// What [`verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainReport {
    /// How many entries hold.
    pub entries: u64,
    /// The first number at which the chain does not hold.
    pub broken_at: Option<u64>,
}

pub(crate) fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    sha256(&[&[0], entry])
}

pub(crate) fn chain_hash(previous: &[u8; 32], leaf: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[2], previous, leaf])
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(part);
    }
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    out
}

pub(crate) fn hash_from(bytes: Vec<u8>) -> Result<[u8; 32]> {
    <[u8; 32]>::try_from(bytes)
        .map_err(|_| Error::internal("a hash in the database has the wrong length"))
}
