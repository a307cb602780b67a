//! One transaction for many blocks of many tenants: the ledger says which batches are new, heads
//! advance in ascending order of tenants, blocks are sealed at the sequence numbers they got and
//! chained to what came before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sqlx::{Row as _, SqliteConnection};

use super::super::ingest::{BatchOutcome, FlushBatch, FlushOutcome};
use super::super::jobs::{self, bucket_of};
use super::super::journal::{Appended, Work};
use super::super::{SealPolicy, from_sql, nanos, to_sql};
use super::rows::Rows;
use super::{SqliteJournal, leftovers, originals};
use crate::audit::hash_from;
use crate::error::{Error, Reason, Result};
use crate::ids::{SourceId, TenantId};
use crate::keys::envelope::OwnerKeys;

/// AES-GCM with random nonces: no more seals than this under one data key.
const MAX_KEY_USES: i64 = 1 << 32;
/// Pairs of tenant and source that are remembered as known.
const KNOWN_SOURCES: usize = 1 << 20;

/// Which sources have delivered to which tenants, and the latest event time of each, as far as
/// this process remembers: saves telling the database of every block.
#[derive(Default)]
pub(super) struct KnownSources(Mutex<HashMap<(TenantId, SourceId), i64>>);

/// Latest event time (ns) of a source's events in a tenant.
pub(super) type Observed = Vec<((TenantId, SourceId), i64)>;

impl KnownSources {
    fn news(&self, observed: BTreeMap<(TenantId, SourceId), i64>) -> Observed {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observed
            .into_iter()
            .filter(|(pair, until)| known.get(pair).is_none_or(|known| known < until))
            .collect()
    }

    /// To be called once they are durable.
    pub(super) fn learn(&self, pairs: Observed) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + pairs.len() > KNOWN_SOURCES {
            known.clear();
        }
        known.extend(pairs);
    }
}

pub(super) struct Done {
    pub(super) appended: Appended,
    pub(super) sources: Observed,
}

/// A tenant's head while the transaction works on it.
pub(super) struct Head {
    deleted: bool,
    before: u64,
    pub(super) seq: u64,
    sealed_seq: u64,
    pub(super) chain: [u8; 32],
    pub(super) stored_time: i64,
    pub(super) key_uses: i64,
    was_empty: bool,
    blocks_before: u64,
    /// Unsealed blocks.
    pub(super) blocks: u64,
}

pub(super) async fn append(
    store: &SqliteJournal,
    tx: &mut SqliteConnection,
    work: Work,
) -> Result<Done> {
    let now = nanos(work.env.now());
    let tenants: BTreeSet<&TenantId> = work
        .flushes
        .iter()
        .flat_map(|(_, flush)| &flush.batches)
        .flat_map(|batch| &batch.blocks)
        .map(|block| &block.tenant)
        .collect();
    let mut heads = read_heads(tx, &tenants, now).await?;
    let mut ledger = read_ledger(tx, &work).await?;
    let directory = directory_version(tx).await?;

    let mut rows = Rows::begin(tx).await?;
    let mut outcomes = Vec::with_capacity(work.flushes.len());
    let mut new_batches = Vec::new();
    let mut observed: BTreeMap<(TenantId, SourceId), i64> = BTreeMap::new();
    let mut rest: Vec<(&SourceId, &FlushBatch)> = Vec::new();
    let mut sources: BTreeMap<&SourceId, Option<i64>> = BTreeMap::new();
    for (source, flush) in &work.flushes {
        if let Some(error) = refuse(&flush.batches, &heads, &work.keys) {
            outcomes.push(Err(error));
            continue;
        }
        let mut batches = Vec::with_capacity(flush.batches.len());
        for batch in &flush.batches {
            let outcome = match ledger.get(&(source.as_str(), batch.batch_id.as_str())) {
                Some(hash) if *hash == batch.content_hash => BatchOutcome::Duplicate,
                Some(_) => BatchOutcome::Conflict,
                None if batch.directory_version.is_some_and(|by| by != directory) => {
                    BatchOutcome::Stale
                }
                None => BatchOutcome::Stored,
            };
            batches.push(outcome);
            if matches!(outcome, BatchOutcome::Conflict | BatchOutcome::Stale) {
                continue;
            }
            let watermark = sources.entry(source).or_default();
            *watermark = (*watermark).max(batch.watermark);
            if outcome == BatchOutcome::Duplicate {
                continue;
            }
            ledger.insert(
                (source.as_str(), batch.batch_id.as_str()),
                batch.content_hash,
            );
            new_batches.push(json!([
                source.as_str(),
                batch.batch_id,
                hex::encode(batch.content_hash)
            ]));
            rest.push((source, batch));
            let mut parts: HashMap<&TenantId, i64> = HashMap::new();
            for block in &batch.blocks {
                let Some(head) = heads.get_mut(&block.tenant) else {
                    continue;
                };
                if head.deleted {
                    continue;
                }
                let Some(keys) = work.keys.get(&block.tenant) else {
                    continue;
                };
                let part = parts.entry(&block.tenant).or_insert(0);
                rows.add(head, keys, &work.env, source, &batch.batch_id, block, *part)?;
                *part += 1;
                let until = observed
                    .entry((block.tenant.clone(), source.clone()))
                    .or_insert(block.max_time);
                *until = block.max_time.max(*until);
                if rows.is_full() {
                    rows.write(tx).await?;
                }
            }
        }
        outcomes.push(Ok(FlushOutcome { batches }));
    }
    rows.write(tx).await?;
    write_heads(tx, &heads).await?;
    write_ledger(tx, &new_batches, now).await?;
    for (source, batch) in rest {
        originals::write(tx, batch, &work).await?;
        leftovers::write(tx, source, batch, &work, now, store.dead_letter_bytes).await?;
    }
    for (source, watermark) in sources {
        heard_of(tx, source, watermark, now).await?;
    }
    let sources = store.known_sources.news(observed);
    write_sources(tx, &sources, now).await?;
    schedule_seals(tx, &heads, store.seal, now).await?;
    Ok(Done {
        appended: Appended {
            outcomes,
            heads: heads
                .into_iter()
                .filter(|(_, head)| head.seq > head.before)
                .map(|(tenant, head)| (tenant, head.seq))
                .collect(),
        },
        sources,
    })
}

