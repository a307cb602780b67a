//! The provider's incidents against a kernel on a temporary database.

use std::sync::Arc;

use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::provider_incidents_service_server::ProviderIncidentsService as _;
use jiff::SignedDuration;
use tonic::{Request, Status};
use wire::incident::State;
use wire::{CloseCode, Phase, Severity};

use super::super::IncidentsRpc;
use super::super::service::Service;
use super::ProviderIncidentsRpc;
use super::model::{Act, Kept};
use super::store;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};
use crate::transport::Caller;

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

struct Room {
    world: World,
    provider: ProviderIncidentsRpc,
    incidents: IncidentsRpc,
    /// Of the staff, with a reason to enter.
    analyst: Actor,
    /// One of each tenant's people.
    members: Vec<Actor>,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        let mut members = Vec::new();
        for tenant in TENANTS {
            world.tenant(tenant).await;
            members.push(world.member(&format!("tenants/{tenant}"), "admin").await);
        }
        Self {
            provider: ProviderIncidentsRpc::new(Arc::clone(&world.kernel)),
            incidents: IncidentsRpc::new(Arc::clone(&world.kernel)),
            analyst: world.member("", "analyst").await.entering(),
            members,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn open(&self, tenants: &[&str]) -> wire::ProviderIncident {
        let request = opening("A storage fault", tenants, "open");
        let made = call!(
            self,
            &self.analyst,
            provider.create_provider_incident(request)
        );
        made.unwrap().provider_incident.unwrap()
    }

    async fn notice(&self, name: &str, text: &str) -> Result<wire::ProviderIncident, Status> {
        let request = wire::PostProviderNoticeRequest {
            name: name.into(),
            text: text.into(),
            request_id: String::new(),
        };
        let said = call!(self, &self.analyst, provider.post_provider_notice(request));
        said.map(|said| said.provider_incident.unwrap())
    }

    async fn add(&self, name: &str, tenant: &str) -> Result<wire::ProviderIncident, Status> {
        let request = wire::AddProviderIncidentTenantsRequest {
            name: name.into(),
            tenants: vec![format!("tenants/{tenant}")],
            request_id: String::new(),
        };
        let added = call!(
            self,
            &self.analyst,
            provider.add_provider_incident_tenants(request)
        );
        added.map(|added| added.provider_incident.unwrap())
    }

    /// The incidents of the tenant at that place, with what was said about each.
    async fn seen(&self, at: usize) -> Vec<(wire::Incident, Vec<wire::Comment>)> {
        let member = &self.members[at];
        let list = wire::ListIncidentsRequest {
            parent: format!("tenants/{}", TENANTS[at]),
            ..Default::default()
        };
        let listed = call!(self, member, incidents.list_incidents(list)).unwrap();
        let mut seen = Vec::new();
        for incident in listed.incidents {
            let comments = wire::ListCommentsRequest {
                parent: incident.name.clone(),
                ..Default::default()
            };
            let comments = call!(self, member, incidents.list_comments(comments)).unwrap();
            seen.push((incident, comments.comments));
        }
        seen
    }

    /// What stands in a tenant's log.
    async fn log(&self, tenant: &str) -> String {
        let tenant = tenant.parse().unwrap();
        let kernel = &self.world.kernel;
        let caller = self.request(&self.analyst, ()).await.unwrap();
        let caller = Caller::of(&caller).unwrap();
        let action = cordon_kernel::Action::GetIncident;
        let (scope, _) = caller.tenant_scope(kernel, &tenant, action).await.unwrap();
        let log = kernel.db().audit_page(&scope, None, 100).await.unwrap();
        format!("{:?}", log.records)
    }
}

fn opening(title: &str, tenants: &[&str], request_id: &str) -> wire::CreateProviderIncidentRequest {
    wire::CreateProviderIncidentRequest {
        provider_incident: Some(wire::ProviderIncident {
            title: title.into(),
            description: "Reads in one zone fail.".into(),
            severity: Severity::Sev1.into(),
            ..Default::default()
        }),
        tenants: tenants.iter().map(|id| format!("tenants/{id}")).collect(),
        request_id: request_id.into(),
    }
}

#[tokio::test]
async fn each_tenant_has_a_child_of_its_own_and_the_common_notices() {
    let room = Room::new().await;
    let opened = room.open(&["acme", "globex"]).await;
    assert_eq!(opened.children.len(), 2);
    assert!(opened.children.iter().all(|child| child.complete));
    let again = room.open(&["acme", "globex"]).await;
    assert_eq!(again, opened, "the same call does nothing more");
    let said = room
        .notice(&opened.name, "Half of it is back.")
        .await
        .unwrap();
    assert_eq!(said.notices.len(), 1);
    for at in 0..2 {
        let seen = room.seen(at).await;
        let [(child, comments)] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        assert_eq!((child.number, child.title.as_str()), (1, "A storage fault"));
        assert!(child.provider_wide);
        assert_eq!(comments.len(), 1);
        assert!(comments[0].common);
        assert_eq!(comments[0].text, "Half of it is back.");
        // A common notice is nobody's to change.
        let change = wire::UpdateCommentRequest {
            comment: Some(wire::Comment {
                name: comments[0].name.clone(),
                text: "All of it is back.".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let changed = call!(room, &room.analyst, incidents.update_comment(change));
        assert_eq!(reason(changed), "FAILED_PRECONDITION");
        // Neither words nor ids tell of the other.
        let told = format!("{seen:?}{}", room.log(TENANTS[at]).await);
        let id = opened.name.rsplit('/').next().unwrap();
        for foreign in [TENANTS[1 - at], TENANTS[2], "providerIncident", id] {
            assert!(
                !told.contains(foreign),
                "{} reads {foreign}: {told}",
                TENANTS[at]
            );
        }
        assert!(
            told.contains("customer asked in INC-7"),
            "why staff came in"
        );
    }
    assert!(room.seen(2).await.is_empty());
}

#[tokio::test]
async fn who_is_added_later_gets_what_was_said_and_closing_is_for_all() {
    let room = Room::new().await;
    let opened = room.open(&["acme"]).await;
    for text in ["first", "second"] {
        room.notice(&opened.name, text).await.unwrap();
    }
    // Acme's own child goes its own way meanwhile.
    let acme = room.seen(0).await.remove(0).0;
    for phase in [Phase::Containment, Phase::Eradication] {
        let on = wire::MoveIncidentRequest {
            name: acme.name.clone(),
            phase: phase.into(),
            ..Default::default()
        };
        call!(room, &room.members[0], incidents.move_incident(on)).unwrap();
    }
    room.add(&opened.name, "globex").await.unwrap();
    room.add(&opened.name, "globex").await.unwrap();
    let seen = room.seen(1).await;
    let texts: Vec<_> = seen[0].1.iter().map(|one| one.text.as_str()).collect();
    assert_eq!((seen.len(), texts), (1, vec!["first", "second"]));
    // The tenant's log is as if it had been concerned from the beginning.
    let log = room.log("globex").await;
    assert!(!log.contains("AddProviderIncidentTenants"), "{log}");

    let close = |code: CloseCode, request_id: &str| wire::CloseProviderIncidentRequest {
        name: opened.name.clone(),
        code: code.into(),
        reason: "The fault is repaired.".into(),
        request_id: request_id.into(),
    };
    let closed = call!(
        room,
        &room.analyst,
        provider.close_provider_incident(close(CloseCode::Accepted, "c"))
    );
    let closed = closed.unwrap().provider_incident.unwrap();
    assert_eq!(closed.state(), State::Closed);
    let again = call!(
        room,
        &room.analyst,
        provider.close_provider_incident(close(CloseCode::Accepted, "c"))
    );
    assert_eq!(again.unwrap().provider_incident.unwrap(), closed);
    for at in 0..2 {
        let (child, comments) = room.seen(at).await.remove(0);
        assert_eq!(
            (child.state(), child.close_code()),
            (State::Closed, CloseCode::Accepted)
        );
        assert_eq!(comments.last().unwrap().text, "The fault is repaired.");
        assert_eq!(comments.len(), 3);
    }
    let late = room.notice(&opened.name, "late").await;
    assert_eq!(reason(late), "FAILED_PRECONDITION");
    let late = room.add(&opened.name, "initech").await;
    assert_eq!(reason(late), "FAILED_PRECONDITION");
}

#[tokio::test]
async fn closing_as_resolved_leaves_children_that_are_still_on_their_way() {
    let room = Room::new().await;
    let opened = room.open(&["acme"]).await;
    let close = wire::CloseProviderIncidentRequest {
        name: opened.name.clone(),
        code: CloseCode::Resolved.into(),
        reason: "Done on our side.".into(),
        request_id: String::new(),
    };
    let closed = call!(room, &room.analyst, provider.close_provider_incident(close));
    let closed = closed.unwrap().provider_incident.unwrap();
    assert_eq!(closed.children[0].state(), State::Open);
    assert!(closed.children[0].complete);
    let (child, comments) = room.seen(0).await.remove(0);
    assert_eq!((child.state(), comments.len()), (State::Open, 1));
}

/// The process ends after one tenant's transaction, before anybody noted it.
#[tokio::test]
async fn what_was_broken_off_is_finished_and_nothing_is_done_twice() {
    let room = Room::new().await;
    let opened = room.open(&["acme", "globex", "initech"]).await;
    let id = uuid::Uuid::try_parse(opened.name.rsplit('/').next().unwrap()).unwrap();
    let kernel = Arc::clone(&room.world.kernel);
    let request = room.request(&room.analyst, ()).await.unwrap();
    let caller = Caller::of(&request).unwrap();
    let action = cordon_kernel::Action::PostProviderNotice;
    let (scope, permit) = caller.provider_scope(&kernel, action).await.unwrap();
    let text = "Reads work again.".to_owned();
    let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
    let act = Act::Noticed { text };
    let now = kernel.env().now();
    store::add_act(tx.conn(), id, "analyst", &act, now)
        .await
        .unwrap();
    tx.commit(cordon_kernel::AuditEntry::new(&permit))
        .await
        .unwrap();
    let service = Service {
        kernel: Arc::clone(&kernel),
    };
    let entry = caller.entry().unwrap().unwrap();
    let kept = Kept {
        number: 2,
        time: now,
        by: "analyst".into(),
        act,
    };
    let globex = "globex".parse().unwrap();
    let delivered = service.deliver_act(&caller, &entry, &globex, id, &kept);
    delivered.await.unwrap();
    let counts = |seen: &[(wire::Incident, Vec<wire::Comment>)]| {
        (
            seen.len(),
            seen.iter().map(|(_, said)| said.len()).sum::<usize>(),
        )
    };
    assert_eq!(counts(&room.seen(0).await), (1, 0));
    assert_eq!(counts(&room.seen(1).await), (1, 1));

    let get = wire::GetProviderIncidentRequest {
        name: opened.name.clone(),
    };
    let half = call!(room, &room.analyst, provider.get_provider_incident(get));
    let half = half.unwrap().provider_incident.unwrap();
    assert!(half.children.iter().all(|child| !child.complete));
    let resume = wire::ResumeProviderIncidentRequest {
        name: opened.name.clone(),
    };
    for _ in 0..2 {
        let whole = call!(
            room,
            &room.analyst,
            provider.resume_provider_incident(resume.clone())
        );
        let whole = whole.unwrap().provider_incident.unwrap();
        assert!(whole.children.iter().all(|child| child.complete));
        for (at, tenant) in TENANTS.iter().enumerate().take(3) {
            assert_eq!(counts(&room.seen(at).await), (1, 1), "{tenant}");
        }
    }
}

#[tokio::test]
async fn words_that_name_a_customer_are_refused_and_so_is_who_does_not_say_why() {
    let room = Room::new().await;
    let named = opening("A fault at Globex", &["acme"], "");
    let named = call!(
        room,
        &room.analyst,
        provider.create_provider_incident(named)
    );
    assert_eq!(fields(named), ["provider_incident.title"]);
    let opened = room.open(&["acme"]).await;
    let named = room.notice(&opened.name, "it began with initech.").await;
    assert_eq!(fields(named), ["text"]);
    let nowhere = opening("A fault", &["nowhere"], "");
    let nowhere = call!(
        room,
        &room.analyst,
        provider.create_provider_incident(nowhere)
    );
    assert_eq!(reason(nowhere), "NOT_FOUND");
    let silent = room.world.member("", "analyst").await;
    let silent = call!(
        room,
        &silent,
        provider.create_provider_incident(opening("A fault", &["acme"], ""))
    );
    assert_eq!(fields(silent), ["justification"]);
    for role in ["operator", "auditor"] {
        let other = room.world.member("", role).await.entering();
        let refused = call!(
            room,
            &other,
            provider.create_provider_incident(opening("A fault", &["acme"], ""))
        );
        assert_eq!(reason(refused), "PERMISSION_DENIED");
        let list = wire::ListProviderIncidentsRequest::default();
        let listed = call!(room, &other, provider.list_provider_incidents(list)).unwrap();
        assert_eq!(listed.provider_incidents.len(), 1);
        assert!(listed.provider_incidents[0].children.is_empty());
    }
    let get = wire::GetProviderIncidentRequest {
        name: opened.name.clone(),
    };
    let refused = call!(room, &room.members[0], provider.get_provider_incident(get));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let used = opening("Another fault", &["acme"], "open");
    let used = call!(room, &room.analyst, provider.create_provider_incident(used));
    assert_eq!(reason(used), "ALREADY_EXISTS");
}

#[tokio::test]
async fn a_calls_name_is_remembered_for_a_day() {
    let mut room = Room::new().await;
    let mut opened = Vec::new();
    for hours in [0, 23, 2] {
        room.world.clock.advance(SignedDuration::from_hours(hours));
        room.analyst = room.world.with_token(&room.analyst).await;
        opened.push(room.open(&["acme"]).await.name);
    }
    assert_eq!(opened[0], opened[1]);
    assert_ne!(opened[0], opened[2]);
}
