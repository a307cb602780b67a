//! Following events as they are stored.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cordon_proto::events::{Event, EventView, WatchEventsRequest, WatchEventsResponse};
use futures::{Stream, StreamExt as _, stream};
use tonic::Streaming;

use super::{Events, View};
use crate::error::{Error, Reason, Result};
use crate::retry::{Backoff, Repeat};
use crate::token::Freshness;

/// What to follow.
///
/// ```
/// use cordon_client::Watch;
/// let from_here = Watch::new().filter("severity_id >= 4").from(1_024);
/// # let _ = from_here;
/// ```
#[derive(Debug, Clone)]
pub struct Watch {
    cursor: Option<i64>,
    filter: String,
    view: EventView,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            cursor: None,
            filter: String::new(),
            view: EventView::Ocsf,
        }
    }
}

impl Watch {
    /// All events from now on, in OCSF.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All events behind this cursor: the one of the last event that was handled, or 0 for all
    /// that are kept.
    #[must_use]
    pub fn from(mut self, cursor: i64) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Only events that pass a SQL boolean expression over the columns.
    #[must_use]
    pub fn filter(mut self, expression: impl Into<String>) -> Self {
        self.filter = expression.into();
        self
    }

    /// How much of each event.
    #[must_use]
    pub fn view(mut self, view: View) -> Self {
        self.view = view;
        self
    }
}

/// Events as they are stored; from [`Events::watch`]. Ends only with an error.
pub struct WatchStream {
    chunks: Pin<Box<dyn Stream<Item = Result<WatchEventsResponse>> + Send>>,
    ready: std::vec::IntoIter<Event>,
    /// The cursor behind all of `ready`.
    behind: Option<i64>,
    cursor: Option<i64>,
}

impl fmt::Debug for WatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl WatchStream {
    pub(super) fn new(events: Events, watch: Watch) -> Self {
        let cursor = watch.cursor;
        let chunks = match events.client.parent() {
            Ok(parent) => {
                let watcher = Watcher {
                    request: WatchEventsRequest {
                        parent,
                        cursor,
                        filter: watch.filter,
                        view: watch.view.into(),
                    },
                    stream: None,
                    backoff: events.client.backoff(),
                    events,
                    done: false,
                };
                stream::unfold(watcher, |mut watcher| async move {
                    let chunk = watcher.next().await?;
                    Some((chunk, watcher))
                })
                .boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        };
        Self {
            chunks,
            ready: Vec::new().into_iter(),
            behind: None,
            cursor,
        }
    }

    /// Where to resume: all before was handed out or did not pass the filter. `None` as long as
    /// the server has not said where now is.
    #[must_use]
    pub fn cursor(&self) -> Option<i64> {
        self.cursor
    }
}

impl Stream for WatchStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.next() {
                self.cursor = Some(event.sequence);
                if self.ready.len() == 0 {
                    self.cursor = self.behind.max(self.cursor);
                }
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(self.chunks.poll_next_unpin(context)) {
                Some(Ok(chunk)) => {
                    self.behind = Some(chunk.cursor);
                    if chunk.events.is_empty() {
                        self.cursor = self.cursor.max(self.behind);
                    }
                    self.ready = chunk.events.into_iter();
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Keeps a watch open.
struct Watcher {
    events: Events,
    request: WatchEventsRequest,
    stream: Option<Streaming<WatchEventsResponse>>,
    backoff: Backoff,
    done: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<WatchEventsResponse>> {
        while !self.done {
            let stream = match self.stream.take() {
                Some(stream) => Ok(stream),
                None => self.open().await,
            };
            let opened = stream.is_ok();
            let failure = match stream {
                Ok(mut stream) => match stream.message().await {
                    Ok(Some(chunk)) => {
                        self.stream = Some(stream);
                        self.backoff.reset();
                        self.request.cursor = self.request.cursor.max(Some(chunk.cursor));
                        return Some(Ok(chunk));
                    }
                    Ok(None) => Error::new(Reason::Unavailable, "the server ended the stream"),
                    Err(status) => status.into(),
                },
                Err(error) => error,
            };
            if let Err(error) = self.recover(failure, opened).await {
                self.done = true;
                return Some(Err(error));
            }
        }
        None
    }

    /// Waits until the watch can be resumed, or returns the error when it can't.
    async fn recover(&mut self, error: Error, opened: bool) -> Result<()> {
        match error.reason() {
            // The token ended, and the stream with it.
            Reason::Unauthenticated if opened => self.events.client.renew_token().await,
            Reason::ReaderTooSlow | Reason::DeadlineExceeded if opened => {}
            _ => return self.backoff.pause(error, Repeat::Safe).await,
        }
        // As after a lost connection, so that a server which always says so is not asked for
        // ever.
        let lost = Error::new(Reason::Unavailable, "the stream was ended");
        if let Some(delay) = self.backoff.after(&lost, Repeat::Safe) {
            tokio::time::sleep(delay.max(Duration::from_millis(10))).await;
            Ok(())
        } else {
            Err(error)
        }
    }

    async fn open(&self) -> Result<Streaming<WatchEventsResponse>> {
        let rpc = self.events.rpc();
        self.events
            .client
            .stream(Freshness::New, self.request.clone(), |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_events(request).await }
            })
            .await
    }
}
