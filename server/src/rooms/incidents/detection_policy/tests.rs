//! The policy against a kernel and a lake in a temporary folder: rules find, the job opens.

use std::sync::Arc;

use cordon_kernel::Action;
use cordon_kernel::db::jobs::{DETECT, ESCALATE, JobClaim, JobRunner, Lane};
use cordon_lake::{Lake, LakeConfig};
use cordon_proto::context as told;
use cordon_proto::context::context_entry::About;
use cordon_proto::context::context_service_server::ContextService as _;
use cordon_proto::detection as found;
use cordon_proto::detection::findings_service_server::FindingsService as _;
use cordon_proto::detection::rules_service_server::RulesService as _;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::detection_policy_service_server::DetectionPolicyService as _;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::links_service_server::LinksService as _;
use cordon_views::SourceType;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tonic::{Request, Status};

use super::escalate;
use super::rpc::DetectionPolicyRpc;
use crate::rooms::context::ContextRpc;
use crate::rooms::detection::{self, FindingsRpc, RuleSets, RulesRpc};
use crate::rooms::events::{Directory, Ingest};
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::incidents::links::LinksRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};
use crate::transport::Caller;

struct Room {
    world: World,
    lake: Arc<Lake>,
    ingest: Ingest,
    runner: JobRunner,
    sets: RuleSets,
    rules: RulesRpc,
    findings: FindingsRpc,
    policy: DetectionPolicyRpc,
    incidents: IncidentsRpc,
    links: LinksRpc,
    responder: Actor,
    batches: u32,
    _folder: tempfile::TempDir,
}

