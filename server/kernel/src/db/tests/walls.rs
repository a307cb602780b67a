//! One tenant's transaction is no other's, and nothing is half done.

use super::super::testing::*;
use crate::audit::AuditEntry;
use crate::auth::principal::tests::principal;
use crate::auth::{Action, Permit, ProviderScope};
use crate::auth::{Role, TenantScope};
use crate::error::Reason;
use crate::names::Name;

const INSERT: &str = "INSERT INTO resources (tenant_id, resource_id, kind, identifier, valid_from, \
    created_time, updated_time, etag) VALUES ($1, $2, 'instance', 'i-1', 0, 0, 0, 'e')";

async fn resources(world: &World, tenant: &str) -> i64 {
    let scope = scope(tenant);
    let mut read = world.db.tenant_read(&scope).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM resources")
        .fetch_one(read.conn())
        .await
        .unwrap()
}

async fn insert(world: &World, tenant: &str, id: &str) {
    let scope = scope(tenant);
    let permit = permit(&scope);
    let mut tx = world.db.tenant_tx(&scope, &permit).await.unwrap();
    sqlx::query(INSERT)
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

#[tokio::test]
async fn a_transaction_of_one_tenant_cannot_write_anothers_rows() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    insert(&world, "globex", "g1").await;
    insert(&world, "acme", "a1").await;
    let acme = scope("acme");
    let permit = permit(&acme);
    for sql in [
        INSERT.replace("$1", "'globex'").replace("$2", "'g2'"),
        INSERT.replace("$1", "''").replace("$2", "'g2'"),
        "UPDATE resources SET identifier = 'i-2' WHERE tenant_id = 'globex'".to_owned(),
        "UPDATE resources SET identifier = 'i-2'".to_owned(), // the WHERE that somebody forgot
        "UPDATE resources SET tenant_id = 'globex' WHERE tenant_id = 'acme'".to_owned(),
        "DELETE FROM resources".to_owned(),
        "DELETE FROM audit_log".to_owned(),
        "UPDATE tenant_head SET seq = 0".to_owned(),
        "INSERT INTO sources VALUES ('s-1', 'S', 't', 'active', 0, 0, 'e')".to_owned(),
        "DELETE FROM batches".to_owned(),
        "UPDATE provider_audit_head SET seq = 7".to_owned(),
        "INSERT INTO credentials VALUES ('provider', 'c', 's', 'operator', x'00', 0, 1, NULL)"
            .to_owned(),
        "INSERT INTO credentials VALUES ('tenants/globex', 'c', 's', 'admin', x'00', 0, 1, NULL)"
            .to_owned(),
    ] {
        if sql.starts_with("DELETE FROM batches") {
            world.append("trail", vec![batch("b1", vec![])]).await;
        }
        let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
        let done = sqlx::query(sqlx::AssertSqlSafe(world.words(&sql)))
            .execute(tx.conn())
            .await;
        // A row policy leaves others' rows out where SQLite's guard refuses the statement: what is
        // forgotten then reaches acme's one row.
        let own =
            i64::from(world.postgres.is_some() && !sql.contains("WHERE tenant_id = 'globex'"));
        if let Ok(done) = done {
            assert!(world.postgres.is_some(), "{sql}");
            let changed = i64::try_from(done.rows_affected()).unwrap();
            assert!(changed <= own, "{sql}: {changed}");
        }
        drop(tx);
    }
    assert_eq!(resources(&world, "globex").await, 1);
    assert_eq!(resources(&world, "acme").await, 1);
    // Its own it may, with upsert and all.
    let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
    let upsert = format!(
        "{INSERT} ON CONFLICT (tenant_id, resource_id) DO UPDATE SET identifier = 'i-9' RETURNING identifier"
    );
    let new: String = sqlx::query_scalar(sqlx::AssertSqlSafe(upsert))
        .bind("acme")
        .bind("a1")
        .fetch_one(tx.conn())
        .await
        .unwrap();
    assert_eq!(new, "i-9");
    let own =
        "INSERT INTO credentials VALUES ('tenants/acme', 'c', 's', 'admin', x'00', 0, 1, NULL)";
    sqlx::query(sqlx::AssertSqlSafe(world.words(own)))
        .execute(tx.conn())
        .await
        .unwrap();
    tx.commit(AuditEntry::new(&permit)).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_shows_the_tenants_rows_alone_and_writes_nothing() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    insert(&world, "globex", "g1").await;
    insert(&world, "globex", "g2").await;
    insert(&world, "acme", "a1").await;
    // The same connections serve both, one after the other.
    for _ in 0..3 {
        assert_eq!(resources(&world, "globex").await, 2);
        assert_eq!(resources(&world, "acme").await, 1);
    }
    let acme = scope("acme");
    for hidden in [
        "SELECT count(*) FROM resources WHERE tenant_id = 'globex'",
        "SELECT count(*) FROM audit_log WHERE tenant_id <> 'acme'",
        "SELECT count(*) FROM provider_audit_log",
        "SELECT count(*) FROM signing_keys",
        "SELECT count(*) FROM tenants WHERE tenant_id <> 'acme'",
        "SELECT count(*) FROM directory_version",
    ] {
        // What is no tenant's at all PostgreSQL refuses to show.
        let mut read = world.db.tenant_read(&acme).await.unwrap();
        match sqlx::query_scalar::<_, i64>(hidden)
            .fetch_one(read.conn())
            .await
        {
            Ok(n) => assert_eq!(n, 0, "{hidden}"),
            Err(_) => assert!(world.postgres.is_some(), "{hidden}"),
        }
    }
    let writes = match world.postgres {
        None => [
            "DELETE FROM main.resources WHERE tenant_id = 'acme'",
            "UPDATE temp.cordon_scope SET tenant_id = 'globex'",
        ],
        Some(_) => [
            "DELETE FROM resources WHERE tenant_id = 'acme'",
            "SET TRANSACTION READ WRITE",
        ],
    };
    for write in writes {
        let mut read = world.db.tenant_read(&acme).await.unwrap();
        assert_eq!(read.tenant().as_str(), "acme");
        assert!(
            sqlx::query(write).execute(read.conn()).await.is_err(),
            "{write}"
        );
    }
}

