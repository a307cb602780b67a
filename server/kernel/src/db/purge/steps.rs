//! Which tables are cleared of a deleted tenant, in which order, and what must be empty then.

/// What is removed and how, so many at a time that ingest gets its turns in between. Foreign keys
/// give the order.
pub(super) const STEPS: &[(&str, &str)] = &[
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
        "snapshotPieces",
        "DELETE FROM snapshot_pieces WHERE tenant_id = $1 AND piece_id IN \
            (SELECT piece_id FROM snapshot_pieces WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "snapshotPacks",
        "DELETE FROM snapshot_packs WHERE tenant_id = $1 AND (pack_id, snapshot_id) IN \
            (SELECT pack_id, snapshot_id FROM snapshot_packs WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "custodyEntries",
        "DELETE FROM custody_entries WHERE tenant_id = $1 AND entry_id IN \
            (SELECT entry_id FROM custody_entries WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "snapshotHolds",
        "DELETE FROM snapshot_holds WHERE tenant_id = $1 AND hold_id IN \
            (SELECT hold_id FROM snapshot_holds WHERE tenant_id = $1 LIMIT 1024)",
    ),
    (
        "snapshotManifests",
        "DELETE FROM snapshot_manifests WHERE tenant_id = $1 AND part_id IN \
            (SELECT part_id FROM snapshot_manifests WHERE tenant_id = $1 LIMIT 256)",
    ),
    (
        "snapshots",
        "DELETE FROM snapshots WHERE tenant_id = $1 AND snapshot_id IN \
            (SELECT snapshot_id FROM snapshots WHERE tenant_id = $1 LIMIT 1024)",
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
pub(super) const LEFT: &[(&str, &str)] = &[
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
        "snapshot_pieces",
        "SELECT count(*) FROM snapshot_pieces WHERE tenant_id = $1",
    ),
    (
        "snapshot_packs",
        "SELECT count(*) FROM snapshot_packs WHERE tenant_id = $1",
    ),
    (
        "custody_entries",
        "SELECT count(*) FROM custody_entries WHERE tenant_id = $1",
    ),
    (
        "snapshot_holds",
        "SELECT count(*) FROM snapshot_holds WHERE tenant_id = $1",
    ),
    (
        "snapshot_manifests",
        "SELECT count(*) FROM snapshot_manifests WHERE tenant_id = $1",
    ),
    (
        "snapshots",
        "SELECT count(*) FROM snapshots WHERE tenant_id = $1",
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
