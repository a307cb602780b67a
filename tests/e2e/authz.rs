//! Every method, called by those who may not.

use std::collections::BTreeMap;

use cordon_client::Holder;
use prost_reflect::{Kind, MethodDescriptor};
use serde_json::{Map, Value, json};
use tonic::Code;

use crate::harness::{Raw, World, methods, request};

const MATRIX: &str = include_str!("../../server/kernel/src/auth/policy.golden.txt");

const ID: &str = "01920000-0000-7000-8000-000000000001";

fn incident(tenant: &str) -> String {
    format!("tenants/{tenant}/incidents/{ID}")
}

fn subscription(tenant: &str) -> String {
    format!("tenants/{tenant}/subscriptions/{ID}")
}

/// What begins as age begins.
fn note(tenant: &str) -> Value {
    json!({
        "ciphertext": "YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==",
        "noteKeys": [format!("tenants/{tenant}/noteKeys/{ID}")],
    })
}

/// A request that names `tenant` and things of it, wherever the method takes a name.
fn naming(method: &MethodDescriptor, tenant: &str) -> bytes::Bytes {
    let mut fields = Map::new();
    for field in method.input().fields() {
        if field.kind() != Kind::String || field.is_list() {
            continue;
        }
        let of = match method.name() {
            name if name.contains("Event")
                && name.starts_with(['G', 'E'])
                && field.name() == "name" =>
            {
                format!("tenants/{tenant}/events/{}", "0".repeat(32))
            }
            name if name.contains("Account") && field.name() == "name" => {
                format!("tenants/{tenant}/accounts/aws:100000000009")
            }
            name if name.contains("Resource") && field.name() == "name" => {
                format!("tenants/{tenant}/resources/01920000-0000-7000-8000-000000000001")
            }
            "ReleaseLegalHold" if field.name() == "name" => {
                format!("tenants/{tenant}/legalHolds/01920000-0000-7000-8000-000000000001")
            }
            name if name.contains("ProviderIncident") || name == "PostProviderNotice" => {
                match field.name() {
                    "name" => format!("providerIncidents/{ID}"),
                    _ => continue,
                }
            }
            name if name.ends_with("Task") && field.name() == "name" => {
                format!("{}/tasks/{ID}", incident(tenant))
            }
            "ListRuleVersions" if field.name() == "parent" => {
                format!("tenants/{tenant}/rules/{ID}")
            }
            "GetRule" | "DeleteRule" | "TestRule" if field.name() == "name" => {
                format!("tenants/{tenant}/rules/{ID}")
            }
            name if name.contains("ProviderRule") => match field.name() {
                "name" => format!("providerRules/{ID}"),
                _ => continue,
            },
            "GetDetectionPolicy" if field.name() == "name" => {
                format!("tenants/{tenant}/detectionPolicy")
            }
            "GetFinding" | "UpdateFinding" if field.name() == "name" => {
                format!("tenants/{tenant}/findings/{ID}")
            }
            name if name.contains("Analysis") && field.name() == "name" => {
                format!("tenants/{tenant}/analyses/{ID}")
            }
            "ReleaseSnapshotHold" if field.name() == "name" => {
                format!("tenants/{tenant}/snapshots/{ID}/holds/{ID}")
            }
            "HoldSnapshot" | "ListSnapshotHolds" if field.name() == "parent" => {
                format!("tenants/{tenant}/snapshots/{ID}")
            }
            "GetManifest" | "DownloadBlockList" | "DownloadItem" | "ListCustodyEntries"
                if field.name() == "name" =>
            {
                format!("tenants/{tenant}/snapshots/{ID}")
            }
            name if name.ends_with("Snapshot") && field.name() == "name" => {
                format!("tenants/{tenant}/snapshots/{ID}")
            }
            "GetBaselines" | "UpdateBaselines" if field.name() == "name" => {
                format!("tenants/{tenant}/baselines")
            }
            "GetContextEntry" | "DeleteContextEntry" if field.name() == "name" => {
                format!("tenants/{tenant}/contextEntries/{ID}")
            }
            "GetFact" if field.name() == "name" => format!("tenants/{tenant}/facts/{ID}"),
            "ListFactVersions" if field.name() == "parent" => {
                format!("tenants/{tenant}/facts/{ID}")
            }
            "WithdrawFact" if field.name() == "name" => format!("facts/{ID}"),
            "DeleteService" if field.name() == "name" => {
                format!("tenants/{tenant}/services/compute")
            }
            "RecommendSources" if field.name() == "technique" => "T1562.008".into(),
            "CreateTask" | "ListTasks" | "ListContacts" if field.name() == "parent" => {
                incident(tenant)
            }
            name if (name.contains("Incident") || name.contains("CleanState"))
                && field.name() == "name" =>
            {
                incident(tenant)
            }
            name if name.contains("Attachment") && field.name() == "name" => {
                format!("{}/attachments/{ID}", incident(tenant))
            }
            "RevokeNoteKey" if field.name() == "name" => format!("tenants/{tenant}/noteKeys/{ID}"),
            "DeleteLink" if field.name() == "name" => format!("{}/links/{ID}", incident(tenant)),
            "CreateComment"
            | "ListComments"
            | "ListTimelineEntries"
            | "ListClocks"
            | "RecordReportingFact"
            | "ListReportingDeadlines"
            | "CreateAttachment"
            | "ListAttachments"
            | "CreateNote"
            | "ListNotes"
            | "CreateProviderNote"
            | "ListProviderNotes"
            | "CreateLink"
            | "ListLinks"
                if field.name() == "parent" =>
            {
                incident(tenant)
            }
            "ListDeliveries" if field.name() == "parent" => subscription(tenant),
            "RetryDelivery" if field.name() == "name" => {
                format!("{}/deliveries/1", subscription(tenant))
            }
            name if (name.contains("Subscription") || name == "RotateSigningSecret")
                && field.name() == "name" =>
            {
                subscription(tenant)
            }
            name if name.contains("Credential") && field.name() == "name" => {
                format!("tenants/{tenant}/credentials/01920000000070008000000000000001")
            }
            name if (name.contains("DeadLetter") && field.name() == "parent")
                || field.name() == "source"
                || (name.contains("Source") && field.name() == "name") =>
            {
                "sources/aws-cloudtrail".into()
            }
            name if name.contains("AddressRange") && field.name() == "name" => {
                "addressRanges/01920000-0000-7000-8000-000000000001".into()
            }
            _ if field.name() == "parent" || field.name() == "name" => format!("tenants/{tenant}"),
            _ => continue,
        };
        fields.insert(field.json_name().to_owned(), Value::String(of));
    }
    // What else a method wants before it looks at who asks.
    for (name, value) in match method.name() {
        "CreateTenant" => vec![("tenantId", json!("newcomer"))],
        "RecordReportingFact" => vec![("fact", json!({ "awarenessTime": "2026-03-01T10:00:00Z" }))],
        "GenerateReport" | "ExportReports" => vec![("period", json!("2026-02"))],
        "CreateAccount" => vec![("accountId", json!("aws:100000000009"))],
        "CreateLegalHold" => vec![("legalHold", json!({ "reason": "x" }))],
        "CreateAddressRange" => vec![("addressRange", json!({ "cidr": "198.18.0.0/15" }))],
        "CreateSource" => vec![
            ("sourceId", json!("newcomer")),
            ("source", json!({ "sourceType": "ocsf" })),
        ],
        "ImportResources" => vec![(
            "resources",
            json!([{ "kind": "instance", "identifier": "i-1" }]),
        )],
        "IssueCredential" => vec![
            ("credential", json!({ "subject": "x", "role": "reader" })),
            ("csrPem", json!("none")),
        ],
        "RenewCredential" => vec![("csrPem", json!("none"))],
        "CreateRule" => {
            let text = "title: x\nlogsource: {product: aws, service: cloudtrail}\n\
                detection: {s: {eventName: x}, condition: s}";
            vec![("rule", json!({ "text": text }))]
        }
        "UpdateRule" => {
            let rule = json!({ "name": format!("tenants/{tenant}/rules/{ID}"), "enabled": true });
            vec![("rule", rule), ("updateMask", json!("enabled"))]
        }
        "CreateAnalysis" => {
            let body = json!({
                "question": { "sql": { "query": "SELECT 1" } },
                "purpose": "x",
                "consent": ["DATA_KIND_EVENTS"],
            });
            vec![("analysis", body)]
        }
        "ReplyToAnalysis" | "AskBackAnalysis" | "DeclineAnalysis" | "ReturnAnalysisResult" => {
            vec![("text", json!("x"))]
        }
        "CreateSnapshot" => {
            let body = json!({ "instance": "i-1", "purpose": "x", "disks": true });
            vec![("snapshot", body)]
        }
        "DownloadItem" | "DeleteSnapshot" => vec![("purpose", json!("x"))],
        "HoldSnapshot" => vec![("hold", json!({ "reason": "x" }))],
        "ReleaseSnapshotHold" => vec![("reason", json!("x"))],
        "SubmitAnalysisResult" => vec![("findings", json!("x")), ("method", json!("x"))],
        "CreateProviderRule" => {
            let text = "title: x\nlogsource: {product: aws, service: cloudtrail}\n\
                detection: {s: {eventName: x}, condition: s}";
            vec![("providerRule", json!({ "text": text }))]
        }
        "UpdateProviderRule" => {
            let rule = json!({ "name": format!("providerRules/{ID}"), "enabled": true });
            vec![("providerRule", rule), ("updateMask", json!("enabled"))]
        }
        "UpdateDetectionPolicy" => {
            let name = format!("tenants/{tenant}/detectionPolicy");
            let policy = json!({ "name": name, "minLevel": "LEVEL_HIGH" });
            vec![
                ("detectionPolicy", policy),
                ("updateMask", json!("minLevel")),
            ]
        }
        "CreateContextEntry" => {
            let body = json!({ "displayName": "x", "asset": { "identifiers": ["x"] } });
            vec![("contextEntry", body)]
        }
        "UpdateContextEntry" => {
            let name = format!("tenants/{tenant}/contextEntries/{ID}");
            let body = json!({ "name": name, "note": "x" });
            vec![("contextEntry", body), ("updateMask", json!("note"))]
        }
        "ImportAssets" => {
            let body = json!({ "displayName": "x", "asset": { "identifiers": ["x"] } });
            vec![("contextEntries", json!([body]))]
        }
        "UpdateFinding" => vec![("status", json!("FINDING_STATUS_RESOLVED"))],
        "CreateIncident" => {
            let body = json!({ "title": "x", "severity": "SEVERITY_SEV2" });
            vec![("incident", body)]
        }
        "ImportIncidents" => {
            let foreign = json!({ "externalId": "x", "title": "x", "severity": "SEVERITY_SEV2" });
            vec![("incidents", json!([foreign]))]
        }
        "UpdateIncident" => {
            let body = json!({ "name": incident(tenant), "title": "x" });
            vec![("incident", body), ("updateMask", json!("title"))]
        }
        "MoveIncident" => vec![("phase", json!("PHASE_CONTAINMENT"))],
        "ReclassifyIncident" => vec![("severity", json!("SEVERITY_SEV1")), ("reason", json!("x"))],
        "HandOverIncident" => vec![("to", json!("PARTY_CUSTOMER")), ("reason", json!("x"))],
        "SetCleanStateCriteria" => vec![("criteria", json!(["x"]))],
        "SignOffCleanState" => vec![("etag", json!("x"))],
        "CloseIncident" => vec![
            ("code", json!("CLOSE_CODE_ACCEPTED")),
            ("reason", json!("x")),
        ],
        "ReopenIncident" => vec![("reason", json!("x"))],
        "CreateAttachment" => {
            let body = json!({ "fileName": "x", "sha256": "0".repeat(64) });
            vec![("attachment", body)]
        }
        "RegisterNoteKey" => {
            let body = json!({ "recipient": format!("age1{}", "q".repeat(58)) });
            vec![("noteKey", body)]
        }
        "CreateNote" => vec![("note", note(tenant))],
        "UpdateNote" => {
            let mut body = note(tenant);
            body["name"] = json!(format!("{}/notes/{ID}", incident(tenant)));
            vec![("note", body)]
        }
        "CreateProviderNote" => vec![("providerNote", json!({ "text": "x" }))],
        "CreateLink" => {
            let event = format!("tenants/{tenant}/events/{}", "0".repeat(32));
            vec![("link", json!({ "resource": event }))]
        }
        "CreateAgreement" => {
            let body = json!({ "validFrom": "2026-01-01T00:00:00Z" });
            vec![("agreement", body)]
        }
        "CreateProviderIncident" => {
            let body = json!({ "title": "x", "severity": "SEVERITY_SEV2" });
            let tenants = json!(["tenants/initech"]);
            vec![("providerIncident", body), ("tenants", tenants)]
        }
        "AddProviderIncidentTenants" => vec![("tenants", json!(["tenants/initech"]))],
        "PostProviderNotice" => vec![("text", json!("x"))],
        "CloseProviderIncident" => vec![
            ("code", json!("CLOSE_CODE_ACCEPTED")),
            ("reason", json!("x")),
        ],
        "CreateTask" => {
            let body = json!({ "title": "x", "responsible": "RESPONSIBLE_SHARED" });
            vec![("task", body)]
        }
        "HandOverTask" => vec![
            ("to", json!("RESPONSIBLE_CUSTOMER")),
            ("reason", json!("x")),
        ],
        "CancelTask" | "ReopenTask" => vec![("reason", json!("x"))],
        "CreateSubscription" => {
            let webhook = json!({ "url": "https://receiver.invalid/" });
            let body = json!({ "webhook": webhook, "audience": "AUDIENCE_ORGANIZATION" });
            vec![("subscription", body)]
        }
        "CreateComment" => vec![("comment", json!({ "text": "x" }))],
        "UpdateComment" => {
            let name = format!("{}/comments/{ID}", incident(tenant));
            vec![("comment", json!({ "name": name, "text": "x" }))]
        }
        "ExportEvents" => vec![("format", json!("EXPORT_FORMAT_CSV"))],
        "RecordPlacements" => {
            let body = json!({ "tenant": format!("tenants/{tenant}"), "instance": "i-1", "host": "hv-1", "startTime": "2026-01-01T00:00:00Z" });
            vec![("placements", json!([body]))]
        }
        "AnnounceHostWork" => {
            let body =
                json!({ "firstDay": "2026-12-01", "lastDay": "2026-12-01", "hosts": ["hv-1"] });
            vec![("hostWork", body)]
        }
        "UpdateTenant" => {
            let body = json!({ "name": format!("tenants/{tenant}"), "billingOrganisation": "x" });
            vec![
                ("tenant", body),
                ("updateMask", json!("billingOrganisation")),
            ]
        }
        "CreateFact" => {
            let audience = json!({ "everyone": {} });
            let body = json!({ "kind": "FACT_KIND_REGIONS", "title": "x", "text": "x", "audience": audience });
            vec![("fact", body)]
        }
        "UpdateFact" => {
            let body = json!({ "name": format!("facts/{ID}"), "title": "x" });
            vec![("fact", body), ("updateMask", json!("title"))]
        }
        "CreateService" => vec![
            ("serviceId", json!("compute")),
            ("service", json!({ "serviceModel": "SERVICE_MODEL_IAAS" })),
        ],
        "ReportWatermark" => vec![("watermark", json!("2026-01-01T00:00:00Z"))],
        _ => Vec::new(),
    } {
        fields.insert(name.to_owned(), value);
    }
    request(method, &Value::Object(fields).to_string())
}

