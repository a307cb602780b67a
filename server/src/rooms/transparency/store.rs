//! The logs as they lie in the database. Only read here; the kernel writes them.

use cordon_kernel::audit::AuditRecord;
use cordon_kernel::{Error, Result, TenantId};
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// An entry and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogEntry {
    pub(super) record: AuditRecord,
    /// Value of the chain with this entry.
    pub(super) hash: Vec<u8>,
    /// Value of the chain before it; empty for the first.
    pub(super) previous_hash: Vec<u8>,
}

/// Which entries: numbers above `after` up to `last`, times from `from` until before `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) after: i64,
    pub(super) last: i64,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) limit: i64,
}

/// Entries of a tenant's log, oldest first.
pub(super) async fn tenant(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    part: Part,
) -> Result<Vec<LogEntry>> {
    let rows = sqlx::query(
        "SELECT a.seq, a.entry, a.prev_hash, n.prev_hash AS next_hash, h.chain \
           FROM audit_log a \
           JOIN audit_head h ON h.tenant_id = a.tenant_id \
           LEFT JOIN audit_log n ON n.tenant_id = a.tenant_id AND n.seq = a.seq + 1 \
          WHERE a.tenant_id = $1 AND a.seq > $2 AND a.seq <= $3 AND a.time >= $4 AND a.time < $5 \
          ORDER BY a.seq LIMIT $6",
    )
    .bind(tenant.as_str())
    .bind(part.after)
    .bind(part.last)
    .bind(part.from)
    .bind(part.to)
    .bind(part.limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Entries of the provider's own log, oldest first. Its head is the kernel's alone, so the chain
/// with the newest entry is known once another follows.
pub(super) async fn provider(conn: &mut AnyConnection, part: Part) -> Result<Vec<LogEntry>> {
    let rows = sqlx::query(
        "SELECT a.seq, a.entry, a.prev_hash, n.prev_hash AS next_hash, n.prev_hash AS chain \
           FROM provider_audit_log a \
           LEFT JOIN provider_audit_log n ON n.seq = a.seq + 1 \
          WHERE a.seq > $1 AND a.seq <= $2 AND a.time >= $3 AND a.time < $4 \
          ORDER BY a.seq LIMIT $5",
    )
    .bind(part.after)
    .bind(part.last)
    .bind(part.from)
    .bind(part.to)
    .bind(part.limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<LogEntry> {
    let bytes: Vec<u8> = row.try_get("entry")?;
    let seq: i64 = row.try_get("seq")?;
    let next: Option<Vec<u8>> = row.try_get("next_hash")?;
    let chain: Option<Vec<u8>> = row.try_get("chain")?;
    let previous: Vec<u8> = row.try_get("prev_hash")?;
    Ok(LogEntry {
        record: serde_json::from_slice(&bytes).map_err(|error| {
            Error::internal(format!("audit entry {seq} does not parse: {error}"))
        })?,
        hash: next.or(chain).unwrap_or_default(),
        previous_hash: if seq == 1 { Vec::new() } else { previous },
    })
}
