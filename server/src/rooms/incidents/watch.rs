//! Following what happens to a tenant's incidents, from a cursor on.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantId, TenantScope};
use cordon_proto::incidents as wire;

use super::convert;
use super::service::Service;
use super::store;
use crate::transport::{Caller, Feed, Feeder};

/// How often the head is asked for.
const POLL: Duration = Duration::from_millis(500);
/// How often a silent watch says that it is alive and how far it is.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Entries of one message.
const CHUNK: i64 = 256;

impl Service {
    pub(super) async fn watch_incidents(
        &self,
        caller: Caller,
        tenant: TenantId,
        cursor: Option<i64>,
    ) -> Result<Feed<wire::WatchIncidentsResponse>> {
        let action = Action::WatchIncidents;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let head = store::head(read.conn(), &tenant).await?;
        drop(read);
        let cursor = match cursor {
            None => head,
            Some(cursor) if (0..=head).contains(&cursor) => cursor,
            Some(_) => {
                return Err(Error::invalid(
                    "cursor",
                    "expected a cursor that this tenant's entries were sent with",
                ));
            }
        };
        let entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(tenant))
            .detail("cursor", cursor);
        self.kernel.db().audit_read(&scope, entry).await?;
        let scope = Arc::new(scope);
        let tail = Tail {
            kernel: Arc::clone(&self.kernel),
            scope: Arc::clone(&scope),
            cursor,
        };
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(kernel, caller, scope, |feeder| {
            tail.run(feeder)
        }))
    }
}

struct Tail {
    kernel: Arc<Kernel>,
    scope: Arc<TenantScope>,
    cursor: i64,
}

impl Tail {
    async fn run(mut self, feeder: Feeder<wire::WatchIncidentsResponse>) -> Result<()> {
        // At once, so that whoever watches has a cursor to resume from.
        self.say(&feeder, Vec::new()).await?;
        let mut said = tokio::time::Instant::now();
        loop {
            while self.step(&feeder).await? {
                said = tokio::time::Instant::now();
            }
            if said.elapsed() >= HEARTBEAT {
                self.say(&feeder, Vec::new()).await?;
                said = tokio::time::Instant::now();
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends what comes after the cursor, some of it; whether there was any.
    async fn step(&mut self, feeder: &Feeder<wire::WatchIncidentsResponse>) -> Result<bool> {
        let mut read = self.kernel.db().tenant_read(&self.scope).await?;
        if store::head(read.conn(), self.scope.tenant()).await? <= self.cursor {
            return Ok(false);
        }
        let cipher = self.kernel.cipher(&self.scope).await?;
        let entries = store::entries(read.conn(), &cipher, None, self.cursor, CHUNK).await?;
        drop(read);
        let Some(last) = entries.last() else {
            return Ok(false);
        };
        self.cursor = last.seq;
        let entries = Disclosed::own(&self.scope, entries);
        let entries = entries
            .each()
            .map(|entry| convert::entry(self.scope.tenant(), entry))
            .collect();
        self.say(feeder, entries).await?;
        Ok(true)
    }

    async fn say(
        &self,
        feeder: &Feeder<wire::WatchIncidentsResponse>,
        timeline_entries: Vec<wire::TimelineEntry>,
    ) -> Result<()> {
        feeder
            .send(wire::WatchIncidentsResponse {
                timeline_entries,
                cursor: self.cursor,
            })
            .await
    }
}
