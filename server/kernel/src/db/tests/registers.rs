//! The provider's registers, and keys that follow them.

use jiff::{SignedDuration, Timestamp};

use super::super::registers::{NewTenant, SetStatus};
use super::super::testing::*;
use super::super::{BatchOutcome, ProviderTx};
use crate::audit::AuditEntry;
use crate::auth::principal::tests::principal;
use crate::auth::{Home, Role, SourceStatus, StandingSource, TenantStatus};
use crate::error::{Reason, Result};
use crate::keys::{KeyId, KeyService};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Does `work` in a transaction of the provider's and commits what succeeds.
async fn change<T>(
    world: &World,
    work: impl AsyncFnOnce(&mut ProviderTx<'_>) -> Result<T>,
) -> Result<T> {
    let (scope, permit) = provider();
    let mut tx = world.db.provider_tx(&scope, &permit).await?;
    let done = work(&mut tx).await?;
    tx.commit(AuditEntry::new(&permit)).await?;
    Ok(done)
}

fn new_tenant(id: &str, parent: Option<&str>) -> NewTenant {
    NewTenant {
        tenant: tenant_id(id),
        display_name: id.to_owned(),
        parent: parent.map(tenant_id),
        home_region: "local".to_owned(),
        billing_organisation: None,
    }
}

async fn create(world: &World, new: NewTenant) -> Result<()> {
    let (staff, _) = provider();
    let keys = world.db.first_keys(&staff, &new.tenant).await?;
    change(world, async |tx| tx.create_tenant(&new, keys).await).await
}

#[tokio::test]
async fn a_tenants_id_is_given_out_once() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let again = create(&world, new_tenant("acme", None)).await;
    assert_eq!(again.unwrap_err().reason(), Reason::AlreadyExists);
    change(&world, async |tx| {
        tx.delete_tenant(&tenant_id("acme")).await
    })
    .await
    .unwrap();
    world
        .db
        .keyring()
        .destroy_tenant(&tenant_id("acme"))
        .await
        .unwrap();
    let again = create(&world, new_tenant("acme", None)).await;
    assert_eq!(again.unwrap_err().reason(), Reason::FailedPrecondition);
    let gone = change(&world, async |tx| {
        tx.set_tenant_status(&tenant_id("acme"), SetStatus::Active)
            .await
    })
    .await;
    assert_eq!(gone.unwrap_err().reason(), Reason::NotFound);
}

#[tokio::test]
async fn a_creation_that_is_not_committed_can_be_tried_again() {
    let world = World::new().await;
    {
        let (scope, permit) = provider();
        let new = new_tenant("acme", None);
        let keys = world.db.first_keys(&scope, &new.tenant).await.unwrap();
        let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
        tx.create_tenant(&new, keys).await.unwrap();
    }
    assert_eq!(
        StandingSource::tenant(&world.db, &tenant_id("acme"))
            .await
            .unwrap(),
        None
    );
    world.create(&["acme"]).await;
    let outcome = world
        .append("trail", vec![batch("b1", vec![block("acme", 1, "x")])])
        .await;
    assert_eq!(outcome, [BatchOutcome::Stored]);
    assert_eq!(world.journal("acme").await.len(), 1);
}

#[tokio::test]
async fn tenants_lie_one_level_deep() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let below = new_tenant("acme-eu", Some("acme"));
    create(&world, below).await.unwrap();
    for (id, parent) in [
        ("acme-fr", "acme-eu"),
        ("orphan", "nobody"),
        ("self-made", "self-made"),
    ] {
        let error = create(&world, new_tenant(id, Some(parent))).await;
        assert_eq!(
            error.unwrap_err().reason(),
            Reason::FailedPrecondition,
            "{id}"
        );
    }
}

