//! Searches: pages of answers as one stream.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cordon_proto::events::search_events_response::Result as Part;
use cordon_proto::events::{
    Completeness, Event, EventView, Order, SearchEventsRequest, SearchEventsResponse,
    SearchSummary, WithheldCount,
};
use futures::{Stream, StreamExt as _, stream};
use tonic::Streaming;

use super::selection::{Selection, selects};
use super::{Events, View};
use crate::error::{Error, Reason, Result};
use crate::retry::{Backoff, Repeat};
use crate::token::Freshness;

/// Events in one page: enough that a page costs nothing, and little enough that a page which is
/// fetched again after a lost connection does not either.
const PAGE: u64 = 10_000;

/// What to search for.
///
/// ```
/// use std::time::Duration;
/// use cordon_client::{Search, View};
/// let search = Search::new()
///     .last(Duration::from_secs(24 * 3600))
///     .filter("operation = 'AssumeRole' AND status = 'Failure'")
///     .oldest_first()
///     .view(View::Columns)
///     .limit(500);
/// # let _ = search;
/// ```
#[derive(Debug, Clone)]
pub struct Search {
    selection: Selection,
    order: Order,
    view: EventView,
    limit: u64,
    page_size: Option<u64>,
    page_token: String,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            order: Order::NewestFirst,
            view: EventView::Ocsf,
            limit: 100,
            page_size: None,
            page_token: String::new(),
        }
    }
}

selects!(Search);

impl Search {
    /// The newest 100 events of all times, in OCSF.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Earliest events first.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        self.order(Order::OldestFirst)
    }

    /// The order of the answer.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How much of each event.
    #[must_use]
    pub fn view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    /// How many events at most; 100 if not set.
    #[must_use]
    pub fn limit(mut self, events: u64) -> Self {
        self.limit = events;
        self
    }

    /// All events, however many.
    #[must_use]
    pub fn unlimited(self) -> Self {
        self.limit(u64::MAX)
    }

    /// How many events are fetched at once, at most 1,000,000. Seldom needed, but for going on
    /// with a page token: page sizes must be the same.
    #[must_use]
    pub fn page_size(mut self, events: u32) -> Self {
        self.page_size = Some(u64::from(events.max(1)));
        self
    }

    /// Goes on where another search ended: the `next_page_token` of its summary. All else must
    /// be as in that search.
    #[must_use]
    pub fn page_token(mut self, token: impl Into<String>) -> Self {
        self.page_token = token.into();
        self
    }

    /// The same size for all pages, so that they come out even.
    fn even_page_size(&self) -> u64 {
        self.page_size.unwrap_or_else(|| {
            let pages = self.limit.div_ceil(PAGE).max(1);
            self.limit.div_ceil(pages).clamp(1, PAGE)
        })
    }
}

/// The events that a search finds; from [`Events::search`].
///
/// When the stream has ended, [`SearchStream::summary`] says how complete the answer is.
pub struct SearchStream {
    chunks: Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>,
    ready: std::vec::IntoIter<Event>,
    summary: Option<SearchSummary>,
}

impl fmt::Debug for SearchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchStream")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

enum Chunk {
    Events(Vec<Event>),
    Summary(SearchSummary),
}

