//! The audit logs.

use std::time::Duration;

use super::super::testing::*;
use crate::audit::{AuditEntry, AuditRecord};
use crate::auth::principal::tests::principal;
use crate::auth::{Action, Entry, Permit, Role, StandingSource, TenantScope};
use crate::error::Reason;
use crate::names::Name;

async fn records(world: &World, tenant: &str) -> Vec<AuditRecord> {
    let page = world
        .db
        .audit_page(&scope(tenant), None, 1_000)
        .await
        .unwrap();
    page.records.into_iter().map(|r| r.record).collect()
}

fn entered(tenant: &str) -> (TenantScope, Permit) {
    let entry = Entry::new("customer asked in INC-7", "INC-7", Some("bob".into()), None).unwrap();
    let scope = TenantScope::entered_by(
        tenant_id(tenant),
        principal(9, "provider", Role::Analyst),
        entry,
    );
    let permit = Permit::for_tenant(Action::SearchEvents, &scope);
    (scope, permit)
}

async fn change(world: &World, tenant: &str, what: &str) {
    let scope = scope(tenant);
    let permit = permit(&scope);
    let tx = world.db.tenant_tx(&scope, &permit).await.unwrap();
    tx.commit(AuditEntry::new(&permit).detail("what", what))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_entry_says_who_did_what_to_what_and_when() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let permit = permit(&acme);
    let tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
    let name = Name::Tenant(tenant_id("acme"));
    let entry = AuditEntry::new(&permit)
        .resource(name.clone())
        .detail("count", 3)
        .detail("long", "é".repeat(3_000));
    let seq = tx.commit(entry).await.unwrap();
    let record = records(&world, "acme").await.remove(0);
    assert_eq!((record.seq, record.log.as_str()), (seq, "tenants/acme"));
    assert_eq!(record.time, world.env.now());
    assert_eq!(
        (record.action.as_str(), record.outcome.as_str()),
        ("RevokeCredential", "OK")
    );
    assert_eq!(record.resource, Some(name.to_string()));
    assert_eq!(record.actor.subject, own("acme").subject());
    assert_eq!(
        (record.actor.home.as_str(), record.actor.role.as_str()),
        ("tenants/acme", "admin")
    );
    assert_eq!(record.details["count"], "3");
    assert_eq!(record.details["long"].chars().count(), 1_025);
    assert_eq!(record.actor.justification, None);
}

#[tokio::test]
async fn the_provider_writes_to_its_own_log_and_to_those_it_is_about() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let (staff, permit) = provider();
    let mut tx = world.db.provider_tx(&staff, &permit).await.unwrap();
    tx.about(&tenant_id("acme"));
    let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant_id("acme")));
    tx.commit(entry).await.unwrap();
    assert_eq!(records(&world, "acme").await.len(), 2);
    assert_eq!(records(&world, "globex").await.len(), 1);
    let own = world
        .db
        .provider_audit_page(&staff, None, 10)
        .await
        .unwrap();
    assert_eq!(own.records.len(), 2);
    assert_eq!(own.records[0].record.log, "provider");
    // Never about a tenant that does not get to see it.
    let mut tx = world.db.provider_tx(&staff, &permit).await.unwrap();
    tx.about(&tenant_id("globex"));
    let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant_id("acme")));
    assert!(tx.commit(entry).await.is_err());
    assert_eq!(
        world
            .db
            .provider_audit_page(&staff, None, 10)
            .await
            .unwrap()
            .records
            .len(),
        2
    );
    assert_eq!(
        world
            .db
            .verify_provider_audit(&staff)
            .await
            .unwrap()
            .broken_at,
        None
    );
}

#[tokio::test]
async fn staff_reads_are_durable_before_they_return() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let (staff, permit) = entered("acme");
    world.db.record_entry(&staff, &permit).await.unwrap();
    world
        .db
        .audit_read(&staff, AuditEntry::new(&permit).detail("filter", "true"))
        .await
        .unwrap();
    assert_eq!(world.count("audit_log WHERE tenant_id = 'acme'").await, 3);
    let log = records(&world, "acme").await;
    assert_eq!(
        log[0].actor.justification.as_deref(),
        Some("customer asked in INC-7")
    );
    assert_eq!(log[0].actor.reference.as_deref(), Some("INC-7"));
    assert_eq!(log[0].actor.approval.as_deref(), Some("bob"));
    assert_eq!(log[1].details["entered"], "true");
    let foreign = AuditEntry::new(&permit).resource(Name::Tenant(tenant_id("globex")));
    assert_eq!(
        world
            .db
            .audit_read(&staff, foreign)
            .await
            .unwrap_err()
            .reason(),
        Reason::Internal
    );
}

#[tokio::test]
async fn own_reads_are_written_together_within_a_second() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let count = async || world.count("audit_log").await;
    let before = count().await;
    for n in 0..20 {
        let scope = scope(if n % 2 == 0 { "acme" } else { "globex" });
        let permit = Permit::for_tenant(Action::SearchEvents, &scope);
        world
            .db
            .audit_read(&scope, AuditEntry::new(&permit).detail("n", n))
            .await
            .unwrap();
    }
    assert_eq!(count().await, before, "nobody waited for the disk");
    tokio::time::sleep(Duration::from_millis(950)).await;
    assert_eq!(count().await, before + 20);
    let order: Vec<String> = records(&world, "acme")
        .await
        .iter()
        .filter_map(|r| r.details.get("n").cloned())
        .collect();
    let sorted: Vec<String> = (0..20)
        .filter(|n| n % 2 == 0)
        .rev()
        .map(|n| n.to_string())
        .collect();
    assert_eq!(order, sorted);
}

