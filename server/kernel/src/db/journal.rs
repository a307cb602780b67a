//! The journal: one encrypted block per tenant and batch, in the database, so that its durability
//! is the database's. What is native to each database stands behind [`JournalStore`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::Db;
use super::ingest::{Flush, FlushOutcome};
use super::jobs::JobRunner;
use super::segments::{RawSegment, RawSnapshot, StoredCommit};
use crate::auth::TenantScope;
use crate::clock::Env;
use crate::error::{Error, Result};
use crate::ids::{SourceId, TenantId};
use crate::keys::envelope::OwnerKeys;

/// The object kind of a journal block, in the associated data of its seal. The position is the
/// first sequence number.
pub(crate) const OBJECT: &str = "journal";

/// Where a block stands, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockMeta {
    /// Sequence number of its first row; the others follow.
    pub first_seq: u64,
    /// How many rows.
    pub rows: u32,
    /// Who sent it.
    pub source: SourceId,
    /// When it became durable, in ns. Never falls along the sequence.
    pub stored_time: i64,
    /// Earliest event time, in ns.
    pub min_time: i64,
    /// Latest event time, in ns.
    pub max_time: i64,
    /// Size as sealed.
    pub bytes: u64,
}

impl BlockMeta {
    /// Sequence number of its last row.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.first_seq + u64::from(self.rows) - 1
    }
}

/// An opened block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalBlock {
    /// Where it stands.
    pub meta: BlockMeta,
    /// The encoded rows.
    pub plain: Bytes,
}

/// Blocks after a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRead {
    /// The tenant's head: its newest sequence number.
    pub head: u64,
    /// Up to here rows are in segments; their blocks are not in `blocks`.
    pub sealed_seq: u64,
    /// Cursors below this are past retention.
    pub oldest_seq: u64,
    /// Unsealed blocks with rows after the cursor, ascending and without a gap.
    pub blocks: Vec<JournalBlock>,
}

/// A journal row as ingest's audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Where the block stands.
    pub meta: BlockMeta,
    /// The source's id of the batch.
    pub batch_id: String,
    /// BLAKE3 of the sealed block.
    pub block_hash: [u8; 32],
}

/// What a check of a tenant's journal found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalReport {
    /// Entries whose chain holds.
    pub entries: u64,
    /// Blocks that were opened.
    pub blocks: u64,
    /// What does not hold, in words for the operator.
    pub faults: Vec<String>,
}

/// What goes into one transaction.
pub(crate) struct Work {
    pub(crate) flushes: Vec<(SourceId, Flush)>,
    pub(crate) keys: BTreeMap<TenantId, Arc<OwnerKeys>>,
    pub(crate) quarantine: Option<Arc<OwnerKeys>>,
    pub(crate) originals: Option<Arc<OwnerKeys>>,
    pub(crate) env: Env,
}

/// What came of it.
pub(crate) struct Appended {
    /// One per flush, in order.
    pub(crate) outcomes: Vec<Result<FlushOutcome>>,
    /// The new heads.
    pub(crate) heads: Vec<(TenantId, u64)>,
}

/// A sealed block as it lies in the database.
pub(crate) struct RawBlock {
    pub(crate) meta: BlockMeta,
    pub(crate) payload: Option<Vec<u8>>,
}

/// A tenant's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) sealed_seq: u64,
    pub(crate) oldest_seq: u64,
}

/// A step of a check: an entry with all that its chain value covers.
pub(crate) struct RawEntry {
    pub(crate) meta: BlockMeta,
    pub(crate) batch_id: String,
    pub(crate) part: i64,
    pub(crate) block_hash: Vec<u8>,
    pub(crate) prev_hash: Vec<u8>,
    pub(crate) payload: Option<Vec<u8>>,
}

