//! What is left of a deleted tenant, the originals that it shared included. Its keys are destroyed,
//! so that this frees space rather than secrets. What stays is the tenant's id, where its journal
//! and its log ended, and what was signed of its destruction.

use sqlx::{AnyConnection, Row as _};

use super::jobs::{JobClaim, require_claim};
use super::{Db, confine, nanos, timestamp};
use crate::audit::{self, AuditEntry};
use crate::auth::{ProviderScope, Role, TenantScope};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;
use jiff::Timestamp;

/// What is removed and how, so many at a time that ingest gets its turns in between. Foreign keys
/// give the order.
const STEPS: &[(&str, &str)] = &[
    (
        "segmentPayloads",
        "DELETE FROM segment_payloads WHERE tenant_id = $1 AND segment_id IN \
            (SELECT segment_id FROM segment_payloads WHERE tenant_id = $1 LIMIT 256)",
    ),
    (
        "segments",
        "DELETE FROM segments WHERE tenant_id = $1 AND segment_id IN \
            (SELECT segment_id FROM segments WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "journalEntries",
        "DELETE FROM journal WHERE tenant_id = $1 AND first_seq IN \
            (SELECT first_seq FROM journal WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "credentials",
        "DELETE FROM credentials WHERE home = 'tenants/' || $1",
    ),
    (
        "tenantSources",
        "DELETE FROM tenant_sources WHERE tenant_id = $1",
    ),
    (
        "wrappedKeys",
        "DELETE FROM tenant_keys WHERE tenant_id = $1",
    ),
    (
        "keyRotations",
        "DELETE FROM key_rotations WHERE tenant_id = $1",
    ),
    ("legalHolds", "DELETE FROM legal_holds WHERE tenant_id = $1"),
    (
        "incidentDeliveries",
        "DELETE FROM incident_deliveries WHERE tenant_id = $1 AND (subscription_id, seq) IN \
            (SELECT subscription_id, seq FROM incident_deliveries WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "incidentSubscriptions",
        "DELETE FROM incident_subscriptions WHERE tenant_id = $1",
    ),
    (
        "attachmentParts",
        "DELETE FROM incident_attachment_parts WHERE tenant_id = $1 AND part_id IN \
            (SELECT part_id FROM incident_attachment_parts WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "attachments",
        "DELETE FROM incident_attachments WHERE tenant_id = $1 AND attachment_id IN \
            (SELECT attachment_id FROM incident_attachments WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "notes",
        "DELETE FROM incident_notes WHERE tenant_id = $1 AND note_id IN \
            (SELECT note_id FROM incident_notes WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "links",
        "DELETE FROM incident_links WHERE tenant_id = $1 AND link_id IN \
            (SELECT link_id FROM incident_links WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "providerNotes",
        "DELETE FROM provider_notes WHERE tenant_id = $1 AND note_id IN \
            (SELECT note_id FROM provider_notes WHERE tenant_id = $1 LIMIT 1024)",
    ),
    ("noteKeys", "DELETE FROM note_keys WHERE tenant_id = $1"),
    (
        "incidentComments",
        "DELETE FROM incident_comments WHERE tenant_id = $1 AND comment_id IN \
            (SELECT comment_id FROM incident_comments WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "incidentTasks",
        "DELETE FROM incident_tasks WHERE tenant_id = $1 AND task_id IN \
            (SELECT task_id FROM incident_tasks WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "incidentOrigins",
        "DELETE FROM incident_origins WHERE tenant_id = $1",
    ),
    (
        "providerIncidentTenants",
        "DELETE FROM provider_incident_tenants WHERE tenant_id = $1",
    ),
    (
        "incidentEntries",
        "DELETE FROM incident_entries WHERE tenant_id = $1 AND seq IN \
            (SELECT seq FROM incident_entries WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "findingIncidents",
        "DELETE FROM finding_incidents WHERE tenant_id = $1 AND finding_id IN \
            (SELECT finding_id FROM finding_incidents WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "detectionPolicies",
        "DELETE FROM detection_policies WHERE tenant_id = $1",
    ),
    (
        "incidents",
        "DELETE FROM incidents WHERE tenant_id = $1 AND incident_id IN \
            (SELECT incident_id FROM incidents WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "analysisResults",
        "DELETE FROM analysis_results WHERE tenant_id = $1 AND part_id IN \
            (SELECT part_id FROM analysis_results WHERE tenant_id = $1 LIMIT 256)",
    ),
    (
        "analyses",
        "DELETE FROM analyses WHERE tenant_id = $1 AND analysis_id IN \
            (SELECT analysis_id FROM analyses WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "baselineParts",
        "DELETE FROM detection_baseline_parts WHERE tenant_id = $1",
    ),
    (
        "baselines",
        "DELETE FROM detection_baselines WHERE tenant_id = $1",
    ),
    (
        "contextEntries",
        "DELETE FROM context_entries WHERE tenant_id = $1 AND entry_id IN \
            (SELECT entry_id FROM context_entries WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "contextHeads",
        "DELETE FROM context_heads WHERE tenant_id = $1",
    ),
    (
        "findings",
        "DELETE FROM findings WHERE tenant_id = $1 AND finding_id IN \
            (SELECT finding_id FROM findings WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "findingHeads",
        "DELETE FROM finding_heads WHERE tenant_id = $1",
    ),
    (
        "ruleWindows",
        "DELETE FROM detection_windows WHERE tenant_id = $1",
    ),
    (
        "ruleVersions",
        "DELETE FROM detection_rule_versions WHERE tenant_id = $1 AND version_id IN \
            (SELECT version_id FROM detection_rule_versions WHERE tenant_id = $1 LIMIT 1024)",
    ),
    ("rules", "DELETE FROM detection_rules WHERE tenant_id = $1"),
    (
        "ruleSettings",
        "DELETE FROM detection_rule_settings WHERE tenant_id = $1",
    ),
    (
        "incidentHeads",
        "DELETE FROM incident_heads WHERE tenant_id = $1",
    ),
    ("requestIds", "DELETE FROM request_ids WHERE tenant_id = $1"),
    ("slaReports", "DELETE FROM sla_reports WHERE tenant_id = $1"),
    (
        "slaFreshness",
        "DELETE FROM sla_freshness WHERE tenant_id = $1",
    ),
    (
        "slaAgreements",
        "DELETE FROM sla_agreements WHERE tenant_id = $1",
    ),
    (
        "facts",
        "DELETE FROM facts WHERE audience = 'tenant' AND audience_id = $1",
    ),
    (
        "services",
        "DELETE FROM tenant_services WHERE tenant_id = $1",
    ),
    ("placements", "DELETE FROM placements WHERE tenant_id = $1"),
    (
        "releaseMemory",
        "DELETE FROM release_memory WHERE tenant_id = $1 AND own_tag IN \
            (SELECT own_tag FROM release_memory WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "releaseContributions",
        "DELETE FROM release_contributions WHERE tenant_id = $1",
    ),
    (
        "auditEntries",
        "DELETE FROM audit_log WHERE tenant_id = $1 AND seq IN \
            (SELECT seq FROM audit_log WHERE tenant_id = $1 LIMIT 1024)",
    ),
];

