//! Replies to requests: chunks are taken as they come and held against what was asked.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::wire::{
    CHUNK_BLOCK_STATUS, CHUNK_DATA, CHUNK_DONE, CHUNK_ERROR, CHUNK_HOLE, CHUNK_NONE, EINVAL, EIO,
    EPERM, ESHUTDOWN, STATE_HOLE, STATE_ZERO,
};
use crate::Error;
use crate::disk::{Allocation, Extent};

/// Most chunks of one reply. A server may cut as it likes, but not for ever.
const MAX_CHUNKS: u32 = 16_384;
/// Most extents in one reply.
const MAX_EXTENTS: u32 = 65_536;
/// Longest text of an error, by the specification, and what comes with it.
const MAX_ERROR: u32 = 4_096 + 14;

const WHAT: &str = "an NBD reply";

/// How a request ended: with what it asked for, with an error of the storage, or not well.
pub(super) type Outcome<T> = Result<Result<T, Bad>, Error>;

/// The storage could not give a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad;

/// A request that waits for its reply.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) asked: Asked,
    /// How many chunks have come.
    pub(super) chunks: u32,
    /// The first error of the reply.
    pub(super) error: Option<u32>,
    /// The share of the memory, held for as long as the reply may come, wanted or not.
    pub(super) _budget: OwnedSemaphorePermit,
}

/// What was asked, and as much of the answer as has come.
#[derive(Debug)]
pub(super) enum Asked {
    /// Bytes.
    Read {
        offset: u64,
        bytes: BytesMut,
        covered: Covered,
        done: oneshot::Sender<Outcome<Bytes>>,
    },
    /// Allocation.
    Status {
        offset: u64,
        length: u32,
        context: u32,
        extents: Vec<Extent>,
        done: oneshot::Sender<Outcome<Vec<Extent>>>,
    },
}

impl Pending {
    /// Takes one chunk. Whether it was the last one.
    pub(super) async fn chunk(
        &mut self,
        from: &mut (impl AsyncRead + Unpin + Send),
        flags: u16,
        kind: u16,
        length: u32,
    ) -> Result<bool, Error> {
        self.chunks = self.chunks.saturating_add(1);
        if self.chunks > MAX_CHUNKS {
            return Err(Error::Limit("chunks of an NBD reply"));
        }
        match (kind, &mut self.asked) {
            (CHUNK_NONE, _) if length == 0 && flags & CHUNK_DONE != 0 => {}
            (kind, _) if kind & CHUNK_ERROR != 0 => {
                if !(6..=MAX_ERROR).contains(&length) {
                    return Err(Error::Limit("an error of an NBD reply"));
                }
                let code = from.read_u32().await.map_err(Error::io(WHAT))?;
                skip(from, length.saturating_sub(4)).await?;
                self.error.get_or_insert(code);
            }
            (
                CHUNK_DATA,
                Asked::Read {
                    offset,
                    bytes,
                    covered,
                    ..
                },
            ) => {
                let length = length.checked_sub(8);
                let length = length.filter(|n| (1..=bytes.len()).contains(&(*n as usize)));
                let length = length.ok_or(Error::Protocol("the length of a chunk"))?;
                let at = from.read_u64().await.map_err(Error::io(WHAT))?;
                let target = covered.place(*offset, bytes, at, length)?;
                from.read_exact(target).await.map_err(Error::io(WHAT))?;
            }
            (
                CHUNK_HOLE,
                Asked::Read {
                    offset,
                    bytes,
                    covered,
                    ..
                },
            ) => {
                if length != 12 {
                    return Err(Error::Protocol("the length of a hole"));
                }
                let at = from.read_u64().await.map_err(Error::io(WHAT))?;
                let hole = from.read_u32().await.map_err(Error::io(WHAT))?;
                // The buffer begins as zeros.
                covered.place(*offset, bytes, at, hole)?;
            }
            (
                CHUNK_BLOCK_STATUS,
                Asked::Status {
                    offset,
                    length: asked,
                    context,
                    extents,
                    ..
                },
            ) => {
                let count = length.checked_sub(4).filter(|rest| rest.is_multiple_of(8));
                let count = count.ok_or(Error::Protocol("the length of a block status"))? / 8;
                if count == 0 || count > MAX_EXTENTS || !extents.is_empty() {
                    return Err(Error::Protocol("the number of extents"));
                }
                if from.read_u32().await.map_err(Error::io(WHAT))? != *context {
                    return Err(Error::Protocol("another context"));
                }
                read_extents(from, *offset, *asked, count, extents).await?;
            }
            _ => return Err(Error::Protocol("a chunk that was not asked for")),
        }
        Ok(flags & CHUNK_DONE != 0)
    }

