//! The database's wall alone, without the kernel's: statements as somebody would send them who
//! has come that far. Each is a way past row policies that is known.

use crate::db::testing::*;

const ROLES: [&str; 4] = [
    "cordon_app",
    "cordon_ingest",
    "cordon_provider",
    "cordon_kernel",
];

/// acme and globex, each with events, a resource, a segment in the database, a log.
async fn filled() -> World {
    let world = World::on_postgres().await;
    world.create(&["acme", "globex"]).await;
    let blocks = vec![block("acme", 2, "a"), block("globex", 3, "g")];
    world.append("trail", vec![batch("b1", blocks)]).await;
    world
        .append("other", vec![batch("b2", vec![block("globex", 1, "g")])])
        .await;
    for tenant in ["acme", "globex"] {
        for sql in [
            "INSERT INTO resources VALUES ('@', 'r-@', 'instance', 'i-@', 0, NULL, 0, 0, 'e')",
            "INSERT INTO accounts VALUES ('@', 'aws:@', 0, NULL, 0)",
            "INSERT INTO segments VALUES ('@', 's-@', 1, 1, 1, 0, 0, 0, 0, 0, 'block', NULL, 1, '\\x00', 1, 1, '\\x00', 0, NULL)",
            "INSERT INTO segment_payloads VALUES ('@', 's-@', '\\x00')",
            "INSERT INTO event_originals VALUES ('@', '\\x00', '\\x00')",
            "INSERT INTO legal_holds VALUES ('@', 'h-@', 'r', '', 0, NULL)",
            "INSERT INTO key_rotations VALUES ('@', 2, 0, 0, 0, NULL)",
            "INSERT INTO incident_heads VALUES ('@', 1, 1)",
            "INSERT INTO incidents VALUES ('@', 'i-@', 1, 'sev1', 'recovery', 'open', 'amber', 'provider', 0, 0, NULL, NULL, NULL, 'e', '\\x00', NULL, NULL, NULL, 0, 0)",
            "INSERT INTO incident_entries VALUES ('@', 1, 'i-@', 0, 'opened', 'customer', '\\x00')",
            "INSERT INTO incident_comments VALUES ('@', 'c-@', 'i-@', 0, '\\x00')",
            "INSERT INTO incident_tasks VALUES ('@', 't-@', 'i-@', 'open', 0, 0, '\\x00')",
            "INSERT INTO finding_heads VALUES ('@', 1)",
            "INSERT INTO findings VALUES ('@', 'f-@', 1, 'k-@', 'r-@', 3, 'e', 1, 0, 0, '\\x00')",
            "INSERT INTO detection_rules VALUES ('@', 'r-@', 1, 1, 'e', 0, 0, '\\x00')",
            "INSERT INTO detection_rule_versions VALUES ('@', 'v-@', 'r-@', 0, '\\x00')",
            "INSERT INTO detection_rule_settings VALUES ('@', 'r-@', NULL, 'e', 0, '\\x00')",
            "INSERT INTO detection_policies VALUES ('@', 'p-@', 1, 0, 'e', 0, '\\x00')",
            "INSERT INTO finding_incidents VALUES ('@', 'f-@', 'i-@', 'opened', 0, 1)",
            "INSERT INTO detection_windows VALUES ('@', 'r-@', 1, '\\x00')",
            "INSERT INTO placements VALUES ('@', 'i-@', 0, NULL, 'h')",
            "INSERT INTO release_memory VALUES ('@', '\\x00', 1)",
            "INSERT INTO release_contributions VALUES ('@', 1, 1)",
            "INSERT INTO detection_baselines VALUES ('@', 1, 1, 0, NULL, 0, 'e')",
            "INSERT INTO detection_baseline_parts VALUES ('@', '00', '\\x00')",
            "INSERT INTO context_entries VALUES ('@', 'c-@', 'asset', 'k-@', 1, 'e', 0, '\\x00')",
            "INSERT INTO context_heads VALUES ('@', 1)",
            "INSERT INTO analyses VALUES ('@', 'n-@', 'running', 0, 'provider', NULL, 0, 0, 0, '\\x00')",
            "INSERT INTO analysis_results VALUES ('@', 'n-@/0000', '\\x00')",
            "INSERT INTO snapshots VALUES ('@', 's-@', 'acquiring', 0, 0, 0, '\\x00')",
            "INSERT INTO snapshot_pieces VALUES ('@', 'i-@', 's-@', 0, 1, 0, 1, 1)",
            "INSERT INTO snapshot_packs VALUES ('@', 'k-@', 's-@', 1)",
            "INSERT INTO snapshot_manifests VALUES ('@', 's-@/0000', '\\x00')",
            "INSERT INTO custody_entries VALUES ('@', 's-@/00000001', '\\x00')",
            "INSERT INTO snapshot_holds VALUES ('@', 'h-@', 's-@', 'governance', NULL, NULL, '\\x00')",
            "INSERT INTO incident_origins VALUES ('@', 'p', 'i-@', 1)",
            "INSERT INTO provider_incidents VALUES ('p-@', 'open', 0, 0, 1)",
            "INSERT INTO provider_incident_tenants VALUES ('@', 'p-@', 0, 'i-@', 1)",
            "INSERT INTO incident_subscriptions VALUES ('@', 's-@', 'active', 'clear', '', '', '', 0, 0, 0, 1, 0, 0, 'e', '\\x00')",
            "INSERT INTO incident_deliveries (tenant_id, subscription_id, seq, entry_seq, incident_id, state, created_time, queued_time, attempts, attempted_time, reason, code) VALUES ('@', 's-@', 1, 1, 'i-@', 'pending', 0, 0, 0, NULL, '', 0)",
            "INSERT INTO incident_attachments VALUES ('@', 'a-@', 'i-@', 'uploading', 1, 1, 0, 0, '\\x00')",
            "INSERT INTO incident_attachment_parts VALUES ('@', 'a-@', 0, 'p-@', 1)",
            "INSERT INTO incident_notes VALUES ('@', 'n-@', 'i-@', 0, '\\x00')",
            "INSERT INTO incident_links VALUES ('@', 'l-@', 'i-@', 'h-@', 0, '\\x00')",
            "INSERT INTO note_keys VALUES ('@', 'k-@', 0, NULL, '\\x00')",
            "INSERT INTO provider_notes VALUES ('@', 'n-@', 'i-@', 0, '\\x00')",
            "INSERT INTO request_ids VALUES ('@', 'r-@', 0, '\\x00')",
            "INSERT INTO sla_reports VALUES ('@', '2026-10', 0, 1, '{}')",
            "INSERT INTO sla_freshness VALUES ('@', 20000, 64, 1)",
            "INSERT INTO sla_agreements VALUES ('@', 1, 0, NULL, 0, '{}')",
            "INSERT INTO tenant_services VALUES ('@', 's-@', 'iaas', 0, '[]')",
            "INSERT INTO facts VALUES ('f-@', 1, 'regions', 'tenant', '@', '', '', 't', 'x', NULL, NULL, 0, '', 0, 'root', 'e')",
            "INSERT INTO facts VALUES ('g-@', 1, 'regions', 'service', 's-@', '', '', 't', 'x', NULL, NULL, 0, '', 0, 'root', 'e')",
            "INSERT INTO credentials VALUES ('tenants/@', 'c-@', 's', 'reader', '\\x00', 0, 1, NULL)",
        ] {
            world.pg().superuser(&sql.replace('@', tenant));
        }
    }
    world
}

