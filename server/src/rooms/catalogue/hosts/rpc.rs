//! The methods of `HostsService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::hosts_service_server::HostsService;
use tonic::{Request, Response, Status};

use super::convert;
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::transport::Caller;

/// Serves `HostsService`.
pub struct HostsRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl HostsRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl HostsService for HostsRpc {
    #[tracing::instrument(name = "catalogue.record_placements", skip_all)]
    async fn record_placements(
        &self,
        request: Request<wire::RecordPlacementsRequest>,
    ) -> Answer<wire::RecordPlacementsResponse> {
        let caller = Caller::of(&request)?;
        let placements = convert::placements(request.into_inner())?;
        let recorded = self.0.record(&caller, placements).await?;
        Ok(Response::new(wire::RecordPlacementsResponse {
            recorded_count: recorded.into_wire(),
        }))
    }

    #[tracing::instrument(name = "catalogue.announce_host_work", skip_all)]
    async fn announce_host_work(
        &self,
        request: Request<wire::AnnounceHostWorkRequest>,
    ) -> Answer<wire::AnnounceHostWorkResponse> {
        let caller = Caller::of(&request)?;
        let new = convert::work(request.into_inner())?;
        let announced = self.0.announce(&caller, new).await?;
        Ok(Response::new(wire::AnnounceHostWorkResponse {
            host_work: Some(convert::encode(announced)),
        }))
    }

    #[tracing::instrument(name = "catalogue.list_host_work", skip_all)]
    async fn list_host_work(
        &self,
        request: Request<wire::ListHostWorkRequest>,
    ) -> Answer<wire::ListHostWorkResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, page).await?;
        Ok(Response::new(wire::ListHostWorkResponse {
            host_work: page.rows.each().map(convert::encode).collect(),
            next_page_token: page.next,
        }))
    }
}
