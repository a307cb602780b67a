//! The provider's desk: questions that people answer.

use cordon_proto::analysis as wire;
use cordon_proto::analysis::analysis_desk_service_client::AnalysisDeskServiceClient;

use super::analyses::{LONGEST_WORDS, full_name};
use super::{Analysis, CHANGE, HandedIn, QueuedAnalysis, check};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Result};
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// For staff: questions that people answer; from [`Client::analysis_desk`].
///
/// The queue is of all tenants and tells nothing of what was asked. All else enters the tenant: it
/// needs [`Client::entering`]. Names and etags are as with [`Analyses`](super::Analyses).
#[derive(Debug, Clone)]
pub struct AnalysisDesk {
    client: Client,
}

impl AnalysisDesk {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> AnalysisDeskServiceClient<Servers> {
        configured!(AnalysisDeskServiceClient::new(self.client.servers()))
    }

    fn name(&self, name: &str) -> Result<String> {
        full_name(&self.client, name)
    }

    /// What waits, oldest first. Enters no tenant.
    #[must_use]
    pub fn queue(&self) -> Paged<QueuedAnalysis> {
        let request = Ok::<_, Error>(wire::ListAnalysisQueueRequest::default());
        pages!(
            self,
            Call::SAFE,
            list_analysis_queue(request),
            analyses by LONG_PAGE
        )
    }

    /// Takes a question on. A call that is lost on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when somebody was faster, `ETAG_MISMATCH` when it has changed.
    pub async fn claim(&self, name: &str, etag: &str) -> Result<Analysis> {
        self.claimed(name, etag, false).await
    }

    /// Takes a question over from a colleague who has claimed it and can't go on; the tenant's log
    /// says so.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub async fn take_over(&self, name: &str, etag: &str) -> Result<Analysis> {
        self.claimed(name, etag, true).await
    }

    async fn claimed(&self, name: &str, etag: &str, take_over: bool) -> Result<Analysis> {
        let message = wire::ClaimAnalysisRequest {
            name: self.name(name)?,
            etag: etag.to_owned(),
            take_over,
        };
        present(call!(self, CHANGE, claim_analysis(message))?.analysis)
    }

    /// Asks the tenant something, in up to 8,000 characters: the move is the tenant's, and the clock
    /// waits. The call is marked with an id of its own, so that it is repeated after a lost
    /// connection and still done once.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is not being worked on, or the move is the tenant's already.
    pub async fn ask_back(&self, name: &str, text: &str) -> Result<Analysis> {
        check::words("text", text, LONGEST_WORDS)?;
        let message = wire::AskBackAnalysisRequest {
            name: self.name(name)?,
            text: text.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, ask_back_analysis(message))?.analysis)
    }

    /// Does not answer, and says why in up to 8,000 characters, which the tenant reads. Marked as
    /// [`Self::ask_back`] is.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it has ended.
    pub async fn decline(&self, name: &str, text: &str) -> Result<Analysis> {
        check::words("text", text, LONGEST_WORDS)?;
        let message = wire::DeclineAnalysisRequest {
            name: self.name(name)?,
            text: text.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, decline_analysis(message))?.analysis)
    }

    /// Hands an answer in for review. Marked as [`Self::ask_back`] is.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with it, most of it before anything is sent;
    /// `FAILED_PRECONDITION` when somebody else has taken the question on.
    pub async fn submit(&self, name: &str, answer: HandedIn) -> Result<Analysis> {
        let message = wire::SubmitAnalysisResultRequest {
            request_id: unique_id(),
            ..answer.request(self.name(name)?)?
        };
        present(call!(self, Call::ENTERING, submit_analysis_result(message))?.analysis)
    }

    /// Gives an answer back to who wrote it, and says what is to be changed; staff read it. A call
    /// that is lost on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when there is none in review, or the caller wrote it.
    pub async fn give_back(&self, name: &str, text: &str) -> Result<Analysis> {
        check::words("text", text, LONGEST_WORDS)?;
        let message = wire::ReturnAnalysisResultRequest {
            name: self.name(name)?,
            text: text.to_owned(),
        };
        present(call!(self, CHANGE, return_analysis_result(message))?.analysis)
    }

    /// Releases an answer to the tenant. A call that is lost on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when there is none in review, the caller wrote it, or it names other
    /// customers; `ETAG_MISMATCH` when it has changed.
    pub async fn release(&self, name: &str, etag: &str) -> Result<Analysis> {
        let message = wire::ReleaseAnalysisResultRequest {
            name: self.name(name)?,
            etag: etag.to_owned(),
        };
        present(call!(self, CHANGE, release_analysis_result(message))?.analysis)
    }
}
