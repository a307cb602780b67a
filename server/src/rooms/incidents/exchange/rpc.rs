//! The methods of `ExchangeService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::exchange_service_server::ExchangeService;
use tonic::{Request, Response, Status};

use super::super::service::Service;
use super::convert;
use crate::transport::Caller;

/// Serves `ExchangeService`.
pub(crate) struct ExchangeRpc(Service);

impl ExchangeRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl ExchangeService for ExchangeRpc {
    #[tracing::instrument(name = "incidents.import_incidents", skip_all)]
    async fn import_incidents(
        &self,
        request: Request<wire::ImportIncidentsRequest>,
    ) -> Result<Response<wire::ImportIncidentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (tenant, arrivals) = convert::import(request.into_inner())?;
        let told = self.0.import_incidents(&caller, tenant.clone(), arrivals);
        let results = told.await?.each();
        Ok(Response::new(wire::ImportIncidentsResponse {
            results: results.map(|told| convert::told(&tenant, told)).collect(),
        }))
    }
}
