//! Following what happens to incidents.

use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::incidents::{WatchIncidentsRequest, WatchIncidentsResponse};
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

use super::{Incidents, TimelineEntry};
use crate::client::Client;
use crate::error::Result;
use crate::follow::{Follow, Following};
use crate::token::Freshness;

/// What happens to a tenant's incidents, as it happens; from [`Incidents::watch`]. Ends only with
/// an error.
#[derive(Debug)]
pub struct IncidentWatch(Following<Watched>);

impl IncidentWatch {
    pub(super) fn new(incidents: Incidents, cursor: Option<i64>) -> Self {
        let parent = incidents.client.parent();
        let what = parent.map(|parent| Watched { incidents, parent });
        Self(Following::new(what, cursor))
    }

    /// Where to resume: all before was handed out. `None` as long as the server has not said
    /// where now is.
    #[must_use]
    pub fn cursor(&self) -> Option<i64> {
        self.0.cursor()
    }

    /// Where now is, as the server says it before anything else.
    pub(crate) async fn head(&mut self) -> Result<i64> {
        self.0.behind().await
    }
}

impl Stream for IncidentWatch {
    type Item = Result<TimelineEntry>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Incidents that are followed.
struct Watched {
    incidents: Incidents,
    parent: String,
}

impl Follow for Watched {
    type Chunk = WatchIncidentsResponse;
    type Item = TimelineEntry;

    fn client(&self) -> &Client {
        &self.incidents.client
    }

    async fn open(&self, cursor: Option<i64>) -> Result<Streaming<WatchIncidentsResponse>> {
        let rpc = self.incidents.rpc();
        let request = WatchIncidentsRequest {
            parent: self.parent.clone(),
            cursor,
        };
        self.incidents
            .client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_incidents(request).await }
            })
            .await
    }

    fn unpack(chunk: WatchIncidentsResponse) -> (Vec<TimelineEntry>, i64) {
        (chunk.timeline_entries, chunk.cursor)
    }

    fn sequence(entry: &TimelineEntry) -> i64 {
        entry.sequence
    }
}
