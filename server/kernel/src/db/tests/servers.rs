//! Servers beside each other, of one version and of two.

use jiff::SignedDuration;

use super::super::jobs::JobRunner;
use super::super::migrate::next_version;
use super::super::servers::CLOCKS;
use super::super::testing::*;
use super::super::{Db, Place};
use crate::error::Reason;

const ADDS: &str = "CREATE TABLE next_version (id BIGINT NOT NULL PRIMARY KEY)";

async fn next(world: &World, from: impl FnOnce(i64) -> i64) -> crate::Result<usize> {
    let place = Place::of(&world.config).unwrap();
    next_version(&place, &world.env, ADDS, from).await
}

#[tokio::test]
async fn servers_see_each_other_until_they_leave_or_fall_silent() {
    let world = World::new().await;
    let runner = JobRunner::new();
    let other = world.replica().await;
    let (a, b) = (world.db.server_id(), other.server_id());
    world.db.beat(&runner, &a, "one:7443").await.unwrap();
    world.clock.advance(SignedDuration::from_secs(50));
    other.beat(&runner, &b, "two:7443").await.unwrap();
    let names = async || -> Vec<String> {
        let servers = world.db.servers().await.unwrap();
        servers.into_iter().map(|server| server.name).collect()
    };
    assert_eq!(names().await, ["one:7443", "two:7443"]);
    world.clock.advance(SignedDuration::from_secs(20));
    assert_eq!(names().await, ["two:7443"]);
    world.db.beat(&runner, &a, "one:7443").await.unwrap();
    let servers = world.db.servers().await.unwrap();
    assert_eq!(servers[0].name, "one:7443");
    assert!(servers[0].started < servers[0].seen);
    other.leave(&runner, &b).await.unwrap();
    assert_eq!(names().await, ["one:7443"]);
    world.clock.advance(SignedDuration::from_hours(2));
    other.beat(&runner, &b, "two:7443").await.unwrap();
    assert_eq!(world.count("servers").await, 1, "the silent are forgotten");
}

#[tokio::test]
async fn a_program_serves_on_beside_a_schema_that_only_added() {
    let world = World::new().await;
    let runner = JobRunner::new();
    world.create(&["acme"]).await;
    let id = world.db.server_id();
    world.db.beat(&runner, &id, "old").await.unwrap();
    assert_eq!(next(&world, |version| version - 1).await.unwrap(), 1);

    world.db.beat(&runner, &id, "old").await.unwrap();
    world
        .append("aws", vec![batch("b1", vec![block("acme", 1, "one")])])
        .await;
    // It may be started, and asked to migrate, too.
    let again = world.replica().await;
    again
        .beat(&runner, &again.server_id(), "old")
        .await
        .unwrap();
    let migrated = Db::migrate(&world.config, &world.env).await.unwrap();
    assert_eq!(migrated.applied, 0);
    assert_eq!(world.journal("acme").await.len(), 1);
}

#[tokio::test]
async fn a_migration_that_takes_away_waits_for_the_last_old_server() {
    let world = World::new().await;
    let runner = JobRunner::new();
    let id = world.db.server_id();
    world.db.beat(&runner, &id, "old:7443").await.unwrap();
    let refused = next(&world, |version| version).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::FailedPrecondition);
    assert!(refused.message().contains("old:7443"), "{refused}");
    assert_eq!(
        world.count("schema_migrations WHERE name = 'next'").await,
        0
    );

    // Silent for long enough to be taken for dead, and yet not.
    world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(next(&world, |version| version).await.unwrap(), 1);
    for refused in [
        world.db.beat(&runner, &id, "old:7443").await.unwrap_err(),
        Db::migrate(&world.config, &world.env).await.unwrap_err(),
        Db::open(&world.config, world.env.clone(), world.keys.clone())
            .await
            .err()
            .unwrap(),
    ] {
        assert_eq!(refused.reason(), Reason::FailedPrecondition);
        assert!(refused.message().contains("use a newer one"), "{refused}");
    }
}

#[tokio::test]
async fn a_clock_that_is_not_the_databases_is_noticed() {
    let world = World::new().await;
    let now = || crate::clock::Env::system().now();
    let close = SignedDuration::from_secs(10);
    let far = CLOCKS + close;
    let refused = |found: crate::Result<()>| found.unwrap_err().reason() == Reason::Unavailable;
    world.clock.set(now() - close);
    world.db.require_clock().await.unwrap();
    world.clock.set(now() + close);
    world.db.require_clock().await.unwrap();
    world.clock.set(now() - far);
    assert!(refused(world.db.require_clock().await));
    world.clock.set(now() + far);
    assert!(refused(world.db.require_clock().await));
}
