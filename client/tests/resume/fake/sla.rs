//! The fake's agreements and clocks: it notes what it is asked and answers with it.

use cordon_proto::incidents::Severity;
use cordon_proto::reports::reports_service_server::ReportsService;
use cordon_proto::reports::{GenerateIncidentReportRequest, GenerateIncidentReportResponse};
use cordon_proto::sla as wire;
use cordon_proto::sla::clock::State;
use cordon_proto::sla::sla_service_server::SlaService;
use futures::{StreamExt as _, stream};
use tonic::{Code, Request, Response, Status};

use super::{Answers, Service};
use crate::refusal;

type Answer<T> = Result<Response<T>, Status>;

/// When everything happens.
const TIME: Option<prost_types::Timestamp> = Some(prost_types::Timestamp {
    seconds: 1_700_000_000,
    nanos: 0,
});

const fn span(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

impl Service {
    /// Notes a call and what it says, and fails it if that is what comes next.
    fn sla<T>(&self, request: Request<T>, words: fn(&T) -> String) -> Result<T, Status> {
        self.0.note(&request)?;
        let message = request.into_inner();
        self.0.registered.lock().unwrap().push(words(&message));
        match self.0.sla_failures.lock().unwrap().pop_front() {
            Some(status) => Err(status),
            None => Ok(message),
        }
    }
}

#[tonic::async_trait]
impl ReportsService for Service {
    type GenerateIncidentReportStream = Answers<GenerateIncidentReportResponse>;

    async fn generate_incident_report(
        &self,
        request: Request<GenerateIncidentReportRequest>,
    ) -> Answer<Self::GenerateIncidentReportStream> {
        self.sla(request, |asked| format!("incident report {}", asked.name))?;
        let parts = self.0.incident_report.lock().unwrap().clone();
        Ok(Response::new(stream::iter(parts).boxed()))
    }
}

#[tonic::async_trait]
impl SlaService for Service {
    type WatchClocksStream = Answers<wire::WatchClocksResponse>;
    type GenerateReportStream = Answers<wire::GenerateReportResponse>;
    type ExportReportsStream = Answers<wire::ExportReportsResponse>;

    async fn watch_clocks(
        &self,
        request: Request<wire::WatchClocksRequest>,
    ) -> Answer<Self::WatchClocksStream> {
        self.sla(request, |asked| {
            format!("watch clocks {} {:?}", asked.parent, asked.cursor)
        })?;
        let answers = self.0.clock_watches.lock().unwrap().pop_front();
        Ok(Response::new(match answers {
            Some(answers) => stream::iter(answers).boxed(),
            None => stream::pending().boxed(),
        }))
    }

    async fn generate_report(
        &self,
        request: Request<wire::GenerateReportRequest>,
    ) -> Answer<Self::GenerateReportStream> {
        self.sla(request, |asked| {
            format!("report {} {}", asked.parent, asked.period)
        })?;
        let parts = self.0.report.lock().unwrap().clone();
        Ok(Response::new(stream::iter(parts).boxed()))
    }

    async fn export_reports(
        &self,
        request: Request<wire::ExportReportsRequest>,
    ) -> Answer<Self::ExportReportsStream> {
        self.sla(request, |asked| format!("reports {}", asked.period))?;
        let parts = self.0.reports.lock().unwrap().clone();
        Ok(Response::new(stream::iter(parts).boxed()))
    }

    async fn record_reporting_fact(
        &self,
        request: Request<wire::RecordReportingFactRequest>,
    ) -> Answer<wire::RecordReportingFactResponse> {
        let asked = self.sla(request, |asked| format!("fact {}", asked.parent))?;
        Ok(Response::new(wire::RecordReportingFactResponse {
            fact: asked.fact,
        }))
    }

    async fn list_reporting_deadlines(
        &self,
        request: Request<wire::ListReportingDeadlinesRequest>,
    ) -> Answer<wire::ListReportingDeadlinesResponse> {
        self.sla(request, |asked| format!("deadlines {}", asked.parent))?;
        Ok(Response::new(wire::ListReportingDeadlinesResponse {
            as_of_time: TIME,
            ..wire::ListReportingDeadlinesResponse::default()
        }))
    }

    async fn create_agreement(
        &self,
        request: Request<wire::CreateAgreementRequest>,
    ) -> Answer<wire::CreateAgreementResponse> {
        let asked = self.sla(request, |asked| {
            format!("agree {} {:?}", asked.parent, asked.previous)
        })?;
        let mut agreements = self.0.agreements.lock().unwrap();
        let newest = agreements.first().map(|newest| newest.name.as_str());
        if newest.unwrap_or_default() != asked.previous {
            return Err(refusal(Code::Aborted, "ETAG_MISMATCH"));
        }
        let agreement = wire::Agreement {
            name: format!("{}/agreements/{}", asked.parent, agreements.len() + 1),
            create_time: TIME,
            ..asked.agreement.unwrap()
        };
        agreements.insert(0, agreement.clone());
        Ok(Response::new(wire::CreateAgreementResponse {
            agreement: Some(agreement),
        }))
    }

    async fn list_agreements(
        &self,
        request: Request<wire::ListAgreementsRequest>,
    ) -> Answer<wire::ListAgreementsResponse> {
        let asked = self.sla(request, |asked| {
            format!("agreements {} {}", asked.parent, asked.page_token)
        })?;
        // An agreement a page.
        let agreements = self.0.agreements.lock().unwrap();
        let at: usize = asked.page_token.parse().unwrap_or(0);
        let next = Some(at + 1).filter(|next| *next < agreements.len());
        Ok(Response::new(wire::ListAgreementsResponse {
            agreements: agreements.get(at).cloned().into_iter().collect(),
            next_page_token: next.map_or_else(String::new, |next| next.to_string()),
        }))
    }

    async fn list_clocks(
        &self,
        request: Request<wire::ListClocksRequest>,
    ) -> Answer<wire::ListClocksResponse> {
        self.sla(request, |asked| format!("clocks {}", asked.parent))?;
        let clock = wire::Clock {
            kind: wire::ObjectiveKind::DeliverSnapshot.into(),
            request: "r\u{1b}[2J".to_owned(),
            severity: Severity::Sev2.into(),
            state: State::Running.into(),
            start_time: TIME,
            due_time: TIME,
            allowed: span(14_400),
            spent: span(2_880),
            paused: span(0),
            left: span(11_520),
            ..wire::Clock::default()
        };
        Ok(Response::new(wire::ListClocksResponse {
            clocks: vec![clock],
            as_of_time: TIME,
        }))
    }
}
