//! Asking, and what becomes of what was asked.

use cordon_proto::analysis as wire;
use cordon_proto::analysis::analyses_service_client::AnalysesServiceClient;
use futures::TryStreamExt as _;

use super::{Analysis, AnalysisResult, AnalysisWatch, CHANGE, NewAnalysis, State, check};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// Longest thing that is said, in characters.
pub(super) const LONGEST_WORDS: usize = 8_000;

/// Questions to the provider of one tenant, and their answers; from [`Client::analyses`].
///
/// An analysis is named by its full name, `tenants/{tenant}/analyses/{analysis}`, and one of the
/// client's tenant by its id alone. Where an `etag` is taken, it is the analysis's as it was read:
/// if it has changed since, nothing is done. An empty one fits always.
#[derive(Debug, Clone)]
pub struct Analyses {
    pub(super) client: Client,
}

/// Whether nothing more will become of it.
#[must_use]
pub fn has_ended(analysis: &Analysis) -> bool {
    matches!(
        analysis.state(),
        State::Released | State::Declined | State::Cancelled | State::Failed
    )
}

/// What is known of the answer.
///
/// # Errors
///
/// Why there is none: the analysis's own reason when it could not be answered, as in
/// `TOO_MUCH_WORK`, `DECLINED` when the provider does not answer, `FAILED_PRECONDITION` when it was
/// called off or is not released yet.
pub fn released(analysis: &Analysis) -> Result<&AnalysisResult> {
    let state = analysis.state();
    match (&analysis.result, &analysis.failure) {
        (Some(result), _) if state == State::Released => Ok(result),
        (_, Some(failure)) if matches!(state, State::Failed | State::Declined) => Err(Error::new(
            Reason::from_text(&failure.reason),
            match state {
                State::Declined => format!("the provider does not answer: {}", failure.message),
                _ => failure.message.clone(),
            },
        )),
        _ => Err(Error::new(
            Reason::FailedPrecondition,
            match state {
                State::Cancelled => "the question was called off",
                _ => "there is no answer yet",
            },
        )),
    }
}

/// The full name of an analysis.
pub(super) fn full_name(client: &Client, name: &str) -> Result<String> {
    if name.starts_with("tenants/") {
        return Ok(name.to_owned());
    }
    let id = name.strip_prefix("analyses/").unwrap_or(name);
    Ok(format!("{}/analyses/{id}", client.parent()?))
}

impl Analyses {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn rpc(&self) -> AnalysesServiceClient<Servers> {
        configured!(AnalysesServiceClient::new(self.client.servers()))
    }

    /// The full name of an analysis: takes the full name, and the id of an analysis of the client's
    /// tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        full_name(&self.client, name)
    }

    /// Asks a question. The call is marked with an id of its own, so that it is repeated after a
    /// lost connection and the question is still asked once.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with it, most of it before anything is sent;
    /// `INVALID_RULE` when a rule is not understood (`rule` in its details says which, from 1),
    /// `QUOTA_EXCEEDED` when as many are open as a tenant can have.
    pub async fn create(&self, new: NewAnalysis) -> Result<Analysis> {
        let message = wire::CreateAnalysisRequest {
            request_id: unique_id(),
            ..new.request(&self.client)?
        };
        // The message is large, and would be on the stack of whoever asks.
        let call = Box::pin(async { call!(self, Call::ENTERING, create_analysis(message)) });
        present(call.await?.analysis)
    }

    /// One analysis, without its answer.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Analysis> {
        let message = wire::GetAnalysisRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_analysis(message))?.analysis)
    }

    /// The tenant's analyses, newest first. Without what was said.
    #[must_use]
    pub fn list(&self) -> Paged<Analysis> {
        let request = self
            .client
            .parent()
            .map(|parent| wire::ListAnalysesRequest {
                parent,
                ..wire::ListAnalysesRequest::default()
            });
        pages!(
            self,
            Call::ENTERING,
            list_analyses(request),
            analyses by LONG_PAGE
        )
    }

    /// Follows one analysis: as it is now, and again whenever it has changed, until it has ended.
    ///
    /// A connection that is lost is taken up again; what was handed out does not come twice.
    #[must_use]
    pub fn watch(&self, name: &str) -> AnalysisWatch {
        AnalysisWatch::new(self.clone(), name)
    }

    /// Waits until an analysis has ended, however long that takes. [`released`] says whether there
    /// is an answer.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn wait(&self, name: &str) -> Result<Analysis> {
        let mut changes = self.watch(name);
        let mut last = None;
        while let Some(analysis) = changes.try_next().await? {
            last = Some(analysis);
        }
        present(last)
    }

    /// Calls a question off: what is at work stops. A call that is lost on the way is not repeated
    /// by itself.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it has ended, `ETAG_MISMATCH` when it has changed.
    pub async fn cancel(&self, name: &str, etag: &str) -> Result<Analysis> {
        let message = wire::CancelAnalysisRequest {
            name: self.name(name)?,
            etag: etag.to_owned(),
        };
        present(call!(self, CHANGE, cancel_analysis(message))?.analysis)
    }

    /// Says something to the analysts, in up to 8,000 characters; after they have asked back, the
    /// move is theirs again. Marked as [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it has ended, or is none that people answer.
    pub async fn reply(&self, name: &str, text: &str) -> Result<Analysis> {
        check::words("text", text, LONGEST_WORDS)?;
        let message = wire::ReplyToAnalysisRequest {
            name: self.name(name)?,
            text: text.to_owned(),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, reply_to_analysis(message))?.analysis)
    }

    /// Has an answer of the server's computed again over the same state of the events, and compared.
    /// Gives the new analysis; once it is released, its result says whether it is `identical`.
    /// Marked as [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when there is no answer of the server's.
    pub async fn rerun(&self, name: &str) -> Result<Analysis> {
        let message = wire::RerunAnalysisRequest {
            name: self.name(name)?,
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, rerun_analysis(message))?.analysis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::AnalysisFailure;

    #[test]
    fn why_there_is_no_answer_is_a_reason() {
        let of = |state: State, failure: Option<&str>, result: bool| Analysis {
            state: state.into(),
            failure: failure.map(|reason| AnalysisFailure {
                reason: reason.to_owned(),
                message: "name a shorter time".to_owned(),
            }),
            result: result.then(AnalysisResult::default),
            ..Analysis::default()
        };
        assert!(released(&of(State::Released, None, true)).is_ok());
        for (analysis, reason, said) in [
            (
                of(State::Failed, Some("TOO_MUCH_WORK"), false),
                Reason::TooMuchWork,
                "name a shorter time",
            ),
            (
                of(State::Declined, Some("DECLINED"), false),
                Reason::from_text("DECLINED"),
                "the provider does not answer: name",
            ),
            (
                of(State::Cancelled, None, false),
                Reason::FailedPrecondition,
                "called off",
            ),
            // An analyst's, before it is released.
            (
                of(State::Review, None, true),
                Reason::FailedPrecondition,
                "no answer yet",
            ),
            (
                of(State::Released, None, false),
                Reason::FailedPrecondition,
                "no answer yet",
            ),
        ] {
            let error = released(&analysis).unwrap_err();
            assert_eq!(*error.reason(), reason);
            assert!(error.message().contains(said), "{error}");
        }
        assert!(has_ended(&of(State::Failed, None, false)));
        assert!(!has_ended(&of(State::Review, None, false)));
        let newer = Analysis {
            state: 99,
            ..Analysis::default()
        };
        assert!(!has_ended(&newer));
    }
}
