//! What keeps a server from starting, and what its operator reads.

use std::sync::Arc;

use cordon_fixtures::Postgres;
use secrecy::SecretString;

use crate::clock::Env;
use crate::db::testing::*;
use crate::db::{Db, DbConfig};
use crate::error::{Error, Reason};

async fn refusal(world: &World) -> Error {
    Db::open(&world.config, world.env.clone(), Arc::clone(&world.keys))
        .await
        .err()
        .expect("the server starts")
}

#[tokio::test]
async fn a_wall_that_does_not_stand_keeps_the_server_from_starting() {
    let world = World::on_postgres().await;
    for (breach, words, mend) in [
        (
            "ALTER ROLE cordon_app SUPERUSER",
            "cordon_app is a superuser",
            "ALTER ROLE cordon_app NOSUPERUSER",
        ),
        (
            "ALTER ROLE cordon_ingest BYPASSRLS",
            "passes row policies by",
            "ALTER ROLE cordon_ingest NOBYPASSRLS",
        ),
        (
            "ALTER ROLE cordon_kernel CREATEROLE",
            "may make roles",
            "ALTER ROLE cordon_kernel NOCREATEROLE",
        ),
        (
            "ALTER TABLE resources OWNER TO cordon_provider",
            "cordon_provider owns a table",
            "ALTER TABLE resources OWNER TO cordon_owner",
        ),
        (
            "GRANT cordon_owner TO cordon_app",
            "or is a member of the role that does",
            "REVOKE cordon_owner FROM cordon_app",
        ),
        (
            "GRANT cordon_kernel TO cordon_app",
            "is a member of another role",
            "REVOKE cordon_kernel FROM cordon_app",
        ),
        (
            "GRANT TRUNCATE ON journal TO cordon_app",
            "may truncate a table",
            "REVOKE TRUNCATE ON journal FROM cordon_app",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO cordon_ingest",
            "may make tables",
            "REVOKE CREATE ON SCHEMA public FROM cordon_ingest",
        ),
        (
            "GRANT TEMPORARY ON DATABASE cordon TO cordon_app",
            "may make tables",
            "REVOKE TEMPORARY ON DATABASE cordon FROM cordon_app",
        ),
        (
            "ALTER TABLE journal DISABLE ROW LEVEL SECURITY",
            "journal is a tenant's table without enabled",
            "ALTER TABLE journal ENABLE ROW LEVEL SECURITY",
        ),
        (
            "ALTER TABLE journal NO FORCE ROW LEVEL SECURITY",
            "journal is a tenant's table without enabled and forced",
            "ALTER TABLE journal FORCE ROW LEVEL SECURITY",
        ),
        (
            "CREATE TABLE notes (tenant_id TEXT)",
            "notes is a tenant's table without enabled",
            "DROP TABLE notes",
        ),
        (
            "ALTER POLICY own ON segments RENAME TO mine",
            "segments is a tenant's table without its policy",
            "ALTER POLICY mine ON segments RENAME TO own",
        ),
        (
            "CREATE POLICY wide ON resources FOR SELECT TO cordon_app USING (true)",
            "resources (wide) lets cordon_app see more",
            "DROP POLICY wide ON resources",
        ),
        (
            "CREATE POLICY wide ON resources FOR SELECT USING (true)",
            "resources (wide) lets cordon_app see more",
            "DROP POLICY wide ON resources",
        ),
        (
            "ALTER POLICY own ON accounts USING (true)",
            "accounts is a tenant's table without its policy, or with another",
            "ALTER POLICY own ON accounts USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))",
        ),
        (
            "ALTER POLICY own ON accounts WITH CHECK (tenant_id = current_setting('cordon.tenant', true) OR true)",
            "accounts is a tenant's table without its policy, or with another",
            "ALTER POLICY own ON accounts WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))",
        ),
        (
            "GRANT SELECT ON originals TO cordon_app",
            "originals is within reach of cordon_app",
            "REVOKE SELECT ON originals FROM cordon_app",
        ),
        (
            "CREATE VIEW everything AS SELECT * FROM resources",
            "everything is a view",
            "DROP VIEW everything",
        ),
        (
            "CREATE MATERIALIZED VIEW kept AS SELECT * FROM resources",
            "kept is a view",
            "DROP MATERIALIZED VIEW kept",
        ),
        (
            "CREATE FUNCTION all_of() RETURNS SETOF resources LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM resources'",
            "all_of is a function",
            "DROP FUNCTION all_of",
        ),
    ] {
        world.pg().superuser(breach);
        let error = refusal(&world).await;
        assert_eq!(error.reason(), Reason::FailedPrecondition, "{breach}");
        assert!(error.message().contains(words), "{breach}: {error}");
        world.pg().superuser(mend);
    }
    // A view that reads with the reader's eyes is none of these.
    world.pg().superuser(
        "CREATE VIEW own_eyes WITH (security_invoker = true) AS SELECT * FROM resources",
    );
    world.replica().await.close().await;
}

