//! Tail: events as they are stored, in the tenant's sequence, from a cursor on.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantScope};
use cordon_lake::Lake;
use cordon_lake::filter::Filter;
use cordon_proto::events as wire;

use super::convert::{self, Tally, View};
use crate::transport::{Caller, Feed, Feeder};

/// How often the head is asked for when nothing in this process says that it moved.
const POLL: Duration = Duration::from_millis(200);
/// How often a silent watch says that it is alive and how far it is.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Events of one message.
const CHUNK: usize = 256;

/// Answers `WatchEvents`.
///
/// # Errors
/// `PERMISSION_DENIED`, `INVALID_FILTER`, `CURSOR_EXPIRED` with the oldest valid cursor,
/// `INVALID_ARGUMENT` for a cursor that is ahead of the tenant's sequence.
pub(super) async fn watch(
    kernel: &Arc<Kernel>,
    lake: &Arc<Lake>,
    caller: Caller,
    request: wire::WatchEventsRequest,
) -> Result<Feed<wire::WatchEventsResponse>> {
    let tenant = Name::parse_tenant("parent", &request.parent)?;
    let view = View::from_wire(request.view)?;
    let (scope, permit) = caller
        .tenant_scope(kernel, &tenant, Action::WatchEvents)
        .await?;
    let filter = super::filter(lake, &scope, &request.filter)?;
    let head = kernel.db().head(&scope).await?;
    let cursor = match request.cursor {
        None => head,
        Some(cursor) => u64::try_from(cursor)
            .ok()
            .filter(|cursor| *cursor <= head)
            .ok_or_else(|| {
                Error::invalid(
                    "cursor",
                    "expected a cursor that this tenant's events were sent with",
                )
            })?,
    };
    let entry = AuditEntry::new(&permit)
        .resource(Name::Tenant(tenant))
        .detail("filter", &request.filter)
        .detail("cursor", cursor);
    kernel.db().audit_read(&scope, entry).await?;
    let scope = Arc::new(scope);
    let tail = Tail {
        kernel: Arc::clone(kernel),
        lake: Arc::clone(lake),
        scope: Arc::clone(&scope),
        filter,
        view,
        cursor,
    };
    Ok(Feed::spawn(Arc::clone(kernel), caller, scope, |feeder| {
        tail.run(feeder)
    }))
}

struct Tail {
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
    scope: Arc<TenantScope>,
    filter: Option<Arc<Filter>>,
    view: View,
    cursor: u64,
}

impl Tail {
    async fn run(mut self, feeder: Feeder<wire::WatchEventsResponse>) -> Result<()> {
        let mut moved = self.kernel.db().head_watch(&self.scope);
        // At once, so that whoever watches has a cursor to resume from.
        self.say(&feeder, Vec::new()).await?;
        let mut said = tokio::time::Instant::now();
        loop {
            while self.kernel.db().head(&self.scope).await? > self.cursor {
                self.step(&feeder).await?;
                said = tokio::time::Instant::now();
            }
            if said.elapsed() >= HEARTBEAT {
                self.say(&feeder, Vec::new()).await?;
                said = tokio::time::Instant::now();
            }
            tokio::select! {
                () = moved.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Sends what comes after the cursor, some of it.
    async fn step(&mut self, feeder: &Feeder<wire::WatchEventsResponse>) -> Result<()> {
        let page = self
            .lake
            .tail(
                &self.scope,
                self.cursor,
                self.filter.as_deref(),
                self.view.columns(),
            )
            .await?;
        if let Some(batch) = page.batch {
            for at in (0..batch.num_rows()).step_by(CHUNK) {
                let some = batch.slice(at, CHUNK.min(batch.num_rows() - at));
                let some = Disclosed::own(&self.scope, some);
                let events =
                    convert::events(self.scope.tenant(), some, self.view, &mut Tally::default())?;
                for events in convert::portions(events) {
                    if let Some(last) = events.last() {
                        self.cursor = u64::try_from(last.sequence).unwrap_or(self.cursor);
                    }
                    self.say(feeder, events).await?;
                }
            }
        }
        if page.next > self.cursor {
            // What did not pass the filter is behind us too.
            self.cursor = page.next;
            self.say(feeder, Vec::new()).await?;
        }
        Ok(())
    }

    async fn say(
        &self,
        feeder: &Feeder<wire::WatchEventsResponse>,
        events: Vec<wire::Event>,
    ) -> Result<()> {
        let cursor = i64::try_from(self.cursor).unwrap_or(i64::MAX);
        feeder
            .send(wire::WatchEventsResponse { events, cursor })
            .await
    }
}
