//! Authority, signing keys and revocations are every server's.

use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordon_client::{Holder, Reason, Watch};
use futures::StreamExt as _;

use super::TENANTS;
use crate::harness::{Raw, Replicas, Server, at, binary, impatient, methods, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_counts_at_each_server_and_ends_at_each() {
    let Some((folder, production)) = Replicas::stores("") else {
        return;
    };
    // All three begin on an empty database at the same moment: one makes the authority and the
    // signing key, and the others take them.
    let migrated = Command::new(binary("cordon-server"))
        .args(["migrate", "--config"])
        .arg(&production.config)
        .current_dir(folder.path())
        .status();
    assert!(migrated.unwrap().success());
    let data = folder.path().join("data");
    let replicas = Replicas::start(folder, production).await;
    let quickstart = Server::start(&data).await;
    let operator = quickstart.profile("operator");
    quickstart.stop().await;

    let (tenant, _) = TENANTS[0];
    let admin = replicas.client(0, &operator).await;
    let admin = admin.tenants();
    admin
        .create_tenant(tenant, Default::default())
        .await
        .unwrap();
    let holder = Holder::Tenant(tenant.to_owned());
    let new = cordon_client::identity::NewKey::generate("jane").unwrap();
    let issued = admin
        .issue_credential(&holder, "jane", "reader", &new.request_pem)
        .await
        .unwrap();
    let mut reader = at(&operator, replicas.address(0));
    reader.tenant = Some(tenant.to_owned());
    reader.certificate = issued.certificate_pem;
    reader.key = new.key;
    assert_eq!(issued.ca_pem, operator.ca);

    // A token of one server's, at the others.
    let token = Raw::member(&reader).await.token;
    let whoami = methods()
        .into_iter()
        .find(|m| m.name() == "WhoAmI")
        .unwrap();
    for server in 0..3 {
        let place = at(&reader, replicas.address(server));
        let mut raw = Raw::connect(&place, true).await;
        raw.token.clone_from(&token);
        let told = raw.call(&whoami, request(&whoami, "{}")).await.unwrap();
        assert_eq!(told.len(), 1);
        // It is bound to the certificate there, too.
        let mut thief = Raw::connect(&at(&operator, replicas.address(server)), true).await;
        thief.token.clone_from(&token);
        let refused = thief.call(&whoami, Bytes::new()).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    }

    // Revoked at the first, it ends what is open at the second.
    let watching = impatient(at(&reader, replicas.address(1))).await.unwrap();
    let mut watch = watching.events().watch(Watch::new());
    let opened = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
    assert!(opened.is_err(), "an empty tenant's tail has nothing to say");
    assert_eq!(watch.cursor(), Some(0));
    let name = issued.credential.unwrap().name;
    admin.revoke_credential(&name, "a test").await.unwrap();
    let revoked = Instant::now();
    let ended = tokio::time::timeout(Duration::from_secs(30), watch.next()).await;
    let ended = ended.expect("the stream of a revoked credential stays open");
    let ended = ended.unwrap().unwrap_err();
    assert_eq!(*ended.reason(), Reason::Unauthenticated, "{ended}");
    println!(
        "a revocation ended another server's stream after {:.1?}",
        revoked.elapsed()
    );
    assert!(revoked.elapsed() < Duration::from_secs(10));
    for server in 0..3 {
        let refused = impatient(at(&reader, replicas.address(server)))
            .await
            .unwrap_err();
        assert_eq!(*refused.reason(), Reason::Unauthenticated);
    }
}
