//! Batches in: decode, normalize, attribute, one view per party, journal, answer.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cordon_kernel::db::{
    BatchOutcome, DeadLetter, Flush, FlushBatch, QuarantineRecord, TenantBlock,
};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, IngestScope, Reason, Result, TenantId};
use cordon_lake::block::BlockEncoder;
use cordon_views::{Attributed, EventRow, SourceType, attribute};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::directory::{Directory, Registers};
use super::names::TenantNames;
use super::originals::Packer;
use super::quarantine;
use super::waits::Waits;

/// Most records of a batch.
pub(super) const MAX_RECORDS: usize = 10_000;
/// Most bytes of a batch.
pub(super) const MAX_BYTES: usize = 8 << 20;
/// Most bytes of all batches that are being worked on at one time.
const IN_WORK: usize = 24 << 20;
/// How often a batch is attributed anew because the directory changed under it.
const ATTEMPTS: usize = 8;
/// What the smallest batch counts as.
const LEAST_WEIGHT: usize = 64 << 10;
/// Most bytes of what all records need to be read.
const MAX_CONTEXT: usize = 8 << 10;
/// Bytes that are hashed at a time.
const HASH_PIECE: usize = 64 << 10;
/// Longest batch id, in characters.
const MAX_BATCH_ID: usize = 128;
/// Most rejected records that an answer explains one by one.
const MAX_ERRORS: usize = 100;

/// A batch as the source sent it.
#[derive(Debug)]
pub struct Batch {
    /// The sender's name for it.
    pub id: String,
    /// How its records are read.
    pub source_type: SourceType,
    /// What all records need to be read.
    pub context: String,
    /// The records.
    pub records: Vec<bytes::Bytes>,
    /// Where each record stood; may be shorter than `records`.
    pub lines: Vec<i64>,
    /// What the sender itself could not split off.
    pub unreadable: Vec<Unreadable>,
    /// Up to when the source has delivered everything, ns.
    pub watermark: Option<i64>,
}

/// Bytes that are no record.
#[derive(Debug)]
pub struct Unreadable {
    /// Line in the sender's file.
    pub line: i64,
    /// Stable code.
    pub reason: String,
    /// What was wrong.
    pub message: String,
    /// The bytes.
    pub content: bytes::Bytes,
}

/// What became of a batch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The batch.
    pub batch_id: String,
    /// Records stored, those in quarantine too.
    pub accepted: u64,
    /// Records of a batch that was stored before, and repetitions within it.
    pub duplicates: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// Accepted records that concern no registered tenant.
    pub unattributed: u64,
    /// Why records were rejected, the first hundred.
    pub errors: Vec<RecordError>,
}

/// Why a record was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Position in the batch.
    pub index: u64,
    /// Line in the sender's file, 0 when unknown.
    pub line: i64,
    /// Stable code.
    pub reason: String,
    /// What was wrong.
    pub message: String,
}

/// The way in, shared by all streams.
pub struct Ingest {
    kernel: Arc<Kernel>,
    directory: Arc<Directory>,
    room: Arc<Semaphore>,
    waits: Arc<Waits>,
}

impl Ingest {
    /// A way in that attributes by this directory.
    #[must_use]
    pub fn new(kernel: Arc<Kernel>, directory: Arc<Directory>) -> Self {
        Self {
            kernel,
            directory,
            room: Arc::new(Semaphore::new(IN_WORK)),
            waits: Arc::default(),
        }
    }

    /// How long events waited until they could be seen.
    #[must_use]
    pub fn waits(&self) -> &Arc<Waits> {
        &self.waits
    }

    /// The kernel that it stores in.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Stores a batch and returns once it is durable.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a malformed batch, `TOO_LARGE`, `BATCH_CONFLICT` when the id is
    /// known with other content, `UNAVAILABLE` when it could not be made durable: nothing of it
    /// is stored then.
    pub async fn store(&self, scope: &IngestScope, batch: Batch) -> Result<Receipt> {
        let received = self.kernel.env().now();
        let weight = check(&batch)?;
        let permits = u32::try_from(weight.max(1)).unwrap_or(u32::MAX);
        let _room = self
            .room
            .acquire_many(permits)
            .await
            .map_err(|_| Error::new(Reason::Unavailable, "the server is stopping"))?;
        let batch = Arc::new(batch);
        for _ in 0..ATTEMPTS {
            let (receipt, sorted) = self.sort(scope, &batch).await?;
            let shares = shares(&sorted);
            if let Some(receipt) = self.append(scope, receipt, sorted).await? {
                if receipt.duplicates == 0 {
                    self.note(shares, received);
                }
                return Ok(receipt);
            }
        }
        Err(restless())
    }

    /// Counts how long what is stored now has waited.
    fn note(&self, shares: Vec<(TenantId, u64)>, received: Timestamp) {
        let seen = self.kernel.env().now();
        let waited = seen.duration_since(received);
        for (tenant, events) in shares {
            self.waits.note(&tenant, events, seen, waited);
        }
    }

