//! The one way in for events. What a source hands in is stored exactly once: a batch that comes
//! again is recognised by its id, and refused when its content differs.

use std::collections::BTreeSet;

use super::Db;
use crate::auth::{IngestScope, Role, TenantScope};
use crate::error::{Error, Reason, Result};
use crate::ids::{EventName, SourceId, TenantId};

/// Longest batch id, in bytes.
pub const MAX_BATCH_ID: usize = 200;
/// Most plain bytes of one block, of one record in quarantine, and of one original.
pub const MAX_BLOCK: usize = 64 << 20;
/// Most bytes that are kept of one record that could not be read.
pub const MAX_DEAD_LETTER: usize = 1 << 20;

/// Batches that become durable together.
#[derive(Debug, Default)]
pub struct Flush {
    /// The batches, in the order in which their rows get their sequence numbers.
    pub batches: Vec<FlushBatch>,
}

/// One batch of the source.
#[derive(Debug, Default)]
pub struct FlushBatch {
    /// The source's own id for it, at most [`MAX_BATCH_ID`] bytes. Remembered for 30 days.
    pub batch_id: String,
    /// Hash of the content as the source sent it.
    pub content_hash: [u8; 32],
    /// One block per tenant that the batch concerns; an empty batch is a batch too.
    pub blocks: Vec<TenantBlock>,
    /// Events that also, or only, concern somebody who is not registered.
    pub quarantine: Vec<QuarantineRecord>,
    /// Originals of events that concern several parties.
    pub originals: Vec<OriginalRecord>,
    /// Records that could not be read.
    pub dead_letters: Vec<DeadLetter>,
    /// The source's promise that everything up to this event time (ns) has been delivered.
    pub watermark: Option<i64>,
    /// The version of the directory that the batch was attributed by: it is stored only while
    /// that is the present one. `None` for what does not come from the directory.
    pub directory_version: Option<i64>,
}

/// A tenant's share of a batch.
#[derive(Debug)]
pub struct TenantBlock {
    /// Whose.
    pub tenant: TenantId,
    /// How many rows, at least one; each gets a sequence number.
    pub rows: u32,
    /// Earliest event time in it, in ns.
    pub min_time: i64,
    /// Latest event time in it, in ns.
    pub max_time: i64,
    /// The encoded rows; sealed here.
    pub plain: Vec<u8>,
}

/// An event that concerns somebody unknown.
#[derive(Debug)]
pub struct QuarantineRecord {
    /// [`IngestNames::party_hash`](crate::keys::IngestNames::party_hash) of each unknown party.
    pub party_hashes: Vec<[u8; 32]>,
    /// [`IngestNames::network_hash`](crate::keys::IngestNames::network_hash) of each that is an
    /// address.
    pub network_hashes: Vec<[u8; 32]>,
    /// What a later backfill needs; sealed here under the quarantine's own key.
    pub plain: Vec<u8>,
}

/// The original of an event of which each party has a view.
#[derive(Debug)]
pub struct OriginalRecord {
    /// Every tenant that is a party, ascending, and the event's name there.
    pub parties: Vec<(TenantId, EventName)>,
    /// The original; sealed here under all parties' keys in turn.
    pub plain: Vec<u8>,
}

/// A record that could not be read.
#[derive(Debug)]
pub struct DeadLetter {
    /// Its line, or number, in the upload.
    pub line: u64,
    /// A stable reason code.
    pub reason: String,
    /// Its bytes as sent; what is longer than [`MAX_DEAD_LETTER`] is cut.
    pub bytes: Vec<u8>,
    /// How long it was as sent, if more than `bytes`.
    pub full_bytes: u64,
}

/// What became of a flush, batch by batch in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlushOutcome {
    /// One per batch.
    pub batches: Vec<BatchOutcome>,
}

/// What became of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It is durable.
    Stored,
    /// It was durable before; nothing was stored now.
    Duplicate,
    /// A batch of this id is stored with other content; nothing was stored now
    /// ([`Reason::BatchConflict`]).
    Conflict,
    /// The directory has changed since the batch was attributed; nothing was stored now.
    /// Attribute it anew: what it holds may belong to somebody else, or to somebody at last.
    Stale,
}

