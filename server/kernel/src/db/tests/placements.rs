//! Where instances were: many reports at once are what they are one after the other, and neither
//! the registers nor ingest wait for them.

use std::time::Duration;

use jiff::Timestamp;

use super::super::releases::placements::Placement;
use super::super::testing::*;
use super::super::{Db, nanos};
use crate::audit::AuditEntry;
use crate::error::{Error, Reason};

fn placed(tenant: &str, instance: &str, host: &str, start: i64, end: Option<i64>) -> Placement {
    let at = |second| Timestamp::from_second(second).unwrap();
    Placement {
        tenant: tenant_id(tenant),
        instance: instance.to_owned(),
        host: host.to_owned(),
        start: at(start),
        end: end.map(at),
    }
}

/// Records them in one transaction beside the registers.
async fn record(db: &Db, placements: &[Placement]) -> Result<usize, Error> {
    let (scope, permit) = provider();
    let mut tx = db.provider_tx_beside_registers(&scope, &permit).await?;
    let count = tx.record_placements(placements).await?;
    tx.commit(AuditEntry::new(&permit)).await?;
    Ok(count)
}

/// The tenant's placements, a line each.
async fn stored(world: &World, tenant: &str) -> Vec<String> {
    let second = 1_000_000_000;
    let sql = format!(
        "SELECT instance || ' ' || host || ' ' || (start_time / {second}) || ' ' \
                || COALESCE(CAST(end_time / {second} AS TEXT), '-') \
           FROM placements WHERE tenant_id = '{tenant}' ORDER BY instance, start_time"
    );
    world.ask(&sql).await
}

/// What a report means, told by itself; whether it was new.
async fn alone(conn: &mut sqlx::AnyConnection, one: &Placement) -> bool {
    let start = nanos(one.start);
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT min(start_time) FROM placements \
          WHERE tenant_id = $1 AND instance = $2 AND start_time > $3",
    )
    .bind(one.tenant.as_str())
    .bind(one.instance.as_str())
    .bind(start)
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let end = one.end.map(nanos).into_iter().chain(next).min();
    let written = sqlx::query(
        "INSERT INTO placements (tenant_id, instance, start_time, end_time, host) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, instance, start_time) DO UPDATE SET \
            end_time = excluded.end_time, host = excluded.host \
          WHERE placements.host <> excluded.host \
             OR COALESCE(placements.end_time, 0) <> COALESCE(excluded.end_time, 0)",
    )
    .bind(one.tenant.as_str())
    .bind(one.instance.as_str())
    .bind(start)
    .bind(end)
    .bind(one.host.as_str())
    .execute(&mut *conn)
    .await
    .unwrap();
    let left = sqlx::query(
        "UPDATE placements SET end_time = $3 \
          WHERE tenant_id = $1 AND instance = $2 AND start_time < $3 \
            AND (end_time IS NULL OR end_time > $3)",
    )
    .bind(one.tenant.as_str())
    .bind(one.instance.as_str())
    .bind(start)
    .execute(conn)
    .await
    .unwrap();
    written.rows_affected() + left.rows_affected() > 0
}

/// Reports in no order about few instances, so that many are about the same.
fn mixed(tenant: &str, round: u64) -> Vec<Placement> {
    let mut state = round;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % below).unwrap()
    };
    let mut one = || {
        let (instance, host, start) = (next(60), next(3), 1_000 + next(8) * 100);
        let end = (next(2) == 0).then(|| start + 50 + next(6) * 50);
        let (instance, host) = (format!("i-{instance:02}"), format!("hv-{host}"));
        placed(tenant, &instance, &host, start, end)
    };
    (0..620).map(|_| one()).collect()
}

async fn many(world: World) {
    world.create(&["acme", "globex"]).await;
    let (scope, permit) = provider();
    for round in 1..4 {
        let count = record(&world.db, &mixed("acme", round)).await.unwrap();
        let mut tx = world.db.provider_tx(&scope, &permit).await.unwrap();
        let mut expected = 0;
        for one in mixed("globex", round) {
            expected += usize::from(alone(tx.conn(), &one).await);
        }
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
        assert_eq!(count, expected, "round {round}");
        let (acme, globex) = (stored(&world, "acme").await, stored(&world, "globex").await);
        assert!(acme.len() > 250, "over a border of statements");
        assert_eq!(acme, globex, "round {round}");
    }
    let before = stored(&world, "acme").await;
    assert_eq!(record(&world.db, &[]).await.unwrap(), 0);
    assert_eq!(stored(&world, "acme").await, before);
}

#[tokio::test]
async fn many_reports_are_what_they_are_one_by_one_on_sqlite() {
    many(World::on_sqlite().await).await;
}

#[tokio::test]
async fn many_reports_are_what_they_are_one_by_one_on_postgres() {
    many(World::on_postgres().await).await;
}

async fn again(world: World) {
    world.create(&["acme", "globex"]).await;
    let moves = |tenant: &str| {
        [
            placed(tenant, "i-1", "hv-1", 1_000, None),
            placed(tenant, "i-1", "hv-2", 2_000, Some(3_500)),
            placed(tenant, "i-1", "hv-3", 3_000, None),
        ]
    };
    assert_eq!(record(&world.db, &moves("acme")).await.unwrap(), 3);
    let expected = [
        "i-1 hv-1 1000 2000",
        "i-1 hv-2 2000 3000",
        "i-1 hv-3 3000 -",
    ];
    assert_eq!(stored(&world, "acme").await, expected);
    // All of them, and each by itself: what came later is not forgotten.
    assert_eq!(record(&world.db, &moves("acme")).await.unwrap(), 0);
    for one in moves("acme") {
        assert_eq!(record(&world.db, &[one]).await.unwrap(), 0);
    }
    assert_eq!(stored(&world, "acme").await, expected);
    // The last one first.
    for one in moves("globex").into_iter().rev() {
        assert_eq!(record(&world.db, &[one]).await.unwrap(), 1);
    }
    assert_eq!(stored(&world, "globex").await, expected);
}

