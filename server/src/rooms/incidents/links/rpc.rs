//! The methods of `LinksService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::links_service_server::LinksService;
use tonic::{Request, Response, Status};

use super::super::convert::incident_name;
use super::convert::{self, link_name};
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::transport::Caller;

/// Serves `LinksService`.
pub struct LinksRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl LinksRpc {
    pub(in super::super) fn new(kernel: Arc<Kernel>, lake: Arc<Lake>) -> Self {
        Self(Service { kernel, lake })
    }
}

#[tonic::async_trait]
impl LinksService for LinksRpc {
    #[tracing::instrument(name = "incidents.create_link", skip_all)]
    async fn create_link(
        &self,
        request: Request<wire::CreateLinkRequest>,
    ) -> Answer<wire::CreateLinkResponse> {
        let caller = Caller::of(&request)?;
        let new = convert::new_link(request.into_inner())?;
        let tenant = new.tenant.clone();
        let made = self.0.create(&caller, new).await?;
        Ok(Response::new(wire::CreateLinkResponse {
            link: Some(convert::link(&tenant, made)),
        }))
    }

    #[tracing::instrument(name = "incidents.delete_link", skip_all)]
    async fn delete_link(
        &self,
        request: Request<wire::DeleteLinkRequest>,
    ) -> Answer<wire::DeleteLinkResponse> {
        let caller = Caller::of(&request)?;
        let which = link_name(&request.get_ref().name)?;
        self.0.delete(&caller, which).await?;
        Ok(Response::new(wire::DeleteLinkResponse {}))
    }

    #[tracing::instrument(name = "incidents.list_links", skip_all)]
    async fn list_links(
        &self,
        request: Request<wire::ListLinksRequest>,
    ) -> Answer<wire::ListLinksResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = incident_name("parent", &request.parent)?;
        let tenant = parent.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, parent, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListLinksResponse {
            links: rows.map(|row| convert::link(&tenant, row)).collect(),
            next_page_token: page.next,
        }))
    }
}
