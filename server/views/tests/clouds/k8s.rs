//! Kubernetes audit events.

use std::collections::BTreeMap;

use cordon_views::split::split;
use cordon_views::{EventRow, SourceType, Status, explain};
use serde_json::{Value, json};

use crate::samples;
use crate::support::{World, row_of};
use crate::tools::{
    data, every_party_is_a_world, hides, pipelines, see, tally, unreviewed, view, world,
};

const K8S: SourceType = SourceType::K8sAudit;
const CLUSTER: Option<&str> = Some("k8s:prod-1");
const SUBSCRIPTION: &str = "0a000000-0000-4000-8000-00000000000a";

fn event() -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request",
        "auditID": "a-1", "stage": "ResponseComplete", "verb": "create",
        "requestURI": "/api/v1/namespaces/shop/pods/web/exec?command=id&stdin=true",
        "user": {
            "username": "ann@alpha.example", "groups": ["admins"],
            "extra": {"arn": ["arn:aws:sts::222222222222:assumed-role/ops/ann"]}
        },
        "impersonatedUser": {"username": "system:admin"},
        "sourceIPs": ["198.51.100.9", "203.0.113.9"],
        "userAgent": "kubectl of ann",
        "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "shop", "name": "web"},
        "responseStatus": {"code": 101},
        "requestObject": {"kind": "PodExecOptions", "command": ["id"]},
        "requestReceivedTimestamp": "2026-03-01T10:00:00Z",
        "stageTimestamp": "2026-03-01T10:00:00.5Z",
        "annotations": {"authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "RBAC: bound to ann@alpha.example"}
    })
}

/// The same as Azure's diagnostic settings deliver it.
pub fn wrapped() -> Value {
    json!({
        "time": "2026-03-01T10:00:01Z", "category": "kube-audit",
        "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        "resourceId": format!("/SUBSCRIPTIONS/{}/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/C", SUBSCRIPTION.to_uppercase()),
        "properties": {"log": event().to_string(), "pod": "kube-apiserver-1"}
    })
}

fn both() -> World {
    world(&[
        ("k8s:prod-1", "alpha"),
        (&format!("azure:{SUBSCRIPTION}"), "beta"),
        ("aws:222222222222", "gamma"),
    ])
}

fn row(record: &Value, context: Option<&str>, tenant: &str) -> EventRow {
    let seen = see(K8S, &both(), &record.to_string(), context).unwrap();
    row_of(&seen, tenant).unwrap().clone()
}

