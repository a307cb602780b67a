//! The methods of `ProviderIncidentsService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::provider_incidents_service_server::ProviderIncidentsService;
use tonic::{Request, Response, Status};

use super::super::service::Service;
use super::convert;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `ProviderIncidentsService`.
pub struct ProviderIncidentsRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ProviderIncidentsService for ProviderIncidentsRpc {
    #[tracing::instrument(name = "incidents.create_provider_incident", skip_all)]
    async fn create_provider_incident(
        &self,
        request: Request<wire::CreateProviderIncidentRequest>,
    ) -> Answer<wire::CreateProviderIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "CreateProviderIncident",
            &request.request_id,
            &request,
        )?;
        let order = convert::create(request)?;
        let whole = self.0.order(&caller, order, id).await?;
        Ok(Response::new(wire::CreateProviderIncidentResponse {
            provider_incident: Some(convert::whole(whole)),
        }))
    }

    #[tracing::instrument(name = "incidents.add_provider_incident_tenants", skip_all)]
    async fn add_provider_incident_tenants(
        &self,
        request: Request<wire::AddProviderIncidentTenantsRequest>,
    ) -> Answer<wire::AddProviderIncidentTenantsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "AddProviderIncidentTenants",
            &request.request_id,
            &request,
        )?;
        let order = convert::add(&request)?;
        let whole = self.0.order(&caller, order, id).await?;
        Ok(Response::new(wire::AddProviderIncidentTenantsResponse {
            provider_incident: Some(convert::whole(whole)),
        }))
    }

    #[tracing::instrument(name = "incidents.post_provider_notice", skip_all)]
    async fn post_provider_notice(
        &self,
        request: Request<wire::PostProviderNoticeRequest>,
    ) -> Answer<wire::PostProviderNoticeResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "PostProviderNotice", &request.request_id, &request)?;
        let order = convert::notice(&request)?;
        let whole = self.0.order(&caller, order, id).await?;
        Ok(Response::new(wire::PostProviderNoticeResponse {
            provider_incident: Some(convert::whole(whole)),
        }))
    }

    #[tracing::instrument(name = "incidents.close_provider_incident", skip_all)]
    async fn close_provider_incident(
        &self,
        request: Request<wire::CloseProviderIncidentRequest>,
    ) -> Answer<wire::CloseProviderIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "CloseProviderIncident",
            &request.request_id,
            &request,
        )?;
        let order = convert::close(&request)?;
        let whole = self.0.order(&caller, order, id).await?;
        Ok(Response::new(wire::CloseProviderIncidentResponse {
            provider_incident: Some(convert::whole(whole)),
        }))
    }

    #[tracing::instrument(name = "incidents.resume_provider_incident", skip_all)]
    async fn resume_provider_incident(
        &self,
        request: Request<wire::ResumeProviderIncidentRequest>,
    ) -> Answer<wire::ResumeProviderIncidentResponse> {
        let caller = Caller::of(&request)?;
        let id = convert::name(&request.get_ref().name)?;
        let whole = self.0.resume(&caller, id).await?;
        Ok(Response::new(wire::ResumeProviderIncidentResponse {
            provider_incident: Some(convert::whole(whole)),
        }))
    }

    #[tracing::instrument(name = "incidents.get_provider_incident", skip_all)]
    async fn get_provider_incident(
        &self,
        request: Request<wire::GetProviderIncidentRequest>,
    ) -> Answer<wire::GetProviderIncidentResponse> {
        let caller = Caller::of(&request)?;
        let id = convert::name(&request.get_ref().name)?;
        let whole = self.0.get_provider_incident(&caller, id).await?;
        Ok(Response::new(wire::GetProviderIncidentResponse {
            provider_incident: Some(convert::whole(whole)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_provider_incidents", skip_all)]
    async fn list_provider_incidents(
        &self,
        request: Request<wire::ListProviderIncidentsRequest>,
    ) -> Answer<wire::ListProviderIncidentsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_provider_incidents(&caller, page).await?;
        Ok(Response::new(wire::ListProviderIncidentsResponse {
            provider_incidents: page.rows.each().map(convert::incident).collect(),
            next_page_token: page.next,
        }))
    }
}

impl ProviderIncidentsRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}
