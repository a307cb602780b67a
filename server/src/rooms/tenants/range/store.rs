//! The table of the provider's address ranges.

use cordon_kernel::db::nanos;
use cordon_kernel::{Error, Result};
use ipnet::IpNet;
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::model::{AddressRange, Change, Effect};

pub(super) async fn find(conn: &mut AnyConnection, id: Uuid) -> Result<Option<AddressRange>> {
    let row = sqlx::query("SELECT range_id, cidr FROM address_ranges WHERE range_id = $1")
        .bind(id.hyphenated().to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The declared range of exactly these addresses.
pub(super) async fn same(conn: &mut AnyConnection, net: IpNet) -> Result<Option<AddressRange>> {
    let row = sqlx::query("SELECT range_id, cidr FROM address_ranges WHERE cidr = $1")
        .bind(net.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Up to `limit` ranges after one, by id.
pub(super) async fn list(
    conn: &mut AnyConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<AddressRange>> {
    let rows = sqlx::query(
        "SELECT range_id, cidr FROM address_ranges WHERE range_id > $1 ORDER BY range_id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Writes a decided change.
pub(super) async fn apply(conn: &mut AnyConnection, change: &Change, now: Timestamp) -> Result<()> {
    let query = match change.effect() {
        Effect::Insert(range) => sqlx::query(
            "INSERT INTO address_ranges (range_id, cidr, description, created_time) VALUES ($1, $2, '', $3)",
        )
        .bind(range.id.hyphenated().to_string())
        .bind(range.net.to_string())
        .bind(nanos(now)),
        Effect::Delete(range) => sqlx::query("DELETE FROM address_ranges WHERE range_id = $1")
            .bind(range.id.hyphenated().to_string()),
    };
    query.execute(conn).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<AddressRange> {
    let damaged =
        |what: &str| Error::internal(format!("an address range's row has a damaged {what}"));
    Ok(AddressRange {
        id: Uuid::try_parse(&row.try_get::<String, _>("range_id")?).map_err(|_| damaged("id"))?,
        net: row
            .try_get::<String, _>("cidr")?
            .parse()
            .map_err(|_| damaged("range"))?,
    })
}
