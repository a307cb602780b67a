//! What PostgreSQL does for many keys in one statement, and the texts that only it takes. What is
//! asked for or changed by many keys goes as arrays, one per column.

use sqlx::postgres::PgRow;

use super::super::originals::Party;
use super::super::to_sql;
use super::Conn;
use super::append::{Head, Observed};
use super::rows::Sealed;
use crate::error::Result;
use crate::ids::TenantId;

/// The directory's version, which stays until the end of the transaction: who changes the
/// registers holds the same row from the beginning.
pub(super) const DIRECTORY_VERSION: &str =
    "SELECT version FROM directory_version WHERE id = 1 FOR SHARE";

/// $1 source, $2 watermark, $3 now.
pub(super) const HEARD_OF: &str = "INSERT INTO source_watermarks (source_id, watermark, heartbeat_time) VALUES ($1, $2, $3) \
     ON CONFLICT (source_id) DO UPDATE SET \
        watermark = GREATEST(source_watermarks.watermark, excluded.watermark), \
        heartbeat_time = GREATEST(source_watermarks.heartbeat_time, excluded.heartbeat_time)";

/// $1 tenant, $2 from this first sequence number on, $3 bytes: blocks before which fewer lie.
pub(super) const BLOCKS_AFTER: &str = "WITH sized AS ( \
        SELECT first_seq, sum(block_bytes) OVER (ORDER BY first_seq ROWS UNBOUNDED PRECEDING) - block_bytes AS before \
          FROM journal WHERE tenant_id = $1 AND first_seq >= $2 \
         ORDER BY first_seq LIMIT 4096) \
     SELECT j.first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes, payload \
       FROM sized s JOIN journal j ON j.tenant_id = $1 AND j.first_seq = s.first_seq \
       LEFT JOIN journal_payloads p ON p.tenant_id = $1 AND p.first_seq = j.first_seq \
      WHERE s.before < $3 ORDER BY j.first_seq";

/// $1 tenant, $2 after this sequence number, $3 how many.
pub(super) const ENTRIES: &str = "SELECT j.first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes, \
            batch_id, part, block_hash, prev_hash, payload \
       FROM journal j LEFT JOIN journal_payloads p ON p.tenant_id = $1 AND p.first_seq = j.first_seq \
      WHERE j.tenant_id = $1 AND j.first_seq > $2 ORDER BY j.first_seq LIMIT $3";

/// $1 tenant.
pub(super) const LOCK_HEAD: &str =
    "SELECT seq, sealed_seq, oldest_seq FROM tenant_head WHERE tenant_id = $1 FOR NO KEY UPDATE";

/// $1 tenant, $2 job, $3 epoch: whether the claim is held; nobody else can take it until the end
/// of the transaction.
pub(super) const HOLD_CLAIM: &str = "SELECT epoch FROM jobs \
      WHERE tenant_id = $1 AND job = $2 AND epoch = $3 AND claimed = 1 FOR UPDATE";

/// $1 tenant, $2 after, $3 through.
pub(super) const DROP_PAYLOADS: &[&str] =
    &["DELETE FROM journal_payloads WHERE tenant_id = $1 AND first_seq > $2 AND first_seq <= $3"];

/// The heads, locked in ascending order of tenants.
pub(super) async fn heads(tx: &mut Conn, tenants: &[&str]) -> Result<Vec<PgRow>> {
    Ok(sqlx::query(
        "SELECT h.tenant_id, h.seq, h.sealed_seq, h.chain, h.last_stored_time, h.key_uses, \
                h.unsealed_since IS NULL, t.status = 'deleted', h.unsealed_blocks, h.key_floor, \
                h.detected_seq, h.watched > 0, \
                h.watched = 0 AND r.enabled > 0 AND r.begun > h.passed_begun \
           FROM tenant_head h JOIN tenants t ON t.tenant_id = h.tenant_id \
           JOIN provider_rule_head r ON r.id = 1 \
          WHERE h.tenant_id = ANY($1) ORDER BY h.tenant_id FOR NO KEY UPDATE OF h",
    )
    .bind(tenants)
    .fetch_all(tx)
    .await?)
}

pub(super) async fn ledger(tx: &mut Conn, batches: &[(&str, &str)]) -> Result<Vec<PgRow>> {
    let (sources, ids): (Vec<&str>, Vec<&str>) = batches.iter().copied().unzip();
    Ok(sqlx::query(
        "SELECT b.source_id, b.batch_id, b.content_hash \
           FROM unnest($1::text[], $2::text[]) AS j (source_id, batch_id) \
           JOIN batches b ON b.source_id = j.source_id AND b.batch_id = j.batch_id",
    )
    .bind(sources)
    .bind(ids)
    .fetch_all(tx)
    .await?)
}

