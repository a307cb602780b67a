//! The table of accounts.

use cordon_kernel::db::{ProviderTx, nanos, timestamp};
use cordon_kernel::{AccountId, Error, Result, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::super::validity::{Ending, Validity};
use super::model::{Account, Change, Effect};

/// All that was ever registered for the account, by whomever: in a provider's transaction only.
pub(super) async fn held(conn: &mut AnyConnection, id: &AccountId) -> Result<Vec<Account>> {
    let rows = sqlx::query(
        "SELECT tenant_id, account, valid_from, valid_to FROM accounts \
          WHERE account = $1 ORDER BY valid_from",
    )
    .bind(id.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// All that was ever registered for the account by the tenant, oldest first.
pub(super) async fn own(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Vec<Account>> {
    let rows = sqlx::query(
        "SELECT tenant_id, account, valid_from, valid_to FROM accounts \
          WHERE tenant_id = $1 AND account = $2 ORDER BY valid_from",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Up to `limit` of the tenant's registrations after one, by account and beginning.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    after: Option<(&str, i64)>,
    limit: i64,
) -> Result<Vec<Account>> {
    let (account, from) = after.unwrap_or(("", Validity::ALWAYS));
    let rows = sqlx::query(
        "SELECT tenant_id, account, valid_from, valid_to FROM accounts \
          WHERE tenant_id = $1 AND (account > $2 OR (account = $2 AND valid_from > $3)) \
          ORDER BY account, valid_from LIMIT $4",
    )
    .bind(tenant.as_str())
    .bind(account)
    .bind(from)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Whether any account is the tenant's at a moment.
pub(in super::super) async fn held_at(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    at: Timestamp,
) -> Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM accounts WHERE tenant_id = $1 AND valid_from <= $2 \
            AND (valid_to IS NULL OR valid_to > $2) LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(nanos(at))
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Writes a decided change. The transaction is then about the tenant.
pub(super) async fn apply(tx: &mut ProviderTx<'_>, change: &Change) -> Result<()> {
    match change.effect() {
        Effect::Insert(account) => {
            let from = account.validity.start().map_or(Timestamp::MIN, timestamp);
            let to = account.validity.to().map(timestamp);
            tx.add_account(&account.tenant, &account.id, from, to).await
        }
        Effect::End(ended) => {
            for (account, ending) in ended {
                match ending {
                    Ending::Already => {}
                    Ending::Never => {
                        sqlx::query(
                            "DELETE FROM accounts WHERE tenant_id = $1 AND account = $2 AND valid_from = $3",
                        )
                        .bind(account.tenant.as_str())
                        .bind(account.id.as_str())
                        .bind(account.validity.from())
                        .execute(tx.conn())
                        .await?;
                        tx.about(&account.tenant);
                    }
                    Ending::At(now) => {
                        tx.end_account(&account.tenant, &account.id, timestamp(*now))
                            .await?
                    }
                }
            }
            Ok(())
        }
    }
}

fn read(row: &AnyRow) -> Result<Account> {
    let damaged = |what: &str| Error::internal(format!("an account's row has a damaged {what}"));
    let from: i64 = row.try_get("valid_from")?;
    Ok(Account {
        tenant: row
            .try_get::<String, _>("tenant_id")?
            .parse()
            .map_err(|_| damaged("tenant"))?,
        id: row
            .try_get::<String, _>("account")?
            .parse()
            .map_err(|_| damaged("account"))?,
        validity: Validity::new(Some(from), row.try_get("valid_to")?)
            .ok_or_else(|| damaged("validity"))?,
    })
}
