//! One transaction for many blocks of many tenants: the ledger says which batches are new, heads
//! advance in ascending order of tenants, blocks are sealed at the sequence numbers they got and
//! chained to what came before.
//!
//! Where several processes write at the same time, each takes its locks in one order, so that none
//! waits for another in a circle: the directory, the ledger, the heads, then what belongs to
//! sources and the jobs, each ascending.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use sqlx::Row as _;

use super::super::ingest::{BatchOutcome, FlushBatch, FlushOutcome};
use super::super::jobs::{self, bucket_of};
use super::super::journal::{Appended, Work};
use super::super::{DbConfig, SealPolicy, from_sql, nanos, to_sql};
use super::rows::Rows;
use super::{Conn, leftovers, many, originals};
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

/// How soon events are looked at by rules: what comes until then is looked at together.
const LOOK: SignedDuration = SignedDuration::from_millis(500);

/// How often a transaction is attempted.
pub(super) const ATTEMPTS: usize = 16;

pub(super) struct Done {
    outcomes: Vec<FlushOutcome>,
    heads: Vec<(TenantId, u64)>,
    sources: Observed,
}

impl Done {
    /// To be called once it is durable.
    pub(super) fn appended(self, mut refused: Refused, known: &KnownSources) -> Appended {
        known.learn(self.sources);
        let mut stored = self.outcomes.into_iter();
        let mut outcomes = Vec::new();
        loop {
            outcomes.push(match refused.remove(&outcomes.len()) {
                Some(error) => Err(error),
                None => match stored.next() {
                    Some(outcome) => Ok(outcome),
                    None => break,
                },
            });
        }
        Appended {
            outcomes,
            heads: self.heads,
        }
    }
}

/// What became of an attempt. All but the first must be rolled back.
pub(super) enum Attempt {
    Done(Done),
    /// To be attempted without these.
    Refused(Refused),
    /// To be attempted anew: another process was handed the same batch at the same time.
    Crossed,
}

/// Flushes that were refused, by their place among all.
pub(super) type Refused = BTreeMap<usize, Error>;

/// What the configuration says about it.
pub(super) struct Policy {
    pub(super) seal: SealPolicy,
    pub(super) dead_letter_bytes: u64,
}

impl Policy {
    pub(super) fn of(config: &DbConfig) -> Self {
        Self {
            seal: config.seal,
            dead_letter_bytes: config.dead_letter_bytes,
        }
    }
}

/// Every attempt met another process with the same batch.
pub(super) fn too_often() -> Error {
    Error::new(
        Reason::Unavailable,
        "the same batches are being stored by another server",
    )
    .with_retry_after(std::time::Duration::from_secs(1))
}

/// This process was stopped for longer than it may keep keys, and asks for them anew next time.
pub(super) fn dropped_key() -> Error {
    Error::new(
        Reason::Unavailable,
        "a tenant's data key was dropped meanwhile: send again",
    )
    .with_retry_after(std::time::Duration::from_secs(1))
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
    /// The oldest version of the data key that may still seal.
    key_floor: i64,
    was_empty: bool,
    /// Up to where events were looked at by rules.
    detected_seq: u64,
    /// There are rules to look at them by.
    watched: bool,
    /// There are the provider's since the last time, and none before.
    begins: bool,
    blocks_before: u64,
    /// Unsealed blocks.
    pub(super) blocks: u64,
}

/// Stores all flushes but those that were refused before.
pub(super) async fn append(
    tx: &mut Conn,
    work: &Work,
    refused: &Refused,
    policy: &Policy,
    known_sources: &KnownSources,
) -> Result<Attempt> {
    let now = nanos(work.env.now());
    let directory: i64 = sqlx::query_scalar(many::DIRECTORY_VERSION)
        .fetch_one(&mut *tx)
        .await?;
    let Some(mut ledger) = claim_batches(tx, work, refused, directory, now).await? else {
        return Ok(Attempt::Crossed);
    };
    let heads = read_heads(tx, work, now).await?;
    let mut again = Refused::new();
    for (at, (_, flush)) in work.flushes.iter().enumerate() {
        if !refused.contains_key(&at)
            && let Some(error) = refuse(&flush.batches, &heads, &work.keys)
        {
            again.insert(at, error);
        }
    }
    if !again.is_empty() {
        return Ok(Attempt::Refused(again));
    }
    store(
        tx,
        work,
        refused,
        &mut ledger,
        heads,
        directory,
        policy,
        known_sources,
    )
    .await
    .map(Attempt::Done)
}

