//! Reports of months: signed with their clocks, kept once when the month is over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_courier::{Guard, GuardConfig};
use cordon_fixtures::Receiver;
use cordon_kernel::db::jobs::{JobRunner, Lane, REPORTS};
use cordon_lake::shelf::Shelf;
use cordon_proto::incidents::notices_service_server::NoticesService as _;
use cordon_sla::objective::BasisPoints;
use cordon_sla::report::{ClockLines, Report};
use tokio_stream::StreamExt as _;
use wire::generate_report_response::Part;

use super::*;
use crate::providers::courier::{Courier, Pace};
use crate::rooms::incidents::notices::{NoticesRpc, deliver};
use crate::rooms::sla::keep_reports;

impl Room {
    /// The report of a month, after its digest was compared with the lines.
    async fn report(&self, period: &str) -> (Report, Vec<u8>) {
        let request = wire::GenerateReportRequest {
            parent: "tenants/acme".into(),
            period: period.into(),
        };
        let feed = call!(self, &self.responder, sla.generate_report(request));
        let mut feed = feed.unwrap();
        let (mut lines, mut statement) = (Vec::new(), None);
        while let Some(message) = feed.next().await {
            assert_eq!(statement, None, "the statement comes last");
            match message.unwrap().part.unwrap() {
                Part::Clocks(some) => lines.extend(some),
                Part::Statement(signed) => statement = Some(signed),
            }
        }
        let envelope: serde_json::Value = serde_json::from_slice(&statement.unwrap()).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
        let statement: serde_json::Value = serde_json::from_slice(&payload.unwrap()).unwrap();
        let report: Report = serde_json::from_value(statement["predicate"].clone()).unwrap();
        let mut digest = ClockLines::default();
        digest.take(&lines);
        let digest = digest.finish();
        let subject = &statement["subject"][0];
        assert_eq!(subject["name"], format!("tenants/acme/reports/{period}"));
        assert_eq!(subject["digest"]["sha256"], digest.sha256);
        assert_eq!(report.clocks.as_ref(), Some(&digest));
        (report, lines)
    }

    /// Does the job, if it is due; when it wants to come again.
    async fn keep(&self, runner: &JobRunner, shelf: &Shelf) -> Option<jiff::Timestamp> {
        let db = self.world.kernel.db();
        let lease = SignedDuration::from_mins(1);
        let claims = db.claim_jobs(runner, Lane::Bulk, lease, 10).await.unwrap();
        let claim = claims.into_iter().find(|claim| claim.job() == REPORTS)?;
        let next = keep_reports(&self.world.kernel, Some(shelf), &claim)
            .await
            .unwrap();
        db.job_again(claim, next.unwrap()).await.unwrap();
        next
    }

