//! Fetching an item: what is missing of it, in several ranges at once, through lost connections,
//! each block checked before it is written.

mod file;
mod plan;
mod stream;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cordon_evidence::check::{Bad, Differing};
use cordon_evidence::content::Content;
use cordon_evidence::list::BlockList;
use cordon_evidence::names::check_name;
use cordon_evidence::record::Record;
use futures::future::try_join_all;

pub use self::file::partial_path;
use self::file::{Partial, Refused};
pub use self::plan::stored_bytes;
use self::plan::{AT_ONCE, bytes, is_stored, ranges};
use super::Snapshots;
use super::documents::stopped;
use crate::error::{Error, Reason, Result};

/// Blocks that are looked at in one go, in bytes.
const LOOK: u64 = 16 << 20;

/// Which item is fetched, and where to.
#[derive(Debug, Clone, Copy)]
pub struct ItemDownload<'a> {
    /// The snapshot: its full name, or its id.
    pub name: &'a str,
    /// The item.
    pub item: &'a str,
    /// What a verified manifest says of it.
    pub content: &'a Content,
    /// The list of its blocks, from [`Snapshots::block_list`].
    pub list: &'a BlockList,
    /// Where the file is when it is whole. Until then it is at [`partial_path`].
    pub path: &'a Path,
    /// What for, in words: each range that is fetched is entered into the chain of custody with it.
    pub purpose: &'a str,
}

/// What came of fetching an item: every block of it is what was acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// How many bytes the file has, holes and all.
    pub size: u64,
    /// How many were fetched.
    pub fetched: u64,
    /// How many were there from an earlier attempt.
    pub kept: u64,
}

impl Snapshots {
    /// Fetches an item into a file, and checks each block by both its digests before it is written.
    /// Holes are not fetched, and are holes in the file.
    ///
    /// What an earlier attempt has left at [`partial_path`] is hashed first, and only what is missing
    /// is fetched. A connection that is lost is taken up again behind the last good block. `progress`
    /// is told how many bytes of those that are stored ([`stored_bytes`]) are there.
    ///
    /// # Errors
    ///
    /// `HASH_MISMATCH` when a block is not what was acquired (`block` and `offset` in its details
    /// say which), `EVIDENCE_DAMAGED` when the server says so of its own store, `ALREADY_EXISTS` when
    /// there is a file, `INVALID_ARGUMENT` for a name that is no file's, `QUOTA_EXCEEDED` when too
    /// many downloads are open, `IO` when it can't be written. But for the first two, what came is
    /// kept for the next attempt; of those, all but the bad block.
    pub async fn fetch(
        &self,
        wanted: ItemDownload<'_>,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<Fetched> {
        let item = wanted.item;
        check_name(item).map_err(|problem| {
            Error::invalid(
                "item",
                format!("{item:?} can't be a file's name: {problem}"),
            )
        })?;
        let (list, content) = (wanted.list, wanted.content);
        if content.geometry() != Ok(list.geometry()) || content.root != list.root() {
            return Err(mismatch(item, Bad::OtherList));
        }
        let (target, geometry) = (wanted.path.to_owned(), list.geometry());
        let partial = blocking(move || Partial::open(&target, geometry)).await?;
        let partial = Arc::new(partial);
        let there = look(&partial, list, &progress).await?;
        let is_there = |index: u64| {
            let at = usize::try_from(index).ok();
            at.and_then(|at| there.get(at)).is_some_and(|there| *there)
        };
        let kept = bytes(list, is_there);
        let ranges = ranges(list, is_there);
        progress(kept);
        let fetching = Fetching {
            name: self.name(wanted.name)?,
            item,
            purpose: wanted.purpose,
            list,
            partial: &partial,
            progress: &progress,
            good: AtomicU64::new(kept),
            at_work: AtomicUsize::new(0),
            queue: Mutex::new(ranges.into()),
        };
        let workers = (0..AT_ONCE).map(|_| self.work(&fetching));
        try_join_all(workers).await?;
        // What one of them put back when all others had ended already.
        self.work(&fetching).await?;
        let good = fetching.good.load(Ordering::Relaxed);
        if good != stored_bytes(list) {
            let text = "not all blocks of the item came";
            return Err(Error::new(Reason::Internal, text));
        }
        let (file, target) = (Arc::clone(&partial), wanted.path.to_owned());
        blocking(move || file.finish(&target)).await?;
        Ok(Fetched {
            size: geometry.size(),
            fetched: good.saturating_sub(kept),
            kept,
        })
    }

