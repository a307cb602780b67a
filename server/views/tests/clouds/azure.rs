//! Azure's activity log.

use std::collections::BTreeMap;

use cordon_views::{SourceType, Status};
use serde_json::{Value, json};

use crate::samples;
use crate::support::World;
use crate::tools::{
    data, every_party_is_a_world, hides, pipelines, row, see, tally, unreviewed, view, world,
};

const AZURE: SourceType = SourceType::AzureActivity;
const SUBSCRIPTION: &str = "0a000000-0000-4000-8000-00000000000a";
const DIRECTORY: &str = "0d000000-0000-4000-8000-00000000000a";
const PROVIDER: &str = "0d000000-0000-4000-8000-00000000000b";
const OTHER: &str = "0a000000-0000-4000-8000-00000000000c";
const PERSON: &str = "0b000000-0000-4000-8000-00000000000b";

/// Somebody of a managed service provider starts a customer's machine.
pub fn shared() -> Value {
    json!({
        "time": "2026-03-01T10:00:00.5Z",
        "resourceId": format!("/SUBSCRIPTIONS/{}/RESOURCEGROUPS/PROD/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/VM1", SUBSCRIPTION.to_uppercase()),
        "operationName": "Microsoft.Compute/virtualMachines/start/action",
        "category": "Administrative",
        "resultType": "Success",
        "resultSignature": "Accepted",
        "callerIpAddress": "203.0.113.9",
        "correlationId": "0c000000-0000-4000-8000-00000000000c",
        "tenantId": DIRECTORY,
        "level": "Warning",
        "location": "westeurope",
        "identity": {
            "authorization": {
                "scope": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/prod/providers/Microsoft.Compute/virtualMachines/vm1"),
                "action": "Microsoft.Compute/virtualMachines/start/action",
                "evidence": {"role": "Contributor", "principalId": PERSON.replace('-', "")}
            },
            "claims": {
                "http://schemas.microsoft.com/identity/claims/tenantid": PROVIDER,
                "http://schemas.microsoft.com/identity/claims/objectidentifier": PERSON,
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "bert@beta.example",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname": "Bert",
                "name": "Bert Beta",
                "ipaddr": "203.0.113.9"
            }
        },
        "properties": {
            "requestbody": json!({"by": "Bert Beta", "for": OTHER, "mail": "carl@gamma.example",
                "scope": format!("/subscriptions/{OTHER}/resourceGroups/secret")}).to_string(),
            "message": "start vm1"
        },
        "somethingNew": "Bert Beta"
    })
}

fn both() -> World {
    world(&[
        (&format!("azure:{SUBSCRIPTION}"), "alpha"),
        (&format!("entra:{DIRECTORY}"), "alpha"),
        (&format!("entra:{PROVIDER}"), "beta"),
    ])
}

#[test]
fn a_provider_in_its_customers_subscription_makes_two_views() {
    let alpha = row(AZURE, &both(), &shared(), "alpha");
    assert!(alpha.shared && alpha.addressed);
    hides(
        &alpha,
        &[
            PROVIDER,
            PERSON,
            OTHER,
            "bert",
            "beta.example",
            "gamma.example",
            "secret",
        ],
    );
    let seen = view(&alpha);
    assert_eq!(seen["resourceId"], shared()["resourceId"]);
    assert_eq!(seen["tenantId"], DIRECTORY);
    assert_eq!(seen["correlationId"], shared()["correlationId"]);
    assert_eq!(
        seen["identity"]["authorization"]["scope"],
        shared()["identity"]["authorization"]["scope"]
    );
    assert_eq!(seen["properties"]["message"], "start vm1");
    // What was JSON inside of text is so in the view.
    let request: Value =
        serde_json::from_str(seen["properties"]["requestbody"].as_str().unwrap()).unwrap();
    assert!(
        request["by"].as_str().unwrap().starts_with("name~"),
        "{request}"
    );
    let scope = request["scope"].as_str().unwrap();
    assert!(
        scope.starts_with("/subscriptions/acct~") && scope.contains("/resourceGroups/res~"),
        "{scope}"
    );
    assert!(alpha.actor.starts_with("name~"));
    assert_eq!(alpha.account, SUBSCRIPTION.to_uppercase());

    let beta = row(AZURE, &both(), &shared(), "beta");
    assert!(beta.shared && !beta.addressed);
    let seen = view(&beta);
    assert_eq!(seen["identity"]["claims"], shared()["identity"]["claims"]);
    assert_eq!(seen["properties"], shared()["properties"]);
    hides(&beta, &[DIRECTORY]);
    let id = seen["resourceId"].as_str().unwrap();
    assert!(
        id.starts_with("/SUBSCRIPTIONS/acct~") && id.contains("/PROVIDERS/MICROSOFT.COMPUTE/res~"),
        "{id}"
    );
    assert_eq!(beta.actor, "bert@beta.example");
}

