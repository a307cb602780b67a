//! The fake's tasks and attachments: what reports of incidents are made of.

use cordon_proto::incidents as wire;
use cordon_proto::incidents::attachments_service_server::AttachmentsService;
use cordon_proto::incidents::tasks_service_server::TasksService;
use tonic::{Request, Response, Status, Streaming};

use super::incidents::{TIME, actor};
use super::{Answers, Service};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TasksService for Service {
    async fn list_tasks(
        &self,
        request: Request<wire::ListTasksRequest>,
    ) -> Answer<wire::ListTasksResponse> {
        self.incident("tasks", request, |_| "", |asked| asked.parent.clone())?;
        Ok(Response::new(wire::ListTasksResponse {
            tasks: vec![wire::Task {
                title: "block <b>keys".to_owned(),
                state: wire::task::State::Open.into(),
                responsible: wire::Responsible::Shared.into(),
                ..wire::Task::default()
            }],
            next_page_token: String::new(),
        }))
    }

    async fn create_task(
        &self,
        _: Request<wire::CreateTaskRequest>,
    ) -> Answer<wire::CreateTaskResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_task(&self, _: Request<wire::GetTaskRequest>) -> Answer<wire::GetTaskResponse> {
        Err(Status::unimplemented(""))
    }

    async fn hand_over_task(
        &self,
        _: Request<wire::HandOverTaskRequest>,
    ) -> Answer<wire::HandOverTaskResponse> {
        Err(Status::unimplemented(""))
    }

    async fn complete_task(
        &self,
        _: Request<wire::CompleteTaskRequest>,
    ) -> Answer<wire::CompleteTaskResponse> {
        Err(Status::unimplemented(""))
    }

    async fn cancel_task(
        &self,
        _: Request<wire::CancelTaskRequest>,
    ) -> Answer<wire::CancelTaskResponse> {
        Err(Status::unimplemented(""))
    }

    async fn reopen_task(
        &self,
        _: Request<wire::ReopenTaskRequest>,
    ) -> Answer<wire::ReopenTaskResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_contacts(
        &self,
        _: Request<wire::ListContactsRequest>,
    ) -> Answer<wire::ListContactsResponse> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl AttachmentsService for Service {
    type UploadAttachmentStream = Answers<wire::UploadAttachmentResponse>;
    type DownloadAttachmentStream = Answers<wire::DownloadAttachmentResponse>;

    async fn list_attachments(
        &self,
        request: Request<wire::ListAttachmentsRequest>,
    ) -> Answer<wire::ListAttachmentsResponse> {
        self.incident("attachments", request, |_| "", |asked| asked.parent.clone())?;
        Ok(Response::new(wire::ListAttachmentsResponse {
            attachments: vec![wire::Attachment {
                file_name: "memory.raw".to_owned(),
                size_bytes: 7,
                sha256: "00ff".to_owned(),
                state: wire::attachment::State::Attached.into(),
                actor: actor(),
                attach_time: TIME,
                ..wire::Attachment::default()
            }],
            next_page_token: String::new(),
        }))
    }

    async fn create_attachment(
        &self,
        _: Request<wire::CreateAttachmentRequest>,
    ) -> Answer<wire::CreateAttachmentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn upload_attachment(
        &self,
        _: Request<Streaming<wire::UploadAttachmentRequest>>,
    ) -> Answer<Self::UploadAttachmentStream> {
        Err(Status::unimplemented(""))
    }

    async fn finish_attachment(
        &self,
        _: Request<wire::FinishAttachmentRequest>,
    ) -> Answer<wire::FinishAttachmentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_attachment(
        &self,
        _: Request<wire::GetAttachmentRequest>,
    ) -> Answer<wire::GetAttachmentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn download_attachment(
        &self,
        _: Request<wire::DownloadAttachmentRequest>,
    ) -> Answer<Self::DownloadAttachmentStream> {
        Err(Status::unimplemented(""))
    }
}
