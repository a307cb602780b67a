//! Entra ID's sign-ins and audit events.

use std::collections::BTreeMap;

use cordon_views::{SourceType, Status};
use serde_json::{Value, json};

use crate::samples;
use crate::support::World;
use crate::tools::{
    data, every_party_is_a_world, hides, pipelines, row, see, tally, unreviewed, view, world,
};

const ENTRA: SourceType = SourceType::AzureSignIn;
const HOST: &str = "0d000000-0000-4000-8000-00000000000a";
const HOME: &str = "0d000000-0000-4000-8000-00000000000b";
const MAKER: &str = "0d000000-0000-4000-8000-00000000000c";
const PERSON: &str = "0b000000-0000-4000-8000-00000000000b";

/// A guest from another organisation signs in to an app of the host's.
pub fn shared() -> Value {
    json!({
        "time": "2026-03-01T10:00:00.5Z",
        "resourceId": format!("/tenants/{HOST}/providers/Microsoft.aadiam"),
        "operationName": "Sign-in activity",
        "category": "SignInLogs",
        "tenantId": HOST,
        "resultType": "50074",
        "callerIpAddress": "203.0.113.9",
        "identity": "Bert Beta",
        "Level": 4,
        "location": "DE",
        "properties": {
            "id": "s-1",
            "createdDateTime": "2026-03-01T09:59:59Z",
            "userDisplayName": "Bert Beta",
            "userPrincipalName": "bert@beta.example",
            "userId": PERSON,
            "homeTenantId": HOME,
            "resourceTenantId": HOST,
            "appOwnerTenantId": MAKER,
            "appDisplayName": "Portal for bert@beta.example",
            "resourceDisplayName": "Alpha's ledger",
            "resourceId": "0e000000-0000-4000-8000-00000000000e",
            "riskLevelDuringSignIn": "high",
            "status": {"errorCode": 50074, "failureReason": "Bert Beta must use a second factor"},
            "deviceDetail": {"displayName": "BERT-PC", "operatingSystem": "Linux"},
            "location": {"city": "Berlin", "countryOrRegion": "DE"},
            "userAgent": "browser of bert"
        },
        "somethingNew": "Bert Beta"
    })
}

fn both() -> World {
    world(&[
        (&format!("entra:{HOST}"), "host"),
        (&format!("entra:{HOME}"), "home"),
    ])
}

#[test]
fn a_guests_sign_in_is_two_views() {
    let host = row(ENTRA, &both(), &shared(), "host");
    assert!(host.shared && host.addressed);
    hides(&host, &[HOME, MAKER, PERSON, "bert", "beta.example"]);
    let seen = view(&host);
    assert_eq!(seen["properties"]["resourceDisplayName"], "Alpha's ledger");
    assert_eq!(
        seen["properties"]["location"],
        shared()["properties"]["location"]
    );
    assert_eq!(seen["properties"]["resourceTenantId"], HOST);
    assert!(
        seen["properties"]["homeTenantId"]
            .as_str()
            .unwrap()
            .starts_with("acct~")
    );
    // One person under one name, wherever it stands.
    let name = seen["properties"]["userPrincipalName"].as_str().unwrap();
    assert!(name.starts_with("name~"));
    assert_eq!(
        seen["properties"]["appDisplayName"],
        format!("Portal for {name}")
    );
    assert_eq!(seen["properties"]["userDisplayName"], seen["identity"]);
    assert_eq!((&*host.account, &*host.actor), (HOST, name));
    assert_eq!(host.src_ip, Some("203.0.113.9".parse().unwrap()));

    let home = row(ENTRA, &both(), &shared(), "home");
    assert!(home.shared && !home.addressed);
    hides(&home, &[HOST, MAKER]);
    let seen = view(&home);
    for field in [
        "userPrincipalName",
        "userAgent",
        "deviceDetail",
        "homeTenantId",
        "status",
    ] {
        assert_eq!(
            seen["properties"][field],
            shared()["properties"][field],
            "{field}"
        );
    }
    assert_eq!(home.actor, "bert@beta.example");
    assert_eq!(home.account, seen["tenantId"].as_str().unwrap());
    assert!(
        seen["resourceId"]
            .as_str()
            .unwrap()
            .starts_with("/tenants/acct~")
    );
}

#[test]
fn another_registration_changes_no_byte() {
    assert_eq!(
        every_party_is_a_world(ENTRA, &shared().to_string(), None),
        2
    );
}

#[test]
fn columns_of_a_sign_in_are_read() {
    let mut event = shared();
    event["properties"]["homeTenantId"] = json!(HOST);
    for text in [false, true] {
        if text {
            event["properties"] = json!(event["properties"].to_string());
        }
        let host = row(ENTRA, &both(), &event, "host");
        assert!(!host.shared);
        assert_eq!(host.raw, event.to_string());
        assert_eq!(host.time_ns, 1_772_359_200_500_000_000);
        assert_eq!(host.event_id, "s-1");
        assert_eq!(
            (host.class_uid, host.activity_id, host.severity_id),
            (3002, 1, 4)
        );
        assert_eq!(host.status, Status::Failure);
        assert_eq!((&*host.account, &*host.region), (HOST, ""));
        assert_eq!(
            (&*host.service, &*host.operation),
            ("Alpha's ledger", "Sign-in activity")
        );
        assert_eq!(host.actor, "bert@beta.example");
        assert_eq!(host.resources, ["0e000000-0000-4000-8000-00000000000e"]);
    }
}

