//! Google Cloud's audit logs.

use std::collections::BTreeMap;

use cordon_views::{SourceType, Status, credential_uid};
use serde_json::{Value, json};

use crate::samples;
use crate::support::{World, row_of};
use crate::tools::{
    data, every_party_is_a_world, hides, pipelines, row, see, tally, unreviewed, view, world,
};

const GCP: SourceType = SourceType::GcpAudit;

/// A robot of project `beta-prod` reads from a bucket of project `alpha-prod`.
pub fn shared() -> Value {
    json!({
        "insertId": "i-1",
        "logName": "projects/alpha-prod/logs/cloudaudit.googleapis.com%2Fdata_access",
        "timestamp": "2026-03-01T10:00:00.5Z",
        "receiveTimestamp": "2026-03-01T10:00:01Z",
        "severity": "INFO",
        "resource": {
            "type": "gcs_bucket",
            "labels": {
                "project_id": "alpha-prod", "location": "europe-west3",
                "bucket_name": "alpha-data"
            }
        },
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "storage.googleapis.com",
            "methodName": "storage.objects.get",
            "resourceName": "projects/_/buckets/alpha-data/objects/list of beta-prod.csv",
            "authenticationInfo": {
                "principalEmail": "reader@beta-prod.iam.gserviceaccount.com",
                "principalSubject": "serviceAccount:reader@beta-prod.iam.gserviceaccount.com",
                "serviceAccountKeyName": "//iam.googleapis.com/projects/beta-prod/serviceAccounts/reader@beta-prod.iam.gserviceaccount.com/keys/k1",
                "serviceAccountDelegationInfo": [
                    {"firstPartyPrincipal": {"principalEmail": "lender@gamma-prod.iam.gserviceaccount.com"}},
                    {"principalSubject": "user:dora@example.net"}
                ]
            },
            "authorizationInfo": [{
                "permission": "storage.objects.get", "granted": true,
                "resource": "projects/_/buckets/alpha-data/objects/x",
                "resourceAttributes": {"name": "projects/beta-prod/x"}
            }],
            "requestMetadata": {
                "callerIp": "203.0.113.9",
                "callerSuppliedUserAgent": "gsutil of dora",
                "callerNetwork": "//compute.googleapis.com/projects/beta-prod/global/networks/net-b",
                "requestAttributes": {"time": "2026-03-01T10:00:00.4Z"}
            },
            "request": {"note": "for beta-prod and projects/delta-prod/topics/t by erik@example.net"},
            "response": {"token": "live"},
            "status": {"code": 7, "message": "beta-prod may not"}
        },
        "labels": {"mark": "of alpha"},
        "somethingNew": "beta-prod"
    })
}

fn both() -> World {
    world(&[("gcp:alpha-prod", "alpha"), ("gcp:beta-prod", "beta")])
}

