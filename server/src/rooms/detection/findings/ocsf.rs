//! A finding as OCSF's Detection Finding, class 2004 of version 1.8.

use cordon_kernel::{Name, TenantId};
use cordon_sigma::Level;
use cordon_views::render::OCSF_VERSION;
use serde_json::{Value, json};

use super::super::explained::{Explained, Explanation};
use super::model::{Finding, FindingStatus, level_of};
use crate::rooms::context::ContextMatchKind;

/// Class and category of a Detection Finding.
const CLASS: i64 = 2004;
const CATEGORY: i64 = 2;
/// A finding's analytic is a rule, or what is usual.
const RULE: i64 = 1;
const BEHAVIORAL: i64 = 2;

const fn severity(level: i64) -> (i64, &'static str) {
    match level_of(level) {
        Level::Informational => (1, "Informational"),
        Level::Low => (2, "Low"),
        Level::Medium => (3, "Medium"),
        Level::High => (4, "High"),
        Level::Critical => (5, "Critical"),
    }
}

/// What the tenant's context says, as OCSF's `enrichment` objects: each about the attribute of the event that
/// matched.
fn enrichments(tenant: &TenantId, explained: Option<&Explained>) -> Vec<Value> {
    let all = explained.map(Explained::explanations).unwrap_or_default();
    all.iter().map(|one| enrichment(tenant, one)).collect()
}

fn enrichment(tenant: &TenantId, explanation: &Explanation<'_>) -> Value {
    let told = explanation.told;
    let kind = match told.kind {
        ContextMatchKind::CrownJewel => "crown_jewel",
        ContextMatchKind::Asset => "asset",
        ContextMatchKind::PlannedWork => "planned_work",
        ContextMatchKind::TrustedNetwork => "trusted_network",
    };
    let attribute = match told.field.as_str() {
        "account" => "cloud.account.uid",
        "resource" => "resources.uid",
        "source_address" => "src_endpoint.ip",
        "destination_address" => "dst_endpoint.ip",
        "actor" => "actor.user.uid",
        "operation" => "api.operation",
        // Which events it was of is all that is remembered.
        _ => "finding_info.related_events",
    };
    let (before, after) = explanation.levels;
    json!({
        "name": attribute,
        "value": match told.value.as_str() {
            "" => "not remembered",
            value => value,
        },
        "type": kind,
        "provider": tenant.as_str(),
        "desc": explanation.text,
        "data": {
            "uid": Name::ContextEntry(tenant.clone(), told.entry).to_string(),
            "name": told.display_name,
            "severity_id_before": severity(before).0,
            "severity_id_after": severity(after).0,
        },
    })
}

pub(super) fn write(tenant: &TenantId, finding: &Finding) -> String {
    // As OCSF has it: made, changed, closed.
    let (activity, activity_name) = match finding.status {
        FindingStatus::Resolved | FindingStatus::Suppressed => (3, "Close"),
        _ if finding.created == finding.updated => (1, "Create"),
        _ => (2, "Update"),
    };
    let (severity_id, severity) = severity(finding.level);
    let status = match finding.status {
        FindingStatus::New => "New",
        FindingStatus::InProgress => "In Progress",
        FindingStatus::Suppressed => "Suppressed",
        FindingStatus::Resolved => "Resolved",
    };
    let name = Name::Finding(tenant.clone(), finding.id).to_string();
    let analytic = match &finding.unusual {
        None => json!({
            "uid": Name::Rule(tenant.clone(), finding.rule).to_string(),
            "name": finding.title,
            "type_id": RULE,
            "type": "Rule",
            "version": finding.rule_version.to_string(),
        }),
        Some(told) => json!({
            "uid": told.kind,
            "name": told.kind,
            "type_id": BEHAVIORAL,
            "type": "Behavioral",
            "desc": told.expected,
        }),
    };
    let mut attacks: Vec<Value> = finding
        .techniques
        .iter()
        .map(|id| match id.split_once('.') {
            Some((parent, _)) => {
                json!({"technique": {"uid": parent}, "sub_technique": {"uid": id}})
            }
            None => json!({"technique": {"uid": id}}),
        })
        .collect();
    attacks.extend(
        finding
            .tactics
            .iter()
            .map(|tactic| json!({"tactic": {"name": tactic}})),
    );
    let related: Vec<Value> = finding
        .events
        .iter()
        .map(|event| json!({"uid": format!("tenants/{tenant}/events/{event}")}))
        .collect();
    let mut evidence = json!({});
    let mut put = |key: &str, text: &str, value: Value| {
        if let (Some(map), false) = (evidence.as_object_mut(), text.is_empty()) {
            map.insert(key.to_owned(), value);
        }
    };
    put(
        "actor",
        &finding.actor,
        json!({"user": {"uid": finding.actor}}),
    );
    put(
        "api",
        &finding.operation,
        json!({"operation": finding.operation}),
    );
    put(
        "src_endpoint",
        &finding.source_address,
        json!({"ip": finding.source_address}),
    );
    let evidences = match evidence.as_object() {
        Some(map) if !map.is_empty() => vec![evidence],
        _ => Vec::new(),
    };
    let mut unmapped = json!({});
    if let (Some(map), false) = (unmapped.as_object_mut(), finding.group.is_empty()) {
        for (field, value) in &finding.group {
            map.insert(field.clone(), json!(value));
        }
    }
    let mut event = json!({
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {activity_name}"),
        "time": finding.updated.as_millisecond(),
        "start_time": finding.start.as_millisecond(),
        "end_time": finding.end.as_millisecond(),
        "count": finding.count,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": finding.status.code(),
        "status": status,
        "message": finding.title,
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Cordon", "vendor_name": "Cordon"},
            "tenant_uid": tenant.as_str(),
            "uid": name,
        },
        "finding_info": {
            "uid": name,
            "title": finding.title,
            "desc": finding.description,
            "created_time": finding.created.as_millisecond(),
            "modified_time": finding.updated.as_millisecond(),
            "first_seen_time": finding.start.as_millisecond(),
            "last_seen_time": finding.end.as_millisecond(),
            "analytic": analytic,
            "attacks": attacks,
            "related_events": related,
        },
        "evidences": evidences,
        "enrichments": enrichments(tenant, finding.explained.as_ref()),
        "unmapped": unmapped,
    });
    // OCSF leaves out what there is not.
    if let Some(map) = event.as_object_mut() {
        if !finding.comment.is_empty() {
            map.insert("comment".to_owned(), json!(finding.comment));
        }
        map.retain(|_, value| match value {
            Value::Array(list) => !list.is_empty(),
            Value::Object(inner) => !inner.is_empty(),
            _ => true,
        });
    }
    event.to_string()
}
