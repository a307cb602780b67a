//! What a batch holds beside tenants' blocks: events of nobody yet, and records that could not be
//! read. The latter are few in a good batch; they may cost a statement each.

use super::super::ingest::{FlushBatch, MAX_DEAD_LETTER};
use super::super::journal::Work;
use super::super::to_sql;
use super::Conn;
use super::rows::{STATEMENT_ROWS, statement};
use crate::error::{Error, Result};
use crate::ids::SourceId;
use crate::keys::envelope::OwnerKeys;

/// Writes them, sealed under the quarantine's key.
pub(super) async fn write(
    tx: &mut Conn,
    source: &SourceId,
    batch: &FlushBatch,
    work: &Work,
    now: i64,
    dead_letter_bytes: u64,
) -> Result<()> {
    if batch.quarantine.is_empty() && batch.dead_letters.is_empty() {
        return Ok(());
    }
    let keys = work
        .quarantine
        .as_ref()
        .ok_or_else(|| Error::internal("the quarantine's key was not loaded"))?;
    quarantine(tx, source, batch, work, keys, now).await?;
    let mut added = 0;
    for letter in &batch.dead_letters {
        let id = work.env.uuid_v7().hyphenated().to_string();
        let kept = letter.bytes.get(..MAX_DEAD_LETTER).unwrap_or(&letter.bytes);
        let sealed = keys.seal(&work.env, &format!("dead-letter/{source}/{id}"), 0, kept)?;
        let size = to_sql(u64::try_from(sealed.len()).unwrap_or(u64::MAX))?;
        let full = letter
            .full_bytes
            .max(u64::try_from(letter.bytes.len()).unwrap_or(u64::MAX));
        sqlx::query(
            "INSERT INTO dead_letters (source_id, letter_id, batch_id, line, reason, stored_time, \
                    full_bytes, kept_bytes, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(source.as_str())
        .bind(id)
        .bind(batch.batch_id.as_str())
        .bind(to_sql(letter.line)?)
        .bind(letter.reason.as_str())
        .bind(now)
        .bind(to_sql(full)?)
        .bind(size)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        added += size;
    }
    if added > 0 {
        make_room(tx, source, added, to_sql(dead_letter_bytes)?).await?;
    }
    Ok(())
}

const ITEMS: (&str, usize, &str) = (
    "INSERT INTO quarantine (item_id, source_id, batch_id, stored_time, sealed)",
    5,
    "",
);
const PARTIES: (&str, usize, &str) = (
    "INSERT INTO quarantine_parties (party_hash, item_id, network)",
    3,
    " ON CONFLICT DO NOTHING",
);

async fn quarantine(
    tx: &mut Conn,
    source: &SourceId,
    batch: &FlushBatch,
    work: &Work,
    keys: &OwnerKeys,
    now: i64,
) -> Result<()> {
    let mut parties = Vec::new();
    for records in batch.quarantine.chunks(STATEMENT_ROWS) {
        let text = statement(ITEMS, records.len());
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
        for record in records {
            let id = work.env.uuid_v7().hyphenated().to_string();
            let sealed = keys.seal(&work.env, &format!("quarantine/{id}"), 0, &record.plain)?;
            for (hashes, network) in [(&record.party_hashes, 0), (&record.network_hashes, 1)] {
                let hashes = hashes.iter();
                parties.extend(hashes.map(|hash| (hash.as_slice(), id.clone(), network)));
            }
            insert = insert
                .bind(id)
                .bind(source.as_str())
                .bind(batch.batch_id.as_str())
                .bind(now)
                .bind(sealed);
        }
        insert.execute(&mut *tx).await?;
    }
    for parties in parties.chunks(STATEMENT_ROWS) {
        let text = statement(PARTIES, parties.len());
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
        for (hash, id, network) in parties {
            insert = insert.bind(*hash).bind(id.as_str()).bind(*network);
        }
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Counts new dead letters and lets the oldest go until the source is within its bound.
async fn make_room(tx: &mut Conn, source: &SourceId, added: i64, limit: i64) -> Result<()> {
    let mut bytes: i64 = sqlx::query_scalar(
        "INSERT INTO dead_letter_usage (source_id, bytes, discarded) VALUES ($1, $2, 0) \
         ON CONFLICT (source_id) DO UPDATE SET bytes = dead_letter_usage.bytes + excluded.bytes RETURNING bytes",
    )
    .bind(source.as_str())
    .bind(added)
    .fetch_one(&mut *tx)
    .await?;
    let mut discarded = 0i64;
    while bytes > limit {
        // The oldest, as many as it takes.
        let freed: Vec<i64> = sqlx::query_scalar(
            "DELETE FROM dead_letters WHERE source_id = $1 AND letter_id IN ( \
                SELECT letter_id FROM ( \
                    SELECT letter_id, sum(kept_bytes) OVER (ORDER BY letter_id ROWS UNBOUNDED PRECEDING) \
                           - kept_bytes AS before \
                      FROM dead_letters WHERE source_id = $1 ORDER BY letter_id LIMIT 1024) AS aged \
                 WHERE before < $2) \
             RETURNING kept_bytes",
        )
        .bind(source.as_str())
        .bind(bytes - limit)
        .fetch_all(&mut *tx)
        .await?;
        if freed.is_empty() {
            bytes = 0; // the count had drifted; nothing is left to count
            break;
        }
        bytes -= freed.iter().sum::<i64>();
        discarded += i64::try_from(freed.len()).unwrap_or(0);
    }
    if discarded > 0 || bytes == 0 {
        sqlx::query("UPDATE dead_letter_usage SET bytes = $2, discarded = discarded + $3 WHERE source_id = $1")
            .bind(source.as_str())
            .bind(bytes)
            .bind(discarded)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
