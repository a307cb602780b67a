//! The room against a kernel on a temporary database: everything but the network is real.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_pages::incident::IncidentReport;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::tasks_service_server::TasksService as _;
use cordon_proto::incidents::{self as inc, Responsible, Severity};
use cordon_proto::reports as wire;
use cordon_proto::reports::reports_service_server::ReportsService as _;
use ring::digest::{SHA256, digest};
use tokio_stream::StreamExt as _;
use tonic::{Request, Status};

use super::ReportsRpc;
use super::service::Service;
use crate::rooms::incidents::{IncidentsRpc, TasksRpc};
use crate::rooms::tenants::tests::{Actor, World, call, reason};

struct Room {
    world: World,
    reports: ReportsRpc,
    incidents: IncidentsRpc,
    tasks: TasksRpc,
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
            reports: ReportsRpc(Service::new(Arc::clone(&kernel))),
            incidents: IncidentsRpc::new(Arc::clone(&kernel)),
            tasks: TasksRpc::new(kernel),
            responder: world.member("tenants/acme", "responder").await,
            analyst: world.member("", "analyst").await.entering(),
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn open(&self, title: &str) -> String {
        let request = inc::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(inc::Incident {
                title: title.into(),
                severity: Severity::Sev2.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, &self.responder, incidents.create_incident(request));
        made.unwrap().incident.unwrap().name
    }

    async fn say(&self, actor: &Actor, incident: &str, text: &str) {
        let request = inc::CreateCommentRequest {
            parent: incident.into(),
            comment: Some(inc::Comment {
                text: text.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        call!(self, actor, incidents.create_comment(request)).unwrap();
    }

    async fn learn(&self, incident: &str, text: &str) {
        let request = inc::CreateTaskRequest {
            parent: incident.into(),
            task: Some(inc::Task {
                kind: cordon_pages::incident::LESSON.into(),
                title: text.into(),
                responsible: Responsible::Customer.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        call!(self, &self.responder, tasks.create_task(request)).unwrap();
    }

    async fn report(&self, actor: &Actor, name: &str) -> Result<serde_json::Value, Status> {
        let request = wire::GenerateIncidentReportRequest { name: name.into() };
        let mut feed = call!(self, actor, reports.generate_incident_report(request))?;
        let mut envelope = Vec::new();
        while let Some(part) = feed.next().await {
            envelope.extend(part?.statement);
        }
        let envelope: serde_json::Value = serde_json::from_slice(&envelope).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
        Ok(serde_json::from_slice(&payload.unwrap()).unwrap())
    }
}

#[tokio::test]
async fn both_sides_get_the_same_report_of_all_that_they_can_read() {
    let room = Room::new().await;
    let other = room.open("Another one").await;
    let name = room.open("Keys in a public repository").await;
    room.say(&room.responder, &other, "not of this one").await;
    for number in 0..250 {
        let by = [&room.responder, &room.analyst][number % 2];
        room.say(by, &name, &format!("said {number}")).await;
    }
    room.learn(&name, "Scan repositories before they are public")
        .await;
    let statement = room.report(&room.responder, &name).await.unwrap();
    assert_eq!(statement, room.report(&room.analyst, &name).await.unwrap());
    assert_eq!(
        statement["predicateType"],
        cordon_pages::incident::PREDICATE_TYPE
    );
    assert_eq!(statement["subject"][0]["name"], name.as_str());
    let json = serde_json::to_vec(&statement["predicate"]).unwrap();
    assert_eq!(
        statement["subject"][0]["digest"]["sha256"],
        hex::encode(digest(&SHA256, &json))
    );
    let report: IncidentReport = serde_json::from_slice(&json).unwrap();
    assert_eq!((report.tenant.as_str(), report.number), ("acme", 2));
    assert_eq!(report.title, "Keys in a public repository");
    // More than are read at a time. All were said at one moment.
    let said: BTreeSet<_> = report.comments.iter().map(|one| &*one.text).collect();
    assert_eq!((report.comments.len(), said.len()), (250, 250));
    assert!(said.contains("said 0") && said.contains("said 249"));
    assert_eq!(report.timeline.len(), 252);
    assert_eq!(
        report.lessons[0].text,
        "Scan repositories before they are public"
    );
    assert!(!String::from_utf8(json).unwrap().contains("not of this one"));
}

#[tokio::test]
async fn nobody_else_gets_one() {
    let room = Room::new().await;
    let name = room.open("Keys in a public repository").await;
    let stranger = room.world.member("tenants/globex", "admin").await;
    let outside = room.world.member("", "analyst").await;
    assert_eq!(
        reason(room.report(&stranger, &name).await),
        "PERMISSION_DENIED"
    );
    assert_eq!(
        reason(room.report(&outside, &name).await),
        "PERMISSION_DENIED"
    );
    let none = "tenants/acme/incidents/01934f5e-7c1a-7abc-8def-0123456789ab";
    assert_eq!(
        reason(room.report(&room.responder, none).await),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn a_tenant_has_two_made_at_a_time() {
    let room = Room::new().await;
    let name = room.open("Keys in a public repository").await;
    let ask = || wire::GenerateIncidentReportRequest { name: name.clone() };
    let mut open = Vec::new();
    // More than is under way to a reader who reads nothing.
    for _ in 0..250 {
        let text = "long".repeat(10_000 / 4);
        room.say(&room.responder, &name, &text).await;
    }
    for _ in 0..2 {
        let feed = call!(
            room,
            &room.responder,
            reports.generate_incident_report(ask())
        );
        open.push(feed.unwrap());
    }
    let third = call!(
        room,
        &room.responder,
        reports.generate_incident_report(ask())
    );
    assert_eq!(reason(third.map(drop)), "QUOTA_EXCEEDED");
    // Whoever has read one to its end makes room.
    while open[0].next().await.is_some() {}
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while room.report(&room.responder, &name).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}