/// Whether the request names a tenant at all.
fn names_a_tenant(method: &MethodDescriptor) -> bool {
    naming(method, "initech") != naming(method, "hooli")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_everywhere_alike() {
    let world = World::new().await;
    let profile = world.server.profile("acme-reader");
    let stranger = Raw::connect(&profile, false).await;
    let mut forged = stranger.clone();
    forged.token = Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".into());
    let stolen = Raw {
        token: Raw::member(&profile).await.token,
        ..stranger.clone()
    };
    for method in methods() {
        let mut answers = Vec::new();
        for caller in [&stranger, &forged, &stolen] {
            let status = caller
                .call(&method, naming(&method, "acme"))
                .await
                .unwrap_err();
            assert_eq!(
                status.code(),
                Code::Unauthenticated,
                "{}",
                method.full_name()
            );
            answers.push((status.message().to_owned(), status.details().to_vec()));
        }
        assert!(
            answers.windows(2).all(|pair| pair[0] == pair[1]),
            "{}: {answers:?}",
            method.full_name()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_is_refused_whether_or_not_it_exists() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    world.tenant("hooli", &["aws:200000000002"]).await;
    for role in ["reader", "responder", "admin"] {
        let raw = Raw::member(&world.issue(Holder::Tenant("hooli".into()), role).await).await;
        for method in methods().iter().filter(|method| names_a_tenant(method)) {
            let there = raw
                .call(method, naming(method, "initech"))
                .await
                .unwrap_err();
            let nowhere = raw
                .call(method, naming(method, "nowhere"))
                .await
                .unwrap_err();
            assert_eq!(
                there.code(),
                Code::PermissionDenied,
                "{role} {}: {there:?}",
                method.full_name()
            );
            assert_eq!(
                (there.code(), there.message(), there.details()),
                (nowhere.code(), nowhere.message(), nowhere.details()),
                "{}",
                method.full_name()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_the_table_says() {
    let world = World::new().await;
    world.tenant("initech", &["aws:100000000001"]).await;
    let mut lines = MATRIX.lines().filter(|line| !line.starts_with('#'));
    let roles: Vec<&str> = lines.next().unwrap().split_whitespace().skip(1).collect();
    let table: BTreeMap<&str, Vec<&str>> = lines
        .map(|line| {
            let mut cells = line.split_whitespace();
            (cells.next().unwrap(), cells.collect())
        })
        .collect();
    for (at, role) in roles
        .iter()
        .enumerate()
        .filter(|(_, role)| **role != "system")
    {
        let holder = match *role {
            "reader" | "responder" | "admin" => Holder::Tenant("initech".into()),
            "source" => Holder::Source("aws-cloudtrail".into()),
            _ => Holder::Staff,
        };
        let profile = world.issue(holder, role).await;
        for method in methods() {
            // What would end this very credential, or the tenant, comes to no good here.
            if [
                "SuspendTenant",
                "DeleteTenant",
                "RenewCredential",
                "RevokeCredential",
                "DeleteSource",
            ]
            .contains(&method.name())
                && table[method.name()][at] != "-"
            {
                continue;
            }
            let raw = Raw::member(&profile).await;
            let way = table
                .get(method.name())
                .unwrap_or_else(|| panic!("{} is not in the table", method.name()))[at];
            // The log that staff reach without entering is the provider's own.
            let message = match (method.name(), way.contains("provider")) {
                ("ListAuditEntries", true) => request(&method, "{}"),
                _ => naming(&method, "initech"),
            };
            let answer = raw.call(&method, message).await;
            let refused = answer
                .as_ref()
                .err()
                .is_some_and(|status| status.code() == Code::PermissionDenied);
            // Entering needs a justification, which this call does not give.
            let expected = way == "-" || way == "entered";
            assert_eq!(
                refused,
                expected,
                "{role} {} ({way}): {answer:?}",
                method.name()
            );
        }
    }
}
