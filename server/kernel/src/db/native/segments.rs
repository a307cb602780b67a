//! The catalogue of segments.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::Row as _;
use uuid::Uuid;

use super::super::catalogue::Catalogue;
use super::super::jobs;
use super::super::journal::{BlockMeta, Head};
use super::super::segments::{
    RawCatalogue, RawSegment, RawSnapshot, SegmentObject, SegmentRow, SourceProgress, StoredCommit,
};
use super::super::{SealPolicy, from_sql, nanos, to_sql};
use super::{Conn, Row, many, read};
use crate::audit::hash_from;
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;
use crate::keys::envelope::sealed_version;

pub(super) async fn snapshot(
    tx: &mut Conn,
    tenant: &TenantId,
    catalogue: &Catalogue,
) -> Result<Option<RawSnapshot>> {
    let Some(row) = sqlx::query(
        "SELECT seq, sealed_seq, oldest_seq, last_stored_time, catalogue_version \
           FROM tenant_head WHERE tenant_id = $1",
    )
    .bind(tenant.as_str())
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(None);
    };
    let head = Head {
        seq: from_sql(row.try_get(0)?)?,
        sealed_seq: from_sql(row.try_get(1)?)?,
        oldest_seq: from_sql(row.try_get(2)?)?,
    };
    let catalogue_version: i64 = row.try_get(4)?;
    let known = catalogue.known(tenant);
    let segments = match known.segments {
        Some((version, rows)) if version == catalogue_version => RawCatalogue::Opened(rows),
        _ => RawCatalogue::Sealed(live(tx, tenant).await?),
    };
    let unsealed = unsealed(tx, tenant, head, known.blocks).await?;
    catalogue.remember_blocks(tenant, &unsealed);
    let sources = sqlx::query(
        "SELECT s.source_id, w.watermark, s.observed_until FROM tenant_sources s \
           LEFT JOIN source_watermarks w ON w.source_id = s.source_id \
          WHERE s.tenant_id = $1 ORDER BY s.source_id",
    )
    .bind(tenant.as_str())
    .fetch_all(&mut *tx)
    .await?
    .iter()
    .map(|row| {
        let source: &str = row.try_get(0)?;
        Ok(SourceProgress {
            source: source
                .parse()
                .map_err(|_| Error::internal("a source id in the database is malformed"))?,
            watermark: row.try_get(1)?,
            observed_until: row.try_get(2)?,
        })
    })
    .collect::<Result<Vec<_>>>()?;
    Ok(Some(RawSnapshot {
        head,
        last_stored: row.try_get(3)?,
        catalogue_version,
        segments,
        unsealed,
        sources,
    }))
}

/// The blocks in `(sealed_seq, seq]`: what is remembered of them, and what has come since.
async fn unsealed(
    tx: &mut Conn,
    tenant: &TenantId,
    head: Head,
    known: Arc<Vec<BlockMeta>>,
) -> Result<Arc<Vec<BlockMeta>>> {
    let (first, last) = (
        known.first().map(|block| block.first_seq),
        known.last().map_or(0, BlockMeta::last_seq),
    );
    // What is remembered serves if it reaches back far enough.
    let usable = first.is_some_and(|first| first <= head.sealed_seq + 1) && last > head.sealed_seq;
    if usable && first == Some(head.sealed_seq + 1) && last == head.seq {
        return Ok(known);
    }
    let mut blocks: Vec<BlockMeta> = if usable {
        let inside = |b: &&BlockMeta| b.first_seq > head.sealed_seq && b.last_seq() <= head.seq;
        known.iter().filter(inside).cloned().collect()
    } else {
        Vec::new()
    };
    let from = blocks.last().map_or(head.sealed_seq, BlockMeta::last_seq);
    if from < head.seq {
        let rows = sqlx::query(
            "SELECT first_seq, row_count, source_id, stored_time, min_time, max_time, block_bytes \
               FROM journal WHERE tenant_id = $1 AND first_seq > $2 AND first_seq <= $3 ORDER BY first_seq",
        )
        .bind(tenant.as_str())
        .bind(to_sql(from)?)
        .bind(to_sql(head.seq)?)
        .fetch_all(tx)
        .await?;
        blocks.reserve(rows.len());
        for row in &rows {
            blocks.push(read::meta(row)?);
        }
    }
    Ok(Arc::new(blocks))
}

const COLUMNS: &str = "segment_id, first_seq, last_seq, row_count, min_time, max_time, stored_day, \
    first_stored, last_stored, kind, object, object_bytes, object_hash, key_version, format, meta";

