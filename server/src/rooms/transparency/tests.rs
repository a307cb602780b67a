//! The logs as tenants and staff see them.

use std::sync::Arc;

use cordon_proto::transparency as wire;
use cordon_proto::transparency::transparency_service_server::TransparencyService as _;
use tonic::Status;

use super::TransparencyRpc;
use super::service::Service;
use crate::rooms::tenants::tests::{Actor, World, reason};

async fn ask(
    world: &World,
    actor: &Actor,
    request: wire::ListAuditEntriesRequest,
) -> Result<wire::ListAuditEntriesResponse, Status> {
    let rpc = TransparencyRpc(Service {
        kernel: Arc::clone(&world.kernel),
    });
    let request = world.request(actor, request).await?;
    rpc.list_audit_entries(request)
        .await
        .map(tonic::Response::into_inner)
}

fn list(parent: &str) -> wire::ListAuditEntriesRequest {
    wire::ListAuditEntriesRequest {
        parent: parent.into(),
        ..Default::default()
    }
}

async fn world() -> (World, Actor) {
    let world = World::new().await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let reader = world.member("tenants/acme", "reader").await;
    (world, reader)
}

#[tokio::test]
async fn list_is_oldest_first_and_chained() {
    let (world, reader) = world().await;
    let entries = ask(&world, &reader, list("tenants/acme"))
        .await
        .unwrap()
        .entries;
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["CreateTenant", "IssueCredential"]);
    let first = &entries[0];
    assert_eq!(
        (first.sequence, first.staff, first.actor.as_str()),
        (1, true, "root")
    );
    assert_eq!(
        (first.role.as_str(), first.resource.as_str()),
        ("operator", "tenants/acme")
    );
    assert_eq!(first.time.unwrap().seconds, 1_767_225_600);
    assert!(first.previous_hash.is_empty());
    for pair in entries.windows(2) {
        assert_eq!(pair[0].sequence + 1, pair[1].sequence);
        assert_eq!(pair[0].hash, pair[1].previous_hash);
    }
    assert!(entries.iter().all(|entry| entry.hash.len() == 32));
    let details: serde_json::Value = serde_json::from_str(&entries[1].details_json).unwrap();
    assert_eq!(details["role"], "reader");

    // Reading is an entry too, and its own: not staff's.
    let entries = ask(&world, &reader, list("tenants/acme"))
        .await
        .unwrap()
        .entries;
    let last = entries.last().unwrap();
    assert_eq!(
        (last.action.as_str(), last.staff),
        ("ListAuditEntries", false)
    );
    assert_eq!(last.actor, "reader of tenants/acme");
}

#[tokio::test]
async fn list_in_pages_ends_though_each_page_is_logged() {
    let (world, reader) = world().await;
    for _ in 0..5 {
        ask(&world, &reader, list("tenants/acme")).await.unwrap();
    }
    let mut sequences = Vec::new();
    let mut request = wire::ListAuditEntriesRequest {
        page_size: 2,
        ..list("tenants/acme")
    };
    loop {
        let page = ask(&world, &reader, request.clone()).await.unwrap();
        assert!(page.entries.len() <= 2);
        sequences.extend(page.entries.iter().map(|entry| entry.sequence));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sequences, (1..=7).collect::<Vec<_>>());
}

#[tokio::test]
async fn list_within_a_time() {
    let (world, reader) = world().await;
    world.clock.advance(jiff::SignedDuration::from_secs(10));
    ask(&world, &reader, list("tenants/acme")).await.unwrap();
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let within = |from, to| wire::ListAuditEntriesRequest {
        start_time: from,
        end_time: to,
        ..list("tenants/acme")
    };
    let since = ask(&world, &reader, within(at(1_767_225_601), None))
        .await
        .unwrap()
        .entries;
    assert_eq!(
        since.iter().map(|entry| entry.sequence).collect::<Vec<_>>(),
        [3]
    );
    let until = ask(&world, &reader, within(None, at(1_767_225_610)))
        .await
        .unwrap()
        .entries;
    assert_eq!(
        until.iter().map(|entry| entry.sequence).collect::<Vec<_>>(),
        [1, 2]
    );
    let none = ask(&world, &reader, within(at(1), at(2))).await.unwrap();
    assert!(none.entries.is_empty() && none.next_page_token.is_empty());
}

