//! The methods of `RulesService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::detection as wire;
use cordon_proto::detection::rules_service_server::RulesService;
use tonic::{Request, Response, Status};

use super::super::dryrun;
use super::convert::{self, rule_name};
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `RulesService`.
pub struct RulesRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl RulesRpc {
    pub(in crate::rooms) fn new(kernel: Arc<Kernel>, lake: Arc<Lake>) -> Self {
        Self(Service { kernel, lake })
    }
}

#[tonic::async_trait]
impl RulesService for RulesRpc {
    type TestRuleStream = Feed<wire::TestRuleResponse>;

    #[tracing::instrument(name = "detection.create_rule", skip_all)]
    async fn create_rule(
        &self,
        request: Request<wire::CreateRuleRequest>,
    ) -> Answer<wire::CreateRuleResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateRule", &request.request_id, &request)?;
        let (tenant, new) = convert::create(request)?;
        let made = self.0.create(&caller, tenant.clone(), new, id).await?;
        Ok(Response::new(wire::CreateRuleResponse {
            rule: Some(convert::rule(&tenant, made, true)),
        }))
    }

    #[tracing::instrument(name = "detection.get_rule", skip_all)]
    async fn get_rule(
        &self,
        request: Request<wire::GetRuleRequest>,
    ) -> Answer<wire::GetRuleResponse> {
        let caller = Caller::of(&request)?;
        let name = rule_name("name", &request.get_ref().name)?;
        let tenant = name.0.clone();
        let found = self.0.get(&caller, name).await?;
        Ok(Response::new(wire::GetRuleResponse {
            rule: Some(convert::rule(&tenant, found, true)),
        }))
    }

    #[tracing::instrument(name = "detection.list_rules", skip_all)]
    async fn list_rules(
        &self,
        request: Request<wire::ListRulesRequest>,
    ) -> Answer<wire::ListRulesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, tenant.clone(), page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListRulesResponse {
            rules: rows.map(|row| convert::rule(&tenant, row, false)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "detection.update_rule", skip_all)]
    async fn update_rule(
        &self,
        request: Request<wire::UpdateRuleRequest>,
    ) -> Answer<wire::UpdateRuleResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateRule", &request.request_id, &request)?;
        let (name, patch, etag) = convert::update(request)?;
        let tenant = name.0.clone();
        let changed = self.0.update(&caller, name, patch, &etag, id).await?;
        Ok(Response::new(wire::UpdateRuleResponse {
            rule: Some(convert::rule(&tenant, changed, true)),
        }))
    }

    #[tracing::instrument(name = "detection.delete_rule", skip_all)]
    async fn delete_rule(
        &self,
        request: Request<wire::DeleteRuleRequest>,
    ) -> Answer<wire::DeleteRuleResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = rule_name("name", &request.name)?;
        self.0.delete(&caller, name, &request.etag).await?;
        Ok(Response::new(wire::DeleteRuleResponse {}))
    }

    #[tracing::instrument(name = "detection.list_rule_versions", skip_all)]
    async fn list_rule_versions(
        &self,
        request: Request<wire::ListRuleVersionsRequest>,
    ) -> Answer<wire::ListRuleVersionsResponse> {
        let caller = Caller::of(&request)?;
        let name = rule_name("parent", &request.get_ref().parent)?;
        let versions = self.0.versions(&caller, name).await?;
        Ok(Response::new(wire::ListRuleVersionsResponse {
            versions: versions.each().map(convert::version).collect(),
        }))
    }

    #[tracing::instrument(name = "detection.test_rule", skip_all)]
    async fn test_rule(
        &self,
        request: Request<wire::TestRuleRequest>,
    ) -> Answer<Self::TestRuleStream> {
        let caller = Caller::of(&request)?;
        let trial = dryrun::Trial::from_wire(request.into_inner())?;
        let feed = dryrun::test(&self.0.kernel, &self.0.lake, caller, trial).await?;
        Ok(Response::new(feed))
    }
}
