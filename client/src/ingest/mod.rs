//! Events on their way in: files taken apart, batches that can be sent again, and their answers.

mod batch;
mod session;
mod split;

use std::io::Read;

use cordon_proto::events::events_service_client::EventsServiceClient;
pub use cordon_proto::events::{DeadLetter, RecordError, ReplayDeadLettersResponse};
use cordon_proto::events::{
    ListDeadLettersRequest, ReplayDeadLettersRequest, ReportWatermarkRequest,
};
use futures::Stream;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

pub use self::batch::{Batch, Batches, Cut, DEFAULT_BATCH_RECORDS, MAX_BATCH_RECORDS, Unreadable};
pub use self::session::{Outcome, Outcomes, Refusal};
pub use self::split::{Fault, Form, MAX_RECORD_BYTES, Piece, Splitter};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::paging::Paged;
use crate::servers::Servers;
use crate::tenants::named;
use crate::time::to_proto;

/// Batches that are read ahead of sending.
const READ_AHEAD: usize = 2;

/// Dead letters in one page: each may hold a MiB, and a page has to fit into a message.
const LETTERS_PAGE: i32 = 12;

/// Events on their way in; from [`Client::ingest`].
#[derive(Debug, Clone)]
pub struct Ingest {
    client: Client,
}

impl Ingest {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> EventsServiceClient<Servers> {
        configured!(EventsServiceClient::new(self.client.servers()))
    }

    /// Sends batches and tells what became of each.
    ///
    /// A few are under way at once. When the connection is lost, those that were not answered are
    /// sent again under the same ids, so that each is stored once. An error among the batches ends
    /// the sending, after what was sent before it is answered.
    ///
    /// ```no_run
    /// # async fn run(client: cordon_client::Client) -> cordon_client::Result<()> {
    /// use cordon_client::ingest::{Cut, read};
    /// use futures::TryStreamExt as _;
    /// let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    /// let file = std::fs::File::open("trail.json.gz")?;
    /// let mut outcomes = client.ingest().send(&cut, read(file, "trail.json.gz", &cut)?);
    /// while let Some(outcome) = outcomes.try_next().await? {
    ///     println!("{} stored, {} could not be read", outcome.accepted, outcome.rejected);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Must be called within a Tokio runtime.
    pub fn send<S>(&self, cut: &Cut, batches: S) -> Outcomes
    where
        S: Stream<Item = Result<Batch>> + Send + 'static,
    {
        let rpc = match self.client.compression() {
            Some(encoding) => self.rpc().send_compressed(encoding),
            None => self.rpc(),
        };
        let opening = session::Opening {
            client: self.client.clone(),
            rpc,
            source: cut.source.clone(),
            source_type: cut.source_type.clone(),
            in_flight: session::IN_FLIGHT,
        };
        session::start(opening, batches)
    }

    /// Says up to when a source has delivered everything. Takes names as in `sources/{source}`.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED` for a source that is not the caller's.
    pub async fn report_watermark(&self, source: &str, watermark: Timestamp) -> Result<()> {
        let message = ReportWatermarkRequest {
            source: named("sources", source),
            watermark: Some(to_proto(watermark)),
        };
        call!(self, Call::SAFE, report_watermark(message)).map(|_| ())
    }

    /// Records of a source that could not be read, oldest first. Takes `sources/{source}`
    /// or the id alone.
    #[must_use]
    pub fn dead_letters(&self, source: &str) -> Paged<DeadLetter> {
        let (room, parent) = (self.clone(), named("sources", source));
        Paged::new(move |page_token| {
            let room = room.clone();
            let message = ListDeadLettersRequest {
                parent: parent.clone(),
                page_size: LETTERS_PAGE,
                page_token,
            };
            async move {
                let page = call!(room, Call::SAFE, list_dead_letters(message))?;
                Ok((page.dead_letters, page.next_page_token))
            }
        })
    }

    /// Reads a source's dead letters again, with the normalizers of today.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such source.
    pub async fn replay_dead_letters(&self, source: &str) -> Result<ReplayDeadLettersResponse> {
        let message = ReplayDeadLettersRequest {
            parent: named("sources", source),
        };
        call!(self, Call::SAFE.long(), replay_dead_letters(message))
    }
}

/// Reads a file into batches, on a thread of its own and not much faster than they are taken.
///
/// Must be called within a Tokio runtime.
///
/// # Errors
///
/// `IO` when the first bytes can't be read.
pub fn read<R>(
    reader: R,
    label: &str,
    cut: &Cut,
) -> Result<impl Stream<Item = Result<Batch>> + Send + use<R>>
where
    R: Read + Send + 'static,
{
    let name = label.to_owned();
    let failed = move |error: std::io::Error| Error::new(Reason::Io, format!("{name}: {error}"));
    let batches = Batches::new(reader, label, cut).map_err(&failed)?;
    let (taken, stream) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        for batch in batches {
            let last = batch.is_err();
            // Nobody takes them any more, or there is no way on.
            if taken.blocking_send(batch.map_err(&failed)).is_err() || last {
                break;
            }
        }
    });
    Ok(ReceiverStream::new(stream))
}
