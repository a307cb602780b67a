//! The methods of `FactsService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::facts_service_server::FactsService;
use tonic::{Request, Response, Status};

use super::convert::{self, fact_name};
use super::service::{Asked, Service};
use crate::rooms::paging::PageRequest;
use crate::transport::Caller;

/// Serves `FactsService`.
pub struct FactsRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl FactsRpc {
    pub(in super::super) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl FactsService for FactsRpc {
    #[tracing::instrument(name = "catalogue.create_fact", skip_all)]
    async fn create_fact(
        &self,
        request: Request<wire::CreateFactRequest>,
    ) -> Answer<wire::CreateFactResponse> {
        let caller = Caller::of(&request)?;
        let new = convert::create(request.into_inner())?;
        let made = self.0.create(&caller, new).await?;
        Ok(Response::new(wire::CreateFactResponse {
            fact: Some(convert::encode(made, true)),
        }))
    }

    #[tracing::instrument(name = "catalogue.update_fact", skip_all)]
    async fn update_fact(
        &self,
        request: Request<wire::UpdateFactRequest>,
    ) -> Answer<wire::UpdateFactResponse> {
        let caller = Caller::of(&request)?;
        let (id, patch, etag) = convert::update(request.into_inner())?;
        let made = self.0.update(&caller, id, patch, &etag).await?;
        Ok(Response::new(wire::UpdateFactResponse {
            fact: Some(convert::encode(made, true)),
        }))
    }

    #[tracing::instrument(name = "catalogue.withdraw_fact", skip_all)]
    async fn withdraw_fact(
        &self,
        request: Request<wire::WithdrawFactRequest>,
    ) -> Answer<wire::WithdrawFactResponse> {
        let caller = Caller::of(&request)?;
        let (id, reason, etag) = convert::withdraw(request.into_inner())?;
        let made = self.0.withdraw(&caller, id, reason, &etag).await?;
        Ok(Response::new(wire::WithdrawFactResponse {
            fact: Some(convert::encode(made, true)),
        }))
    }

    #[tracing::instrument(name = "catalogue.get_fact", skip_all)]
    async fn get_fact(
        &self,
        request: Request<wire::GetFactRequest>,
    ) -> Answer<wire::GetFactResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = fact_name("name", &request.name)?;
        let at = convert::as_of(request.as_of_time)?;
        let found = self.0.get(&caller, name, at).await?;
        Ok(Response::new(wire::GetFactResponse {
            fact: Some(convert::encode(found, true)),
        }))
    }

    #[tracing::instrument(name = "catalogue.list_facts", skip_all)]
    async fn list_facts(
        &self,
        request: Request<wire::ListFactsRequest>,
    ) -> Answer<wire::ListFactsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = convert::parent(&request.parent)?;
        let asked = Asked {
            kind: convert::wanted_kind(request.kind)?,
            service: convert::wanted_service(request.service)?,
            at: convert::as_of(request.as_of_time)?,
            ended: request.show_ended,
        };
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, tenant, asked, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListFactsResponse {
            facts: rows.map(|row| convert::encode(row, false)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "catalogue.list_fact_versions", skip_all)]
    async fn list_fact_versions(
        &self,
        request: Request<wire::ListFactVersionsRequest>,
    ) -> Answer<wire::ListFactVersionsResponse> {
        let caller = Caller::of(&request)?;
        let name = fact_name("parent", &request.get_ref().parent)?;
        let versions = self.0.versions(&caller, name).await?;
        let rows = versions.each();
        Ok(Response::new(wire::ListFactVersionsResponse {
            versions: rows.map(|row| convert::encode(row, true)).collect(),
        }))
    }
}