#[test]
fn an_event_of_two_projects_is_two_views() {
    let alpha = row(GCP, &both(), &shared(), "alpha");
    assert!(alpha.shared && alpha.addressed);
    hides(
        &alpha,
        &[
            "beta-prod",
            "gamma-prod",
            "delta-prod",
            "reader",
            "dora",
            "erik",
            "net-b",
            "live",
            "gsutil",
        ],
    );
    let seen = view(&alpha);
    assert_eq!(seen["logName"], shared()["logName"]);
    let call = &seen["protoPayload"];
    let mail = call["authenticationInfo"]["principalEmail"]
        .as_str()
        .unwrap();
    assert!(
        mail.starts_with("name~") && mail.ends_with(".iam.gserviceaccount.com"),
        "{mail}"
    );
    assert!(
        call["resourceName"]
            .as_str()
            .unwrap()
            .starts_with("projects/_/buckets/alpha-data/objects/list of acct~"),
        "{call}"
    );
    assert_eq!(seen["resource"], shared()["resource"]);
    assert_eq!(alpha.account, "alpha-prod");
    assert_eq!(alpha.src_ip, Some("203.0.113.9".parse().unwrap()));

    let beta = row(GCP, &both(), &shared(), "beta");
    assert!(beta.shared && !beta.addressed);
    hides(&beta, &["\"alpha-prod", "projects/alpha-prod", "of alpha"]);
    let seen = view(&beta);
    assert_eq!(
        seen["protoPayload"]["authenticationInfo"],
        shared()["protoPayload"]["authenticationInfo"]
    );
    assert_eq!(
        seen["protoPayload"]["request"],
        shared()["protoPayload"]["request"]
    );
    assert!(
        seen["logName"]
            .as_str()
            .unwrap()
            .starts_with("projects/acct~")
            && seen["logName"]
                .as_str()
                .unwrap()
                .ends_with("/logs/cloudaudit.googleapis.com%2Fdata_access"),
        "{seen}"
    );
    // The same call of the same stranger, under one name wherever it stands.
    assert_eq!(
        beta.account,
        seen["resource"]["labels"]["project_id"].as_str().unwrap()
    );
    assert_eq!(beta.operation, "storage.objects.get");
    assert_eq!(beta.actor, "reader@beta-prod.iam.gserviceaccount.com");
    assert_eq!(beta.status, Status::Failure);

    // Who lent his rights is told that they were used.
    let seen = see(
        GCP,
        &world(&[("gcp:gamma-prod", "gamma")]),
        &shared().to_string(),
        None,
    )
    .unwrap();
    let gamma = row_of(&seen, "gamma").unwrap();
    hides(gamma, &["alpha-prod", "beta-prod", "reader@", "alpha-data"]);
    assert_eq!(seen.unknown_parties, ["gcp:alpha-prod", "gcp:beta-prod"]);
}

#[test]
fn a_strangers_bucket_has_one_face() {
    let mut entry = shared();
    entry["protoPayload"]["request"] =
        json!({"from": "alpha-data", "by": "of beta:user@example.net"});
    entry["protoPayload"]["authenticationInfo"]["principalSubject"] =
        json!("of alpha:a@example.net");
    let gamma = row(GCP, &world(&[("gcp:gamma-prod", "gamma")]), &entry, "gamma");
    let seen = view(&gamma);
    let name = seen["protoPayload"]["resourceName"].as_str().unwrap();
    let bucket = name.split('/').nth(3).unwrap();
    assert!(bucket.starts_with("res~"), "{name}");
    assert_eq!(
        seen["protoPayload"]["authorizationInfo"][0]["resource"]
            .as_str()
            .unwrap()
            .split('/')
            .nth(3),
        Some(bucket)
    );
    // What stands before an address is shown only where it tells a kind.
    hides(&gamma, &["of alpha", "a@example.net"]);
}

#[test]
fn another_registration_changes_no_byte() {
    assert_eq!(every_party_is_a_world(GCP, &shared().to_string(), None), 3);
}

#[test]
fn columns_are_read() {
    let mut entry = shared();
    let key = "//iam.googleapis.com/projects/alpha-prod/serviceAccounts/x@alpha-prod.iam.gserviceaccount.com/keys/1";
    entry["protoPayload"]["authenticationInfo"] =
        json!({"principalEmail": "dora@example.net", "serviceAccountKeyName": key});
    entry["protoPayload"]["status"] = json!({});
    let alpha = row(GCP, &both(), &entry, "alpha");
    assert!(!alpha.shared);
    assert_eq!(alpha.raw, entry.to_string());
    assert_eq!(alpha.time_ns, 1_772_359_200_500_000_000);
    assert_eq!(alpha.event_id, "i-1");
    assert_eq!(
        (alpha.class_uid, alpha.activity_id, alpha.severity_id),
        (6003, 2, 1)
    );
    assert_eq!(alpha.status, Status::Success);
    assert_eq!(alpha.region, "europe-west3");
    assert_eq!(alpha.service, "storage.googleapis.com");
    assert_eq!(alpha.actor, "dora@example.net");
    assert_eq!(alpha.credential_uid, key);
    assert_eq!(credential_uid(GCP, &alpha.raw), key);
    assert_eq!(
        alpha.resources,
        [
            "projects/_/buckets/alpha-data/objects/list of beta-prod.csv",
            "projects/_/buckets/alpha-data/objects/x"
        ]
    );
    for ip in ["private", "gce-internal-ip"] {
        entry["protoPayload"]["requestMetadata"]["callerIp"] = json!(ip);
        assert_eq!(row(GCP, &both(), &entry, "alpha").src_ip, None);
    }
    entry["resource"]["labels"] = json!({"project_id": "alpha-prod", "zone": "us-central1-a"});
    entry["protoPayload"]["authorizationInfo"][0]["granted"] = json!(false);
    let alpha = row(GCP, &both(), &entry, "alpha");
    assert_eq!(
        (&*alpha.region, alpha.status),
        ("us-central1", Status::Failure)
    );
}

