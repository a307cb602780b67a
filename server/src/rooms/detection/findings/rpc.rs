//! The methods of `FindingsService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_proto::detection as wire;
use cordon_proto::detection::findings_service_server::FindingsService;
use tonic::{Request, Response, Status};

use super::convert::{self, finding_name};
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `FindingsService`.
pub struct FindingsRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl FindingsRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl FindingsService for FindingsRpc {
    type WatchFindingsStream = Feed<wire::WatchFindingsResponse>;

    #[tracing::instrument(name = "detection.get_finding", skip_all)]
    async fn get_finding(
        &self,
        request: Request<wire::GetFindingRequest>,
    ) -> Answer<wire::GetFindingResponse> {
        let caller = Caller::of(&request)?;
        let name = finding_name(&request.get_ref().name)?;
        let tenant = name.0.clone();
        let found = self.0.get(&caller, name).await?;
        Ok(Response::new(wire::GetFindingResponse {
            finding: Some(convert::finding(&tenant, found, true)),
        }))
    }

    #[tracing::instrument(name = "detection.list_findings", skip_all)]
    async fn list_findings(
        &self,
        request: Request<wire::ListFindingsRequest>,
    ) -> Answer<wire::ListFindingsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let wanted = convert::list(&request)?;
        let tenant = wanted.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, wanted, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListFindingsResponse {
            findings: rows
                .map(|row| convert::finding(&tenant, row, false))
                .collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "detection.update_finding", skip_all)]
    async fn update_finding(
        &self,
        request: Request<wire::UpdateFindingRequest>,
    ) -> Answer<wire::UpdateFindingResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateFinding", &request.request_id, &request)?;
        let said = convert::said(request)?;
        let tenant = said.finding.0.clone();
        let changed = self.0.update(&caller, said, id).await?;
        Ok(Response::new(wire::UpdateFindingResponse {
            finding: Some(convert::finding(&tenant, changed, true)),
        }))
    }

    #[tracing::instrument(name = "detection.watch_findings", skip_all)]
    async fn watch_findings(
        &self,
        request: Request<wire::WatchFindingsRequest>,
    ) -> Answer<Self::WatchFindingsStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let feed = self.0.watch(caller, tenant, request.cursor).await?;
        Ok(Response::new(feed))
    }
}