#[expect(clippy::too_many_arguments, reason = "the second half of one function")]
async fn store<'a>(
    tx: &mut Conn,
    work: &'a Work,
    refused: &Refused,
    ledger: &mut Ledger<'a>,
    mut heads: BTreeMap<TenantId, Head>,
    directory: i64,
    policy: &Policy,
    known_sources: &KnownSources,
) -> Result<Done> {
    let now = nanos(work.env.now());
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(work.flushes.len());
    let mut observed: BTreeMap<(TenantId, SourceId), i64> = BTreeMap::new();
    let mut rest: Vec<(&SourceId, &FlushBatch)> = Vec::new();
    let mut sources: BTreeMap<&SourceId, Option<i64>> = BTreeMap::new();
    for (at, (source, flush)) in work.flushes.iter().enumerate() {
        if refused.contains_key(&at) {
            continue;
        }
        let mut batches = Vec::with_capacity(flush.batches.len());
        for batch in &flush.batches {
            let entry = ledger.get_mut(&(source.as_str(), batch.batch_id.as_str()));
            let outcome = match entry {
                Some(known) if known.new && is_stale(batch, directory) => BatchOutcome::Stale,
                Some(known) if known.hash != batch.content_hash => BatchOutcome::Conflict,
                Some(known) if !known.new => BatchOutcome::Duplicate,
                Some(known) => {
                    known.new = false;
                    BatchOutcome::Stored
                }
                None if is_stale(batch, directory) => BatchOutcome::Stale,
                None => return Err(Error::internal("a batch that the ledger does not name")),
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
        outcomes.push(FlushOutcome { batches });
    }
    rows.write(tx).await?;
    let moved: Vec<(&TenantId, &Head)> = heads.iter().filter(|(_, h)| h.seq > h.before).collect();
    many::write_heads(tx, &moved).await?;
    rest.sort_by_key(|(source, _)| *source);
    for (source, batch) in rest {
        originals::write(tx, batch, work).await?;
        leftovers::write(tx, source, batch, work, now, policy.dead_letter_bytes).await?;
    }
    for (source, watermark) in sources {
        heard_of(tx, source, watermark, now).await?;
    }
    let sources = known_sources.news(observed);
    many::write_sources(tx, &sources, now).await?;
    schedule_work(tx, &heads, policy.seal, now).await?;
    Ok(Done {
        outcomes,
        heads: heads
            .into_iter()
            .filter(|(_, head)| head.seq > head.before)
            .map(|(tenant, head)| (tenant, head.seq))
            .collect(),
        sources,
    })
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
            Some(head) => match keys.get(&block.tenant) {
                None => return Some(Error::internal(format!("no keys for {}", block.tenant))),
                Some(keys) if i64::from(keys.version()) < head.key_floor => {
                    return Some(dropped_key());
                }
                Some(_) => {}
            },
        }
    }
    None
}

