//! The room against a kernel on a temporary database: everything but the network is real.

mod reports;
mod timers;

use std::sync::Arc;

use cordon_proto::incidents::{self as inc, incidents_service_server::IncidentsService as _};
use cordon_proto::sla as wire;
use cordon_proto::sla::sla_service_server::SlaService as _;
use jiff::SignedDuration;
use tonic::{Request, Status};
use wire::clock::State;
use wire::{DayOfWeek, ObjectiveKind};

use super::SlaRpc;
use super::service::Service;
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

struct Room {
    world: World,
    sla: SlaRpc,
    incidents: IncidentsRpc,
    responder: Actor,
    analyst: Actor,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        let kernel = Arc::clone(&world.kernel);
        Self {
            sla: SlaRpc(Service {
                kernel: Arc::clone(&kernel),
            }),
            incidents: IncidentsRpc::new(kernel),
            responder: world.member("tenants/acme", "responder").await,
            analyst: world.member("", "analyst").await.entering(),
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    /// Some time later, with tokens of that moment.
    async fn later(mut self, by: SignedDuration) -> Self {
        self.world.clock.advance(by);
        self.world.operator = self.world.with_token(&self.world.operator).await;
        Self {
            responder: self.world.with_token(&self.responder).await,
            analyst: self.world.with_token(&self.analyst).await,
            ..self
        }
    }

    async fn agree(
        &self,
        agreement: wire::Agreement,
        previous: &str,
    ) -> Result<wire::Agreement, Status> {
        let request = wire::CreateAgreementRequest {
            parent: "tenants/acme".into(),
            agreement: Some(agreement),
            previous: previous.into(),
        };
        let made = call!(self, &self.world.operator, sla.create_agreement(request));
        made.map(|made| made.agreement.unwrap())
    }

    async fn clocks(&self, incident: &str) -> Vec<wire::Clock> {
        let request = wire::ListClocksRequest {
            parent: incident.into(),
        };
        call!(self, &self.responder, sla.list_clocks(request))
            .unwrap()
            .clocks
    }

    async fn one(&self, incident: &str, kind: ObjectiveKind) -> wire::Clock {
        let clocks = self.clocks(incident).await;
        let mut of_kind = clocks.into_iter().filter(|clock| clock.kind() == kind);
        let clock = of_kind.next().unwrap();
        assert_eq!(of_kind.next(), None);
        clock
    }
}

fn time(text: &str) -> Option<prost_types::Timestamp> {
    let time: jiff::Timestamp = text.parse().unwrap();
    Some(crate::rooms::fields::wire_time(time))
}

fn minutes(minutes: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: minutes * 60,
        nanos: 0,
    })
}

fn always(name: &str) -> wire::Calendar {
    wire::Calendar {
        name: name.into(),
        open: Some(wire::calendar::Open::Always(wire::AlwaysOpen {})),
    }
}

/// On working days, nine to five in Berlin.
fn working(name: &str) -> wire::Calendar {
    let span = |day: i32| wire::OpenSpan {
        day,
        from: "09:00".into(),
        to: "17:00".into(),
    };
    let hours = wire::OfficeHours {
        time_zone: "Europe/Berlin".into(),
        spans: (DayOfWeek::Monday.into()..=DayOfWeek::Friday.into())
            .map(span)
            .collect(),
        holidays: vec!["2026-01-01".into()],
    };
    wire::Calendar {
        name: name.into(),
        open: Some(wire::calendar::Open::OfficeHours(hours)),
    }
}

fn promise(kind: ObjectiveKind, within: i64, calendar: &str) -> wire::Objective {
    wire::Objective {
        kind: kind.into(),
        severity: inc::Severity::Sev2.into(),
        within: minutes(within),
        calendar: calendar.into(),
    }
}

fn agreement(valid_from: &str) -> wire::Agreement {
    wire::Agreement {
        valid_from: time(valid_from),
        calendars: vec![always("always"), working("working")],
        objectives: vec![
            promise(ObjectiveKind::Acknowledge, 15, "always"),
            promise(ObjectiveKind::Resolve, 8 * 60, "working"),
        ],
        availability_basis_points: 9_990,
        ..Default::default()
    }
}

