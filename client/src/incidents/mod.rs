//! A tenant's incidents, and the queue of all tenants' incidents.

mod attachments;
mod changed;
mod changes;
mod comments;
mod links;
mod notes;
mod parts;
mod provider;
mod report;
mod tasks;
mod watch;

use cordon_proto::incidents::incidents_service_client::IncidentsServiceClient;
pub use cordon_proto::incidents::{
    Actor, Attachment, CleanStateCriterion, CloseCode, Comment, Incident, Link, Note, NoteKey,
    Origin, Party, Phase, ProviderNote, QueuedIncident, Severity, SignOff, TimelineEntry, Tlp,
    attachment::State as AttachmentState,
    comment::Revision as CommentRevision,
    incident::State as IncidentState,
    timeline_entry::{ClockRef, What as TimelineWhat},
};
use cordon_proto::incidents::{
    GetIncidentRequest, ListIncidentQueueRequest, ListIncidentsRequest, ListTimelineEntriesRequest,
};
use futures::TryStreamExt as _;

pub use self::attachments::NewAttachment;
pub use self::changed::ChangedIncidents;
pub use self::notes::ReadNote;
pub use self::parts::{IncidentChanges, IncidentFilter, NewIncident};
pub use self::provider::{
    ProviderIncident, ProviderIncidentChild, ProviderIncidents, ProviderNotice,
};
pub use self::report::{SignedIncidentReport, read_incident_report};
pub use self::tasks::{
    Contact, Duty, DutyContact, Escalation, EscalationStep, HandOver, ListContactsResponse,
    NewTask, PendingAction, Responsible, Task, TaskState, Tasks,
};
pub use self::watch::IncidentWatch;
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::paging::{PAGE_SIZE, Paged};
use crate::servers::Servers;
use crate::time::to_proto;

/// How many items are fetched at once of those that may be long.
pub(crate) const LONG_PAGE: i32 = 100;

/// The incidents of one tenant; from [`Client::incidents`].
///
/// An incident is named by its full name, `tenants/{tenant}/incidents/{incident}`, and one of the
/// client's tenant by its id alone. Where an `etag` is taken, it is the incident's as it was read:
/// if it has changed since, nothing is done. An empty one fits always.
///
/// Each call that changes something is marked with an id of its own, so that it is repeated after
/// a lost connection and still done once.
#[derive(Debug, Clone)]
pub struct Incidents {
    pub(crate) client: Client,
}

/// A list method: its request, or why there is none, gets a page size and a token. A page that is
/// too large for a message is asked for in smaller ones.
macro_rules! pages {
    ($self:ident, $how:expr, $method:ident($request:expr), $items:ident by $size:expr) => {{
        let (room, request) = ($self.clone(), $request);
        Paged::new(move |page_token| {
            let (room, request) = (room.clone(), request.clone());
            async move {
                let mut message = request?;
                message.page_token = page_token;
                message.page_size = $size;
                loop {
                    match call!(room, $how, $method(message.clone())) {
                        Ok(page) => return Ok((page.$items, page.next_page_token)),
                        Err(error) if too_many(&error, message.page_size) => {
                            message.page_size /= 10;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        })
    }};
}
pub(crate) use pages;

/// Whether fewer items in a page may do.
pub(crate) fn too_many(error: &Error, page_size: i32) -> bool {
    page_size >= 10 && error.reason() == Reason::TooLarge
}

pub(crate) fn present<T>(answer: Option<T>) -> Result<T> {
    answer.ok_or_else(|| Error::new(Reason::Internal, "the answer is empty"))
}

impl Incidents {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> IncidentsServiceClient<Servers> {
        configured!(IncidentsServiceClient::new(self.client.servers()))
    }

    /// The full name of an incident: takes the full name, and the id of an incident of the
    /// client's tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("incidents/").unwrap_or(name);
        Ok(format!("{}/incidents/{id}", self.client.parent()?))
    }

    /// One incident.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Incident> {
        let message = GetIncidentRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_incident(message))?.incident)
    }

    /// The incident of the client's tenant that has this number.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when none has it.
    pub async fn by_number(&self, number: i64) -> Result<Incident> {
        let filter = IncidentFilter {
            number: Some(number),
            ..IncidentFilter::default()
        };
        // An older server does not know this filter.
        let found = self.list(filter);
        let found = found.try_filter(|incident| std::future::ready(incident.number == number));
        let found = std::pin::pin!(found).try_next().await?;
        found.ok_or_else(|| {
            let message = format!("there is no incident #{number}");
            Error::new(Reason::NotFound, message)
        })
    }

    /// The tenant's incidents that pass a filter, the one that was changed last first.
    #[must_use]
    pub fn list(&self, filter: IncidentFilter) -> Paged<Incident> {
        let request = self.client.parent().map(|parent| ListIncidentsRequest {
            parent,
            states: filter.states.into_iter().map(i32::from).collect(),
            severities: filter.severities.into_iter().map(i32::from).collect(),
            phases: filter.phases.into_iter().map(i32::from).collect(),
            pending_party: filter.pending.unwrap_or_default().into(),
            exercise: filter.exercise,
            number: filter.number.unwrap_or_default(),
            updated_after: filter.updated_after.map(to_proto),
            ..ListIncidentsRequest::default()
        });
        pages!(
            self,
            Call::ENTERING,
            list_incidents(request),
            incidents by LONG_PAGE
        )
    }

    /// The tenant's incidents that were changed behind a cursor, as they are now, in the order of
    /// their last changes; behind 0 all there are. One that is changed while they are read comes
    /// at the end, as it is then. The stream's own cursor is the one to ask with the next time:
    /// nothing is missed in between, whatever the servers' clocks say.
    #[must_use]
    pub fn changed(&self, after: i64) -> ChangedIncidents {
        ChangedIncidents::new(self.clone(), after)
    }

    /// What happened to all incidents of the client's tenant, in order: the sequence numbers begin
    /// at 1 and have no gap.
    #[must_use]
    pub fn whole_timeline(&self) -> Paged<TimelineEntry> {
        match self.client.parent() {
            Ok(parent) => self.timeline(&format!("{parent}/incidents/-")),
            // It says so when it is read.
            Err(_) => self.timeline("-"),
        }
    }

    /// What happened to an incident, in order.
    #[must_use]
    pub fn timeline(&self, name: &str) -> Paged<TimelineEntry> {
        let request = self.name(name).map(|parent| ListTimelineEntriesRequest {
            parent,
            ..ListTimelineEntriesRequest::default()
        });
        pages!(
            self,
            Call::ENTERING,
            list_timeline_entries(request),
            timeline_entries by PAGE_SIZE
        )
    }

    /// Follows what happens to the tenant's incidents: behind a cursor, behind 0 all that ever
    /// happened, and from now on if there is none.
    ///
    /// A connection that is lost is taken up again from the last cursor.
    #[must_use]
    pub fn watch(&self, cursor: Option<i64>) -> IncidentWatch {
        IncidentWatch::new(self.clone(), cursor)
    }

    /// For staff: all tenants' incidents without what they say, those whose move is the
    /// provider's first, then by severity, then the oldest. Of `exercise`, drills alone, or
    /// everything but them; `None` for both. Enters no tenant.
    #[must_use]
    pub fn queue(&self, include_closed: bool, exercise: Option<bool>) -> Paged<QueuedIncident> {
        let request = Ok::<_, Error>(ListIncidentQueueRequest {
            include_closed,
            exercise,
            ..ListIncidentQueueRequest::default()
        });
        pages!(
            self,
            Call::SAFE,
            list_incident_queue(request),
            incidents by PAGE_SIZE
        )
    }
}