fn segment(row: &Row) -> Result<SegmentRow> {
    let kind: &str = row.try_get("kind")?;
    let object: Option<String> = row.try_get("object")?;
    let object = match (kind, object) {
        ("parquet", Some(path)) => SegmentObject::Parquet(path),
        ("block", None) => SegmentObject::Block,
        _ => {
            return Err(Error::internal(
                "a segment in the database is of no known kind",
            ));
        }
    };
    let id: &str = row.try_get("segment_id")?;
    let meta: Vec<u8> = row.try_get("meta")?;
    let small = |n: i64| {
        u32::try_from(n).map_err(|_| Error::internal("a version in the database is out of range"))
    };
    Ok(SegmentRow {
        id: Uuid::try_parse(id)
            .map_err(|_| Error::internal("a segment id in the database is malformed"))?,
        first_seq: from_sql(row.try_get("first_seq")?)?,
        last_seq: from_sql(row.try_get("last_seq")?)?,
        rows: from_sql(row.try_get("row_count")?)?,
        min_time: row.try_get("min_time")?,
        max_time: row.try_get("max_time")?,
        stored_day: i32::try_from(row.try_get::<i64, _>("stored_day")?)
            .map_err(|_| Error::internal("a day in the database is out of range"))?,
        first_stored: row.try_get("first_stored")?,
        last_stored: row.try_get("last_stored")?,
        object,
        object_bytes: from_sql(row.try_get("object_bytes")?)?,
        object_hash: hash_from(row.try_get("object_hash")?)?,
        key_version: small(row.try_get("key_version")?)?,
        format: small(row.try_get("format")?)?,
        meta: meta.into(),
    })
}

async fn live(tx: &mut Conn, tenant: &TenantId) -> Result<Vec<SegmentRow>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM segments WHERE tenant_id = $1 AND deleted_time IS NULL \
          ORDER BY first_seq, segment_id"
    )))
    .bind(tenant.as_str())
    .fetch_all(tx)
    .await?;
    rows.iter().map(segment).collect()
}

pub(super) async fn deleted(
    conn: &mut Conn,
    tenant: &TenantId,
    before: Timestamp,
) -> Result<Vec<RawSegment>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM segments WHERE tenant_id = $1 AND deleted_time < $2 ORDER BY deleted_time"
    )))
    .bind(tenant.as_str())
    .bind(nanos(before))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let mut row = segment(row)?;
            row.meta = bytes::Bytes::new();
            Ok(RawSegment { row, payload: None })
        })
        .collect()
}

pub(super) async fn payload(
    conn: &mut Conn,
    tenant: &TenantId,
    segment: &str,
) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar(
        "SELECT payload FROM segment_payloads WHERE tenant_id = $1 AND segment_id = $2",
    )
    .bind(tenant.as_str())
    .bind(segment)
    .fetch_optional(conn)
    .await?)
}

pub(super) async fn forget(tx: &mut Conn, tenant: &TenantId, segments: &[String]) -> Result<()> {
    many::forget_segments(tx, tenant, segments).await
}

fn lapsed(what: &str) -> Error {
    Error::new(
        Reason::EtagMismatch,
        "the catalogue has changed meanwhile: start over",
    )
    .with_source(what)
}

pub(super) async fn commit(
    tx: &mut Conn,
    tenant: &TenantId,
    commit: StoredCommit,
    policy: SealPolicy,
) -> Result<()> {
    let now = nanos(commit.now);
    // The head first, as whoever appends does: both hold it until the end.
    let head = read::head_of(tx, many::LOCK_HEAD, tenant)
        .await?
        .ok_or_else(|| Error::internal(format!("{tenant} has no head")))?;
    if let Some((job, epoch)) = &commit.claim {
        let held: Option<i64> = sqlx::query_scalar(many::HOLD_CLAIM)
            .bind(tenant.as_str())
            .bind(job.as_str())
            .bind(*epoch)
            .fetch_optional(&mut *tx)
            .await?;
        if held.is_none() {
            return Err(lapsed("the job was claimed by another"));
        }
    }
    if !commit.add.is_empty() {
        require_keys(tx, tenant, &commit.add).await?;
    }
    for RawSegment { row, payload } in &commit.add {
        insert(tx, tenant, row, now).await?;
        if let Some(payload) = payload {
            sqlx::query(
                "INSERT INTO segment_payloads (tenant_id, segment_id, payload) VALUES ($1, $2, $3)",
            )
            .bind(tenant.as_str())
            .bind(row.id.hyphenated().to_string())
            .bind(payload.as_slice())
            .execute(&mut *tx)
            .await?;
        }
    }
    for segment in &commit.remove {
        let gone = sqlx::query(
            "UPDATE segments SET deleted_time = $3 \
              WHERE tenant_id = $1 AND segment_id = $2 AND deleted_time IS NULL",
        )
        .bind(tenant.as_str())
        .bind(segment.as_str())
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if gone.rows_affected() != 1 {
            return Err(lapsed("a segment to be removed is not there"));
        }
    }
    if let Some(through) = commit.sealed_through {
        drop_payloads(tx, tenant, head, through).await?;
    }
    let oldest = commit.oldest_seq.unwrap_or(head.oldest_seq);
    if oldest > head.seq || oldest < head.oldest_seq {
        return Err(Error::internal(
            "the oldest cursor moves forward, up to the head",
        ));
    }
    finish(
        tx,
        tenant,
        head,
        commit.sealed_through.unwrap_or(head.sealed_seq),
        oldest,
        policy,
        now,
    )
    .await
}

