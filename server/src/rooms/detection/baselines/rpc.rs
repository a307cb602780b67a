//! The methods of `BaselinesService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::detection as wire;
use cordon_proto::detection::baselines_service_server::BaselinesService;
use tonic::{Request, Response, Status};

use super::convert::{self, baselines_name};
use super::service::Service;
use crate::transport::Caller;

/// Serves `BaselinesService`.
pub struct BaselinesRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl BaselinesRpc {
    pub(in super::super) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl BaselinesService for BaselinesRpc {
    #[tracing::instrument(name = "detection.get_baselines", skip_all)]
    async fn get_baselines(
        &self,
        request: Request<wire::GetBaselinesRequest>,
    ) -> Answer<wire::GetBaselinesResponse> {
        let caller = Caller::of(&request)?;
        let tenant = baselines_name(&request.get_ref().name)?;
        let told = self.0.get(&caller, &tenant).await?;
        Ok(Response::new(wire::GetBaselinesResponse {
            baselines: Some(convert::baselines(&tenant, told)),
        }))
    }

    #[tracing::instrument(name = "detection.update_baselines", skip_all)]
    async fn update_baselines(
        &self,
        request: Request<wire::UpdateBaselinesRequest>,
    ) -> Answer<wire::UpdateBaselinesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = baselines_name(&request.name)?;
        let what = (request.enabled, request.forget);
        let told = self.0.update(&caller, &tenant, what, &request.etag).await?;
        Ok(Response::new(wire::UpdateBaselinesResponse {
            baselines: Some(convert::baselines(&tenant, told)),
        }))
    }
}
