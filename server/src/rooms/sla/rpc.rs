//! The methods of `SlaService`: decode, call, encode.

use cordon_kernel::Name;
use cordon_proto::sla as wire;
use cordon_proto::sla::sla_service_server::SlaService;
use tonic::{Request, Response, Status};

use super::convert;
use super::service::Service;
use crate::rooms::incidents::incident_name;
use crate::rooms::paging::PageRequest;
use crate::transport::{Caller, Feed};

/// Serves `SlaService`.
pub struct SlaRpc(pub(super) Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SlaService for SlaRpc {
    #[tracing::instrument(name = "sla.create_agreement", skip_all)]
    async fn create_agreement(
        &self,
        request: Request<wire::CreateAgreementRequest>,
    ) -> Answer<wire::CreateAgreementResponse> {
        let caller = Caller::of(&request)?;
        let new = convert::create(request.into_inner())?;
        let made = self.0.create_agreement(&caller, new).await?;
        Ok(Response::new(wire::CreateAgreementResponse {
            agreement: Some(convert::agreement(made)),
        }))
    }

    #[tracing::instrument(name = "sla.list_agreements", skip_all)]
    async fn list_agreements(
        &self,
        request: Request<wire::ListAgreementsRequest>,
    ) -> Answer<wire::ListAgreementsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_agreements(&caller, tenant, page).await?;
        Ok(Response::new(wire::ListAgreementsResponse {
            agreements: page.rows.each().map(convert::agreement).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "sla.list_clocks", skip_all)]
    async fn list_clocks(
        &self,
        request: Request<wire::ListClocksRequest>,
    ) -> Answer<wire::ListClocksResponse> {
        let caller = Caller::of(&request)?;
        let incident = incident_name("parent", &request.get_ref().parent)?;
        let clocks = self.0.list_clocks(&caller, incident).await?;
        Ok(Response::new(convert::clocks(clocks)))
    }

    type WatchClocksStream = Feed<wire::WatchClocksResponse>;

    #[tracing::instrument(name = "sla.watch_clocks", skip_all)]
    async fn watch_clocks(
        &self,
        request: Request<wire::WatchClocksRequest>,
    ) -> Answer<Self::WatchClocksStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let feed = self.0.watch_clocks(caller, tenant, request.cursor).await?;
        Ok(Response::new(feed))
    }
}
