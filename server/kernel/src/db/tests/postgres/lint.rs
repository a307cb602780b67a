//! What a distributed PostgreSQL refuses (Citus, YugabyteDB) does not come in: asked of the schema
//! as it is, and of the texts.

use std::path::{Path, PathBuf};

use crate::db::testing::*;
use crate::db::tests::schema::NOT_TENANTS;

#[tokio::test]
async fn the_schema_can_be_distributed_by_tenant() {
    let world = World::on_postgres().await;
    let ask = |sql: &str| -> Vec<String> {
        world
            .pg()
            .superuser(sql)
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let tables = ask(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')",
    );
    assert!(tables.len() > 20);
    for table in &tables {
        let tenant = ask(&format!(
            "SELECT 1 FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = 'tenant_id'"
        ));
        let known = NOT_TENANTS.iter().any(|(name, _)| name == table);
        // Blocks lie by tenant here, where SQLite numbers them.
        let blocks = table == "journal_payloads";
        assert_eq!(
            tenant.is_empty(),
            known && !blocks,
            "{table} has a tenant, or is named"
        );
        if tenant.is_empty() {
            continue;
        }
        // Each begins with tenant_id on both sides.
        let others = ask(&format!(
            "SELECT c.conname FROM pg_constraint c \
              WHERE c.conrelid = '{table}'::regclass AND c.contype IN ('p', 'u', 'f', 'x') \
                AND ((SELECT attname FROM pg_attribute WHERE attrelid = c.conrelid AND attnum = c.conkey[1]) <> 'tenant_id' \
                  OR (c.contype = 'f' AND (SELECT attname FROM pg_attribute WHERE attrelid = c.confrelid AND attnum = c.confkey[1]) <> 'tenant_id')) \
             UNION ALL \
             SELECT i.indexrelid::regclass::text FROM pg_index i \
              WHERE i.indrelid = '{table}'::regclass AND i.indisunique \
                AND (SELECT attname FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = i.indkey[0]) IS DISTINCT FROM 'tenant_id'"
        ));
        assert!(others.is_empty(), "{table}: {others:?}");
        let keyed = ask(&format!(
            "SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'p'"
        ));
        assert_eq!(keyed.len(), 1, "{table} has a primary key");
    }
    for (what, sql) in [
        (
            "sequences",
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'",
        ),
        (
            "triggers",
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
        ),
        (
            "rules",
            "SELECT rulename FROM pg_rules WHERE schemaname = 'public'",
        ),
        (
            "functions",
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        ),
        (
            "exclusion constraints",
            "SELECT conname FROM pg_constraint WHERE contype = 'x'",
        ),
    ] {
        assert_eq!(ask(sql), Vec::<String>::new(), "{what}");
    }
}

/// Words that must not stand in a text that a database gets, in capitals as our SQL is written.
const REFUSED: &[&str] = &[
    "LISTEN ",
    "NOTIFY ",
    "pg_advisory",
    "pg_try_advisory",
    "nextval",
    "SERIAL",
    "GENERATED ",
    "CREATE SEQUENCE",
    "CREATE TRIGGER",
    "CREATE RULE",
    "SET tenant_id",
    "SKIP LOCKED",
    "DECLARE CURSOR",
    "LOCK TABLE",
    "EXPLAIN ",
];

#[test]
fn no_text_uses_what_a_distributed_postgresql_lacks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["migrations/postgres", "server"] {
        collect(&root.join(folder), &mut files);
    }
    assert!(files.len() > 100, "{}", files.len());
    for file in files {
        // SQLite's guards keep the tenant in a table.
        let text = std::fs::read_to_string(&file)
            .unwrap()
            .replace("temp.cordon_scope SET tenant_id", "");
        for word in REFUSED {
            // The migration's own lock, held by one program at a time on a schema of the whole.
            let excused = *word == "LOCK TABLE" && file.ends_with("db/migrate/ledger.rs");
            assert!(
                excused || !text.contains(word),
                "{}: {word}",
                file.display()
            );
        }
    }
}

/// Everything but SQLite's own, and tests, which speak of such words.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "sqlite" && name != "tests" && name != "target" {
                collect(&path, files);
            }
        } else if (name.ends_with(".rs") || name.ends_with(".sql")) && !name.starts_with("test") {
            files.push(path);
        }
    }
}
