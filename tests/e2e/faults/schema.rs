//! A newer program migrates the database under a server that serves.

use super::sending::{Sending, all_there};
use super::site::{PATIENCE, Site, until};
use crate::harness::Production;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_serves_beside_a_schema_that_adds_and_ends_by_one_that_takes_away() {
    if !Production::can_be_had() {
        return;
    }
    let site = Site::of_a_provider();
    site.found().await;
    let mut serving = site.serve().await;
    serving.ready().await;
    let reader = site.populate().await;
    let sending = Sending::start(
        site.client(2 * PATIENCE).await,
        5,
        std::time::Duration::from_millis(20),
    );
    sending.more(5).await;
    let postgres = &site.production.as_ref().unwrap().postgres;
    let ask = |sql: &str| -> i64 { postgres.superuser(sql).parse().unwrap() };
    let own = ask("SELECT max(version) FROM schema_migrations");
    let migrated = |version: i64, serves_from: i64| {
        postgres.superuser(&format!(
            "INSERT INTO schema_migrations (version, name, checksum, applied_time, serves_from) \
             VALUES ({version}, 'next', '\\x00', 0, {serves_from})"
        ));
    };

    migrated(own + 1, own);
    for _ in 0..2 {
        let seen = ask("SELECT max(seen_time) FROM servers");
        until("it gives signs of life", async || {
            ask("SELECT max(seen_time) FROM servers") > seen
        })
        .await;
    }
    sending.more(5).await;
    serving.ready().await;

    migrated(own + 2, own + 1);
    assert_eq!(serving.ended().await.code(), Some(1));
    let said = serving.said();
    assert!(said.contains("the server ends at once"), "{said}");
    for said in [said, site.refused("serve", &[]).await] {
        assert!(said.contains("use a newer one"), "{said}");
    }

    // Restored to what it was, the same program serves it again, and all that it acknowledged.
    postgres.superuser(&format!(
        "DELETE FROM schema_migrations WHERE version > {own}"
    ));
    let serving = site.serve().await;
    serving.ready().await;
    sending.more(5).await;
    let acknowledged = sending.stop().await;
    all_there(&reader, &acknowledged).await;
}
