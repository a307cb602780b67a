//! Whether the walls stand: asked of the database's own catalogue before anything is served.

use sqlx::{Connection as _, PgConnection, Row as _};

use super::super::migrate;
use super::connect::{Place, Role};
use crate::error::{Error, Reason, Result};

/// The oldest PostgreSQL that is served: 15.
const OLDEST: i32 = 150_000;

/// What a serving role must not be, each with what is wrong when a row comes back.
const ROLE_FAULTS: &[(&str, &str)] = &[
    (
        "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND rolsuper",
        "is a superuser",
    ),
    (
        "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND rolbypassrls",
        "passes row policies by (BYPASSRLS)",
    ),
    (
        "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND (rolcreaterole OR rolcreatedb OR rolreplication)",
        "may make roles or databases, or replicate",
    ),
    (
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
            AND pg_has_role(current_user, c.relowner, 'MEMBER') LIMIT 1",
        "owns a table, or is a member of the role that does",
    ),
    (
        "SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid \
          WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = current_user) LIMIT 1",
        "is a member of another role, which it could become",
    ),
    (
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
            AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'TRUNCATE, TRIGGER, REFERENCES') LIMIT 1",
        "may truncate a table, hang a trigger on it or refer to it, past row policies",
    ),
    (
        "SELECT 'public'::text WHERE has_schema_privilege('public', 'CREATE') \
            OR has_database_privilege(current_database(), 'TEMPORARY, CREATE')",
        "may make tables, which could stand before the real ones",
    ),
];

/// What the schema must not hold.
const SCHEMA_FAULTS: &[(&str, &str)] = &[
    (
        "SELECT c.relname::text FROM pg_class c \
           JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped \
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
            AND a.attname IN ('tenant_id', 'home') \
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity) LIMIT 1",
        "is a tenant's table without enabled and forced row level security",
    ),
    (
        "SELECT c.relname::text FROM pg_class c \
           JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped \
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
            AND a.attname IN ('tenant_id', 'home') \
            AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own' \
                AND pg_get_expr(p.polqual, c.oid) LIKE '%current_setting(''cordon.tenant''::text%' \
                AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%current_setting(''cordon.tenant''::text%' \
                AND pg_get_expr(p.polqual, c.oid) NOT LIKE '% OR %' \
                AND pg_get_expr(p.polwithcheck, c.oid) NOT LIKE '% OR %') LIMIT 1",
        "is a tenant's table without its policy, or with another",
    ),
    (
        "SELECT c.relname::text || ' (' || p.polname || ')' FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid \
          WHERE c.relnamespace = 'public'::regnamespace AND p.polname <> 'own' \
            AND (0 = ANY (p.polroles) OR 'cordon_app'::regrole = ANY (p.polroles)) LIMIT 1",
        "lets cordon_app see more than one tenant's rows",
    ),
    (
        "SELECT c.relname::text FROM pg_class c \
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
            AND NOT c.relrowsecurity AND c.relname <> 'schema_migrations' \
            AND has_any_column_privilege('cordon_app', c.oid, 'SELECT, INSERT, UPDATE') LIMIT 1",
        "is within reach of cordon_app and keeps no tenants apart",
    ),
    (
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
            AND (c.relkind = 'm' OR (c.relkind = 'v' AND NOT COALESCE( \
                (SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o \
                  WHERE o.option_name = 'security_invoker'), false))) LIMIT 1",
        "is a view that reads with its owner's eyes",
    ),
    (
        "SELECT p.proname::text FROM pg_proc p \
          WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef LIMIT 1",
        "is a function that acts with its owner's rights",
    ),
];

/// Fails unless every serving role can come in, may no more than it should, and meets row policies
/// on each tenant's table.
pub(in super::super) async fn require_walls(place: &Place) -> Result<()> {
    for role in Role::ALL {
        let mut conn = place.connect(role).await?;
        let version: i32 =
            sqlx::query_scalar("SELECT current_setting('server_version_num')::integer")
                .fetch_one(&mut conn)
                .await?;
        if version < OLDEST {
            return Err(fault(format!(
                "PostgreSQL 15 or later is needed, not {}",
                version / 10_000
            )));
        }
        for (question, wrong) in ROLE_FAULTS {
            if let Some(what) = ask(&mut conn, question).await? {
                return Err(fault(format!("{} {wrong}: {what}", role.name())));
            }
        }
        if role == Role::Kernel {
            migrate::require_current_postgres(&mut conn).await?;
            for (question, wrong) in SCHEMA_FAULTS {
                if let Some(what) = ask(&mut conn, question).await? {
                    return Err(fault(format!("{what} {wrong}")));
                }
            }
        }
        conn.close().await?;
    }
    Ok(())
}

async fn ask(conn: &mut PgConnection, question: &'static str) -> Result<Option<String>> {
    let row = sqlx::query(question).fetch_optional(conn).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn fault(what: String) -> Error {
    Error::new(
        Reason::FailedPrecondition,
        format!("a wall in PostgreSQL does not stand: {what}"),
    )
}