/// What must count nothing once a tenant is removed.
const LEFT: &[(&str, &str)] = &[
    (
        "event_originals",
        "SELECT count(*) FROM event_originals WHERE tenant_id = $1",
    ),
    (
        "segment_payloads",
        "SELECT count(*) FROM segment_payloads WHERE tenant_id = $1",
    ),
    (
        "segments",
        "SELECT count(*) FROM segments WHERE tenant_id = $1",
    ),
    (
        "journal",
        "SELECT count(first_seq) FROM journal WHERE tenant_id = $1",
    ),
    (
        "credentials",
        "SELECT count(*) FROM credentials WHERE home = 'tenants/' || $1",
    ),
    (
        "tenant_sources",
        "SELECT count(*) FROM tenant_sources WHERE tenant_id = $1",
    ),
    (
        "tenant_keys",
        "SELECT count(*) FROM tenant_keys WHERE tenant_id = $1",
    ),
    (
        "key_rotations",
        "SELECT count(*) FROM key_rotations WHERE tenant_id = $1",
    ),
    (
        "legal_holds",
        "SELECT count(*) FROM legal_holds WHERE tenant_id = $1",
    ),
    (
        "incident_deliveries",
        "SELECT count(*) FROM incident_deliveries WHERE tenant_id = $1",
    ),
    (
        "incident_subscriptions",
        "SELECT count(*) FROM incident_subscriptions WHERE tenant_id = $1",
    ),
    (
        "incident_attachment_parts",
        "SELECT count(*) FROM incident_attachment_parts WHERE tenant_id = $1",
    ),
    (
        "incident_attachments",
        "SELECT count(*) FROM incident_attachments WHERE tenant_id = $1",
    ),
    (
        "incident_notes",
        "SELECT count(*) FROM incident_notes WHERE tenant_id = $1",
    ),
    (
        "incident_links",
        "SELECT count(*) FROM incident_links WHERE tenant_id = $1",
    ),
    (
        "provider_notes",
        "SELECT count(*) FROM provider_notes WHERE tenant_id = $1",
    ),
    (
        "note_keys",
        "SELECT count(*) FROM note_keys WHERE tenant_id = $1",
    ),
    (
        "incident_comments",
        "SELECT count(*) FROM incident_comments WHERE tenant_id = $1",
    ),
    (
        "incident_tasks",
        "SELECT count(*) FROM incident_tasks WHERE tenant_id = $1",
    ),
    (
        "incident_origins",
        "SELECT count(*) FROM incident_origins WHERE tenant_id = $1",
    ),
    (
        "provider_incident_tenants",
        "SELECT count(*) FROM provider_incident_tenants WHERE tenant_id = $1",
    ),
    (
        "incident_entries",
        "SELECT count(*) FROM incident_entries WHERE tenant_id = $1",
    ),
    (
        "finding_incidents",
        "SELECT count(*) FROM finding_incidents WHERE tenant_id = $1",
    ),
    (
        "detection_policies",
        "SELECT count(*) FROM detection_policies WHERE tenant_id = $1",
    ),
    (
        "incidents",
        "SELECT count(*) FROM incidents WHERE tenant_id = $1",
    ),
    (
        "analysis_results",
        "SELECT count(*) FROM analysis_results WHERE tenant_id = $1",
    ),
    (
        "analyses",
        "SELECT count(*) FROM analyses WHERE tenant_id = $1",
    ),
    (
        "placements",
        "SELECT count(*) FROM placements WHERE tenant_id = $1",
    ),
    (
        "release_memory",
        "SELECT count(*) FROM release_memory WHERE tenant_id = $1",
    ),
    (
        "release_contributions",
        "SELECT count(*) FROM release_contributions WHERE tenant_id = $1",
    ),
    (
        "detection_baseline_parts",
        "SELECT count(*) FROM detection_baseline_parts WHERE tenant_id = $1",
    ),
    (
        "detection_baselines",
        "SELECT count(*) FROM detection_baselines WHERE tenant_id = $1",
    ),
    (
        "context_entries",
        "SELECT count(*) FROM context_entries WHERE tenant_id = $1",
    ),
    (
        "context_heads",
        "SELECT count(*) FROM context_heads WHERE tenant_id = $1",
    ),
    (
        "findings",
        "SELECT count(*) FROM findings WHERE tenant_id = $1",
    ),
    (
        "finding_heads",
        "SELECT count(*) FROM finding_heads WHERE tenant_id = $1",
    ),
    (
        "detection_windows",
        "SELECT count(*) FROM detection_windows WHERE tenant_id = $1",
    ),
    (
        "detection_rule_versions",
        "SELECT count(*) FROM detection_rule_versions WHERE tenant_id = $1",
    ),
    (
        "detection_rules",
        "SELECT count(*) FROM detection_rules WHERE tenant_id = $1",
    ),
    (
        "detection_rule_settings",
        "SELECT count(*) FROM detection_rule_settings WHERE tenant_id = $1",
    ),
    (
        "incident_heads",
        "SELECT count(*) FROM incident_heads WHERE tenant_id = $1",
    ),
    (
        "sla_reports",
        "SELECT count(*) FROM sla_reports WHERE tenant_id = $1",
    ),
    (
        "sla_freshness",
        "SELECT count(*) FROM sla_freshness WHERE tenant_id = $1",
    ),
    (
        "sla_agreements",
        "SELECT count(*) FROM sla_agreements WHERE tenant_id = $1",
    ),
    (
        "request_ids",
        "SELECT count(*) FROM request_ids WHERE tenant_id = $1",
    ),
    (
        "facts",
        "SELECT count(audience_id) FROM facts WHERE audience = 'tenant' AND audience_id = $1",
    ),
    (
        "tenant_services",
        "SELECT count(*) FROM tenant_services WHERE tenant_id = $1",
    ),
    (
        "audit_log",
        "SELECT count(seq) FROM audit_log WHERE tenant_id = $1",
    ),
    (
        "jobs",
        "SELECT count(*) FROM jobs WHERE tenant_id = $1 AND job <> 'purge'",
    ),
];