#[tokio::test]
async fn a_query_that_forgot_for_whom_a_fact_is_sees_ones_own() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    world
        .tamper("INSERT INTO tenant_services VALUES ('globex', 'compute', 'iaas', 0, '[]')")
        .await;
    for (id, audience, audience_id) in [
        ("f-acme", "tenant", "acme"),
        ("f-all", "everyone", ""),
        ("f-globex", "tenant", "globex"),
        ("f-users", "service", "compute"),
    ] {
        let row = format!(
            "INSERT INTO facts VALUES ('{id}', 1, 'regions', '{audience}', '{audience_id}', '', '', 't', 'x', NULL, NULL, 0, '', 0, 'root', 'e')"
        );
        world.tamper(&row).await;
    }
    for (tenant, expected) in [
        ("acme", &["f-acme", "f-all"][..]),
        ("globex", &["f-all", "f-globex", "f-users"]),
    ] {
        let scope = scope(tenant);
        let mut read = world.db.tenant_read(&scope).await.unwrap();
        let seen: Vec<String> = sqlx::query_scalar("SELECT fact_id FROM facts ORDER BY fact_id")
            .fetch_all(read.conn())
            .await
            .unwrap();
        assert_eq!(seen, expected, "{tenant}");
    }
    let acme = scope("acme");
    let permit = permit(&acme);
    for write in [
        "INSERT INTO facts VALUES ('f', 1, 'regions', 'tenant', 'acme', '', '', 't', 'x', NULL, NULL, 0, '', 0, 'root', 'e')",
        "UPDATE facts SET title = 'x' WHERE fact_id = 'f-acme'",
        "DELETE FROM facts",
    ] {
        let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
        assert!(
            sqlx::query(write).execute(tx.conn()).await.is_err(),
            "{write}"
        );
    }
}

#[tokio::test]
async fn a_snapshot_does_not_move() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let mut read = world.db.tenant_read(&acme).await.unwrap();
    let count = "SELECT count(*) FROM resources";
    let before: i64 = sqlx::query_scalar(count)
        .fetch_one(read.conn())
        .await
        .unwrap();
    insert(&world, "acme", "a1").await;
    let after: i64 = sqlx::query_scalar(count)
        .fetch_one(read.conn())
        .await
        .unwrap();
    assert_eq!((before, after), (0, 0));
    drop(read);
    assert_eq!(resources(&world, "acme").await, 1);
}

#[tokio::test]
async fn a_permit_of_another_scope_begins_nothing() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let (acme, globex) = (scope("acme"), scope("globex"));
    let foreign = permit(&globex);
    let error = world.db.tenant_tx(&acme, &foreign).await.err().unwrap();
    assert_eq!(error.reason(), Reason::PermissionDenied);
    let stranger = TenantScope::own(
        tenant_id("acme"),
        principal(3, "tenants/acme", Role::Reader),
    );
    assert!(world.db.tenant_tx(&stranger, &permit(&acme)).await.is_err());
    let (_, staff) = provider();
    assert!(world.db.tenant_tx(&acme, &staff).await.is_err());
    let other = ProviderScope::new(principal(4, "provider", Role::Auditor));
    assert!(world.db.provider_tx(&other, &staff).await.is_err());
}

