//! The methods of `AnalysisDeskService`: decode, call, encode.

use cordon_proto::analysis as wire;
use cordon_proto::analysis::analysis_desk_service_server::AnalysisDeskService;
use tonic::{Request, Response, Status};

use super::super::convert::{self, analysis_name, words};
use super::super::rpc::wire_told;
use super::super::service::Service;
use super::findings::handed_in;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `AnalysisDeskService`.
pub struct DeskRpc(pub(in super::super) Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AnalysisDeskService for DeskRpc {
    #[tracing::instrument(name = "analysis.list_analysis_queue", skip_all)]
    async fn list_analysis_queue(
        &self,
        request: Request<wire::ListAnalysisQueueRequest>,
    ) -> Answer<wire::ListAnalysisQueueResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.queue(&caller, page).await?;
        Ok(Response::new(wire::ListAnalysisQueueResponse {
            analyses: page.rows.each().map(convert::queued).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "analysis.claim_analysis", skip_all)]
    async fn claim_analysis(
        &self,
        request: Request<wire::ClaimAnalysisRequest>,
    ) -> Answer<wire::ClaimAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = analysis_name(&request.name)?;
        let tenant = name.0.clone();
        let told = self
            .0
            .claim(&caller, name, &request.etag, request.take_over)
            .await?;
        let analysis = wire_told(&tenant, told);
        Ok(Response::new(wire::ClaimAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.ask_back_analysis", skip_all)]
    async fn ask_back_analysis(
        &self,
        request: Request<wire::AskBackAnalysisRequest>,
    ) -> Answer<wire::AskBackAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "AskBackAnalysis", &request.request_id, &request)?;
        let name = analysis_name(&request.name)?;
        let text = words("text", &request.text)?;
        let tenant = name.0.clone();
        let analysis = wire_told(&tenant, self.0.ask_back(&caller, name, text, id).await?);
        Ok(Response::new(wire::AskBackAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.decline_analysis", skip_all)]
    async fn decline_analysis(
        &self,
        request: Request<wire::DeclineAnalysisRequest>,
    ) -> Answer<wire::DeclineAnalysisResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "DeclineAnalysis", &request.request_id, &request)?;
        let name = analysis_name(&request.name)?;
        let text = words("text", &request.text)?;
        let tenant = name.0.clone();
        let analysis = wire_told(&tenant, self.0.decline(&caller, name, text, id).await?);
        Ok(Response::new(wire::DeclineAnalysisResponse { analysis }))
    }

    #[tracing::instrument(name = "analysis.submit_analysis_result", skip_all)]
    async fn submit_analysis_result(
        &self,
        request: Request<wire::SubmitAnalysisResultRequest>,
    ) -> Answer<wire::SubmitAnalysisResultResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "SubmitAnalysisResult",
            &request.request_id,
            &request,
        )?;
        let name = analysis_name(&request.name)?;
        let answer = handed_in(&request)?;
        let tenant = name.0.clone();
        let told = self.0.submit(&caller, name, answer, id).await?;
        let analysis = wire_told(&tenant, told);
        Ok(Response::new(wire::SubmitAnalysisResultResponse {
            analysis,
        }))
    }

    #[tracing::instrument(name = "analysis.return_analysis_result", skip_all)]
    async fn return_analysis_result(
        &self,
        request: Request<wire::ReturnAnalysisResultRequest>,
    ) -> Answer<wire::ReturnAnalysisResultResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = analysis_name(&request.name)?;
        let text = words("text", &request.text)?;
        let tenant = name.0.clone();
        let analysis = wire_told(&tenant, self.0.give_back(&caller, name, text).await?);
        Ok(Response::new(wire::ReturnAnalysisResultResponse {
            analysis,
        }))
    }

    #[tracing::instrument(name = "analysis.release_analysis_result", skip_all)]
    async fn release_analysis_result(
        &self,
        request: Request<wire::ReleaseAnalysisResultRequest>,
    ) -> Answer<wire::ReleaseAnalysisResultResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = analysis_name(&request.name)?;
        let tenant = name.0.clone();
        let told = self.0.release(&caller, name, &request.etag).await?;
        let analysis = wire_told(&tenant, told);
        Ok(Response::new(wire::ReleaseAnalysisResultResponse {
            analysis,
        }))
    }
}
