//! The methods of `CatalogueService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::catalogue_service_server::CatalogueService;
use tonic::{Request, Response, Status};

use super::services;
use super::sources::convert;
use crate::rooms::paging::PageRequest;
use crate::transport::Caller;

/// What services and data sources stand on.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) kernel: Arc<Kernel>,
    pub(super) lake: Arc<Lake>,
}

/// Serves `CatalogueService`.
pub struct CatalogueRpc(Room);

type Answer<T> = Result<Response<T>, Status>;

impl CatalogueRpc {
    pub(in crate::rooms) fn new(kernel: Arc<Kernel>, lake: Arc<Lake>) -> Self {
        Self(Room { kernel, lake })
    }
}

#[tonic::async_trait]
impl CatalogueService for CatalogueRpc {
    #[tracing::instrument(name = "catalogue.create_service", skip_all)]
    async fn create_service(
        &self,
        request: Request<wire::CreateServiceRequest>,
    ) -> Answer<wire::CreateServiceResponse> {
        let caller = Caller::of(&request)?;
        let now = self.0.kernel.env().now();
        let new = services::convert::create(request.into_inner(), now)?;
        let made = self.0.create_service(&caller, new).await?;
        Ok(Response::new(wire::CreateServiceResponse {
            service: Some(services::convert::encode(made)),
        }))
    }

    #[tracing::instrument(name = "catalogue.list_services", skip_all)]
    async fn list_services(
        &self,
        request: Request<wire::ListServicesRequest>,
    ) -> Answer<wire::ListServicesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_services(&caller, tenant, page).await?;
        Ok(Response::new(wire::ListServicesResponse {
            services: page.rows.each().map(services::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "catalogue.delete_service", skip_all)]
    async fn delete_service(
        &self,
        request: Request<wire::DeleteServiceRequest>,
    ) -> Answer<wire::DeleteServiceResponse> {
        let caller = Caller::of(&request)?;
        let (tenant, id) = services::convert::delete(request.get_ref())?;
        self.0.delete_service(&caller, tenant, id).await?;
        Ok(Response::new(wire::DeleteServiceResponse {}))
    }

    #[tracing::instrument(name = "catalogue.list_data_sources", skip_all)]
    async fn list_data_sources(
        &self,
        request: Request<wire::ListDataSourcesRequest>,
    ) -> Answer<wire::ListDataSourcesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let since = convert::since(request.start_time)?;
        let found = self.0.list_data_sources(&caller, &tenant, since).await?;
        Ok(Response::new(convert::data_sources(found)))
    }

    #[tracing::instrument(name = "catalogue.recommend_sources", skip_all)]
    async fn recommend_sources(
        &self,
        request: Request<wire::RecommendSourcesRequest>,
    ) -> Answer<wire::RecommendSourcesResponse> {
        let caller = Caller::of(&request)?;
        let asked = convert::Recommend::from_wire(request.into_inner())?;
        let found = self.0.recommend_sources(&caller, asked).await?;
        Ok(Response::new(convert::recommended(found)))
    }

    #[tracing::instrument(name = "catalogue.get_coverage", skip_all)]
    async fn get_coverage(
        &self,
        request: Request<wire::GetCoverageRequest>,
    ) -> Answer<wire::GetCoverageResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let since = convert::since(request.start_time)?;
        let platforms = convert::platforms(&request.platforms)?;
        let offered = self
            .0
            .get_coverage(&caller, &tenant, since, platforms)
            .await?;
        Ok(Response::new(convert::coverage(offered)))
    }
}
