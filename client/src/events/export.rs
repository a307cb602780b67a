//! Taking events out as a file.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cordon_proto::events::{
    ExportEventsRequest, ExportEventsResponse, ExportFormat, SearchSummary,
};
use futures::{Stream, StreamExt as _, stream};
use tonic::Streaming;

use super::Events;
use super::selection::{Selection, selects};
use crate::error::{Error, Reason, Result};
use crate::retry::Repeat;
use crate::token::Freshness;

/// What to export, and in which form.
#[derive(Debug, Clone)]
pub struct Export {
    selection: Selection,
    format: ExportFormat,
}

selects!(Export);

impl Export {
    /// All events in this form.
    #[must_use]
    pub fn new(format: ExportFormat) -> Self {
        Self {
            selection: Selection::default(),
            format,
        }
    }
}

/// A piece of the file.
#[derive(Debug, Clone)]
pub struct ExportChunk {
    /// The file's next bytes.
    pub content: Bytes,
    /// How many events are written so far.
    pub event_count: u64,
}

/// The bytes of the file; from [`Events::export`].
///
/// The file is whole only when the stream has ended without an error; then
/// [`ExportStream::summary`] says how complete it is.
pub struct ExportStream {
    chunks: Pin<Box<dyn Stream<Item = Result<ExportEventsResponse>> + Send>>,
    summary: Option<SearchSummary>,
    done: bool,
}

impl fmt::Debug for ExportStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportStream")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

impl ExportStream {
    pub(super) fn new(events: Events, export: Export) -> Self {
        let chunks = stream::once(async move { events.open_export(export).await })
            .flat_map(|opened| match opened {
                Ok(answers) => answers.map(|answer| answer.map_err(Error::from)).boxed(),
                Err(error) => stream::once(async { Err(error) }).boxed(),
            })
            .boxed();
        Self {
            chunks,
            summary: None,
            done: false,
        }
    }

    /// How the answer closed. `None` as long as the stream has not ended.
    #[must_use]
    pub fn summary(&self) -> Option<&SearchSummary> {
        self.summary.as_ref()
    }
}

impl Stream for ExportStream {
    type Item = Result<ExportChunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.done {
                return Poll::Ready(None);
            }
            let answer = match ready!(self.chunks.poll_next_unpin(context)) {
                Some(Ok(answer)) => answer,
                Some(Err(error)) => {
                    self.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.done = true;
                    if self.summary.is_some() {
                        return Poll::Ready(None);
                    }
                    let cut = Error::new(Reason::Unavailable, "the file ended before its summary");
                    return Poll::Ready(Some(Err(cut)));
                }
            };
            if answer.summary.is_some() {
                self.summary = answer.summary;
            }
            if !answer.content.is_empty() || answer.event_count > 0 {
                return Poll::Ready(Some(Ok(ExportChunk {
                    content: answer.content,
                    event_count: u64::try_from(answer.event_count).unwrap_or_default(),
                })));
            }
        }
    }
}

impl Events {
    /// Opens the stream; that much can be tried again, since no byte was handed out.
    async fn open_export(&self, export: Export) -> Result<Streaming<ExportEventsResponse>> {
        let message = ExportEventsRequest {
            parent: self.client.parent()?,
            start_time: export.selection.start(),
            end_time: export.selection.end(),
            filter: export.selection.filter,
            format: export.format.into(),
        };
        let rpc = self.rpc();
        let mut backoff = self.client.backoff();
        loop {
            let opened = self
                .client
                .stream(Freshness::New, message.clone(), |request| {
                    let mut rpc = rpc.clone();
                    async move { rpc.export_events(request).await }
                })
                .await;
            match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => backoff.pause(error, Repeat::Safe).await?,
            }
        }
    }
}
