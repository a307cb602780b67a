//! A raw image, read by ourselves: no program of others is needed for it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use rustix::fs::{SeekFrom, seek};

use crate::Error;
use crate::disk::{Allocation, DiskSource, Extent, MAX_READ, Piece};

/// What is tried alone where a longer range can't be read.
const GRAIN: usize = 4_096;
/// Most extents that are told at once.
const MAX_EXTENTS: usize = 4_096;

const WHAT: &str = "an image file";

/// The disk.
#[derive(Debug)]
pub(crate) struct RawDisk {
    name: String,
    file: Arc<File>,
    length: u64,
}

impl RawDisk {
    pub(crate) fn new(name: &str, file: &File, length: u64) -> Result<Self, Error> {
        let file = file.try_clone().map_err(Error::io(WHAT))?;
        Ok(Self {
            name: name.to_owned(),
            file: Arc::new(file),
            length,
        })
    }

    fn end(&self, offset: u64, length: u64) -> Result<u64, Error> {
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= self.length && length > 0);
        end.ok_or(Error::Invalid("the range"))
    }
}

#[async_trait]
impl DiskSource for RawDisk {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> u64 {
        self.length
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Piece, Error> {
        self.end(offset, u64::from(length))?;
        if length > MAX_READ {
            return Err(Error::Invalid("the range"));
        }
        let file = Arc::clone(&self.file);
        blocking(move || read(&file, offset, length)).await
    }

    async fn extents(&self, offset: u64, length: u64) -> Result<Vec<Extent>, Error> {
        let end = self.end(offset, length)?;
        let file = Arc::clone(&self.file);
        blocking(move || Ok(extents(&file, offset, end))).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::Gone("a read"))?
}

fn read(file: &File, offset: u64, length: u32) -> Result<Piece, Error> {
    let mut bytes = BytesMut::zeroed(length as usize);
    let mut unreadable = Vec::new();
    if let Err(error) = file.read_exact_at(&mut bytes, offset) {
        // Shorter than it was: not a bad sector, but an image that changes.
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Err(Error::Gone("the end of an image"));
        }
        let mut at = offset;
        for part in bytes.chunks_mut(GRAIN) {
            let next = at.saturating_add(part.len() as u64);
            if file.read_exact_at(part, at).is_err() {
                part.fill(0);
                unreadable.push(at..next);
            }
            at = next;
        }
        unreadable = joined(unreadable);
    }
    let bytes = bytes.freeze();
    Ok(Piece { bytes, unreadable })
}

fn joined(ranges: Vec<std::ops::Range<u64>>) -> Vec<std::ops::Range<u64>> {
    let mut joined: Vec<std::ops::Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// Where the file system has something, as far as it tells.
fn extents(file: &File, offset: u64, end: u64) -> Vec<Extent> {
    let mut extents = Vec::new();
    let mut at = offset;
    while at < end && extents.len() < MAX_EXTENTS {
        let data = match seek(file, SeekFrom::Data(at)) {
            Ok(data) => data.clamp(at, end),
            // Nothing but a hole follows.
            Err(rustix::io::Errno::NXIO) => end,
            // A file system that can't tell has data everywhere.
            Err(_) => at,
        };
        if data > at {
            let allocation = Allocation::Hole;
            extents.push(Extent {
                offset: at,
                length: data.saturating_sub(at),
                allocation,
            });
            at = data;
            continue;
        }
        let hole = seek(file, SeekFrom::Hole(at)).unwrap_or(end).min(end);
        let hole = if hole > at { hole } else { end };
        let allocation = Allocation::Data;
        extents.push(Extent {
            offset: at,
            length: hole.saturating_sub(at),
            allocation,
        });
        at = hole;
    }
    extents
}
