//! Merging small segment files of a day into larger ones, and sweeping away what is no longer
//! needed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cordon_kernel::TenantScope;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::db::segments::{SegmentCommit, SegmentObject, SegmentRow, Snapshot};
use cordon_kernel::db::{nanos, timestamp};
use jiff::{SignedDuration, Timestamp};

use crate::error::Result;
use crate::lake::{Access, Lake};
use crate::schema::Columns;
use crate::seal::blocking;
use crate::search::{Query, Sources, Walk};
use crate::segment::SegmentWriter;

/// Files with fewer rows are merged.
const SMALL_ROWS: u64 = 131_072;

/// As soon as a day has so many of them.
const SMALL_FILES: usize = 8;

/// Most rows of a merged file.
const MERGED_ROWS: u64 = 262_144;

/// Most bytes of a merged file, since it is put together in memory.
const MERGED_BYTES: u64 = 64 << 20;

/// How long objects outlive their catalogue rows, for queries that still read them, and how
/// old an object without one must be before it counts as an orphan.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// What sweeping removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Segments that had been replaced or had expired.
    pub segments: usize,
    /// Objects that no catalogue row names.
    pub orphans: usize,
    /// Unfinished writes.
    pub partial: usize,
}

impl Lake {
    /// Merges a tenant's small segment files, day by day. Returns how many files went into
    /// others.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim lapsed or the catalogue changed meanwhile. Otherwise the
    /// store's.
    pub async fn merge(&self, scope: &TenantScope, claim: Option<&JobClaim>) -> Result<usize> {
        let access = self.access(scope).await?;
        let mut merged = 0;
        loop {
            let snapshot = self.kernel.db().snapshot(scope).await?;
            let Some(chosen) = choose(&snapshot.segments) else {
                return Ok(merged);
            };
            let _heavy = self.heavy().await;
            merged += chosen.len();
            access.merge(&snapshot, &chosen, claim).await?;
        }
    }

    /// Removes the objects of segments that were replaced or have expired, orphans, and
    /// unfinished writes, all of them an hour after.
    ///
    /// # Errors
    /// The store's; what was removed before stays removed.
    pub async fn sweep(&self, scope: &TenantScope) -> Result<Swept> {
        let now = self.kernel.env().now();
        let before = now.checked_sub(GRACE).unwrap_or(now);
        let db = self.kernel.db();
        let mut swept = Swept {
            partial: self.objects.sweep_partial(scope, before).await?,
            ..Swept::default()
        };
        let deleted = db.deleted_segments(scope, before).await?;
        for row in &deleted {
            if let SegmentObject::Parquet(path) = &row.object {
                self.objects.delete(scope, path).await?;
            }
        }
        let ids: Vec<_> = deleted.iter().map(|row| row.id).collect();
        if !ids.is_empty() {
            db.forget_segments(scope, &ids).await?;
        }
        swept.segments = ids.len();

        // Listed before the catalogue is read: what is in the list and in neither state of
        // the catalogue was there before it and never got a row.
        let listed = self.objects.list(scope).await?;
        let snapshot = db.snapshot(scope).await?;
        let waiting = db.deleted_segments(scope, timestamp(i64::MAX)).await?;
        let known: HashSet<_> = snapshot
            .segments
            .iter()
            .chain(&waiting)
            .map(|row| row.id)
            .collect();
        for object in listed {
            if !known.contains(&object.id) && object.modified < before.as_second() {
                self.objects.delete(scope, &object.path).await?;
                swept.orphans += 1;
            }
        }
        Ok(swept)
    }
}

impl Lake {
    /// Ends the retention of what was stored before `before`: whole segments, at once for
    /// every query that begins now; their objects go with [`Lake::sweep`]. Cursors before
    /// what is left are expired. Returns how many rows went.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim lapsed or the catalogue changed meanwhile.
    pub async fn expire(
        &self,
        scope: &TenantScope,
        claim: Option<&JobClaim>,
        before: Timestamp,
    ) -> Result<u64> {
        let before = nanos(before);
        let snapshot = self.kernel.db().snapshot(scope).await?;
        let (gone, left): (Vec<_>, Vec<_>) = snapshot
            .segments
            .iter()
            .partition(|row| row.last_stored < before);
        if gone.is_empty() {
            return Ok(0);
        }
        let first = left.iter().map(|row| row.first_seq).min();
        let first = first.map_or(snapshot.sealed_seq, |first| first.saturating_sub(1));
        let commit = SegmentCommit {
            remove: gone.iter().map(|row| row.id).collect(),
            oldest_seq: Some(first.max(snapshot.oldest_seq)),
            claim,
            ..SegmentCommit::default()
        };
        self.kernel.db().commit_segments(scope, commit).await?;
        Ok(gone.iter().map(|row| row.rows).sum())
    }
}

/// Small files of one day that together are worth it, neighbours in the sequence.
fn choose(segments: &Arc<Vec<SegmentRow>>) -> Option<Vec<SegmentRow>> {
    let mut days: BTreeMap<i32, Vec<&SegmentRow>> = BTreeMap::new();
    for row in segments.iter() {
        if matches!(row.object, SegmentObject::Parquet(_)) && row.rows < SMALL_ROWS {
            days.entry(row.stored_day).or_default().push(row);
        }
    }
    days.into_values().find_map(|files| {
        if files.len() < SMALL_FILES {
            return None;
        }
        let (mut rows, mut bytes) = (0, 0);
        let chosen: Vec<SegmentRow> = files
            .into_iter()
            .take_while(|row| {
                rows += row.rows;
                bytes += row.object_bytes;
                rows <= MERGED_ROWS && bytes <= MERGED_BYTES
            })
            .cloned()
            .collect();
        (chosen.len() > 1).then_some(chosen)
    })
}

impl Access<'_> {
    pub(crate) async fn merge(
        &self,
        snapshot: &Snapshot,
        chosen: &[SegmentRow],
        claim: Option<&JobClaim>,
    ) -> Result<()> {
        let ids: Vec<_> = chosen.iter().map(|row| row.id).collect();
        let query = Query {
            columns: Columns::ALL,
            ..Query::default()
        };
        let sources = Sources::Segments(ids.clone());
        let mut walk = Walk::begin(self, snapshot, &query, None, u64::MAX, sources).await?;
        let id = self
            .lake
            .kernel
            .env()
            .fork(self.scope.tenant().as_str().as_bytes())
            .uuid_v7();
        let mut writer = SegmentWriter::new(Arc::clone(&self.cipher), id)?;
        while let Some((batch, _)) = walk.next(self, u64::MAX).await? {
            writer = blocking(move || {
                writer.write(&batch)?;
                Ok(writer)
            })
            .await?;
        }
        drop(walk);
        let range = (
            chosen.iter().map(|row| row.first_seq).min().unwrap_or(0),
            chosen.iter().map(|row| row.last_seq).max().unwrap_or(0),
        );
        let day = chosen.first().map_or(0, |row| row.stored_day);
        // All rows may have given way to others meanwhile.
        let add = match writer.is_empty() {
            true => Vec::new(),
            false => {
                let written = blocking(move || writer.finish()).await?;
                vec![self.store(written, range, day).await?]
            }
        };
        let commit = SegmentCommit {
            add,
            remove: ids,
            sealed_through: None,
            oldest_seq: None,
            claim,
        };
        self.lake
            .kernel
            .db()
            .commit_segments(self.scope, commit)
            .await?;
        Ok(())
    }
}
