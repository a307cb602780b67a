//! What is to be done about an incident, whose it is now, and whom to call.

use cordon_proto::incidents as wire;
use cordon_proto::incidents::tasks_service_client::TasksServiceClient;
pub use cordon_proto::incidents::{
    Contact, Duty, DutyContact, Escalation, EscalationStep, HandOver, ListContactsResponse,
    PendingAction, Responsible, Task, task::State as TaskState,
};

use super::{LONG_PAGE, pages, present, too_many};
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// Tasks of incidents; from [`Client::tasks`].
///
/// A task is named by its full name, `tenants/{tenant}/incidents/{incident}/tasks/{task}`. Names of
/// incidents, etags and repetitions are as with [`Incidents`](super::Incidents).
#[derive(Debug, Clone)]
pub struct Tasks {
    client: Client,
}

/// A task to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTask {
    /// By which the agreement knows it; may be empty.
    pub kind: String,
    /// In one line, up to 200 characters; the kind if empty.
    pub title: String,
    /// What there is to know, up to 20,000 characters; may be empty.
    pub description: String,
    /// Whose it is; needed where the agreement has no task of that kind.
    pub responsible: Option<Responsible>,
}

impl Tasks {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> TasksServiceClient<Servers> {
        configured!(TasksServiceClient::new(self.client.servers()))
    }

    fn incident(&self, name: &str) -> Result<String> {
        self.client.incidents().name(name)
    }

    /// Adds a task to an incident.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when nobody says whose it is, or somebody says other than the agreement;
    /// `FAILED_PRECONDITION` when the incident is closed.
    pub async fn add(&self, incident: &str, new: NewTask) -> Result<Task> {
        let message = wire::CreateTaskRequest {
            parent: self.incident(incident)?,
            task: Some(Task {
                kind: new.kind,
                title: new.title,
                description: new.description,
                responsible: new.responsible.unwrap_or_default().into(),
                ..Task::default()
            }),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, create_task(message))?.task)
    }

    /// One task.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Task> {
        let message = wire::GetTaskRequest {
            name: name.to_owned(),
        };
        present(call!(self, Call::ENTERING, get_task(message))?.task)
    }

    /// An incident's tasks of these states, or all, in the order in which they were added.
    #[must_use]
    pub fn list(&self, incident: &str, states: &[TaskState]) -> Paged<Task> {
        let states = states.iter().copied().map(i32::from).collect();
        let request = self
            .incident(incident)
            .map(|parent| wire::ListTasksRequest {
                parent,
                states,
                ..wire::ListTasksRequest::default()
            });
        pages!(self, Call::ENTERING, list_tasks(request), tasks by LONG_PAGE)
    }

    /// Hands a task over. The reason says what is asked for.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when the caller's side does not have it, or it is not open;
    /// `ETAG_MISMATCH` when somebody was faster.
    pub async fn hand_over(
        &self,
        name: &str,
        to: Responsible,
        reason: &str,
        etag: &str,
    ) -> Result<Task> {
        let message = wire::HandOverTaskRequest {
            name: name.to_owned(),
            to: to.into(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, hand_over_task(message))?.task)
    }

    /// Says that a task is done. What came of it may be left empty.
    ///
    /// # Errors
    ///
    /// As [`Self::hand_over`].
    pub async fn complete(&self, name: &str, outcome: &str, etag: &str) -> Result<Task> {
        let message = wire::CompleteTaskRequest {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, complete_task(message))?.task)
    }

    /// Drops a task. Asks for a reason.
    ///
    /// # Errors
    ///
    /// As [`Self::hand_over`], but that whoever added it can drop it, too.
    pub async fn cancel(&self, name: &str, reason: &str, etag: &str) -> Result<Task> {
        let message = wire::CancelTaskRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, cancel_task(message))?.task)
    }

    /// Takes up again what was done or dropped. The reason says what is still to be done.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is open, `ETAG_MISMATCH` when somebody was faster.
    pub async fn reopen(&self, name: &str, reason: &str, etag: &str) -> Result<Task> {
        let message = wire::ReopenTaskRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, reopen_task(message))?.task)
    }

    /// Whom to call about an incident at this moment, and what comes when nobody moves.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such incident.
    pub async fn contacts(&self, incident: &str) -> Result<ListContactsResponse> {
        let message = wire::ListContactsRequest {
            parent: self.incident(incident)?,
        };
        call!(self, Call::ENTERING, list_contacts(message))
    }
}