#[tokio::test]
async fn a_dropped_transaction_rolls_back_and_the_next_one_gets_its_turn() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let permit = permit(&acme);
    for n in 0..6 {
        let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
        sqlx::query(INSERT)
            .bind("acme")
            .bind(n.to_string())
            .execute(tx.conn())
            .await
            .unwrap();
        drop(tx);
    }
    assert_eq!(resources(&world, "acme").await, 0);
    insert(&world, "acme", "kept").await;
    assert_eq!(resources(&world, "acme").await, 1);
    let log = world.db.audit_page(&acme, None, 100).await.unwrap();
    let changes = log
        .records
        .iter()
        .filter(|r| r.record.action == "RevokeCredential")
        .count();
    assert_eq!(
        changes, 1,
        "no entry without an effect, no effect without an entry"
    );
}

#[tokio::test]
async fn a_cancelled_write_leaves_nothing() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let permit = permit(&acme);
    let mut kept = 0;
    for n in 0..60u64 {
        let id = n.to_string();
        let work = async {
            let mut tx = world.db.tenant_tx(&acme, &permit).await?;
            sqlx::query(INSERT)
                .bind("acme")
                .bind(id)
                .execute(tx.conn())
                .await?;
            tx.commit(AuditEntry::new(&permit)).await
        };
        let done = tokio::time::timeout(std::time::Duration::from_micros(n * 60), work).await;
        if let Ok(done) = done {
            done.unwrap();
            kept += 1;
        }
    }
    // One that was cancelled while it committed may have; then both are there.
    let rows = resources(&world, "acme").await;
    let log = world.db.audit_page(&acme, None, 1_000).await.unwrap();
    let entries = log
        .records
        .iter()
        .filter(|r| r.record.action == "RevokeCredential")
        .count();
    assert!(rows >= kept, "{rows} {kept}");
    assert_eq!(usize::try_from(rows).unwrap(), entries);
    assert_eq!(world.db.verify_audit(&acme).await.unwrap().broken_at, None);
}

#[tokio::test]
async fn an_entry_of_another_action_or_tenant_commits_nothing() {
    let world = World::new().await;
    world.create(&["acme", "globex"]).await;
    let acme = scope("acme");
    let permit = permit(&acme);
    let other = Permit::for_tenant(Action::SearchEvents, &acme);
    for entry in [
        AuditEntry::new(&other),
        AuditEntry::new(&permit).resource(Name::Tenant(tenant_id("globex"))),
    ] {
        let mut tx = world.db.tenant_tx(&acme, &permit).await.unwrap();
        sqlx::query(INSERT)
            .bind("acme")
            .bind("x")
            .execute(tx.conn())
            .await
            .unwrap();
        assert_eq!(
            tx.commit(entry).await.unwrap_err().reason(),
            Reason::Internal
        );
    }
    assert_eq!(resources(&world, "acme").await, 0);
}

#[tokio::test]
async fn the_provider_reaches_its_registers_and_no_tenants_data() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    world
        .append("trail", vec![batch("b1", vec![block("acme", 1, "x")])])
        .await;
    let (staff, permit) = provider();
    for sql in [
        "DELETE FROM journal",
        "INSERT INTO quarantine VALUES ('q', 's', 'b', 0, x'00')",
        "DELETE FROM batches",
        "INSERT INTO system_keys VALUES ('k', 'data', 1, x'', 0)",
    ] {
        let mut tx = world.db.provider_tx(&staff, &permit).await.unwrap();
        let sql = sqlx::AssertSqlSafe(world.words(sql));
        assert!(sqlx::query(sql).execute(tx.conn()).await.is_err());
    }
    for hidden in [
        "journal",
        "tenant_head",
        "audit_log",
        "tenant_keys",
        "signing_keys",
        "tenant_sources",
    ] {
        let sql = format!("SELECT count(*) FROM {hidden}");
        let sql = sqlx::AssertSqlSafe(sql);
        let mut read = world.db.provider_read(&staff).await.unwrap();
        match sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(read.conn())
            .await
        {
            Ok(n) => assert_eq!(n, 0, "{hidden}"),
            Err(_) => assert!(world.postgres.is_some(), "{hidden}"),
        }
    }
    let mut read = world.db.provider_read(&staff).await.unwrap();
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM tenants")
        .fetch_one(read.conn())
        .await
        .unwrap();
    assert_eq!(n, 1);
}
