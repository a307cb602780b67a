//! Originals of shared events: who can open them, and what becomes of them.

use super::super::OriginalRecord;
use super::super::originals::OriginalsReport;
use super::super::testing::*;
use crate::audit::AuditEntry;
use crate::auth::principal::tests::principal;
use crate::auth::{Entry, Role, TenantScope};
use crate::db::jobs::JobRunner;
use crate::error::Reason;
use crate::ids::EventName;

fn event(byte: u8) -> EventName {
    EventName::from_bytes([byte; 16])
}

/// The original of the event that the parties know under these names.
pub(super) fn original(parties: &[(&str, u8)], plain: &str) -> OriginalRecord {
    OriginalRecord {
        parties: parties
            .iter()
            .map(|(tenant, byte)| (tenant_id(tenant), event(*byte)))
            .collect(),
        plain: plain.as_bytes().to_vec(),
    }
}

pub(super) async fn send(world: &World, id: &str, originals: Vec<OriginalRecord>) {
    let mut batch = batch(id, Vec::new());
    batch.content_hash = *blake3::hash(id.as_bytes()).as_bytes();
    batch.originals = originals;
    world.append("trail", vec![batch]).await;
}

fn entered(tenant: &str) -> TenantScope {
    let entry = Entry::new("looking for the common cause", "INC-7", None, None).unwrap();
    let staff = principal(9, "provider", Role::Analyst);
    TenantScope::entered_by(tenant_id(tenant), staff, entry)
}

/// What staff who entered these tenants read as the first one's event.
pub(super) async fn read(world: &World, tenants: &[&str], byte: u8) -> Result<String, Reason> {
    let scopes: Vec<TenantScope> = tenants.iter().map(|tenant| entered(tenant)).collect();
    let sealed = world
        .db
        .original_of(&scopes[0], &event(byte))
        .await
        .map_err(|error| error.reason())?;
    let plain = world.db.open_original(&sealed, &scopes).await;
    plain
        .map(|plain| String::from_utf8(plain).unwrap())
        .map_err(|error| error.reason())
}

#[tokio::test]
async fn a_check_of_nothing_makes_no_key() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let report = world.db.verify_originals(&JobRunner::new()).await.unwrap();
    assert_eq!(report, OriginalsReport::default());
    delete(&world, "acme").await;
    world.db.purge_tenant(&job_scope("acme")).await.unwrap();
    assert_eq!(
        world.count("system_keys WHERE key_id = '~originals'").await,
        0
    );
}

async fn delete(world: &World, tenant: &str) {
    let (scope, permit) = provider();
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    tx.delete_tenant(&tenant_id(tenant)).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    world
        .db
        .keyring()
        .destroy_tenant(&tenant_id(tenant))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_original_is_read_by_whom_has_entered_every_party() {
    let world = World::new().await;
    world.create(&["acme", "globex", "hooli"]).await;
    let shared = original(&[("acme", 1), ("globex", 2)], "what happened");
    let alone = original(&[("hooli", 3)], "what else");
    send(&world, "b1", vec![shared, alone]).await;
    let both = Ok("what happened".to_owned());
    assert_eq!(read(&world, &["acme", "globex"], 1).await, both);
    assert_eq!(read(&world, &["globex", "acme"], 2).await, both);
    assert_eq!(
        read(&world, &["hooli"], 3).await,
        Ok("what else".to_owned())
    );
    for some in [&["acme"][..], &["acme", "hooli"]] {
        assert_eq!(read(&world, some, 1).await, Err(Reason::PermissionDenied));
    }
    assert_eq!(
        read(&world, &["acme", "globex"], 2).await,
        Err(Reason::NotFound),
        "another's name of it is nothing here"
    );
    // The tenants' own people, and jobs, have entered nothing.
    let sealed = world
        .db
        .original_of(&scope("acme"), &event(1))
        .await
        .unwrap();
    for scopes in [
        [scope("acme"), scope("globex")],
        [job_scope("acme"), job_scope("globex")],
    ] {
        let refused = world.db.open_original(&sealed, &scopes).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::PermissionDenied);
    }
}

#[tokio::test]
async fn rows_of_two_tenants_have_nothing_in_common() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let shared = original(&[("acme", 1), ("globex", 2)], "what happened");
    send(&world, "b1", vec![shared]).await;
    let rows = world
        .ask_bytes("SELECT original FROM event_originals")
        .await;
    let id = world
        .ask("SELECT original_id FROM originals")
        .await
        .remove(0);
    let id = uuid::Uuid::try_parse(&id).unwrap();
    assert_ne!(rows[0], rows[1]);
    for row in &rows {
        assert!(!row.windows(16).any(|bytes| bytes == id.as_bytes()));
    }
    let parties = world
        .ask_bytes("SELECT parties FROM originals")
        .await
        .remove(0);
    assert!(!parties.windows(4).any(|bytes| bytes == b"acme"));
    // A reference that is put elsewhere leads nowhere.
    world
        .tamper("UPDATE event_originals SET event_name = x'09090909090909090909090909090909' WHERE tenant_id = 'acme'")
        .await;
    assert_eq!(
        read(&world, &["acme", "globex"], 9).await,
        Err(Reason::Internal)
    );
}