/// Turns logging off.
const STOPPED: &str = "title: Logging stopped\nlogsource:\n    product: aws\n    service: cloudtrail\n\
    detection:\n    stop:\n        eventName: [StopLogging, DeleteTrail]\n    condition: stop\n\
    level: high\ntags:\n    - attack.t1562.008\n";

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        for (tenant, account) in [("acme", "aws:111111111111"), ("globex", "aws:222222222222")] {
            world.tenant(tenant).await;
            world.account(tenant, account).await;
        }
        world.source("trail").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = cordon_lake::object::Objects::local(folder.path()).unwrap();
        let kernel = || Arc::clone(&world.kernel);
        let lake = Arc::new(Lake::new(kernel(), objects, LakeConfig::default()).unwrap());
        Self {
            ingest: Ingest::new(kernel(), Arc::new(Directory::default())),
            runner: world.kernel.job_runner().unwrap(),
            sets: RuleSets::default(),
            rules: RulesRpc::new(kernel(), Arc::clone(&lake)),
            findings: FindingsRpc::new(kernel()),
            policy: DetectionPolicyRpc::new(kernel()),
            incidents: IncidentsRpc::new(kernel()),
            links: LinksRpc::new(kernel(), Arc::clone(&lake)),
            responder: world.member("tenants/acme", "responder").await,
            batches: 0,
            _folder: folder,
            lake,
            world,
        }
    }

    /// With a rule and a policy.
    async fn set(policy: wire::DetectionPolicy) -> Self {
        let room = Self::new().await;
        let request = found::CreateRuleRequest {
            parent: "tenants/acme".into(),
            rule: Some(found::Rule {
                text: STOPPED.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        call!(room, &room.responder, rules.create_rule(request)).unwrap();
        let paths = [
            "enabled",
            "min_level",
            "techniques",
            "max_incidents_per_hour",
        ];
        room.change(policy, &paths).await.unwrap();
        room
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn change(
        &self,
        policy: wire::DetectionPolicy,
        paths: &[&str],
    ) -> Result<wire::DetectionPolicy, Status> {
        let request = wire::UpdateDetectionPolicyRequest {
            detection_policy: Some(wire::DetectionPolicy {
                name: "tenants/acme/detectionPolicy".into(),
                ..policy
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            ..Default::default()
        };
        let changed = call!(
            self,
            &self.responder,
            policy.update_detection_policy(request)
        )?;
        Ok(changed.detection_policy.unwrap())
    }

    /// Stores calls, each by somebody, and looks at them.
    async fn send(&mut self, calls: &[(u32, &str)]) {
        let request = self.request(&self.world.operator, ()).await.unwrap();
        let source = "trail".parse().unwrap();
        let (scope, _) = Caller::of(&request)
            .unwrap()
            .ingest_scope(&self.world.kernel, &source, Action::IngestEvents)
            .await
            .unwrap();
        self.batches += 1;
        let batch = crate::rooms::events::testing::batch(
            format!("b{}", self.batches),
            SourceType::AwsCloudTrail,
            calls
                .iter()
                .map(|(id, who)| record(*id, who).to_string().into())
                .collect(),
        );
        assert_eq!(self.ingest.store(&scope, batch).await.unwrap().rejected, 0);
        while let Some(claim) = self.claim(Lane::Detection).await {
            assert_eq!(claim.job(), DETECT);
            let (kernel, db) = (&self.world.kernel, self.world.kernel.db());
            let more = detection::look(kernel, &self.lake, &self.sets, &claim).await;
            match more.unwrap() {
                None => db.job_done(claim).await.unwrap(),
                Some(due) => db.job_next(claim, due).await.unwrap(),
            }
        }
    }

    async fn claim(&self, lane: Lane) -> Option<JobClaim> {
        self.world.clock.advance(SignedDuration::from_secs(1));
        let lease = SignedDuration::from_secs(30);
        let db = self.world.kernel.db();
        loop {
            let claim = db
                .claim_jobs(&self.runner, lane, lease, 1)
                .await
                .unwrap()
                .pop()?;
            // Clocks are another room's.
            if lane == Lane::Prompt && claim.job() != ESCALATE {
                db.job_done(claim).await.unwrap();
                continue;
            }
            return Some(claim);
        }
    }

    /// Does what is due by the policy.
    async fn escalate(&self) {
        while let Some(claim) = self.claim(Lane::Prompt).await {
            let (kernel, db) = (&self.world.kernel, self.world.kernel.db());
            match escalate(kernel, &claim).await.unwrap() {
                None => db.job_done(claim).await.unwrap(),
                Some(due) => db.job_next(claim, due).await.unwrap(),
            }
        }
    }

    async fn incidents(&self) -> Vec<wire::Incident> {
        let request = wire::ListIncidentsRequest {
            parent: "tenants/acme".into(),
            page_size: 1_000,
            ..Default::default()
        };
        let listed = call!(self, &self.responder, incidents.list_incidents(request));
        let mut incidents = listed.unwrap().incidents;
        incidents.sort_by_key(|incident| incident.number);
        incidents
    }

    async fn found(&self) -> Vec<found::Finding> {
        let request = found::ListFindingsRequest {
            parent: "tenants/acme".into(),
            page_size: 1_000,
            ..Default::default()
        };
        let listed = call!(self, &self.responder, findings.list_findings(request));
        listed.unwrap().findings
    }

    async fn said(&self, incident: &str) -> Vec<String> {
        let request = wire::ListCommentsRequest {
            parent: incident.to_owned(),
            ..Default::default()
        };
        let listed = call!(self, &self.responder, incidents.list_comments(request));
        let comments = listed.unwrap().comments.into_iter();
        comments.map(|comment| comment.text).collect()
    }

    async fn linked(&self, incident: &str) -> Vec<String> {
        let request = wire::ListLinksRequest {
            parent: incident.to_owned(),
            page_size: 1_000,
            ..Default::default()
        };
        let listed = call!(self, &self.responder, links.list_links(request));
        let links = listed.unwrap().links.into_iter();
        links.map(|link| link.resource).collect()
    }

    async fn close(&self, incident: &str) {
        let request = wire::CloseIncidentRequest {
            name: incident.to_owned(),
            code: wire::CloseCode::FalsePositive.into(),
            reason: "our own test".into(),
            ..Default::default()
        };
        call!(self, &self.responder, incidents.close_incident(request)).unwrap();
    }
}

fn record(id: u32, who: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "accountId": "111111111111", "userName": who,
            "arn": format!("arn:aws:iam::111111111111:user/{who}"),
        },
        "eventTime": format!("2025-12-31T23:{:02}:{:02}Z", id / 60 % 60, id % 60),
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "eventID": format!("e{id}"),
        "recipientAccountId": "111111111111",
    })
}

fn high() -> wire::DetectionPolicy {
    wire::DetectionPolicy {
        enabled: true,
        min_level: found::Level::High.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_finding_opens_one_incident_and_goes_on_in_it() {
    let mut room = Room::set(high()).await;
    room.send(&[(1, "ana")]).await;
    room.escalate().await;
    let incidents = room.incidents().await;
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}");
    };
    assert_eq!(incident.title, "Logging stopped");
    assert_eq!(incident.severity(), wire::Severity::Sev2);
    assert!(incident.description.contains("user/ana"), "{incident:?}");
    let found = room.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].status(), found::FindingStatus::InProgress);
    assert_eq!(found[0].incident, incident.name);
    assert_eq!(room.linked(&incident.name).await, [found[0].name.clone()]);

    // More of the same: said when it has doubled, and no sooner.
    room.send(&[(2, "ana")]).await;
    room.escalate().await;
    room.send(&[(3, "ana")]).await;
    room.escalate().await;
    let said = room.said(&incident.name).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Events: 2"), "{said:?}");
    assert_eq!(room.incidents().await.len(), 1);

    // It is closed, and goes on nevertheless.
    room.close(&incident.name).await;
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 1);
    room.send(&[(4, "ana")]).await;
    room.escalate().await;
    let incidents = room.incidents().await;
    assert_eq!(incidents.len(), 2);
    assert_eq!(room.found().await[0].incident, incidents[1].name);
}

