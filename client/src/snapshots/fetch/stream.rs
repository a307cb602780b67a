//! One range of an item, in as many calls as it takes.

use std::ops::Range;

use cordon_proto::evidence::{DownloadItemRequest, DownloadItemResponse};
use tonic::Streaming;

use super::{Fetching, Snapshots, is_stored};
use crate::error::{Error, Reason, Result};
use crate::follow::recover;
use crate::token::Freshness;

impl Snapshots {
    /// Fetches a range of blocks. `range` begins behind the last good block at any time.
    pub(super) async fn range<P: Fn(u64) + Send + Sync>(
        &self,
        fetching: &Fetching<'_, P>,
        range: &mut Range<u64>,
    ) -> Result<()> {
        let mut backoff = self.client.backoff();
        while !range.is_empty() {
            // What has no bytes need not be asked for.
            if !is_stored(fetching.list, range.start) {
                range.start += 1;
                continue;
            }
            let before = range.start;
            let (error, opened) = match self.open_item(fetching, range).await {
                Ok(stream) => match take(stream, fetching, range).await {
                    Ok(()) => return Ok(()),
                    Err(error) => (error, true),
                },
                Err(error) => (error, false),
            };
            if range.start > before {
                backoff.reset();
            }
            recover(&self.client, &mut backoff, error, opened).await?;
        }
        Ok(())
    }

    async fn open_item<P: Fn(u64) + Send + Sync>(
        &self,
        fetching: &Fetching<'_, P>,
        range: &Range<u64>,
    ) -> Result<Streaming<DownloadItemResponse>> {
        let geometry = fetching.list.geometry();
        let (start, end) = (geometry.offset(range.start), geometry.offset(range.end));
        let message = DownloadItemRequest {
            name: fetching.name.clone(),
            item: fetching.item.to_owned(),
            purpose: fetching.purpose.to_owned(),
            offset: signed(start)?,
            length: signed(end.saturating_sub(start))?,
        };
        let rpc = self.rpc();
        self.client
            .stream(Freshness::New, message, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.download_item(request).await }
            })
            .await
    }
}

/// Takes the blocks of a range as they come.
async fn take<P: Fn(u64) + Send + Sync>(
    mut stream: Streaming<DownloadItemResponse>,
    fetching: &Fetching<'_, P>,
    range: &mut Range<u64>,
) -> Result<()> {
    let geometry = fetching.list.geometry();
    let mut block = Vec::new();
    while !range.is_empty() {
        let Some(part) = stream.message().await? else {
            let text = "the stream ended before the range did";
            return Err(Error::new(Reason::Unavailable, text));
        };
        let at = geometry.offset(range.start) + block.len() as u64;
        if signed(at)? != part.offset {
            return Err(out_of_order());
        }
        if part.zeros != 0 {
            let zeros = u64::try_from(part.zeros).map_err(|_| out_of_order())?;
            if !part.content.is_empty() || !block.is_empty() {
                return Err(out_of_order());
            }
            pass(zeros, fetching, range)?;
            continue;
        }
        let length = geometry.length(range.start) as usize;
        if block.len() + part.content.len() > length {
            return Err(out_of_order());
        }
        // Most come whole.
        if block.is_empty() {
            block = part.content;
        } else {
            block.extend_from_slice(&part.content);
        }
        if block.len() == length {
            fetching
                .put(range.start, std::mem::take(&mut block))
                .await?;
            range.start += 1;
        }
    }
    Ok(())
}

/// Passes over the blocks in whose place so many zeros came.
fn pass<P: Fn(u64) + Send + Sync>(
    zeros: u64,
    fetching: &Fetching<'_, P>,
    range: &mut Range<u64>,
) -> Result<()> {
    let geometry = fetching.list.geometry();
    let end = geometry.offset(range.start).checked_add(zeros);
    let end = end.ok_or_else(out_of_order)?;
    while !range.is_empty() && geometry.offset(range.start + 1) <= end {
        fetching.pass(range.start)?;
        range.start += 1;
    }
    match geometry.offset(range.start) == end {
        true => Ok(()),
        false => Err(out_of_order()),
    }
}

/// The server does not keep to what was agreed on.
fn out_of_order() -> Error {
    Error::new(
        Reason::Internal,
        "the bytes that came do not follow those before them",
    )
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::new(Reason::TooLarge, "the item is too large"))
}
