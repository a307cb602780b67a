//! Rows of the rooms in which something is sealed.

use jiff::SignedDuration;

use super::super::testing::*;
use super::super::timestamp;
use crate::error::Reason;
use crate::keys::TenantCipher;

#[tokio::test]
async fn nothing_is_stored_under_a_key_that_has_ended_nor_after_a_deletion() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = tenant_id("acme");
    let keys = world.db.keyring().tenant(&acme).await.unwrap();
    let cipher = TenantCipher::new(acme, keys, world.env.clone());
    let scope = scope("acme");
    let permit = permit(&scope);
    let required = async || {
        let mut tx = world.db.tenant_tx(&scope, &permit).await.unwrap();
        tx.require_keys(&cipher).await
    };
    required().await.unwrap();
    world.tamper("UPDATE tenant_head SET key_floor = 2").await;
    assert_eq!(required().await.unwrap_err().reason(), Reason::Unavailable);
    world.tamper("UPDATE tenant_head SET key_floor = 1").await;
    world.tamper("UPDATE tenants SET status = 'deleted'").await;
    let late = required().await.unwrap_err();
    assert_eq!(late.reason(), Reason::PermissionDenied);
}

#[tokio::test]
async fn answers_to_old_calls_are_forgotten() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    for tenant in ["acme", "globex"] {
        let row = format!("INSERT INTO request_ids VALUES ('{tenant}', 'r', 5, x'00')");
        world.tamper(&row).await;
    }
    let prune = async |before| {
        let before = timestamp(before);
        let scope = job_scope("acme");
        world.db.prune_request_ids(&scope, before).await.unwrap()
    };
    assert_eq!(prune(4).await, 0);
    assert_eq!(prune(5).await, 1);
    assert_eq!(
        world.count("request_ids").await,
        1,
        "the other tenant's stays"
    );
}

#[tokio::test]
async fn names_of_the_providers_old_calls_are_forgotten() {
    let world = World::new().await;
    let incident = "INSERT INTO provider_incidents VALUES ('p', 'open', 1, 1, 0)";
    world.tamper(incident).await;
    for (name, time) in [("old", "4"), ("young", "6"), ("unsaid", "NULL")] {
        let row =
            format!("INSERT INTO provider_incident_requests VALUES ('{name}', 'h', 'p', {time})");
        world.tamper(&row).await;
    }
    let runner = crate::db::jobs::JobRunner::new();
    let prune = async |before| {
        let pruned = world.db.prune_provider_request_ids(&runner, before);
        pruned.await.unwrap()
    };
    assert_eq!(prune(timestamp(3)).await, 0);
    assert_eq!(prune(timestamp(5)).await, 1);
    let left = "SELECT request_id FROM provider_incident_requests ORDER BY request_id";
    assert_eq!(world.ask(left).await, ["unsaid", "young"]);
    // From now on its time is known.
    let now = world.env.now();
    assert_eq!(prune(now - SignedDuration::from_nanos(1)).await, 1);
    assert_eq!(prune(now).await, 1);
}