#[test]
fn the_source_says_whose_the_cluster_is() {
    let alpha = row(&event(), CLUSTER, "alpha");
    assert!(!alpha.shared && alpha.addressed);
    assert_eq!(alpha.raw, event().to_string());
    assert_eq!(alpha.raw_context.as_deref(), CLUSTER);
    let seen = see(K8S, &both(), &event().to_string(), CLUSTER).unwrap();
    assert_eq!(
        seen.views.len(),
        1,
        "an authenticator's word makes nobody a party"
    );
    let explained = explain(&alpha.as_ref()).unwrap();
    assert_eq!(
        (explained.parties.len(), &*explained.parties[0].value),
        (1, "k8s:prod-1")
    );

    // Any account that is registered may be the cluster's.
    let seen = see(K8S, &both(), &event().to_string(), Some("aws:222222222222")).unwrap();
    assert_eq!(row_of(&seen, "gamma").unwrap().account, "aws:222222222222");
    // Nobody's without; unknown ones are remembered.
    let seen = see(K8S, &both(), &event().to_string(), None).unwrap();
    assert!(seen.views.is_empty() && seen.unknown_parties.is_empty());
    let seen = see(K8S, &both(), &event().to_string(), Some("k8s:other")).unwrap();
    assert_eq!(seen.unknown_parties, ["k8s:other"]);
    for wrong in ["prod-1", "k8s:", "k8s:a b", "K8S:prod", "k8s:a:b"] {
        assert!(
            see(K8S, &both(), &event().to_string(), Some(wrong)).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn one_event_of_two_clusters_is_two_events() {
    let one = row(&event(), CLUSTER, "alpha");
    let everything = world(&[("k8s:prod-1", "alpha"), ("k8s:prod-2", "alpha")]);
    let seen = see(K8S, &everything, &event().to_string(), Some("k8s:prod-2")).unwrap();
    assert_ne!(row_of(&seen, "alpha").unwrap().name, one.name);
}

#[test]
fn a_cluster_that_one_runs_for_another_makes_two_views() {
    let alpha = row(&wrapped(), CLUSTER, "alpha");
    assert!(alpha.shared && alpha.addressed);
    hides(&alpha, &[SUBSCRIPTION]);
    let seen = view(&alpha);
    let log: Value = serde_json::from_str(seen["properties"]["log"].as_str().unwrap()).unwrap();
    assert_eq!(log, event());
    assert_eq!(alpha.actor, "ann@alpha.example");

    let beta = row(&wrapped(), CLUSTER, "beta");
    assert!(beta.shared && !beta.addressed);
    hides(
        &beta,
        &[
            "ann@",
            "of ann",
            "alpha.example",
            "prod-1",
            "shop",
            "\\\"web",
            "222222222222",
        ],
    );
    assert_eq!(view(&beta)["resourceId"], wrapped()["resourceId"]);
    assert_eq!(beta.operation, "create pods/exec");
    assert!(beta.raw_context.unwrap().starts_with("acct~"));

    // By itself the subscription's owner sees everything.
    let seen = see(K8S, &both(), &wrapped().to_string(), None).unwrap();
    let beta = row_of(&seen, "beta").unwrap();
    assert!(!beta.shared);
    assert_eq!(beta.raw, wrapped().to_string());
    assert_eq!(beta.account, SUBSCRIPTION.to_uppercase());
}

#[test]
fn another_registration_changes_no_byte() {
    assert_eq!(
        every_party_is_a_world(K8S, &wrapped().to_string(), CLUSTER),
        2
    );
    assert_eq!(
        every_party_is_a_world(K8S, &event().to_string(), CLUSTER),
        1
    );
}

#[test]
fn columns_are_read() {
    let alpha = row(&event(), CLUSTER, "alpha");
    assert_eq!(alpha.time_ns, 1_772_359_200_500_000_000);
    assert_eq!(alpha.event_id, "a-1/ResponseComplete");
    assert_eq!(
        (alpha.class_uid, alpha.activity_id, alpha.severity_id),
        (6003, 1, 1)
    );
    assert_eq!(alpha.status, Status::Success);
    assert_eq!((&*alpha.account, &*alpha.region), ("k8s:prod-1", ""));
    assert_eq!(
        (&*alpha.service, &*alpha.operation),
        ("core", "create pods/exec")
    );
    assert_eq!(alpha.actor, "ann@alpha.example");
    // Only the last address is not the client's word.
    assert_eq!(alpha.src_ip, Some("203.0.113.9".parse().unwrap()));
    assert_eq!(
        alpha.resources,
        [
            "/api/v1/namespaces/shop/pods/web/exec",
            "web",
            "system:admin"
        ]
    );
    for (ips, last) in [
        (json!(["203.0.113.9", "forged"]), None),
        (json!([]), None),
        (json!("203.0.113.9"), None),
        (json!(["::1"]), Some("::1")),
    ] {
        let mut event = event();
        event["sourceIPs"] = ips;
        let expected = last.map(|ip| ip.parse().unwrap());
        assert_eq!(row(&event, CLUSTER, "alpha").src_ip, expected);
    }
    for (stage, status, expected) in [
        ("RequestReceived", json!(null), Status::Unknown),
        ("ResponseComplete", json!({"code": 404}), Status::Failure),
        ("Panic", json!({}), Status::Failure),
    ] {
        let mut event = event();
        event["stage"] = json!(stage);
        event["responseStatus"] = status;
        assert_eq!(row(&event, CLUSTER, "alpha").status, expected, "{stage}");
    }
}

#[test]
fn other_objects_are_no_audit_events() {
    for record in [
        json!({"kind": "Event", "apiVersion": "v1", "involvedObject": {}}),
        json!({"kind": "Event", "apiVersion": "v1", "verb": "get"}),
        json!({"kind": "Pod", "verb": "get"}),
        json!({"properties": {"log": "no json"}}),
        json!({}),
    ] {
        let reject = see(K8S, &both(), &record.to_string(), CLUSTER).unwrap_err();
        assert_eq!(reject.reason, "MALFORMED", "{record}");
    }
}

#[test]
fn deliveries_are_split_into_their_events() {
    for (source, payload) in [
        (
            K8S,
            "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[{\"a\":1},{\"a\":2}]}",
        ),
        (K8S, "{\"records\":[{\"a\":1},{\"a\":2}]}"),
        (
            SourceType::AzureActivity,
            "{\"records\":[{\"a\":1},{\"a\":2}]}",
        ),
        (
            SourceType::AzureSignIn,
            "{\"value\":[{\"a\":1},{\"a\":2}],\"nextLink\":\"x\"}",
        ),
        (SourceType::GcpAudit, "{\"entries\":[{\"a\":1},{\"a\":2}]}"),
    ] {
        let records: Vec<&str> = split(source, payload.as_bytes())
            .map(|item| item.record.unwrap())
            .collect();
        assert_eq!(records, ["{\"a\":1}", "{\"a\":2}"], "{source}");
    }
    // One source's word is nothing to another.
    let payload = "{\"items\":[{\"a\":1}]}";
    let records: Vec<_> = split(SourceType::AwsCloudTrail, payload.as_bytes()).collect();
    assert_eq!((records.len(), records[0].record), (1, Ok(payload)));
}

#[test]
fn published_events_are_events() {
    let Some(data) = data() else { return };
    let records = samples::k8s(&data);
    let mut rejects: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut read = Vec::new();
    for text in &records {
        let parties = match see(K8S, &World::default(), text, CLUSTER) {
            Ok(seen) => seen.unknown_parties,
            Err(reject) => {
                *rejects.entry(reject.message).or_default() += 1;
                continue;
            }
        };
        assert_eq!(every_party_is_a_world(K8S, text, CLUSTER), parties.len());
        let accounts: Vec<(&str, &str)> = parties.iter().map(|id| (id.as_str(), "all")).collect();
        let seen = see(K8S, &world(&accounts), text, CLUSTER).unwrap();
        rows.push(seen.views[0].1.clone());
        let mut record: Value = serde_json::from_str(text).unwrap();
        if let Some(log) = record["properties"]["log"].as_str() {
            record = serde_json::from_str(log).unwrap();
        }
        read.push(record);
    }
    assert_eq!(
        (records.len(), rows.len(), rejects),
        (190, 190, BTreeMap::new())
    );
    assert_eq!(
        tally(&rows),
        BTreeMap::from([
            ((3001, 1), 2),
            ((3001, 6), 1),
            ((3001, 7), 1),
            ((3001, 8), 1),
            ((3002, 1), 4),
            ((6003, 1), 120),
            ((6003, 2), 42),
            ((6003, 3), 8),
            ((6003, 4), 4),
            ((6003, 99), 7),
        ])
    );
    for (row, event) in rows.iter().zip(&read) {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        assert!(row.operation.starts_with(text("/verb").unwrap_or_default()));
        assert_eq!(row.actor, text("/user/username").unwrap_or_default());
        assert_eq!(row.account, "k8s:prod-1");
        let ip = event["sourceIPs"]
            .as_array()
            .and_then(|ips| ips.last()?.as_str()?.parse().ok());
        assert_eq!(row.src_ip, ip);
        let code = event
            .pointer("/responseStatus/code")
            .and_then(Value::as_i64);
        let expected = match code {
            Some(code) if code < 400 => Status::Success,
            Some(_) => Status::Failure,
            None => row.status,
        };
        assert_eq!(row.status, expected);
        let stamped = ["stageTimestamp", "requestReceivedTimestamp", "timestamp"];
        assert_eq!(
            row.time_invalid,
            stamped.iter().all(|key| event.get(*key).is_none()),
            "{event}"
        );
    }
    let unknown = unreviewed(K8S, &read);
    // What a pipeline added, and nothing else.
    assert_eq!(
        (unknown.len(), pipelines(&unknown)),
        (23, 23),
        "{unknown:?}"
    );
}