#[tokio::test]
async fn what_a_server_leaves_undone_is_done_once() {
    let mut room = Room::set(high()).await;
    room.send(&[(1, "ana"), (2, "bob")]).await;
    let hangs = room.claim(Lane::Prompt).await.unwrap();
    room.world.clock.advance(SignedDuration::from_secs(31));
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 2);
    room.send(&[(3, "eve")]).await;
    // It wakes up, and what it would do is another's by now.
    let late = escalate(&room.world.kernel, &hangs).await;
    assert_eq!(late.unwrap_err().reason().as_str(), "ETAG_MISMATCH");
    assert_eq!(room.incidents().await.len(), 2);
    room.escalate().await;
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 3);
}

#[tokio::test]
async fn what_is_beyond_the_most_of_an_hour_goes_to_one_more() {
    let mut room = Room::set(wire::DetectionPolicy {
        max_incidents_per_hour: 2,
        ..high()
    })
    .await;
    let names: Vec<String> = (0..40).map(|n| format!("u{n}")).collect();
    let calls: Vec<(u32, &str)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (u32::try_from(at).unwrap(), name.as_str()))
        .collect();
    room.send(&calls).await;
    room.escalate().await;
    let incidents = room.incidents().await;
    assert_eq!(incidents.len(), 3);
    let collecting = &incidents[2];
    assert_eq!(collecting.title, "More findings than 2 in an hour");
    assert_eq!(room.linked(&collecting.name).await.len(), 38);
    let found = room.found().await;
    assert_eq!(found.len(), 40);
    let there = found.iter().filter(|one| one.incident == collecting.name);
    assert_eq!(there.count(), 38);
    // An hour later there is room again.
    room.world.clock.advance(SignedDuration::from_hours(1));
    room.world.operator = room.world.with_token(&room.world.operator).await;
    room.responder = room.world.with_token(&room.responder).await;
    room.send(&[(50, "zoe")]).await;
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 4);
}

#[tokio::test]
async fn only_what_the_policy_names_opens_incidents() {
    let mut room = Room::set(wire::DetectionPolicy {
        enabled: true,
        min_level: found::Level::Critical.into(),
        ..Default::default()
    })
    .await;
    room.send(&[(1, "ana")]).await;
    room.escalate().await;
    assert_eq!(room.incidents().await, []);
    // What was found before is nothing for a policy that takes it now.
    let by_technique = wire::DetectionPolicy {
        techniques: vec!["t1562".into()],
        ..Default::default()
    };
    let policy = room.change(by_technique, &["techniques"]).await.unwrap();
    assert_eq!(policy.techniques, ["T1562"]);
    room.escalate().await;
    assert_eq!(room.incidents().await, []);
    room.send(&[(2, "bob")]).await;
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 1);
    // Somebody has looked at it first.
    room.send(&[(3, "eve")]).await;
    let found = room.found().await;
    let new = found
        .iter()
        .find(|one| one.status() == found::FindingStatus::New && one.actor.ends_with("eve"));
    let request = found::UpdateFindingRequest {
        name: new.unwrap().name.clone(),
        status: found::FindingStatus::Suppressed.into(),
        request_id: "once".into(),
        ..Default::default()
    };
    let first = call!(
        room,
        &room.responder,
        findings.update_finding(request.clone())
    )
    .unwrap();
    let again = call!(room, &room.responder, findings.update_finding(request)).unwrap();
    assert_eq!(first, again);
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 1);
    let off = wire::DetectionPolicy::default();
    room.change(off, &["enabled"]).await.unwrap();
    room.send(&[(4, "dan")]).await;
    room.escalate().await;
    assert_eq!(room.incidents().await.len(), 1);
}

