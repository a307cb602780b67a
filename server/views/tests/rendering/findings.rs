//! GuardDuty findings: whose they are, in every form in which they come.

use cordon_views::{SourceType, Status};
use serde_json::{Value, json};

use crate::world::{OBSERVED, World, render};

/// A finding as GuardDuty exports it; every value is made up.
pub fn finding() -> Value {
    json!({
        "schemaVersion": "2.0",
        "accountId": "111111111111",
        "region": "eu-west-1",
        "partition": "aws",
        "id": "0123456789abcdef0123456789abcdef",
        "arn": "arn:aws:guardduty:eu-west-1:111111111111:detector/0d1/finding/0123456789abcdef",
        "type": "Recon:EC2/PortProbeUnprotectedPort",
        "resource": {
            "resourceType": "Instance",
            "instanceDetails": {
                "instanceId": "i-0f00ba4",
                "tags": [{"key": "stage", "value": "prod"}]
            }
        },
        "service": {
            "serviceName": "guardduty",
            "detectorId": "0d1",
            "action": {
                "actionType": "PORT_PROBE",
                "portProbeAction": {
                    "blocked": false,
                    "portProbeDetails": [{
                        "localPortDetails": {"port": 22, "portName": "SSH"},
                        "localIpDetails": {"ipAddressV4": "10.0.0.8"},
                        "remoteIpDetails": {
                            "ipAddressV4": "203.0.113.77",
                            "country": {"countryName": "Nowhere"}
                        }
                    }]
                }
            },
            "resourceRole": "TARGET",
            "additionalInfo": {"threatName": "Scanner"},
            "eventFirstSeen": "2024-03-01T10:00:00Z",
            "eventLastSeen": "2024-03-01T11:00:00Z",
            "archived": false,
            "count": 7
        },
        "severity": 2,
        "createdAt": "2024-03-01T10:05:00.000Z",
        "updatedAt": "2024-03-01T11:05:00.123Z",
        "title": "An unprotected port is being probed.",
        "description": "i-0f00ba4 in account 111111111111 is probed by 203.0.113.77; 222222222222 was probed too."
    })
}

fn world() -> World {
    World::new()
        .account("111111111111", "acme")
        .account("222222222222", "bolt")
}

#[test]
fn a_finding_is_wholly_its_accounts() {
    let text = finding().to_string();
    let seen = world()
        .see(SourceType::AwsGuardDuty, text.as_bytes(), None)
        .unwrap();
    assert!(seen.unknown_parties.is_empty());
    assert_eq!(seen.views.len(), 1, "those it mentions are not told");
    let (tenant, row) = &seen.views[0];
    assert_eq!(*tenant, "acme");
    assert_eq!(row.raw, text);
    assert!(!row.shared && row.addressed && row.withheld.is_empty());
    assert_eq!(
        (row.class_uid, row.activity_id, row.severity_id),
        (2004, 2, 2)
    );
    assert_eq!(row.status, Status::Unknown);
    assert_eq!(row.time_ns, 1_709_291_100_123_000_000);
    assert_eq!(row.event_id, "0123456789abcdef0123456789abcdef");
    assert_eq!(row.operation, "Recon:EC2/PortProbeUnprotectedPort");
    assert_eq!(row.src_ip, Some("203.0.113.77".parse().unwrap()));
    assert_eq!(row.dst_ip, Some("10.0.0.8".parse().unwrap()));
    assert_eq!((row.src_port, row.dst_port), (None, Some(22)));
    assert_eq!(row.resources, ["i-0f00ba4"]);
}

#[test]
fn severities_are_guarddutys_ranges() {
    for (severity, id) in [
        (0.5, 1),
        (1.0, 2),
        (3.9, 2),
        (4.0, 3),
        (6.9, 3),
        (7.0, 4),
        (8.9, 4),
        (9.5, 5),
    ] {
        let mut finding = finding();
        finding["severity"] = json!(severity);
        let row = world().row(SourceType::AwsGuardDuty, &finding.to_string(), None, "acme");
        assert_eq!(row.severity_id, id, "{severity}");
        assert_eq!(render(&row)["unmapped"]["severity"], severity);
    }
}

#[test]
fn the_event_bus_and_the_api_write_the_same_finding() {
    let plain = world().row(
        SourceType::AwsGuardDuty,
        &finding().to_string(),
        None,
        "acme",
    );
    let bus = json!({
        "version": "0",
        "detail-type": "GuardDuty Finding",
        "account": "111111111111",
        "detail": finding(),
    });
    let api = capitals(&finding());
    for record in [bus, api] {
        let row = world().row(SourceType::AwsGuardDuty, &record.to_string(), None, "acme");
        assert_eq!(row.event_id, plain.event_id);
        assert_eq!(row.time_ns, plain.time_ns);
        assert_eq!(row.operation, plain.operation);
        assert_eq!(
            (row.src_ip, row.dst_ip, row.dst_port),
            (plain.src_ip, plain.dst_ip, plain.dst_port)
        );
        assert_eq!(row.resources, plain.resources);
        let event = render(&row);
        assert_eq!(event["finding_info"]["uid"], plain.event_id);
        assert_eq!(event["finding_info"]["title"], finding()["title"]);
    }
}

fn capitals(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let mut letters = key.chars();
                let first = letters.next().unwrap().to_ascii_uppercase();
                (
                    std::iter::once(first).chain(letters).collect(),
                    capitals(value),
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(capitals).collect(),
        other => other.clone(),
    }
}

#[test]
fn odd_findings_are_read_as_far_as_they_go() {
    for record in [
        json!({"accountId": "111111111111"}),
        json!({"accountId": 111_111_111_111_u64, "id": null, "severity": null, "service": []}),
        json!({"accountId": "111111111111", "resource": "x", "service": {"action": 3}}),
        json!({"accountId": "111111111111", "updatedAt": "1960-01-01T00:00:00Z"}),
        json!({"accountId": "111111111111", "updatedAt": "2300-01-01T00:00:00Z"}),
        json!({"accountId": "111111111111", "detail": {"x": 1}}),
    ] {
        let row = world().row(SourceType::AwsGuardDuty, &record.to_string(), None, "acme");
        assert!(row.time_invalid, "{record}");
        assert_eq!(row.time_ns, OBSERVED);
        assert!(!row.event_id.is_empty(), "{record}");
        let event = render(&row);
        assert_eq!(event["metadata"]["uid"], row.event_id);
        assert_eq!(event["class_uid"], 2004);
    }
    let export = json!({"accountId": "111111111111", "updatedAt": "2024-03-01 11:05:00.123"});
    let row = world().row(SourceType::AwsGuardDuty, &export.to_string(), None, "acme");
    assert_eq!(
        row.time_ns, 1_709_291_100_123_000_000,
        "a blank for the T, and no zone"
    );
}

#[test]
fn findings_of_nobody_and_bad_ones_are_told() {
    let world = World::new();
    let seen = world
        .see(
            SourceType::AwsGuardDuty,
            finding().to_string().as_bytes(),
            None,
        )
        .unwrap();
    assert_eq!(seen.unknown_parties, ["aws:111111111111"]);
    assert!(seen.views.is_empty());
    for (record, code) in [
        ("[]", "NOT_AN_OBJECT"),
        ("{\"accountId\":", "TRUNCATED"),
        ("{\"a\":1,\"a\":2}", "DUPLICATE_KEY"),
        ("nonsense", "MALFORMED"),
    ] {
        let reject = world
            .see(SourceType::AwsGuardDuty, record.as_bytes(), None)
            .unwrap_err();
        assert_eq!(reject.reason, code, "{record}");
    }
}
