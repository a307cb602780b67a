//! The fake's analyses: it notes what it is asked and answers with it.

use std::sync::atomic::Ordering;

use cordon_proto::analysis as wire;
use cordon_proto::analysis::analyses_service_server::AnalysesService;
use cordon_proto::analysis::analysis::State;
use cordon_proto::analysis::analysis_desk_service_server::AnalysisDeskService;
use futures::{StreamExt as _, stream};
use ring::digest::{SHA256, digest};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::incidents::TIME;
use super::{Answers, Service};

type Answer<T> = Result<Response<T>, Status>;

/// The id of each analysis; that of one that is computed again ends in 8.
pub(crate) const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f7";

/// The answer to every question.
pub(crate) const ANSWER: &str = "{\"kind\":\"pivot\",\"plan_version\":2,\"events\":3,\"tables\":[\
    {\"name\":\"by_operation\",\"title\":\"What was done\",\"columns\":[\
    {\"name\":\"operation\",\"kind\":\"TEXT\"},{\"name\":\"bytes\",\"kind\":\"INTEGER\",\"unit\":\"B\"}],\
    \"rows\":[[\"Stop\\u001b[2J\",3],[\"<b>Start\",null]],\
    \"cut\":{\"left_out\":4,\"at_least\":true,\"narrow\":\"name a shorter time\"}}],\
    \"remarks\":[{\"reason\":\"SHARED\",\"message\":\"1 event concerns others too.\"}]}";

pub(crate) fn sha256() -> String {
    let hash = digest(&SHA256, ANSWER.as_bytes());
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// An analysis as it is in a state.
pub(crate) fn analysis(name: &str, state: State, etag: &str) -> wire::Analysis {
    let released = state == State::Released;
    let ended = released || matches!(state, State::Failed | State::Declined | State::Cancelled);
    let subject = wire::Subject {
        subject: Some(wire::subject::Subject::Actor("example".to_owned())),
    };
    let pivot = wire::PivotQuestion {
        subject: Some(subject),
    };
    wire::Analysis {
        name: name.to_owned(),
        question: Some(wire::Question {
            kind: Some(wire::question::Kind::Pivot(pivot)),
        }),
        purpose: "A key\u{1b}[2J was stolen".to_owned(),
        consent: vec![wire::DataKind::Events.into()],
        state: state.into(),
        pending_party: match ended {
            true => 0,
            false => wire::Party::Provider.into(),
        },
        failure: (state == State::Failed).then(|| wire::AnalysisFailure {
            reason: "TOO_MUCH_WORK".to_owned(),
            message: "there are more events than one question may read".to_owned(),
        }),
        progress: Some(wire::AnalysisProgress {
            scanned_events: 3,
            round: 1,
            claimed_by: String::new(),
        }),
        result: released.then(|| wire::AnalysisResult {
            method: "pivot".to_owned(),
            plan_version: 2,
            sha256: sha256(),
            size_bytes: i64::try_from(ANSWER.len()).unwrap(),
            head_sequence: 9,
            scanned_events: 3,
            tables: vec![wire::AnalysisTable {
                name: "by_operation".to_owned(),
                title: "What was done".to_owned(),
                row_count: 2,
                left_out_count: 4,
            }],
            release_time: TIME,
            identical: None,
            ..wire::AnalysisResult::default()
        }),
        create_time: TIME,
        update_time: TIME,
        etag: etag.to_owned(),
        created_by: "jane".to_owned(),
        ..wire::Analysis::default()
    }
}

/// What a stream of a followed analysis says.
pub(crate) fn change(state: State, etag: &str) -> Result<wire::WatchAnalysisResponse, Status> {
    let name = format!("tenants/acme/analyses/{ID}");
    let analysis = Some(analysis(&name, state, etag));
    Ok(wire::WatchAnalysisResponse { analysis })
}

/// A part of a file.
pub(crate) fn part(data: &[u8]) -> Result<wire::DownloadAnalysisResultResponse, Status> {
    Ok(wire::DownloadAnalysisResultResponse {
        data: data.to_vec(),
    })
}

fn scope(analysis: &wire::Analysis) -> String {
    let scope = analysis.scope.clone().unwrap();
    let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds);
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        seconds(scope.start_time),
        seconds(scope.end_time),
        scope.accounts,
        scope.resources,
        scope.source_types
    )
}

/// A rule is understood when it has a title.
fn understood(question: &wire::Question) -> Result<(), Status> {
    let Some(wire::question::Kind::Rule(rules)) = &question.kind else {
        return Ok(());
    };
    let bad = rules
        .texts
        .iter()
        .position(|text| !text.contains("title: "));
    let Some(at) = bad else {
        return Ok(());
    };
    let rule = (at + 1).to_string();
    let place = [("line", "2"), ("column", "3"), ("rule", rule.as_str())];
    let place = place.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut details = ErrorDetails::new();
    details.set_error_info("INVALID_RULE", "cordon", place);
    let message = "line 2, column 3: expected a title";
    Err(Status::with_error_details(
        Code::InvalidArgument,
        message,
        details,
    ))
}

