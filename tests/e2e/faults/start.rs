//! From nothing to a server that serves, and what keeps it from that.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use futures::StreamExt as _;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::site::{NAME, Site};
use crate::harness::{Production, binary};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_operator_is_made_once_and_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_folder(&folder.path().join("data"));
    let profile = site.profile();
    let said = site.refused("operator", &site.operator(&profile)).await;
    assert!(
        said.contains("cordon-server migrate") || said.contains("keys"),
        "{said}"
    );
    assert!(!profile.exists(), "nothing was made");
    site.found().await;
    let mode = std::fs::metadata(&profile).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let other = folder.path().join("other.toml");
    let said = site.refused("operator", &site.operator(&other)).await;
    assert!(said.contains("there is an operator already"), "{said}");
    assert!(!other.exists());
    let before = std::fs::read(&profile).unwrap();
    let said = site.refused("operator", &site.operator(&profile)).await;
    assert!(said.contains("is there already"), "{said}");
    assert_eq!(std::fs::read(&profile).unwrap(), before);
    let wrong = ["--subject", "x", "--endpoint", "http://here", "--out"].map(OsStr::new);
    let wrong = [&wrong[..], &[other.as_os_str()]].concat();
    let said = site.refused("operator", &wrong).await;
    assert!(said.contains("https://"), "{said}");
    assert!(!other.exists());

    let mut serving = site.serve().await;
    serving.ready().await;
    let who = Command::new(binary("cordon"))
        .arg("--profile")
        .arg(&profile)
        .arg("whoami")
        .output()
        .unwrap();
    let who = String::from_utf8(who.stdout).unwrap();
    assert!(who.contains("operator") && who.contains("olive"), "{who}");
    let checked = async || String::from_utf8(site.run("check", &[]).await.stdout).unwrap();
    let said = checked().await;
    assert!(said.contains(&format!("server {NAME}: version")), "{said}");

    // Who watches its health hears of the end first.
    let all = HealthCheckRequest::default();
    let mut watched = serving.health().watch(all).await.unwrap().into_inner();
    let mut next = async || watched.next().await.map(|told| told.unwrap().status());
    assert_eq!(next().await, Some(ServingStatus::Serving));
    serving.terminate().await;
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    assert_eq!(next().await, None, "and is not waited for");
    assert!(serving.ended().await.success());
    let said = checked().await;
    assert!(!said.contains(NAME) && !said.contains("WRONG"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_server_from_serving_is_said_without_secrets() {
    if !Production::can_be_had() {
        return;
    }
    let site = Site::of_a_provider();
    site.found().await;
    let production = site.production.as_ref().unwrap();
    for (secret, command, words) in [
        ("cordon_ingest", "serve", "database.passwords.ingest"),
        ("cordon_kernel", "serve", "database.passwords.kernel"),
        ("cordon_owner", "migrate", "database.owner"),
        ("pin", "serve", "refuses the PIN"),
    ] {
        let file = production.config.with_extension(secret);
        let right = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, "not-the-right-one").unwrap();
        let said = site.refused(command, &[]).await;
        std::fs::write(&file, &right).unwrap();
        assert!(said.contains(words), "{secret}: {said}");
        for text in ["not-the-right-one", right.trim()] {
            assert!(!said.contains(text), "{secret} stands in: {said}");
        }
    }
    let postgres = &production.postgres;
    for (breach, words, mend) in [
        (
            "ALTER ROLE cordon_app SUPERUSER",
            "cordon_app is a superuser",
            "ALTER ROLE cordon_app NOSUPERUSER",
        ),
        (
            "ALTER ROLE cordon_ingest NOLOGIN",
            "database.passwords.ingest",
            "ALTER ROLE cordon_ingest LOGIN",
        ),
    ] {
        postgres.superuser(breach);
        let said = site.refused("serve", &[]).await;
        postgres.superuser(mend);
        assert!(said.contains(words), "{said}");
    }
    postgres.crash();
    let said = site.refused("serve", &[]).await;
    assert!(said.contains("can't be reached"), "{said}");
    postgres.resume();

    // The bucket is not asked before the server listens: it says that it is not ready.
    let file = production.config.with_extension("s3");
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "not-the-right-one").unwrap();
    let mut serving = site.serve().await;
    std::fs::write(&file, &right).unwrap();
    super::site::until("it says what is missing", async || {
        serving.said().contains("not ready: object store")
    })
    .await;
    serving.unready("object store").await;
    assert!(!serving.said().contains("not-the-right-one"));
    serving.terminate().await;
    assert!(serving.ended().await.success());

    let serving = site.serve().await;
    serving.ready().await;
    site.client(Duration::ZERO).await;
}
