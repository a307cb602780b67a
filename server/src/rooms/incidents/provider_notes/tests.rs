//! Staff's notes against a kernel on a temporary database.

use std::sync::Arc;

use cordon_kernel::TenantId;
use cordon_kernel::db::jobs::JobRunner;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::provider_notes_service_server::ProviderNotesService as _;
use tonic::{Request, Status};

use super::rpc::ProviderNotesRpc;
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

struct Room {
    world: World,
    incidents: IncidentsRpc,
    notes: ProviderNotesRpc,
    responder: Actor,
    analyst: Actor,
    incident: String,
    runner: JobRunner,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        let mut room = Self {
            incidents: IncidentsRpc::new(Arc::clone(&world.kernel)),
            notes: ProviderNotesRpc::new(Arc::clone(&world.kernel)),
            responder: world.member("tenants/acme", "responder").await,
            analyst: world.member("", "analyst").await,
            incident: String::new(),
            runner: world.kernel.job_runner().unwrap(),
            world,
        };
        room.incident = room.open().await.name;
        room
    }

    async fn open(&self) -> wire::Incident {
        let new = wire::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(wire::Incident {
                title: "one".into(),
                severity: wire::Severity::Sev2.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, &self.responder, incidents.create_incident(new));
        made.unwrap().incident.unwrap()
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn write(&self, actor: &Actor, text: &str) -> Result<wire::ProviderNote, Status> {
        let request = wire::CreateProviderNoteRequest {
            parent: self.incident.clone(),
            provider_note: Some(wire::ProviderNote {
                text: text.into(),
                ..Default::default()
            }),
        };
        let made = call!(self, actor, notes.create_provider_note(request));
        Ok(made?.provider_note.unwrap())
    }

    async fn list(&self, actor: &Actor) -> Result<Vec<wire::ProviderNote>, Status> {
        let request = wire::ListProviderNotesRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        let listed = call!(self, actor, notes.list_provider_notes(request));
        Ok(listed?.provider_notes)
    }

    /// All that the tenant sees of its incident, how far its cursor is, and how long its log.
    async fn seen(&self) -> (wire::Incident, Vec<wire::TimelineEntry>, usize) {
        let get = wire::GetIncidentRequest {
            name: self.incident.clone(),
        };
        let list = wire::ListTimelineEntriesRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        let incident = call!(self, &self.responder, incidents.get_incident(get));
        let listed = call!(self, &self.responder, incidents.list_timeline_entries(list));
        let kernel = &self.world.kernel;
        let acme: TenantId = "acme".parse().unwrap();
        let (scope, _) = kernel.maintenance_scope(&self.runner, &acme, "test");
        let log = kernel.db().audit_page(&scope, None, 1_000).await.unwrap();
        let foreign = log.records.iter();
        let foreign = foreign.filter(|entry| entry.record.actor.home == "provider");
        let incident = incident.unwrap().incident.unwrap();
        let timeline = listed.unwrap().timeline_entries;
        (incident, timeline, foreign.count())
    }
}

#[tokio::test]
async fn staff_write_among_themselves_and_the_tenant_sees_nothing_of_it() {
    let room = Room::new().await;
    let before = room.seen().await;
    let note = room
        .write(&room.analyst, "We know this actor.")
        .await
        .unwrap();
    let another = room.write(&room.analyst, "From two more\ncustomers.").await;
    assert_eq!(room.seen().await, before);
    // The next thing that happens gets the number that it would have had.
    let next = wire::CreateCommentRequest {
        parent: room.incident.clone(),
        comment: Some(wire::Comment {
            text: "hello".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.create_comment(next)).unwrap();
    let (_, timeline, _) = room.seen().await;
    let numbers: Vec<i64> = timeline.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(room.open().await.number, 2);

    let both = [note, another.unwrap()];
    assert_eq!(room.list(&room.analyst).await.unwrap(), both);
    let auditor = room.world.member("", "auditor").await;
    assert_eq!(room.list(&auditor).await.unwrap(), both);
    assert_eq!(reason(room.write(&auditor, "x").await), "PERMISSION_DENIED");
    for (home, role) in [
        ("tenants/acme", "admin"),
        ("tenants/acme", "reader"),
        ("", "operator"),
    ] {
        let other = room.world.member(home, role).await;
        assert_eq!(
            reason(room.list(&other).await),
            "PERMISSION_DENIED",
            "{role}"
        );
        assert_eq!(reason(room.write(&other, "x").await), "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn what_is_about_nothing_is_refused() {
    let mut room = Room::new().await;
    assert_eq!(
        fields(room.write(&room.analyst, " ").await),
        ["provider_note.text"]
    );
    room.incident = room.incident.replace("incidents/0", "incidents/1");
    assert_eq!(reason(room.write(&room.analyst, "x").await), "NOT_FOUND");
    assert_eq!(reason(room.list(&room.analyst).await), "NOT_FOUND");
}
