//! The method of `ReadinessService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_lake::Lake;
use cordon_proto::readiness as wire;
use cordon_proto::readiness::readiness_service_server::ReadinessService;
use tonic::{Request, Response, Status};

use super::convert;
use super::service::Service;
use crate::transport::Caller;

/// Serves `ReadinessService`.
pub struct ReadinessRpc(Service);

impl ReadinessRpc {
    pub(super) fn new(kernel: Arc<Kernel>, lake: Arc<Lake>) -> Self {
        Self(Service { kernel, lake })
    }
}

#[tonic::async_trait]
impl ReadinessService for ReadinessRpc {
    #[tracing::instrument(name = "readiness.check_readiness", skip_all)]
    async fn check_readiness(
        &self,
        request: Request<wire::CheckReadinessRequest>,
    ) -> Result<Response<wire::CheckReadinessResponse>, Status> {
        let caller = Caller::of(&request)?;
        let tenant = Name::parse_tenant("parent", &request.get_ref().parent)?;
        let found = self.0.check(&caller, tenant.clone()).await?;
        Ok(Response::new(convert::encode(&tenant, found)))
    }
}
