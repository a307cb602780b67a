//! The methods of `ReportsService`: decode, call, encode.

use cordon_proto::reports as wire;
use cordon_proto::reports::reports_service_server::ReportsService;
use tonic::{Request, Response, Status};

use super::service::Service;
use crate::rooms::incidents::incident_name;
use crate::transport::{Caller, Feed};

/// Serves `ReportsService`.
pub struct ReportsRpc(pub(super) Service);

#[tonic::async_trait]
impl ReportsService for ReportsRpc {
    type GenerateIncidentReportStream = Feed<wire::GenerateIncidentReportResponse>;

    #[tracing::instrument(name = "reports.generate_incident_report", skip_all)]
    async fn generate_incident_report(
        &self,
        request: Request<wire::GenerateIncidentReportRequest>,
    ) -> Result<Response<Self::GenerateIncidentReportStream>, Status> {
        let caller = Caller::of(&request)?;
        let incident = incident_name("name", &request.get_ref().name)?;
        let feed = self.0.generate_incident_report(caller, incident).await?;
        Ok(Response::new(feed))
    }
}
