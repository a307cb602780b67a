//! The room against a kernel on a temporary database: everything but the network is real.

mod lists;
mod sealing;
mod walls;

use std::sync::Arc;

use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use tonic::{Request, Status};
use wire::incident::State;
use wire::{Party, Phase, Severity};

use super::IncidentsRpc;
use crate::rooms::tenants::tests::{Actor, World, call, reason};

/// A customer, a stranger, and staff.
pub(super) struct Room {
    pub(super) world: World,
    pub(super) incidents: IncidentsRpc,
    pub(super) responder: Actor,
    pub(super) reader: Actor,
    pub(super) stranger: Actor,
    /// Of the staff, within acme.
    pub(super) analyst: Actor,
}

impl Room {
    pub(super) async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        let incidents = IncidentsRpc::new(Arc::clone(&world.kernel));
        Self {
            incidents,
            responder: world.member("tenants/acme", "responder").await,
            reader: world.member("tenants/acme", "reader").await,
            stranger: world.member("tenants/globex", "admin").await,
            analyst: world.member("", "analyst").await.entering(),
            world,
        }
    }

    pub(super) async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    /// Opens an incident for acme.
    pub(super) async fn open(&self, title: &str) -> wire::Incident {
        let request = new(title, "");
        let made = call!(self, &self.responder, incidents.create_incident(request));
        made.unwrap().incident.unwrap()
    }

    pub(super) async fn move_to(
        &self,
        actor: &Actor,
        name: &str,
        phase: Phase,
    ) -> Result<wire::MoveIncidentResponse, Status> {
        let request = wire::MoveIncidentRequest {
            name: name.into(),
            phase: phase.into(),
            ..Default::default()
        };
        call!(self, actor, incidents.move_incident(request))
    }

    pub(super) async fn timeline(&self, name: &str) -> Vec<wire::TimelineEntry> {
        let request = wire::ListTimelineEntriesRequest {
            parent: name.into(),
            ..Default::default()
        };
        let listed = call!(self, &self.reader, incidents.list_timeline_entries(request));
        listed.unwrap().timeline_entries
    }
}

pub(super) fn note(name: &str) -> wire::AcknowledgeIncidentRequest {
    wire::AcknowledgeIncidentRequest {
        name: name.into(),
        ..Default::default()
    }
}

fn new(title: &str, request_id: &str) -> wire::CreateIncidentRequest {
    wire::CreateIncidentRequest {
        parent: "tenants/acme".into(),
        incident: Some(wire::Incident {
            title: title.into(),
            description: "Found by a customer of ours.".into(),
            severity: Severity::Sev2.into(),
            ..Default::default()
        }),
        request_id: request_id.into(),
    }
}

