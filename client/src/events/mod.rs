//! A tenant's events.

mod export;
mod search;
mod selection;
mod watch;

use cordon_proto::events::events_service_client::EventsServiceClient;
pub use cordon_proto::events::{
    Completeness, CountEventsResponse, Event, EventColumns, EventCount, EventView as View,
    ExplainEventResponse, ExportFormat, GetEventOriginalResponse as EventOriginal, Order,
    SearchSummary, SourceCompleteness, VisibilityReason, WithheldCount, WithheldField,
};
use cordon_proto::events::{
    CountEventsRequest, ExplainEventRequest, GetEventOriginalRequest, GetEventRequest,
};

pub use self::export::{Export, ExportChunk, ExportStream};
pub use self::search::{Search, SearchStream};
pub use self::selection::Count;
pub use self::watch::{Watch, WatchStream};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::servers::Servers;

/// The events of one tenant; from [`Client::events`].
#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
}

impl Events {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> EventsServiceClient<Servers> {
        configured!(EventsServiceClient::new(self.client.servers()))
    }

    /// The full name of an event: takes the full name, and the short id of an event of the
    /// client's tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a short id when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("events/").unwrap_or(name);
        Ok(format!("{}/events/{id}", self.client.parent()?))
    }

    /// Looks for events.
    ///
    /// Nothing is sent before the stream is polled. Long answers are fetched page by page; a
    /// connection that is lost in between is taken up again, without an event missing or twice.
    #[must_use]
    pub fn search(&self, search: Search) -> SearchStream {
        SearchStream::new(self.clone(), search)
    }

    /// Follows events as they are stored, from now on or from a cursor on.
    ///
    /// A connection that is lost is taken up again from the last cursor.
    #[must_use]
    pub fn watch(&self, watch: Watch) -> WatchStream {
        WatchStream::new(self.clone(), watch)
    }

    /// Takes events out as a file.
    #[must_use]
    pub fn export(&self, export: Export) -> ExportStream {
        ExportStream::new(self.clone(), export)
    }

    /// One event. Takes names as [`Events::name`] does.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str, view: View) -> Result<Event> {
        let message = GetEventRequest {
            name: self.name(name)?,
            view: view.into(),
        };
        let answer = call!(self, Call::ENTERING, get_event(message))?;
        answer
            .event
            .ok_or_else(|| Error::new(Reason::Internal, "the answer holds no event"))
    }

    /// Why the tenant sees an event, and what of it is withheld and why. Takes names as
    /// [`Events::name`] does.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn explain(&self, name: &str) -> Result<ExplainEventResponse> {
        let message = ExplainEventRequest {
            name: self.name(name)?,
        };
        call!(self, Call::ENTERING, explain_event(message))
    }

    /// The original of an event that concerns several tenants. For the provider's staff, from a
    /// client that [enters](Client::entering): the justification and the reading stand in the log
    /// of every tenant that the event concerns, and may name none of them. Takes names as
    /// [`Events::name`] does.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when no original is kept of it, as of all events that concern one tenant
    /// alone; `INVALID_ARGUMENT` when the justification names a customer; `PERMISSION_DENIED`.
    pub async fn original(&self, name: &str) -> Result<EventOriginal> {
        let message = GetEventOriginalRequest {
            name: self.name(name)?,
        };
        call!(self, Call::ENTERING, get_event_original(message))
    }

    /// How many events there are, by up to three columns.
    ///
    /// # Errors
    ///
    /// `INVALID_FILTER` when the filter does not parse, `INVALID_ARGUMENT` for a column that
    /// events can't be counted by.
    pub async fn count(&self, count: Count) -> Result<CountEventsResponse> {
        let message = CountEventsRequest {
            parent: self.client.parent()?,
            start_time: count.selection.start(),
            end_time: count.selection.end(),
            filter: count.selection.filter,
            group_by: count.group_by,
            limit: count.limit,
        };
        call!(self, Call::ENTERING, count_events(message))
    }
}