#[tokio::test]
async fn an_account_is_one_tenants_at_a_time() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let account: crate::ids::AccountId = "aws:123456789012".parse().unwrap();
    let add = async |tenant: &str, from: &str, to: Option<&str>| {
        let tenant = tenant_id(tenant);
        change(&world, async |tx| {
            tx.add_account(&tenant, &account, at(from), to.map(at))
                .await
        })
        .await
    };
    add("acme", "2024-01-01T00:00:00Z", Some("2025-01-01T00:00:00Z"))
        .await
        .unwrap();
    for (tenant, from, to) in [
        ("globex", "2024-06-01T00:00:00Z", None),
        ("globex", "2023-01-01T00:00:00Z", None),
        (
            "globex",
            "2023-01-01T00:00:00Z",
            Some("2024-01-01T00:00:00.000000001Z"),
        ),
        ("acme", "2024-12-31T00:00:00Z", None),
    ] {
        let error = add(tenant, from, to).await.unwrap_err();
        assert_eq!(error.reason(), Reason::AlreadyExists, "{tenant} {from}");
        assert!(!error.message().contains("acme"));
    }
    add("globex", "2025-01-01T00:00:00Z", None).await.unwrap();
    add("acme", "2023-01-01T00:00:00Z", Some("2024-01-01T00:00:00Z"))
        .await
        .unwrap();
    let wrong = add("acme", "2022-01-01T00:00:00Z", Some("2022-01-01T00:00:00Z"))
        .await
        .unwrap_err();
    assert_eq!(wrong.reason(), Reason::InvalidArgument);
    assert_eq!(
        add("nobody", "2020-01-01T00:00:00Z", None)
            .await
            .unwrap_err()
            .reason(),
        Reason::NotFound
    );

    let (globex, now) = (tenant_id("globex"), world.env.now());
    change(&world, async |tx| {
        tx.end_account(&globex, &account, now).await
    })
    .await
    .unwrap();
    let error = change(&world, async |tx| {
        tx.end_account(&globex, &account, now).await
    })
    .await;
    assert_eq!(error.unwrap_err().reason(), Reason::NotFound);
    add("acme", START, None).await.unwrap();

    let rows = world
        .db
        .directory(&ingest("trail"), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rows.accounts.len(), 4);
    let version = rows.version;
    assert!(
        world
            .db
            .directory(&ingest("trail"), Some(version))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        world.db.directory_version(&ingest("trail")).await.unwrap(),
        version
    );
    world.create(&["initech"]).await;
    assert!(
        world
            .db
            .directory(&ingest("trail"), Some(version))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn an_address_may_pass_from_one_tenant_to_another() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let add = async |tenant: &str, from: &str, to: Option<&str>| {
        let tenant = tenant_id(tenant);
        change(&world, async |tx| {
            tx.add_resource(&tenant, "address", "10.0.0.7", at(from), to.map(at))
                .await
        })
        .await
    };
    add("acme", "2026-01-01T00:00:00Z", Some("2026-01-08T00:00:00Z"))
        .await
        .unwrap();
    assert_eq!(
        add("globex", "2026-01-07T00:00:00Z", None)
            .await
            .unwrap_err()
            .reason(),
        Reason::AlreadyExists
    );
    add("globex", "2026-01-08T00:00:00Z", None).await.unwrap();
    let rows = world
        .db
        .directory(&ingest("trail"), None)
        .await
        .unwrap()
        .unwrap();
    let spans: Vec<_> = rows
        .resources
        .iter()
        .map(|r| (r.tenant.as_str(), r.valid_to.is_some()))
        .collect();
    assert_eq!(spans, [("acme", true), ("globex", false)]);
}