#[tokio::test]
async fn a_policy_is_the_tenants_and_says_what_is_wrong_with_it() {
    let room = Room::new().await;
    let nothing = wire::DetectionPolicy {
        enabled: true,
        ..Default::default()
    };
    assert_eq!(
        reason(room.change(nothing.clone(), &["enabled"]).await),
        "FAILED_PRECONDITION"
    );
    let wrong = wire::DetectionPolicy {
        techniques: vec!["T15".into()],
        max_incidents_per_hour: 101,
        ..high()
    };
    let paths = ["techniques", "max_incidents_per_hour", "name"];
    assert_eq!(
        fields(room.change(wrong, &paths).await),
        [
            "detection_policy.techniques[0]",
            "detection_policy.max_incidents_per_hour",
            "update_mask"
        ]
    );
    let foreign = wire::DetectionPolicy {
        rules: vec!["tenants/globex/rules/01920000-0000-7000-8000-000000000001".into()],
        ..high()
    };
    assert_eq!(
        reason(room.change(foreign, &["rules"]).await),
        "PERMISSION_DENIED"
    );
    let set = room
        .change(high(), &["enabled", "min_level"])
        .await
        .unwrap();
    assert_eq!(set.max_incidents_per_hour, 10);
    let stale = wire::DetectionPolicy {
        etag: "other".into(),
        ..high()
    };
    assert_eq!(
        reason(room.change(stale, &["enabled"]).await),
        "ETAG_MISMATCH"
    );
    let request = wire::GetDetectionPolicyRequest {
        name: "tenants/acme/detectionPolicy".into(),
    };
    let got = call!(
        room,
        &room.responder,
        policy.get_detection_policy(request.clone())
    );
    assert_eq!(got.unwrap().detection_policy.unwrap(), set);
    let stranger = room.world.member("tenants/globex", "admin").await;
    let refused = call!(room, &stranger, policy.get_detection_policy(request));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let own = wire::GetDetectionPolicyRequest {
        name: "tenants/globex/detectionPolicy".into(),
    };
    let unset = call!(room, &stranger, policy.get_detection_policy(own)).unwrap();
    assert!(!unset.detection_policy.unwrap().enabled);
}

#[tokio::test]
async fn the_policy_goes_by_the_level_that_the_customers_context_leaves() {
    let mut room = Room::set(high()).await;
    let context = ContextRpc::new(Arc::clone(&room.world.kernel));
    let told = |name: &str, about| told::CreateContextEntryRequest {
        parent: "tenants/acme".into(),
        context_entry: Some(told::ContextEntry {
            display_name: name.into(),
            about: Some(about),
            ..Default::default()
        }),
        ..Default::default()
    };
    let office = About::TrustedNetwork(told::TrustedNetwork {
        cidrs: vec!["198.51.100.0/24".into()],
        expire_time: None,
    });
    let request = room.request(&room.responder, told("Office", office));
    context
        .create_context_entry(request.await.unwrap())
        .await
        .unwrap();
    room.send(&[(1, "ana")]).await;
    room.escalate().await;
    assert_eq!(room.found().await[0].level(), found::Level::Medium);
    assert_eq!(room.incidents().await, [], "it is lowered below the policy");
    // What it is about turns out to be a crown jewel.
    let account = About::Asset(told::Asset {
        identifiers: vec!["111111111111".into()],
        crown_jewel: true,
        ..Default::default()
    });
    let request = room.request(&room.responder, told("Main account", account));
    context
        .create_context_entry(request.await.unwrap())
        .await
        .unwrap();
    room.send(&[(2, "ana")]).await;
    room.escalate().await;
    let incidents = room.incidents().await;
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}");
    };
    assert_eq!(incident.severity(), wire::Severity::Sev1);
}