    async fn kept(&self, period: &str) -> Vec<Report> {
        let reporter = self.world.member("", "sla-reporter").await;
        let request = wire::ExportReportsRequest {
            period: period.into(),
        };
        let feed = call!(self, &reporter, sla.export_reports(request));
        let (mut feed, mut lines) = (feed.unwrap(), Vec::new());
        while let Some(message) = feed.next().await {
            lines.extend(message.unwrap().reports);
        }
        let lines = lines.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

/// The report of a file with its clocks, after its digest was compared with them.
fn of_document(document: &[u8]) -> Report {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    let mut digest = ClockLines::default();
    for clock in document["clocks"].as_array().unwrap() {
        digest.take(format!("{clock}\n").as_bytes());
    }
    let payload = document["statement"]["payload"].as_str().unwrap();
    let statement: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap();
    let mut report: Report = serde_json::from_value(statement["predicate"].clone()).unwrap();
    assert_eq!(report.clocks.take(), Some(digest.finish()));
    report
}

#[tokio::test]
async fn a_month_is_reported_as_it_was_decided_and_kept_once() {
    let room = Room::new().await;
    room.world
        .clock
        .set("2026-01-02T09:00:00Z".parse().unwrap());
    let room = room.later(SignedDuration::ZERO).await;
    let runner = room.world.kernel.job_runner().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::local(dir.path()).unwrap();
    room.agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    assert!(room.keep(&runner, &shelf).await.is_some());
    let made = call!(room, &room.responder, incidents.create_incident(opening()));
    let name = made.unwrap().incident.unwrap().name;
    let (report, lines) = room.report("2026-01").await;
    assert_eq!((report.complete, lines.len()), (false, 0));
    assert_eq!(report.overall.attained, None);

    // Noted too late.
    let room = room.later(SignedDuration::from_mins(20)).await;
    let note = inc::AcknowledgeIncidentRequest {
        name: name.clone(),
        ..Default::default()
    };
    call!(room, &room.analyst, incidents.acknowledge_incident(note)).unwrap();
    let (report, lines) = room.report("2026-01").await;
    assert_eq!((report.overall.met, report.overall.breached), (0, 1));
    assert_eq!(report.breaches[0].entries, [1, 2]);
    assert_eq!(report.breaches[0].spent, SignedDuration::from_mins(20));
    assert_eq!(lines.split(|byte| *byte == b'\n').count(), 2);

    // Before the month has settled nothing is final.
    room.world
        .clock
        .set("2026-02-01T00:30:00Z".parse().unwrap());
    let room = room.later(SignedDuration::ZERO).await;
    let next = room.keep(&runner, &shelf).await.unwrap();
    let settled: jiff::Timestamp = "2026-02-01T01:00:00Z".parse().unwrap();
    assert!((settled..settled + SignedDuration::from_hours(1)).contains(&next));
    let so_far = room.kept("2026-01").await;
    assert!(so_far.iter().all(|report| !report.complete));
    let shelved = dir.path().join("acme/2026-01");
    assert!(!shelved.exists(), "what is not final is nobody's to find");
    room.world.clock.set(next);
    let room = room.later(SignedDuration::ZERO).await;
    room.keep(&runner, &shelf).await.unwrap();
    let kept = room.kept("2026-01").await;
    assert_eq!(kept.len(), 1, "globex has no agreement");
    assert!(kept[0].complete);
    // The month is over: the other clock was missed as well, on the Monday after.
    assert_eq!((kept[0].overall.met, kept[0].overall.breached), (0, 2));
    let (report, _) = room.report("2026-01").await;
    let without = Report {
        clocks: None,
        ..report
    };
    assert_eq!(without, kept[0], "whoever asks, and whenever");
    let document = std::fs::read(shelved.join("report.json")).unwrap();
    assert_eq!(of_document(&document), kept[0]);
    let page = std::fs::read_to_string(shelved.join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("2026-01"));

    // What happens later, or is done again, changes nothing of it.
    let close = inc::CloseIncidentRequest {
        name,
        code: inc::CloseCode::Accepted.into(),
        reason: "it is what it is".into(),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.close_incident(close)).unwrap();
    let room = room.later(SignedDuration::from_hours(24)).await;
    room.keep(&runner, &shelf).await.unwrap();
    assert_eq!(room.kept("2026-01").await, kept);
    let (again, _) = room.report("2026-01").await;
    assert_eq!(again.overall, kept[0].overall);
    assert_eq!(
        std::fs::read(shelved.join("report.json")).unwrap(),
        document
    );
    assert!(!dir.path().join("acme/2026-02").exists());
    let (february, _) = room.report("2026-02").await;
    assert_eq!(february.earlier.len(), 1);
    assert_eq!(february.earlier[0].attained(), Some(BasisPoints(0)));
    assert_eq!(february.overall.breached, 0, "counted in January");
}

#[tokio::test]
async fn who_may_not_have_a_report_is_refused() {
    let room = Room::new().await;
    let ask = |parent: &str, period: &str| wire::GenerateReportRequest {
        parent: parent.into(),
        period: period.into(),
    };
    let stranger = room.world.member("tenants/globex", "admin").await;
    let theirs = call!(
        room,
        &stranger,
        sla.generate_report(ask("tenants/acme", "2026-01"))
    );
    assert_eq!(reason(theirs.map(drop)), "PERMISSION_DENIED");
    for wrong in ["2026-13", "26-1", "", "2199-01"] {
        let refused = call!(
            room,
            &room.responder,
            sla.generate_report(ask("tenants/acme", wrong))
        );
        assert_eq!(fields(refused.map(drop)), ["period"], "{wrong}");
    }
    let all = wire::ExportReportsRequest {
        period: "2026-01".into(),
    };
    for actor in [&room.responder, &room.analyst] {
        let refused = call!(room, actor, sla.export_reports(all.clone()));
        assert_eq!(reason(refused.map(drop)), "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn the_service_measures_itself() {
    let room = Room::new().await;
    room.world
        .clock
        .set("2026-01-02T09:00:30Z".parse().unwrap());
    let room = room.later(SignedDuration::ZERO).await;
    let runner = room.world.kernel.job_runner().unwrap();
    let (report, _) = room.report("2026-01").await;
    assert_eq!((report.availability, report.freshness), (None, None));
    let db = room.world.kernel.db();
    // Ready at 09:00 (twice), not at 09:01 and 09:02, ready at 09:03.
    db.note_ready(&runner).await.unwrap();
    db.note_ready(&runner).await.unwrap();
    room.world.clock.advance(SignedDuration::from_mins(3));
    db.note_ready(&runner).await.unwrap();
    room.world.clock.advance(SignedDuration::from_mins(1));
    let waited = |tenant: &str, bucket, count| cordon_kernel::db::measures::Waited {
        tenant: tenant.parse().unwrap(),
        day: cordon_kernel::db::measures::day_of(room.world.kernel.env().now()),
        bucket,
        count,
    };
    let all = [
        waited("acme", 8, 50),
        waited("acme", 640, 50),
        waited("globex", 9_999, 70),
    ];
    db.note_waited(&runner, &all).await.unwrap();
    db.note_waited(&runner, &all).await.unwrap();
    let (report, _) = room.report("2026-01").await;
    let found = report.availability.unwrap();
    assert_eq!((found.available_minutes, found.total_minutes), (2, 4));
    assert_eq!(found.gaps.len(), 1);
    assert_eq!(found.gaps[0].from.to_string(), "2026-01-02T09:01:00Z");
    assert_eq!(found.gaps[0].to.to_string(), "2026-01-02T09:03:00Z");
    let fresh = report.freshness.unwrap();
    assert_eq!(fresh.count, 200);
    assert_eq!(fresh.p50, SignedDuration::from_millis(8));
    assert_eq!(fresh.p99, SignedDuration::from_millis(640));
    db.prune_measures(&runner, "2026-01-03T00:00:00Z".parse().unwrap())
        .await
        .unwrap();
    let (report, _) = room.report("2026-01").await;
    assert_eq!((report.availability, report.freshness), (None, None));
}

/// A way out to receivers on this machine.
fn courier() -> Courier {
    let guard = Guard::new(GuardConfig {
        allow: vec!["127.0.0.2/32".parse().unwrap()],
        plain_http: true,
        ..GuardConfig::default()
    });
    Courier {
        guard: guard.unwrap(),
        mailer: None,
        pace: Pace {
            first: SignedDuration::from_secs(10),
            longest: SignedDuration::from_hours(1),
            give_up: SignedDuration::from_hours(72),
        },
    }
}

#[tokio::test]
async fn that_a_report_is_final_is_told_once_to_whom_it_is_for() {
    let room = Room::new().await;
    room.world
        .clock
        .set("2026-01-02T09:00:00Z".parse().unwrap());
    let room = room.later(SignedDuration::ZERO).await;
    let runner = room.world.kernel.job_runner().unwrap();
    let courier = Arc::new(courier());
    let notices = NoticesRpc::new(Arc::clone(&room.world.kernel), Arc::clone(&courier));
    let desk = Desk { room, notices };
    desk.room
        .agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    let receiver = || Receiver::start("127.0.0.2", None);
    let (all, only, others, grave, far) =
        (receiver(), receiver(), receiver(), receiver(), receiver());
    let to = |receiver: &Receiver, kinds: &[&str]| inc::Subscription {
        target: Some(inc::subscription::Target::Webhook(inc::Webhook {
            url: format!("http://{}/hook", receiver.address()),
            ..Default::default()
        })),
        audience: inc::Audience::Organization.into(),
        kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
        ..Default::default()
    };
    desk.subscribe(to(&all, &[])).await;
    let name = desk.subscribe(to(&only, &["reported"])).await;
    desk.subscribe(to(&others, &["opened"])).await;
    desk.subscribe(inc::Subscription {
        severities: vec![inc::Severity::Sev1.into()],
        ..to(&grave, &[])
    })
    .await;
    desk.subscribe(inc::Subscription {
        audience: inc::Audience::Clients.into(),
        ..to(&far, &[])
    })
    .await;

    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::local(dir.path()).unwrap();
    desk.room.keep(&runner, &shelf).await.unwrap();
    desk.room
        .world
        .clock
        .set("2026-02-01T02:00:00Z".parse().unwrap());
    let desk = Desk {
        room: desk.room.later(SignedDuration::ZERO).await,
        ..desk
    };
    for _ in 0..2 {
        desk.room.keep(&runner, &shelf).await.unwrap();
        desk.send(&runner, &courier).await;
        desk.room
            .world
            .clock
            .advance(SignedDuration::from_hours(24));
    }
    for (receiver, expected) in [(&all, 1), (&only, 1), (&others, 0), (&grave, 0), (&far, 0)] {
        assert_eq!(receiver.received().len(), expected);
    }
    let event: serde_json::Value = serde_json::from_slice(&only.received()[0].body).unwrap();
    assert_eq!(event["type"], "cordon.sla.reported");
    assert_eq!(event["subject"], "tenants/acme/reports/2026-01");
    assert_eq!(
        event["data"],
        serde_json::json!({ "report": "tenants/acme/reports/2026-01", "month": "2026-01" })
    );
    let desk = Desk {
        room: desk.room.later(SignedDuration::ZERO).await,
        ..desk
    };
    let listed = desk.deliveries(&name).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].report, "tenants/acme/reports/2026-01");
    assert_eq!(listed[0].timeline_entry, "");
}

/// The room, and notices beside it.
struct Desk {
    room: Room,
    notices: NoticesRpc,
}

impl Desk {
    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.room.request(actor, message).await
    }

    async fn subscribe(&self, subscription: inc::Subscription) -> String {
        let admin = self.room.world.member("tenants/acme", "admin").await;
        let request = inc::CreateSubscriptionRequest {
            parent: "tenants/acme".into(),
            subscription: Some(subscription),
            request_id: String::new(),
        };
        let made = call!(self, &admin, notices.create_subscription(request));
        made.unwrap().subscription.unwrap().name
    }

    async fn deliveries(&self, parent: &str) -> Vec<inc::Delivery> {
        let request = inc::ListDeliveriesRequest {
            parent: parent.into(),
            ..Default::default()
        };
        let listed = call!(self, &self.room.responder, notices.list_deliveries(request));
        listed.unwrap().deliveries
    }

    /// Sends what waits.
    async fn send(&self, runner: &JobRunner, courier: &Courier) {
        let kernel = &self.room.world.kernel;
        let lease = SignedDuration::from_mins(1);
        let claims = kernel.db().claim_jobs(runner, Lane::Outside, lease, 10);
        for claim in claims.await.unwrap() {
            deliver(kernel, courier, &claim).await.unwrap();
            kernel.db().job_done(claim).await.unwrap();
        }
    }
}