/// What is native to each database. All of it is below the walls: callers have checked the scope.
#[async_trait]
pub(crate) trait JournalStore: Send + Sync + 'static {
    /// Stores the flushes in one transaction; see [`Db::append`].
    async fn append(&self, work: Work) -> Result<Appended>;
    async fn heartbeat(
        &self,
        source: &SourceId,
        watermark: Option<i64>,
        now: Timestamp,
    ) -> Result<()>;
    async fn head(&self, tenant: &TenantId) -> Result<Option<Head>>;
    /// Head and unsealed blocks with rows after `after`, ascending, up to `max_bytes` (at least one).
    async fn blocks_after(
        &self,
        tenant: &TenantId,
        after: u64,
        max_bytes: u64,
    ) -> Result<Option<(Head, Vec<RawBlock>)>>;
    /// The blocks that begin at `first_seqs`, in that order; `None` for what is not there.
    async fn blocks(&self, tenant: &TenantId, first_seqs: &[u64]) -> Result<Vec<Option<RawBlock>>>;
    /// Entries after `after`, ascending, for a check; and the chain value at the head.
    async fn entries(&self, tenant: &TenantId, after: u64, limit: u32) -> Result<Vec<RawEntry>>;
    async fn chain(&self, tenant: &TenantId) -> Result<(u64, Vec<u8>)>;
    async fn snapshot(&self, tenant: &TenantId) -> Result<Option<RawSnapshot>>;
    async fn commit_segments(&self, tenant: &TenantId, commit: StoredCommit) -> Result<()>;
    async fn segment_payload(&self, tenant: &TenantId, segment: &str) -> Result<Option<Vec<u8>>>;
    async fn deleted_segments(
        &self,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<Vec<RawSegment>>;
    async fn forget_segments(&self, tenant: &TenantId, segments: &[String]) -> Result<()>;
    /// Gives free space beyond `keep` bytes back to the file system; how many bytes it gave.
    async fn shrink(&self, keep: u64) -> Result<u64>;
    async fn close(&self);
}

/// The bytes that a journal entry's chain value covers.
pub(crate) fn entry_bytes(
    tenant: &TenantId,
    meta: &BlockMeta,
    batch_id: &str,
    part: i64,
    block_hash: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    for text in [tenant.as_str(), meta.source.as_str(), batch_id] {
        out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    for number in [meta.first_seq, u64::from(meta.rows), meta.bytes] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    for number in [part, meta.stored_time, meta.min_time, meta.max_time] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(block_hash);
    out
}

/// Heads that somebody in this process waits for.
#[derive(Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<HashMap<TenantId, watch::Sender<u64>>>>);

impl Heads {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, tenant: &TenantId) -> watch::Receiver<u64> {
        let mut map = self.map();
        // Whoever comes tidies up after those who left.
        map.retain(|_, sender| sender.receiver_count() > 0);
        map.entry(tenant.clone())
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }

    pub(super) fn advance(&self, tenant: &TenantId, seq: u64) {
        if let Some(sender) = self.map().get(tenant) {
            sender.send_if_modified(|head| {
                let newer = seq > *head;
                *head = seq.max(*head);
                newer
            });
        }
    }
}

/// Wakes when this process stores something for the tenant. Other processes' events do not wake
/// it: poll [`Db::head`] too.
#[derive(Debug)]
pub struct HeadWatch(watch::Receiver<u64>);

impl HeadWatch {
    /// Waits until something was stored since the last call.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // The sender lives as long as a receiver does; this end is never reached.
            std::future::pending::<()>().await;
        }
    }
}

