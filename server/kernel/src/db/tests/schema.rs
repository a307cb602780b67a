//! The schema, and its migrations.

use sqlx::Row as _;

use super::super::testing::*;
use super::super::{Db, sealed};
use crate::error::Reason;

/// Tables that belong to no tenant. A new table is a tenant's, or is named here with a reason.
pub(super) const NOT_TENANTS: &[(&str, &str)] = &[
    ("address_ranges", "the provider's"),
    ("sources", "the provider's"),
    ("credentials", "by home, of which tenants are one kind"),
    ("directory_version", "one row"),
    ("system_keys", "the server's"),
    ("signing_keys", "the server's"),
    ("batches", "a source's"),
    (
        "journal_payloads",
        "ciphertext that only a tenant's journal row names",
    ),
    ("source_watermarks", "a source's"),
    ("originals", "every party's together: under all their keys"),
    ("quarantine", "nobody's yet"),
    ("quarantine_parties", "nobody's yet"),
    ("dead_letters", "a source's"),
    ("dead_letter_usage", "a source's"),
    ("provider_audit_head", "the provider's"),
    ("provider_audit_log", "the provider's"),
    ("schema_migrations", "the program's"),
    ("servers", "the program's"),
    ("service_minutes", "the service's: when it was ready"),
    ("provider_incidents", "the provider's"),
    ("provider_incident_acts", "the provider's"),
    ("provider_incident_requests", "the provider's"),
    ("provider_rules", "the provider's, for all"),
    ("provider_rule_versions", "the provider's, for all"),
    ("provider_rule_head", "one row"),
    ("provider_rule_requests", "the provider's"),
    ("release_days", "the provider's: a key for each day"),
    ("release_counts", "how many tenants, and no tenant"),
    ("release_organisations", "organisations', not tenants'"),
    (
        "release_questions",
        "an organisation's, which may be many tenants'",
    ),
    (
        "facts",
        "the provider's, shown to those tenants for whom each is",
    ),
];

#[tokio::test]
async fn every_constraint_of_a_tenant_table_begins_with_the_tenant() {
    let world = World::on_sqlite().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(world.db.system())
    .await
    .unwrap();
    assert!(tables.len() > 20);
    for table in tables {
        let columns = sqlx::query("SELECT name, pk FROM pragma_table_info($1)")
            .bind(table.as_str())
            .fetch_all(world.db.system())
            .await
            .unwrap();
        let tenant = columns
            .iter()
            .find(|c| c.get::<String, _>(0) == "tenant_id");
        if NOT_TENANTS.iter().any(|(name, _)| *name == table) {
            assert!(tenant.is_none(), "{table}");
            continue;
        }
        let tenant = tenant.unwrap_or_else(|| panic!("{table} has no tenant_id"));
        assert_eq!(
            tenant.get::<i64, _>(1),
            1,
            "{table}: the primary key begins with tenant_id"
        );
        let keys =
            sqlx::query("SELECT \"from\", \"to\" FROM pragma_foreign_key_list($1) WHERE seq = 0")
                .bind(table.as_str())
                .fetch_all(world.db.system())
                .await
                .unwrap();
        for key in keys {
            let (from, to): (String, String) = (key.get(0), key.get(1));
            assert_eq!(
                (from.as_str(), to.as_str()),
                ("tenant_id", "tenant_id"),
                "{table}: foreign key"
            );
        }
        let unique = sqlx::query(
            "SELECT i.name, c.name FROM pragma_index_list($1) i, pragma_index_info(i.name) c \
              WHERE i.\"unique\" = 1 AND c.seqno = 0",
        )
        .bind(table.as_str())
        .fetch_all(world.db.system())
        .await
        .unwrap();
        for index in unique {
            assert_eq!(
                index.get::<String, _>(1),
                "tenant_id",
                "{table}: unique index"
            );
        }
    }
}

#[tokio::test]
async fn whatever_is_sealed_in_rows_is_sealed_anew_when_a_key_ends() {
    let world = World::on_sqlite().await;
    let mut sealed: Vec<String> = sqlx::query_scalar(
        "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c \
          WHERE t.type = 'table' AND c.name = 'sealed'",
    )
    .fetch_all(world.db.system())
    .await
    .unwrap();
    // The server's own secrets are under the server's own keys.
    sealed.retain(|table| !NOT_TENANTS.iter().any(|(name, _)| name == table));
    // What staff write among themselves is under the staff's key, which no tenant's rotation ends.
    sealed.retain(|table| table != "provider_notes");
    sealed.sort();
    let mut known: Vec<&str> = sealed::TABLES.iter().map(|of| of.table).collect();
    known.sort_unstable();
    assert_eq!(sealed, known);
}

#[tokio::test]
async fn migrations_run_once_and_notice_other_text() {
    let world = World::new().await;
    let again = Db::migrate(&world.config, &world.env).await.unwrap();
    assert_eq!(again.applied, 0);
    world
        .tamper("UPDATE schema_migrations SET checksum = x'00' WHERE version = 1")
        .await;
    let error = Db::migrate(&world.config, &world.env).await.unwrap_err();
    assert_eq!(error.reason(), Reason::FailedPrecondition);
    world
        .tamper("UPDATE schema_migrations SET version = 9999 WHERE version = 3")
        .await;
    let error = Db::open(&world.config, world.env.clone(), world.keys.clone())
        .await
        .err()
        .unwrap();
    assert_eq!(error.reason(), Reason::FailedPrecondition);
}

#[tokio::test]
async fn a_database_without_a_schema_is_not_opened() {
    let world = World::new().await;
    let mut config = world.config.clone();
    config.url = format!("sqlite:{}", world.dir.path().join("none.db").display());
    assert!(
        Db::open(&config, world.env.clone(), world.keys.clone())
            .await
            .is_err()
    );
    assert!(!world.dir.path().join("none.db").exists());
    for bad in [
        "",
        "sqlite:",
        "sqlite::memory:",
        "postgres://localhost",
        "postgres://me@localhost/x",
        "cordon.db",
    ] {
        config.url = bad.to_owned();
        let error = Db::migrate(&config, &world.env).await.unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidArgument, "{bad}");
    }
}

#[tokio::test]
async fn every_connection_is_durable_and_checks_foreign_keys() {
    let world = World::on_sqlite().await;
    world.create(&["acme"]).await;
    let (staff, _) = provider();
    let mut read = world.db.provider_read(&staff).await.unwrap();
    for (pragma, wanted) in [
        ("SELECT foreign_keys FROM pragma_foreign_keys", 1),
        ("SELECT synchronous FROM pragma_synchronous", 2),
        ("SELECT timeout FROM pragma_busy_timeout", 10_000),
    ] {
        let got: i64 = sqlx::query_scalar(pragma)
            .fetch_one(world.db.system())
            .await
            .unwrap();
        assert_eq!(got, wanted, "{pragma}");
        let got: i64 = sqlx::query_scalar(pragma)
            .fetch_one(read.conn())
            .await
            .unwrap();
        assert_eq!(got, wanted, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("SELECT journal_mode FROM pragma_journal_mode")
        .fetch_one(world.db.system())
        .await
        .unwrap();
    assert_eq!(mode, "wal");
}
