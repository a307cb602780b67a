//! Up to where events were looked at by rules.

use jiff::SignedDuration;

use super::super::jobs::{DETECT, JobClaim, JobRunner, Lane};
use super::super::testing::*;
use crate::audit::AuditEntry;
use crate::error::Reason;

const LEASE: SignedDuration = SignedDuration::from_secs(30);

async fn claim(world: &World) -> Option<JobClaim> {
    claim_all(world).await.pop()
}

async fn claim_all(world: &World) -> Vec<JobClaim> {
    world.clock.advance(SignedDuration::from_secs(1));
    let runner = JobRunner::new();
    let claimed = world.db.claim_jobs(&runner, Lane::Detection, LEASE, 10);
    claimed.await.unwrap()
}

async fn watch(world: &World) {
    let scope = scope("acme");
    let permit = permit(&scope);
    let mut tx = world.db.tenant_tx(&scope, &permit).await.unwrap();
    tx.watch_events().await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

async fn append(world: &World, id: &str, rows: u32) {
    let blocks = vec![block("acme", rows, "x"), block("globex", 1, "x")];
    world.append("trail", vec![batch(id, blocks)]).await;
}

#[tokio::test]
async fn events_are_looked_at_from_when_there_is_something_to_look_by() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    append(&world, "b1", 3).await;
    assert!(claim(&world).await.is_none(), "nobody has a rule");
    watch(&world).await;
    let scope = scope("acme");
    assert_eq!(world.db.detected(&scope).await.unwrap().seq, 3);
    append(&world, "b2", 2).await;
    let first = claim(&world).await.unwrap();
    assert_eq!((first.job(), first.tenant().as_str()), (DETECT, "acme"));
    // What comes while it is looked is found by who looks: it is not asked for again.
    append(&world, "b3", 4).await;
    let at = world.db.detected(&scope).await.unwrap();
    assert_eq!((at.seq, at.head), (3, 9));
    let head = world.db.found_nothing(&first, 3, 5).await.unwrap();
    assert_eq!(head, 9);
    assert_eq!(world.db.found_nothing(&first, 5, 9).await.unwrap(), 9);
    // Nobody says that twice.
    let twice = world.db.found_nothing(&first, 5, 9).await;
    assert_eq!(twice.unwrap_err().reason(), Reason::Internal);
    // What comes after that and before the job's end is asked for again.
    append(&world, "b4", 1).await;
    world.db.job_done(first).await.unwrap();
    let second = claim(&world).await.unwrap();
    world.clock.advance(LEASE);
    let third = claim(&world).await.unwrap();
    let late = world.db.found_nothing(&second, 9, 10).await;
    assert_eq!(late.unwrap_err().reason(), Reason::EtagMismatch);
    world.db.found_nothing(&third, 9, 10).await.unwrap();

    // There is a new rule by the time that somebody finds that there is none.
    let at = world.db.detected(&scope).await.unwrap();
    watch(&world).await;
    assert!(!world.db.stop_watching(&third, at).await.unwrap());
    assert!(world.db.detected(&scope).await.unwrap().watched > 0);
    let at = world.db.detected(&scope).await.unwrap();
    assert!(world.db.stop_watching(&third, at).await.unwrap());
    world.db.job_done(third).await.unwrap();
    append(&world, "b5", 1).await;
    assert!(claim(&world).await.is_none());
    let at = world.db.detected(&scope).await.unwrap();
    assert_eq!((at.watched, at.seq, at.head), (0, 10, 11));
    world.db.catch_up_detection(&scope).await.unwrap();
    assert!(claim(&world).await.is_none());
}

/// Publishes a rule of the provider's, or takes all of them away.
async fn publish(world: &World, rule: Option<&str>) {
    let (scope, permit) = provider();
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    let sql = match rule {
        Some(_) => "INSERT INTO provider_rules VALUES ($1, 1, 1, 'e', 0, 0, '{}')",
        None => "DELETE FROM provider_rules WHERE rule_id <> $1",
    };
    sqlx::query(sql)
        .bind(rule.unwrap_or_default())
        .execute(tx.conn())
        .await
        .unwrap();
    tx.watch_all_events(rule.is_some()).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

#[tokio::test]
async fn the_providers_rules_begin_with_each_tenants_next_events() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    append(&world, "b1", 3).await;
    publish(&world, Some("r1")).await;
    assert!(claim(&world).await.is_none(), "nothing has come since");
    append(&world, "b2", 2).await;
    let mut claims = claim_all(&world).await;
    claims.sort_by(|a, b| a.tenant().cmp(b.tenant()));
    let [acme, globex] = <[JobClaim; 2]>::try_from(claims).unwrap();
    let scope = scope("acme");
    let at = world.db.detected(&scope).await.unwrap();
    assert_eq!((at.seq, at.head, at.watched), (3, 5, 1));

    // One has switched it off, and has peace until there is another.
    assert!(world.db.stop_watching(&acme, at).await.unwrap());
    world.db.job_done(acme).await.unwrap();
    world.db.job_done(globex).await.unwrap();
    append(&world, "b3", 2).await;
    assert!(claim(&world).await.is_none());
    let at = world.db.detected(&scope).await.unwrap();
    assert_eq!((at.seq, at.head, at.watched), (5, 7, 0));
    publish(&world, Some("r2")).await;
    append(&world, "b4", 1).await;
    let acme = claim(&world).await.unwrap();
    assert_eq!(acme.tenant().as_str(), "acme");
    let at = world.db.detected(&scope).await.unwrap();
    assert_eq!((at.seq, at.head, at.watched), (7, 8, 1));
    // There is one more by the time that it is found that there is none.
    publish(&world, Some("r3")).await;
    assert!(!world.db.stop_watching(&acme, at).await.unwrap());
    let at = world.db.detected(&scope).await.unwrap();
    assert!(world.db.stop_watching(&acme, at).await.unwrap());
    world.db.job_done(acme).await.unwrap();

    // Who comes when there are none is left in peace, and who comes when there are some is not.
    world.create(&["initech"]).await;
    let to = |tenant: &str, id: &str| vec![batch(id, vec![block(tenant, 1, "x")])];
    world.append("trail", to("initech", "b5")).await;
    assert_eq!(claim(&world).await.unwrap().tenant().as_str(), "initech");
    publish(&world, None).await;
    world.create(&["umbrella"]).await;
    world.append("trail", to("umbrella", "b6")).await;
    assert!(claim(&world).await.is_none());
}