impl Db {
    /// The tenant's newest sequence number; 0 when nothing was ever stored.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn head(&self, scope: &TenantScope) -> Result<u64> {
        let head = self.journal().head(scope.tenant()).await?;
        Ok(head.map_or(0, |head| head.seq))
    }

    /// Wakes when this process stores something for the tenant.
    #[must_use]
    pub fn head_watch(&self, scope: &TenantScope) -> HeadWatch {
        HeadWatch(self.inner.heads.watch(scope.tenant()))
    }

    /// The unsealed blocks with rows after sequence number `after`, ascending, of together about
    /// `max_bytes` sealed bytes (at least one block, if there is one). If `after` is below
    /// `sealed_seq`, the rows in between are in segments.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached, `INTERNAL` when a block does not open.
    pub async fn journal_read(
        &self,
        scope: &TenantScope,
        after: u64,
        max_bytes: u64,
    ) -> Result<JournalRead> {
        let Some((head, raw)) = self
            .journal()
            .blocks_after(scope.tenant(), after, max_bytes)
            .await?
        else {
            return Ok(JournalRead {
                head: 0,
                sealed_seq: 0,
                oldest_seq: 0,
                blocks: Vec::new(),
            });
        };
        let mut blocks = Vec::with_capacity(raw.len());
        if !raw.is_empty() {
            let keys = self.keyring().tenant(scope.tenant()).await?;
            for block in raw {
                // What is unsealed at this snapshot has its payload.
                blocks.extend(open(&keys, block)?);
            }
        }
        Ok(JournalRead {
            head: head.seq,
            sealed_seq: head.sealed_seq,
            oldest_seq: head.oldest_seq,
            blocks,
        })
    }

    /// The blocks that begin at `first_seqs`, in that order. `None` for a block that was sealed
    /// meanwhile: its rows are in a segment of a newer snapshot.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached, `INTERNAL` when a block does not open.
    pub async fn journal_blocks(
        &self,
        scope: &TenantScope,
        first_seqs: &[u64],
    ) -> Result<Vec<Option<JournalBlock>>> {
        let raw = self.journal().blocks(scope.tenant(), first_seqs).await?;
        let keys = self.keyring().tenant(scope.tenant()).await?;
        raw.into_iter()
            .map(|block| block.map_or(Ok(None), |block| open(&keys, block)))
            .collect()
    }

    /// Ingest's audit entries that begin after sequence number `after`, ascending, at most `limit`:
    /// who sent which batch when, sealed or not.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn journal_entries(
        &self,
        scope: &TenantScope,
        after: u64,
        limit: u32,
    ) -> Result<Vec<JournalEntry>> {
        let raw = self.journal().entries(scope.tenant(), after, limit).await?;
        raw.into_iter()
            .map(|entry| {
                Ok(JournalEntry {
                    meta: entry.meta,
                    batch_id: entry.batch_id,
                    block_hash: crate::audit::hash_from(entry.block_hash)?,
                })
            })
            .collect()
    }

    /// Gives space that sealing has freed back to the file system, but for `keep` bytes for what
    /// comes next. In small steps, so that ingest gets its turns in between; to be called when
    /// little else is to be done. Returns how many bytes it gave.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn shrink(&self, _runner: &JobRunner, keep: u64) -> Result<u64> {
        self.journal().shrink(keep).await
    }

    /// Checks the tenant's whole journal: the chain, the blocks' hashes, and that each unsealed
    /// block opens.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached. Faults are in the report.
    pub async fn verify_journal(&self, scope: &TenantScope) -> Result<JournalReport> {
        const STEP: u32 = 256;
        let tenant = scope.tenant();
        let keys = self.keyring().tenant(tenant).await?;
        let (head, chain_at_head) = self.journal().chain(tenant).await?;
        let mut report = JournalReport::default();
        let (mut chain, mut after) = ([0; 32], 0);
        loop {
            let entries = self.journal().entries(tenant, after, STEP).await?;
            let full = entries.len() == usize::try_from(STEP).unwrap_or(usize::MAX);
            for entry in entries
                .into_iter()
                .filter(|entry| entry.meta.first_seq <= head)
            {
                let at = entry.meta.first_seq;
                if at != after + 1 {
                    report
                        .faults
                        .push(format!("{tenant}: sequence {} is followed by {at}", after));
                }
                if entry.prev_hash != chain {
                    report
                        .faults
                        .push(format!("{tenant}: the chain breaks at {at}"));
                }
                if let Some(payload) = &entry.payload {
                    report.blocks += 1;
                    if blake3::hash(payload).as_bytes().as_slice() != entry.block_hash {
                        report.faults.push(format!(
                            "{tenant}: the block at {at} is not what was stored"
                        ));
                    } else if keys.open(OBJECT, at, payload).is_err() {
                        report
                            .faults
                            .push(format!("{tenant}: the block at {at} does not open"));
                    }
                }
                let bytes = entry_bytes(
                    tenant,
                    &entry.meta,
                    &entry.batch_id,
                    entry.part,
                    &entry.block_hash,
                );
                chain = crate::audit::chain_hash(&chain, &crate::audit::leaf_hash(&bytes));
                after = entry.meta.last_seq();
                report.entries += 1;
            }
            if !full {
                break;
            }
        }
        if after != head || chain.as_slice() != chain_at_head {
            report.faults.push(format!(
                "{tenant}: the journal ends at {after}, its head says {head}"
            ));
        }
        Ok(report)
    }
}

fn open(keys: &OwnerKeys, block: RawBlock) -> Result<Option<JournalBlock>> {
    let Some(payload) = block.payload else {
        return Ok(None);
    };
    let mut plain = keys.open(OBJECT, block.meta.first_seq, &payload)?;
    Ok(Some(JournalBlock {
        meta: block.meta,
        plain: Bytes::from(std::mem::take(&mut *plain)),
    }))
}

/// A count that the database keeps as a signed number.
pub(crate) fn rows_from(n: i64) -> Result<u32> {
    u32::try_from(n).map_err(|_| Error::internal("a row count in the database is out of range"))
}