impl SearchStream {
    pub(super) fn new(events: Events, search: Search) -> Self {
        let chunks = match events.client.parent() {
            Ok(parent) => {
                let pager = Pager::new(events, parent, search);
                stream::unfold(pager, |mut pager| async move {
                    let chunk = pager.next().await?;
                    Some((chunk, pager))
                })
                .boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        };
        Self {
            chunks,
            ready: Vec::new().into_iter(),
            summary: None,
        }
    }

    /// How the answer closed: how many events it had, how complete it is, what was withheld, and
    /// where to go on. `None` as long as the stream has not ended.
    #[must_use]
    pub fn summary(&self) -> Option<&SearchSummary> {
        self.summary.as_ref()
    }
}

impl Stream for SearchStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.next() {
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(self.chunks.poll_next_unpin(context)) {
                Some(Ok(Chunk::Events(events))) => self.ready = events.into_iter(),
                Some(Ok(Chunk::Summary(summary))) => self.summary = Some(summary),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Fetches page after page.
struct Pager {
    events: Events,
    request: SearchEventsRequest,
    remaining: u64,
    stream: Option<Streaming<SearchEventsResponse>>,
    /// Names of what came of this page so far: when it is fetched again, they are left out.
    handed_out: HashSet<String>,
    backoff: Backoff,
    token_renewed: bool,
    returned: u64,
    cut: bool,
    withheld: BTreeMap<String, i64>,
    done: bool,
}

impl Pager {
    fn new(events: Events, parent: String, search: Search) -> Self {
        let page_size = search.even_page_size();
        Self {
            request: SearchEventsRequest {
                parent,
                start_time: search.selection.start(),
                end_time: search.selection.end(),
                filter: search.selection.filter,
                order: search.order.into(),
                page_size: i32::try_from(page_size).unwrap_or(i32::MAX),
                page_token: search.page_token,
                view: search.view.into(),
            },
            remaining: search.limit,
            stream: None,
            handed_out: HashSet::new(),
            backoff: events.client.backoff(),
            token_renewed: false,
            returned: 0,
            cut: false,
            withheld: BTreeMap::new(),
            done: false,
            events,
        }
    }

    async fn next(&mut self) -> Option<Result<Chunk>> {
        while !self.done {
            match self.advance().await {
                Ok(Some(chunk)) => return Some(Ok(chunk)),
                Ok(None) => {}
                Err(error) => {
                    self.stream = None;
                    if let Err(error) = self.recover(error).await {
                        self.done = true;
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }

    /// Reads the next part of the answer.
    async fn advance(&mut self) -> Result<Option<Chunk>> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.events.open(self.request.clone()).await?),
        };
        let answer = stream.message().await?.ok_or_else(|| {
            Error::new(Reason::Unavailable, "the answer ended before its summary")
        })?;
        self.backoff.reset();
        match answer.result {
            Some(Part::Events(list)) => Ok(self.take(list.events)),
            Some(Part::Summary(summary)) => Ok(self.turn(summary)),
            None => Ok(None),
        }
    }

    fn take(&mut self, mut events: Vec<Event>) -> Option<Chunk> {
        events.retain(|event| self.handed_out.insert(event.name.clone()));
        let room = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        if events.len() > room {
            events.truncate(room);
            self.cut = true;
        }
        self.remaining -= events.len() as u64;
        self.returned += events.len() as u64;
        (!events.is_empty()).then_some(Chunk::Events(events))
    }

    /// Goes on to the next page, or closes the answer.
    fn turn(&mut self, summary: SearchSummary) -> Option<Chunk> {
        self.stream = None;
        self.handed_out.clear();
        self.token_renewed = false;
        let completeness = summary.completeness.unwrap_or_default();
        for withheld in &completeness.withheld {
            *self.withheld.entry(withheld.reason.clone()).or_default() += withheld.event_count;
        }
        if self.remaining > 0 && !summary.next_page_token.is_empty() {
            self.request.page_token = summary.next_page_token;
            return None;
        }
        self.done = true;
        let withheld = std::mem::take(&mut self.withheld);
        Some(Chunk::Summary(SearchSummary {
            returned_count: i64::try_from(self.returned).unwrap_or(i64::MAX),
            // Behind a cut the server's token would leave out what was cut off.
            next_page_token: if self.cut {
                String::new()
            } else {
                summary.next_page_token
            },
            completeness: Some(Completeness {
                withheld: withheld
                    .into_iter()
                    .map(|(reason, event_count)| WithheldCount {
                        reason,
                        event_count,
                    })
                    .collect(),
                ..completeness
            }),
        }))
    }

    /// Waits until the page can be fetched again, or returns the error when it can't. A first
    /// page has no token that pins what it shows: once some of it was handed out, fetching it
    /// again could put newer events behind older ones.
    async fn recover(&mut self, error: Error) -> Result<()> {
        if self.request.page_token.is_empty() && !self.handed_out.is_empty() {
            return Err(error);
        }
        // A token's end ends streams too.
        if *error.reason() == Reason::Unauthenticated && !self.token_renewed {
            self.token_renewed = true;
            self.events.client.renew_token().await;
            return Ok(());
        }
        self.backoff.pause(error, Repeat::Safe).await
    }
}

impl Events {
    async fn open(&self, request: SearchEventsRequest) -> Result<Streaming<SearchEventsResponse>> {
        let rpc = self.rpc();
        self.client
            .stream(Freshness::Good, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.search_events(request).await }
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_out_even() {
        for (limit, size) in [
            (1, 1),
            (100, 100),
            (10_000, 10_000),
            (10_001, 5_001),
            (15_000, 7_500),
            (100_000, 10_000),
            (u64::MAX, 10_000),
            (0, 1),
        ] {
            assert_eq!(Search::new().limit(limit).even_page_size(), size, "{limit}");
        }
        assert_eq!(Search::new().limit(5).page_size(7).even_page_size(), 7);
    }
}