#[test]
fn another_registration_changes_no_byte() {
    assert_eq!(
        every_party_is_a_world(AZURE, &shared().to_string(), None),
        3
    );
}

#[test]
fn columns_of_an_export_are_read() {
    let everything = world(&[
        (&format!("azure:{SUBSCRIPTION}"), "alpha"),
        (&format!("entra:{DIRECTORY}"), "alpha"),
        (&format!("entra:{PROVIDER}"), "alpha"),
    ]);
    let alpha = row(AZURE, &everything, &shared(), "alpha");
    assert!(!alpha.shared);
    assert_eq!(alpha.raw, shared().to_string());
    assert_eq!(alpha.time_ns, 1_772_359_200_500_000_000);
    assert_eq!(
        (alpha.class_uid, alpha.activity_id, alpha.severity_id),
        (6003, 3, 2)
    );
    assert_eq!(alpha.status, Status::Success);
    assert_eq!(&*alpha.region, "westeurope");
    assert_eq!(alpha.service, "Microsoft.Compute");
    assert_eq!(
        alpha.operation,
        "Microsoft.Compute/virtualMachines/start/action"
    );
    assert_eq!(alpha.actor, "bert@beta.example");
    assert_eq!(alpha.src_ip, Some("203.0.113.9".parse().unwrap()));
    assert_eq!(alpha.resources.len(), 2);
}

#[test]
fn the_forms_of_api_export_and_table_are_one_event() {
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/prod/providers/Microsoft.Compute/disks/d"
    );
    let claims = json!({"appid": PERSON, "http://schemas.microsoft.com/identity/claims/tenantid": DIRECTORY});
    let export = json!({
        "time": "2026-03-01T10:00:00Z", "resourceId": id, "tenantId": DIRECTORY,
        "operationName": "Microsoft.Compute/disks/delete", "resultType": "Success",
        "callerIpAddress": "192.0.2.7:4711", "level": "Informational",
        "identity": {"claims": claims}, "properties": {"eventDataId": "e-1"}
    });
    let api = json!({
        "eventTimestamp": "2026-03-01T10:00:00Z", "subscriptionId": SUBSCRIPTION, "resourceId": id,
        "tenantId": DIRECTORY, "eventDataId": "e-1", "claims": claims,
        "operationName": {"value": "Microsoft.Compute/disks/delete", "localizedValue": "Delete Disk"},
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "resourceProviderName": {"value": "Microsoft.Compute"},
        "httpRequest": {"clientIpAddress": "192.0.2.7", "method": "DELETE"}, "level": "Informational"
    });
    let python = json!({
        "event_timestamp": "2026-03-01T10:00:00Z", "subscription_id": SUBSCRIPTION, "resource_id": id,
        "tenant_id": DIRECTORY, "event_data_id": "e-1", "claims": claims,
        "operation_name": {"value": "Microsoft.Compute/disks/delete"},
        "status": {"value": "Succeeded"}, "http_request": {"client_ip_address": "192.0.2.7"}
    });
    // There TenantId is a workspace, and objects are text.
    let table = json!({
        "TimeGenerated": "2026-03-01T10:00:00Z", "SubscriptionId": SUBSCRIPTION, "ResourceId": id,
        "TenantId": OTHER, "EventDataId": "e-1", "Claims": claims.to_string(),
        "OperationNameValue": "Microsoft.Compute/disks/delete", "ActivityStatusValue": "Success",
        "CallerIpAddress": "192.0.2.7", "Level": "Informational"
    });
    let world = world(&[
        (&format!("azure:{SUBSCRIPTION}"), "alpha"),
        (&format!("entra:{DIRECTORY}"), "alpha"),
    ]);
    for record in [export, api, python, table] {
        let seen = row(AZURE, &world, &record, "alpha");
        assert!(!seen.shared, "{record}");
        assert_eq!(seen.time_ns, 1_772_359_200_000_000_000);
        assert_eq!(
            (seen.class_uid, seen.activity_id, seen.status),
            (6003, 4, Status::Success),
            "{record}"
        );
        assert_eq!(
            (&*seen.event_id, &*seen.account, &*seen.actor),
            ("e-1", SUBSCRIPTION, PERSON)
        );
        assert_eq!(seen.service, "Microsoft.Compute");
        assert_eq!(seen.src_ip, Some("192.0.2.7".parse().unwrap()));
    }
}

