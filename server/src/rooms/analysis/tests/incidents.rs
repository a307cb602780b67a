//! Questions about an incident: its timeline says what becomes of them, and the clock of the answer goes
//! by that.

use cordon_proto::incidents as inc;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::timeline_entry::What;
use cordon_proto::incidents::timeline_entry::analysis_called_off::Why;
use cordon_proto::sla;
use cordon_proto::sla::clock::State as Clock;
use cordon_proto::sla::sla_service_server::SlaService as _;

use super::desk::{Desk, human};
use super::*;
use crate::rooms::fields::wire_time;
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::sla::SlaRpc;

struct Case {
    desk: Desk,
    incidents: IncidentsRpc,
    sla: SlaRpc,
    incident: String,
}

impl Case {
    /// An incident of a tenant to which an answer is promised within an hour.
    async fn new() -> Self {
        let desk = Desk::new().await;
        let kernel = Arc::clone(&desk.room.world.kernel);
        let mut case = Self {
            incidents: IncidentsRpc::new(Arc::clone(&kernel)),
            sla: SlaRpc::new(kernel),
            incident: String::new(),
            desk,
        };
        let room = &case.desk.room;
        let hour = prost_types::Duration {
            seconds: 3_600,
            nanos: 0,
        };
        let agreement = sla::Agreement {
            valid_from: Some(wire_time(room.world.kernel.env().now())),
            calendars: vec![sla::Calendar {
                name: "always".into(),
                open: Some(sla::calendar::Open::Always(sla::AlwaysOpen {})),
            }],
            objectives: vec![sla::Objective {
                kind: sla::ObjectiveKind::AnswerAnalysis.into(),
                severity: inc::Severity::Sev2.into(),
                within: Some(hour),
                calendar: "always".into(),
            }],
            availability_basis_points: 9_990,
            ..Default::default()
        };
        let agreed = sla::CreateAgreementRequest {
            parent: "tenants/acme".into(),
            agreement: Some(agreement),
            ..Default::default()
        };
        call!(case, &room.world.operator, sla.create_agreement(agreed)).unwrap();
        let opening = inc::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(inc::Incident {
                title: "Logging was turned off".into(),
                severity: inc::Severity::Sev2.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let opened = call!(case, &room.responder, incidents.create_incident(opening));
        case.incident = opened.unwrap().incident.unwrap().name;
        case
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.desk.room.request(actor, message).await
    }

    async fn ask(&self, kind: Kind) -> wire::Analysis {
        let mut request = Room::asking(kind);
        if let Some(analysis) = &mut request.analysis {
            analysis.incident = self.incident.clone();
        }
        let room = &self.desk.room;
        let asked = call!(room, &room.responder, analyses.create_analysis(request));
        asked.unwrap().analysis.unwrap()
    }

    fn later(&self, minutes: i64) {
        let clock = &self.desk.room.world.clock;
        clock.advance(SignedDuration::from_mins(minutes));
    }

    /// What happened after the opening: by whom, why, and what.
    async fn timeline(&self) -> Vec<(String, String, What)> {
        let request = inc::ListTimelineEntriesRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        let responder = &self.desk.room.responder;
        let listed = call!(self, responder, incidents.list_timeline_entries(request));
        let entries = listed.unwrap().timeline_entries.into_iter().skip(1);
        entries
            .map(|entry| {
                let actor = entry.actor.unwrap();
                let who = format!("{:?} {}", actor.party(), actor.subject);
                (who, entry.reason, entry.what.unwrap())
            })
            .collect()
    }

    async fn clock(&self, analysis: &str) -> sla::Clock {
        let request = sla::ListClocksRequest {
            parent: self.incident.clone(),
        };
        let responder = &self.desk.room.responder;
        let clocks = call!(self, responder, sla.list_clocks(request));
        let mut clocks = clocks.unwrap().clocks.into_iter();
        let clock = clocks.find(|clock| clock.request == analysis).unwrap();
        assert_eq!(clock.kind(), sla::ObjectiveKind::AnswerAnalysis);
        clock
    }
}

#[tokio::test]
async fn what_becomes_of_a_question_is_in_the_timeline_and_moves_its_clock() {
    let case = Case::new().await;
    let (desk, room) = (&case.desk, &case.desk.room);
    let asked = case.ask(human()).await;
    let name = asked.name.as_str();
    assert_eq!(case.clock(name).await.due_time, asked.due_time);
    desk.claim(&desk.first, name).await.unwrap();
    case.later(4);
    desk.ask_back(&desk.first, name).await.unwrap();
    assert_eq!(case.clock(name).await.state(), Clock::Paused);
    case.later(3);
    let reply = wire::ReplyToAnalysisRequest {
        name: name.into(),
        text: "i-0123".into(),
        request_id: String::new(),
    };
    let replied = call!(room, &room.responder, analyses.reply_to_analysis(reply));
    let replied = replied.unwrap().analysis.unwrap();
    let due = |of: &Option<prost_types::Timestamp>| of.as_ref().unwrap().seconds;
    assert_eq!(due(&replied.due_time), due(&asked.due_time) + 180);
    let clock = case.clock(name).await;
    assert_eq!(clock.state(), Clock::Running);
    assert_eq!(clock.due_time, replied.due_time, "one truth in two places");
    // Said once more it is nobody's move but whose it was.
    let more = wire::ReplyToAnalysisRequest {
        name: name.into(),
        text: "Or i-0456.".into(),
        request_id: String::new(),
    };
    call!(room, &room.responder, analyses.reply_to_analysis(more)).unwrap();
    desk.submit(&desk.first, name, "Yes, at 23:10.")
        .await
        .unwrap();
    assert_eq!(
        case.clock(name).await.state(),
        Clock::Running,
        "not out yet"
    );
    desk.release(&desk.second, name).await.unwrap();
    assert_eq!(case.clock(name).await.state(), Clock::Met);

    let analysis = || name.to_owned();
    let handed = |to: inc::Party| {
        What::AnalysisHandedOver(inc::timeline_entry::AnalysisHandedOver {
            analysis: analysis(),
            to: to.into(),
        })
    };
    let responder = asked.created_by.as_str();
    let entry = |who: String, reason: &str, what| (who, reason.to_owned(), what);
    let expected = [
        entry(
            format!("Customer {responder}"),
            "who turned logging off",
            What::AnalysisRequested(inc::timeline_entry::AnalysisRequested {
                analysis: analysis(),
                question: "human".into(),
            }),
        ),
        entry(
            "Provider an analyst".to_owned(),
            "Which machine?",
            handed(inc::Party::Customer),
        ),
        entry(
            format!("Customer {responder}"),
            "i-0123",
            handed(inc::Party::Provider),
        ),
        entry(
            "Provider an analyst".to_owned(),
            "",
            What::AnalysisAnswered(inc::timeline_entry::AnalysisAnswered {
                analysis: analysis(),
            }),
        ),
    ];
    assert_eq!(case.timeline().await, expected);
}

#[tokio::test]
async fn a_question_without_an_answer_is_promised_nothing_more() {
    let case = Case::new().await;
    let (desk, room) = (&case.desk, &case.desk.room);
    let (declined, back) = (case.ask(human()).await, case.ask(human()).await);
    let decline = wire::DeclineAnalysisRequest {
        name: declined.name.clone(),
        text: "We keep no such log.".into(),
        request_id: String::new(),
    };
    call!(room, &desk.first, desk.decline_analysis(decline)).unwrap();
    let cancel = wire::CancelAnalysisRequest {
        name: back.name.clone(),
        ..Default::default()
    };
    call!(room, &room.responder, analyses.cancel_analysis(cancel)).unwrap();
    let failed = case.ask(sql("SELECT nothing FROM events")).await;
    let met = case.ask(sql("SELECT count(*) FROM events")).await;
    room.answer_all().await;
    let states = [
        (&declined, Clock::Cancelled),
        (&back, Clock::Cancelled),
        (&failed, Clock::Cancelled),
        (&met, Clock::Met),
    ];
    for (of, state) in states {
        assert_eq!(case.clock(&of.name).await.state(), state, "{of:?}");
    }
    let timeline = case.timeline().await;
    let off: Vec<_> = timeline
        .iter()
        .filter_map(|(who, reason, what)| match what {
            What::AnalysisCalledOff(off) => Some((who.as_str(), reason.as_str(), off)),
            _ => None,
        })
        .collect();
    let of = |analysis: &wire::Analysis| {
        let mut found = off.iter().filter(|(.., off)| off.analysis == analysis.name);
        let (who, reason, off) = found.next().unwrap();
        assert!(found.next().is_none());
        (*who, *reason, off.why())
    };
    assert_eq!(
        of(&declined),
        ("Provider an analyst", "We keep no such log.", Why::Declined)
    );
    let customer = format!("Customer {}", back.created_by);
    assert_eq!(of(&back), (customer.as_str(), "", Why::TakenBack));
    let (who, reason, why) = of(&failed);
    assert_eq!((who, why), ("Provider cordon", Why::Failed));
    assert!(reason.contains("nothing"), "{reason}");
}

#[tokio::test]
async fn an_answer_to_which_no_reply_was_needed_has_the_time_that_it_waited() {
    let case = Case::new().await;
    let desk = &case.desk;
    let asked = case.ask(human()).await;
    desk.claim(&desk.first, &asked.name).await.unwrap();
    desk.ask_back(&desk.first, &asked.name).await.unwrap();
    case.later(4);
    let handed_in = desk.submit(&desk.first, &asked.name, "Yes.").await.unwrap();
    let due = |of: &Option<prost_types::Timestamp>| of.as_ref().unwrap().seconds;
    assert_eq!(due(&handed_in.due_time), due(&asked.due_time) + 240);
    let clock = case.clock(&asked.name).await;
    assert_eq!(
        (clock.state(), clock.due_time),
        (Clock::Running, handed_in.due_time)
    );
}

#[tokio::test]
async fn an_incident_that_is_not_there_has_no_questions() {
    let case = Case::new().await;
    let room = &case.desk.room;
    let mut request = Room::asking(human());
    let none = "tenants/acme/incidents/00000000-0000-7000-8000-000000000000";
    if let Some(analysis) = &mut request.analysis {
        analysis.incident = none.into();
    }
    let asked = call!(room, &room.responder, analyses.create_analysis(request));
    assert_eq!(reason(asked), "NOT_FOUND");
    assert!(case.timeline().await.is_empty());
}