/// Refuses what was sealed under a data key that was dropped meanwhile. The head is locked.
async fn require_keys(tx: &mut Conn, tenant: &TenantId, add: &[RawSegment]) -> Result<()> {
    let floor: i64 = sqlx::query_scalar("SELECT key_floor FROM tenant_head WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .fetch_one(tx)
        .await?;
    let dropped = |version: u32| i64::from(version) < floor;
    for RawSegment { row, .. } in add {
        if dropped(row.key_version) || sealed_version(&row.meta).is_none_or(dropped) {
            return Err(lapsed("the data key was dropped"));
        }
    }
    Ok(())
}

async fn insert(tx: &mut Conn, tenant: &TenantId, row: &SegmentRow, now: i64) -> Result<()> {
    let (kind, object) = match &row.object {
        SegmentObject::Parquet(path) => ("parquet", Some(path.as_str())),
        SegmentObject::Block => ("block", None),
    };
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO segments (tenant_id, created_time, {COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    )))
    .bind(tenant.as_str())
    .bind(now)
    .bind(row.id.hyphenated().to_string())
    .bind(to_sql(row.first_seq)?)
    .bind(to_sql(row.last_seq)?)
    .bind(to_sql(row.rows)?)
    .bind(row.min_time)
    .bind(row.max_time)
    .bind(i64::from(row.stored_day))
    .bind(row.first_stored)
    .bind(row.last_stored)
    .bind(kind)
    .bind(object)
    .bind(to_sql(row.object_bytes)?)
    .bind(row.object_hash.as_slice())
    .bind(i64::from(row.key_version))
    .bind(i64::from(row.format))
    .bind(row.meta.as_ref())
    .execute(tx)
    .await?;
    Ok(())
}

/// The rows up to `through` are in segments now: their blocks go, their journal rows stay.
async fn drop_payloads(tx: &mut Conn, tenant: &TenantId, head: Head, through: u64) -> Result<()> {
    if through <= head.sealed_seq || through > head.seq {
        return Err(lapsed("sealing moves forward, up to the head"));
    }
    let ends: Option<i64> = sqlx::query_scalar(
        "SELECT first_seq + row_count - 1 FROM journal \
          WHERE tenant_id = $1 AND first_seq <= $2 ORDER BY first_seq DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(to_sql(through)?)
    .fetch_optional(&mut *tx)
    .await?;
    if ends != Some(to_sql(through)?) {
        return Err(Error::internal("sealing ends with a whole block"));
    }
    for drop in many::DROP_PAYLOADS {
        sqlx::query(*drop)
            .bind(tenant.as_str())
            .bind(to_sql(head.sealed_seq)?)
            .bind(to_sql(through)?)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Advances the head's marks, and sees to it that what is left unsealed has its job.
async fn finish(
    tx: &mut Conn,
    tenant: &TenantId,
    head: Head,
    sealed_seq: u64,
    oldest_seq: u64,
    policy: SealPolicy,
    now: i64,
) -> Result<()> {
    // Stored time rises along the sequence, so that the least is that of the first row.
    let (left, blocks): (Option<i64>, i64) = sqlx::query_as(
        "SELECT min(stored_time), count(*) FROM journal WHERE tenant_id = $1 AND first_seq > $2",
    )
    .bind(tenant.as_str())
    .bind(to_sql(sealed_seq)?)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE tenant_head SET sealed_seq = $2, oldest_seq = $3, unsealed_since = $4, \
                unsealed_blocks = $5, catalogue_version = catalogue_version + 1 \
          WHERE tenant_id = $1",
    )
    .bind(tenant.as_str())
    .bind(to_sql(sealed_seq)?)
    .bind(to_sql(oldest_seq)?)
    .bind(left)
    .bind(blocks)
    .execute(&mut *tx)
    .await?;
    if let Some(since) = left
        && sealed_seq > head.sealed_seq
    {
        let due = if policy.is_much(head.seq - sealed_seq, from_sql(blocks)?) {
            now
        } else {
            jobs::later(since, policy.age)
        };
        super::append::schedule(tx, tenant, jobs::SEAL, due).await?;
    }
    Ok(())
}
