//! Following how clocks stand.

use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::sla::{IncidentClocks, WatchClocksRequest, WatchClocksResponse};
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use tonic::Streaming;

use super::Sla;
use crate::client::Client;
use crate::error::Result;
use crate::follow::{Follow, Following};
use crate::time::from_proto;
use crate::token::Freshness;

/// Clocks that came at once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClocksUpdate {
    /// Incidents, each with all its clocks.
    pub incidents: Vec<IncidentClocks>,
    /// The moment for which they were computed; `None` if the server does not say it.
    pub as_of: Option<Timestamp>,
    /// Behind it goes on what comes next.
    pub cursor: i64,
}

/// How the clocks of a tenant's open incidents stand, anew whenever something happens to an
/// incident; from [`Sla::watch_clocks`]. Ends only with an error.
#[derive(Debug)]
pub struct ClockWatch(Following<Watched>);

impl ClockWatch {
    /// Where to resume: all before was handed out. `None` as long as the server has not said
    /// where now is.
    #[must_use]
    pub fn cursor(&self) -> Option<i64> {
        self.0.cursor()
    }
}

impl Stream for ClockWatch {
    type Item = Result<ClocksUpdate>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Clocks that are followed.
struct Watched {
    sla: Sla,
    parent: String,
}

impl Follow for Watched {
    type Chunk = WatchClocksResponse;
    type Item = ClocksUpdate;

    fn client(&self) -> &Client {
        &self.sla.client
    }

    async fn open(&self, cursor: Option<i64>) -> Result<Streaming<WatchClocksResponse>> {
        let rpc = self.sla.rpc();
        let request = WatchClocksRequest {
            parent: self.parent.clone(),
            cursor,
        };
        self.sla
            .client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_clocks(request).await }
            })
            .await
    }

    fn unpack(chunk: WatchClocksResponse) -> (Vec<ClocksUpdate>, i64) {
        let cursor = chunk.cursor;
        if chunk.incidents.is_empty() {
            return (Vec::new(), cursor);
        }
        let update = ClocksUpdate {
            as_of: chunk.as_of_time.as_ref().and_then(from_proto),
            incidents: chunk.incidents,
            cursor,
        };
        (vec![update], cursor)
    }

    fn sequence(update: &ClocksUpdate) -> i64 {
        update.cursor
    }
}

impl Sla {
    /// Follows the clocks of the client's tenant: those of all open incidents first, unless there
    /// is a cursor to go on from, and then an incident's whenever something happened to it.
    ///
    /// A connection that is lost is taken up again from the last cursor.
    #[must_use]
    pub fn watch_clocks(&self, cursor: Option<i64>) -> ClockWatch {
        let parent = self.client.parent();
        let what = parent.map(|parent| Watched {
            sla: self.clone(),
            parent,
        });
        ClockWatch(Following::new(what, cursor))
    }
}
