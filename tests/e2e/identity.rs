//! Who is let in, and for how long.

use std::time::Duration;

use cordon_client::{Client, Holder, Reason, Search, Watch};
use futures::StreamExt as _;

use crate::harness::{World, connect, raw};

const A: &str = "aws:100000000001";

/// How long an open stream goes on after `end`.
async fn ends_within_five_seconds(client: &Client, end: impl Future<Output = ()>) -> Reason {
    let mut stream = client.events().watch(Watch::new());
    let open = tokio::spawn(async move {
        loop {
            if let Some(Err(error)) = stream.next().await {
                return error.reason().clone();
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    end.await;
    tokio::time::timeout(Duration::from_secs(5), open)
        .await
        .expect("the stream goes on")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_ends_streams_and_calls_but_not_ingest() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let reader = world.member("initech", "reader").await;
    let admin = world.operator.tenants();
    let reason = ends_within_five_seconds(&reader, async {
        admin.suspend_tenant("initech", "a test", "").await.unwrap();
    })
    .await;
    assert_eq!(reason, Reason::TenantSuspended);
    let error = reader
        .events()
        .search(Search::new())
        .next()
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(*error.reason(), Reason::TenantSuspended);
    let record = crate::harness::trail(&crate::harness::Call::own("while suspended", A));
    assert_eq!(
        world
            .send("aws.cloudtrail", "suspended", &[record])
            .await
            .accepted,
        1
    );
    admin.resume_tenant("initech", "").await.unwrap();
    assert_eq!(raw(&reader, "").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_credential_is_out_within_five_seconds() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let reader = world.member("initech", "reader").await;
    let me = reader.identity().whoami().await.unwrap();
    assert_eq!(
        (me.tenant.as_str(), me.role.as_str()),
        ("tenants/initech", "reader")
    );
    let admin = world.operator.tenants();
    let reason = ends_within_five_seconds(&reader, async {
        admin
            .revoke_credential(&me.credential, "a test")
            .await
            .unwrap();
    })
    .await;
    assert_eq!(reason, Reason::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_and_the_old_one_given_up() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let profile = world
        .issue(Holder::Tenant("initech".into()), "responder")
        .await;
    let client = connect(profile.clone()).await;
    let renewed = client.identity().renew(&profile).await.unwrap();
    assert_ne!(renewed.certificate, profile.certificate);
    let again = connect(renewed).await.identity().whoami().await.unwrap();
    assert_eq!(again.role, "responder");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_enter_with_a_reason_that_the_tenant_sees() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    let analyst = connect(world.issue(Holder::Staff, "analyst").await)
        .await
        .for_tenant("initech");
    let refused = analyst
        .events()
        .search(Search::new())
        .next()
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(*refused.reason(), Reason::PermissionDenied);
    let entry = || cordon_client::Entry::new("asked to look at a sign-in").reference("INC-7");
    let now = cordon_client::time::now();
    let hours = |hours| now + jiff::SignedDuration::from_hours(hours);
    for (bad, reason) in [
        (entry().reference(""), Reason::InvalidArgument),
        (entry().expires(hours(13)), Reason::InvalidArgument),
        (entry().expires(hours(-1)), Reason::InvalidArgument),
    ] {
        let mut refused = analyst.entering(bad).events().search(Search::new());
        let refused = refused.next().await.unwrap().unwrap_err();
        assert_eq!(*refused.reason(), reason);
    }
    let entry = entry().approval("the shift's lead").expires(hours(1));
    let mut found = analyst.entering(entry).events().search(Search::new());
    assert!(found.next().await.is_none());
    let reader = world.member("initech", "reader").await;
    let mut log = reader.audit().list(None, None);
    let mut seen = false;
    while let Some(entry) = log.next().await {
        let entry = entry.unwrap();
        seen |= entry.staff
            && entry.justification == "asked to look at a sign-in"
            && entry.reference == "INC-7"
            && entry.details_json.contains("the shift's lead");
    }
    assert!(seen, "the tenant's log does not show the entry");
}
