//! The methods of `AttachmentsService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::object::Objects;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::attachments_service_server::AttachmentsService;
use tonic::{Request, Response, Status, Streaming};

use super::super::convert::incident_name;
use super::convert::{self, attachment_name};
use super::service::Service;
use crate::config::Attachments;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `AttachmentsService`.
pub(crate) struct AttachmentsRpc(pub(super) Service);

type Answer<T> = Result<Response<T>, Status>;

impl AttachmentsRpc {
    pub(super) fn new(kernel: Arc<Kernel>, objects: Objects, limits: Attachments) -> Self {
        Self(Service::new(kernel, objects, limits))
    }
}

#[tonic::async_trait]
impl AttachmentsService for AttachmentsRpc {
    type UploadAttachmentStream = Feed<wire::UploadAttachmentResponse>;
    type DownloadAttachmentStream = Feed<wire::DownloadAttachmentResponse>;

    #[tracing::instrument(name = "incidents.create_attachment", skip_all)]
    async fn create_attachment(
        &self,
        request: Request<wire::CreateAttachmentRequest>,
    ) -> Answer<wire::CreateAttachmentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateAttachment", &request.request_id, &request)?;
        let (parent, new) = convert::announced(request)?;
        let tenant = parent.0.clone();
        let made = self.0.create(&caller, parent, new, id).await?;
        Ok(Response::new(wire::CreateAttachmentResponse {
            attachment: Some(convert::attachment(&tenant, made)),
        }))
    }

    #[tracing::instrument(name = "incidents.upload_attachment", skip_all)]
    async fn upload_attachment(
        &self,
        request: Request<Streaming<wire::UploadAttachmentRequest>>,
    ) -> Answer<Self::UploadAttachmentStream> {
        let caller = Caller::of(&request)?;
        let feed = self.0.upload(caller, request.into_inner()).await?;
        Ok(Response::new(feed))
    }

    #[tracing::instrument(name = "incidents.finish_attachment", skip_all)]
    async fn finish_attachment(
        &self,
        request: Request<wire::FinishAttachmentRequest>,
    ) -> Answer<wire::FinishAttachmentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "FinishAttachment", &request.request_id, &request)?;
        let which = attachment_name(&request.name)?;
        let tenant = which.0.clone();
        let done = self.0.finish(&caller, which, id).await?;
        Ok(Response::new(wire::FinishAttachmentResponse {
            attachment: Some(convert::attachment(&tenant, done)),
        }))
    }

    #[tracing::instrument(name = "incidents.get_attachment", skip_all)]
    async fn get_attachment(
        &self,
        request: Request<wire::GetAttachmentRequest>,
    ) -> Answer<wire::GetAttachmentResponse> {
        let caller = Caller::of(&request)?;
        let which = attachment_name(&request.get_ref().name)?;
        let tenant = which.0.clone();
        let found = self.0.get(&caller, which).await?;
        Ok(Response::new(wire::GetAttachmentResponse {
            attachment: Some(convert::attachment(&tenant, found)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_attachments", skip_all)]
    async fn list_attachments(
        &self,
        request: Request<wire::ListAttachmentsRequest>,
    ) -> Answer<wire::ListAttachmentsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = incident_name("parent", &request.parent)?;
        let tenant = parent.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, parent, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListAttachmentsResponse {
            attachments: rows.map(|row| convert::attachment(&tenant, row)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "incidents.download_attachment", skip_all)]
    async fn download_attachment(
        &self,
        request: Request<wire::DownloadAttachmentRequest>,
    ) -> Answer<Self::DownloadAttachmentStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let which = attachment_name(&request.name)?;
        let feed = self.0.download(caller, which, request.offset).await?;
        Ok(Response::new(feed))
    }
}