#[tokio::test]
async fn the_gate_hears_of_standing_at_once() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let changes = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&changes);
    world.db.on_change(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    let acme = tenant_id("acme");
    assert_eq!(
        StandingSource::tenant(&world.db, &acme).await.unwrap(),
        Some(TenantStatus::Active)
    );
    change(&world, async |tx| {
        tx.set_tenant_status(&acme, SetStatus::Suspended).await
    })
    .await
    .unwrap();
    assert_eq!(changes.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(
        StandingSource::tenant(&world.db, &acme).await.unwrap(),
        Some(TenantStatus::Suspended)
    );
    assert_eq!(
        StandingSource::tenant(&world.db, &tenant_id("nobody"))
            .await
            .unwrap(),
        None
    );

    let who = principal(5, "tenants/acme", Role::Reader);
    let until = world.env.now() + SignedDuration::from_hours(1);
    change(&world, async |tx| {
        tx.add_credential(&who, &[1; 32], until).await
    })
    .await
    .unwrap();
    let record = world
        .db
        .credential(who.credential())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((record.principal, record.revoked), (who.clone(), false));
    let acme_scope = scope("acme");
    let permit = permit(&acme_scope);
    let tx = world.db.tenant_tx(&acme_scope, &permit).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    assert_eq!(
        changes.load(std::sync::atomic::Ordering::SeqCst),
        3,
        "a tenant's own change counts too"
    );

    let twice = change(&world, async |tx| {
        tx.add_credential(&who, &[1; 32], until).await
    })
    .await;
    assert_eq!(twice.unwrap_err().reason(), Reason::AlreadyExists);
    let mut tx = world.db.tenant_tx(&acme_scope, &permit).await.unwrap();
    let foreign = principal(6, "tenants/globex", Role::Reader);
    assert_eq!(
        tx.add_credential(&foreign, &[1; 32], until)
            .await
            .unwrap_err()
            .reason(),
        Reason::PermissionDenied
    );
    drop(tx);

    change(&world, async |tx| tx.delete_tenant(&acme).await)
        .await
        .unwrap();
    assert_eq!(
        StandingSource::tenant(&world.db, &acme).await.unwrap(),
        None
    );
    assert!(
        world
            .db
            .credential(who.credential())
            .await
            .unwrap()
            .unwrap()
            .revoked
    );
    assert!(matches!(who.home(), Home::Tenant(_)));

    world
        .tamper(
            "INSERT INTO sources VALUES ('trail', 'T', 'aws.cloudtrail', 'active', 0, 0, 'e'), \
        ('flows', 'F', 'aws.vpcflow', 'disabled', 0, 0, 'e')",
        )
        .await;
    let standing = async |s| {
        StandingSource::source(&world.db, &source_id(s))
            .await
            .unwrap()
    };
    assert_eq!(standing("trail").await, Some(SourceStatus::Active));
    assert_eq!(standing("flows").await, Some(SourceStatus::Disabled));
    assert_eq!(standing("other").await, None);
}

#[tokio::test]
async fn a_destroyed_key_opens_nothing_not_even_from_a_backup() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let blocks = vec![block("acme", 1, "a"), block("globex", 1, "g")];
    world.append("trail", vec![batch("b1", blocks)]).await;
    assert_eq!(world.journal("acme").await.len(), 1);
    let key_file = world.dir.path().join("keys");
    let backup = std::fs::read(&key_file).unwrap();

    change(&world, async |tx| {
        tx.delete_tenant(&tenant_id("acme")).await
    })
    .await
    .unwrap();
    world
        .db
        .keyring()
        .destroy_tenant(&tenant_id("acme"))
        .await
        .unwrap();
    let error = world
        .db
        .journal_blocks(&scope("acme"), &[1])
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::NotFound);
    assert_eq!(world.journal("globex").await.len(), 1);
    // Events that still come for it are dropped, and their source goes on.
    let blocks = vec![block("acme", 1, "a"), block("globex", 1, "g")];
    assert_eq!(
        world.append("trail", vec![batch("b2", blocks)]).await,
        [BatchOutcome::Stored]
    );
    assert_eq!(world.journal("globex").await.len(), 2);

    // The whole key file comes back from a backup: the destruction list stands.
    world.db.close().await;
    std::fs::write(&key_file, backup).unwrap();
    let world = world.reopened().await;
    assert_eq!(
        world
            .db
            .journal_blocks(&scope("acme"), &[1])
            .await
            .unwrap_err()
            .reason(),
        Reason::NotFound
    );
    assert_eq!(world.journal("globex").await.len(), 2);
    let listed = world.keys.list_destroyed().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, KeyId::tenant(&tenant_id("acme")));
}