#[tokio::test]
async fn a_repetition_changes_nothing_and_a_late_party_seals_anew() {
    let world = World::new().await;
    world.create(&["acme", "globex", "hooli"]).await;
    let of = |parties: &[(&str, u8)]| vec![original(parties, "what happened")];
    send(&world, "b1", of(&[("acme", 1), ("globex", 2)])).await;
    let before = world
        .ask_bytes("SELECT sealed FROM originals")
        .await
        .remove(0);
    send(&world, "b2", of(&[("acme", 1), ("globex", 2)])).await;
    // Fewer parties than before are a repetition too.
    send(&world, "b3", of(&[("globex", 2)])).await;
    let after = world
        .ask_bytes("SELECT sealed FROM originals")
        .await
        .remove(0);
    assert_eq!(before, after);

    send(
        &world,
        "b4",
        of(&[("acme", 1), ("globex", 2), ("hooli", 3)]),
    )
    .await;
    assert_eq!(world.count("originals").await, 1, "the former is gone");
    assert_eq!(world.count("event_originals").await, 3);
    assert_eq!(
        read(&world, &["acme", "globex"], 1).await,
        Err(Reason::PermissionDenied)
    );
    for first in [["acme", "globex", "hooli"], ["hooli", "globex", "acme"]] {
        let byte = if first[0] == "acme" { 1 } else { 3 };
        assert_eq!(
            read(&world, &first, byte).await,
            Ok("what happened".to_owned())
        );
    }
    // Twice in one batch, and once more with other parties in the same transaction.
    let twice = || original(&[("acme", 5), ("globex", 6)], "again");
    send(&world, "b5", vec![twice(), twice()]).await;
    assert_eq!(world.count("originals").await, 2);
    let report = world.db.verify_originals(&JobRunner::new()).await.unwrap();
    assert_eq!(
        report,
        OriginalsReport {
            sound: 2,
            ..OriginalsReport::default()
        }
    );
}

#[tokio::test]
async fn any_party_takes_the_original_along() {
    let world = World::new().await;
    world.create(&["acme", "globex", "hooli"]).await;
    let both = original(&[("acme", 1), ("globex", 2)], "what happened");
    let others = original(&[("globex", 4), ("hooli", 5)], "elsewhere");
    send(&world, "b1", vec![both, others]).await;
    delete(&world, "acme").await;
    assert_eq!(
        read(&world, &["globex", "acme"], 2).await,
        Err(Reason::NotFound)
    );
    // Who is registered after that does not bring it back, before the purge or after.
    let late = || vec![original(&[("globex", 2), ("hooli", 7)], "what happened")];
    send(&world, "late-1", late()).await;
    assert_eq!(read(&world, &["hooli"], 7).await, Err(Reason::NotFound));
    let report = world.db.verify_originals(&JobRunner::new()).await.unwrap();
    assert_eq!((report.sound, report.destroyed), (1, 1));
    world.db.purge_tenant(&job_scope("acme")).await.unwrap();
    assert_eq!(world.count("originals").await, 1);
    assert_eq!(
        world
            .count("event_originals WHERE tenant_id = 'acme'")
            .await,
        0
    );
    assert_eq!(
        read(&world, &["globex", "acme"], 2).await,
        Err(Reason::NotFound)
    );
    send(&world, "late-2", late()).await;
    assert_eq!(read(&world, &["hooli"], 7).await, Err(Reason::NotFound));
    // A repetition brings back nothing, neither by those who are left nor in the name of all.
    send(&world, "b2", vec![original(&[("globex", 2)], "x")]).await;
    let all = original(&[("acme", 1), ("globex", 2)], "x");
    send(&world, "b3", vec![all]).await;
    assert_eq!(world.count("originals").await, 1);
    assert_eq!(
        read(&world, &["globex", "hooli"], 4).await,
        Ok("elsewhere".to_owned())
    );
}

#[tokio::test]
async fn a_check_says_which_original_does_not_hold() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let shared = |byte: u8| original(&[("acme", byte), ("globex", byte + 1)], "what happened");
    send(&world, "b1", vec![shared(1), shared(3)]).await;
    world.clock.advance(jiff::SignedDuration::from_secs(1)); // so that its id is no minimum
    send(&world, "b2", vec![shared(5)]).await;
    let spoilt = world
        .tamper("UPDATE originals SET sealed = x'00000000000000000000000000000000000000000000000000000000000000000000000000000000' WHERE original_id = (SELECT min(original_id) FROM originals)")
        .await;
    let unnamed = world
        .tamper("DELETE FROM event_originals WHERE tenant_id = 'globex' AND event_name = x'06060606060606060606060606060606'")
        .await;
    assert_eq!((spoilt, unnamed), (1, 1));
    let report = world.db.verify_originals(&JobRunner::new()).await.unwrap();
    assert_eq!((report.sound, report.faults.len()), (1, 2), "{report:?}");
    // Keys that are gone though nobody was deleted are no destruction.
    world
        .tamper("DELETE FROM tenant_keys WHERE tenant_id = 'globex'")
        .await;
    let world = world.reopened().await;
    let report = world.db.verify_originals(&JobRunner::new()).await.unwrap();
    assert_eq!(
        (report.destroyed, report.faults.len()),
        (0, 3),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_backfill_brings_originals_of_its_tenant_alone() {
    let world = World::new().await;
    world.create(&["acme", "globex", "hooli"]).await;
    let bring = async |scope: &TenantScope, id: &str, parties: &[(&str, u8)]| {
        let mut batch = batch(id, vec![block(scope.tenant().as_str(), 1, "late")]);
        batch.originals.push(original(parties, "what happened"));
        world
            .db
            .append_backfill(scope, &source_id("trail"), batch)
            .await
    };
    let hooli = job_scope("hooli");
    assert!(
        bring(&hooli, "b1", &[("acme", 1), ("globex", 2)])
            .await
            .is_err()
    );
    bring(&hooli, "b2", &[("acme", 1), ("hooli", 3)])
        .await
        .unwrap();
    assert_eq!(
        read(&world, &["acme", "hooli"], 1).await,
        Ok("what happened".to_owned())
    );
    let disordered = bring(&hooli, "b3", &[("hooli", 3), ("acme", 1)]).await;
    assert_eq!(disordered.unwrap_err().reason(), Reason::Internal);
}
