//! What is known of a snapshot's bytes and of what was done with them: manifest, lists of blocks,
//! chain of custody.

use std::io::{self, Write};

use cordon_evidence::content::Content;
use cordon_evidence::list::{BlockList, HEAD_BYTES, head};
use cordon_evidence::record::Record;
use cordon_proto::evidence as wire;
use tonic::Streaming;

use super::Snapshots;
use super::signed::told_sequence;
use crate::client::{Call, call};
use crate::error::{Error, Reason, Result};
use crate::follow::recover;
use crate::token::Freshness;

/// Entries of the chain of custody that are asked for at once: as many as the server gives.
const ENTRIES: i32 = 1_000;

/// A chain of custody as the server tells it. [`check_custody`](super::check_custody) says whether
/// it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// All entries, each as the bytes that its hash is of.
    pub entries: Vec<Vec<u8>>,
    /// What the server signs of the chain's end: an in-toto statement in a DSSE envelope.
    pub head_envelope: Vec<u8>,
}

impl Snapshots {
    /// What was signed of a snapshot: an in-toto statement in a DSSE envelope, which
    /// [`read_manifest`](super::read_manifest) checks and reads.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when nothing was taken.
    pub async fn manifest(&self, name: &str) -> Result<Vec<u8>> {
        let message = wire::GetManifestRequest {
            name: self.name(name)?,
        };
        Ok(call!(self, Call::ENTERING.long(), get_manifest(message))?.envelope)
    }

    /// The digests of an item's blocks, checked against what the manifest says of the item.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such item, `HASH_MISMATCH` when what came is not the list of the
    /// item in the manifest.
    pub async fn block_list(&self, name: &str, item: &str, content: &Content) -> Result<BlockList> {
        let message = wire::DownloadBlockListRequest {
            name: self.name(name)?,
            item: item.to_owned(),
        };
        let geometry = content.geometry();
        let geometry = geometry.map_err(|error| Error::invalid("content", error.to_string()))?;
        // No more is kept than the list can have.
        let most = HEAD_BYTES as u64 + geometry.blocks().saturating_mul(Record::BYTES as u64);
        let mut backoff = self.client.backoff();
        let bytes = loop {
            let (error, opened) = match self.open_list(message.clone()).await {
                Ok(stream) => match collect(stream, most).await {
                    Ok(bytes) => break bytes,
                    Err(error) => (error, true),
                },
                Err(error) => (error, false),
            };
            // A list that comes in part is asked for anew: as after a stream that did not begin.
            recover(&self.client, &mut backoff, error, opened).await?;
        };
        let content = content.clone();
        let opened = tokio::task::spawn_blocking(move || BlockList::open(bytes, &content)).await;
        opened
            .map_err(|_| stopped())?
            .map_err(|error| Error::new(Reason::HashMismatch, format!("{item}: {error}")))
    }

    async fn open_list(
        &self,
        message: wire::DownloadBlockListRequest,
    ) -> Result<Streaming<wire::DownloadBlockListResponse>> {
        let rpc = self.rpc();
        self.client
            .stream(Freshness::New, message, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.download_block_list(request).await }
            })
            .await
    }

    /// The whole chain of custody, and what the server signs of its end.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when nothing was taken.
    pub async fn custody(&self, name: &str) -> Result<Custody> {
        let name = self.name(name)?;
        let mut entries = Vec::new();
        let mut first = 1;
        loop {
            let message = wire::ListCustodyEntriesRequest {
                name: name.clone(),
                first_sequence: first,
                page_size: ENTRIES,
            };
            let page = call!(self, Call::ENTERING, list_custody_entries(message))?;
            let empty = page.entries.is_empty();
            entries.extend(page.entries);
            if page.next_sequence == 0 {
                // What is entered while the last page is made is behind the end that was signed.
                if let Some(sequence) = told_sequence(&page.head_envelope) {
                    entries.truncate(usize::try_from(sequence).unwrap_or(usize::MAX));
                }
                return Ok(Custody {
                    entries,
                    head_envelope: page.head_envelope,
                });
            }
            // A server that leads in circles is not followed for ever.
            if empty || page.next_sequence <= first {
                let text = "the pages of the chain of custody do not follow each other";
                return Err(Error::new(Reason::Internal, text));
            }
            first = page.next_sequence;
        }
    }
}

async fn collect(
    mut stream: Streaming<wire::DownloadBlockListResponse>,
    most: u64,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(part) = stream.message().await? {
        if bytes.len() as u64 + part.content.len() as u64 > most {
            return Err(Error::new(
                Reason::HashMismatch,
                format!("the list of blocks has more than the {most} bytes that it can have"),
            ));
        }
        bytes.extend_from_slice(&part.content);
    }
    if (bytes.len() as u64) < most {
        let text = "the list of blocks broke off";
        return Err(Error::new(Reason::Unavailable, text));
    }
    Ok(bytes)
}

/// Writes a list in the form in which the server gives it, for keeping.
///
/// # Errors
///
/// When it can't be written.
pub fn write_list(list: &BlockList, to: &mut impl Write) -> io::Result<()> {
    let geometry = list.geometry();
    to.write_all(&head(&geometry))?;
    for record in (0..geometry.blocks()).filter_map(|index| list.record(index)) {
        to.write_all(&record.to_bytes())?;
    }
    to.flush()
}

/// Work of a thread of its own did not end: the program is being stopped.
pub(super) fn stopped() -> Error {
    Error::new(Reason::Io, "the program is being stopped")
}
