//! The catalogue of a tenant's segments, and the snapshot that a query works on.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::Db;
use super::jobs::JobClaim;
use super::journal::{BlockMeta, Head};
use crate::auth::{Role, TenantScope};
use crate::error::{Error, Reason, Result};
use crate::ids::SourceId;

/// Where a segment's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentObject {
    /// Encrypted Parquet at this path of the object store.
    Parquet(String),
    /// Too small for a file: a block in the database ([`Db::segment_payload`]).
    Block,
}

/// A segment's row in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// Its id, in names of objects and keys.
    pub id: Uuid,
    /// Lowest sequence number that it covers.
    pub first_seq: u64,
    /// Highest sequence number that it covers.
    pub last_seq: u64,
    /// How many rows it holds; repetitions that sealing dropped are not counted.
    pub rows: u64,
    /// Earliest event time, in ns.
    pub min_time: i64,
    /// Latest event time, in ns.
    pub max_time: i64,
    /// The day on which all of it was stored, in days since 1970.
    pub stored_day: i32,
    /// Earliest stored time, in ns.
    pub first_stored: i64,
    /// Latest stored time, in ns.
    pub last_stored: i64,
    /// Where its bytes are.
    pub object: SegmentObject,
    /// Size of the object.
    pub object_bytes: u64,
    /// BLAKE3 of the object's bytes.
    pub object_hash: [u8; 32],
    /// Version of the data key that it was sealed under.
    pub key_version: u32,
    /// Version of the layout, which the lake defines.
    pub format: u32,
    /// What the lake needs to know before it opens the object (fingerprints, filters); sealed in
    /// the database, plain here.
    pub meta: Bytes,
}

/// How far one source has come, as far as this tenant may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProgress {
    /// A source that has delivered to this tenant.
    pub source: SourceId,
    /// Everything up to this event time (ns) was delivered, says the source.
    pub watermark: Option<i64>,
    /// Latest event time (ns) of the events that it delivered to this tenant.
    pub observed_until: i64,
}

/// One state of a tenant's events.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The newest sequence number that belongs to it.
    pub head: u64,
    /// Up to here the rows are in `segments`.
    pub sealed_seq: u64,
    /// Cursors below this are past retention.
    pub oldest_seq: u64,
    /// When the newest row was stored, in ns.
    pub last_stored: Option<i64>,
    /// The segments, by ascending first sequence number.
    pub segments: Arc<Vec<SegmentRow>>,
    /// The unsealed blocks, ascending.
    pub unsealed: Arc<Vec<BlockMeta>>,
    /// The sources that have delivered to this tenant.
    pub sources: Vec<SourceProgress>,
}

/// A segment that is to enter the catalogue.
#[derive(Debug)]
pub struct NewSegment {
    /// Its row.
    pub row: SegmentRow,
    /// The plain bytes when it is a [`SegmentObject::Block`]; sealed here.
    pub block: Option<Vec<u8>>,
}

/// A change of the catalogue, all in one transaction.
#[derive(Debug, Default)]
pub struct SegmentCommit<'a> {
    /// Segments that come in. Their objects are already in the store.
    pub add: Vec<NewSegment>,
    /// Segments that they replace, or that have expired. Their objects stay until
    /// [`Db::forget_segments`], for queries that still read them.
    pub remove: Vec<Uuid>,
    /// Up to this sequence number, the last of a block, rows are now in segments: the blocks'
    /// payloads are dropped, their journal rows stay.
    pub sealed_through: Option<u64>,
    /// Cursors below this are from now on past retention.
    pub oldest_seq: Option<u64>,
    /// The job that does it: refused when its claim has lapsed.
    pub claim: Option<&'a JobClaim>,
}

/// [`SegmentCommit`] after sealing, as the database takes it.
pub(crate) struct StoredCommit {
    pub(crate) add: Vec<RawSegment>,
    pub(crate) remove: Vec<String>,
    pub(crate) sealed_through: Option<u64>,
    pub(crate) oldest_seq: Option<u64>,
    pub(crate) claim: Option<(String, i64)>,
    pub(crate) now: Timestamp,
}

/// A segment as it lies in the database.
#[derive(Clone)]
pub(crate) struct RawSegment {
    /// `meta` is still sealed in it.
    pub(crate) row: SegmentRow,
    pub(crate) payload: Option<Vec<u8>>,
}

/// A snapshot as it lies in the database.
pub(crate) struct RawSnapshot {
    pub(crate) head: Head,
    pub(crate) last_stored: Option<i64>,
    pub(crate) catalogue_version: i64,
    pub(crate) segments: RawCatalogue,
    pub(crate) unsealed: Arc<Vec<BlockMeta>>,
    pub(crate) sources: Vec<SourceProgress>,
}

/// Segments as read, or what was opened of them before.
pub(crate) enum RawCatalogue {
    Sealed(Vec<SegmentRow>),
    Opened(Arc<Vec<SegmentRow>>),
}

fn meta_object(id: Uuid) -> String {
    format!("segment-meta/{}", id.hyphenated())
}

fn block_object(id: Uuid) -> String {
    format!("segment-block/{}", id.hyphenated())
}

