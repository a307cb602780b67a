//! Answers across tenants: what is counted for them, and what they cost (docs/adr/0024).
//!
//! Here lies all that an answer across tenants rests on, and nothing else reaches what is counted: no
//! room has SQL on these tables, on PostgreSQL `cordon_kernel` alone may read them, and what comes out
//! is an [`Answer`](cordon_release::Answer) of a declared release or a refusal.
//!
//! - [`days`]: the provider's key of each day, opened, closed and destroyed by the calendar alone;
//! - [`contribute`]: what a tenant adds to the counts of a day, once;
//! - [`placements`]: where instances were, as the provider reports it;
//! - [`hosts`]: where an instance was, whose it was, and what work was announced;
//! - [`answer`]: a question from the asker's evidence to its answer, in one transaction.

pub mod answer;
pub mod contribute;
mod days;
mod hosts;
pub mod placements;

use ipnet::IpNet;
use sqlx::AnyConnection;

use cordon_release::ProviderRanges;

use crate::error::{Error, Result};

/// Rows of a statement: five parameters a row are far below what either database takes (32,766 on
/// SQLite), and SQLite looks each of them up among all that stand before it.
const STATEMENT_ROWS: usize = 250;

/// The rows of a `VALUES`.
fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

/// The address ranges that the provider declared as its own.
async fn ranges(conn: &mut AnyConnection) -> Result<ProviderRanges> {
    let declared: Vec<String> = sqlx::query_scalar("SELECT cidr FROM address_ranges")
        .fetch_all(conn)
        .await?;
    let declared = declared.iter().map(|cidr| cidr.parse::<IpNet>());
    let declared = declared.collect::<std::result::Result<Vec<_>, _>>();
    Ok(ProviderRanges::new(declared.map_err(Error::internal)?))
}

/// 16 bytes as they are stored.
fn stored<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    <[u8; N]>::try_from(bytes).map_err(|_| Error::internal("a tag of another length"))
}
