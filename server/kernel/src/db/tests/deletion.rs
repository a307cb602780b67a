//! How a tenant ends: what it waits for, what is destroyed, what is certified, and that nothing
//! comes back.

use jiff::SignedDuration;

use super::super::deletion::{Due, LONGEST_WAIT, SHORTEST_WAIT};
use super::super::jobs::{DELETE, JobClaim, JobRunner, Lane, PURGE};
use super::super::testing::*;
use crate::audit::AuditEntry;
use crate::auth::token::TokenConfig;
use crate::error::{Reason, Result};
use crate::facade::{Kernel, KernelConfig, Removal};
use crate::keys::KeyId;

async fn kernel(world: &World) -> Kernel {
    Kernel::open(KernelConfig {
        env: world.env.clone(),
        db: world.config.clone(),
        keys: std::sync::Arc::clone(&world.keys),
        token: TokenConfig::default(),
        trusted: Vec::new(),
        authority_name: "Test".to_owned(),
        migrate: false,
    })
    .await
    .unwrap()
}

async fn change<T>(
    world: &World,
    what: impl AsyncFnOnce(&mut super::super::ProviderTx<'_>) -> Result<T>,
) -> Result<T> {
    let (scope, permit) = provider();
    let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
    let done = what(&mut tx).await?;
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
    Ok(done)
}

/// Suspends and has deleted after the shortest time.
async fn schedule(world: &World, tenant: &str) {
    let tenant = tenant_id(tenant);
    change(world, async |tx| {
        tx.set_tenant_status(&tenant, super::super::registers::SetStatus::Suspended)
            .await?;
        tx.schedule_deletion(&tenant, SHORTEST_WAIT).await
    })
    .await
    .unwrap();
}

async fn claim(world: &World, job: &str) -> Option<JobClaim> {
    let runner = JobRunner::new();
    let lease = SignedDuration::from_mins(10);
    let claims = world.db.claim_jobs(&runner, Lane::Bulk, lease, 100).await;
    claims.unwrap().into_iter().find(|claim| claim.job() == job)
}

async fn place_hold(world: &World) {
    world
        .tamper(
            "INSERT INTO legal_holds VALUES ('acme', '01920000-0000-7000-8000-000000000001', 'court', '', 0, NULL)",
        )
        .await;
}

#[tokio::test]
async fn a_deletion_waits_seven_to_thirty_days_and_can_be_called_off() {
    let world = World::new().await;
    let kernel = kernel(&world).await;
    world.create(&["acme"]).await;
    let acme = tenant_id("acme");
    let schedule_at = async |wait: SignedDuration| {
        change(&world, async |tx| tx.schedule_deletion(&acme, wait).await).await
    };
    let second = SignedDuration::from_secs(1);
    let active = schedule_at(SHORTEST_WAIT).await.unwrap_err();
    assert_eq!(active.reason(), Reason::FailedPrecondition, "not suspended");
    schedule(&world, "acme").await;
    for wait in [SHORTEST_WAIT - second, LONGEST_WAIT + second] {
        let error = schedule_at(wait).await.unwrap_err();
        assert_eq!(error.violations()[0].field, "waiting_period");
    }
    let twice = schedule_at(LONGEST_WAIT).await.unwrap_err();
    assert_eq!(twice.reason(), Reason::FailedPrecondition);

    assert!(claim(&world, DELETE).await.is_none(), "not due");
    change(&world, async |tx| tx.call_off_deletion(&acme).await)
        .await
        .unwrap();
    let again = change(&world, async |tx| tx.call_off_deletion(&acme).await).await;
    assert_eq!(again.unwrap_err().reason(), Reason::FailedPrecondition);
    world.clock.advance(SHORTEST_WAIT);
    let due = claim(&world, DELETE).await.unwrap();
    assert_eq!(kernel.delete_due(&due).await.unwrap(), Due::CalledOff);
    world.db.job_done(due).await.unwrap();
    assert_eq!(world.count("tenants WHERE status = 'suspended'").await, 1);
    assert!(world.keys.list_destroyed().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hold_keeps_a_tenant_before_and_while_its_deletion_waits() {
    let world = World::new().await;
    let kernel = kernel(&world).await;
    world.create(&["acme"]).await;
    let acme = tenant_id("acme");
    schedule(&world, "acme").await;
    place_hold(&world).await;
    world.clock.advance(SHORTEST_WAIT);
    let due = claim(&world, DELETE).await.unwrap();
    let hour = world.env.now() + SignedDuration::from_hours(1);
    assert_eq!(kernel.delete_due(&due).await.unwrap(), Due::NotBefore(hour));
    world.db.job_again(due, hour).await.unwrap();

    change(&world, async |tx| tx.call_off_deletion(&acme).await)
        .await
        .unwrap();
    let again = async || {
        change(&world, async |tx| {
            tx.schedule_deletion(&acme, SHORTEST_WAIT).await
        })
        .await
    };
    let held = again().await.unwrap_err();
    assert_eq!(held.reason(), Reason::FailedPrecondition);
    assert!(held.message().contains("legal hold"), "{held}");

    world
        .tamper("UPDATE legal_holds SET released_time = 1")
        .await;
    again().await.unwrap();
    world.clock.advance(SHORTEST_WAIT);
    let due = claim(&world, DELETE).await.unwrap();
    assert_eq!(kernel.delete_due(&due).await.unwrap(), Due::Deleted);
}

#[tokio::test]
async fn a_tenant_outlives_its_sub_accounts() {
    let world = World::new().await;
    let kernel = kernel(&world).await;
    world.create(&["acme"]).await;
    schedule(&world, "acme").await;
    world
        .tamper(
            "INSERT INTO tenants VALUES ('acme-lab', '', 'active', 'acme', 'local', 0, 0, 'e', NULL, NULL)",
        )
        .await;
    world.clock.advance(SHORTEST_WAIT);
    let due = claim(&world, DELETE).await.unwrap();
    let later = kernel.delete_due(&due).await.unwrap();
    assert!(matches!(later, Due::NotBefore(_)), "{later:?}");
}

#[tokio::test]
async fn a_claim_that_has_lapsed_deletes_nothing() {
    let world = World::new().await;
    let kernel = kernel(&world).await;
    world.create(&["acme"]).await;
    schedule(&world, "acme").await;
    world.clock.advance(SHORTEST_WAIT);
    let slow = claim(&world, DELETE).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(11));
    let quick = claim(&world, DELETE).await.unwrap();
    let refused = kernel.delete_due(&slow).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::EtagMismatch);
    assert_eq!(world.count("tenants WHERE status = 'deleted'").await, 0);
    assert_eq!(kernel.delete_due(&quick).await.unwrap(), Due::Deleted);
    // As by whoever goes on after a crash between the transaction and the key service.
    assert_eq!(kernel.delete_due(&quick).await.unwrap(), Due::DeletedBefore);
}

/// What stays of a tenant's registrations.
const STAY: [&str; 2] = ["accounts", "resources"];

/// The tables in which something of the tenant's is.
async fn tables_of(world: &World, tenant: &str) -> Vec<String> {
    let mut found = Vec::new();
    for table in [
        "accounts",
        "resources",
        "tenant_keys",
        "journal",
        "tenant_sources",
        "audit_log",
        "segments",
        "segment_payloads",
        "event_originals",
        "legal_holds",
        "key_rotations",
        "jobs",
    ] {
        let rows = world
            .count(&format!("{table} WHERE tenant_id = '{tenant}'"))
            .await;
        if rows > 0 {
            found.push(table.to_owned());
        }
    }
    let credentials = format!("credentials WHERE home = 'tenants/{tenant}'");
    if world.count(&credentials).await > 0 {
        found.push("credentials".to_owned());
    }
    found
}

async fn fill(world: &World) {
    world.create(&["acme", "globex"]).await;
    for n in 0..3 {
        let blocks = vec![block("acme", 1, "a"), block("globex", 1, "g")];
        world
            .append("trail", vec![batch(&format!("b{n}"), blocks)])
            .await;
    }
    for tenant in ["acme", "globex"] {
        for row in [
            "incident_heads VALUES ('@', 1, 1)",
            "incidents VALUES ('@', 'i', 1, 'sev1', 'recovery', 'open', 'amber', 'provider', 0, 0, NULL, NULL, NULL, 'e', x'00', NULL, NULL, NULL, 0, 0)",
            "incident_entries VALUES ('@', 1, 'i', 0, 'opened', 'customer', x'00')",
            "incident_comments VALUES ('@', 'c', 'i', 0, x'00')",
            "incident_tasks VALUES ('@', 't', 'i', 'open', 0, 0, x'00')",
            "finding_heads VALUES ('@', 1)",
            "findings VALUES ('@', 'f', 1, 'k', 'r', 3, 'e', 1, 0, 0, x'00')",
            "detection_rules VALUES ('@', 'r', 1, 1, 'e', 0, 0, x'00')",
            "detection_rule_versions VALUES ('@', 'v', 'r', 0, x'00')",
            "detection_rule_settings VALUES ('@', 'r', NULL, 'e', 0, x'00')",
            "detection_policies VALUES ('@', 'p', 1, 0, 'e', 0, x'00')",
            "finding_incidents VALUES ('@', 'f', 'i', 'opened', 0, 1)",
            "detection_windows VALUES ('@', 'r', 1, x'00')",
            "placements VALUES ('@', 'i', 0, NULL, 'h')",
            "release_memory VALUES ('@', x'00', 1)",
            "release_contributions VALUES ('@', 1, 1)",
            "detection_baselines VALUES ('@', 1, 1, 0, NULL, 0, 'e')",
            "detection_baseline_parts VALUES ('@', '00', x'00')",
            "context_entries VALUES ('@', 'c', 'asset', 'k', 1, 'e', 0, x'00')",
            "context_heads VALUES ('@', 1)",
            "analyses VALUES ('@', 'n', 'running', 0, 'provider', NULL, 0, 0, 0, x'00')",
            "analysis_results VALUES ('@', 'n/0000', x'00')",
            "snapshots VALUES ('@', 's', 'acquiring', 0, 0, 0, x'00')",
            "snapshot_pieces VALUES ('@', 'i', 's', 0, 1, 0, 1, 1)",
            "snapshot_packs VALUES ('@', 'k', 's', 1)",
            "snapshot_manifests VALUES ('@', 's/0000', x'00')",
            "custody_entries VALUES ('@', 's/00000001', x'00')",
            "snapshot_holds VALUES ('@', 'h', 's', 'governance', NULL, NULL, x'00')",
            "incident_origins VALUES ('@', 'p', 'i', 1)",
            "provider_incidents VALUES ('p-@', 'open', 0, 0, 1)",
            "provider_incident_tenants VALUES ('@', 'p-@', 0, 'i', 1)",
            "incident_subscriptions VALUES ('@', 's', 'active', 'clear', '', '', '', 0, 0, 0, 1, 0, 0, 'e', x'00')",
            "incident_deliveries (tenant_id, subscription_id, seq, entry_seq, incident_id, state, created_time, queued_time, attempts, attempted_time, reason, code) VALUES ('@', 's', 1, 1, 'i', 'pending', 0, 0, 0, NULL, '', 0)",
            "incident_attachments VALUES ('@', 'a', 'i', 'uploading', 1, 1, 0, 0, x'00')",
            "incident_attachment_parts VALUES ('@', 'a', 0, 'p', 1)",
            "incident_notes VALUES ('@', 'n', 'i', 0, x'00')",
            "incident_links VALUES ('@', 'l', 'i', 'h', 0, x'00')",
            "note_keys VALUES ('@', 'k', 0, NULL, x'00')",
            "provider_notes VALUES ('@', 'n', 'i', 0, x'00')",
            "request_ids VALUES ('@', 'r', 0, x'00')",
            "sla_reports VALUES ('@', '2026-10', 0, 1, '{}')",
            "sla_freshness VALUES ('@', 20000, 64, 1)",
            "sla_agreements VALUES ('@', 1, 0, NULL, 0, '{}')",
            "tenant_services VALUES ('@', 's', 'iaas', 0, '[]')",
            "facts VALUES ('f-@', 1, 'regions', 'tenant', '@', '', '', 't', 'x', NULL, NULL, 0, '', 0, 'root', 'e')",
        ] {
            let row = row.replace('@', tenant);
            world.tamper(&format!("INSERT INTO {row}")).await;
        }
    }
    let acme = tenant_id("acme");
    let account: crate::ids::AccountId = "aws:123456789012".parse().unwrap();
    change(world, async |tx| {
        tx.add_account(&acme, &account, world.env.now(), None)
            .await?;
        tx.add_resource(&acme, "address", "192.0.2.1", world.env.now(), None)
            .await?;
        let who = own("acme");
        let until = world.env.now() + SignedDuration::from_hours(1);
        tx.add_credential(&who, &[1; 32], until).await
    })
    .await
    .unwrap();
}

/// Deletes acme, which [`fill`] made, and removes what is left of it.
async fn end(world: &World, kernel: &Kernel) -> serde_json::Value {
    schedule(world, "acme").await;
    world.clock.advance(SHORTEST_WAIT);
    let due = claim(world, DELETE).await.unwrap();
    assert_eq!(kernel.delete_due(&due).await.unwrap(), Due::Deleted);
    world.db.job_done(due).await.unwrap();
    remove(world, kernel).await
}

async fn remove(world: &World, kernel: &Kernel) -> serde_json::Value {
    let purge = claim(world, PURGE).await.unwrap();
    let begun = kernel.begin_removal(&purge).await.unwrap();
    let later = world.env.now() + SignedDuration::from_mins(6);
    assert_eq!(begun, Removal::NotBefore(later), "keys are in memory");
    world.db.job_again(purge, later).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(6));
    let purge = claim(world, PURGE).await.unwrap();
    let begun = kernel.begin_removal(&purge).await.unwrap();
    assert_eq!(begun, Removal::Begun);
    kernel.note_objects(&purge, 2, 1_000).await.unwrap();
    kernel.note_objects(&purge, 1, 500).await.unwrap();
    let left = kernel.finish_removal(&purge, 1).await.unwrap_err();
    assert_eq!(left.reason(), Reason::Internal, "an object is left");
    assert_eq!(world.count("deletions WHERE certificate IS NULL").await, 1);
    kernel.finish_removal(&purge, 0).await.unwrap();
    let done = kernel.begin_removal(&purge).await.unwrap();
    assert_eq!(done, Removal::Done);
    world.db.job_done(purge).await.unwrap();
    let envelope = &world.ask_bytes("SELECT certificate FROM deletions").await[0];
    statement(envelope)
}

