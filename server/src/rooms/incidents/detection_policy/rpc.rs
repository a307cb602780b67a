//! The methods of `DetectionPolicyService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::detection_policy_service_server::DetectionPolicyService;
use tonic::{Request, Response, Status};

use super::super::service::Service;
use super::convert::{self, policy_name};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `DetectionPolicyService`.
pub struct DetectionPolicyRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl DetectionPolicyRpc {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl DetectionPolicyService for DetectionPolicyRpc {
    #[tracing::instrument(name = "incidents.get_detection_policy", skip_all)]
    async fn get_detection_policy(
        &self,
        request: Request<wire::GetDetectionPolicyRequest>,
    ) -> Answer<wire::GetDetectionPolicyResponse> {
        let caller = Caller::of(&request)?;
        let tenant = policy_name("name", &request.get_ref().name)?;
        let found = self.0.get_detection_policy(&caller, &tenant).await?;
        Ok(Response::new(wire::GetDetectionPolicyResponse {
            detection_policy: Some(convert::policy(&tenant, found)),
        }))
    }

    #[tracing::instrument(name = "incidents.update_detection_policy", skip_all)]
    async fn update_detection_policy(
        &self,
        request: Request<wire::UpdateDetectionPolicyRequest>,
    ) -> Answer<wire::UpdateDetectionPolicyResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let method = "UpdateDetectionPolicy";
        let id = RequestId::new(&caller, method, &request.request_id, &request)?;
        let (tenant, patch, etag) = convert::update(request)?;
        let changed = self
            .0
            .update_detection_policy(&caller, &tenant, (patch, &etag), id)
            .await?;
        Ok(Response::new(wire::UpdateDetectionPolicyResponse {
            detection_policy: Some(convert::policy(&tenant, changed)),
        }))
    }
}