#[test]
fn a_shared_event_in_text_is_text_again() {
    let mut event = shared();
    event["properties"] = json!(event["properties"].to_string());
    let host = row(ENTRA, &both(), &event, "host");
    hides(&host, &[HOME, PERSON, "bert"]);
    let seen = view(&host);
    let inner: Value = serde_json::from_str(seen["properties"].as_str().unwrap()).unwrap();
    assert_eq!(inner["resourceTenantId"], HOST);
    assert_eq!(every_party_is_a_world(ENTRA, &event.to_string(), None), 2);
}

#[test]
fn graph_and_tables_are_read_too() {
    let graph = json!({
        "id": "s-1", "createdDateTime": "2026-03-01T10:00:00Z", "userPrincipalName": "ann@alpha.example",
        "appId": "a", "resourceId": "r", "resourceTenantId": HOST, "homeTenantId": HOST,
        "ipAddress": "192.0.2.7", "status": {"errorCode": 0}
    });
    let table = json!({
        "TenantId": MAKER, "AADTenantId": HOST, "TimeGenerated": "2026-03-01T10:00:00Z", "Id": "s-1",
        "Category": "SignInLogs", "OperationName": "Sign-in activity", "IPAddress": "192.0.2.7",
        "UserPrincipalName": "ann@alpha.example", "ResultType": "0",
        "Status": "{\"errorCode\":0}"
    });
    for record in [graph, table] {
        let host = row(ENTRA, &both(), &record, "host");
        assert!(!host.shared, "{record}");
        assert_eq!((&*host.event_id, &*host.account), ("s-1", HOST));
        assert_eq!(
            (host.class_uid, host.status),
            (3002, Status::Success),
            "{record}"
        );
        assert_eq!(host.actor, "ann@alpha.example");
        assert_eq!(host.src_ip, Some("192.0.2.7".parse().unwrap()));
    }
}

#[test]
fn changes_of_the_directory_are_read() {
    let audit = json!({
        "time": "2026-03-01T10:00:00Z", "tenantId": HOST, "category": "AuditLogs",
        "operationName": "Add member to role",
        "properties": {
            "id": "d-1", "activityDisplayName": "Add member to role", "result": "success",
            "loggedByService": "Core Directory",
            "initiatedBy": {"user": {"userPrincipalName": "ann@alpha.example", "ipAddress": "192.0.2.7"}},
            "targetResources": [{"id": PERSON, "type": "User", "userPrincipalName": "bo@alpha.example"}]
        }
    });
    let host = row(ENTRA, &both(), &audit, "host");
    assert_eq!((host.class_uid, host.activity_id), (3001, 7));
    assert_eq!(
        (host.status, &*host.service),
        (Status::Success, "Core Directory")
    );
    assert_eq!(host.actor, "ann@alpha.example");
    assert_eq!(host.resources, ["bo@alpha.example", PERSON]);
    assert_eq!(host.src_ip, Some("192.0.2.7".parse().unwrap()));
}

#[test]
fn published_events_are_events_or_of_microsoft_365() {
    let Some(data) = data() else { return };
    let records = samples::azure_sign_in(&data);
    let (mut nobody, mut shared) = (0, 0);
    let mut rejects: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut read = Vec::new();
    for text in &records {
        let seen = match see(ENTRA, &World::default(), text, None) {
            Ok(seen) => seen,
            Err(reject) => {
                *rejects.entry(reject.message).or_default() += 1;
                continue;
            }
        };
        if seen.unknown_parties.is_empty() {
            nobody += 1;
            continue;
        }
        shared += usize::from(every_party_is_a_world(ENTRA, text, None) > 1);
        let accounts: Vec<(&str, &str)> = seen
            .unknown_parties
            .iter()
            .map(|id| (id.as_str(), "all"))
            .collect();
        let seen = see(ENTRA, &world(&accounts), text, None).unwrap();
        rows.push(seen.views[0].1.clone());
        read.push(serde_json::from_str::<Value>(text).unwrap());
    }
    // Those of Microsoft 365 are of another kind; the directories of four were blanked out.
    let other = "the event is neither a sign-in nor an audit event of Entra ID".to_owned();
    assert_eq!(rejects, BTreeMap::from([(other, 4)]));
    assert_eq!((records.len(), nobody, shared, rows.len()), (41, 4, 10, 33));
    assert_eq!(
        tally(&rows),
        BTreeMap::from([
            ((3001, 1), 4),
            ((3002, 1), 17),
            ((6003, 3), 7),
            ((6003, 4), 3),
            ((6003, 99), 2),
        ])
    );
    for (row, event) in rows.iter().zip(&read) {
        let inner = &event["properties"];
        assert!(!row.time_invalid, "{event}");
        if event["category"].as_str().unwrap().ends_with("SignInLogs") {
            assert_eq!((row.class_uid, row.activity_id), (3002, 1));
            if let Some(code) = inner["status"]["errorCode"].as_i64() {
                let expected = if code == 0 {
                    Status::Success
                } else {
                    Status::Failure
                };
                assert_eq!(row.status, expected, "{event}");
            }
        } else {
            assert_ne!(row.class_uid, 3002);
            let who = &inner["initiatedBy"]["user"]["userPrincipalName"];
            assert!(who.as_str().is_none_or(|who| row.actor == who));
        }
    }
    let unknown = unreviewed(ENTRA, &read);
    // What a pipeline added, and nothing else.
    assert_eq!((unknown.len(), pipelines(&unknown)), (4, 4), "{unknown:?}");
}
