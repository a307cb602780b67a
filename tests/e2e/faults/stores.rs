//! Database, bucket and token go away under a server that is at work, and come back.

use std::time::Duration;

use cordon_client::{Client, Reason, Tenant};
use cordon_fixtures::S3Mode;

use super::sending::{Sending, all_there};
use super::site::{PATIENCE, Site, until};
use crate::harness::Production;

/// Asks for what needs database and keys, once.
async fn cannot_create(impatient: &Client, tenant: &str) {
    let made = impatient
        .tenants()
        .create_tenant(tenant, Tenant::default())
        .await;
    assert_eq!(*made.unwrap_err().reason(), Reason::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_in_the_middle_of_ingest_loses_nothing() {
    if !Production::can_be_had() {
        return;
    }
    let site = Site::of_a_provider();
    site.found().await;
    let serving = site.serve().await;
    serving.ready().await;
    let reader = site.populate().await;
    let impatient = site.client(Duration::ZERO).await;
    let postgres = &site.production.as_ref().unwrap().postgres;
    let sending = Sending::start(
        site.client(2 * PATIENCE).await,
        5,
        Duration::from_millis(20),
    );
    for _ in 0..3 {
        sending.more(20).await;
        postgres.crash();
        serving.unready("database").await;
        let acknowledged = sending.acknowledged();
        cannot_create(&impatient, "hooli").await;
        assert_eq!(sending.acknowledged(), acknowledged, "without a database");
        postgres.resume();
        serving.ready().await;
    }
    sending.more(20).await;
    let acknowledged = sending.stop().await;
    all_there(&reader, &acknowledged).await;
    impatient
        .tenants()
        .create_tenant("hooli", Tenant::default())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_writes_or_is_down_delays_sealing_and_nothing_else() {
    if !Production::can_be_had() {
        return;
    }
    let site = Site::of_a_provider();
    site.found().await;
    let serving = site.serve().await;
    serving.ready().await;
    let reader = site.populate().await;
    let s3 = &site.production.as_ref().unwrap().s3;
    let segments = || {
        let files = s3.files().into_iter();
        let of_segments = |file: &std::path::PathBuf| file.extension().is_some();
        files.filter(of_segments).count()
    };
    s3.set(S3Mode::ReadOnly);
    serving.unready("object store").await;
    let sending = Sending::start(
        site.client(2 * PATIENCE).await,
        700,
        Duration::from_millis(700),
    );
    sending.more(7).await;
    until("sealing fails", async || {
        serving
            .said()
            .contains("a job failed and is done again later")
    })
    .await;
    assert_eq!(segments(), 0);
    s3.set(S3Mode::Well);
    serving.ready().await;
    until("what waited is sealed", async || segments() > 0).await;

    s3.set(S3Mode::Down);
    serving.unready("object store").await;
    sending.more(2).await;
    s3.set(S3Mode::Well);
    serving.ready().await;
    let acknowledged = sending.stop().await;
    all_there(&reader, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_goes_away_is_missed_and_taken_up_again() {
    if !Production::can_be_had() {
        return;
    }
    let site = Site::of_a_provider();
    site.found().await;
    let serving = site.serve().await;
    serving.ready().await;
    let reader = site.populate().await;
    let impatient = site.client(Duration::ZERO).await;
    let sending = Sending::start(
        site.client(2 * PATIENCE).await,
        5,
        Duration::from_millis(20),
    );
    sending.more(5).await;
    let tokens = site.production.as_ref().unwrap().hsm.tokens();
    let away = tokens.with_extension("away");
    std::fs::rename(&tokens, &away).unwrap();
    std::fs::create_dir(&tokens).unwrap();
    serving.unready("key service").await;
    cannot_create(&impatient, "hooli").await;
    // Keys that were unwrapped before are good for a while.
    sending.more(5).await;
    std::fs::remove_dir(&tokens).unwrap();
    std::fs::rename(&away, &tokens).unwrap();
    serving.ready().await;
    impatient
        .tenants()
        .create_tenant("hooli", Tenant::default())
        .await
        .unwrap();
    sending.more(5).await;
    let acknowledged = sending.stop().await;
    all_there(&reader, &acknowledged).await;
}
