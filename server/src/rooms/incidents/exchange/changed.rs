//! What was changed behind a cursor, for keeping a copy in step.
//!
//! The cursor is the tenant's count of what happened. An entry takes its number in the transaction
//! of its change, under a lock that is held until the change is committed, so numbers come to be
//! seen in their order: behind a number that was seen nothing appears later. Times don't have that
//! property, since they come from the clocks of several servers.
//!
//! Each incident has the number of its last entry, and is listed in the order of these. A page holds
//! all whose number lies between the cursor before it and the one behind it, so the cursor behind
//! any page is one to go on from. What is changed while pages are read moves to the end and is
//! listed there: for the first time, or again, as it is then.

use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Error, Name, Result, TenantId};
use sqlx::{AnyConnection, Row as _};

use super::super::model::Incident;
use super::super::read::{damaged, scope};
use super::super::service::Service;
use super::super::store::{self, COLUMNS, Cut};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::transport::Caller;

impl Service {
    /// A page of the incidents that were changed behind `after`, and the cursor behind all of them.
    pub(in super::super) async fn list_changed(
        &self,
        caller: &Caller,
        tenant: TenantId,
        after: i64,
        page: PageRequest,
    ) -> Result<(Page<Incident>, i64)> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListIncidents).await?;
        let query = format!("{tenant}/changed/{after}");
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let from = match listing.after().await? {
            Some(from) => from.parse().map_err(|_| damaged())?,
            None => after,
        };
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        let head = store::head(read.conn(), &tenant).await?;
        if !(0..=head).contains(&after) {
            return Err(Error::invalid(
                "changed_after",
                "expected a cursor that this tenant's entries were sent with",
            ));
        }
        let (rows, cut) = changed(read.conn(), &cipher, from, listing.limit()).await?;
        drop(read);
        let page = listing
            .page_of(rows, cut, |(seq, _)| seq.to_string())
            .await?;
        let rows = page.rows.get();
        let cursor = rows.last().map_or(from, |(seq, _)| *seq);
        let count = rows.len();
        self.log_list(&access, Name::Tenant(tenant), count).await?;
        let page = Page {
            rows: page
                .rows
                .map(|rows| rows.into_iter().map(|(_, incident)| incident).collect()),
            next: page.next,
        };
        Ok((page, cursor))
    }
}

/// Up to `limit` incidents whose last entry comes after `from`, with its number and in its order.
async fn changed(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    from: i64,
    limit: i64,
) -> Result<Cut<(i64, Incident)>> {
    let sql = format!(
        "SELECT last_seq, {COLUMNS} FROM incidents WHERE tenant_id = $1 AND last_seq > $2 \
          ORDER BY last_seq LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(cipher.tenant().as_str())
        .bind(from)
        .bind(limit)
        .fetch(conn);
    store::cut(rows, |row| {
        Ok((row.try_get("last_seq")?, store::read(row, cipher)?))
    })
    .await
}
