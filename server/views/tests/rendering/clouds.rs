//! Published records of other clouds, rendered: valid by the schema, and nothing is lost.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use cordon_views::{Directory, EventRow, SourceType, attribute, explain};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::props::lost;
use crate::samples;
use crate::schema::{Schema, check};
use crate::world::{OBSERVED, Seal, World, data, render};

/// Accounts of the others: each one a tenant, or all of them one.
struct Everybody {
    one: bool,
}

impl Directory for Everybody {
    type Tenant = &'static str;

    fn account(&self, id: &str, _: i64) -> Option<&'static str> {
        const TENANTS: [&str; 16] = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
        ];
        let place = usize::from(blake3::hash(id.as_bytes()).as_bytes()[0] % 16);
        Some(if self.one { "all" } else { TENANTS[place] })
    }

    fn address(&self, _: IpAddr, _: i64) -> Option<&'static str> {
        None
    }

    fn resource(&self, _: &str, _: i64) -> Option<&'static str> {
        None
    }

    fn in_provider_range(&self, _: IpAddr) -> bool {
        false
    }
}

/// The rows of a record; none if it is a dead letter or concerns nobody.
fn rows(source: SourceType, record: &str, context: Option<&str>, one: bool) -> Vec<EventRow> {
    let seen = attribute(
        source,
        record.as_bytes(),
        context,
        OBSERVED,
        &Everybody { one },
        &Seal,
    );
    seen.map(|seen| seen.views.into_iter().map(|(_, row)| row).collect())
        .unwrap_or_default()
}

/// A source's records, what the source tells besides, and how many of them are rendered, to
/// which classes.
type Published = (
    SourceType,
    fn(&Path) -> Vec<String>,
    Option<&'static str>,
    usize,
    &'static [i64],
);

const PUBLISHED: &[Published] = &[
    (
        SourceType::GcpAudit,
        samples::gcp,
        None,
        121,
        &[6003, 3002, 3001],
    ),
    (
        SourceType::AzureActivity,
        samples::azure_activity,
        None,
        154,
        &[6003, 3001],
    ),
    (
        SourceType::AzureSignIn,
        samples::azure_sign_in,
        None,
        33,
        &[6003, 3002, 3001],
    ),
    (
        SourceType::K8sAudit,
        samples::k8s,
        Some("k8s:prod"),
        190,
        &[6003, 3002, 3001],
    ),
];

#[test]
fn other_clouds_render_to_the_schema() {
    let Some(data) = data() else { return };
    let schema = Schema::load(&data);
    for (source, records, context, count, classes) in PUBLISHED {
        let records = records(&data);
        let whole: Vec<Value> = records
            .iter()
            .flat_map(|record| rows(*source, record, *context, true))
            .map(|row| render(&row))
            .collect();
        for class in *classes {
            assert!(
                whole.iter().any(|event| event["class_uid"] == *class),
                "{source}: no {class}"
            );
        }
        assert_eq!(check(&schema, source.as_str(), whole), *count, "{source}");
        let views: Vec<EventRow> = records
            .iter()
            .flat_map(|record| rows(*source, record, *context, false))
            .filter(|row| row.shared)
            .collect();
        for row in &views {
            let explanation = explain(&row.as_ref()).unwrap();
            assert!(
                !explanation.parties.is_empty() || row.raw_context.is_some(),
                "{}",
                row.raw
            );
        }
        check(&schema, source.as_str(), views.iter().map(render));
    }
}

#[test]
fn other_clouds_lose_nothing() {
    let Some(data) = data() else { return };
    for (source, records, context, ..) in PUBLISHED {
        let mut missing: BTreeMap<String, String> = BTreeMap::new();
        for record in records(&data) {
            for row in rows(*source, &record, *context, true) {
                let event = render(&row);
                let record: Value = serde_json::from_str(&record).unwrap();
                for one in lost(&unfolded(record), &unfolded(event.clone())) {
                    missing.entry(one).or_insert_with(|| event.to_string());
                }
            }
        }
        assert!(
            missing.is_empty(),
            "{source}: {:?}",
            missing.into_iter().take(3).collect::<Vec<_>>()
        );
    }
}

/// A value in which JSON objects that stand as text are objects: a source may have written
/// them so, and the event has them in place.
fn unfolded(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, unfolded(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(unfolded).collect(),
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(&text).map_or(Value::String(text), unfolded)
        }
        other => other,
    }
}

