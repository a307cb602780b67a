//! Following one snapshot until it was taken.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::nanos;
use cordon_kernel::{Action, Disclosed, Name, Result};
use cordon_proto::evidence as wire;

use super::convert;
use super::service::{Named, Service};
use super::store;
use crate::transport::{Caller, Feed};

/// How often it is read.
const POLL: Duration = Duration::from_millis(500);
/// How often a silent watch says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(10);

impl Service {
    pub(super) async fn watch(
        &self,
        caller: Caller,
        (tenant, id): Named,
    ) -> Result<Feed<wire::WatchSnapshotResponse>> {
        let action = Action::WatchSnapshot;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        self.find(&scope, id).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Snapshot(tenant.clone(), id));
        self.kernel.db().audit_read(&scope, entry).await?;
        let scope = Arc::new(scope);
        let (service, within) = (self.clone(), Arc::clone(&scope));
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(kernel, caller, scope, |feeder| async move {
            let (mut seen, mut at) = (String::new(), None);
            let mut said = tokio::time::Instant::now();
            loop {
                let mut read = service.kernel.db().tenant_read(&within).await?;
                let now = store::updated(read.conn(), &tenant, id).await?;
                drop(read);
                // The row, which may be long, is read when it is another one than before.
                if now.is_none() || now != at {
                    let found = service.find(&within, id).await?;
                    at = Some(nanos(found.updated));
                    if found.etag != seen {
                        seen.clone_from(&found.etag);
                        let ended = found.state.ended();
                        let told = Disclosed::own(&within, found);
                        let snapshot = Some(convert::snapshot(&tenant, told));
                        feeder
                            .send(wire::WatchSnapshotResponse { snapshot })
                            .await?;
                        if ended {
                            return Ok(());
                        }
                        said = tokio::time::Instant::now();
                    }
                }
                if said.elapsed() >= HEARTBEAT {
                    feeder
                        .send(wire::WatchSnapshotResponse { snapshot: None })
                        .await?;
                    said = tokio::time::Instant::now();
                }
                tokio::time::sleep(POLL).await;
            }
        }))
    }
}