/// The directory's version, as of this transaction: who changes it waits for the same lock.
async fn directory_version(tx: &mut SqliteConnection) -> Result<i64> {
    let version = sqlx::query_scalar("SELECT version FROM directory_version WHERE id = 1");
    Ok(version.fetch_one(tx).await?)
}

/// Why nothing of a flush may be stored, if so.
fn refuse(
    batches: &[FlushBatch],
    heads: &BTreeMap<TenantId, Head>,
    keys: &BTreeMap<TenantId, Arc<OwnerKeys>>,
) -> Option<Error> {
    for block in batches.iter().flat_map(|batch| &batch.blocks) {
        match heads.get(&block.tenant) {
            None => {
                return Some(
                    Error::new(Reason::FailedPrecondition, "a block is addressed to nobody")
                        .with_source(format!("no tenant {}", block.tenant)),
                );
            }
            Some(head) if head.deleted => {}
            Some(head) if head.key_uses >= MAX_KEY_USES => {
                return Some(Error::new(
                    Reason::FailedPrecondition,
                    "a tenant's data key is worn out: rotate it",
                ));
            }
            Some(_) if !keys.contains_key(&block.tenant) => {
                return Some(Error::internal(format!("no keys for {}", block.tenant)));
            }
            Some(_) => {}
        }
    }
    None
}

async fn read_heads(
    tx: &mut SqliteConnection,
    tenants: &BTreeSet<&TenantId>,
    now: i64,
) -> Result<BTreeMap<TenantId, Head>> {
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    // CROSS JOIN keeps SQLite from scanning the table for each name.
    let rows = sqlx::query(
        "SELECT h.tenant_id, h.seq, h.sealed_seq, h.chain, h.last_stored_time, h.key_uses, \
                h.unsealed_since IS NULL, t.status = 'deleted', h.unsealed_blocks \
           FROM json_each($1) j \
          CROSS JOIN tenant_head h ON h.tenant_id = j.value \
          CROSS JOIN tenants t ON t.tenant_id = h.tenant_id",
    )
    .bind(json!(names).to_string())
    .fetch_all(tx)
    .await?;
    let mut heads = BTreeMap::new();
    for row in rows {
        let name: &str = row.try_get(0)?;
        let Some(tenant) = tenants.get(&parse_tenant(name)?) else {
            continue;
        };
        let seq = from_sql(row.try_get(1)?)?;
        let last: Option<i64> = row.try_get(4)?;
        let blocks = from_sql(row.try_get(8)?)?;
        heads.insert(
            (*tenant).clone(),
            Head {
                deleted: row.try_get(7)?,
                before: seq,
                seq,
                sealed_seq: from_sql(row.try_get(2)?)?,
                chain: hash_from(row.try_get(3)?)?,
                // Stored time never falls along the sequence, whatever the clock does.
                stored_time: now.max(last.unwrap_or(i64::MIN)),
                key_uses: row.try_get(5)?,
                was_empty: row.try_get(6)?,
                blocks_before: blocks,
                blocks,
            },
        );
    }
    Ok(heads)
}