/// The row of the only tenant.
fn sole(source: SourceType, record: &Value, context: Option<&str>) -> Value {
    let rows = rows(source, &record.to_string(), context, true);
    assert_eq!(rows.len(), 1, "{record}");
    render(&rows[0])
}

#[test]
fn a_call_at_google_cloud() {
    let event = sole(
        SourceType::GcpAudit,
        &serde_json::json!({
            "insertId": "i-1",
            "logName": "projects/alpha/logs/cloudaudit.googleapis.com%2Factivity",
            "timestamp": "2026-03-01T10:00:00Z",
            "operation": {"id": "op-1", "last": true},
            "resource": {"type": "gce_instance", "labels": {"project_id": "alpha", "zone": "us-central1-a"}},
            "protoPayload": {
                "serviceName": "compute.googleapis.com",
                "methodName": "v1.compute.instances.insert",
                "resourceName": "projects/alpha/zones/us-central1-a/instances/vm",
                "authenticationInfo": {"principalEmail": "robot@alpha.iam.gserviceaccount.com"},
                "requestMetadata": {"callerIp": "192.0.2.7", "callerSuppliedUserAgent": "sdk"},
                "request": {"name": "vm"},
                "status": {"code": 7, "message": "no"}
            }
        }),
        None,
    );
    for (pointer, expected) in [
        ("/metadata/uid", "i-1"),
        ("/metadata/correlation_uid", "op-1"),
        ("/metadata/product/vendor_name", "GCP"),
        ("/cloud/account/uid", "alpha"),
        ("/cloud/account/type", "GCP Project"),
        ("/cloud/region", "us-central1"),
        ("/src_endpoint/ip", "192.0.2.7"),
        ("/actor/user/name", "robot@alpha.iam.gserviceaccount.com"),
        ("/actor/user/type", "Service"),
        ("/api/operation", "v1.compute.instances.insert"),
        ("/api/service/name", "compute.googleapis.com"),
        ("/api/request/data/name", "vm"),
        (
            "/resources/0/uid",
            "projects/alpha/zones/us-central1-a/instances/vm",
        ),
        ("/status", "Failure"),
        ("/status_code", "7"),
        ("/status_detail", "no"),
    ] {
        assert_eq!(
            event.pointer(pointer).and_then(Value::as_str),
            Some(expected),
            "{event}"
        );
    }
    assert_eq!(event["type_uid"], 600_301);
    assert_eq!(event["unmapped"]["operation"]["last"], true);
}

#[test]
fn a_call_and_a_grant_at_azure() {
    let subscription = "0a000000-0000-4000-8000-00000000000a";
    let directory = "0d000000-0000-4000-8000-00000000000a";
    let mut record = serde_json::json!({
        "time": "2026-03-01T10:00:00Z",
        "resourceId": format!("/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Compute/disks/d"),
        "operationName": "Microsoft.Compute/disks/write",
        "category": "Administrative", "resultType": "Failure", "level": "Error",
        "correlationId": "c-1", "location": "westeurope", "tenantId": directory,
        "callerIpAddress": "192.0.2.7:4711",
        "identity": {"claims": {
            "appid": "app-1",
            "http://schemas.microsoft.com/identity/claims/tenantid": directory,
            "http://schemas.microsoft.com/identity/claims/objectidentifier": "oid-1",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "ann@alpha.example"
        }},
        "properties": "{\"eventDataId\":\"e-1\",\"requestbody\":\"{\\\"Properties\\\":{\\\"PrincipalId\\\":\\\"p-1\\\"}}\"}"
    });
    let event = sole(SourceType::AzureActivity, &record, None);
    for (pointer, expected) in [
        ("/metadata/uid", "e-1"),
        ("/metadata/correlation_uid", "c-1"),
        ("/metadata/product/vendor_name", "Azure"),
        ("/cloud/account/uid", subscription),
        ("/cloud/account/type", "Azure Subscription"),
        ("/cloud/region", "westeurope"),
        ("/src_endpoint/ip", "192.0.2.7"),
        ("/actor/user/name", "ann@alpha.example"),
        ("/actor/user/uid", "oid-1"),
        ("/actor/user/account/uid", directory),
        ("/actor/app_uid", "app-1"),
        ("/api/operation", "Microsoft.Compute/disks/write"),
        ("/api/service/name", "Microsoft.Compute"),
        ("/api/request/data/Properties/PrincipalId", "p-1"),
        ("/status", "Failure"),
        ("/severity", "Medium"),
    ] {
        assert_eq!(
            event.pointer(pointer).and_then(Value::as_str),
            Some(expected),
            "{event}"
        );
    }
    assert_eq!(
        (&event["type_uid"], &event["src_endpoint"]["port"]),
        (&600_303.into(), &4711.into())
    );

    record["operationName"] = "Microsoft.Authorization/roleAssignments/write".into();
    let event = sole(SourceType::AzureActivity, &record, None);
    assert_eq!(event["type_uid"], 300_107);
    assert_eq!(event["user"]["uid"], "p-1");
    assert_eq!(event["actor"]["user"]["name"], "ann@alpha.example");
}

