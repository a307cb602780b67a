//! The methods of `ProviderRulesService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::detection as wire;
use cordon_proto::detection::provider_rules_service_server::ProviderRulesService;
use tonic::{Request, Response, Status};

use super::convert::{self, provider_rule_name};
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `ProviderRulesService`.
pub struct ProviderRulesRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl ProviderRulesRpc {
    pub(in super::super) fn new(kernel: Arc<Kernel>, lake: Arc<Lake>) -> Self {
        Self(Service { kernel, lake })
    }
}

#[tonic::async_trait]
impl ProviderRulesService for ProviderRulesRpc {
    #[tracing::instrument(name = "detection.create_provider_rule", skip_all)]
    async fn create_provider_rule(
        &self,
        request: Request<wire::CreateProviderRuleRequest>,
    ) -> Answer<wire::CreateProviderRuleResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateProviderRule", &request.request_id, &request)?;
        let new = convert::create(request)?;
        let made = self.0.create_provider_rule(&caller, new, id).await?;
        Ok(Response::new(wire::CreateProviderRuleResponse {
            provider_rule: Some(convert::provider_rule(made, true)),
        }))
    }

    #[tracing::instrument(name = "detection.get_provider_rule", skip_all)]
    async fn get_provider_rule(
        &self,
        request: Request<wire::GetProviderRuleRequest>,
    ) -> Answer<wire::GetProviderRuleResponse> {
        let caller = Caller::of(&request)?;
        let id = provider_rule_name("name", &request.get_ref().name)?;
        let found = self.0.get_provider_rule(&caller, id).await?;
        Ok(Response::new(wire::GetProviderRuleResponse {
            provider_rule: Some(convert::provider_rule(found, true)),
        }))
    }

    #[tracing::instrument(name = "detection.list_provider_rules", skip_all)]
    async fn list_provider_rules(
        &self,
        request: Request<wire::ListProviderRulesRequest>,
    ) -> Answer<wire::ListProviderRulesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_provider_rules(&caller, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListProviderRulesResponse {
            provider_rules: rows.map(|row| convert::provider_rule(row, false)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "detection.update_provider_rule", skip_all)]
    async fn update_provider_rule(
        &self,
        request: Request<wire::UpdateProviderRuleRequest>,
    ) -> Answer<wire::UpdateProviderRuleResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateProviderRule", &request.request_id, &request)?;
        let change = convert::update(request)?;
        let changed = self.0.update_provider_rule(&caller, change, id).await?;
        Ok(Response::new(wire::UpdateProviderRuleResponse {
            provider_rule: Some(convert::provider_rule(changed, true)),
        }))
    }

    #[tracing::instrument(name = "detection.delete_provider_rule", skip_all)]
    async fn delete_provider_rule(
        &self,
        request: Request<wire::DeleteProviderRuleRequest>,
    ) -> Answer<wire::DeleteProviderRuleResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let again = RequestId::new(&caller, "DeleteProviderRule", &request.request_id, &request)?;
        let id = provider_rule_name("name", &request.name)?;
        self.0
            .delete_provider_rule(&caller, id, &request.etag, again)
            .await?;
        Ok(Response::new(wire::DeleteProviderRuleResponse {}))
    }
}
