//! Following the clocks of a tenant's incidents: all open ones first, then each as it changes.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantId, TenantScope};
use cordon_proto::sla as wire;
use uuid::Uuid;

use super::clocks::Agreements;
use super::convert::{self, IncidentClocks, ShownClock};
use super::service::Service;
use crate::rooms::incidents::{self, Clocked};
use crate::transport::{Caller, Feed, Feeder};

/// How often the head is asked for.
const POLL: Duration = Duration::from_millis(500);
/// How often a silent watch says that it is alive and how far it is.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Incidents of one message: each has many clocks.
const CHUNK: i64 = 64;

impl Service {
    pub(super) async fn watch_clocks(
        &self,
        caller: Caller,
        tenant: TenantId,
        cursor: Option<i64>,
    ) -> Result<Feed<wire::WatchClocksResponse>> {
        let action = Action::WatchClocks;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let head = incidents::head(read.conn(), &tenant).await?;
        drop(read);
        if cursor.is_some_and(|cursor| !(0..=head).contains(&cursor)) {
            return Err(Error::invalid(
                "cursor",
                "expected a cursor that this tenant's clocks were sent with",
            ));
        }
        let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant));
        let entry = match cursor {
            Some(cursor) => entry.detail("cursor", cursor),
            None => entry,
        };
        self.kernel.db().audit_read(&scope, entry).await?;
        let scope = Arc::new(scope);
        let tail = Tail {
            kernel: Arc::clone(&self.kernel),
            scope: Arc::clone(&scope),
            cursor: cursor.unwrap_or(head),
        };
        let kernel = Arc::clone(&self.kernel);
        let from_the_start = cursor.is_none();
        Ok(Feed::spawn(kernel, caller, scope, move |feeder| {
            tail.run(feeder, from_the_start)
        }))
    }
}

struct Tail {
    kernel: Arc<Kernel>,
    scope: Arc<TenantScope>,
    cursor: i64,
}

impl Tail {
    async fn run(
        mut self,
        feeder: Feeder<wire::WatchClocksResponse>,
        from_the_start: bool,
    ) -> Result<()> {
        if from_the_start {
            self.say_all(&feeder).await?;
        }
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

    /// Sends the clocks of all open incidents. What happens to one meanwhile comes after them, since
    /// the cursor is from before.
    async fn say_all(&self, feeder: &Feeder<wire::WatchClocksResponse>) -> Result<()> {
        let mut after: Option<Uuid> = None;
        loop {
            let mut read = self.kernel.db().tenant_read(&self.scope).await?;
            let tenant = self.scope.tenant();
            let open = incidents::open(read.conn(), tenant, after, CHUNK).await?;
            drop(read);
            let Some(last) = open.last() else {
                return Ok(());
            };
            after = Some(last.id);
            self.say(feeder, open).await?;
        }
    }

    /// Sends the clocks of what something has happened to, some of it; whether there was any.
    async fn step(&mut self, feeder: &Feeder<wire::WatchClocksResponse>) -> Result<bool> {
        let mut read = self.kernel.db().tenant_read(&self.scope).await?;
        let tenant = self.scope.tenant();
        if incidents::head(read.conn(), tenant).await? <= self.cursor {
            return Ok(false);
        }
        let touched = incidents::touched(read.conn(), tenant, self.cursor, CHUNK).await;
        drop(read);
        let (touched, last) = touched?;
        if last <= self.cursor {
            return Ok(false);
        }
        self.cursor = last;
        self.say(feeder, touched).await?;
        Ok(true)
    }

    async fn say(
        &self,
        feeder: &Feeder<wire::WatchClocksResponse>,
        incidents: Vec<Clocked>,
    ) -> Result<()> {
        let tenant = self.scope.tenant();
        let now = self.kernel.env().now();
        let (mut all, mut as_of) = (Vec::with_capacity(incidents.len()), now);
        if !incidents.is_empty() {
            let cipher = self.kernel.cipher(&self.scope).await?;
            let mut read = self.kernel.db().tenant_read(&self.scope).await?;
            let agreements = Agreements::of(read.conn(), tenant).await?;
            for incident in incidents {
                let evaluated = agreements
                    .clocks(read.conn(), &cipher, incident.id, now)
                    .await?;
                as_of = as_of.max(evaluated.as_of);
                let clocks = evaluated.clocks.iter();
                let clocks = clocks.map(|clock| ShownClock::new(tenant, incident.id, clock));
                all.push(IncidentClocks {
                    incident,
                    clocks: clocks.collect(),
                });
            }
        }
        let all = Disclosed::own(&self.scope, all);
        let message = convert::watched(tenant, all, self.cursor, as_of);
        feeder.send(message).await
    }
}
