//! Following findings as they are made and change, from a cursor on.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantId, TenantScope};
use cordon_proto::detection as wire;
use prost::Message as _;

use super::convert;
use super::service::Service;
use super::store;
use crate::transport::{Caller, Feed, Feeder};

/// How often the head is asked for.
const POLL: Duration = Duration::from_millis(500);
/// How often a silent watch says that it is alive and how far it is.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Findings of one message.
const CHUNK: i64 = 128;
/// Most bytes of one message's findings; a single larger one goes alone.
const MESSAGE_BYTES: usize = 1 << 20;

impl Service {
    pub(super) async fn watch(
        &self,
        caller: Caller,
        tenant: TenantId,
        cursor: Option<i64>,
    ) -> Result<Feed<wire::WatchFindingsResponse>> {
        let action = Action::WatchFindings;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let head = store::head(read.conn(), tenant.as_str()).await?;
        drop(read);
        let cursor = match cursor {
            None => head,
            Some(cursor) if (0..=head).contains(&cursor) => cursor,
            Some(_) => {
                return Err(Error::invalid(
                    "cursor",
                    "expected a cursor that this tenant's findings were sent with",
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
    async fn run(mut self, feeder: Feeder<wire::WatchFindingsResponse>) -> Result<()> {
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
    async fn step(&mut self, feeder: &Feeder<wire::WatchFindingsResponse>) -> Result<bool> {
        let tenant = self.scope.tenant().clone();
        let mut read = self.kernel.db().tenant_read(&self.scope).await?;
        if store::head(read.conn(), tenant.as_str()).await? <= self.cursor {
            return Ok(false);
        }
        let cipher = self.kernel.cipher(&self.scope).await?;
        let findings = store::changed(read.conn(), &cipher, self.cursor, CHUNK).await?;
        drop(read);
        let Some(last) = findings.last() else {
            return Ok(false);
        };
        let last = last.seq;
        let findings = Disclosed::own(&self.scope, findings);
        let (mut portion, mut bytes) = (Vec::new(), 0);
        for finding in findings.each() {
            let finding = convert::finding(&tenant, finding, true);
            let size = finding.encoded_len();
            if bytes + size > MESSAGE_BYTES && !portion.is_empty() {
                self.say(feeder, std::mem::take(&mut portion)).await?;
                bytes = 0;
            }
            bytes += size;
            self.cursor = finding.sequence;
            portion.push(finding);
        }
        self.cursor = last;
        self.say(feeder, portion).await?;
        Ok(true)
    }

    async fn say(
        &self,
        feeder: &Feeder<wire::WatchFindingsResponse>,
        findings: Vec<wire::Finding>,
    ) -> Result<()> {
        feeder
            .send(wire::WatchFindingsResponse {
                findings,
                cursor: self.cursor,
            })
            .await
    }
}