#[test]
fn a_sign_in_at_entra() {
    let directory = "0d000000-0000-4000-8000-00000000000a";
    let event = sole(
        SourceType::AzureSignIn,
        &serde_json::json!({
            "time": "2026-03-01T10:00:00Z", "tenantId": directory, "category": "SignInLogs",
            "operationName": "Sign-in activity", "callerIpAddress": "192.0.2.7",
            "properties": {
                "id": "s-1", "userPrincipalName": "ann@alpha.example", "userId": "u-1",
                "homeTenantId": directory, "appDisplayName": "Portal",
                "resourceDisplayName": "Ledger", "authenticationProtocol": "oAuth2",
                "authenticationRequirement": "singleFactorAuthentication",
                "location": {"city": "Berlin", "countryOrRegion": "DE"},
                "status": {"errorCode": 50126, "failureReason": "Invalid password"}
            }
        }),
        None,
    );
    for (pointer, expected) in [
        ("/metadata/uid", "s-1"),
        ("/metadata/product/name", "Entra ID"),
        ("/cloud/account/uid", directory),
        ("/user/name", "ann@alpha.example"),
        ("/user/uid", "u-1"),
        ("/user/account/uid", directory),
        ("/actor/app_name", "Portal"),
        ("/service/name", "Ledger"),
        ("/auth_protocol", "OAUTH 2.0"),
        ("/src_endpoint/location/country", "DE"),
        ("/status", "Failure"),
        ("/status_code", "50126"),
        ("/status_detail", "Invalid password"),
    ] {
        assert_eq!(
            event.pointer(pointer).and_then(Value::as_str),
            Some(expected),
            "{event}"
        );
    }
    assert_eq!(
        (&event["type_uid"], &event["is_mfa"]),
        (&300_201.into(), &false.into())
    );
}

#[test]
fn a_request_to_kubernetes() {
    let mut record = serde_json::json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a-1",
        "stage": "ResponseComplete", "verb": "create", "level": "RequestResponse",
        "stageTimestamp": "2026-03-01T10:00:00Z",
        "requestURI": "/api/v1/namespaces/shop/pods/web/exec?command=id",
        "user": {"username": "ann", "uid": "u-1", "groups": ["system:authenticated"],
            "extra": {"arn": ["x"]}},
        "sourceIPs": ["198.51.100.1", "192.0.2.7"],
        "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "shop", "name": "web",
            "apiVersion": "v1"},
        "responseStatus": {"code": 403, "reason": "Forbidden", "message": "no"}
    });
    let event = sole(SourceType::K8sAudit, &record, Some("k8s:prod"));
    for (pointer, expected) in [
        ("/metadata/uid", "a-1/ResponseComplete"),
        ("/metadata/correlation_uid", "a-1"),
        ("/metadata/original_event_uid", "a-1"),
        ("/metadata/log_level", "RequestResponse"),
        ("/cloud/provider", "Kubernetes"),
        ("/cloud/account/uid", "k8s:prod"),
        ("/src_endpoint/ip", "192.0.2.7"),
        ("/src_endpoint/intermediate_ips/0", "198.51.100.1"),
        (
            "/http_request/url/path",
            "/api/v1/namespaces/shop/pods/web/exec?command=id",
        ),
        ("/actor/user/name", "ann"),
        ("/actor/user/groups/0/name", "system:authenticated"),
        ("/api/operation", "create pods/exec"),
        ("/api/service/name", "core"),
        ("/resources/0/name", "web"),
        ("/resources/0/namespace", "shop"),
        ("/status", "Failure"),
        ("/unmapped/user/extra/arn/0", "x"),
    ] {
        assert_eq!(
            event.pointer(pointer).and_then(Value::as_str),
            Some(expected),
            "{event}"
        );
    }
    assert_eq!(
        (&event["type_uid"], &event["http_response"]["code"]),
        (&600_301.into(), &403.into())
    );

    record["sourceIPs"] = serde_json::json!(["forged", "192.0.2.7"]);
    let event = sole(SourceType::K8sAudit, &record, Some("k8s:prod"));
    assert_eq!(
        event["src_endpoint"],
        serde_json::json!({"ip": "192.0.2.7"})
    );
    assert_eq!(event["unmapped"]["sourceIPs"], record["sourceIPs"]);

    record["objectRef"] = serde_json::json!({"resource": "clusterrolebindings", "name": "b"});
    record["requestObject"] = serde_json::json!({"subjects": [{"kind": "User", "name": "eve"}]});
    let event = sole(SourceType::K8sAudit, &record, Some("k8s:prod"));
    assert_eq!(
        (&event["type_uid"], &event["user"]["name"]),
        (&300_107.into(), &"eve".into())
    );
    record["objectRef"] = serde_json::json!({"resource": "serviceaccounts", "subresource": "token",
        "namespace": "shop", "name": "bot"});
    let event = sole(SourceType::K8sAudit, &record, Some("k8s:prod"));
    assert_eq!(event["type_uid"], 300_201);
    assert_eq!(event["user"]["name"], "system:serviceaccount:shop:bot");
}

