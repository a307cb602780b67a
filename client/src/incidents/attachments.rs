//! Files of incidents: sent and fetched through lost connections, and checked by their hash.

use cordon_proto::incidents::attachments_service_client::AttachmentsServiceClient;
use cordon_proto::incidents::{
    CreateAttachmentRequest, DownloadAttachmentRequest, FinishAttachmentRequest,
    GetAttachmentRequest, ListAttachmentsRequest, UploadAttachmentRequest,
    UploadAttachmentResponse,
};
use ring::digest;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncSeek, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _,
    SeekFrom,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Attachment, AttachmentState, Incidents, pages, present, too_many};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::paging::{PAGE_SIZE, Paged};
use crate::retry::{Backoff, Repeat, unique_id};
use crate::servers::Servers;
use crate::token::Freshness;

/// Bytes of a message.
const CHUNK: usize = 256 << 10;
/// How often it is asked anew where the file stands, when that is not where it was thought to be.
const MISSED: u32 = 8;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// A file that is to be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// What it is called, without a folder.
    pub file_name: String,
    /// Its media type; empty for bytes of any kind.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl NewAttachment {
    /// Reads a file to its end, for its length and hash.
    ///
    /// # Errors
    ///
    /// `IO` when it can't be read.
    pub async fn of(file_name: &str, mut file: impl AsyncRead + Unpin) -> Result<Self> {
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut piece = vec![0; CHUNK];
        let mut size = 0;
        loop {
            let length = file.read(&mut piece).await.map_err(io)?;
            if length == 0 {
                break;
            }
            hash.update(piece.get(..length).unwrap_or_default());
            size += length as u64;
        }
        Ok(Self {
            file_name: file_name.to_owned(),
            media_type: String::new(),
            size,
            sha256: hex(hash.finish().as_ref()),
        })
    }
}

/// Calls of `AttachmentsService`.
#[derive(Clone)]
struct Files {
    client: Client,
}

impl Files {
    fn rpc(&self) -> AttachmentsServiceClient<Servers> {
        configured!(AttachmentsServiceClient::new(self.client.servers()))
    }
}

impl Incidents {
    fn files(&self) -> Files {
        Files {
            client: self.client.clone(),
        }
    }

    /// Announces a file. It is sent by [`upload`](Self::upload), within a day.
    ///
    /// # Errors
    ///
    /// `TOO_LARGE` and `QUOTA_EXCEEDED` when there is no room for it.
    pub async fn announce(&self, name: &str, new: NewAttachment) -> Result<Attachment> {
        let message = CreateAttachmentRequest {
            parent: self.name(name)?,
            attachment: Some(Attachment {
                file_name: new.file_name,
                media_type: new.media_type,
                size_bytes: i64::try_from(new.size).unwrap_or(i64::MAX),
                sha256: new.sha256,
                ..Attachment::default()
            }),
            request_id: unique_id(),
        };
        let files = self.files();
        present(call!(files, Call::ENTERING, create_attachment(message))?.attachment)
    }