fn opening() -> inc::CreateIncidentRequest {
    inc::CreateIncidentRequest {
        parent: "tenants/acme".into(),
        incident: Some(inc::Incident {
            title: "Keys in a public repository".into(),
            severity: inc::Severity::Sev2.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn agreements_follow_one_another_without_a_gap_that_nobody_wanted() {
    let room = Room::new().await;
    let first = room
        .agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    assert_eq!(first.name, "tenants/acme/agreements/1");
    assert_eq!(first.valid_to, None);
    let again = room.agree(agreement("2026-01-01T00:00:00Z"), "").await;
    assert_eq!(reason(again), "ETAG_MISMATCH", "a repetition makes none");
    let overlap = room
        .agree(agreement("2026-01-01T00:00:00Z"), &first.name)
        .await;
    assert_eq!(fields(overlap), ["agreement.valid_from"]);
    let past = room.agree(agreement("2025-12-01T00:00:00Z"), &first.name);
    assert_eq!(
        fields(past.await),
        ["agreement.valid_from"],
        "nor what is over"
    );
    let second = room
        .agree(agreement("2026-07-01T00:00:00Z"), &first.name)
        .await;
    assert_eq!(second.unwrap().name, "tenants/acme/agreements/2");

    let list = wire::ListAgreementsRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let listed = call!(room, &room.responder, sla.list_agreements(list.clone()));
    let listed = listed.unwrap().agreements;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1].valid_to, time("2026-07-01T00:00:00Z"));
    assert_eq!(
        listed[1].calendars, first.calendars,
        "as they were written down"
    );
    assert_eq!(listed[1].objectives, first.objectives);
    let reporter = room.world.member("", "sla-reporter").await;
    let same = call!(room, &reporter, sla.list_agreements(list.clone()));
    assert_eq!(same.unwrap().agreements, listed);
    let nobody = wire::ListAgreementsRequest {
        parent: "tenants/nobody".into(),
        ..Default::default()
    };
    let none = call!(room, &room.world.operator, sla.list_agreements(nobody));
    assert_eq!(reason(none), "NOT_FOUND");
    let stranger = room.world.member("tenants/globex", "admin").await;
    let refused = call!(room, &stranger, sla.list_agreements(list));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
}

#[tokio::test]
async fn what_is_wrong_with_an_agreement_is_told_by_field() {
    let room = Room::new().await;
    let mut closed = working("never");
    if let Some(wire::calendar::Open::OfficeHours(hours)) = &mut closed.open {
        hours.spans.clear();
        hours.time_zone = "Europe/Atlantis".into();
        hours.holidays.push("tomorrow".into());
    }
    let mut bad = agreement("2026-01-01T00:00:00Z");
    bad.calendars.push(closed);
    bad.objectives
        .push(promise(ObjectiveKind::Unspecified, 5, "always"));
    let told = fields(room.agree(bad, "").await);
    assert_eq!(
        told,
        [
            "agreement.calendars[2].holidays[1]",
            "agreement.calendars[2].time_zone",
            "agreement.calendars[2].hours",
            "agreement.objectives[2].kind",
        ]
    );
    let mut bad = agreement("2026-01-01T00:00:00Z");
    bad.objectives
        .push(promise(ObjectiveKind::Resolve, 0, "nine to five"));
    let told = fields(room.agree(bad, "").await);
    assert_eq!(
        told,
        [
            "agreement.objectives[2]",
            "agreement.objectives[2].within",
            "agreement.objectives[2].calendar",
        ]
    );
    let mut ends = agreement("2026-01-01T00:00:00Z");
    ends.valid_to = ends.valid_from;
    assert_eq!(fields(room.agree(ends, "").await), ["agreement.valid_to"]);
}

#[tokio::test]
async fn clocks_run_pause_and_are_missed_by_what_happened() {
    let room = Room::new().await;
    room.agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    // Friday, 2 January, 10:00 in Berlin.
    room.world
        .clock
        .set("2026-01-02T09:00:00Z".parse().unwrap());
    let room = room.later(SignedDuration::ZERO).await;
    let made = call!(room, &room.responder, incidents.create_incident(opening()));
    let name = made.unwrap().incident.unwrap().name;

    let noted = room.one(&name, ObjectiveKind::Acknowledge).await;
    assert_eq!(noted.state(), State::Running);
    assert_eq!(noted.due_time, time("2026-01-02T09:15:00Z"));
    assert_eq!(noted.agreement, "tenants/acme/agreements/1");
    let resolve = room.one(&name, ObjectiveKind::Resolve).await;
    // Seven hours are left of Friday; the eighth is on Monday.
    assert_eq!(resolve.due_time, time("2026-01-05T09:00:00Z"));

    // Too late.
    let room = room.later(SignedDuration::from_mins(20)).await;
    let note = inc::AcknowledgeIncidentRequest {
        name: name.clone(),
        ..Default::default()
    };
    call!(room, &room.analyst, incidents.acknowledge_incident(note)).unwrap();
    let noted = room.one(&name, ObjectiveKind::Acknowledge).await;
    assert_eq!(noted.state(), State::Breached);
    assert_eq!((noted.spent, noted.left), (minutes(20), minutes(-5)));
    let entry = |seq: u32| format!("{name}/timelineEntries/{seq}");
    assert_eq!(noted.timeline_entries, [entry(1), entry(2)]);

    // The customer's turn does not count.
    let hand = |to: inc::Party| inc::HandOverIncidentRequest {
        name: name.clone(),
        to: to.into(),
        reason: "which account is it?".into(),
        ..Default::default()
    };
    let over = hand(inc::Party::Customer);
    call!(room, &room.analyst, incidents.hand_over_incident(over)).unwrap();
    let room = room.later(SignedDuration::from_mins(10)).await;
    let resolve = room.one(&name, ObjectiveKind::Resolve).await;
    assert_eq!((resolve.state(), resolve.due_time), (State::Paused, None));
    assert_eq!((resolve.spent, resolve.paused), (minutes(20), minutes(10)));
    let back = hand(inc::Party::Provider);
    call!(room, &room.responder, incidents.hand_over_incident(back)).unwrap();
    let resolve = room.one(&name, ObjectiveKind::Resolve).await;
    assert_eq!(resolve.due_time, time("2026-01-05T09:10:00Z"));
    let turns: Vec<inc::Party> = resolve.stretches.iter().map(wire::Stretch::party).collect();
    let (customer, provider) = (inc::Party::Customer, inc::Party::Provider);
    assert_eq!(turns[..2], [provider, customer]);

    // Called off.
    let close = inc::CloseIncidentRequest {
        name: name.clone(),
        code: inc::CloseCode::FalsePositive.into(),
        reason: "they were revoked long ago".into(),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.close_incident(close)).unwrap();
    let resolve = room.one(&name, ObjectiveKind::Resolve).await;
    assert_eq!(resolve.state(), State::Cancelled);
}

#[tokio::test]
async fn clocks_are_the_tenants_own() {
    let room = Room::new().await;
    let made = call!(room, &room.responder, incidents.create_incident(opening()));
    let name = made.unwrap().incident.unwrap().name;
    assert_eq!(room.clocks(&name).await, [], "nothing is promised yet");
    let stranger = room.world.member("tenants/globex", "admin").await;
    let ask = |parent: &str| wire::ListClocksRequest {
        parent: parent.into(),
    };
    let refused = call!(room, &stranger, sla.list_clocks(ask(&name)));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let absent = name.replace("incidents/0", "incidents/1");
    let none = call!(room, &room.responder, sla.list_clocks(ask(&absent)));
    assert_eq!(reason(none), "NOT_FOUND");
    let theirs = name.replace("acme", "globex");
    let none = call!(room, &stranger, sla.list_clocks(ask(&theirs)));
    assert_eq!(reason(none), "NOT_FOUND");
    let operator = call!(room, &room.world.operator, sla.list_clocks(ask(&name)));
    assert_eq!(reason(operator), "PERMISSION_DENIED");
}
