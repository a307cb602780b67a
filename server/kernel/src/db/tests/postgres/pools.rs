//! A connection that was left in the middle serves the next one with nothing of it.

use std::time::Duration;

use sqlx::AnyConnection;

use crate::db::testing::*;

/// One connection in the pool, so that the next one is the same.
async fn narrow() -> World {
    let world = World::on_postgres().await;
    let mut config = world.config.clone();
    config.readers = 1;
    world.db.close().await;
    let db = crate::db::Db::open(&config, world.env.clone(), world.keys.clone())
        .await
        .unwrap();
    World { db, ..world }
}

async fn tenant_of(conn: &mut AnyConnection) -> (i64, String) {
    let named = "SELECT COALESCE(NULLIF(current_setting('cordon.tenant', true), ''), 'none')";
    let tenant: String = sqlx::query_scalar(named)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM tenants")
        .fetch_one(conn)
        .await
        .unwrap();
    (rows, tenant)
}

#[tokio::test]
async fn what_was_left_of_a_tenant_is_gone_for_the_next() {
    let world = narrow().await;
    world.create(&["acme", "globex"]).await;
    let pool = &world.db.inner.pools.tenant_write;
    let acme = scope("acme");
    let acme_may = permit(&acme);
    let nothing = (0, "none".to_owned());
    let same = "SELECT pg_backend_pid()::bigint";

    // A future that is dropped while its statement runs.
    let mut tx = world.db.tenant_tx(&acme, &acme_may).await.unwrap();
    let first: i64 = sqlx::query_scalar(same).fetch_one(tx.conn()).await.unwrap();
    assert_eq!(tenant_of(tx.conn()).await, (1, "acme".to_owned()));
    let slow = sqlx::query("SELECT pg_sleep(0.5)").execute(tx.conn());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), slow)
            .await
            .is_err()
    );
    drop(tx);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(tenant_of(&mut conn).await, nothing);
    drop(conn);

    // A panic.
    let db = world.db.clone();
    let panicked = tokio::spawn(async move {
        let acme = scope("acme");
        let may = permit(&acme);
        let _tx = db.tenant_tx(&acme, &may).await.unwrap();
        panic!("in the middle");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(tenant_of(&mut conn).await, nothing);
    let second: i64 = sqlx::query_scalar(same)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(first, second, "it is the same connection");
    drop(conn);

    // A failed statement, which leaves the transaction aborted.
    let mut tx = world.db.tenant_tx(&acme, &acme_may).await.unwrap();
    assert!(sqlx::query("SELECT 1/0").execute(tx.conn()).await.is_err());
    drop(tx);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(tenant_of(&mut conn).await, nothing);
    drop(conn);

    // The connection cut from outside: the next one is a new one, and works.
    let mut tx = world.db.tenant_tx(&acme, &acme_may).await.unwrap();
    let pid: i64 = sqlx::query_scalar(same).fetch_one(tx.conn()).await.unwrap();
    world
        .pg()
        .superuser(&format!("SELECT pg_terminate_backend({pid})"));
    assert!(sqlx::query("SELECT 1").execute(tx.conn()).await.is_err());
    drop(tx);
    let globex = scope("globex");
    let mut read = world.db.tenant_read(&globex).await.unwrap();
    assert_eq!(tenant_of(read.conn()).await, (1, "globex".to_owned()));
}

#[tokio::test]
async fn the_tenant_ends_with_its_transaction() {
    let world = narrow().await;
    world.create(&["acme"]).await;
    let acme = scope("acme");
    let may = permit(&acme);
    let tx = world.db.tenant_tx(&acme, &may).await.unwrap();
    tx.commit(crate::audit::AuditEntry::new(&may))
        .await
        .unwrap();
    let mut conn = world.db.inner.pools.tenant_write.acquire().await.unwrap();
    assert_eq!(tenant_of(&mut conn).await, (0, "none".to_owned()));
}