#[tokio::test]
async fn the_same_told_again_changes_nothing_on_sqlite() {
    again(World::on_sqlite().await).await;
}

#[tokio::test]
async fn the_same_told_again_changes_nothing_on_postgres() {
    again(World::on_postgres().await).await;
}

async fn all_or_none(world: World) {
    let names: Vec<String> = (0..260).map(|n| format!("t{n:03}")).collect();
    world.create(&["acme", "gone"]).await;
    // Rows alone: what belongs to a tenant is not asked for here.
    let rows: Vec<String> = names
        .iter()
        .map(|name| format!("('{name}', '{name}', 'active', 'local', 0, 0, 'e')"))
        .collect();
    let insert = "INSERT INTO tenants (tenant_id, display_name, status, home_region, created_time, updated_time, etag)";
    world
        .tamper(&format!("{insert} VALUES {}", rows.join(", ")))
        .await;
    world
        .tamper("UPDATE tenants SET status = 'deleted' WHERE tenant_id = 'gone'")
        .await;
    let all: Vec<Placement> = names
        .iter()
        .map(|name| placed(name, "i-1", "hv-1", 1_000, None))
        .collect();
    for (name, reason) in [
        ("gone", Reason::FailedPrecondition),
        ("zzz", Reason::NotFound),
    ] {
        let mut some = all.clone();
        some.push(placed(name, "i-1", "hv-1", 1_000, None));
        let refused = record(&world.db, &some).await.unwrap_err();
        assert_eq!(refused.reason(), reason);
        assert_eq!(world.count("placements").await, 0);
    }
    assert_eq!(record(&world.db, &all).await.unwrap(), all.len());
    assert_eq!(record(&world.db, &all).await.unwrap(), 0);
    assert_eq!(stored(&world, "t259").await, ["i-1 hv-1 1000 -"]);
}

#[tokio::test]
async fn a_report_about_no_tenant_is_refused_with_all_others_on_sqlite() {
    all_or_none(World::on_sqlite().await).await;
}

#[tokio::test]
async fn a_report_about_no_tenant_is_refused_with_all_others_on_postgres() {
    all_or_none(World::on_postgres().await).await;
}

#[tokio::test]
async fn a_report_takes_as_few_statements_however_many_it_has() {
    let world = World::on_postgres().await;
    world.create(&["acme"]).await;
    world
        .pg()
        .superuser("ALTER ROLE cordon_provider SET log_statement = 'all'");
    // Whose connections are new.
    let replica = world.replica().await;
    let asked = || {
        let log = world.pg().log();
        let about = |line: &&str| line.contains(" placements ") || line.contains("FROM tenants ");
        let executed = log.lines().filter(|line| line.contains("LOG:  execute "));
        executed.filter(about).count()
    };
    let mut before = asked();
    for (some, statements) in [(1, 3), (250, 3), (1_000, 9)] {
        let all: Vec<Placement> = (0..some)
            .map(|n| placed("acme", &format!("i-{some}-{n}"), "hv-1", 1_000, None))
            .collect();
        assert_eq!(record(&replica, &all).await.unwrap(), all.len());
        assert_eq!(asked() - before, statements, "{some}");
        before = asked();
    }
}

#[tokio::test]
async fn ingest_does_not_wait_for_reports_and_who_reports_of_the_same_does() {
    let world = World::on_postgres().await;
    world.create(&["acme", "globex"]).await;
    let replica = world.replica().await;
    let (scope, permit) = provider();
    let begin = |db: &Db| {
        let db = db.clone();
        let (scope, permit) = (&scope, &permit);
        async move {
            db.provider_tx_beside_registers(scope, permit)
                .await
                .unwrap()
        }
    };
    let mut first = begin(&world.db).await;
    let here = [placed("acme", "i-1", "hv-1", 1_000, None)];
    first.record_placements(&here).await.unwrap();
    let patience = Duration::from_secs(20);
    let sent = vec![batch("b1", vec![block("acme", 1, "x")])];
    let ingested = tokio::time::timeout(patience, world.append("trail", sent));
    ingested.await.unwrap();
    // Of another tenant at once, of the same afterwards: it sees what was told before it.
    let other = [placed("globex", "i-1", "hv-1", 1_000, None)];
    let other = tokio::time::timeout(patience, record(&replica, &other));
    assert_eq!(other.await.unwrap().unwrap(), 1);
    let mut second = begin(&replica).await;
    let there = [placed("acme", "i-1", "hv-2", 2_000, None)];
    let mut moved = Box::pin(second.record_placements(&there));
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut moved);
    assert!(waits.await.is_err());
    first.commit(AuditEntry::new(&permit)).await.unwrap();
    assert_eq!(moved.await.unwrap(), 1);
    second.commit(AuditEntry::new(&permit)).await.unwrap();
    assert_eq!(
        stored(&world, "acme").await,
        ["i-1 hv-1 1000 2000", "i-1 hv-2 2000 -"]
    );
}