#[tokio::test]
async fn an_incident_goes_its_way_between_two_sides() {
    let room = Room::new().await;
    let made = room.open("Keys in a public repository").await;
    assert_eq!((made.number, made.pending_party()), (1, Party::Provider));
    assert_eq!(made.tlp(), wire::Tlp::Amber);
    let name = made.name.clone();

    let own = call!(
        room,
        &room.responder,
        incidents.acknowledge_incident(note(&name))
    );
    assert_eq!(reason(own), "PERMISSION_DENIED");
    let noted = call!(
        room,
        &room.analyst,
        incidents.acknowledge_incident(note(&name))
    );
    let noted = noted.unwrap().incident.unwrap();
    assert!(noted.acknowledge_time.is_some());
    assert_ne!(noted.etag, made.etag);

    let stale = wire::HandOverIncidentRequest {
        name: name.clone(),
        to: Party::Customer.into(),
        reason: "which account is it?".into(),
        etag: made.etag.clone(),
        ..Default::default()
    };
    let answer = call!(
        room,
        &room.analyst,
        incidents.hand_over_incident(stale.clone())
    );
    assert_eq!(reason(answer), "ETAG_MISMATCH");
    let fresh = wire::HandOverIncidentRequest {
        etag: noted.etag,
        ..stale
    };
    let handed = call!(room, &room.analyst, incidents.hand_over_incident(fresh));
    let handed = handed.unwrap().incident.unwrap();
    assert_eq!(handed.pending_party(), Party::Customer);

    let jump = room.move_to(&room.analyst, &name, Phase::Recovery).await;
    assert_eq!(reason(jump), "FAILED_PRECONDITION");
    for phase in [Phase::Containment, Phase::Eradication] {
        room.move_to(&room.analyst, &name, phase).await.unwrap();
    }
    let criteria = wire::SetCleanStateCriteriaRequest {
        name: name.clone(),
        criteria: vec!["all keys revoked".into()],
        ..Default::default()
    };
    let set = call!(
        room,
        &room.analyst,
        incidents.set_clean_state_criteria(criteria)
    );
    let mut etag = set.unwrap().incident.unwrap().etag;
    for actor in [&room.responder, &room.analyst] {
        let sign = wire::SignOffCleanStateRequest {
            name: name.clone(),
            etag,
            ..Default::default()
        };
        let signed = call!(room, actor, incidents.sign_off_clean_state(sign));
        etag = signed.unwrap().incident.unwrap().etag;
    }
    for phase in [Phase::Recovery, Phase::FollowUp] {
        room.move_to(&room.responder, &name, phase).await.unwrap();
    }
    let close = wire::CloseIncidentRequest {
        name: name.clone(),
        code: wire::CloseCode::Resolved.into(),
        ..Default::default()
    };
    let closed = call!(room, &room.responder, incidents.close_incident(close));
    let closed = closed.unwrap().incident.unwrap();
    assert_eq!(closed.state(), State::Closed);
    assert_eq!(closed.clean_state_criteria.len(), 1);

    let told: Vec<(Party, String)> = room
        .timeline(&name)
        .await
        .into_iter()
        .map(|entry| {
            let what = format!("{:?}", entry.what.unwrap());
            let kind = what.split('(').next().unwrap().to_owned();
            (entry.actor.unwrap().party(), kind)
        })
        .collect();
    let (customer, provider) = (Party::Customer, Party::Provider);
    let expected = [
        (customer, "Opened"),
        (provider, "Acknowledged"),
        (provider, "HandedOver"),
        (provider, "Moved"),
        (provider, "Moved"),
        (provider, "CriteriaSet"),
        (customer, "SignedOff"),
        (provider, "SignedOff"),
        (customer, "Moved"),
        (customer, "Moved"),
        (customer, "Closed"),
    ];
    let expected = expected.map(|(party, kind)| (party, kind.to_owned()));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_call_that_names_itself_is_done_once_and_answered_as_the_first_time() {
    let room = Room::new().await;
    let first = call!(
        room,
        &room.responder,
        incidents.create_incident(new("one", "r-1"))
    );
    let first = first.unwrap();
    let name = first.incident.clone().unwrap().name;
    room.move_to(&room.responder, &name, Phase::Containment)
        .await
        .unwrap();
    let again = call!(
        room,
        &room.responder,
        incidents.create_incident(new("one", "r-1"))
    );
    assert_eq!(
        again.unwrap(),
        first,
        "as it was answered, not as it is now"
    );
    let theirs = call!(
        room,
        &room.analyst,
        incidents.create_incident(new("one", "r-1"))
    );
    let theirs = theirs.unwrap().incident.unwrap();
    assert_eq!(theirs.number, 2, "what two call alike are two calls");
    let other = call!(
        room,
        &room.responder,
        incidents.create_incident(new("two", "r-1"))
    );
    assert_eq!(reason(other), "ALREADY_EXISTS");
    assert_eq!(room.open("three").await.number, 3);

    // What changes nothing is remembered, too: repeated, it does not go back.
    let stay = wire::MoveIncidentRequest {
        name: name.clone(),
        phase: Phase::Containment.into(),
        reason: "as planned".into(),
        request_id: "r-0".into(),
        ..Default::default()
    };
    let first = call!(room, &room.responder, incidents.move_incident(stay.clone())).unwrap();
    let on = room
        .move_to(&room.responder, &name, Phase::Eradication)
        .await;
    on.unwrap();
    let again = call!(room, &room.responder, incidents.move_incident(stay));
    assert_eq!(again.unwrap(), first);
    let entries = room.timeline(&name).await.len();
    assert_eq!(entries, 3, "opened, contained, on");

    let say = wire::CreateCommentRequest {
        parent: name.clone(),
        comment: Some(wire::Comment {
            text: "We saw it at noon.".into(),
            ..Default::default()
        }),
        request_id: "r-2".into(),
    };
    let said = call!(room, &room.responder, incidents.create_comment(say.clone()));
    let again = call!(room, &room.responder, incidents.create_comment(say));
    assert_eq!(again.unwrap(), said.unwrap());

    // After a day it is another call.
    room.world
        .clock
        .advance(jiff::SignedDuration::from_hours(25));
    let responder = room.world.with_token(&room.responder).await;
    let later = call!(
        room,
        &responder,
        incidents.create_incident(new("one", "r-1"))
    );
    assert_eq!(later.unwrap().incident.unwrap().number, 4);
}

#[tokio::test]
async fn what_was_said_can_be_changed_by_who_said_it() {
    let room = Room::new().await;
    let incident = room.open("one").await;
    let say = wire::CreateCommentRequest {
        parent: incident.name.clone(),
        comment: Some(wire::Comment {
            text: "first".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let reader = call!(room, &room.reader, incidents.create_comment(say.clone()));
    assert_eq!(reason(reader), "PERMISSION_DENIED");
    let said = call!(room, &room.analyst, incidents.create_comment(say));
    let said = said.unwrap().comment.unwrap();
    let change = |text: &str| wire::UpdateCommentRequest {
        comment: Some(wire::Comment {
            name: said.name.clone(),
            text: text.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let other = call!(
        room,
        &room.responder,
        incidents.update_comment(change("no"))
    );
    assert_eq!(reason(other), "PERMISSION_DENIED");
    let empty = call!(room, &room.analyst, incidents.update_comment(change(" ")));
    assert_eq!(reason(empty), "INVALID_ARGUMENT");
    call!(
        room,
        &room.analyst,
        incidents.update_comment(change("second"))
    )
    .unwrap();
    let list = wire::ListCommentsRequest {
        parent: incident.name,
        ..Default::default()
    };
    let listed = call!(room, &room.reader, incidents.list_comments(list));
    let comment = listed.unwrap().comments.remove(0);
    assert_eq!(comment.text, "second");
    assert_eq!(comment.revisions[0].text, "first");
    assert_eq!(comment.author.unwrap().party(), Party::Provider);
}

#[tokio::test]
async fn bad_input_is_told_by_field() {
    let room = Room::new().await;
    let mut bad = new("", "");
    let body = bad.incident.as_mut().unwrap();
    body.title = "two\nlines".into();
    body.description = "bell \u{7}".into();
    body.severity = 9;
    let answer = call!(room, &room.responder, incidents.create_incident(bad));
    let told = crate::rooms::tenants::tests::fields(answer);
    assert_eq!(
        told,
        [
            "incident.title",
            "incident.description",
            "incident.severity"
        ]
    );
    let long = call!(
        room,
        &room.responder,
        incidents.create_incident(new("x", &"r".repeat(129)))
    );
    assert_eq!(reason(long), "INVALID_ARGUMENT");
    let incident = room.open("<script>alert(1)</script>").await;
    let sign = wire::SignOffCleanStateRequest {
        name: incident.name,
        ..Default::default()
    };
    let unseen = call!(room, &room.responder, incidents.sign_off_clean_state(sign));
    assert_eq!(crate::rooms::tenants::tests::fields(unseen), ["etag"]);
}

#[tokio::test]
async fn a_drill_is_opened_by_the_tenants_own_people() {
    let room = Room::new().await;
    let mut drill = new("a drill", "");
    drill.incident.as_mut().unwrap().exercise = true;
    let theirs = call!(
        room,
        &room.analyst,
        incidents.create_incident(drill.clone())
    );
    assert_eq!(reason(theirs), "PERMISSION_DENIED");
    let real = new("not a drill", "");
    call!(room, &room.analyst, incidents.create_incident(real)).unwrap();
    let own = call!(room, &room.responder, incidents.create_incident(drill));
    assert!(own.unwrap().incident.unwrap().exercise);
}