#[test]
fn a_long_call_is_two_events_that_find_each_other() {
    let mut entry = shared();
    entry["protoPayload"]["authenticationInfo"] = json!({});
    entry["protoPayload"]["status"] = Value::Null;
    entry["operation"] = json!({"id": "operation-1", "first": true});
    let first = row(GCP, &both(), &entry, "alpha");
    entry["operation"] = json!({"id": "operation-1", "last": true});
    entry["insertId"] = json!("i-2");
    let last = row(GCP, &both(), &entry, "alpha");
    assert_eq!(
        (first.status, last.status),
        (Status::Unknown, Status::Success)
    );
    assert_ne!(first.name, last.name);
    assert!(!first.supersedes(&last) && !last.supersedes(&first));
    for row in [first, last] {
        assert!(row.resources.contains(&"operation-1".to_owned()));
    }
}

#[test]
fn only_googles_own_logs_say_whose_they_are() {
    for log in [
        "projects/evil/logs/mine",
        "projects/evil/logs/mine%2Fcloudaudit.googleapis.com%2Factivity",
        "projects/evil/logs/cloudaudit.googleapis.com.mine",
        "projects/evil/logs/x/cloudaudit.googleapis.com/activity",
        "",
        "cloudaudit.googleapis.com%2Factivity",
    ] {
        let mut entry = shared();
        entry["logName"] = json!(log);
        let reject = see(GCP, &both(), &entry.to_string(), None).unwrap_err();
        assert_eq!(reject.reason, "MALFORMED", "{log}");
    }
    let mut entry = shared();
    entry.as_object_mut().unwrap().remove("protoPayload");
    entry["textPayload"] = json!("projects/alpha-prod");
    assert!(see(GCP, &both(), &entry.to_string(), None).is_err());
}

#[test]
fn what_a_caller_asks_for_makes_nobody_a_party() {
    let mut entry = shared();
    entry["protoPayload"]["authenticationInfo"] = json!({"principalEmail": "dora@example.net"});
    entry["protoPayload"]["resourceName"] = json!("projects/beta-prod/topics/t");
    entry["protoPayload"]["request"] =
        json!({"project": "projects/beta-prod", "as": "x@beta-prod.iam.gserviceaccount.com"});
    let seen = see(GCP, &both(), &entry.to_string(), None).unwrap();
    assert_eq!(seen.views.len(), 1);
}

