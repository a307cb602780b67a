//! The room against a kernel and a lake in a temporary folder: everything but the network is real.

use std::sync::Arc;

use cordon_kernel::Action;
use cordon_lake::{Lake, LakeConfig};
use cordon_proto::catalogue as cat;
use cordon_proto::catalogue::catalogue_service_server::CatalogueService as _;
use cordon_proto::detection as det;
use cordon_proto::detection::rules_service_server::RulesService as _;
use cordon_proto::incidents as inc;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::readiness as wire;
use cordon_proto::readiness::readiness_service_server::ReadinessService as _;
use cordon_proto::sla;
use cordon_proto::sla::sla_service_server::SlaService as _;
use cordon_views::SourceType;
use jiff::SignedDuration;
use serde_json::json;
use tonic::{Request, Status};
use wire::ReadinessCheck as Check;
use wire::readiness_item::State;

use super::ReadinessRpc;
use crate::rooms::events::{Directory, Ingest};
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::tenants::tests::{Actor, World, call, reason};
use crate::rooms::{catalogue, detection, sla as promises};
use crate::transport::Caller;

struct Room {
    world: World,
    ingest: Ingest,
    readiness: ReadinessRpc,
    catalogue: catalogue::CatalogueRpc,
    rules: detection::RulesRpc,
    incidents: IncidentsRpc,
    sla: promises::SlaRpc,
    responder: Actor,
    _folder: tempfile::TempDir,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        world.source("trail").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = cordon_lake::object::Objects::local(folder.path()).unwrap();
        let kernel = || Arc::clone(&world.kernel);
        let lake = Lake::new(kernel(), objects, LakeConfig::default()).unwrap();
        let lake = Arc::new(lake);
        Self {
            ingest: Ingest::new(kernel(), Arc::new(Directory::default())),
            readiness: ReadinessRpc::new(kernel(), Arc::clone(&lake)),
            catalogue: catalogue::CatalogueRpc::new(kernel(), Arc::clone(&lake)),
            rules: detection::RulesRpc::new(kernel(), lake),
            incidents: IncidentsRpc::new(kernel()),
            sla: promises::SlaRpc::new(kernel()),
            responder: world.member("tenants/acme", "responder").await,
            _folder: folder,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn later(&mut self, by: SignedDuration) {
        self.world.clock.advance(by);
        self.world.operator = self.world.with_token(&self.world.operator).await;
        self.responder = self.world.with_token(&self.responder).await;
    }

    async fn check(&self) -> Vec<wire::ReadinessItem> {
        let request = wire::CheckReadinessRequest {
            parent: "tenants/acme".into(),
        };
        let found = call!(self, &self.responder, readiness.check_readiness(request));
        found.unwrap().items
    }

    async fn uses(&self, tenant: &str, service: &str, sources: &[&str]) {
        let sources = sources.iter().map(|kind| cat::ServiceSource {
            source_type: (*kind).to_owned(),
            access: cat::Access::Direct.into(),
        });
        let request = cat::CreateServiceRequest {
            parent: format!("tenants/{tenant}"),
            service_id: service.to_owned(),
            service: Some(cat::Service {
                service_model: cat::ServiceModel::Iaas.into(),
                sources: sources.collect(),
                ..Default::default()
            }),
        };
        let made = call!(
            self,
            &self.world.operator,
            catalogue.create_service(request)
        );
        made.unwrap();
    }

    async fn send(&self, account: &str) {
        let request = self.request(&self.world.operator, ()).await.unwrap();
        let source = "trail".parse().unwrap();
        let (scope, _) = Caller::of(&request)
            .unwrap()
            .ingest_scope(&self.world.kernel, &source, Action::IngestEvents)
            .await
            .unwrap();
        let record = json!({
            "eventVersion": "1.08",
            "userIdentity": { "type": "IAMUser", "accountId": account, "userName": "ana" },
            "eventTime": "2025-12-31T23:59:00Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "eventID": format!("e-{account}"),
            "recipientAccountId": account,
        });
        let batch = crate::rooms::events::testing::batch(
            format!("b-{account}"),
            SourceType::AwsCloudTrail,
            vec![record.to_string().into()],
        );
        assert_eq!(self.ingest.store(&scope, batch).await.unwrap().rejected, 0);
    }

    async fn agree(&self, agreement: sla::Agreement) {
        let request = sla::CreateAgreementRequest {
            parent: "tenants/acme".into(),
            agreement: Some(agreement),
            ..Default::default()
        };
        call!(self, &self.world.operator, sla.create_agreement(request)).unwrap();
    }
}

fn contact(id: &str, party: inc::Party) -> inc::Contact {
    inc::Contact {
        id: id.into(),
        party: party.into(),
        name: "Desk".into(),
        phone: "+49 30 000000".into(),
        hours: "always".into(),
        ..Default::default()
    }
}

/// An agreement with all that is looked for.
fn agreement() -> sla::Agreement {
    let minutes = |minutes: i64| {
        Some(prost_types::Duration {
            seconds: minutes * 60,
            nanos: 0,
        })
    };
    sla::Agreement {
        valid_from: Some(prost_types::Timestamp {
            seconds: 1_767_225_600,
            nanos: 0,
        }),
        calendars: vec![sla::Calendar {
            name: "always".into(),
            open: Some(sla::calendar::Open::Always(sla::AlwaysOpen {})),
        }],
        objectives: vec![sla::Objective {
            kind: sla::ObjectiveKind::Acknowledge.into(),
            severity: inc::Severity::Sev1.into(),
            within: minutes(15),
            calendar: "always".into(),
        }],
        contacts: vec![
            contact("ours", inc::Party::Customer),
            contact("theirs", inc::Party::Provider),
        ],
        escalations: vec![inc::Escalation {
            party: inc::Party::Provider.into(),
            after: minutes(30),
            hours: "always".into(),
            contact: "theirs".into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn states(items: &[wire::ReadinessItem]) -> Vec<(Check, State)> {
    items
        .iter()
        .map(|item| (item.check(), item.state()))
        .collect()
}

#[tokio::test]
async fn a_new_tenant_is_told_all_that_is_to_be_done() {
    let room = Room::new().await;
    // What another has in place changes nothing.
    room.world.account("globex", "aws:222222222222").await;
    room.uses("globex", "compute", &["aws.cloudtrail"]).await;
    room.send("222222222222").await;
    let items = room.check().await;
    assert_eq!(
        states(&items),
        [
            (Check::Accounts, State::Attention),
            (Check::Logging, State::Unknown),
            (Check::Agreement, State::Attention),
            (Check::Contacts, State::Attention),
            (Check::Rules, State::Attention),
            (Check::Context, State::Ok),
            (Check::Containment, State::Unknown),
            (Check::Exercise, State::Attention),
        ]
    );
    for item in &items {
        assert!(
            !item.reason.is_empty() && !item.action.is_empty(),
            "{item:?}"
        );
        assert_eq!(item.subject, "");
    }
}

#[tokio::test]
async fn what_is_in_place_is_seen_and_wears_off() {
    let mut room = Room::new().await;
    room.world.account("acme", "aws:111111111111").await;
    room.uses("acme", "compute", &["aws.cloudtrail"]).await;
    room.uses("acme", "network", &["aws.cloudtrail", "aws.vpcflow"])
        .await;
    room.send("111111111111").await;
    room.agree(agreement()).await;
    let rule = det::CreateRuleRequest {
        parent: "tenants/acme".into(),
        rule: Some(det::Rule {
            text: "title: Reads\nlogsource:\n    product: aws\n    service: cloudtrail\n\
                detection:\n    s:\n        eventName: GetObject\n    condition: s\n"
                .into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    call!(room, &room.responder, rules.create_rule(rule)).unwrap();
    let drill = inc::CreateIncidentRequest {
        parent: "tenants/acme".into(),
        incident: Some(inc::Incident {
            title: "A drill".into(),
            severity: inc::Severity::Sev3.into(),
            exercise: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.create_incident(drill)).unwrap();
    let items = room.check().await;
    assert_eq!(
        states(&items),
        [
            (Check::Accounts, State::Ok),
            (Check::Logging, State::Ok),
            (Check::Logging, State::Attention),
            (Check::Agreement, State::Ok),
            (Check::Contacts, State::Ok),
            (Check::Rules, State::Ok),
            (Check::Context, State::Ok),
            (Check::Containment, State::Unknown),
            (Check::Exercise, State::Ok),
        ]
    );
    assert_eq!(items[1].subject, "tenants/acme/services/compute");
    assert!(items[2].reason.contains("no event of aws.vpcflow"));
    assert!(items[2].action.contains("aws.vpcflow is switched on"));
    assert!(items[1].action.is_empty());

    // Eight days later nothing came.
    room.later(SignedDuration::from_hours(8 * 24)).await;
    let states = states(&room.check().await);
    assert!(states.contains(&(Check::Exercise, State::Ok)));
    assert!(!states.contains(&(Check::Logging, State::Ok)));
    assert!(states.contains(&(Check::Agreement, State::Ok)));
}

#[tokio::test]
async fn an_agreement_that_lacks_people_or_ends_soon_is_told() {
    let room = Room::new().await;
    let whole = agreement();
    room.agree(sla::Agreement {
        valid_to: Some(prost_types::Timestamp {
            seconds: 1_767_225_600 + 20 * 86_400,
            nanos: 0,
        }),
        contacts: vec![contact("theirs", inc::Party::Provider)],
        ..whole
    })
    .await;
    let items = room.check().await;
    let of = |check| items.iter().find(|item| item.check() == check).unwrap();
    assert!(of(Check::Agreement).reason.contains("ends at 2026-01-21"));
    let people = of(Check::Contacts);
    assert_eq!(people.state(), State::Attention);
    assert!(
        people.reason.ends_with("has no contacts of yours"),
        "{}",
        people.reason
    );
}

#[tokio::test]
async fn only_ones_own_readiness_is_told() {
    let room = Room::new().await;
    let ask = |tenant: &str| wire::CheckReadinessRequest {
        parent: format!("tenants/{tenant}"),
    };
    let foreign = call!(
        room,
        &room.responder,
        readiness.check_readiness(ask("globex"))
    );
    assert_eq!(reason(foreign), "PERMISSION_DENIED");
    let outside = room.world.member("", "analyst").await;
    let refused = call!(room, &outside, readiness.check_readiness(ask("acme")));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let entered = call!(
        room,
        &outside.entering(),
        readiness.check_readiness(ask("acme"))
    );
    assert_eq!(entered.unwrap().items.len(), 8);
}
