//! Reading a log. That is itself an entry, written after the page was read: a page shows what was
//! done before it was asked for.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cordon_kernel::audit::AuditPage;
use cordon_kernel::facade::Kernel;
use cordon_kernel::page::{PagePosition, PageSealer, VALIDITY};
use cordon_kernel::{
    Action, AuditEntry, Disclosed, Error, EventName, Name, Reason, Result, TenantId,
};

use super::convert::Query;
use super::store::{self, LogEntry, Part};
use crate::transport::Caller;

/// The room's service.
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

/// One page of a log.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Disclosed<Vec<LogEntry>>,
    /// Empty at the end.
    pub(super) next: String,
}

/// Where a page begins, and where the listing ends: without an end, a listing would always find
/// the entries about its own pages.
#[derive(Debug, Clone, Copy)]
struct Position {
    after: i64,
    last: i64,
}

impl Service {
    pub(super) async fn list(&self, caller: &Caller, query: Query) -> Result<Page> {
        match query.tenant.clone() {
            Some(tenant) => self.list_tenant(caller, &tenant, &query).await,
            None => self.list_provider(caller, &query).await,
        }
    }

    async fn list_tenant(&self, caller: &Caller, tenant: &TenantId, query: &Query) -> Result<Page> {
        let (scope, permit) = caller
            .tenant_scope(&self.kernel, tenant, Action::ListAuditEntries)
            .await?;
        let env = self.kernel.env();
        let db = self.kernel.db();
        let hash = query_hash(query);
        let sealer = PageSealer::new(
            tenant.clone(),
            &self.kernel.cipher(&scope).await?.page_key(),
        )?;
        let position = if query.token.is_empty() {
            // This also makes the tenant's own waiting entries durable.
            Position {
                after: 0,
                last: newest(&db.audit_page(&scope, None, 1).await?),
            }
        } else {
            let position = sealer.open(&query.token, &hash, env.now())?;
            let last = i64::try_from(position.snapshot_seq).map_err(Error::internal)?;
            Position {
                after: position.last_time_ns,
                last,
            }
        };
        let mut read = db.tenant_read(&scope).await?;
        let rows = store::tenant(read.conn(), tenant, part(query, position)).await?;
        drop(read);
        let (rows, after) = cut(rows, query.size);
        let next = match after {
            None => String::new(),
            Some(after) => sealer.seal(
                env,
                &hash,
                &PagePosition {
                    snapshot_seq: u64::try_from(position.last).map_err(Error::internal)?,
                    last_time_ns: after,
                    last_name: EventName::from_bytes([0; 16]),
                },
            )?,
        };
        let entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", rows.len());
        db.audit_read(&scope, entry).await?;
        Ok(Page {
            entries: Disclosed::own(&scope, rows),
            next,
        })
    }

    async fn list_provider(&self, caller: &Caller, query: &Query) -> Result<Page> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ListAuditEntries)
            .await?;
        let db = self.kernel.db();
        let hash = query_hash(query);
        let now = self.kernel.env().now().as_second();
        let position = if query.token.is_empty() {
            Position {
                after: 0,
                last: newest(&db.provider_audit_page(&scope, None, 1).await?),
            }
        } else {
            open_provider(&query.token, &hash, now)?
        };
        let mut read = db.provider_read(&scope).await?;
        let rows = store::provider(read.conn(), part(query, position)).await?;
        drop(read);
        let (rows, after) = cut(rows, query.size);
        let next = after.map(|after| {
            let expires = now.saturating_add(VALIDITY.as_secs());
            seal_provider(&hash, Position { after, ..position }, expires)
        });
        let entry = AuditEntry::new(&permit).detail("count", rows.len());
        db.audit_provider_read(&scope, entry).await?;
        Ok(Page {
            entries: Disclosed::summary(&scope, rows),
            next: next.unwrap_or_default(),
        })
    }
}

fn newest(page: &AuditPage) -> i64 {
    page.records.first().map_or(0, |newest| {
        i64::try_from(newest.record.seq).unwrap_or(i64::MAX)
    })
}

fn part(query: &Query, position: Position) -> Part {
    Part {
        after: position.after,
        last: position.last,
        from: query.from,
        to: query.to,
        // One more than the page has, to know whether another follows.
        limit: i64::from(query.size) + 1,
    }
}

/// The page's rows, and after which the next begins, if one follows.
fn cut(mut rows: Vec<LogEntry>, size: u32) -> (Vec<LogEntry>, Option<i64>) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let last = rows
        .last()
        .map(|row| i64::try_from(row.record.seq).unwrap_or(i64::MAX));
    (rows, last.filter(|_| more))
}

fn query_hash(query: &Query) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(b"ListAuditEntries\0");
    hash.update(
        query
            .tenant
            .as_ref()
            .map_or("", |tenant| tenant.as_str())
            .as_bytes(),
    );
    hash.update(&query.from.to_le_bytes());
    hash.update(&query.to.to_le_bytes());
    *hash.finalize().as_bytes()
}

/// Staff may read the provider's log from anywhere on: there is nothing to seal from them, and
/// the token only has to stay with its query.
fn seal_provider(hash: &[u8; 32], position: Position, expires: i64) -> String {
    let numbers = [position.after, position.last, expires].map(i64::to_be_bytes);
    URL_SAFE_NO_PAD.encode([hash.as_slice(), numbers.as_flattened()].concat())
}

fn open_provider(token: &str, hash: &[u8; 32], now: i64) -> Result<Position> {
    let open = || {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let rest = bytes.strip_prefix(hash.as_slice())?;
        let (after, rest) = rest.split_first_chunk::<8>()?;
        let (last, rest) = rest.split_first_chunk::<8>()?;
        let expires = i64::from_be_bytes(rest.try_into().ok()?);
        let position = Position {
            after: i64::from_be_bytes(*after),
            last: i64::from_be_bytes(*last),
        };
        (now < expires).then_some(position)
    };
    open().ok_or_else(|| {
        Error::new(
            Reason::InvalidPageToken,
            "the page token is not of this query, or is older than an hour: start again without one",
        )
    })
}
