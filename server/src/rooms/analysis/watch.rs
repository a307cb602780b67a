//! Following one analysis until it has ended.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::nanos;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Name, Result, TenantId, TenantScope};
use cordon_proto::analysis as wire;
use jiff::SignedDuration;
use uuid::Uuid;

use super::convert;
use super::service::{Service, told};
use super::store;
use crate::transport::{Caller, Feed, Feeder};

/// How soon after it was another one it is read again; each time it is not, it is read later, up to
/// [`POLL`]. Most answers are there at once, and somebody waits for them.
const SOON: Duration = Duration::from_millis(50);
/// How often it is read at least.
const POLL: Duration = Duration::from_millis(500);
/// For how long after a change another one may bear the same time, by another server's clock.
const SETTLED: SignedDuration = SignedDuration::from_secs(10);
/// How often a silent watch says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(10);

impl Service {
    pub(super) async fn watch(
        &self,
        caller: Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Feed<wire::WatchAnalysisResponse>> {
        let action = Action::WatchAnalysis;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        self.find(&scope, id).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Analysis(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        let scope = Arc::new(scope);
        let tail = Tail {
            kernel: Arc::clone(&self.kernel),
            scope: Arc::clone(&scope),
            id,
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
    id: Uuid,
}

impl Tail {
    async fn run(self, feeder: Feeder<wire::WatchAnalysisResponse>) -> Result<()> {
        let tenant = self.scope.tenant().clone();
        let mut seen = String::new();
        let mut updated = None;
        let mut said = tokio::time::Instant::now();
        let mut rest = SOON;
        loop {
            // The row itself, which may be long, is read when it is another one than before.
            let mut read = self.kernel.db().tenant_read(&self.scope).await?;
            let now = store::updated(read.conn(), &tenant, self.id).await?;
            drop(read);
            if now.is_some() && now == updated {
                if said.elapsed() >= HEARTBEAT {
                    feeder
                        .send(wire::WatchAnalysisResponse { analysis: None })
                        .await?;
                    said = tokio::time::Instant::now();
                }
                tokio::time::sleep(rest).await;
                rest = POLL.min(rest * 2);
                continue;
            }
            let cipher = self.kernel.cipher(&self.scope).await?;
            let mut read = self.kernel.db().tenant_read(&self.scope).await?;
            let found = store::find(read.conn(), &cipher, self.id).await?;
            drop(read);
            let Some(found) = found else {
                return Ok(());
            };
            let ended = found.state.ended();
            // Two changes of one moment: it is read until the moment is past.
            let age = self.kernel.env().now().duration_since(found.updated);
            updated = (age > SETTLED).then(|| nanos(found.updated));
            if found.etag == seen {
                rest = POLL.min(rest * 2);
            } else {
                rest = SOON;
                seen.clone_from(&found.etag);
                let told = told(&self.scope, found);
                let analysis = Some(convert::analysis(&tenant, told.analysis, told.staff));
                feeder
                    .send(wire::WatchAnalysisResponse { analysis })
                    .await?;
                said = tokio::time::Instant::now();
            }
            if ended {
                return Ok(());
            }
            tokio::time::sleep(rest).await;
        }
    }
}