#[tonic::async_trait]
impl AnalysesService for Service {
    type WatchAnalysisStream = Answers<wire::WatchAnalysisResponse>;
    type DownloadAnalysisResultStream = Answers<wire::DownloadAnalysisResultResponse>;

    async fn create_analysis(
        &self,
        request: Request<wire::CreateAnalysisRequest>,
    ) -> Answer<wire::CreateAnalysisResponse> {
        let asked = self.incident(
            "create_analysis",
            request,
            |asked| &asked.request_id,
            |asked| {
                let said = asked.analysis.clone().unwrap();
                format!(
                    "{} {:?} {} {:?} {:?} {:?}",
                    asked.parent,
                    said.question.clone().unwrap().kind.unwrap(),
                    scope(&said),
                    said.purpose,
                    said.consent,
                    said.incident
                )
            },
        )?;
        let said = asked.analysis.unwrap();
        understood(said.question.as_ref().unwrap())?;
        let name = format!("{}/analyses/{ID}", asked.parent);
        let made = wire::Analysis {
            question: said.question,
            scope: said.scope,
            purpose: said.purpose,
            consent: said.consent,
            incident: said.incident,
            ..analysis(&name, State::Accepted, "e1")
        };
        let analysis = Some(made);
        Ok(Response::new(wire::CreateAnalysisResponse { analysis }))
    }

    async fn get_analysis(
        &self,
        request: Request<wire::GetAnalysisRequest>,
    ) -> Answer<wire::GetAnalysisResponse> {
        let asked = self.incident("get_analysis", request, |_| "", |asked| asked.name.clone())?;
        let analysis = Some(analysis(&asked.name, State::Released, "e9"));
        Ok(Response::new(wire::GetAnalysisResponse { analysis }))
    }

    async fn list_analyses(
        &self,
        request: Request<wire::ListAnalysesRequest>,
    ) -> Answer<wire::ListAnalysesResponse> {
        let asked = self.incident(
            "list_analyses",
            request,
            |_| "",
            |asked| format!("{} {} {}", asked.parent, asked.page_size, asked.page_token),
        )?;
        // Two pages, of an analysis each.
        let (state, next) = match asked.page_token.as_str() {
            "" => (State::Running, "two"),
            _ => (State::Released, ""),
        };
        let name = format!("{}/analyses/{ID}", asked.parent);
        Ok(Response::new(wire::ListAnalysesResponse {
            analyses: vec![analysis(&name, state, "e1")],
            next_page_token: next.to_owned(),
        }))
    }

    async fn watch_analysis(
        &self,
        request: Request<wire::WatchAnalysisRequest>,
    ) -> Answer<Self::WatchAnalysisStream> {
        let asked = self.incident("watch", request, |_| "", |asked| asked.name.clone())?;
        let answers = self.0.analysis_watches.lock().unwrap().pop_front();
        let answers = answers.unwrap_or_else(|| {
            let mut ended = analysis(&asked.name, State::Released, "e9");
            if asked.name.ends_with('8') {
                let differs = self.0.answers_differ.load(Ordering::Relaxed);
                let result = ended.result.as_mut().unwrap();
                result.identical = Some(!differs);
                result.plan_version += i32::from(differs);
            }
            let analysis = Some(ended);
            vec![Ok(wire::WatchAnalysisResponse { analysis })]
        });
        Ok(Response::new(stream::iter(answers).boxed()))
    }

    async fn cancel_analysis(
        &self,
        request: Request<wire::CancelAnalysisRequest>,
    ) -> Answer<wire::CancelAnalysisResponse> {
        let asked = self.incident(
            "cancel_analysis",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.name, asked.etag),
        )?;
        let analysis = Some(analysis(&asked.name, State::Cancelled, "e2"));
        Ok(Response::new(wire::CancelAnalysisResponse { analysis }))
    }

    async fn reply_to_analysis(
        &self,
        request: Request<wire::ReplyToAnalysisRequest>,
    ) -> Answer<wire::ReplyToAnalysisResponse> {
        let asked = self.incident(
            "reply",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {:?}", asked.name, asked.text),
        )?;
        let said = wire::AnalysisMessage {
            party: wire::Party::Customer.into(),
            author: "jane".to_owned(),
            text: asked.text,
            time: TIME,
        };
        let analysis = Some(wire::Analysis {
            messages: vec![said],
            ..analysis(&asked.name, State::Running, "e2")
        });
        Ok(Response::new(wire::ReplyToAnalysisResponse { analysis }))
    }

    async fn rerun_analysis(
        &self,
        request: Request<wire::RerunAnalysisRequest>,
    ) -> Answer<wire::RerunAnalysisResponse> {
        let asked = self.incident(
            "rerun",
            request,
            |asked| &asked.request_id,
            |asked| asked.name.clone(),
        )?;
        let name = asked.name.replace("f7", "f8");
        let analysis = Some(wire::Analysis {
            rerun_of: asked.name,
            ..analysis(&name, State::Accepted, "e1")
        });
        Ok(Response::new(wire::RerunAnalysisResponse { analysis }))
    }

    async fn download_analysis_result(
        &self,
        request: Request<wire::DownloadAnalysisResultRequest>,
    ) -> Answer<Self::DownloadAnalysisResultStream> {
        self.incident(
            "download",
            request,
            |_| "",
            |asked| {
                let format = asked.format().as_str_name();
                format!("{} {format} {:?}", asked.name, asked.table)
            },
        )?;
        let parts = self.0.downloads.lock().unwrap().pop_front();
        let parts = parts.unwrap_or_else(|| ANSWER.as_bytes().chunks(100).map(part).collect());
        Ok(Response::new(stream::iter(parts).boxed()))
    }
}