/// What an envelope says.
fn statement(envelope: &[u8]) -> serde_json::Value {
    use base64::Engine as _;
    let envelope: serde_json::Value = serde_json::from_slice(envelope).unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn all_rows_of_a_deleted_tenant_go_and_the_certificate_says_so() {
    let world = World::new().await;
    let kernel = kernel(&world).await;
    fill(&world).await;
    assert_eq!(tables_of(&world, "acme").await.len(), 8);
    let log_before = world.db.audit_page(&job_scope("globex"), None, 10).await;
    let said = end(&world, &kernel).await;
    assert_eq!(tables_of(&world, "acme").await, STAY);
    // Nobody's later registration reaches into its time.
    let account: crate::ids::AccountId = "aws:123456789012".parse().unwrap();
    let globex = tenant_id("globex");
    let register = async |from| {
        change(&world, async |tx| {
            tx.add_account(&globex, &account, from, None).await
        })
        .await
    };
    let always = register(jiff::Timestamp::MIN).await.unwrap_err();
    assert_eq!(always.reason(), Reason::AlreadyExists);
    register(world.env.now()).await.unwrap();
    assert_eq!(world.journal("globex").await.len(), 3);
    let log_after = world.db.audit_page(&job_scope("globex"), None, 10).await;
    assert_eq!(
        log_before.unwrap().records.len() + 1,
        log_after.unwrap().records.len(),
        "others' logs know nothing but of their own"
    );
    // Nor does a reading by staff begin its log anew.
    let acme = tenant_id("acme");
    change(&world, async |tx| {
        tx.about(&acme);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(tables_of(&world, "acme").await, STAY);

    assert_eq!(said["predicateType"], crate::facade::DELETION);
    assert_eq!(said["subject"][0]["name"], "tenants/acme");
    let predicate = &said["predicate"];
    assert_eq!(predicate["wrappingKey"]["keyService"], "sealed-file");
    let removed = &predicate["removed"];
    for (what, count) in [
        ("objects", 2),
        ("objectBytes", 1_000),
        ("journalBlocks", 3),
        ("journalEntries", 3),
        ("credentials", 1),
        ("wrappedKeys", 2),
    ] {
        assert_eq!(removed[what], count, "{what}: {removed}");
    }
    let verified = &predicate["verified"];
    assert_eq!(verified["journal"]["last"], 3);
    let chain = world
        .ask("SELECT chain FROM audit_head WHERE tenant_id = 'acme'")
        .await;
    assert_eq!(verified["auditLog"]["hash"], chain[0]);
    assert_eq!(said["subject"][0]["digest"]["sha256"], chain[0]);
    for (table, rows) in verified["rowsCounted"].as_object().unwrap() {
        assert_eq!(rows, 0, "{table}");
    }
    // The provider's log has its digest.
    let (scope, _) = provider();
    let log = world.db.provider_audit_page(&scope, None, 100).await;
    let resources: Vec<_> = log
        .unwrap()
        .records
        .into_iter()
        .filter_map(|entry| entry.record.resource)
        .collect();
    let certificate = "tenants/acme/deletionCertificate".to_owned();
    assert!(resources.contains(&certificate), "{resources:?}");
}

#[tokio::test]
async fn nothing_is_certified_while_the_key_still_opens() {
    let world = World::new().await;
    let kernel = kernel(&world).await;
    fill(&world).await;
    let acme = tenant_id("acme");
    let prove = async || world.db.keyring().prove_destroyed(&acme).await;
    assert_eq!(prove().await.unwrap_err().reason(), Reason::Internal);
    let keys = world.dir.path().join("keys");
    let backup = std::fs::read(&keys).unwrap();
    end(&world, &kernel).await;
    prove().await.unwrap();
    // On the list, and yet there.
    std::fs::write(&keys, backup).unwrap();
    let there = prove().await.unwrap_err();
    assert_eq!(there.reason(), Reason::Internal);
}

#[tokio::test]
async fn a_restored_database_does_not_bring_a_deleted_tenant_back() {
    let world = World::on_sqlite().await;
    let kernel = kernel(&world).await;
    fill(&world).await;
    let (database, keys) = (
        world.dir.path().join("cordon.db"),
        world.dir.path().join("keys"),
    );
    let copy = world.dir.path().join("backup.db");
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "VACUUM INTO '{}'",
        copy.display()
    )))
    .execute(world.db.system())
    .await
    .unwrap();
    let key_file = std::fs::read(&keys).unwrap();
    end(&world, &kernel).await;
    kernel.close().await;
    world.db.close().await;

    // Both come back from before: the rows say that the tenant is active.
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", database.display()));
    }
    std::fs::rename(&copy, &database).unwrap();
    std::fs::write(&keys, key_file).unwrap();
    let world = world.reopened().await;
    assert_eq!(
        world
            .count("tenants WHERE tenant_id = 'acme' AND status = 'active'")
            .await,
        1
    );
    let opened = world.db.journal_blocks(&scope("acme"), &[1]).await;
    assert_eq!(opened.unwrap_err().reason(), Reason::NotFound);
    let again = self::kernel(&world).await;
    assert_eq!(
        world
            .count("tenants WHERE tenant_id = 'acme' AND status = 'deleted'")
            .await,
        1
    );
    let unwrapped = world.db.keyring().tenant(&tenant_id("acme")).await;
    assert_eq!(unwrapped.err().unwrap().reason(), Reason::NotFound);
    let made = world
        .keys
        .create_wrapping_key(&KeyId::tenant(&tenant_id("acme")))
        .await;
    assert_eq!(made.unwrap_err().reason(), Reason::FailedPrecondition);
    remove(&world, &again).await;
    assert_eq!(tables_of(&world, "acme").await, STAY);
    assert_eq!(world.journal("globex").await.len(), 3);
}