    /// Fetches one range after the other, until there is none left.
    async fn work<P: Fn(u64) + Send + Sync>(&self, fetching: &Fetching<'_, P>) -> Result<()> {
        while let Some(mut range) = fetching.next() {
            fetching.at_work.fetch_add(1, Ordering::Relaxed);
            let fetched = self.range(fetching, &mut range).await;
            let others = fetching.at_work.fetch_sub(1, Ordering::Relaxed) > 1;
            match fetched {
                // Fewer at once do as well, as long as there are some.
                Err(error) if others && *error.reason() == Reason::QuotaExceeded => {
                    fetching.put_back(range);
                    return Ok(());
                }
                fetched => fetched?,
            }
        }
        Ok(())
    }
}

/// What those that fetch at once share.
struct Fetching<'a, P> {
    name: String,
    item: &'a str,
    purpose: &'a str,
    list: &'a BlockList,
    partial: &'a Arc<Partial>,
    progress: &'a P,
    /// Bytes of stored blocks that are there.
    good: AtomicU64,
    at_work: AtomicUsize,
    queue: Mutex<VecDeque<Range<u64>>>,
}

impl<P: Fn(u64) + Send + Sync> Fetching<'_, P> {
    fn next(&self) -> Option<Range<u64>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    }

    fn put_back(&self, range: Range<u64>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_front(range);
    }

    fn record(&self, index: u64) -> Result<Record> {
        self.list.record(index).ok_or_else(|| {
            Error::new(
                Reason::Internal,
                "the list of blocks is shorter than it was",
            )
        })
    }

    /// Checks and writes a block that came.
    async fn put(&self, index: u64, block: Vec<u8>) -> Result<()> {
        let record = self.record(index)?;
        let (partial, length) = (Arc::clone(self.partial), block.len() as u64);
        let put = tokio::task::spawn_blocking(move || partial.put(index, &record, &block)).await;
        match put.map_err(|_| stopped())? {
            Ok(()) if record.kind.is_stored() => {
                let good = self.good.fetch_add(length, Ordering::Relaxed) + length;
                (self.progress)(good);
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(Refused::Bad(bad)) => Err(mismatch(self.item, bad)),
            Err(Refused::Failed(error)) => Err(error),
        }
    }

    /// Passes over a block in whose place the server sent zeros.
    fn pass(&self, index: u64) -> Result<()> {
        match is_stored(self.list, index) {
            true => Err(mismatch(
                self.item,
                self.partial.bad(index, Differing::Both),
            )),
            false => Ok(()),
        }
    }
}

/// Which blocks are there. What has no bytes is.
async fn look(
    partial: &Arc<Partial>,
    list: &BlockList,
    progress: &impl Fn(u64),
) -> Result<Vec<bool>> {
    let geometry = list.geometry();
    let group = LOOK / u64::from(geometry.block_size().bytes());
    let mut there = Vec::new();
    let (mut next, mut good) = (0, 0);
    while next < geometry.blocks() {
        // Where there was no file there is nothing to read.
        if geometry.offset(next) >= partial.found {
            there.extend((next..geometry.blocks()).map(|index| !is_stored(list, index)));
            break;
        }
        let end = next.saturating_add(group).min(geometry.blocks());
        let records: Vec<_> = (next..end)
            .zip((next..end).filter_map(|at| list.record(at)))
            .collect();
        let partial = Arc::clone(partial);
        let found = blocking(move || {
            let mut buffer = Vec::new();
            records
                .into_iter()
                .map(|(index, record)| partial.has(index, &record, &mut buffer))
                .collect::<Result<Vec<_>>>()
        });
        let found = found.await?;
        for (index, is_there) in (next..end).zip(&found) {
            if *is_there && is_stored(list, index) {
                good += u64::from(geometry.length(index));
            }
        }
        progress(good);
        there.extend(found);
        next = end;
    }
    Ok(there)
}

/// Work on a file, where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| stopped())?
}

/// What is said when something is not as it was acquired.
pub(super) fn mismatch(item: &str, bad: Bad) -> Error {
    let error = Error::new(Reason::HashMismatch, format!("{item}: {bad}"));
    let error = error.with_metadata("item", item);
    match bad {
        Bad::Block { index, offset, .. } => error
            .with_metadata("block", &index.to_string())
            .with_metadata("offset", &offset.to_string()),
        _ => error,
    }
}