    /// Reads one record that could not be read before. Stores it if it can be now; `None` if not,
    /// and then nothing is stored.
    ///
    /// # Errors
    /// As [`Ingest::store`].
    pub async fn retry(&self, scope: &IngestScope, batch: Batch) -> Result<Option<Receipt>> {
        let batch = Arc::new(batch);
        for _ in 0..ATTEMPTS {
            let (receipt, sorted) = self.sort(scope, &batch).await?;
            if receipt.rejected > 0 {
                return Ok(None);
            }
            if let Some(receipt) = self.append(scope, receipt, sorted).await? {
                return Ok(Some(receipt));
            }
        }
        Err(restless())
    }

    async fn sort(&self, scope: &IngestScope, batch: &Arc<Batch>) -> Result<(Receipt, FlushBatch)> {
        let registers = self.directory.current(&self.kernel, scope).await?;
        let names = self.kernel.ingest_names(scope).await?;
        let observed = cordon_kernel::db::nanos(self.kernel.env().now());
        let handle = tokio::runtime::Handle::current();
        let batch = Arc::clone(batch);
        // Attribution is work for a processor, not for the reactor.
        tokio::task::spawn_blocking(move || {
            let names = TenantNames::new(names, handle);
            let sorted = sort(&batch, observed, &registers, &names);
            names.failed().map_or(sorted, Err)
        })
        .await
        .map_err(|cause| Error::internal(format!("attribution ended early: {cause}")))?
    }

    /// `None` when the directory has changed since the batch was sorted.
    async fn append(
        &self,
        scope: &IngestScope,
        mut receipt: Receipt,
        batch: FlushBatch,
    ) -> Result<Option<Receipt>> {
        let flush = Flush {
            batches: vec![batch],
        };
        let outcome = self.kernel.db().append(scope, flush).await?;
        match outcome.batches.first() {
            Some(BatchOutcome::Stored) => Ok(Some(receipt)),
            Some(BatchOutcome::Stale) => Ok(None),
            Some(BatchOutcome::Duplicate) => {
                receipt.duplicates += receipt.accepted;
                receipt.accepted = 0;
                receipt.unattributed = 0;
                Ok(Some(receipt))
            }
            Some(BatchOutcome::Conflict) => Err(Error::new(
                Reason::BatchConflict,
                "a batch with this id and other content is stored; send this content under a new id",
            )),
            None => Err(Error::internal("a flush of one batch without an outcome")),
        }
    }
}

/// How many events of a batch are whose.
fn shares(batch: &FlushBatch) -> Vec<(TenantId, u64)> {
    let blocks = batch.blocks.iter();
    blocks
        .map(|block| (block.tenant.clone(), u64::from(block.rows)))
        .collect()
}

/// The directory changed with each attempt. Whose registrations those were is nothing that a
/// source should learn of, so it hears no more than that it may try again.
fn restless() -> Error {
    Error::new(
        Reason::Unavailable,
        "the batch could not be stored just now; send it again",
    )
    .with_retry_after(std::time::Duration::from_secs(1))
}

/// The size of a batch that is allowed.
fn check(batch: &Batch) -> Result<usize> {
    let id = batch.id.as_str();
    if id.is_empty() || id.chars().count() > MAX_BATCH_ID || id.chars().any(char::is_control) {
        return Err(Error::invalid(
            "batch_id",
            "expected 1 to 128 printable characters",
        ));
    }
    if batch.records.len() + batch.unreadable.len() > MAX_RECORDS {
        return Err(Error::new(
            Reason::TooLarge,
            "a batch holds at most 10,000 records; send several batches",
        ));
    }
    let bytes: usize = batch.records.iter().map(bytes::Bytes::len).sum::<usize>()
        + batch
            .unreadable
            .iter()
            .map(|bad| bad.content.len())
            .sum::<usize>();
    if batch.context.len() > MAX_CONTEXT {
        return Err(Error::new(
            Reason::TooLarge,
            "the context, a flow log's header line or whose the records are, holds at most 8 KiB",
        ));
    }
    if bytes > MAX_BYTES {
        return Err(Error::new(
            Reason::TooLarge,
            "a batch holds at most 8 MiB; send several batches",
        ));
    }
    // What is kept of a record carries the context along; and no batch is free.
    let records = batch.records.len() + batch.unreadable.len();
    Ok((bytes + records * batch.context.len()).clamp(LEAST_WEIGHT, IN_WORK))
}

/// What a batch says, whatever lines it came from.
fn content_hash(batch: &Batch) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    // Many lanes at once take a large piece in the time of a small one.
    let mut piece = Vec::with_capacity(2 * HASH_PIECE);
    let mut part = |bytes: &[u8]| {
        piece.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        piece.extend_from_slice(bytes);
        if piece.len() >= HASH_PIECE {
            hash.update(&piece);
            piece.clear();
        }
    };
    part(batch.source_type.as_str().as_bytes());
    part(batch.context.as_bytes());
    for record in &batch.records {
        part(record);
    }
    for bad in &batch.unreadable {
        part(bad.reason.as_bytes());
        part(&bad.content);
    }
    *hash.update(&piece).finalize().as_bytes()
}