#[tokio::test]
async fn a_page_token_is_for_its_tenant_and_query() {
    let (world, reader) = world().await;
    let other = world.member("tenants/globex", "reader").await;
    let one = |parent: &str, token: &str| wire::ListAuditEntriesRequest {
        page_size: 1,
        page_token: token.into(),
        ..list(parent)
    };
    let token = ask(&world, &reader, one("tenants/acme", ""))
        .await
        .unwrap()
        .next_page_token;
    assert!(!token.is_empty());
    let stranger = ask(&world, &other, one("tenants/globex", &token)).await;
    assert_eq!(reason(stranger), "INVALID_PAGE_TOKEN");
    let mut query = one("tenants/acme", &token);
    query.start_time = Some(prost_types::Timestamp::default());
    assert_eq!(
        reason(ask(&world, &reader, query).await),
        "INVALID_PAGE_TOKEN"
    );
    let own = ask(
        &world,
        &world.operator,
        wire::ListAuditEntriesRequest {
            page_size: 1,
            ..list("")
        },
    )
    .await;
    let own = own.unwrap().next_page_token;
    assert!(ask(&world, &world.operator, one("", &own)).await.is_ok());
    assert_eq!(
        reason(ask(&world, &reader, one("tenants/acme", &own)).await),
        "INVALID_PAGE_TOKEN"
    );
    assert_eq!(
        reason(ask(&world, &world.operator, one("", &token)).await),
        "INVALID_PAGE_TOKEN"
    );
}

#[tokio::test]
async fn strangers_are_refused_and_auditors_enter() {
    let (world, reader) = world().await;
    for parent in ["tenants/globex", "tenants/nobody", ""] {
        assert_eq!(
            reason(ask(&world, &reader, list(parent)).await),
            "PERMISSION_DENIED",
            "{parent}"
        );
    }
    assert_eq!(
        reason(ask(&world, &reader, list("acme")).await),
        "INVALID_ARGUMENT"
    );
    let auditor = world.member("", "auditor").await;
    assert_eq!(
        reason(ask(&world, &auditor, list("tenants/acme")).await),
        "PERMISSION_DENIED"
    );
    assert_eq!(
        reason(ask(&world, &world.operator.entering(), list("tenants/acme")).await),
        "PERMISSION_DENIED"
    );
    let seen = ask(&world, &auditor.entering(), list("tenants/acme"))
        .await
        .unwrap()
        .entries;
    let entry = seen.last().unwrap();
    assert_eq!((entry.staff, entry.role.as_str()), (true, "auditor"));
    assert_eq!(
        (entry.justification.as_str(), entry.reference.as_str()),
        ("customer asked in INC-7", "INC-7")
    );
    // The tenant sees that somebody was there, and that it was read.
    let seen = ask(&world, &reader, list("tenants/acme"))
        .await
        .unwrap()
        .entries;
    assert_eq!(
        seen.iter().filter(|entry| entry.role == "auditor").count(),
        2
    );
}

#[tokio::test]
async fn staff_read_the_providers_own_log() {
    let (world, _) = world().await;
    let entries = ask(&world, &world.operator, list(""))
        .await
        .unwrap()
        .entries;
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "Bootstrap",
            "CreateTenant",
            "CreateTenant",
            "IssueCredential"
        ]
    );
    assert_eq!(
        (entries[0].role.as_str(), entries[0].staff),
        ("system", false)
    );
    assert_eq!(entries[0].hash, entries[1].previous_hash);
    let auditor = world.member("", "auditor").await;
    let again = ask(&world, &auditor, list("")).await.unwrap().entries;
    assert_eq!(again[4].action, "ListAuditEntries");
}