/// How far a tenant's removal has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) purge_time: Option<Timestamp>,
    pub(crate) deleted: Timestamp,
    /// When the key service was first seen to refuse the wrapping key.
    pub(crate) refused: Option<Timestamp>,
    pub(crate) certified: bool,
    /// How many of what were removed, by name.
    pub(crate) counts: Vec<(String, i64)>,
    /// The last number and the hash of the journal, and of the log.
    pub(crate) journal: (i64, Vec<u8>),
    pub(crate) log: (i64, Vec<u8>),
}

impl Db {
    /// Tenants that were deleted since `since` and whose removal is certified.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub(crate) async fn removed_since(&self, since: Timestamp) -> Result<Vec<TenantId>> {
        let deleted: Vec<String> = sqlx::query_scalar(
            "SELECT tenant_id FROM tenants WHERE status = 'deleted' AND updated_time >= $1",
        )
        .bind(nanos(since))
        .fetch_all(self.system())
        .await?;
        let mut removed = Vec::new();
        for tenant in deleted {
            let mut system = self.system_tx().await?;
            confine(&mut system.tx, &tenant).await?;
            let certified: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM deletions WHERE tenant_id = $1 AND certified_time IS NOT NULL",
            )
            .bind(tenant.as_str())
            .fetch_one(&mut *system.tx)
            .await?;
            system.commit().await?;
            if certified > 0 {
                removed.push(
                    tenant
                        .parse()
                        .map_err(|_| Error::internal("a tenant id in the database is malformed"))?,
                );
            }
        }
        Ok(removed)
    }

    /// Where the removal of a deleted tenant stands.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job; `FAILED_PRECONDITION` while the tenant is not deleted;
    /// `UNAVAILABLE` when the database can't be reached.
    pub(crate) async fn removal(&self, scope: &TenantScope) -> Result<Removal> {
        if scope.principal().role() != Role::System {
            return Err(Error::permission_denied());
        }
        let tenant = scope.tenant().as_str();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        let status = sqlx::query(
            "SELECT status, purge_time, updated_time FROM tenants WHERE tenant_id = $1",
        )
        .bind(tenant)
        .fetch_optional(&mut *system.tx)
        .await?;
        let status = status.filter(|row| row.try_get(0).is_ok_and(|s: String| s == "deleted"));
        let Some(status) = status else {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the tenant is not deleted",
            ));
        };
        // Who was deleted before deletions were noted has none.
        sqlx::query(
            "INSERT INTO deletions (tenant_id, deleted_time) VALUES ($1, $2) \
             ON CONFLICT (tenant_id) DO NOTHING",
        )
        .bind(tenant)
        .bind(status.try_get::<i64, _>(2)?)
        .execute(&mut *system.tx)
        .await?;
        let row = sqlx::query(
            "SELECT deleted_time, refused_time, certified_time FROM deletions WHERE tenant_id = $1",
        )
        .bind(tenant)
        .fetch_one(&mut *system.tx)
        .await?;
        let counts = sqlx::query(
            "SELECT what, count FROM deletion_counts WHERE tenant_id = $1 ORDER BY what",
        )
        .bind(tenant)
        .fetch_all(&mut *system.tx)
        .await?;
        let removal = Removal {
            purge_time: status.try_get::<Option<i64>, _>(1)?.map(timestamp),
            deleted: timestamp(row.try_get(0)?),
            refused: row.try_get::<Option<i64>, _>(1)?.map(timestamp),
            certified: row.try_get::<Option<i64>, _>(2)?.is_some(),
            counts: counts
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                .collect::<Result<_>>()?,
            journal: end(&mut system.tx, JOURNAL_END, tenant).await?,
            log: end(&mut system.tx, LOG_END, tenant).await?,
        };
        system.commit().await?;
        Ok(removal)
    }

    /// Notes that the key service refused the tenant's wrapping key; nobody works for the tenant
    /// any more from here on.
    pub(crate) async fn note_refusal(&self, tenant: &TenantId) -> Result<()> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        sqlx::query("DELETE FROM jobs WHERE tenant_id = $1 AND job <> 'purge'")
            .bind(tenant.as_str())
            .execute(&mut *system.tx)
            .await?;
        sqlx::query(
            "UPDATE deletions SET refused_time = COALESCE(refused_time, $2) WHERE tenant_id = $1",
        )
        .bind(tenant.as_str())
        .bind(nanos(self.env().now()))
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// Notes how many of something there were before they were removed; the first word counts,
    /// since whoever goes on after it finds fewer.
    pub(crate) async fn note_found(&self, tenant: &TenantId, what: &str, count: u64) -> Result<()> {
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        sqlx::query(
            "INSERT INTO deletion_counts (tenant_id, what, count) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id, what) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(what)
        .bind(super::to_sql(count)?)
        .execute(&mut *system.tx)
        .await?;
        system.commit().await
    }

    /// Drops, in a background job, what a deleted tenant leaves in the database, and counts it. Can
    /// be broken off and called again.
    ///
    /// # Errors
    /// As [`Db::removal`].
    pub(crate) async fn purge_tenant(&self, scope: &TenantScope) -> Result<()> {
        self.removal(scope).await?;
        let tenant = scope.tenant().as_str();
        loop {
            let gone = self.purge_originals(scope.tenant()).await?;
            if gone == 0 {
                break;
            }
        }
        let blocks = self.inner.dialect.free_blocks().iter();
        let blocks = blocks.map(|step| ("journalBlocks", *step));
        for (what, step) in blocks.chain(STEPS.iter().copied()) {
            loop {
                let mut system = self.system_tx().await?;
                confine(&mut system.tx, tenant).await?;
                let done = sqlx::query(step)
                    .bind(tenant)
                    .execute(&mut *system.tx)
                    .await?
                    .rows_affected();
                // What only lets go of a block counts nothing by itself.
                if step.starts_with("DELETE") {
                    count(&mut system.tx, tenant, what, done).await?;
                }
                system.commit().await?;
                if done == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The tables in which something is left of a deleted tenant, with how many rows.
    pub(crate) async fn left(&self, scope: &TenantScope) -> Result<Vec<(&'static str, i64)>> {
        let tenant = scope.tenant().as_str();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        let mut left = Vec::with_capacity(LEFT.len());
        for (table, question) in LEFT {
            let rows: i64 = sqlx::query_scalar(*question)
                .bind(tenant)
                .fetch_one(&mut *system.tx)
                .await?;
            left.push((*table, rows));
        }
        Ok(left)
    }

    /// Keeps what was signed of a tenant's destruction, with an entry in the provider's log.
    pub(crate) async fn store_certificate(
        &self,
        scope: &ProviderScope,
        claim: &JobClaim,
        envelope: &[u8],
        entry: AuditEntry,
    ) -> Result<()> {
        let now = self.env().now();
        let mut system = self.system_tx().await?;
        system.lock_registers().await?;
        require_claim(&mut system.tx, claim).await?;
        confine(&mut system.tx, claim.tenant().as_str()).await?;
        sqlx::query(
            "UPDATE deletions SET certificate = $2, certified_time = $3 WHERE tenant_id = $1",
        )
        .bind(claim.tenant().as_str())
        .bind(envelope)
        .bind(nanos(now))
        .execute(&mut *system.tx)
        .await?;
        audit::append_provider(&mut system.tx, now, &entry.by(scope.principal(), None)).await?;
        system.commit().await
    }
}

const JOURNAL_END: &str = "SELECT seq, chain FROM tenant_head WHERE tenant_id = $1";
const LOG_END: &str = "SELECT seq, chain FROM audit_head WHERE tenant_id = $1";

async fn end(
    conn: &mut AnyConnection,
    question: &'static str,
    tenant: &str,
) -> Result<(i64, Vec<u8>)> {
    let row = sqlx::query(question).bind(tenant).fetch_one(conn).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Counts what was removed in the transaction that removed it.
pub(super) async fn count(
    conn: &mut AnyConnection,
    tenant: &str,
    what: &str,
    rows: u64,
) -> Result<()> {
    if rows == 0 {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO deletion_counts (tenant_id, what, count) VALUES ($1, $2, $3) \
         ON CONFLICT (tenant_id, what) DO UPDATE SET count = deletion_counts.count + excluded.count",
    )
    .bind(tenant)
    .bind(what)
    .bind(super::to_sql(rows)?)
    .execute(conn)
    .await?;
    Ok(())
}
