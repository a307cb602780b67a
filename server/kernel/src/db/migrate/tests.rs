//! Migrations, old databases, and programs side by side.

use super::super::testing::START;
use super::*;

/// The journals of two tenants as the first schema held them: acme's first block is sealed.
const FIRST: &str = "
    INSERT INTO tenants VALUES ('acme', '', 'active', NULL, 'eu', 0, 0, 'e'),
                               ('globex', '', 'active', NULL, 'eu', 0, 0, 'e');
    INSERT INTO tenant_head VALUES ('acme', 6, x'00', 2, 0, 0, 0, 3, 0),
                                   ('globex', 5, x'00', 0, 0, 0, 0, 1, 0);
    INSERT INTO journal VALUES
        ('acme', 1, 2, 0, 0, 0, 's', 'b1', 0, 4, x'00', x'00', NULL),
        ('acme', 3, 2, 0, 0, 0, 's', 'b2', 0, 4, x'00', x'00', CAST('acme3' AS BLOB)),
        ('acme', 5, 2, 0, 0, 0, 's', 'b3', 0, 4, x'00', x'00', CAST('acme5' AS BLOB)),
        ('globex', 1, 5, 0, 0, 0, 's', 'b2', 1, 4, x'00', x'00', CAST('globex1' AS BLOB));
";

#[tokio::test]
async fn each_row_keeps_its_block_when_payloads_move_out() {
    let dir = tempfile::tempdir().unwrap();
    let (env, _) = Env::fixed(START.parse().unwrap(), 1);
    let options = SqliteConnectOptions::new()
        .filename(dir.path().join("x.db"))
        .create_if_missing(true);
    options.connect().await.unwrap().close().await.unwrap();
    let mut conn = any_sqlite(&options).await.unwrap();
    let applied = apply(&mut conn, None, &env, &SQLITE[..1]).await;
    assert_eq!(applied.unwrap(), 1);
    sqlx::raw_sql(FIRST).execute(&mut conn).await.unwrap();
    let left = SQLITE.len() - 1;
    let applied = apply(&mut conn, None, &env, SQLITE).await;
    assert_eq!(applied.unwrap(), left);

    let rows: Vec<(String, i64, Option<String>)> = sqlx::query_as(
        "SELECT tenant_id, first_seq, CAST(payload AS TEXT) \
           FROM journal LEFT JOIN journal_payloads USING (payload_id) ORDER BY 1, 2",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let row = |tenant: &str, seq, text: Option<&str>| (tenant.into(), seq, text.map(Into::into));
    let wanted: [(String, i64, Option<String>); 4] = [
        row("acme", 1, None),
        row("acme", 3, Some("acme3")),
        row("acme", 5, Some("acme5")),
        row("globex", 1, Some("globex1")),
    ];
    assert_eq!(rows, wanted);
    let blocks: Vec<i64> =
        sqlx::query_scalar("SELECT unsealed_blocks FROM tenant_head ORDER BY tenant_id")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(blocks, [2, 1]);
    let last: i64 = sqlx::query_scalar("SELECT seq FROM sqlite_sequence")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(last, 3, "the next payload gets a number of its own");
}