#[test]
fn what_nobody_owns_is_not_rendered() {
    // A record without any account concerns nobody, and so has no row to be rendered.
    let seen = World::new().see(
        SourceType::GcpAudit,
        br#"{"protoPayload": {"methodName": "x"}}"#,
        None,
    );
    let seen = seen.unwrap();
    assert!(seen.views.is_empty() && seen.unknown_parties.is_empty());
}

/// JSON of any shape, with the words of these sources among its keys.
fn any_record() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(Value::from("203.0.113.7")),
        Just(Value::from("{\"requestbody\":{\"x\":1}}")),
    ];
    let key = prop::sample::select(vec![
        "actor",
        "appId",
        "authenticationInfo",
        "authorizationInfo",
        "callerIp",
        "category",
        "claims",
        "code",
        "correlationId",
        "createdDateTime",
        "displayName",
        "errorCode",
        "eventName",
        "homeTenantId",
        "httpRequest",
        "id",
        "identity",
        "impersonatedUser",
        "initiatedBy",
        "labels",
        "level",
        "location",
        "message",
        "methodName",
        "name",
        "objectRef",
        "operation",
        "operationName",
        "principalEmail",
        "project_id",
        "properties",
        "request",
        "requestMetadata",
        "requestObject",
        "requestbody",
        "resource",
        "resourceId",
        "responseStatus",
        "sourceIPs",
        "status",
        "subjects",
        "subresource",
        "targetResources",
        "timestamp",
        "type",
        "user",
        "userPrincipalName",
        "username",
        "value",
        "",
        "a.b",
        "0",
    ]);
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<Value>()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn what_other_clouds_log_renders_and_nothing_is_lost(value in any_record(), more in any_record()) {
        for (source, context) in [
            (SourceType::GcpAudit, None),
            (SourceType::AzureActivity, None),
            (SourceType::AzureSignIn, None),
            (SourceType::K8sAudit, Some("k8s:prod")),
        ] {
            let mut record = if value.is_object() { value.clone() } else { json!({"x": value}) };
            let subscription = "/subscriptions/0a000000-0000-4000-8000-00000000000a/x";
            match source {
                SourceType::GcpAudit => {
                    record["logName"] = json!("projects/p/logs/cloudaudit.googleapis.com%2Factivity");
                    record["protoPayload"] = if more.is_object() { more.clone() } else { json!({"x": more}) };
                }
                SourceType::AzureActivity => {
                    record["resourceId"] = json!(subscription);
                    record["operationName"] = json!("a/write");
                    record["properties"] = more.clone();
                }
                SourceType::AzureSignIn => {
                    record["tenantId"] = json!("0d000000-0000-4000-8000-00000000000a");
                    record["operationName"] = json!("Sign-in activity");
                    record["properties"] = more.clone();
                }
                _ => {
                    record["kind"] = json!("Event");
                    record["verb"] = json!("create");
                    record["user"] = more.clone();
                }
            }
            let rows = rows(source, &record.to_string(), context, true);
            prop_assert_eq!(rows.len(), 1);
            let event = render(&rows[0]);
            prop_assert_eq!(lost(&unfolded(record), &unfolded(event.clone())), Vec::<String>::new(), "{}", event);
        }
    }
}
