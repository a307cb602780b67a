//! Reading the whole of an incident at one moment, and signing what it comes to.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantId, TenantScope};
use cordon_pages::incident::{PREDICATE_TYPE, Story, report};
use cordon_proto::reports as wire;
use ring::digest::{SHA256, digest};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::rooms::{incidents, sla};
use crate::transport::{Caller, Feed, Shares};

/// Bytes of messages that are put into one report at most, and bytes of the report's JSON.
const MAX_BYTES: usize = 8 << 20;
/// Bytes of one part of the answer.
const CHUNK: usize = 256 << 10;

/// How many reports one tenant's people, and staff within it, have made at a time, until the last
/// part is sent; and how many are put together at a time.
const A_TENANT: usize = 2;
const AT_ONCE: usize = 4;

pub(super) struct Service {
    kernel: Arc<Kernel>,
    shares: Arc<Shares<TenantId>>,
    places: Semaphore,
}

impl Service {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self {
            kernel,
            shares: Shares::new(A_TENANT),
            places: Semaphore::new(AT_ONCE),
        }
    }

    pub(super) async fn generate_incident_report(
        &self,
        caller: Caller,
        (tenant, incident): (TenantId, Uuid),
    ) -> Result<Feed<wire::GenerateIncidentReportResponse>> {
        let action = Action::GenerateIncidentReport;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let share = self.shares.take(&tenant).ok_or_else(|| {
            Error::new(
                Reason::QuotaExceeded,
                format!("{A_TENANT} reports of the tenant are being made: wait for one of them"),
            )
        })?;
        let name = Name::Incident(tenant, incident);
        let place = self.places.acquire().await.map_err(Error::internal)?;
        let story = self.story(&scope, incident).await?;
        let entry = AuditEntry::new(&permit)
            .resource(name.clone())
            .detail("entries", story.timeline.len());
        self.kernel.db().audit_read(&scope, entry).await?;
        // What people wrote may be long: no other call waits while it is put together.
        let report = tokio::task::spawn_blocking(move || written(&story));
        let (report, sha256) = report.await.map_err(Error::internal)??;
        let envelope =
            self.kernel
                .sign_statement(&scope, &name, sha256, PREDICATE_TYPE, &report)?;
        drop(place);
        let scope = Arc::new(scope);
        let own = Arc::clone(&scope);
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn(
            kernel,
            caller,
            scope,
            move |feeder| async move {
                let _share = share;
                for part in envelope.chunks(CHUNK) {
                    let statement = Disclosed::own(&own, part.to_vec()).into_wire();
                    let part = wire::GenerateIncidentReportResponse { statement };
                    feeder.send(part).await?;
                }
                Ok(())
            },
        ))
    }

    /// All that both sides can read of an incident: as it was at one moment.
    async fn story(&self, scope: &TenantScope, incident: Uuid) -> Result<Story> {
        let cipher = self.kernel.cipher(scope).await?;
        let now = self.kernel.env().now();
        let at = (incident, now);
        let mut read = self.kernel.db().tenant_read(scope).await?;
        let found = incidents::records(scope, read.conn(), &cipher, at, MAX_BYTES).await?;
        let (clocks, deadlines, as_of) = sla::records(scope, read.conn(), &cipher, at).await?;
        drop(read);
        Ok(Story {
            incident: found.incident,
            comments: found.comments,
            timeline: found.timeline,
            clocks,
            deadlines,
            tasks: found.tasks,
            attachments: found.attachments,
            as_of,
        })
    }
}

/// The report's own JSON, and its SHA-256 in hexadecimal digits.
fn written(story: &Story) -> Result<(Box<serde_json::value::RawValue>, String)> {
    let report = report(story).map_err(Error::internal)?;
    let json = serde_json::to_string(&report).map_err(Error::internal)?;
    if json.len() > MAX_BYTES {
        return Err(incidents::too_large());
    }
    let sha256 = hex::encode(digest(&SHA256, json.as_bytes()));
    let json = serde_json::value::RawValue::from_string(json).map_err(Error::internal)?;
    Ok((json, sha256))
}