#[test]
fn containers_and_pools_are_accounts() {
    for (log, labels, caller, expected) in [
        (
            "organizations/77/logs/cloudaudit.googleapis.com%2Factivity",
            json!({"organization_id": "77"}),
            "user:dora@example.net",
            vec!["gcp:organizations.77"],
        ),
        (
            "folders/5/logs/cloudaudit.googleapis.com/activity",
            json!({"folder_id": 5}),
            "principal://iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/p/subject/projects/43",
            vec!["gcp:42", "gcp:folders.5"],
        ),
        (
            "billingAccounts/01-AB/logs/cloudaudit.googleapis.com%2Factivity",
            json!({"project_id": ""}),
            "principal://other.example/projects/42",
            vec!["gcp:billingAccounts.01-AB"],
        ),
    ] {
        let entry = json!({
            "logName": log, "resource": {"labels": labels},
            "protoPayload": {"authenticationInfo": {"principalSubject": caller}}
        });
        let seen = see(GCP, &World::default(), &entry.to_string(), None).unwrap();
        assert_eq!(seen.unknown_parties, expected, "{entry}");
    }
}

#[test]
fn published_entries_are_events_or_no_audit_logs() {
    let Some(data) = data() else { return };
    let records = samples::gcp(&data);
    let mut rejects: BTreeMap<String, usize> = BTreeMap::new();
    let mut nobody = 0;
    let mut rows = Vec::new();
    let mut read = Vec::new();
    for text in &records {
        match see(GCP, &World::default(), text, None) {
            Err(reject) => *rejects.entry(reject.message).or_default() += 1,
            Ok(seen) if seen.unknown_parties.is_empty() => nobody += 1,
            Ok(seen) => {
                every_party_is_a_world(GCP, text, None);
                let accounts: Vec<(&str, &str)> = seen
                    .unknown_parties
                    .iter()
                    .map(|id| (id.as_str(), "all"))
                    .collect();
                let seen = see(GCP, &world(&accounts), text, None).unwrap();
                rows.push(seen.views[0].1.clone());
                read.push(serde_json::from_str::<Value>(text).unwrap());
            }
        }
    }
    assert_eq!(
        rejects,
        BTreeMap::from([(
            "the log entry has no audit log in protoPayload".to_owned(),
            14
        )])
    );
    assert_eq!((records.len(), nobody, rows.len()), (144, 9, 121));
    assert_eq!(
        tally(&rows),
        BTreeMap::from([
            ((3001, 1), 5),
            ((3001, 2), 1),
            ((3001, 99), 3),
            ((3002, 1), 2),
            ((6003, 1), 59),
            ((6003, 2), 14),
            ((6003, 3), 23),
            ((6003, 4), 6),
            ((6003, 99), 8),
        ])
    );
    // Columns are what the entries say, told independently of the code under test.
    for (row, entry) in rows.iter().zip(&read) {
        let said = |pointers: &[&str]| {
            pointers
                .iter()
                .find_map(|pointer| entry.pointer(pointer)?.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let call = |field: &str| {
            ["/protoPayload", "/protopayload", "/protopayload_auditlog"]
                .map(|at| format!("{at}{field}"))
        };
        let in_call = |field: &str| {
            let pointers = call(field);
            said(&pointers.each_ref().map(String::as_str))
        };
        assert_eq!(row.operation, in_call("/methodName"));
        assert_eq!(row.service, in_call("/serviceName"));
        let actor = in_call("/authenticationInfo/principalEmail");
        assert!(actor.is_empty() || row.actor == actor);
        assert!(
            !row.time_invalid || entry.get("timestamp").is_none(),
            "{entry}"
        );
        let id = said(&["/insertId", "/insertid"]);
        assert!(id.is_empty() || row.event_id == id);
        let project = said(&["/resource/labels/project_id"]);
        assert!(project.is_empty() || row.account == project);
    }
    // What a pipeline added, and records typed by hand with fields in the wrong place: shown
    // to nobody in shared events.
    let unknown = unreviewed(GCP, &read);
    assert_eq!(unknown.len(), 28, "{unknown:?}");
    assert_eq!(pipelines(&unknown), 15);
    for path in unknown.keys().filter(|path| !path.starts_with("p_")) {
        let wrong = [
            "receivetimestamp",
            "timestamp",
            "severity",
            "resource",
            "requestURI",
        ];
        let step = path.split('.').nth(1).unwrap();
        assert!(wrong.contains(&step), "{path}");
    }
}
