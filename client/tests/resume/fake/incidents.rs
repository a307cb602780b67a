//! The fake's incidents: it notes what it is asked and answers with it.

use std::sync::atomic::Ordering;

use cordon_proto::incidents as wire;
use cordon_proto::incidents::exchange_service_server::ExchangeService;
use cordon_proto::incidents::import_result::{Outcome, Violation};
use cordon_proto::incidents::incidents_service_server::IncidentsService;
use futures::{StreamExt as _, stream};
use tonic::{Request, Response, Status};

use super::{Answers, Service};

type Answer<T> = Result<Response<T>, Status>;

/// The id of each incident and each comment.
pub(crate) const ID: &str = "01934f5e-7c1a-7abc-8def-0123456789ab";
/// When everything happens to incidents.
pub(super) const TIME: Option<prost_types::Timestamp> = Some(prost_types::Timestamp {
    seconds: 1_700_000_000,
    nanos: 0,
});

impl Service {
    /// Notes a call, its mark and what it says, and fails it if that is what comes next.
    pub(super) fn incident<T>(
        &self,
        call: &str,
        request: Request<T>,
        mark: fn(&T) -> &str,
        words: fn(&T) -> String,
    ) -> Result<T, Status> {
        self.0.note(&request)?;
        let message = request.into_inner();
        let mark = mark(&message).to_owned();
        if !mark.is_empty() {
            self.0.marks.lock().unwrap().push(mark);
        }
        let line = format!("{call} {}", words(&message));
        self.0.registered.lock().unwrap().push(line);
        match self.0.incident_failures.lock().unwrap().pop_front() {
            Some(status) => Err(status),
            None => Ok(message),
        }
    }
}

pub(super) fn actor() -> Option<wire::Actor> {
    Some(wire::Actor {
        subject: "jane".to_owned(),
        party: wire::Party::Customer.into(),
    })
}

fn incident(name: String, number: i64) -> wire::Incident {
    wire::Incident {
        name,
        number,
        title: "Keys\u{1b}[2J".to_owned(),
        severity: wire::Severity::Sev2.into(),
        phase: wire::Phase::Identification.into(),
        state: wire::incident::State::Open.into(),
        tlp: wire::Tlp::Amber.into(),
        pending_party: wire::Party::Provider.into(),
        clean_state_criteria: vec![wire::CleanStateCriterion {
            text: "no key is valid".to_owned(),
            ..wire::CleanStateCriterion::default()
        }],
        opened_by: actor(),
        create_time: TIME,
        update_time: TIME,
        etag: "e1".to_owned(),
        ..wire::Incident::default()
    }
}

fn comment(name: String, text: String) -> wire::Comment {
    wire::Comment {
        name,
        text,
        author: actor(),
        create_time: TIME,
        update_time: TIME,
        ..wire::Comment::default()
    }
}

pub(crate) fn entry(sequence: i64) -> wire::TimelineEntry {
    wire::TimelineEntry {
        name: format!("tenants/acme/incidents/{ID}/timelineEntries/{sequence}"),
        sequence,
        time: TIME,
        actor: actor(),
        reason: "because\u{9b}".to_owned(),
        what: Some(wire::timeline_entry::What::Reopened(
            wire::timeline_entry::Reopened {},
        )),
        ..wire::TimelineEntry::default()
    }
}

/// Takes what has a title, and knows it the second time.
#[tonic::async_trait]
impl ExchangeService for Service {
    async fn import_incidents(
        &self,
        request: Request<wire::ImportIncidentsRequest>,
    ) -> Answer<wire::ImportIncidentsResponse> {
        let asked = self.incident(
            "import",
            request,
            |_| "",
            |asked| format!("{} {}", asked.parent, asked.incidents.len()),
        )?;
        let mut known = self.0.imported.lock().unwrap();
        let results = asked.incidents.into_iter().map(|incident| {
            let refused = incident.title.is_empty();
            let outcome = match (refused, known.insert(incident.external_id.clone())) {
                (true, _) => Outcome::Refused,
                (false, true) => Outcome::Imported,
                (false, false) => Outcome::Known,
            };
            wire::ImportResult {
                external_id: incident.external_id,
                outcome: outcome.into(),
                incident: format!("{}/incidents/{ID}", asked.parent),
                violations: refused
                    .then(|| Violation {
                        field: "title".to_owned(),
                        description: "expected 1 to 200 characters in one line".to_owned(),
                    })
                    .into_iter()
                    .collect(),
            }
        });
        let results = results.collect();
        Ok(Response::new(wire::ImportIncidentsResponse { results }))
    }
}

