//! The methods of `SlaService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_proto::sla as wire;
use cordon_proto::sla::sla_service_server::SlaService;
use tonic::{Request, Response, Status};

use super::convert;
use super::reports;
use super::service::Service;
use crate::rooms::fields::Fields;
use crate::rooms::incidents::{incident_name, reporting_fact, reporting_fact_from};
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `SlaService`.
pub struct SlaRpc(pub(super) Service);

impl SlaRpc {
    pub(in crate::rooms) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SlaService for SlaRpc {
    #[tracing::instrument(name = "sla.create_agreement", skip_all)]
    async fn create_agreement(
        &self,
        request: Request<wire::CreateAgreementRequest>,
    ) -> Answer<wire::CreateAgreementResponse> {
        let caller = Caller::of(&request)?;
        let new = convert::create(request.into_inner())?;
        let made = self.0.create_agreement(&caller, new).await?;
        Ok(Response::new(wire::CreateAgreementResponse {
            agreement: Some(convert::agreement(made)),
        }))
    }

    #[tracing::instrument(name = "sla.list_agreements", skip_all)]
    async fn list_agreements(
        &self,
        request: Request<wire::ListAgreementsRequest>,
    ) -> Answer<wire::ListAgreementsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_agreements(&caller, tenant, page).await?;
        Ok(Response::new(wire::ListAgreementsResponse {
            agreements: page.rows.each().map(convert::agreement).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "sla.list_clocks", skip_all)]
    async fn list_clocks(
        &self,
        request: Request<wire::ListClocksRequest>,
    ) -> Answer<wire::ListClocksResponse> {
        let caller = Caller::of(&request)?;
        let incident = incident_name("parent", &request.get_ref().parent)?;
        let clocks = self.0.list_clocks(&caller, incident).await?;
        Ok(Response::new(convert::clocks(clocks)))
    }

    #[tracing::instrument(name = "sla.record_reporting_fact", skip_all)]
    async fn record_reporting_fact(
        &self,
        request: Request<wire::RecordReportingFactRequest>,
    ) -> Answer<wire::RecordReportingFactResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "RecordReportingFact",
            &request.request_id,
            &request,
        )?;
        let mut fields = Fields::default();
        let incident = fields.named(incident_name("parent", &request.parent));
        let now = self.0.kernel.env().now();
        let fact = reporting_fact_from(&mut fields, request.fact, now);
        let (Some(incident), Some(fact)) = (incident, fact) else {
            return Err(fields.refuse().into());
        };
        let stated = self.0.record_reporting_fact(&caller, incident, fact, id);
        Ok(Response::new(wire::RecordReportingFactResponse {
            fact: Some(reporting_fact(stated.await?.into_wire())),
        }))
    }

    #[tracing::instrument(name = "sla.list_reporting_deadlines", skip_all)]
    async fn list_reporting_deadlines(
        &self,
        request: Request<wire::ListReportingDeadlinesRequest>,
    ) -> Answer<wire::ListReportingDeadlinesResponse> {
        let caller = Caller::of(&request)?;
        let incident = incident_name("parent", &request.get_ref().parent)?;
        let deadlines = self.0.list_reporting_deadlines(&caller, incident).await?;
        Ok(Response::new(convert::deadlines(deadlines)))
    }

    type GenerateReportStream = Feed<wire::GenerateReportResponse>;

    #[tracing::instrument(name = "sla.generate_report", skip_all)]
    async fn generate_report(
        &self,
        request: Request<wire::GenerateReportRequest>,
    ) -> Answer<Self::GenerateReportStream> {
        let caller = Caller::of(&request)?;
        let wanted = request.get_ref();
        let wanted = reports::tenant_and_period(&wanted.parent, &wanted.period)?;
        let feed = self.0.generate_report(caller, wanted).await?;
        Ok(Response::new(feed))
    }

    type ExportReportsStream = Feed<wire::ExportReportsResponse>;

    #[tracing::instrument(name = "sla.export_reports", skip_all)]
    async fn export_reports(
        &self,
        request: Request<wire::ExportReportsRequest>,
    ) -> Answer<Self::ExportReportsStream> {
        let caller = Caller::of(&request)?;
        let period = reports::period(&request.get_ref().period)?;
        let feed = self.0.export_reports(caller, period).await?;
        Ok(Response::new(feed))
    }

    type WatchClocksStream = Feed<wire::WatchClocksResponse>;

    #[tracing::instrument(name = "sla.watch_clocks", skip_all)]
    async fn watch_clocks(
        &self,
        request: Request<wire::WatchClocksRequest>,
    ) -> Answer<Self::WatchClocksStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let feed = self.0.watch_clocks(caller, tenant, request.cursor).await?;
        Ok(Response::new(feed))
    }
}
