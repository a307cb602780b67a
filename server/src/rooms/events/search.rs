//! Search: events of a time range that pass a filter, newest or oldest first, page by page within
//! one snapshot.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::page::{PagePosition, PageSealer};
use cordon_kernel::{Action, Disclosed, Error, EventName, Name, Result, TenantId, TenantScope};
use cordon_lake::{Lake, Order, Position, Query};
use cordon_proto::events as wire;

use super::completeness;
use super::convert::{self, Tally, View};
use crate::transport::{Caller, Feed, Feeder};

/// Most events of one answer.
const MOST: i32 = 1_000_000;
/// Events of one answer when the caller names no number.
const USUAL: i32 = 100;
/// Events of one message.
const CHUNK: usize = 256;

/// A search, decoded.
#[derive(Debug)]
pub(super) struct Search {
    tenant: TenantId,
    range: (Option<i64>, Option<i64>),
    filter: String,
    order: Order,
    limit: u64,
    page_token: String,
    view: View,
}

impl Search {
    /// Reads the request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field.
    pub(super) fn from_wire(request: wire::SearchEventsRequest) -> Result<Self> {
        let order = match wire::Order::try_from(request.order) {
            Ok(wire::Order::Unspecified | wire::Order::NewestFirst) => Order::NewestFirst,
            Ok(wire::Order::OldestFirst) => Order::OldestFirst,
            Err(_) => {
                return Err(Error::invalid(
                    "order",
                    "expected NEWEST_FIRST or OLDEST_FIRST",
                ));
            }
        };
        let limit = match request.page_size {
            0 => USUAL,
            n if n < 0 => {
                return Err(Error::invalid(
                    "page_size",
                    "expected a number that is not negative",
                ));
            }
            n => n.min(MOST),
        };
        Ok(Self {
            tenant: Name::parse_tenant("parent", &request.parent)?,
            range: convert::range(request.start_time.as_ref(), request.end_time.as_ref())?,
            filter: request.filter,
            order,
            limit: u64::try_from(limit).unwrap_or(0),
            page_token: request.page_token,
            view: View::from_wire(request.view)?,
        })
    }

    /// What a page token belongs to: everything but the page's size.
    fn hash(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hash.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(bytes);
        };
        part(b"SearchEvents");
        for end in [self.range.0, self.range.1] {
            part(&end.map(i64::to_le_bytes).map_or_else(Vec::new, Vec::from));
        }
        part(self.filter.as_bytes());
        part(&[u8::from(self.order == Order::OldestFirst), self.view as u8]);
        *hash.finalize().as_bytes()
    }
}

/// Answers a search.
///
/// # Errors
/// `PERMISSION_DENIED`, `INVALID_FILTER`, `INVALID_PAGE_TOKEN` before anything is sent; what fails
/// later closes the answer.
pub(super) async fn search(
    kernel: &Arc<Kernel>,
    lake: &Arc<Lake>,
    caller: Caller,
    search: Search,
) -> Result<Feed<wire::SearchEventsResponse>> {
    let (scope, permit) = caller
        .tenant_scope(kernel, &search.tenant, Action::SearchEvents)
        .await?;
    let filter = super::filter(lake, &scope, &search.filter)?;
    let sealer = sealer(kernel, &scope).await?;
    let hash = search.hash();
    let from = if search.page_token.is_empty() {
        None
    } else {
        Some(sealer.open(&search.page_token, &hash, kernel.env().now())?)
    };
    let entry = AuditEntry::new(&permit)
        .resource(Name::Tenant(search.tenant.clone()))
        .detail("filter", &search.filter)
        .detail("limit", search.limit);
    kernel.db().audit_read(&scope, entry).await?;
    let query = Query {
        since: search.range.0,
        until: search.range.1,
        filter,
        order: search.order,
        columns: search.view.columns(),
        limit: Some(search.limit),
        after: from.as_ref().map(|at| Position {
            time_ns: at.last_time_ns,
            name: *at.last_name.as_bytes(),
        }),
        snapshot: from.as_ref().map(|at| at.snapshot_seq),
    };
    let scope = Arc::new(scope);
    let work = Answer {
        kernel: Arc::clone(kernel),
        lake: Arc::clone(lake),
        scope: Arc::clone(&scope),
        sealer,
        hash,
        view: search.view,
    };
    Ok(Feed::spawn(Arc::clone(kernel), caller, scope, |feeder| {
        work.run(query, feeder)
    }))
}

struct Answer {
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
    scope: Arc<TenantScope>,
    sealer: PageSealer,
    hash: [u8; 32],
    view: View,
}

impl Answer {
    async fn run(self, query: Query, feeder: Feeder<wire::SearchEventsResponse>) -> Result<()> {
        let limit = query.limit.unwrap_or(u64::MAX);
        let mut found = self.lake.search(&self.scope, query).await?;
        let mut tally = Tally::default();
        let (mut sent, mut last) = (0_u64, None);
        while let Some(batch) = found.next().await? {
            for at in (0..batch.num_rows()).step_by(CHUNK) {
                let part = batch.slice(at, CHUNK.min(batch.num_rows() - at));
                sent += part.num_rows() as u64;
                last = convert::last(&part)?;
                let part = Disclosed::own(&self.scope, part);
                let events = convert::events(self.scope.tenant(), part, self.view, &mut tally)?;
                for events in convert::portions(events) {
                    let list = wire::EventList { events };
                    let result = Some(wire::search_events_response::Result::Events(list));
                    feeder.send(wire::SearchEventsResponse { result }).await?;
                }
            }
        }
        let next_page_token = match last {
            Some(last) if sent >= limit => {
                let position = PagePosition {
                    snapshot_seq: found.head(),
                    last_time_ns: last.time_ns,
                    last_name: EventName::from_bytes(last.name),
                };
                self.sealer.seal(self.kernel.env(), &self.hash, &position)?
            }
            _ => String::new(),
        };
        let summary = wire::SearchSummary {
            returned_count: i64::try_from(sent).unwrap_or(i64::MAX),
            next_page_token,
            completeness: Some(completeness::of(found.snapshot(), &tally)),
        };
        let result = Some(wire::search_events_response::Result::Summary(summary));
        feeder.send(wire::SearchEventsResponse { result }).await
    }
}

/// What seals the tenant's page tokens.
///
/// # Errors
/// As [`Kernel::cipher`].
pub(super) async fn sealer(kernel: &Kernel, scope: &TenantScope) -> Result<PageSealer> {
    let cipher = kernel.cipher(scope).await?;
    PageSealer::new(scope.tenant().clone(), &cipher.page_key())
}
