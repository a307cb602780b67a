//! What a batch holds beside tenants' blocks: events of nobody yet, and records that could not be
//! read. Few in a good batch; they may cost a statement each.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::super::ingest::{FlushBatch, MAX_DEAD_LETTER};
use super::super::journal::Work;
use super::super::to_sql;
use crate::error::{Error, Result};
use crate::ids::SourceId;

/// Writes them, sealed under the quarantine's key.
pub(super) async fn write(
    tx: &mut SqliteConnection,
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
    for record in &batch.quarantine {
        let id = work.env.uuid_v7().hyphenated().to_string();
        let sealed = keys.seal(&work.env, &format!("quarantine/{id}"), 0, &record.plain)?;
        sqlx::query(
            "INSERT INTO quarantine (item_id, source_id, batch_id, stored_time, sealed) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id.as_str())
        .bind(source.as_str())
        .bind(batch.batch_id.as_str())
        .bind(now)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        let named = |hashes: &[[u8; 32]], network: u8| -> Vec<Value> {
            let hashes = hashes.iter().map(hex::encode);
            hashes.map(|hash| json!([hash, network])).collect()
        };
        let parties = [
            named(&record.party_hashes, 0),
            named(&record.network_hashes, 1),
        ]
        .concat();
        sqlx::query(
            "INSERT INTO quarantine_parties (party_hash, item_id, network) \
             SELECT unhex(value ->> 0), $2, value ->> 1 FROM json_each($1) WHERE true \
             ON CONFLICT (party_hash, item_id) DO NOTHING",
        )
        .bind(json!(parties).to_string())
        .bind(id)
        .execute(&mut *tx)
        .await?;
    }
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

/// Counts new dead letters and lets the oldest go until the source is within its bound.
async fn make_room(
    tx: &mut SqliteConnection,
    source: &SourceId,
    added: i64,
    limit: i64,
) -> Result<()> {
    let mut bytes: i64 = sqlx::query_scalar(
        "INSERT INTO dead_letter_usage (source_id, bytes, discarded) VALUES ($1, $2, 0) \
         ON CONFLICT (source_id) DO UPDATE SET bytes = bytes + excluded.bytes RETURNING bytes",
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
                      FROM dead_letters WHERE source_id = $1 ORDER BY letter_id LIMIT 1024) \
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