#[test]
fn a_call_that_goes_on_has_no_outcome() {
    for (said, status) in [
        ("Started", Status::Unknown),
        ("Accept", Status::Unknown),
        ("Failed", Status::Failure),
        ("Active", Status::Other),
    ] {
        let mut event = shared();
        event["resultType"] = json!(said);
        assert_eq!(
            row(AZURE, &both(), &event, "alpha").status,
            status,
            "{said}"
        );
    }
    let blob = json!({"operationName": "GetBlob", "category": "StorageRead", "statusCode": 403,
        "resourceId": format!("/subscriptions/{SUBSCRIPTION}/x")});
    let seen = row(AZURE, &both(), &blob, "alpha");
    assert_eq!((seen.status, seen.activity_id), (Status::Failure, 2));
}

#[test]
fn what_a_caller_sends_makes_nobody_a_party() {
    let event = json!({
        "operationName": "x/write", "resourceId": format!("/subscriptions/{SUBSCRIPTION}"),
        "caller": DIRECTORY,
        "properties": json!({"tenantId": PROVIDER, "subscriptionId": OTHER, "resourceId": format!("/subscriptions/{OTHER}")}).to_string()
    });
    let seen = see(AZURE, &World::default(), &event.to_string(), None).unwrap();
    assert_eq!(seen.unknown_parties, [format!("azure:{SUBSCRIPTION}")]);
}

#[test]
fn published_events_are_events() {
    let Some(data) = data() else { return };
    let records = samples::azure_activity(&data);
    let (mut nobody, mut shared) = (0, 0);
    let mut rows = Vec::new();
    let mut read = Vec::new();
    for text in &records {
        let seen = see(AZURE, &World::default(), text, None).unwrap();
        if seen.unknown_parties.is_empty() {
            nobody += 1;
            continue;
        }
        shared += usize::from(every_party_is_a_world(AZURE, text, None) > 1);
        let accounts: Vec<(&str, &str)> = seen
            .unknown_parties
            .iter()
            .map(|id| (id.as_str(), "all"))
            .collect();
        let seen = see(AZURE, &world(&accounts), text, None).unwrap();
        rows.push(seen.views[0].1.clone());
        read.push(serde_json::from_str::<Value>(text).unwrap());
    }
    // Records without a resource and directory are nobody's. Where both the subscription and
    // its directory are told, each is an account of its own.
    assert_eq!(
        (records.len(), nobody, shared, rows.len()),
        (160, 6, 149, 154)
    );
    assert_eq!(
        tally(&rows),
        BTreeMap::from([
            ((3001, 7), 4),
            ((6003, 1), 1),
            ((6003, 2), 27),
            ((6003, 3), 65),
            ((6003, 4), 50),
            ((6003, 99), 7)
        ])
    );
    for (row, event) in rows.iter().zip(&read) {
        let word = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| {
                    event[*key]
                        .as_str()
                        .or_else(|| event[*key]["value"].as_str())
                })
                .unwrap_or_default()
        };
        assert_eq!(row.operation, word(&["operationName", "operation_name"]));
        assert!(!row.time_invalid, "{event}");
        assert_eq!(row.region, word(&["location"]));
        let id = word(&["resourceId", "resource_id"]);
        assert!(id.is_empty() || row.resources[0] == id);
        if let Some(subscription) = id
            .split('/')
            .nth(2)
            .filter(|_| id.to_lowercase().starts_with("/subscriptions/"))
        {
            assert_eq!(row.account, subscription);
        }
        let outcome = match word(&["resultType"]) {
            "Success" | "Succeeded" => Some(Status::Success),
            "Failed" => Some(Status::Failure),
            _ => None,
        };
        assert!(
            outcome.is_none_or(|outcome| row.status == outcome || event["status"].is_object()),
            "{event}"
        );
        let ip = word(&["callerIpAddress"]).split(':').next().unwrap();
        assert!(ip.is_empty() || row.src_ip == ip.parse().ok(), "{event}");
    }
    let unknown = unreviewed(AZURE, &read);
    // What a pipeline added, and a key with a stray quote.
    assert_eq!((unknown.len(), pipelines(&unknown)), (2, 1), "{unknown:?}");
    assert!(unknown.contains_key("tenantId\""));
}
