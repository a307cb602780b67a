//! Row guards for SQLite, which has no row level security.
//!
//! Every pooled connection carries temporary triggers and views that no other connection sees.
//! On a tenant's writing connection a trigger before each insert, update and delete refuses rows
//! of another tenant, and any row of a table that is no tenant's. On a tenant's reading connection
//! a temporary view stands before each table, under the table's name, and shows the tenant's rows
//! alone. The provider's connections are confined to the provider's tables in the same way.
//!
//! Which tenant it is stands in `temp.cordon_scope`, which the transaction sets when it begins.
//! Like row level security this is a second wall: it catches the `WHERE` that somebody forgot.

use std::fmt::Write as _;

use sqlx::AnyConnection;
use sqlx::Row as _;

/// Whom a pool's connections serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    TenantWrite,
    TenantRead,
    ProviderWrite,
    ProviderRead,
}

/// What the provider's transactions may read and write. Everything else of a tenant's is shut.
const PROVIDER_TABLES: &[&str] = &[
    "tenants",
    "accounts",
    "resources",
    "address_ranges",
    "sources",
    "credentials",
    "legal_holds",
    "deletions",
    "key_rotations",
    "sla_agreements",
    "facts",
    "tenant_services",
    "provider_incidents",
    "provider_incident_acts",
    "provider_incident_requests",
    "provider_incident_tenants",
    "provider_notes",
    "provider_rules",
    "provider_rule_versions",
    "provider_rule_head",
    "provider_rule_requests",
    "placements",
    "host_work",
    "host_work_hosts",
];

/// Of what the provider's readers see named columns alone: summaries.
const PROVIDER_SUMMARIES: &[(&str, &str)] = &[
    (
        "analyses",
        "tenant_id, analysis_id, state, human, pending_party, due_time, created_time",
    ),
    (
        "incidents",
        "tenant_id, incident_id, number, severity, phase, state, pending_party, created_time, \
         updated_time, acknowledged_time, due_time, due_objective, breaches, exercise",
    ),
    ("sla_reports", "*"),
    ("incident_deliveries", "tenant_id, state, queued_time"),
];

/// Of these, what is about tenants and not for them: shut to every tenant's transactions.
const PROVIDER_OWN: &[&str] = &["provider_notes", "placements"];

/// What is the provider's and shown to tenants, each with the rows that a tenant sees.
const SHOWN: &[(&str, &str)] = &[
    ("provider_rules", "1"),
    ("provider_rule_versions", "1"),
    ("provider_rule_head", "1"),
    (
        "facts",
        "audience = 'everyone' \
     OR (audience = 'tenant' AND audience_id = (SELECT tenant_id FROM temp.cordon_scope)) \
     OR (audience = 'service' AND EXISTS (SELECT 1 FROM main.tenant_services s \
          WHERE s.tenant_id = (SELECT tenant_id FROM temp.cordon_scope) \
            AND s.service_id = audience_id))",
    ),
];

/// What the kernel itself writes within a provider's transaction: never shown to a reader.
const PROVIDER_KERNEL_TABLES: &[&str] = &[
    "directory_version",
    "tenant_keys",
    "signing_keys",
    "tenant_head",
    "audit_head",
    "audit_log",
    "provider_audit_head",
    "provider_audit_log",
    "jobs",
];

struct Table {
    name: String,
    tenant: bool,
    home: bool,
}

/// Puts the guards on a fresh connection. Must run again when tables are added, so migrations
/// come before pools.
pub(super) async fn install(conn: &mut AnyConnection, guard: Guard) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(
        "SELECT t.name AS name, \
                EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = 'tenant_id') AS tenant, \
                EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = 'home') AS home \
           FROM main.sqlite_schema t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut script = String::from(
        "CREATE TEMP TABLE IF NOT EXISTS cordon_scope (tenant_id TEXT NOT NULL);\
         INSERT INTO temp.cordon_scope VALUES ('');",
    );
    for row in rows {
        let table = Table {
            name: row.try_get("name")?,
            tenant: row.try_get::<i64, _>("tenant")? == 1,
            home: row.try_get::<i64, _>("home")? == 1,
        };
        // Table names come from our own migrations; a name that needs quoting does not occur.
        if table
            .name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            write_guard(&mut script, guard, &table);
        }
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(script))
        .execute(&mut *conn)
        .await?;
    Ok(())
}

/// The condition under which a row (`NEW.`, `OLD.` or nothing) is the tenant's.
fn owned(table: &Table, row: &str) -> Option<String> {
    const SCOPE: &str = "(SELECT tenant_id FROM temp.cordon_scope)";
    if PROVIDER_OWN.contains(&table.name.as_str()) {
        None
    } else if table.tenant {
        Some(format!("{row}tenant_id = {SCOPE}"))
    } else if table.home {
        Some(format!("{row}home = 'tenants/' || {SCOPE}"))
    } else {
        None
    }
}

fn write_guard(script: &mut String, guard: Guard, table: &Table) {
    let name = table.name.as_str();
    let named = PROVIDER_TABLES.contains(&name);
    match guard {
        Guard::TenantWrite => {
            for (event, rows) in [
                ("INSERT", &["NEW."][..]),
                ("UPDATE", &["OLD.", "NEW."]),
                ("DELETE", &["OLD."]),
            ] {
                let owned: Option<Vec<String>> = rows.iter().map(|row| owned(table, row)).collect();
                let allowed = owned.map_or_else(|| "0".to_owned(), |all| all.join(" AND "));
                trigger(script, name, event, &allowed);
            }
        }
        Guard::ProviderWrite => {
            if !named && !PROVIDER_KERNEL_TABLES.contains(&name) {
                for event in ["INSERT", "UPDATE", "DELETE"] {
                    trigger(script, name, event, "0");
                }
            }
        }
        Guard::TenantRead => {
            let shown = SHOWN.iter().find(|(table, _)| *table == name);
            let shown = shown.map(|(_, rows)| (*rows).to_owned());
            let rows = shown.or_else(|| owned(table, ""));
            view(script, name, "*", &rows.unwrap_or_else(|| "0".to_owned()));
        }
        Guard::ProviderRead => {
            if !named && name != "provider_audit_log" && name != "source_watermarks" {
                let summary = PROVIDER_SUMMARIES.iter().find(|(table, _)| *table == name);
                match summary {
                    Some((_, columns)) => view(script, name, columns, "1"),
                    None => view(script, name, "*", "0"),
                }
            }
        }
    }
}

fn trigger(script: &mut String, table: &str, event: &str, allowed: &str) {
    let _ = write!(
        script,
        "CREATE TEMP TRIGGER cordon_{table}_{event} BEFORE {event} ON main.{table} \
         WHEN NOT COALESCE({allowed}, 0) \
         BEGIN SELECT RAISE(ABORT, 'cordon: a row beyond the transaction''s scope'); END;"
    );
}

fn view(script: &mut String, table: &str, columns: &str, shown: &str) {
    let _ = write!(
        script,
        "CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table} WHERE {shown};"
    );
}