impl Db {
    /// One state of the tenant's events: head, segments and unsealed blocks, read in one
    /// transaction.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached, `INTERNAL` when the catalogue is damaged.
    pub async fn snapshot(&self, scope: &TenantScope) -> Result<Snapshot> {
        let tenant = scope.tenant();
        let Some(raw) = self.journal().snapshot(tenant).await? else {
            return Err(Error::internal(format!("{tenant} has no head")));
        };
        let segments = match raw.segments {
            RawCatalogue::Opened(rows) => rows,
            RawCatalogue::Sealed(mut rows) => {
                if !rows.is_empty() {
                    let keys = self.keyring().tenant(tenant).await?;
                    for row in &mut rows {
                        let mut plain = keys.open(&meta_object(row.id), 0, &row.meta)?;
                        row.meta = Bytes::from(std::mem::take(&mut *plain));
                    }
                }
                let rows = Arc::new(rows);
                self.inner
                    .catalogue
                    .remember(tenant, raw.catalogue_version, &rows);
                rows
            }
        };
        Ok(Snapshot {
            head: raw.head.seq,
            sealed_seq: raw.head.sealed_seq,
            oldest_seq: raw.head.oldest_seq,
            last_stored: raw.last_stored,
            segments,
            unsealed: raw.unsealed,
            sources: raw.sources,
        })
    }

    /// Changes the catalogue, in a background job.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job or with another tenant's claim.
    /// `ETAG_MISMATCH` when the claim has lapsed or a segment to be removed is not there: start
    /// over from a new snapshot. `INTERNAL` when the change makes no sense. Nothing is changed then.
    pub async fn commit_segments(
        &self,
        scope: &TenantScope,
        commit: SegmentCommit<'_>,
    ) -> Result<()> {
        let tenant = scope.tenant();
        require_job(scope)?;
        if commit.claim.is_some_and(|claim| claim.tenant() != tenant) {
            return Err(Error::permission_denied());
        }
        let keys = self.keyring().tenant(tenant).await?;
        let env = self.env();
        let mut add = Vec::with_capacity(commit.add.len());
        for NewSegment { mut row, block } in commit.add {
            if (row.object == SegmentObject::Block) != block.is_some()
                || row.first_seq > row.last_seq
            {
                return Err(Error::internal(format!(
                    "segment {} does not fit together",
                    row.id
                )));
            }
            if row.key_version > keys.version() {
                // Read just before that key began to seal: so that both are under one.
                self.keyring().forget(&crate::keys::KeyId::tenant(tenant));
                return Err(Error::new(
                    Reason::EtagMismatch,
                    "the data key has changed meanwhile: start over",
                ));
            }
            row.meta = keys.seal(env, &meta_object(row.id), 0, &row.meta)?.into();
            let payload = match block {
                Some(plain) => {
                    let sealed = keys.seal(env, &block_object(row.id), 0, &plain)?;
                    row.object_bytes = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
                    row.object_hash = *blake3::hash(&sealed).as_bytes();
                    row.key_version = keys.version();
                    Some(sealed)
                }
                None => None,
            };
            add.push(RawSegment { row, payload });
        }
        let stored = StoredCommit {
            add,
            remove: commit
                .remove
                .iter()
                .map(|id| id.hyphenated().to_string())
                .collect(),
            sealed_through: commit.sealed_through,
            oldest_seq: commit.oldest_seq,
            claim: commit
                .claim
                .map(|claim| (claim.job().to_owned(), claim.epoch())),
            now: env.now(),
        };
        self.journal().commit_segments(tenant, stored).await
    }

    /// The plain bytes of a [`SegmentObject::Block`].
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such segment any more; `INTERNAL` when it does not open.
    pub async fn segment_payload(&self, scope: &TenantScope, id: Uuid) -> Result<Bytes> {
        let name = id.hyphenated().to_string();
        let sealed = self
            .journal()
            .segment_payload(scope.tenant(), &name)
            .await?;
        let sealed = sealed.ok_or_else(|| Error::new(Reason::NotFound, "no such segment"))?;
        let keys = self.keyring().tenant(scope.tenant()).await?;
        let mut plain = keys.open(&block_object(id), 0, &sealed)?;
        Ok(Bytes::from(std::mem::take(&mut *plain)))
    }

    /// Segments that were removed before `before`: their objects may go. `meta` is empty.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn deleted_segments(
        &self,
        scope: &TenantScope,
        before: Timestamp,
    ) -> Result<Vec<SegmentRow>> {
        let raw = self
            .journal()
            .deleted_segments(scope.tenant(), before)
            .await?;
        Ok(raw.into_iter().map(|segment| segment.row).collect())
    }

    /// Forgets removed segments whose objects are gone, in a background job.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job; `UNAVAILABLE` when the database can't be reached.
    pub async fn forget_segments(&self, scope: &TenantScope, ids: &[Uuid]) -> Result<()> {
        require_job(scope)?;
        let names: Vec<String> = ids.iter().map(|id| id.hyphenated().to_string()).collect();
        self.journal().forget_segments(scope.tenant(), &names).await
    }
}

/// No person changes a catalogue.
fn require_job(scope: &TenantScope) -> Result<()> {
    if scope.principal().role() == Role::System {
        Ok(())
    } else {
        Err(Error::permission_denied())
    }
}
