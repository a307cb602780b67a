//! What SQLite does for many keys in one statement, and the texts that only it takes. What is
//! asked for or changed by many keys goes as one JSON array.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;

use super::super::originals::Party;
use super::super::to_sql;
use super::Conn;
use super::append::{Head, Observed};
use super::rows::{STATEMENT_ROWS, Sealed, statement};
use crate::error::Result;
use crate::ids::TenantId;

/// The directory's version, as of this transaction: who changes it waits for the same lock.
pub(super) const DIRECTORY_VERSION: &str = "SELECT version FROM directory_version WHERE id = 1";

/// $1 source, $2 watermark, $3 now.
pub(super) const HEARD_OF: &str = "INSERT INTO source_watermarks (source_id, watermark, heartbeat_time) VALUES ($1, $2, $3) \
     ON CONFLICT (source_id) DO UPDATE SET \
        watermark = COALESCE(max(watermark, excluded.watermark), watermark, excluded.watermark), \
        heartbeat_time = max(heartbeat_time, excluded.heartbeat_time)";

/// $1 tenant, $2 from this first sequence number on, $3 bytes: blocks before which fewer lie.
pub(super) const BLOCKS_AFTER: &str = "WITH sized AS ( \
        SELECT first_seq, sum(block_bytes) OVER (ORDER BY first_seq ROWS UNBOUNDED PRECEDING) - block_bytes AS before \
          FROM journal WHERE tenant_id = $1 AND first_seq >= $2 \
         ORDER BY first_seq LIMIT 4096) \
     SELECT j.first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes, payload \
       FROM sized s CROSS JOIN journal j ON j.tenant_id = $1 AND j.first_seq = s.first_seq \
       LEFT JOIN journal_payloads p ON p.payload_id = j.payload_id \
      WHERE s.before < $3 ORDER BY j.first_seq";

/// $1 tenant, $2 after this sequence number, $3 how many.
pub(super) const ENTRIES: &str = "SELECT first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes, \
            batch_id, part, block_hash, prev_hash, payload \
       FROM journal j LEFT JOIN journal_payloads p ON p.payload_id = j.payload_id \
      WHERE tenant_id = $1 AND first_seq > $2 ORDER BY first_seq LIMIT $3";

/// $1 tenant.
pub(super) const LOCK_HEAD: &str =
    "SELECT seq, sealed_seq, oldest_seq FROM tenant_head WHERE tenant_id = $1";

/// $1 tenant, $2 job, $3 epoch: whether the claim is held.
pub(super) const HOLD_CLAIM: &str =
    "SELECT 1 FROM jobs WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1";

/// $1 tenant, $2 after, $3 through.
pub(super) const DROP_PAYLOADS: &[&str] = &[
    "DELETE FROM journal_payloads WHERE payload_id IN \
        (SELECT payload_id FROM journal WHERE tenant_id = $1 AND first_seq > $2 AND first_seq <= $3)",
    "UPDATE journal SET payload_id = NULL WHERE tenant_id = $1 AND first_seq > $2 AND first_seq <= $3",
];

const PAYLOADS: (&str, usize, &str) = ("INSERT INTO journal_payloads (payload_id, payload)", 2, "");
const JOURNAL: (&str, usize, &str) = (
    "INSERT INTO journal (tenant_id, first_seq, row_count, stored_time, min_time, max_time, \
            source_id, batch_id, part, payload_id, block_bytes, block_hash, prev_hash)",
    13,
    "",
);

pub(super) async fn heads(tx: &mut Conn, tenants: &[&str]) -> Result<Vec<SqliteRow>> {
    // CROSS JOIN keeps SQLite from scanning the table for each name.
    Ok(sqlx::query(
        "SELECT h.tenant_id, h.seq, h.sealed_seq, h.chain, h.last_stored_time, h.key_uses, \
                h.unsealed_since IS NULL, t.status = 'deleted', h.unsealed_blocks, h.key_floor, \
                h.detected_seq, h.watched > 0, \
                h.watched = 0 AND r.enabled > 0 AND r.begun > h.passed_begun \
           FROM json_each($1) j \
          CROSS JOIN tenant_head h ON h.tenant_id = j.value \
          CROSS JOIN tenants t ON t.tenant_id = h.tenant_id \
          CROSS JOIN provider_rule_head r ON r.id = 1",
    )
    .bind(json!(tenants).to_string())
    .fetch_all(tx)
    .await?)
}

pub(super) async fn ledger(tx: &mut Conn, batches: &[(&str, &str)]) -> Result<Vec<SqliteRow>> {
    Ok(sqlx::query(
        "SELECT b.source_id, b.batch_id, b.content_hash FROM json_each($1) j \
          CROSS JOIN batches b ON b.source_id = j.value ->> 0 AND b.batch_id = j.value ->> 1",
    )
    .bind(json!(batches).to_string())
    .fetch_all(tx)
    .await?)
}

