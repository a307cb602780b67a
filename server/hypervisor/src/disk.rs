//! A disk as it was at one moment, and the walk over all of it.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};

use crate::Error;

/// Most bytes that one read takes.
pub const MAX_READ: u32 = 4 << 20;

/// How bytes of a disk are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// They are stored, whatever they are.
    Data,
    /// They are stored as being zeros.
    Zero,
    /// Nothing is stored; they read as zeros.
    Hole,
}

/// A part of a disk that is kept in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins.
    pub offset: u64,
    /// How long it is; never 0.
    pub length: u64,
    /// How it is kept.
    pub allocation: Allocation,
}

impl Extent {
    /// Where it ends.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// What a read gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The bytes, as many as were asked for; zeros where they are unreadable.
    pub bytes: Bytes,
    /// What could not be read, by places on the disk, in order.
    pub unreadable: Vec<Range<u64>>,
}

/// A disk as it was at one moment. Reads may go on beside each other, and whoever reads the same
/// place twice sees the same.
#[async_trait]
pub trait DiskSource: std::fmt::Debug + Send + Sync {
    /// The name of the disk among the instance's.
    fn name(&self) -> &str;

    /// Its length in bytes at that moment. A disk that grows meanwhile does not grow here.
    fn length(&self) -> u64;

    /// Reads at most [`MAX_READ`] bytes. A range that the storage can't give is named in the piece
    /// and fails nothing else.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a range outside of the disk; everything else ends the acquisition.
    async fn read_at(&self, offset: u64, length: u32) -> Result<Piece, Error>;

    /// How the bytes from `offset` on are kept, in order and without gaps. What comes back begins at
    /// `offset` and may end before `length` is reached, but never at its beginning.
    ///
    /// # Errors
    /// As [`Self::read_at`].
    async fn extents(&self, offset: u64, length: u64) -> Result<Vec<Extent>, Error>;
}

/// One step of a walk over a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Bytes that were read.
    Data {
        /// Where they are.
        offset: u64,
        /// What was read.
        piece: Piece,
    },
    /// Zeros that did not have to be read.
    Zeros(Extent),
}

/// How far the walk asks for extents at once.
const EXTENT_WINDOW: u64 = 1 << 30;

/// Walks over all of a disk from its beginning to its end, in order: `ahead` reads of `block` bytes
/// are under way at once, and what is zeros anyway is not read. At most `ahead * block` bytes wait
/// for whoever takes the steps.
pub fn walk(
    source: Arc<dyn DiskSource>,
    block: u32,
    ahead: usize,
) -> impl Stream<Item = Result<Step, Error>> + Send {
    let reader = Arc::clone(&source);
    plan(source, block.clamp(512, MAX_READ))
        .map(move |planned| {
            let source = Arc::clone(&reader);
            async move {
                let extent = planned?;
                if extent.allocation != Allocation::Data {
                    return Ok(Step::Zeros(extent));
                }
                // The plan cuts data into blocks, which fit.
                let length = u32::try_from(extent.length).map_err(|_| Error::Limit("a block"))?;
                let piece = source.read_at(extent.offset, length).await?;
                Ok(Step::Data {
                    offset: extent.offset,
                    piece,
                })
            }
        })
        .buffered(ahead.max(1))
}

/// Where the plan of a walk is.
struct Plan {
    source: Arc<dyn DiskSource>,
    at: u64,
    known: std::vec::IntoIter<Extent>,
    current: Option<Extent>,
    failed: bool,
}

/// The extents of a disk, data cut at multiples of `block`.
fn plan(source: Arc<dyn DiskSource>, block: u32) -> impl Stream<Item = Result<Extent, Error>> {
    let plan = Plan {
        source,
        at: 0,
        known: Vec::new().into_iter(),
        current: None,
        failed: false,
    };
    stream::unfold(plan, move |mut plan| async move {
        if plan.failed {
            return None;
        }
        match plan.next(u64::from(block)).await {
            Ok(None) => None,
            Ok(Some(extent)) => Some((Ok(extent), plan)),
            Err(error) => {
                plan.failed = true;
                Some((Err(error), plan))
            }
        }
    })
}

impl Plan {
    async fn next(&mut self, block: u64) -> Result<Option<Extent>, Error> {
        loop {
            if let Some(extent) = self.current.take() {
                return Ok(Some(self.cut(extent, block)));
            }
            if let Some(extent) = self.known.next() {
                if extent.offset != self.at || extent.length == 0 {
                    return Err(Error::Protocol("extents are not in order"));
                }
                self.at = extent.end();
                self.current = Some(extent);
                continue;
            }
            let left = self.source.length().saturating_sub(self.at);
            if left == 0 {
                return Ok(None);
            }
            let window = left.min(EXTENT_WINDOW);
            let extents = self.source.extents(self.at, window).await?;
            if extents.is_empty() {
                return Err(Error::Protocol("no extents"));
            }
            self.known = extents.into_iter();
        }
    }

    /// The first block of an extent; the rest waits.
    fn cut(&mut self, extent: Extent, block: u64) -> Extent {
        let boundary = (extent.offset / block)
            .saturating_add(1)
            .saturating_mul(block);
        if extent.allocation != Allocation::Data || extent.end() <= boundary {
            return extent;
        }
        self.current = Some(Extent {
            offset: boundary,
            length: extent.end().saturating_sub(boundary),
            ..extent
        });
        Extent {
            length: boundary.saturating_sub(extent.offset),
            ..extent
        }
    }
}