#[tokio::test]
async fn a_rotated_data_key_seals_and_the_old_one_still_opens() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let one = |n: u32| batch(&format!("b{n}"), vec![block("acme", 1, &n.to_string())]);
    world.append("trail", vec![one(1)]).await;
    world
        .tamper("UPDATE tenant_head SET key_uses = 4294967296")
        .await;
    let worn = world
        .db
        .append(&ingest("trail"), flush(vec![one(2)]))
        .await
        .unwrap_err();
    assert_eq!(worn.reason(), Reason::FailedPrecondition);
    let (staff, permit) = provider();
    let keyring = std::sync::Arc::clone(world.db.keyring());
    let acme = tenant_id("acme");
    let next = keyring.next_key(&acme).await.unwrap();
    let late = keyring.next_key(&acme).await.unwrap();
    let mut tx = world.db.provider_tx(&staff, &permit).await.unwrap();
    let version = keyring.rotate_tenant(tx.conn(), &acme, next).await.unwrap();
    assert_eq!(version, Some(2));
    let overtaken = keyring.rotate_tenant(tx.conn(), &acme, late).await.unwrap();
    assert_eq!(overtaken, None, "another key has that version");
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    keyring.forget(&KeyId::tenant(&tenant_id("acme")));
    world.append("trail", vec![one(2)]).await;
    // It seals when every server knows it.
    world.clock.advance(SignedDuration::from_mins(6));
    world.append("trail", vec![one(3)]).await;
    let journal = world.journal_and_payloads();
    let versions = world
        .ask_bytes(&format!(
            "SELECT substr(payload, 1, 5) FROM {journal} ORDER BY first_seq"
        ))
        .await;
    assert_eq!(
        versions,
        [[1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1, 0, 0, 0, 2]]
    );
    assert_eq!(world.journal("acme").await.len(), 3);
}

#[tokio::test]
async fn unwrapped_keys_live_five_minutes() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    world
        .append("trail", vec![batch("b1", vec![block("acme", 1, "x")])])
        .await;
    // Destroyed by another process: this one may serve it for five minutes and no longer.
    let other = key_file(world.dir.path().join("keys"), &world.env).await;
    other
        .destroy(&KeyId::tenant(&tenant_id("acme")))
        .await
        .unwrap();
    assert_eq!(world.journal("acme").await.len(), 1);
    world.clock.advance(SignedDuration::from_secs(301));
    assert!(world.db.journal_blocks(&scope("acme"), &[1]).await.is_err());
}

#[tokio::test]
async fn what_is_beside_the_registers_has_nobody_read_them_anew() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let version = async || {
        let scope = ingest("trail");
        world.db.directory_version(&scope).await.unwrap()
    };
    let before = version().await;
    let (scope, permit) = provider();
    let db = &world.db;
    let tx = db.provider_tx_beside_registers(&scope, &permit).await;
    let entry = AuditEntry::new(&permit);
    tx.unwrap().commit(entry).await.unwrap();
    assert_eq!(version().await, before);
    let tx = db.provider_tx(&scope, &permit).await.unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    assert_eq!(version().await, before + 1);
    // What is about a tenant holds the registers.
    let tx = db.provider_tx_beside_registers(&scope, &permit).await;
    let mut tx = tx.unwrap();
    tx.mark_tenant(&tenant_id("acme"), "suspended")
        .await
        .unwrap();
    let refused = tx.commit(AuditEntry::new(&permit)).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Internal);
    assert_eq!(world.count("tenants WHERE status = 'suspended'").await, 0);
}
