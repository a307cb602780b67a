//! Reading what can be read: a range that fails is asked for in halves, until what is bad is small.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::NbdClient;
use super::reply::Bad;
use crate::Error;
use crate::disk::{MAX_READ, Piece};

/// What is not halved any more, in bytes.
const GRAIN: u64 = 4_096;
/// Failures within one read after which nothing is halved any more: a disk that is bad all over
/// would take days otherwise.
const MAX_FAILURES: u32 = 64;

impl NbdClient {
    /// Reads at most [`MAX_READ`] bytes. What the storage can't give is zeros, and named.
    ///
    /// # Errors
    /// [`Error::Invalid`] outside of the export, [`Error::SnapshotBroken`]; everything else is the
    /// end of the connection.
    pub async fn read_at(&self, offset: u64, length: u32) -> Result<Piece, Error> {
        let export = self.export();
        let end = offset.checked_add(u64::from(length));
        let end = end.filter(|end| *end <= export.size && length > 0 && length <= MAX_READ);
        let end = end.ok_or(Error::Invalid("the range"))?;
        let block = u64::from(export.min_block);
        let aligned = offset / block * block..end.next_multiple_of(block);
        let most = u64::from(export.max_block);
        self.salvage(aligned, offset..end, most).await
    }

    /// Reads `aligned` piece by piece and keeps what of it is in `wanted`.
    async fn salvage(
        &self,
        aligned: Range<u64>,
        wanted: Range<u64>,
        most: u64,
    ) -> Result<Piece, Error> {
        let length = usize::try_from(wanted.end.saturating_sub(wanted.start));
        let mut bytes = BytesMut::zeroed(length.map_err(|_| Error::Limit("a read"))?);
        let mut unreadable: Vec<Range<u64>> = Vec::new();
        let grain = GRAIN.max(u64::from(self.export().min_block));
        let mut failures = 0_u32;
        // What is still to be read, the next of it last.
        let mut left = vec![aligned];
        while let Some(range) = left.pop() {
            let size = range.end.saturating_sub(range.start);
            if size > most {
                let cut = range.start.saturating_add(most);
                left.push(cut..range.end);
                left.push(range.start..cut);
                continue;
            }
            let asked = u32::try_from(size).map_err(|_| Error::Limit("a read"))?;
            match self.read(range.start, asked).await? {
                // All of it at once, as nearly always.
                Ok(bytes) if range == wanted => return Ok(Piece { bytes, unreadable }),
                Ok(read) => copy(&mut bytes, &wanted, range.start, &read),
                Err(Bad) if size > grain && failures < MAX_FAILURES => {
                    failures = failures.saturating_add(1);
                    let half = size.div_ceil(2).next_multiple_of(grain);
                    let middle = range.start.saturating_add(half).min(range.end);
                    // Of a range that is hardly longer than a grain, the half may be all.
                    let middle = match middle == range.end {
                        true => range.start.saturating_add(grain),
                        false => middle,
                    };
                    left.push(middle..range.end);
                    left.push(range.start..middle);
                }
                Err(Bad) => {
                    failures = failures.saturating_add(1);
                    let bad = range.start.max(wanted.start)..range.end.min(wanted.end);
                    match unreadable.last_mut() {
                        Some(last) if last.end == bad.start => last.end = bad.end,
                        _ if !bad.is_empty() => unreadable.push(bad),
                        _ => {}
                    }
                }
            }
        }
        let bytes = bytes.freeze();
        Ok(Piece { bytes, unreadable })
    }
}

/// Puts what was read from `at` on into the buffer of `wanted`, as far as it is in there.
fn copy(bytes: &mut BytesMut, wanted: &Range<u64>, at: u64, read: &Bytes) {
    let before = wanted.start.saturating_sub(at);
    let into = at.saturating_sub(wanted.start);
    let (Ok(before), Ok(into)) = (usize::try_from(before), usize::try_from(into)) else {
        return;
    };
    let source = read.get(before..).unwrap_or_default();
    let target = bytes.get_mut(into..).unwrap_or_default();
    for (to, from) in target.iter_mut().zip(source) {
        *to = *from;
    }
}