async fn read_heads(tx: &mut Conn, work: &Work, now: i64) -> Result<BTreeMap<TenantId, Head>> {
    let tenants: BTreeSet<&TenantId> = work
        .flushes
        .iter()
        .flat_map(|(_, flush)| &flush.batches)
        .flat_map(|batch| &batch.blocks)
        .map(|block| &block.tenant)
        .collect();
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    let mut heads = BTreeMap::new();
    for row in many::heads(tx, &names).await? {
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
                key_floor: row.try_get(9)?,
                was_empty: row.try_get(6)?,
                detected_seq: from_sql(row.try_get(10)?)?,
                watched: row.try_get(11)?,
                begins: row.try_get(12)?,
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

/// What the ledger says of a batch id.
struct Known {
    hash: [u8; 32],
    /// Entered by this transaction, and not stored yet.
    new: bool,
}

type Ledger<'a> = HashMap<(&'a str, &'a str), Known>;

fn is_stale(batch: &FlushBatch, directory: i64) -> bool {
    batch.directory_version.is_some_and(|by| by != directory)
}

/// Enters what is new, so that whoever is handed the same batch at the same time waits here, and
/// finds it known. `None` when another process entered some of them since they were looked up.
async fn claim_batches<'a>(
    tx: &mut Conn,
    work: &'a Work,
    refused: &Refused,
    directory: i64,
    now: i64,
) -> Result<Option<Ledger<'a>>> {
    let flushes = work.flushes.iter().enumerate();
    let mut asked: BTreeMap<(&str, &str), Asked<'a>> = BTreeMap::new();
    for (_, (source, flush)) in flushes.filter(|(at, _)| !refused.contains_key(at)) {
        for batch in &flush.batches {
            let key = (source.as_str(), batch.batch_id.as_str());
            let (_, hash) = asked.entry(key).or_insert((key, None));
            if hash.is_none() && !is_stale(batch, directory) {
                *hash = Some(batch.content_hash);
            }
        }
    }
    let mut ledger = Ledger::new();
    read_ledger(tx, &asked, &mut ledger).await?;
    let new: Vec<(&'a str, &'a str, [u8; 32])> = asked
        .values()
        .filter(|(key, _)| !ledger.contains_key(key))
        .filter_map(|((source, batch), hash)| Some((*source, *batch, (*hash)?)))
        .collect();
    if new.is_empty() {
        return Ok(Some(ledger));
    }
    let entered = many::write_ledger(tx, &new, now).await?;
    if entered < u64::try_from(new.len()).unwrap_or(u64::MAX) {
        return Ok(None);
    }
    for (source, batch, hash) in new {
        ledger.insert((source, batch), Known { hash, new: true });
    }
    Ok(Some(ledger))
}

/// A batch by source and id, and the hash to enter if it is new.
type Asked<'a> = ((&'a str, &'a str), Option<[u8; 32]>);

async fn read_ledger<'a>(
    tx: &mut Conn,
    asked: &BTreeMap<(&str, &str), Asked<'a>>,
    ledger: &mut Ledger<'a>,
) -> Result<()> {
    let pairs: Vec<(&str, &str)> = asked.keys().copied().collect();
    for row in many::ledger(tx, &pairs).await? {
        let key: (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        if let Some((key, _)) = asked.get(&key) {
            let hash = hash_from(row.try_get(2)?)?;
            ledger.insert(*key, Known { hash, new: false });
        }
    }
    Ok(())
}

/// Notes that the source is alive, and how far it has delivered.
pub(super) async fn heard_of(
    tx: &mut Conn,
    source: &SourceId,
    watermark: Option<i64>,
    now: i64,
) -> Result<()> {
    sqlx::query(many::HEARD_OF)
        .bind(source.as_str())
        .bind(watermark)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// A tenant whose first unsealed row this was is due after the policy's age; one that has come
/// past another multiple of the policy's rows or blocks is due now. Where all events were looked at
/// by rules, the new ones are due now.
async fn schedule_work(
    tx: &mut Conn,
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
        if head.begins {
            begin_watching(tx, tenant, head.before).await?;
        }
        // Who looks at events finds all that has come until it says that it is done.
        if head.begins || head.watched && head.detected_seq >= head.before {
            schedule(tx, tenant, jobs::DETECT, jobs::later(now, LOOK)).await?;
        }
    }
    Ok(())
}

/// Has what comes after `before` looked at by the provider's rules. No tenant has to be told that there
/// are some: it is noticed with the first events that come after them.
async fn begin_watching(tx: &mut Conn, tenant: &TenantId, before: u64) -> Result<()> {
    sqlx::query(
        "UPDATE tenant_head SET watched = 1, detected_seq = $2 WHERE tenant_id = $1 AND watched = 0",
    )
    .bind(tenant.as_str())
    .bind(to_sql(before)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes a job due at `due` at the latest. If it is being done right now, it is done again.
pub(super) async fn schedule(tx: &mut Conn, tenant: &TenantId, job: &str, due: i64) -> Result<()> {
    sqlx::query(jobs::SCHEDULE)
        .bind(tenant.as_str())
        .bind(job)
        .bind(i64::from(bucket_of(tenant)))
        .bind(due)
        .execute(tx)
        .await?;
    Ok(())
}
