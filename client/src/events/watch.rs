//! Following events as they are stored.

use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::events::{Event, EventView, WatchEventsRequest, WatchEventsResponse};
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

use super::{Events, View};
use crate::client::Client;
use crate::error::Result;
use crate::follow::{Follow, Following};
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
#[derive(Debug)]
pub struct WatchStream(Following<Watched>);

impl WatchStream {
    pub(super) fn new(events: Events, watch: Watch) -> Self {
        let cursor = watch.cursor;
        let what = events.client.parent().map(|parent| Watched {
            request: WatchEventsRequest {
                parent,
                cursor,
                filter: watch.filter,
                view: watch.view.into(),
            },
            events,
        });
        Self(Following::new(what, cursor))
    }

    /// Where to resume: all before was handed out or did not pass the filter. `None` as long as
    /// the server has not said where now is.
    #[must_use]
    pub fn cursor(&self) -> Option<i64> {
        self.0.cursor()
    }
}

impl Stream for WatchStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Events that are followed.
struct Watched {
    events: Events,
    request: WatchEventsRequest,
}

impl Follow for Watched {
    type Chunk = WatchEventsResponse;
    type Item = Event;

    fn client(&self) -> &Client {
        &self.events.client
    }

    async fn open(&self, cursor: Option<i64>) -> Result<Streaming<WatchEventsResponse>> {
        let rpc = self.events.rpc();
        let request = WatchEventsRequest {
            cursor,
            ..self.request.clone()
        };
        self.events
            .client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_events(request).await }
            })
            .await
    }

    fn unpack(chunk: WatchEventsResponse) -> (Vec<Event>, i64) {
        (chunk.events, chunk.cursor)
    }

    fn sequence(event: &Event) -> i64 {
        event.sequence
    }
}