#[tokio::test]
async fn a_login_that_fails_says_which_and_what_to_do() {
    let mut world = World::on_postgres().await;
    let right = world.config.clone();
    world.config.roles.ingest = Some(SecretString::from("wrong".to_owned()));
    let error = refusal(&world).await;
    assert_eq!(error.reason(), Reason::FailedPrecondition);
    assert!(
        error.message().contains("database.passwords.ingest"),
        "{error}"
    );

    world.config = right.clone();
    world.config.url = world.config.url.replace("/cordon?", "/none?");
    let error = refusal(&world).await;
    assert!(error.message().contains("no such database"), "{error}");

    world.config = right.clone();
    world.pg().crash();
    let error = refusal(&world).await;
    assert_eq!(error.reason(), Reason::Unavailable, "{error}");
    world.pg().resume();
    world.replica().await.close().await;

    world.config.roles.owner = None;
    let error = Db::migrate(&world.config, &world.env).await.unwrap_err();
    assert!(error.message().contains("database.owner"), "{error}");
}

async fn fresh() -> (Postgres, DbConfig, Env) {
    let postgres = Postgres::start();
    let mut config = DbConfig::new(postgres.url());
    config.roles = passwords(&postgres);
    let (env, _) = Env::fixed(START.parse().unwrap(), 1);
    (postgres, config, env)
}

#[tokio::test]
async fn a_migration_that_dies_half_way_leaves_nothing() {
    let (postgres, config, env) = fresh().await;
    // What the last statements of the first migration stumble over.
    postgres.superuser("CREATE TABLE jobs (somebody_elses TEXT)");
    let error = Db::migrate(&config, &env).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Internal);
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
    assert_eq!(postgres.superuser(tables), "1", "not even the ledger");
    assert_eq!(
        postgres.superuser("SELECT count(*) FROM pg_roles WHERE rolname = 'cordon_app'"),
        "0"
    );
    postgres.superuser("DROP TABLE jobs");
    assert_eq!(Db::migrate(&config, &env).await.unwrap().applied, 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_migrate_at_once_one_does() {
    let (_postgres, config, env) = fresh().await;
    let several = (0..4).map(|_| {
        let (config, env) = (config.clone(), env.clone());
        tokio::spawn(async move { Db::migrate(&config, &env).await })
    });
    let mut applied = Vec::new();
    for one in several.collect::<Vec<_>>() {
        applied.push(one.await.unwrap().unwrap().applied);
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, 22]);
}

#[tokio::test]
async fn the_passwords_are_those_of_the_last_migration() {
    let mut world = World::on_postgres().await;
    world.config.roles.app = Some(SecretString::from("a new one, with ' and \\".to_owned()));
    assert!(
        Db::open(&world.config, world.env.clone(), Arc::clone(&world.keys))
            .await
            .is_err()
    );
    assert_eq!(
        Db::migrate(&world.config, &world.env)
            .await
            .unwrap()
            .applied,
        0
    );
    world.replica().await.close().await;
    let kept = world
        .pg()
        .superuser("SELECT rolpassword FROM pg_authid WHERE rolname = 'cordon_app'");
    assert!(kept.starts_with("SCRAM-SHA-256$4096:"));
}