/// The tables of tenants that the role may read.
fn readable(world: &World, role: &str) -> Vec<String> {
    let asked = world.pg().superuser(&format!(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' \
            AND a.attname = 'tenant_id' AND has_table_privilege('{role}', c.oid, 'SELECT') ORDER BY 1"
    ));
    asked.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_query_that_forgot_its_tenant_sees_one_tenants_rows() {
    let world = filled().await;
    let tables = readable(&world, "cordon_app");
    assert!(tables.len() >= 13, "{tables:?}");
    for table in &tables {
        let all = world
            .pg()
            .superuser(&format!("SELECT count(DISTINCT tenant_id) FROM {table}"));
        assert_eq!(all, "2", "{table} has rows of both");
        let seen = |before: &str| {
            let sql = format!("{before} SELECT DISTINCT tenant_id FROM {table}");
            let said = world.pg().try_as("cordon_app", &sql).unwrap();
            said.lines().last().unwrap_or_default().to_owned()
        };
        assert_eq!(
            seen("SELECT set_config('cordon.tenant', 'acme', true);"),
            "acme",
            "{table}"
        );
        // None named; one that was named and reset, which leaves '' and not NULL; nobody's name.
        for none in [
            "",
            "SET cordon.tenant = 'acme'; RESET cordon.tenant;",
            "SET cordon.tenant = '';",
        ] {
            let sql = format!("{none} SELECT count(*) FROM {table}");
            let said = world.pg().try_as("cordon_app", &sql).unwrap();
            assert_eq!(said.lines().last(), Some("0"), "{table} after {none:?}");
        }
    }
    // Credentials by home, and how far only those sources have come that delivered to it.
    for (table, wanted) in [
        ("credentials", "tenants/acme"),
        ("source_watermarks", "trail"),
        ("facts", "f-acme\ng-acme"),
    ] {
        let column = match table {
            "credentials" => "home",
            "facts" => "fact_id",
            _ => "source_id",
        };
        let sql = format!(
            "SELECT set_config('cordon.tenant', 'acme', true); SELECT {column} FROM {table} ORDER BY 1"
        );
        let said = world.pg().try_as("cordon_app", &sql).unwrap();
        assert_eq!(said, format!("acme\n{wanted}"));
    }
}

#[tokio::test]
async fn no_role_has_more_than_it_needs() {
    let world = filled().await;
    for (role, refused) in [
        (
            "cordon_app",
            "tenant_keys signing_keys system_keys quarantine dead_letters batches originals directory_version sources provider_audit_log provider_incidents provider_incident_acts provider_incident_requests provider_incident_tenants provider_rule_requests placements host_work host_work_hosts release_days release_counts release_organisations release_questions release_memory release_contributions",
        ),
        (
            "cordon_ingest",
            "provider_rules provider_rule_versions journal journal_payloads audit_log audit_head resources accounts tenant_keys segments credentials signing_keys quarantine provider_audit_log release_days release_counts release_organisations release_questions",
        ),
        (
            "cordon_provider",
            "journal journal_payloads audit_log segments segment_payloads event_originals originals quarantine system_keys tenant_sources incident_tasks incident_origins detection_rules detection_rule_versions detection_windows detection_rule_settings detection_policies finding_incidents findings finding_heads analysis_results detection_baselines detection_baseline_parts release_days release_counts release_organisations release_questions release_memory release_contributions context_entries context_heads snapshots snapshot_pieces snapshot_packs snapshot_manifests custody_entries snapshot_holds",
        ),
        ("cordon_kernel", "journal audit_log tenant_head"),
    ] {
        for table in refused.split(' ') {
            let said = world.pg().try_as(role, &format!("SELECT * FROM {table}"));
            assert!(
                said.unwrap_err().contains("permission denied"),
                "{role} reads {table}"
            );
        }
    }
    for role in ROLES {
        for (table, acts) in [
            ("audit_log", "UPDATE DELETE"),
            ("provider_audit_log", "UPDATE DELETE"),
            ("journal", "UPDATE DELETE"),
            // What was stated stays as it was stated.
            ("facts", "UPDATE DELETE"),
            ("host_work", "UPDATE DELETE"),
            ("host_work_hosts", "UPDATE DELETE"),
        ] {
            // Of a deleted tenant, as the next test shows.
            let removes = role == "cordon_kernel" && table != "provider_audit_log";
            for act in acts.split(' ').filter(|act| !removes || *act != "DELETE") {
                let may = world.pg().superuser(&format!("SELECT has_any_column_privilege('{role}', '{table}', 'UPDATE') OR has_table_privilege('{role}', '{table}', '{act}')"));
                assert_eq!(may, "f", "{role} may {act} {table}");
            }
        }
    }
    let named = "SELECT published_by FROM facts";
    let said = world.pg().try_as("cordon_app", named).unwrap_err();
    assert!(said.contains("permission denied"), "{said}");
    // What the kernel writes in the provider's transactions is not there for rooms that read.
    for table in [
        "tenant_head",
        "tenant_keys",
        "audit_head",
        "jobs",
        "signing_keys",
    ] {
        let sql = format!("BEGIN READ ONLY; SELECT count(*) FROM {table}");
        let said = world.pg().try_as("cordon_provider", &sql);
        if let Ok(said) = said {
            assert_eq!(said.lines().last(), Some("0"), "{table}");
        }
    }
}

#[tokio::test]
async fn what_a_tenant_has_done_is_removed_once_it_is_deleted_and_not_before() {
    let world = filled().await;
    let remove = |table: &str, condition: &str| {
        let sql = format!(
            "SELECT set_config('cordon.tenant', 'acme', true); DELETE FROM {table} WHERE {condition}"
        );
        let said = world.pg().try_as("cordon_kernel", &sql).unwrap();
        said.lines().last().unwrap_or_default().to_owned()
    };
    let tables = [
        ("audit_log", "tenant_id = 'acme'"),
        ("journal", "tenant_id = 'acme'"),
        ("legal_holds", "tenant_id = 'acme'"),
        ("credentials", "home = 'tenants/acme'"),
    ];
    for (table, condition) in tables {
        assert_eq!(remove(table, condition), "DELETE 0", "{table}");
    }
    world
        .pg()
        .superuser("UPDATE tenants SET status = 'deleted' WHERE tenant_id = 'acme'");
    for (table, condition) in tables {
        assert_ne!(remove(table, condition), "DELETE 0", "{table}");
    }
    assert_eq!(remove("journal", "tenant_id = 'globex'"), "DELETE 0");
}

#[tokio::test]
async fn anothers_rows_cannot_be_written_and_a_refusal_tells_nothing() {
    let world = filled().await;
    let acme = |sql: &str| {
        let sql = format!("SELECT set_config('cordon.tenant', 'acme', true); {sql}");
        world.pg().try_as("cordon_app", &sql)
    };
    // Whether or not it is there, the same words.
    let resource = |tenant: &str, id: &str| {
        let sql = format!(
            "INSERT INTO resources VALUES ('{tenant}', '{id}', 'instance', 'i', 0, NULL, 0, 0, 'e')"
        );
        acme(&sql)
    };
    let (there, not) = (resource("globex", "r-globex"), resource("globex", "r-none"));
    assert!(there.clone().unwrap_err().contains("row-level security"));
    assert_eq!(there, not);
    // A unique constraint begins with the tenant: another's id is free.
    assert!(resource("acme", "r-globex").is_ok());
    let skipped = acme(
        "INSERT INTO resources VALUES ('acme', 's-globex', 'instance', 'i', 0, NULL, 0, 0, 'e') ON CONFLICT DO NOTHING",
    );
    assert!(skipped.unwrap().ends_with("INSERT 0 1"));
    // So does a foreign key: another's segment is as missing as one that never was.
    let payload = |segment: &str| {
        let sql = format!("INSERT INTO segment_payloads VALUES ('acme', '{segment}', '\\x00')");
        acme(&sql).unwrap_err().replace(segment, "S")
    };
    assert!(payload("s-globex").contains("violates foreign key"));
    assert_eq!(payload("s-globex"), payload("s-none"));
    // What is there of others is not there to be changed, taken or moved.
    for (sql, done) in [
        (
            "UPDATE resources SET identifier = 'x' WHERE tenant_id = 'globex'",
            "UPDATE 0",
        ),
        (
            "DELETE FROM segments WHERE tenant_id = 'globex'",
            "DELETE 0",
        ),
        (
            "DELETE FROM journal_payloads WHERE tenant_id = 'globex'",
            "DELETE 0",
        ),
    ] {
        assert!(acme(sql).unwrap().ends_with(done), "{sql}");
    }
    let moved = acme("UPDATE resources SET tenant_id = 'globex' WHERE tenant_id = 'acme'");
    assert!(moved.unwrap_err().contains("row-level security"));
    for role in ROLES {
        let emptied = world.pg().try_as(role, "TRUNCATE resources CASCADE");
        assert!(emptied.unwrap_err().contains("permission denied"), "{role}");
    }
}

#[tokio::test]
async fn what_the_planner_knows_of_others_is_not_shown() {
    let world = filled().await;
    world.pg().superuser("ANALYZE");
    let all = world.pg().superuser(
        "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = 'resources'",
    );
    assert_ne!(all, "0");
    for role in ROLES {
        let sql = "SELECT count(*) FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename \
             WHERE s.schemaname = 'public' AND c.relrowsecurity";
        assert_eq!(world.pg().try_as(role, sql).unwrap(), "0", "{role}");
        assert!(
            world
                .pg()
                .try_as(role, "SELECT * FROM pg_statistic")
                .is_err()
        );
    }
}

#[tokio::test]
async fn the_owner_meets_row_policies_too() {
    let world = filled().await;
    let seen = world
        .pg()
        .try_as("cordon_owner", "SELECT count(*) FROM resources")
        .unwrap();
    assert_eq!(seen, "0", "FORCE holds for the owner");
}