#[tokio::test]
async fn the_log_has_the_order_in_which_things_were_done() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let search = Permit::for_tenant(Action::SearchEvents, &acme);
    for n in 0..5 {
        let read = AuditEntry::new(&search).detail("what", format!("read {n}"));
        world.db.audit_read(&acme, read).await.unwrap();
        change(&world, "acme", &format!("write {n}")).await;
    }
    world
        .db
        .audit_read(&acme, AuditEntry::new(&search).detail("what", "last"))
        .await
        .unwrap();
    let done: Vec<String> = records(&world, "acme")
        .await
        .iter()
        .rev()
        .filter_map(|r| r.details.get("what").cloned())
        .collect();
    let mut wanted: Vec<String> = (0..5)
        .flat_map(|n| [format!("read {n}"), format!("write {n}")])
        .collect();
    wanted.push("last".to_owned());
    assert_eq!(done, wanted);
}

#[tokio::test]
async fn waiting_reads_survive_a_failed_write_and_a_shutdown() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let search = Permit::for_tenant(Action::SearchEvents, &acme);
    world
        .db
        .audit_read(&acme, AuditEntry::new(&search).detail("n", "1"))
        .await
        .unwrap();
    // A write that takes the entry along and then fails gives it back.
    let permit = permit(&acme);
    let tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
    let foreign = AuditEntry::new(&permit).resource(Name::Tenant(tenant_id("globex")));
    tx.commit(foreign).await.unwrap_err();
    world
        .db
        .audit_read(&acme, AuditEntry::new(&search).detail("n", "2"))
        .await
        .unwrap();
    let world = world.reopened().await;
    let order: Vec<String> = records(&world, "acme")
        .await
        .iter()
        .rev()
        .filter_map(|r| r.details.get("n").cloned())
        .collect();
    assert_eq!(order, ["1", "2"]);
    assert_eq!(world.db.verify_audit(&acme).await.unwrap().broken_at, None);
}

#[tokio::test]
async fn a_page_is_newest_first_and_says_whether_more_follow() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    for n in 0..4 {
        change(&world, "acme", &n.to_string()).await;
    }
    let first = world.db.audit_page(&scope("acme"), None, 3).await.unwrap();
    let seqs: Vec<u64> = first.records.iter().map(|r| r.record.seq).collect();
    assert_eq!((seqs.as_slice(), first.more), ([5, 4, 3].as_slice(), true));
    let rest = world
        .db
        .audit_page(&scope("acme"), Some(3), 3)
        .await
        .unwrap();
    let seqs: Vec<u64> = rest.records.iter().map(|r| r.record.seq).collect();
    assert_eq!((seqs.as_slice(), rest.more), ([2, 1].as_slice(), false));
}

#[tokio::test]
async fn any_change_to_a_log_breaks_its_chain() {
    for (change_log, broken) in [
        (
            "UPDATE audit_log SET entry = (SELECT o.entry FROM audit_log o WHERE o.tenant_id = 'acme' AND o.seq = 3) \
              WHERE tenant_id = 'acme' AND seq = 4",
            4,
        ),
        (
            "DELETE FROM audit_log WHERE tenant_id = 'acme' AND seq = 3",
            3,
        ),
        (
            "DELETE FROM audit_log WHERE tenant_id = 'acme' AND seq = 6",
            6,
        ),
        ("DELETE FROM audit_log WHERE tenant_id = 'acme'", 1),
        (
            "UPDATE audit_log SET prev_hash = leaf_hash WHERE tenant_id = 'acme' AND seq = 2",
            2,
        ),
        ("UPDATE audit_head SET seq = 5 WHERE tenant_id = 'acme'", 6),
        (
            "INSERT INTO audit_log SELECT tenant_id, 7, time, entry, leaf_hash, prev_hash FROM audit_log \
           WHERE tenant_id = 'acme' AND seq = 6",
            7,
        ),
        // The same entry from another tenant's log.
        (
            "UPDATE audit_log SET (entry, leaf_hash) = (SELECT entry, leaf_hash FROM audit_log WHERE tenant_id = 'globex' \
           AND seq = 1) WHERE tenant_id = 'acme' AND seq = 1",
            1,
        ),
    ] {
        let world = World::new().await;
        world.create(&["acme", "globex"]).await;
        for n in 0..5 {
            change(&world, "acme", &format!("write {n}")).await;
        }
        let sound = world.db.verify_audit(&scope("acme")).await.unwrap();
        assert_eq!((sound.entries, sound.broken_at), (6, None));
        assert!(world.tamper(change_log).await > 0, "{change_log}");
        let report = world.db.verify_audit(&scope("acme")).await.unwrap();
        assert_eq!(report.broken_at, Some(broken), "{change_log}");
        assert_eq!(
            world
                .db
                .verify_audit(&scope("globex"))
                .await
                .unwrap()
                .broken_at,
            None
        );
    }
}

#[tokio::test]
async fn what_staff_tried_that_depends_on_others_is_in_the_providers_log_alone() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let before = records(&world, "acme").await.len();
    let (scope, permit) = entered("acme");
    let entry = || AuditEntry::new(&permit).detail("places", 2);
    world.db.audit_entered(&scope, entry()).await.unwrap();
    assert_eq!(records(&world, "acme").await.len(), before);
    let told = world
        .ask("SELECT entry FROM provider_audit_log ORDER BY seq DESC LIMIT 1")
        .await;
    let told = hex::decode(&told[0]).unwrap();
    let told: AuditRecord = serde_json::from_slice(&told).unwrap();
    assert_eq!(told.details["places"], "2");
    assert_eq!(told.action, Action::SearchEvents.as_str());
    // A tenant's own people have no entry there.
    let own = super::super::testing::scope("acme");
    let refused = world.db.audit_entered(&own, entry()).await;
    assert_eq!(refused.unwrap_err().reason(), Reason::Internal);
}
