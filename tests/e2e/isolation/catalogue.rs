//! What is asked of the catalogue and of readiness, and what others' catalogue holds.

use cordon_client::Holder;
use serde_json::json;

use super::{ID, does, within};
use crate::harness::{Raw, World};

/// What tenant `initech` asks, method by method.
pub(super) fn questions() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("RecordPlacements", vec![json!({ "placements": [{ "tenant": "tenants/hooli", "instance": "i-1", "host": "hv-1", "startTime": "2026-01-01T00:00:00Z" }] }).to_string()]),
        ("AnnounceHostWork", vec![json!({ "hostWork": { "firstDay": "2026-12-01", "lastDay": "2026-12-01", "hosts": ["hv-1"] } }).to_string()]),
        ("ListHostWork", vec!["{}".to_owned()]),
        ("CreateFact", vec![json!({ "fact": stating(json!({ "everyone": {} })) }).to_string()]),
        ("UpdateFact", vec![json!({ "fact": { "name": format!("facts/{ID}"), "title": "x" }, "updateMask": "title" }).to_string()]),
        ("WithdrawFact", vec![json!({ "name": format!("facts/{ID}"), "reason": "x" }).to_string()]),
        ("GetFact", within(|of| json!({ "name": format!("tenants/{of}/facts/{ID}") }))),
        ("ListFacts", ["tenants/initech", "tenants/hooli", ""].into_iter().flat_map(|parent| [
            json!({ "parent": parent, "showEnded": true }).to_string(),
            json!({ "parent": parent, "pageSize": 1 }).to_string(),
            json!({ "parent": parent, "kind": "FACT_KIND_TECHNOLOGY", "asOfTime": "2026-03-01T10:00:00Z" }).to_string(),
        ]).collect()),
        ("ListFactVersions", within(|of| json!({ "parent": format!("tenants/{of}/facts/{ID}") }))),
        ("CreateService", within(|of| json!({ "parent": format!("tenants/{of}"), "serviceId": "compute", "service": { "serviceModel": "SERVICE_MODEL_IAAS" } }))),
        ("ListServices", within(|of| json!({ "parent": format!("tenants/{of}") }))),
        ("DeleteService", within(|of| json!({ "name": format!("tenants/{of}/services/compute") }))),
        ("ListDataSources", within(|of| json!({ "parent": format!("tenants/{of}"), "startTime": "2026-02-01T00:00:00Z" }))),
        ("RecommendSources", ["initech", "hooli"].into_iter().flat_map(|of| [
            json!({ "parent": format!("tenants/{of}"), "startTime": "2026-02-01T00:00:00Z", "tactic": "exfiltration" }).to_string(),
            json!({ "parent": format!("tenants/{of}"), "startTime": "2026-02-01T00:00:00Z", "event": format!("tenants/{of}/events/{}", "0".repeat(32)) }).to_string(),
            json!({ "parent": "tenants/initech", "event": format!("tenants/{of}/events/{}", "0".repeat(32)) }).to_string(),
        ]).collect()),
        ("GetCoverage", within(|of| json!({ "parent": format!("tenants/{of}"), "startTime": "2026-02-01T00:00:00Z" }))),
        ("CheckReadiness", within(|of| json!({ "parent": format!("tenants/{of}") }))),
    ]
}

/// A fact for an audience.
fn stating(audience: serde_json::Value) -> serde_json::Value {
    json!({ "kind": "FACT_KIND_TECHNOLOGY", "title": "KVM", "text": "Machines run on KVM", "audience": audience })
}

/// States facts to audiences, in their order; the first is then stated anew.
async fn stated(world: &World, audiences: &[serde_json::Value]) {
    let operator = Raw::member(&world.issue(Holder::Staff, "operator").await).await;
    for (at, audience) in audiences.iter().enumerate() {
        let body = json!({ "fact": stating(audience.clone()) });
        let made = does(&operator, "CreateFact", body).await;
        if at == 0 {
            let body = json!({ "fact": { "name": made["fact"]["name"], "title": "KVM 9" }, "updateMask": "title" });
            does(&operator, "UpdateFact", body).await;
        }
    }
}

/// Says that a tenant uses a service.
async fn uses(world: &World, tenant: &str, service: &str) {
    let operator = Raw::member(&world.issue(Holder::Staff, "operator").await).await;
    let source = json!({ "sourceType": "aws.vpcflow", "access": "ACCESS_ANALYSIS" });
    let body = json!({ "serviceModel": "SERVICE_MODEL_IAAS", "sources": [source] });
    let body =
        json!({ "parent": format!("tenants/{tenant}"), "serviceId": service, "service": body });
    does(&operator, "CreateService", body).await;
}

/// What initech uses and is told, in both worlds.
pub(super) async fn ours(world: &World) {
    uses(world, "initech", "compute").await;
    let own = json!({ "tenant": "tenants/initech" });
    let users = json!({ "service": "compute" });
    stated(world, &[json!({ "everyone": {} }), users, own]).await;
}

/// What hooli uses and is told, as a user of a service and by itself.
pub(super) async fn theirs(world: &World, when: &str) {
    let service = format!("theirs-{when}");
    uses(world, "hooli", &service).await;
    let users = json!({ "service": service });
    stated(world, &[users, json!({ "tenant": "tenants/hooli" })]).await;
}