/// Answers the written methods as they say, and those that change an incident with the incident.
macro_rules! serve {
    ({ $($written:tt)* } $($method:ident($request:ident) -> $response:ident: |$asked:ident| $words:expr;)*) => {
        #[tonic::async_trait]
        impl IncidentsService for Service {
            $($written)*
            $(
                async fn $method(&self, request: Request<wire::$request>) -> Answer<wire::$response> {
                    let asked = self.incident(
                        stringify!($method),
                        request,
                        |asked| &asked.request_id,
                        |$asked| format!("{} {:?}", $asked.name, $words),
                    )?;
                    let incident = Some(incident(asked.name, 3));
                    Ok(Response::new(wire::$response { incident }))
                }
            )*
        }
    };
}

serve! {
    {
        type WatchIncidentsStream = Answers<wire::WatchIncidentsResponse>;

        async fn create_incident(
            &self,
            request: Request<wire::CreateIncidentRequest>,
        ) -> Answer<wire::CreateIncidentResponse> {
            let asked = self.incident("create", request, |asked| &asked.request_id, |asked| {
                let new = asked.incident.clone().unwrap();
                format!(
                    "{} {:?} {:?} {} {}",
                    asked.parent,
                    new.title,
                    new.description,
                    new.severity().as_str_name(),
                    new.tlp().as_str_name()
                )
            })?;
            let incident = Some(incident(format!("{}/incidents/{ID}", asked.parent), 3));
            Ok(Response::new(wire::CreateIncidentResponse { incident }))
        }

        async fn get_incident(
            &self,
            request: Request<wire::GetIncidentRequest>,
        ) -> Answer<wire::GetIncidentResponse> {
            let asked = self.incident("get", request, |_| "", |asked| asked.name.clone())?;
            let incident = Some(incident(asked.name, 3));
            Ok(Response::new(wire::GetIncidentResponse { incident }))
        }

        async fn list_incidents(
            &self,
            request: Request<wire::ListIncidentsRequest>,
        ) -> Answer<wire::ListIncidentsResponse> {
            let asked = self.incident("list", request, |_| "", |asked| {
                let more = match (asked.number, asked.changed_after) {
                    (0, None) => String::new(),
                    (0, Some(after)) => format!(" after {after}"),
                    (number, _) => format!(" number {number}"),
                };
                format!(
                    "{} {} {:?} {:?} {:?} {} {}{more}",
                    asked.parent,
                    asked.page_size,
                    asked.states,
                    asked.severities,
                    asked.phases,
                    asked.pending_party,
                    asked.page_token
                )
            })?;
            // Two pages, of an incident each.
            let (number, next) = match asked.page_token.as_str() {
                "" => (4, "two"),
                _ => (3, ""),
            };
            let one = |number| incident(format!("{}/incidents/{ID}", asked.parent), number);
            let (incidents, next) = match asked.number {
                0 => (vec![one(number)], next),
                number @ 3..=4 => (vec![one(number)], ""),
                _ => (vec![], ""),
            };
            Ok(Response::new(wire::ListIncidentsResponse {
                incidents,
                next_page_token: next.to_owned(),
                cursor: asked.changed_after.map(|_| 17),
            }))
        }

        async fn update_incident(
            &self,
            request: Request<wire::UpdateIncidentRequest>,
        ) -> Answer<wire::UpdateIncidentResponse> {
            let asked = self.incident("update", request, |asked| &asked.request_id, |asked| {
                let said = asked.incident.clone().unwrap();
                let mask = asked.update_mask.clone().unwrap().paths;
                format!("{} {mask:?} {:?} {:?}", said.name, said.title, said.etag)
            })?;
            let incident = Some(incident(asked.incident.unwrap().name, 3));
            Ok(Response::new(wire::UpdateIncidentResponse { incident }))
        }

        async fn create_comment(
            &self,
            request: Request<wire::CreateCommentRequest>,
        ) -> Answer<wire::CreateCommentResponse> {
            let asked = self.incident("comment", request, |asked| &asked.request_id, |asked| {
                format!("{} {:?}", asked.parent, asked.comment.clone().unwrap().text)
            })?;
            let name = format!("{}/comments/{ID}", asked.parent);
            let comment = Some(comment(name, asked.comment.unwrap().text));
            Ok(Response::new(wire::CreateCommentResponse { comment }))
        }

        async fn update_comment(
            &self,
            request: Request<wire::UpdateCommentRequest>,
        ) -> Answer<wire::UpdateCommentResponse> {
            let asked = self.incident("edit", request, |asked| &asked.request_id, |asked| {
                let said = asked.comment.clone().unwrap();
                format!("{} {:?}", said.name, said.text)
            })?;
            Ok(Response::new(wire::UpdateCommentResponse { comment: asked.comment }))
        }

        async fn list_comments(
            &self,
            request: Request<wire::ListCommentsRequest>,
        ) -> Answer<wire::ListCommentsResponse> {
            let asked = self.incident("comments", request, |_| "", |asked| {
                format!("{} {}", asked.parent, asked.page_size)
            })?;
            let name = format!("{}/comments/{ID}", asked.parent);
            Ok(Response::new(wire::ListCommentsResponse {
                comments: vec![comment(name, "said\u{1b}[2J".to_owned())],
                next_page_token: String::new(),
            }))
        }

        async fn list_timeline_entries(
            &self,
            request: Request<wire::ListTimelineEntriesRequest>,
        ) -> Answer<wire::ListTimelineEntriesResponse> {
            let asked =
                self.incident("timeline", request, |_| "", |asked| asked.parent.clone())?;
            let in_pages = self.0.timeline_in_pages.load(Ordering::Relaxed);
            let (entries, next) = match (in_pages, asked.page_token.as_str()) {
                (false, _) => (vec![entry(7), entry(9)], ""),
                (true, "") => (vec![entry(7)], "two"),
                (true, _) => (vec![entry(9)], ""),
            };
            Ok(Response::new(wire::ListTimelineEntriesResponse {
                timeline_entries: entries,
                next_page_token: next.to_owned(),
            }))
        }

        async fn watch_incidents(
            &self,
            request: Request<wire::WatchIncidentsRequest>,
        ) -> Answer<Self::WatchIncidentsStream> {
            self.incident("watch", request, |_| "", |asked| {
                format!("{} {:?}", asked.parent, asked.cursor)
            })?;
            let answers = self.0.incident_watches.lock().unwrap().pop_front();
            Ok(Response::new(match answers {
                Some(answers) => stream::iter(answers).boxed(),
                None => stream::pending().boxed(),
            }))
        }

        async fn list_incident_queue(
            &self,
            request: Request<wire::ListIncidentQueueRequest>,
        ) -> Answer<wire::ListIncidentQueueResponse> {
            self.incident("queue", request, |_| "", |asked| asked.include_closed.to_string())?;
            let queued = wire::QueuedIncident {
                name: format!("tenants/globex/incidents/{ID}"),
                number: 3,
                severity: wire::Severity::Sev1.into(),
                phase: wire::Phase::Containment.into(),
                state: wire::incident::State::Open.into(),
                pending_party: wire::Party::Provider.into(),
                create_time: TIME,
                ..wire::QueuedIncident::default()
            };
            Ok(Response::new(wire::ListIncidentQueueResponse {
                incidents: vec![queued],
                next_page_token: String::new(),
            }))
        }
    }
    acknowledge_incident(AcknowledgeIncidentRequest) -> AcknowledgeIncidentResponse: |asked|
        &asked.etag;
    move_incident(MoveIncidentRequest) -> MoveIncidentResponse: |asked|
        (asked.phase().as_str_name(), &asked.reason, &asked.etag);
    reclassify_incident(ReclassifyIncidentRequest) -> ReclassifyIncidentResponse: |asked|
        (asked.severity().as_str_name(), &asked.reason, &asked.etag);
    hand_over_incident(HandOverIncidentRequest) -> HandOverIncidentResponse: |asked|
        (asked.to().as_str_name(), &asked.reason, &asked.etag);
    set_clean_state_criteria(SetCleanStateCriteriaRequest) -> SetCleanStateCriteriaResponse: |asked|
        (&asked.criteria, &asked.etag);
    sign_off_clean_state(SignOffCleanStateRequest) -> SignOffCleanStateResponse: |asked|
        (&asked.criteria, &asked.etag);
    close_incident(CloseIncidentRequest) -> CloseIncidentResponse: |asked|
        (asked.code().as_str_name(), &asked.reason, &asked.etag);
    reopen_incident(ReopenIncidentRequest) -> ReopenIncidentResponse: |asked|
        (&asked.reason, &asked.etag);
}