    /// An attachment, or a file that the caller has announced. Takes the full name.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn attachment(&self, name: &str) -> Result<Attachment> {
        let message = GetAttachmentRequest {
            name: name.to_owned(),
        };
        let files = self.files();
        present(call!(files, Call::ENTERING, get_attachment(message))?.attachment)
    }

    /// An incident's attachments, oldest first.
    #[must_use]
    pub fn attachments(&self, name: &str) -> Paged<Attachment> {
        let request = self.name(name).map(|parent| ListAttachmentsRequest {
            parent,
            ..ListAttachmentsRequest::default()
        });
        let files = self.files();
        pages!(
            files,
            Call::ENTERING,
            list_attachments(request),
            attachments by PAGE_SIZE
        )
    }

    /// Sends an announced file from where the server has it, through lost connections, and finishes
    /// it. `progress` is told how many bytes are stored.
    ///
    /// # Errors
    ///
    /// `HASH_MISMATCH` when the file is another one than was announced, `IO` when it can't be read.
    pub async fn upload(
        &self,
        attachment: &Attachment,
        file: &mut (impl AsyncRead + AsyncSeek + Unpin + Send),
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Attachment> {
        let files = self.files();
        let name = attachment.name.as_str();
        let mut at = self.attachment(name).await?;
        let mut again = Again::new(&self.client);
        while at.state() != AttachmentState::Attached {
            progress(u64::try_from(at.committed_bytes).unwrap_or(0));
            if at.committed_bytes >= at.size_bytes {
                let message = FinishAttachmentRequest {
                    name: name.to_owned(),
                    request_id: unique_id(),
                };
                let how = Call::ENTERING.long();
                return present(call!(files, how, finish_attachment(message))?.attachment);
            }
            let before = at.committed_bytes;
            let sent = files.send(&at, file, &mut progress).await;
            at = match sent {
                Ok(()) => self.attachment(name).await?,
                Err(error) => {
                    again.pause(error).await?;
                    self.attachment(name).await?
                }
            };
            if at.committed_bytes > before {
                again.reset();
            }
        }
        Ok(at)
    }

    /// Fetches an attachment, through lost connections, and checks its hash. `progress` is told how
    /// many bytes have come. What was written is to be thrown away when this fails.
    ///
    /// # Errors
    ///
    /// `HASH_MISMATCH` when what came is not what was attached, `IO` when it can't be written.
    pub async fn download(
        &self,
        attachment: &Attachment,
        to: &mut (impl AsyncWrite + Unpin + Send),
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<()> {
        let files = self.files();
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut at = 0;
        let mut again = Again::new(&self.client);
        while at < attachment.size_bytes {
            let before = at;
            let fetched = files
                .fetch(attachment, &mut at, to, &mut hash, &mut progress)
                .await;
            if at > before {
                again.reset();
            }
            if let Err(error) = fetched {
                again.pause(error).await?;
            }
        }
        to.flush().await.map_err(io)?;
        let found = hex(hash.finish().as_ref());
        match found == attachment.sha256 && at == attachment.size_bytes {
            true => Ok(()),
            false => Err(Error::new(
                Reason::HashMismatch,
                format!("what came has the hash {found}: it is not what was attached"),
            )),
        }
    }
}

impl Files {
    /// Sends what is missing, in one stream.
    async fn send(
        &self,
        attachment: &Attachment,
        file: &mut (impl AsyncRead + AsyncSeek + Unpin + Send),
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<()> {
        let offset = attachment.committed_bytes;
        let start = u64::try_from(offset).unwrap_or(0);
        file.seek(SeekFrom::Start(start)).await.map_err(io)?;
        let (sender, messages) = mpsc::channel(4);
        let request = ReceiverStream::new(messages);
        let request = self.client.request_entering(request).await?;
        let mut rpc = self.rpc();
        let first = UploadAttachmentRequest {
            name: attachment.name.clone(),
            offset,
            content: Vec::new(),
        };
        let sending = send_all(sender, first, file);
        let receiving = async {
            let mut answers = rpc.upload_attachment(request).await?.into_inner();
            while let Some(UploadAttachmentResponse { committed_bytes }) = answers.message().await?
            {
                progress(u64::try_from(committed_bytes).unwrap_or(0));
            }
            Ok::<_, Error>(())
        };
        let (sent, received) = tokio::join!(sending, receiving);
        sent.and(received)
    }

    /// Fetches from a place on, in one stream.
    async fn fetch(
        &self,
        attachment: &Attachment,
        at: &mut i64,
        to: &mut (impl AsyncWrite + Unpin + Send),
        hash: &mut digest::Context,
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<()> {
        let message = DownloadAttachmentRequest {
            name: attachment.name.clone(),
            offset: *at,
        };
        let rpc = self.rpc();
        let mut pieces = self
            .client
            .stream(Freshness::New, message, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.download_attachment(request).await }
            })
            .await?;
        while let Some(piece) = pieces.message().await? {
            if piece.offset != *at {
                let text = "the bytes do not follow those before them";
                return Err(Error::new(Reason::Internal, text));
            }
            to.write_all(&piece.content).await.map_err(io)?;
            hash.update(&piece.content);
            *at = at.saturating_add(i64::try_from(piece.content.len()).unwrap_or(i64::MAX));
            progress(u64::try_from(*at).unwrap_or(0));
        }
        match *at < attachment.size_bytes {
            true => Err(Error::new(Reason::Unavailable, "the stream broke off")),
            false => Ok(()),
        }
    }
}

/// Sends a file to its end, or as long as anybody takes it: why nobody does, the answer says.
async fn send_all(
    sender: mpsc::Sender<UploadAttachmentRequest>,
    first: UploadAttachmentRequest,
    file: &mut (impl AsyncRead + Unpin + Send),
) -> Result<()> {
    let mut message = first;
    loop {
        if sender.send(message).await.is_err() {
            return Ok(());
        }
        let mut content = vec![0; CHUNK];
        let length = file.read(&mut content).await.map_err(io)?;
        if length == 0 {
            return Ok(());
        }
        content.truncate(length);
        message = UploadAttachmentRequest {
            content,
            ..UploadAttachmentRequest::default()
        };
    }
}

/// When to go on after a stream failed.
struct Again<'a> {
    client: &'a Client,
    backoff: Backoff,
    refusals: u32,
    missed: u32,
}

impl<'a> Again<'a> {
    fn new(client: &'a Client) -> Self {
        Self {
            client,
            backoff: client.backoff(),
            refusals: 0,
            missed: 0,
        }
    }

    fn reset(&mut self) {
        self.backoff.reset();
        (self.refusals, self.missed) = (0, 0);
    }

    /// Waits until it is time, or says that this failure is final.
    async fn pause(&mut self, error: Error) -> Result<()> {
        // The token ended in the midst of a stream.
        if *error.reason() == Reason::Unauthenticated {
            if !self.client.wait_for_keys(&mut self.refusals).await {
                return Err(error);
            }
            self.client.renew_token().await;
            return Ok(());
        }
        // The server was still at work on what an earlier stream had brought.
        let elsewhere =
            *error.reason() == Reason::EtagMismatch || error.metadata("committed_bytes").is_some();
        if elsewhere && self.missed < MISSED {
            self.missed += 1;
            tokio::time::sleep(PAUSE).await;
            return Ok(());
        }
        self.backoff.pause(error, Repeat::Safe).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn io(error: std::io::Error) -> Error {
    Error::new(Reason::Io, error.to_string())
}