#[tonic::async_trait]
impl AnalysisDeskService for Service {
    async fn list_analysis_queue(
        &self,
        request: Request<wire::ListAnalysisQueueRequest>,
    ) -> Answer<wire::ListAnalysisQueueResponse> {
        let asked = self.incident(
            "queue",
            request,
            |_| "",
            |asked| format!("{} {}", asked.page_size, asked.page_token),
        )?;
        let (tenant, next) = match asked.page_token.as_str() {
            "" => ("acme", "two"),
            _ => ("globex", ""),
        };
        let queued = wire::QueuedAnalysis {
            name: format!("tenants/{tenant}/analyses/{ID}"),
            state: State::Submitted.into(),
            pending_party: wire::Party::Provider.into(),
            due_time: TIME,
            create_time: TIME,
        };
        Ok(Response::new(wire::ListAnalysisQueueResponse {
            analyses: vec![queued],
            next_page_token: next.to_owned(),
        }))
    }

    async fn claim_analysis(
        &self,
        request: Request<wire::ClaimAnalysisRequest>,
    ) -> Answer<wire::ClaimAnalysisResponse> {
        let asked = self.incident(
            "claim",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.name, asked.etag),
        )?;
        let analysis = Some(analysis(&asked.name, State::Running, "e2"));
        Ok(Response::new(wire::ClaimAnalysisResponse { analysis }))
    }

    async fn ask_back_analysis(
        &self,
        request: Request<wire::AskBackAnalysisRequest>,
    ) -> Answer<wire::AskBackAnalysisResponse> {
        let asked = self.incident(
            "ask_back",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {:?}", asked.name, asked.text),
        )?;
        let analysis = Some(analysis(&asked.name, State::Running, "e2"));
        Ok(Response::new(wire::AskBackAnalysisResponse { analysis }))
    }

    async fn decline_analysis(
        &self,
        request: Request<wire::DeclineAnalysisRequest>,
    ) -> Answer<wire::DeclineAnalysisResponse> {
        let asked = self.incident(
            "decline",
            request,
            |asked| &asked.request_id,
            |asked| format!("{} {:?}", asked.name, asked.text),
        )?;
        let analysis = Some(analysis(&asked.name, State::Declined, "e2"));
        Ok(Response::new(wire::DeclineAnalysisResponse { analysis }))
    }

    async fn submit_analysis_result(
        &self,
        request: Request<wire::SubmitAnalysisResultRequest>,
    ) -> Answer<wire::SubmitAnalysisResultResponse> {
        let asked = self.incident(
            "submit",
            request,
            |asked| &asked.request_id,
            |asked| {
                let tables = asked.tables.iter();
                let tables = tables.map(|table| (&table.name, &table.title, &table.csv));
                format!(
                    "{} {:?} {:?} {:?} {:?}",
                    asked.name,
                    asked.findings,
                    tables.collect::<Vec<_>>(),
                    asked.not_examined,
                    asked.method
                )
            },
        )?;
        let analysis = Some(analysis(&asked.name, State::Review, "e2"));
        Ok(Response::new(wire::SubmitAnalysisResultResponse {
            analysis,
        }))
    }

    async fn return_analysis_result(
        &self,
        request: Request<wire::ReturnAnalysisResultRequest>,
    ) -> Answer<wire::ReturnAnalysisResultResponse> {
        let asked = self.incident(
            "return",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.name, asked.text),
        )?;
        let analysis = Some(wire::Analysis {
            review_note: asked.text,
            ..analysis(&asked.name, State::Running, "e2")
        });
        Ok(Response::new(wire::ReturnAnalysisResultResponse {
            analysis,
        }))
    }

    async fn release_analysis_result(
        &self,
        request: Request<wire::ReleaseAnalysisResultRequest>,
    ) -> Answer<wire::ReleaseAnalysisResultResponse> {
        let asked = self.incident(
            "release",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.name, asked.etag),
        )?;
        let analysis = Some(analysis(&asked.name, State::Released, "e3"));
        Ok(Response::new(wire::ReleaseAnalysisResultResponse {
            analysis,
        }))
    }
}