/// Enters batches; how many were not there.
pub(super) async fn write_ledger(
    tx: &mut Conn,
    batches: &[(&str, &str, [u8; 32])],
    now: i64,
) -> Result<u64> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (source, batch, hash) in batches {
        columns.0.push(*source);
        columns.1.push(*batch);
        columns.2.push(hash.as_slice());
    }
    let done = sqlx::query(
        "INSERT INTO batches (source_id, batch_id, content_hash, stored_time) \
         SELECT s, b, h, $4 FROM unnest($1::text[], $2::text[], $3::bytea[]) AS j (s, b, h) \
         ON CONFLICT (source_id, batch_id) DO NOTHING",
    )
    .bind(columns.0)
    .bind(columns.1)
    .bind(columns.2)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn write_heads(tx: &mut Conn, heads: &[(&TenantId, &Head)]) -> Result<()> {
    if heads.is_empty() {
        return Ok(());
    }
    let (mut tenants, mut chains) = (Vec::new(), Vec::new());
    let (mut seqs, mut times, mut uses, mut blocks) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (tenant, head) in heads {
        tenants.push(tenant.as_str());
        chains.push(head.chain.as_slice());
        seqs.push(to_sql(head.seq)?);
        times.push(head.stored_time);
        uses.push(head.key_uses);
        blocks.push(to_sql(head.blocks)?);
    }
    sqlx::query(
        "UPDATE tenant_head h SET seq = n.seq, chain = n.chain, \
                unsealed_since = COALESCE(h.unsealed_since, n.stored), last_stored_time = n.stored, \
                key_uses = n.uses, unsealed_blocks = n.blocks \
           FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[]) \
                AS n (tenant_id, seq, chain, stored, uses, blocks) \
          WHERE h.tenant_id = n.tenant_id",
    )
    .bind(tenants)
    .bind(seqs)
    .bind(chains)
    .bind(times)
    .bind(uses)
    .bind(blocks)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn write_sources(tx: &mut Conn, pairs: &Observed, now: i64) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for ((tenant, source), until) in pairs {
        columns.0.push(tenant.as_str());
        columns.1.push(source.as_str());
        columns.2.push(*until);
    }
    sqlx::query(
        "INSERT INTO tenant_sources (tenant_id, source_id, first_stored_time, observed_until) \
         SELECT t, s, $4, u FROM unnest($1::text[], $2::text[], $3::bigint[]) AS j (t, s, u) \
         ON CONFLICT (tenant_id, source_id) DO UPDATE \
            SET observed_until = GREATEST(tenant_sources.observed_until, excluded.observed_until)",
    )
    .bind(columns.0)
    .bind(columns.1)
    .bind(columns.2)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn write_blocks(tx: &mut Conn, held: Vec<Sealed<'_>>) -> Result<()> {
    let mut first_seqs = Vec::with_capacity(held.len());
    let mut rows = Vec::with_capacity(held.len());
    let mut bytes = Vec::with_capacity(held.len());
    for block in &held {
        first_seqs.push(to_sql(block.meta.first_seq)?);
        rows.push(i64::from(block.meta.rows));
        bytes.push(to_sql(block.meta.bytes)?);
    }
    fn column<'a, T>(held: &'a [Sealed<'_>], of: impl Fn(&'a Sealed<'_>) -> T) -> Vec<T> {
        held.iter().map(of).collect()
    }
    let tenants = column(&held, |block| block.tenant);
    sqlx::query(
        "INSERT INTO journal (tenant_id, first_seq, row_count, stored_time, min_time, max_time, \
                source_id, batch_id, part, block_bytes, block_hash, prev_hash) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
                $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bytea[], $12::bytea[])",
    )
    .bind(&tenants)
    .bind(&first_seqs)
    .bind(rows)
    .bind(column(&held, |block| block.meta.stored_time))
    .bind(column(&held, |block| block.meta.min_time))
    .bind(column(&held, |block| block.meta.max_time))
    .bind(column(&held, |block| block.meta.source.as_str()))
    .bind(column(&held, |block| block.batch_id))
    .bind(column(&held, |block| block.part))
    .bind(bytes)
    .bind(column(&held, |block| block.hash.as_slice()))
    .bind(column(&held, |block| block.prev.as_slice()))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO journal_payloads (tenant_id, first_seq, payload) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])",
    )
    .bind(&tenants)
    .bind(&first_seqs)
    .bind(column(&held, |block| block.payload.as_slice()))
    .execute(tx)
    .await?;
    Ok(())
}

/// The blocks that begin at these sequence numbers, in their order.
pub(super) async fn blocks(
    conn: &mut Conn,
    tenant: &TenantId,
    first_seqs: &[u64],
) -> Result<Vec<PgRow>> {
    let wanted = first_seqs
        .iter()
        .map(|seq| to_sql(*seq))
        .collect::<Result<Vec<i64>>>()?;
    Ok(sqlx::query(
        "SELECT j.first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes, payload \
           FROM unnest($2::bigint[]) WITH ORDINALITY AS w (first_seq, place) \
           JOIN journal j ON j.tenant_id = $1 AND j.first_seq = w.first_seq \
           LEFT JOIN journal_payloads p ON p.tenant_id = $1 AND p.first_seq = j.first_seq \
          ORDER BY w.place",
    )
    .bind(tenant.as_str())
    .bind(wanted)
    .fetch_all(conn)
    .await?)
}

pub(super) async fn references(tx: &mut Conn, parties: &[&Party]) -> Result<Vec<PgRow>> {
    let (tenants, events): (Vec<&str>, Vec<&[u8]>) = parties
        .iter()
        .map(|(tenant, event)| (tenant.as_str(), event.as_bytes().as_slice()))
        .unzip();
    Ok(sqlx::query(
        "SELECT e.tenant_id, e.event_name, e.original \
           FROM unnest($1::text[], $2::bytea[]) AS j (tenant_id, event_name) \
           JOIN event_originals e ON e.tenant_id = j.tenant_id AND e.event_name = j.event_name",
    )
    .bind(tenants)
    .bind(events)
    .fetch_all(tx)
    .await?)
}

pub(super) async fn forget_segments(
    tx: &mut Conn,
    tenant: &TenantId,
    segments: &[String],
) -> Result<()> {
    for forget in [
        "DELETE FROM segment_payloads p USING segments s \
          WHERE p.tenant_id = $1 AND p.segment_id = ANY($2) AND s.tenant_id = $1 \
            AND s.segment_id = p.segment_id AND s.deleted_time IS NOT NULL",
        "DELETE FROM segments WHERE tenant_id = $1 AND segment_id = ANY($2) AND deleted_time IS NOT NULL",
    ] {
        sqlx::query(forget)
            .bind(tenant.as_str())
            .bind(segments)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