fn parse_tenant(name: &str) -> Result<TenantId> {
    name.parse()
        .map_err(|_| Error::internal("a tenant id in the database is malformed"))
}

type Ledger<'a> = HashMap<(&'a str, &'a str), [u8; 32]>;

async fn read_ledger<'a>(tx: &mut SqliteConnection, work: &'a Work) -> Result<Ledger<'a>> {
    let mut asked: Vec<Value> = Vec::new();
    let mut ours: HashMap<(&str, &str), (&'a str, &'a str)> = HashMap::new();
    for (source, flush) in &work.flushes {
        for batch in &flush.batches {
            let key = (source.as_str(), batch.batch_id.as_str());
            if ours.insert(key, key).is_none() {
                asked.push(json!([key.0, key.1]));
            }
        }
    }
    let rows = sqlx::query(
        "SELECT b.source_id, b.batch_id, b.content_hash FROM json_each($1) j \
          CROSS JOIN batches b ON b.source_id = j.value ->> 0 AND b.batch_id = j.value ->> 1",
    )
    .bind(Value::Array(asked).to_string())
    .fetch_all(tx)
    .await?;
    let mut ledger = HashMap::new();
    for row in rows {
        let key: (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(key) = ours.get(&key) {
            ledger.insert(*key, hash_from(row.try_get(2)?)?);
        }
    }
    Ok(ledger)
}

async fn write_heads(tx: &mut SqliteConnection, heads: &BTreeMap<TenantId, Head>) -> Result<()> {
    let mut rows = Vec::new();
    for (tenant, head) in heads.iter().filter(|(_, head)| head.seq > head.before) {
        rows.push(json!([
            tenant.as_str(),
            to_sql(head.seq)?,
            hex::encode(head.chain),
            head.stored_time,
            head.key_uses,
            to_sql(head.blocks)?,
        ]));
    }
    if rows.is_empty() {
        return Ok(());
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

async fn write_ledger(tx: &mut SqliteConnection, batches: &[Value], now: i64) -> Result<()> {
    if batches.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO batches (source_id, batch_id, content_hash, stored_time) \
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), $2 FROM json_each($1)",
    )
    .bind(json!(batches).to_string())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_sources(tx: &mut SqliteConnection, pairs: &Observed, now: i64) -> Result<()> {
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

/// Notes that the source is alive, and how far it has delivered.
pub(super) async fn heard_of(
    tx: &mut SqliteConnection,
    source: &SourceId,
    watermark: Option<i64>,
    now: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO source_watermarks (source_id, watermark, heartbeat_time) VALUES ($1, $2, $3) \
         ON CONFLICT (source_id) DO UPDATE SET \
            watermark = COALESCE(max(watermark, excluded.watermark), watermark, excluded.watermark), \
            heartbeat_time = max(heartbeat_time, excluded.heartbeat_time)",
    )
    .bind(source.as_str())
    .bind(watermark)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// A tenant whose first unsealed row this was is due after the policy's age; one that has come
/// past another multiple of the policy's rows or blocks is due now.
async fn schedule_seals(
    tx: &mut SqliteConnection,
    heads: &BTreeMap<TenantId, Head>,
    policy: SealPolicy,
    now: i64,
) -> Result<()> {
    for (tenant, head) in heads.iter().filter(|(_, head)| head.seq > head.before) {
        let rows = |seq: u64| seq.saturating_sub(head.sealed_seq) / policy.rows.max(1);
        let blocks = |count: u64| count / policy.blocks.max(1);
        let due = if rows(head.seq) > rows(head.before)
            || blocks(head.blocks) > blocks(head.blocks_before)
        {
            Some(now)
        } else if head.was_empty {
            Some(jobs::later(now, policy.age))
        } else {
            None
        };
        if let Some(due) = due {
            schedule(tx, tenant, jobs::SEAL, due).await?;
        }
    }
    Ok(())
}

/// Makes a job due at `due` at the latest. If it is being done right now, it is done again.
pub(super) async fn schedule(
    tx: &mut SqliteConnection,
    tenant: &TenantId,
    job: &str,
    due: i64,
) -> Result<()> {
    sqlx::query(jobs::SCHEDULE)
        .bind(tenant.as_str())
        .bind(job)
        .bind(i64::from(bucket_of(tenant)))
        .bind(due)
        .execute(tx)
        .await?;
    Ok(())
}
