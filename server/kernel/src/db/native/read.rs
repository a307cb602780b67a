//! Reading the journal.

use sqlx::Row as _;

use super::super::journal::{BlockMeta, Head, RawBlock, RawEntry, rows_from};
use super::super::{from_sql, to_sql};
use super::{Conn, Row, many};
use crate::error::{Error, Result};
use crate::ids::TenantId;

pub(super) fn meta(row: &Row) -> Result<BlockMeta> {
    let source: &str = row.try_get(2)?;
    Ok(BlockMeta {
        first_seq: from_sql(row.try_get(0)?)?,
        rows: rows_from(row.try_get(1)?)?,
        source: source
            .parse()
            .map_err(|_| Error::internal("a source id in the database is malformed"))?,
        stored_time: row.try_get(3)?,
        min_time: row.try_get(4)?,
        max_time: row.try_get(5)?,
        bytes: from_sql(row.try_get(6)?)?,
    })
}

const HEAD: &str = "SELECT seq, sealed_seq, oldest_seq FROM tenant_head WHERE tenant_id = $1";

pub(super) async fn head(conn: &mut Conn, tenant: &TenantId) -> Result<Option<Head>> {
    head_of(conn, HEAD, tenant).await
}

/// The head by a statement that selects what [`HEAD`] does.
pub(super) async fn head_of(
    conn: &mut Conn,
    statement: &'static str,
    tenant: &TenantId,
) -> Result<Option<Head>> {
    let row = sqlx::query(statement)
        .bind(tenant.as_str())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(Head {
            seq: from_sql(row.try_get(0)?)?,
            sealed_seq: from_sql(row.try_get(1)?)?,
            oldest_seq: from_sql(row.try_get(2)?)?,
        })
    })
    .transpose()
}

pub(super) async fn blocks_after(
    conn: &mut Conn,
    tenant: &TenantId,
    after: u64,
    max_bytes: u64,
) -> Result<Option<(Head, Vec<RawBlock>)>> {
    let Some(head) = head(conn, tenant).await? else {
        return Ok(None);
    };
    let after = after.max(head.sealed_seq);
    if after >= head.seq {
        return Ok(Some((head, Vec::new())));
    }
    // The block that holds `after` may hold rows beyond it: the last one that begins at or below.
    // Blocks do not overlap, so one step back is enough.
    let start: Option<i64> = sqlx::query_scalar(
        "SELECT first_seq FROM journal WHERE tenant_id = $1 AND first_seq <= $2 ORDER BY first_seq DESC LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(to_sql(after + 1)?)
    .fetch_optional(&mut *conn)
    .await?;
    let rows = sqlx::query(many::BLOCKS_AFTER)
        .bind(tenant.as_str())
        .bind(start.unwrap_or(0).max(to_sql(head.sealed_seq + 1)?))
        .bind(to_sql(max_bytes.max(1))?)
        .fetch_all(conn)
        .await?;
    let mut blocks = Vec::with_capacity(rows.len());
    for row in rows {
        let meta = meta(&row)?;
        if meta.last_seq() > after {
            blocks.push(RawBlock {
                meta,
                payload: row.try_get(7)?,
            });
        }
    }
    Ok(Some((head, blocks)))
}

pub(super) async fn blocks(
    conn: &mut Conn,
    tenant: &TenantId,
    first_seqs: &[u64],
) -> Result<Vec<Option<RawBlock>>> {
    let rows = many::blocks(conn, tenant, first_seqs).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(RawBlock {
            meta: meta(&row)?,
            payload: row.try_get(7)?,
        });
    }
    let mut found = found.into_iter().peekable();
    Ok(first_seqs
        .iter()
        .map(|seq| found.next_if(|block| block.meta.first_seq == *seq))
        .collect())
}

pub(super) async fn entries(
    conn: &mut Conn,
    tenant: &TenantId,
    after: u64,
    limit: u32,
) -> Result<Vec<RawEntry>> {
    let rows = sqlx::query(many::ENTRIES)
        .bind(tenant.as_str())
        .bind(to_sql(after)?)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(RawEntry {
                meta: meta(row)?,
                batch_id: row.try_get(7)?,
                part: row.try_get(8)?,
                block_hash: row.try_get(9)?,
                prev_hash: row.try_get(10)?,
                payload: row.try_get(11)?,
            })
        })
        .collect()
}

pub(super) async fn chain(conn: &mut Conn, tenant: &TenantId) -> Result<(u64, Vec<u8>)> {
    let row = sqlx::query("SELECT seq, chain FROM tenant_head WHERE tenant_id = $1")
        .bind(tenant.as_str())
        .fetch_optional(conn)
        .await?
        .ok_or_else(|| Error::internal(format!("{tenant} has no head")))?;
    Ok((from_sql(row.try_get(0)?)?, row.try_get(1)?))
}
