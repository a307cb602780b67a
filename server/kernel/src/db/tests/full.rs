//! A disk that is full. SQLite can be told of one without it: the file may not grow.

use crate::db::testing::*;
use crate::error::Reason;

#[tokio::test]
async fn what_a_full_disk_has_stopped_is_not_in_the_way_later() {
    let world = World::on_sqlite().await;
    // More often than the pool has connections: none is left unusable.
    for _ in 0..10 {
        let mut tx = world.db.system_tx().await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&mut *tx.tx)
            .await
            .unwrap();
        let large = "INSERT INTO servers VALUES (zeroblob(8000000), 'x', 'x', 1, 1, 1)";
        let refused = sqlx::query(large).execute(&mut *tx.tx).await.unwrap_err();
        let refused = crate::Error::from(refused);
        assert_eq!(refused.reason(), Reason::Unavailable, "{refused}");
    }
    let mut tx = world.db.system_tx().await.unwrap();
    sqlx::query("INSERT INTO servers VALUES (x'00', 'x', 'x', 1, 1, 1)")
        .execute(&mut *tx.tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.count("servers").await, 1);
}