    /// Hands over what has come, if somebody still waits for it.
    pub(super) fn complete(self) {
        let error = self.error;
        match self.asked {
            Asked::Read {
                bytes,
                covered,
                done,
                ..
            } => {
                let whole =
                    covered.0.iter().map(ExactSizeIterator::len).sum::<usize>() == bytes.len();
                let _ = done.send(outcome(error, whole, || bytes.freeze()));
            }
            Asked::Status { extents, done, .. } => {
                let _ = done.send(outcome(error, !extents.is_empty(), || extents));
            }
        }
    }

    /// Says what became of the connection.
    pub(super) fn fail(self, error: Error) {
        match self.asked {
            Asked::Read { done, .. } => drop(done.send(Err(error))),
            Asked::Status { done, .. } => drop(done.send(Err(error))),
        }
    }
}

fn outcome<T>(error: Option<u32>, whole: bool, value: impl FnOnce() -> T) -> Outcome<T> {
    match error {
        None if whole => Ok(Ok(value())),
        None => Err(Error::Protocol("a reply with gaps")),
        Some(EIO) => Ok(Err(Bad)),
        // What a snapshot answers once it could not keep what was overwritten: "permission denied",
        // for which the protocol has no number, so that QEMU sends this one. The range was good.
        Some(EPERM | EINVAL) => Err(Error::SnapshotBroken),
        Some(ESHUTDOWN) => Err(Error::Gone("the NBD server")),
        Some(code) => Err(Error::refused("a read", &format!("NBD error {code}"))),
    }
}

/// What has been answered of a read: ranges in its buffer, in order, none touching another.
#[derive(Debug, Default)]
pub(super) struct Covered(Vec<Range<usize>>);

impl Covered {
    /// The place in the buffer for a part of the disk, which must have been asked for and not yet
    /// answered.
    fn place<'a>(
        &mut self,
        offset: u64,
        bytes: &'a mut BytesMut,
        at: u64,
        length: u32,
    ) -> Result<&'a mut [u8], Error> {
        const OUTSIDE: Error = Error::Protocol("bytes that were not asked for");
        let from = at.checked_sub(offset).ok_or(OUTSIDE)?;
        let from = usize::try_from(from).map_err(|_| OUTSIDE)?;
        let to = from.checked_add(length as usize).ok_or(OUTSIDE)?;
        let target = bytes.get_mut(from..to).ok_or(OUTSIDE)?;
        let next = self.0.partition_point(|range| range.start < to);
        // Servers answer in order, mostly, so that this is one range that grows.
        if let Some(before) = next.checked_sub(1).and_then(|i| self.0.get_mut(i)) {
            if before.end > from {
                return Err(Error::Protocol("bytes that came twice"));
            }
            if before.end == from {
                before.end = to;
                return Ok(target);
            }
        }
        self.0.insert(next, from..to);
        Ok(target)
    }
}

async fn read_extents(
    from: &mut (impl AsyncRead + Unpin + Send),
    offset: u64,
    asked: u32,
    count: u32,
    extents: &mut Vec<Extent>,
) -> Result<(), Error> {
    let end = offset.saturating_add(u64::from(asked));
    let mut at = offset;
    for _ in 0..count {
        let length = u64::from(from.read_u32().await.map_err(Error::io(WHAT))?);
        let state = from.read_u32().await.map_err(Error::io(WHAT))?;
        // The last one may say more than was asked; none may say nothing.
        if length == 0 || at >= end {
            return Err(Error::Protocol("an extent that was not asked for"));
        }
        let length = length.min(end.saturating_sub(at));
        let allocation = match (state & STATE_ZERO != 0, state & STATE_HOLE != 0) {
            (true, true) => Allocation::Hole,
            (true, false) => Allocation::Zero,
            // What is not allocated and not zeros is whatever it is: it is read.
            (false, _) => Allocation::Data,
        };
        match extents.last_mut() {
            Some(last) if last.allocation == allocation => {
                last.length = last.length.saturating_add(length);
            }
            _ => extents.push(Extent {
                offset: at,
                length,
                allocation,
            }),
        }
        at = at.saturating_add(length);
    }
    Ok(())
}

async fn skip(from: &mut (impl AsyncRead + Unpin + Send), length: u32) -> Result<(), Error> {
    let mut rest = vec![0; length as usize];
    from.read_exact(&mut rest).await.map_err(Error::io(WHAT))?;
    Ok(())
}