/// Enters batches; how many were not there.
pub(super) async fn write_ledger(
    tx: &mut Conn,
    batches: &[(&str, &str, [u8; 32])],
    now: i64,
) -> Result<u64> {
    let rows: Vec<Value> = batches
        .iter()
        .map(|(source, batch, hash)| json!([source, batch, hex::encode(hash)]))
        .collect();
    let done = sqlx::query(
        "INSERT INTO batches (source_id, batch_id, content_hash, stored_time) \
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), $2 FROM json_each($1)",
    )
    .bind(Value::Array(rows).to_string())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn write_heads(tx: &mut Conn, heads: &[(&TenantId, &Head)]) -> Result<()> {
    if heads.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(heads.len());
    for (tenant, head) in heads {
        rows.push(json!([
            tenant.as_str(),
            to_sql(head.seq)?,
            hex::encode(head.chain),
            head.stored_time,
            head.key_uses,
            to_sql(head.blocks)?,
        ]));
    }
    // An upsert that always finds its row: unlike UPDATE … FROM it leaves the planner no choice.
    sqlx::query(
        "INSERT INTO tenant_head (tenant_id, seq, chain, sealed_seq, oldest_seq, unsealed_since, \
                last_stored_time, key_uses, unsealed_blocks, catalogue_version) \
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), 0, 0, value ->> 3, value ->> 3, \
                value ->> 4, value ->> 5, 0 \
           FROM json_each($1) WHERE true \
         ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, chain = excluded.chain, \
                unsealed_since = COALESCE(unsealed_since, excluded.unsealed_since), \
                last_stored_time = excluded.last_stored_time, key_uses = excluded.key_uses, \
                unsealed_blocks = excluded.unsealed_blocks",
    )
    .bind(Value::Array(rows).to_string())
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn write_sources(tx: &mut Conn, pairs: &Observed, now: i64) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let rows: Vec<Value> = pairs
        .iter()
        .map(|((t, s), until)| json!([t.as_str(), s.as_str(), until]))
        .collect();
    sqlx::query(
        "INSERT INTO tenant_sources (tenant_id, source_id, first_stored_time, observed_until) \
         SELECT value ->> 0, value ->> 1, $2, value ->> 2 FROM json_each($1) WHERE true \
         ON CONFLICT (tenant_id, source_id) DO UPDATE \
            SET observed_until = max(observed_until, excluded.observed_until)",
    )
    .bind(Value::Array(rows).to_string())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn write_blocks(tx: &mut Conn, mut held: Vec<Sealed<'_>>) -> Result<()> {
    // After the last one ever, whether or not it is there still.
    let last =
        sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'journal_payloads'");
    let mut payload_id: i64 = last.fetch_optional(&mut *tx).await?.unwrap_or(0);
    for rows in held.chunks_mut(STATEMENT_ROWS) {
        let text = statement(PAYLOADS, rows.len());
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
        let first = payload_id + 1;
        for row in rows.iter_mut() {
            payload_id += 1;
            insert = insert
                .bind(payload_id)
                .bind(std::mem::take(&mut row.payload));
        }
        insert.execute(&mut *tx).await?;

        let text = statement(JOURNAL, rows.len());
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
        for (row, payload_id) in rows.iter().zip(first..) {
            insert = insert
                .bind(row.tenant)
                .bind(to_sql(row.meta.first_seq)?)
                .bind(i64::from(row.meta.rows))
                .bind(row.meta.stored_time)
                .bind(row.meta.min_time)
                .bind(row.meta.max_time)
                .bind(row.meta.source.as_str())
                .bind(row.batch_id)
                .bind(row.part)
                .bind(payload_id)
                .bind(to_sql(row.meta.bytes)?)
                .bind(row.hash.as_slice())
                .bind(row.prev.as_slice());
        }
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

/// The blocks that begin at these sequence numbers, in their order.
pub(super) async fn blocks(
    conn: &mut Conn,
    tenant: &TenantId,
    first_seqs: &[u64],
) -> Result<Vec<SqliteRow>> {
    Ok(sqlx::query(
        "SELECT first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes, payload \
           FROM json_each($2) w CROSS JOIN journal j ON j.tenant_id = $1 AND j.first_seq = w.value \
           LEFT JOIN journal_payloads p ON p.payload_id = j.payload_id \
          ORDER BY w.key",
    )
    .bind(tenant.as_str())
    .bind(json!(first_seqs).to_string())
    .fetch_all(conn)
    .await?)
}

pub(super) async fn references(tx: &mut Conn, parties: &[&Party]) -> Result<Vec<SqliteRow>> {
    let asked: Vec<Value> = parties
        .iter()
        .map(|(tenant, event)| json!([tenant.as_str(), event.to_string()]))
        .collect();
    Ok(sqlx::query(
        "SELECT e.tenant_id, e.event_name, e.original FROM json_each($1) j \
          CROSS JOIN event_originals e \
             ON e.tenant_id = j.value ->> 0 AND e.event_name = unhex(j.value ->> 1)",
    )
    .bind(Value::Array(asked).to_string())
    .fetch_all(tx)
    .await?)
}

pub(super) async fn forget_segments(
    tx: &mut Conn,
    tenant: &TenantId,
    segments: &[String],
) -> Result<()> {
    let names = json!(segments).to_string();
    for forget in [
        "DELETE FROM segment_payloads WHERE tenant_id = $1 AND segment_id IN \
            (SELECT s.segment_id FROM json_each($2) j CROSS JOIN segments s \
                ON s.tenant_id = $1 AND s.segment_id = j.value AND s.deleted_time IS NOT NULL)",
        "DELETE FROM segments WHERE tenant_id = $1 AND deleted_time IS NOT NULL \
            AND segment_id IN (SELECT value FROM json_each($2))",
    ] {
        sqlx::query(forget)
            .bind(tenant.as_str())
            .bind(names.as_str())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
