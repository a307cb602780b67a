//! The methods of `AnalysesService`: decode, call, encode.

use cordon_kernel::{Name, TenantId};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::analyses_service_server::AnalysesService;
use tonic::{Request, Response, Status};

use super::convert::{self, analysis_name};
use super::download::Wanted;
use super::service::{Service, Told};
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `AnalysesService`.
pub struct AnalysesRpc(pub(super) Service);

type Answer<T> = Result<Response<T>, Status>;

pub(super) fn wire_told(tenant: &TenantId, told: Told) -> Option<wire::Analysis> {
    Some(convert::analysis(tenant, told.analysis, told.staff))
}

#[tonic::async_trait]
impl AnalysesService for AnalysesRpc {
    type WatchAnalysisStream = Feed<wire::WatchAnalysisResponse>;
    type DownloadAnalysisResultStream = Feed<wire::DownloadAnalysisResultResponse>;

    #[tracing::instrument(name = "analysis.create_analysis", skip_all)]
    async fn create_analysis(
        &self,
        request: Request<wire::CreateAnalysisRequest>,
    ) -> Answer<wire::CreateAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateAnalysis", &request.request_id, &request)?;
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let now = self.0.kernel.env().now();
        let new = convert::new(&tenant, request.analysis, now)?;
        let told = self.0.create(&caller, tenant.clone(), new, id).await?;
        let analysis = wire_told(&tenant, told);
        Ok(Response::new(wire::CreateAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.get_analysis", skip_all)]
    async fn get_analysis(
        &self,
        request: Request<wire::GetAnalysisRequest>,
    ) -> Answer<wire::GetAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let name = analysis_name(&request.get_ref().name)?;
        let tenant = name.0.clone();
        let analysis = wire_told(&tenant, self.0.get(&caller, name).await?);
        Ok(Response::new(wire::GetAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.list_analyses", skip_all)]
    async fn list_analyses(
        &self,
        request: Request<wire::ListAnalysesRequest>,
    ) -> Answer<wire::ListAnalysesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::of(request.page_size, request.page_token, (50, 100))?;
        let (page, staff) = self.0.list(&caller, tenant.clone(), page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListAnalysesResponse {
            analyses: rows
                .map(|row| wire::Analysis {
                    messages: Vec::new(),
                    ..convert::analysis(&tenant, row, staff)
                })
                .collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "analysis.watch_analysis", skip_all)]
    async fn watch_analysis(
        &self,
        request: Request<wire::WatchAnalysisRequest>,
    ) -> Answer<Self::WatchAnalysisStream> {
        let caller = Caller::of(&request)?;
        let name = analysis_name(&request.get_ref().name)?;
        Ok(Response::new(self.0.watch(caller, name).await?))
    }

    #[tracing::instrument(name = "analysis.cancel_analysis", skip_all)]
    async fn cancel_analysis(
        &self,
        request: Request<wire::CancelAnalysisRequest>,
    ) -> Answer<wire::CancelAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = analysis_name(&request.name)?;
        let tenant = name.0.clone();
        let told = self.0.cancel(&caller, name, &request.etag).await?;
        let analysis = wire_told(&tenant, told);
        Ok(Response::new(wire::CancelAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.reply_to_analysis", skip_all)]
    async fn reply_to_analysis(
        &self,
        request: Request<wire::ReplyToAnalysisRequest>,
    ) -> Answer<wire::ReplyToAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "ReplyToAnalysis", &request.request_id, &request)?;
        let name = analysis_name(&request.name)?;
        let text = convert::words("text", &request.text)?;
        let tenant = name.0.clone();
        let analysis = wire_told(&tenant, self.0.reply(&caller, name, text, id).await?);
        Ok(Response::new(wire::ReplyToAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.rerun_analysis", skip_all)]
    async fn rerun_analysis(
        &self,
        request: Request<wire::RerunAnalysisRequest>,
    ) -> Answer<wire::RerunAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "RerunAnalysis", &request.request_id, &request)?;
        let name = analysis_name(&request.name)?;
        let tenant = name.0.clone();
        let analysis = wire_told(&tenant, self.0.rerun(&caller, name, id).await?);
        Ok(Response::new(wire::RerunAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.download_analysis_result", skip_all)]
    async fn download_analysis_result(
        &self,
        request: Request<wire::DownloadAnalysisResultRequest>,
    ) -> Answer<Self::DownloadAnalysisResultStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = analysis_name(&request.name)?;
        let wanted = Wanted::from_wire(&request)?;
        Ok(Response::new(self.0.download(caller, name, wanted).await?))
    }
}