/// Sorts a batch's records by whom they concern.
fn sort(
    batch: &Batch,
    observed: i64,
    registers: &Registers,
    names: &TenantNames,
) -> Result<(Receipt, FlushBatch)> {
    let mut sorter = Sorter {
        batch,
        context: (!batch.context.is_empty()).then_some(batch.context.as_str()),
        observed,
        receipt: Receipt {
            batch_id: batch.id.clone(),
            ..Receipt::default()
        },
        rows: BTreeMap::new(),
        packer: Packer::new()?,
        flush: FlushBatch {
            batch_id: batch.id.clone(),
            content_hash: content_hash(batch),
            watermark: batch.watermark,
            directory_version: Some(registers.version()),
            ..FlushBatch::default()
        },
    };
    let mut seen: HashSet<[u8; 32]> = HashSet::with_capacity(batch.records.len());
    for (index, record) in batch.records.iter().enumerate() {
        let attributed = attribute(
            batch.source_type,
            record,
            sorter.context,
            observed,
            registers,
            names,
        );
        let content = match &attributed {
            Ok(attributed) => attributed.content,
            Err(_) => *blake3::hash(record).as_bytes(),
        };
        if !seen.insert(content) {
            sorter.receipt.duplicates += 1;
            continue;
        }
        match attributed {
            Ok(attributed) => sorter.take(record, attributed, names)?,
            Err(reject) => {
                let bad = Unreadable {
                    line: batch.lines.get(index).copied().unwrap_or(0),
                    reason: reject.reason.to_owned(),
                    message: reject.message,
                    content: record.clone(),
                };
                sorter.reject(index, &bad);
            }
        }
    }
    for (index, bad) in (batch.records.len()..).zip(&batch.unreadable) {
        sorter.reject(index, bad);
    }
    sorter.finish()
}

struct Sorter<'a> {
    batch: &'a Batch,
    context: Option<&'a str>,
    observed: i64,
    receipt: Receipt,
    rows: BTreeMap<TenantId, Vec<EventRow>>,
    packer: Packer,
    flush: FlushBatch,
}

impl Sorter<'_> {
    fn take(
        &mut self,
        record: &[u8],
        attributed: Attributed<TenantId>,
        names: &TenantNames,
    ) -> Result<()> {
        self.receipt.accepted += 1;
        if attributed.views.is_empty() {
            self.receipt.unattributed += 1;
        }
        if attributed.views.is_empty() || !attributed.unknown_parties.is_empty() {
            self.flush.quarantine.push(QuarantineRecord {
                party_hashes: names.party_hashes(&attributed.unknown_parties),
                network_hashes: names.network_hashes(&attributed.unknown_parties),
                plain: self.keep(record),
            });
        }
        let (batch, context, observed) = (self.batch, self.context, self.observed);
        let kept = || quarantine::encode(batch.source_type, context, observed, record);
        let original = self.packer.pack(&attributed, kept)?;
        self.flush.originals.extend(original);
        for (tenant, row) in attributed.views {
            self.rows.entry(tenant).or_default().push(row);
        }
        Ok(())
    }

    fn reject(&mut self, index: usize, bad: &Unreadable) {
        self.receipt.rejected += 1;
        if self.receipt.errors.len() < MAX_ERRORS {
            self.receipt.errors.push(RecordError {
                index: u64::try_from(index).unwrap_or(u64::MAX),
                line: bad.line,
                reason: bad.reason.clone(),
                message: bad.message.clone(),
            });
        }
        let bytes = self.keep(&bad.content);
        self.flush.dead_letters.push(DeadLetter {
            line: u64::try_from(bad.line).unwrap_or(0),
            reason: bad.reason.clone(),
            full_bytes: u64::try_from(bad.content.len()).unwrap_or(u64::MAX),
            bytes,
        });
    }

    /// A record with all that is needed to read it another time.
    fn keep(&self, record: &[u8]) -> Vec<u8> {
        quarantine::encode(self.batch.source_type, self.context, self.observed, record)
    }

    fn finish(mut self) -> Result<(Receipt, FlushBatch)> {
        let mut encoder = BlockEncoder::new().map_err(Error::internal)?;
        for (tenant, rows) in self.rows {
            self.flush.blocks.push(encode(&mut encoder, tenant, &rows)?);
        }
        Ok((self.receipt, self.flush))
    }
}

/// A tenant's rows as a block of its journal.
pub(super) fn encode(
    encoder: &mut BlockEncoder,
    tenant: TenantId,
    rows: &[EventRow],
) -> Result<TenantBlock> {
    let block = encoder.encode(rows).map_err(Error::internal)?;
    Ok(TenantBlock {
        tenant,
        rows: block.rows,
        min_time: block.min_time,
        max_time: block.max_time,
        plain: block.plain,
    })
}