impl Db {
    /// Stores the batches and returns once they are durable. Calls that come at the same time
    /// share one transaction. If the caller stops waiting, the batches are stored wholly or not
    /// at all, and sending them again is right in either case.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a malformed flush; `FAILED_PRECONDITION` when a tenant does not
    /// exist (blocks of a deleted one are dropped); `UNAVAILABLE` when it could not be made
    /// durable. Nothing of the flush is stored then.
    pub async fn append(&self, scope: &IngestScope, flush: Flush) -> Result<FlushOutcome> {
        check(&flush)?;
        self.inner
            .appender
            .append(scope.source().clone(), flush)
            .await
    }

    /// Stores, in a background job, events that came from `source` before the tenant was known.
    ///
    /// # Errors
    /// As [`Db::append`]; `PERMISSION_DENIED` outside a job or for blocks of another tenant.
    pub async fn append_backfill(
        &self,
        scope: &TenantScope,
        source: &SourceId,
        batch: FlushBatch,
    ) -> Result<BatchOutcome> {
        let own = batch
            .blocks
            .iter()
            .all(|block| block.tenant == *scope.tenant())
            && batch
                .originals
                .iter()
                .all(|original| original.parties.iter().any(|(t, _)| t == scope.tenant()));
        if scope.principal().role() != Role::System || !own {
            return Err(Error::permission_denied());
        }
        if batch.watermark.is_some()
            || !batch.quarantine.is_empty()
            || !batch.dead_letters.is_empty()
        {
            return Err(Error::internal(
                "a backfill carries blocks and originals alone",
            ));
        }
        let flush = Flush {
            batches: vec![batch],
        };
        check(&flush)?;
        let outcome = self.inner.appender.append(source.clone(), flush).await?;
        outcome
            .batches
            .first()
            .copied()
            .ok_or_else(|| Error::internal("a flush of one batch without an outcome"))
    }

    /// Notes that the source is alive and how far it has delivered (ns of event time), when it
    /// has nothing to send. A watermark never goes back.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it could not be made durable.
    pub async fn heartbeat(&self, scope: &IngestScope, watermark: Option<i64>) -> Result<()> {
        let now = self.env().now();
        self.journal()
            .heartbeat(scope.source(), watermark, now)
            .await
    }
}

fn check(flush: &Flush) -> Result<()> {
    let mut seen = BTreeSet::new();
    for batch in &flush.batches {
        let id = batch.batch_id.as_str();
        if id.is_empty() || id.len() > MAX_BATCH_ID || id.chars().any(char::is_control) {
            return Err(Error::invalid(
                "batch_id",
                "expected 1 to 200 bytes of text without control characters",
            ));
        }
        if !seen.insert(id) {
            return Err(Error::invalid("batch_id", "given twice in one flush"));
        }
        for block in &batch.blocks {
            if block.rows == 0 || block.min_time > block.max_time {
                return Err(Error::internal(
                    "a block without rows or with its times reversed",
                ));
            }
            if block.plain.len() > MAX_BLOCK {
                return Err(Error::new(
                    Reason::TooLarge,
                    "a batch holds more than 64 MiB for one tenant",
                ));
            }
        }
        let several = |original: &OriginalRecord| {
            !original.parties.is_empty() && original.parties.is_sorted_by(|(a, _), (b, _)| a < b)
        };
        if !batch.originals.iter().all(several) {
            return Err(Error::internal(
                "an original of nobody's, or its parties out of order",
            ));
        }
        let quarantine = batch.quarantine.iter().map(|record| &record.plain);
        let originals = batch.originals.iter().map(|record| &record.plain);
        if quarantine
            .chain(originals)
            .any(|plain| plain.len() > MAX_BLOCK)
        {
            return Err(Error::new(
                Reason::TooLarge,
                "a record holds more than 64 MiB",
            ));
        }
    }
    Ok(())
}

impl Flush {
    /// Roughly how much memory it holds.
    pub(super) fn weight(&self) -> usize {
        self.batches
            .iter()
            .map(|batch| {
                let blocks: usize = batch.blocks.iter().map(|b| b.plain.len() + 256).sum();
                let quarantine: usize = batch.quarantine.iter().map(|q| q.plain.len() + 256).sum();
                let originals: usize = batch.originals.iter().map(|o| o.plain.len() + 512).sum();
                let letters: usize = batch.dead_letters.iter().map(|d| d.bytes.len() + 256).sum();
                512 + blocks + quarantine + originals + letters
            })
            .sum()
    }
}
