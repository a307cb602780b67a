//! The methods of `TasksService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Action;
use cordon_kernel::facade::Kernel;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::tasks_service_server::TasksService;
use tonic::{Request, Response, Status};

use super::super::convert::incident_name;
use super::super::service::Service;
use super::convert;
use super::model::Command;
use super::service::Target;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `TasksService`.
pub struct TasksRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TasksService for TasksRpc {
    #[tracing::instrument(name = "incidents.create_task", skip_all)]
    async fn create_task(
        &self,
        request: Request<wire::CreateTaskRequest>,
    ) -> Answer<wire::CreateTaskResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateTask", &request.request_id, &request)?;
        let (incident, new) = convert::create(request)?;
        let made = self.0.create_task(&caller, incident, new, id).await?;
        Ok(Response::new(wire::CreateTaskResponse {
            task: Some(convert::task(made)),
        }))
    }

    #[tracing::instrument(name = "incidents.get_task", skip_all)]
    async fn get_task(
        &self,
        request: Request<wire::GetTaskRequest>,
    ) -> Answer<wire::GetTaskResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::task_name(&request.get_ref().name)?;
        let found = self.0.get_task(&caller, name).await?;
        Ok(Response::new(wire::GetTaskResponse {
            task: Some(convert::task(found)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_tasks", skip_all)]
    async fn list_tasks(
        &self,
        request: Request<wire::ListTasksRequest>,
    ) -> Answer<wire::ListTasksResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (parent, states) = convert::list(&request)?;
        let tenant = parent.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_tasks(&caller, parent, states, page).await?;
        let rows = page.rows.each();
        let rows = rows.map(|row| convert::task(row.map(|row| (tenant.clone(), row))));
        Ok(Response::new(wire::ListTasksResponse {
            tasks: rows.collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "incidents.hand_over_task", skip_all)]
    async fn hand_over_task(
        &self,
        request: Request<wire::HandOverTaskRequest>,
    ) -> Answer<wire::HandOverTaskResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "HandOverTask", &request.request_id, &request)?;
        let what = convert::hand_over(request)?;
        let task = self.change(&caller, Action::HandOverTask, what, id).await?;
        Ok(Response::new(wire::HandOverTaskResponse {
            task: Some(task),
        }))
    }

    #[tracing::instrument(name = "incidents.complete_task", skip_all)]
    async fn complete_task(
        &self,
        request: Request<wire::CompleteTaskRequest>,
    ) -> Answer<wire::CompleteTaskResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CompleteTask", &request.request_id, &request)?;
        let what = convert::complete(request)?;
        let task = self.change(&caller, Action::CompleteTask, what, id).await?;
        Ok(Response::new(wire::CompleteTaskResponse {
            task: Some(task),
        }))
    }

    #[tracing::instrument(name = "incidents.cancel_task", skip_all)]
    async fn cancel_task(
        &self,
        request: Request<wire::CancelTaskRequest>,
    ) -> Answer<wire::CancelTaskResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CancelTask", &request.request_id, &request)?;
        let what = convert::cancel(request)?;
        let task = self.change(&caller, Action::CancelTask, what, id).await?;
        Ok(Response::new(wire::CancelTaskResponse { task: Some(task) }))
    }

    #[tracing::instrument(name = "incidents.reopen_task", skip_all)]
    async fn reopen_task(
        &self,
        request: Request<wire::ReopenTaskRequest>,
    ) -> Answer<wire::ReopenTaskResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "ReopenTask", &request.request_id, &request)?;
        let what = convert::reopen(request)?;
        let task = self.change(&caller, Action::ReopenTask, what, id).await?;
        Ok(Response::new(wire::ReopenTaskResponse { task: Some(task) }))
    }

    #[tracing::instrument(name = "incidents.list_contacts", skip_all)]
    async fn list_contacts(
        &self,
        request: Request<wire::ListContactsRequest>,
    ) -> Answer<wire::ListContactsResponse> {
        let caller = Caller::of(&request)?;
        let incident = incident_name("parent", &request.get_ref().parent)?;
        let found = self.0.list_contacts(&caller, incident).await?;
        Ok(Response::new(convert::contacts(found)))
    }
}

impl TasksRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }

    async fn change(
        &self,
        caller: &Caller,
        action: Action,
        (target, command): (Target, Command),
        id: RequestId,
    ) -> Result<wire::Task, Status> {
        let changed = self.0.change_task(caller, action, target, command, id);
        Ok(convert::task(changed.await?))
    }
}
