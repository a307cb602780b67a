//! What must hold for every record and every world, whichever cloud it is of.
//!
//! Four customers may be anything to a record. Each has names that no other has, so that
//! one found in a view tells whose it is.

use cordon_views::{EventRow, SourceType, attribute};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::{Keys, OBSERVED, World, row_of};
use crate::tools::{see, world};

const CUSTOMERS: [&str; 4] = ["annabel", "bertrand", "cassandra", "dorothea"];
const ADDRESSES: &str = "203.0.113.0/24";

fn project(who: usize) -> String {
    format!("{}-prod", CUSTOMERS[who])
}
fn robot(who: usize) -> String {
    format!(
        "robot-{}@{}.iam.gserviceaccount.com",
        &CUSTOMERS[who][..4],
        project(who)
    )
}
fn person(who: usize) -> String {
    format!("{}@{}.example", &CUSTOMERS[who][..5], CUSTOMERS[who])
}
fn bucket(who: usize) -> String {
    format!("bucket-{}", &CUSTOMERS[who][..6])
}
fn subscription(who: usize) -> String {
    format!("0a00000{who}-aaaa-4000-8000-00000000000{who}")
}
fn directory(who: usize) -> String {
    format!("0d00000{who}-dddd-4000-8000-00000000000{who}")
}
fn object(who: usize) -> String {
    format!("0b00000{who}-bbbb-4000-8000-00000000000{who}")
}
fn address(who: usize) -> String {
    format!("203.0.113.{}", who + 11)
}

/// Everything by which a customer could be told.
fn marks(who: usize) -> Vec<String> {
    vec![
        CUSTOMERS[who][..5].to_owned(),
        format!("robot-{}", &CUSTOMERS[who][..4]),
        bucket(who),
        subscription(who),
        directory(who),
        object(who),
        address(who),
    ]
}

/// All accounts of a customer.
fn accounts(who: usize) -> [String; 4] {
    [
        format!("gcp:{}", project(who)),
        format!("azure:{}", subscription(who)),
        format!("entra:{}", directory(who)),
        format!("k8s:{}", CUSTOMERS[who]),
    ]
}

fn who() -> impl Strategy<Value = usize> {
    0..CUSTOMERS.len()
}

/// Text with identities of Google Cloud's customers in it, in all the dresses they wear.
fn google_text() -> impl Strategy<Value = String> {
    let part = (who(), 0..9_usize).prop_map(|(who, dress)| match dress {
        0 => format!("projects/{}", project(who)),
        1 => format!(
            "//x.googleapis.com/projects/{}/zones/us-central1-a/instances/{}-vm",
            project(who),
            CUSTOMERS[who]
        ),
        2 => robot(who),
        3 => format!("serviceAccount:{}", robot(who)),
        4 => format!("user:{}", person(who)),
        5 => address(who),
        6 => format!(
            "projects/{}/serviceAccounts/{}/keys/1",
            project((who + 1) % 4),
            robot(who)
        ),
        7 => format!("({}@appspot.gserviceaccount.com)", project(who)),
        _ => "Gruß an 日本 \\ \" words".to_owned(),
    });
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.join(" on "))
}

/// The same for Azure's.
fn azure_text() -> impl Strategy<Value = String> {
    let part = (who(), 0..8_usize).prop_map(|(who, dress)| match dress {
        0 => format!(
            "/subscriptions/{}/resourceGroups/{}-rg",
            subscription(who),
            CUSTOMERS[who]
        ),
        1 => format!("/SUBSCRIPTIONS/{}", subscription(who).to_uppercase()),
        2 => directory(who),
        3 => format!("({})", object(who)),
        4 => person(who),
        5 => address(who),
        6 => format!("/tenants/{}/providers/Microsoft.aadiam", directory(who)),
        _ => "Gruß an 日本 \\ \" words".to_owned(),
    });
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.join(" on "))
}

/// Any JSON with such text in it.
fn tree(text: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 10, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..3)
                .prop_map(|entries| entries.into_iter().collect::<Value>()),
        ]
    })
}

/// A record, whose calls it is, and the fields that are clear to the caller.
type Record = (SourceType, Value, Option<String>, usize);

fn gcp() -> impl Strategy<Value = Record> {
    (
        (who(), who(), who(), any::<[bool; 3]>()),
        (google_text(), google_text(), google_text()),
        (tree(google_text().boxed()), tree(google_text().boxed()), tree(google_text().boxed())),
    )
        .prop_map(|((owner, caller, lender, have), (name, error, label), (request, answer, other))| {
            let delegated = json!([
                {"firstPartyPrincipal": {"principalEmail": robot(lender)}},
                {"principalSubject": format!("user:{}", person(lender))}
            ]);
            let record = json!({
                "logName": format!("projects/{}/logs/cloudaudit.googleapis.com%2Factivity", project(owner)),
                "insertId": "i", "timestamp": "2026-03-01T10:00:00Z",
                "resource": {"type": "x", "labels": {
                    "project_id": project(owner), "bucket_name": bucket(owner), "more": label
                }},
                "operation": {"id": format!("op of projects/{}", project(owner))},
                "labels": other, "httpRequest": other, "somethingNew": other,
                "protoPayload": {
                    "methodName": "storage.objects.get", "serviceName": "storage.googleapis.com",
                    "resourceName": if have[0] { format!("projects/_/buckets/{}/objects/{name}", bucket(owner)) } else { name.clone() },
                    "authenticationInfo": {
                        "principalEmail": robot(caller),
                        "principalSubject": format!("serviceAccount:{}", robot(caller)),
                        "serviceAccountDelegationInfo": if have[1] { delegated } else { Value::Null },
                        "thirdPartyPrincipal": other
                    },
                    "authorizationInfo": [{"permission": "p", "granted": true, "resource": name,
                        "resourceAttributes": {"name": error}}],
                    "requestMetadata": {
                        "callerIp": if have[2] { address(caller) } else { "private".into() },
                        "callerSuppliedUserAgent": error, "callerNetwork": name
                    },
                    "request": request, "response": answer, "metadata": {"x": label},
                    "status": {"code": 7, "message": error}
                }
            });
            (SourceType::GcpAudit, record, None, caller)
        })
}

fn azure() -> impl Strategy<Value = Record> {
    (
        (who(), who(), any::<[bool; 3]>()),
        (azure_text(), azure_text()),
        (tree(azure_text().boxed()), tree(azure_text().boxed())),
    )
        .prop_map(|((owner, caller, have), (text, scope), (request, other))| {
            let mut properties = json!({"requestbody": request.to_string(), "message": text, "entity": other});
            if have[0] {
                properties = json!(properties.to_string());
            }
            let record = json!({
                "time": "2026-03-01T10:00:00Z", "eventDataId": "e", "description": text,
                "resourceId": format!("/subscriptions/{}/resourceGroups/{}-rg", subscription(owner), CUSTOMERS[owner]),
                "tenantId": directory(owner), "operationName": "a/b/write",
                "resourceGroupName": if have[1] { json!({"x": text}) } else { Value::Null },
                "caller": person(caller), "callerIpAddress": address(caller),
                "claims": {
                    "http://schemas.microsoft.com/identity/claims/tenantid": directory(caller),
                    "http://schemas.microsoft.com/identity/claims/objectidentifier": object(caller),
                    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": person(caller),
                    "name": format!("{} the first", CUSTOMERS[caller]), "aio": other
                },
                "authorization": {"scope": scope, "action": "a", "evidence": other},
                "httpRequest": {"clientIpAddress": if have[2] { address(caller) } else { "x".into() }, "method": "PUT"},
                "properties": properties, "somethingNew": other
            });
            (SourceType::AzureActivity, record, None, caller)
        })
}

fn signin() -> impl Strategy<Value = Record> {
    (
        (who(), who(), who(), any::<bool>()),
        azure_text(),
        (tree(azure_text().boxed()), tree(azure_text().boxed())),
    )
        .prop_map(|((host, home, owner, text_inside), text, (targets, other))| {
            let name = format!("{} the first", CUSTOMERS[home]);
            let mut properties = json!({
                "id": "s", "homeTenantId": directory(home), "resourceTenantId": directory(owner),
                "userPrincipalName": person(home), "userId": object(home), "userDisplayName": name,
                "ipAddress": address(home), "status": {"errorCode": 1, "failureReason": format!("{text} by {name}")},
                "appDisplayName": text, "targetResources": [targets], "additionalDetails": other,
                "deviceDetail": other, "initiatedBy": {"user": {"homeTenantId": directory(home)}, "app": other}
            });
            if text_inside {
                properties = json!(properties.to_string());
            }
            let record = json!({
                "time": "2026-03-01T10:00:00Z", "category": "SignInLogs", "identity": name,
                "operationName": "Sign-in activity", "tenantId": directory(host),
                "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", directory(host)),
                "callerIpAddress": address(home), "properties": properties, "somethingNew": other
            });
            (SourceType::AzureSignIn, record, None, home)
        })
}

fn k8s() -> impl Strategy<Value = Record> {
    (who(), who(), tree(azure_text().boxed())).prop_map(|(cluster, runner, other)| {
        let event = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a", "verb": "get",
            "user": {"username": person(cluster), "extra": other},
            "sourceIPs": [address(cluster)], "requestURI": format!("/of/{}", CUSTOMERS[cluster]),
            "objectRef": {"resource": "pods", "name": CUSTOMERS[cluster]},
            "requestObject": other, "annotations": other
        });
        let record = json!({
            "category": "kube-audit",
            "resourceId": format!("/subscriptions/{}/resourceGroups/{}-rg", subscription(runner), CUSTOMERS[runner]),
            "properties": {"log": event.to_string(), "pod": other}, "somethingNew": other
        });
        let context = Some(format!("k8s:{}", CUSTOMERS[cluster]));
        (SourceType::K8sAudit, record, context, cluster)
    })
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![gcp(), azure(), signin(), k8s()]
}

/// A world of those customers whom `have` says.
fn world_of(have: [bool; 4]) -> World {
    let mut out = World::default().range(ADDRESSES);
    for who in (0..CUSTOMERS.len()).filter(|who| have[*who]) {
        let ids = accounts(who);
        let list: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), CUSTOMERS[who])).collect();
        out.accounts.extend(world(&list).accounts);
        out = out.address(&address(who), CUSTOMERS[who]);
    }
    out
}

/// All that a row shows to somebody who sent nothing of it. The tenant's own name stands in
/// no row.
fn shown(row: &EventRow) -> String {
    format!("{row:?} {}", row.raw).to_lowercase()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_view_shows_nobody_else((source, record, context, caller) in record(), have in any::<[bool; 4]>()) {
        let text = record.to_string();
        let seen = see(source, &world_of(have), &text, context.as_deref()).unwrap();
        for (tenant, row) in &seen.views {
            let viewer = CUSTOMERS.iter().position(|one| one == tenant).unwrap();
            if !row.shared {
                prop_assert_eq!(&row.raw, &text);
                continue;
            }
            // What the caller sent is its own, whoever is named in it.
            if viewer == caller {
                continue;
            }
            let all = shown(row);
            for other in (0..CUSTOMERS.len()).filter(|other| *other != viewer) {
                for mark in marks(other) {
                    prop_assert!(!all.contains(&mark), "{tenant} sees {mark} in {all}");
                }
            }
        }
    }

    #[test]
    fn a_caller_sees_no_owner((source, record, context, caller) in prop_oneof![azure(), signin()], have in any::<[bool; 4]>()) {
        let text = record.to_string();
        let seen = see(source, &world_of(have), &text, context.as_deref()).unwrap();
        let Some(row) = row_of(&seen, CUSTOMERS[caller]) else { return Ok(()) };
        if !row.shared {
            return Ok(());
        }
        let view: Value = serde_json::from_str(&row.raw).unwrap();
        for field in ["resourceId", "tenantId"] {
            let all = view[field].to_string().to_lowercase();
            for other in (0..CUSTOMERS.len()).filter(|other| *other != caller) {
                for mark in marks(other) {
                    prop_assert!(!all.contains(&mark), "{mark} in {all}");
                }
            }
        }
    }

    #[test]
    fn another_registration_changes_no_byte((source, record, context, _) in record(), have in any::<[bool; 4]>(), other in who()) {
        let text = record.to_string();
        let (mut without, mut with) = (have, have);
        without[other] = false;
        with[other] = true;
        let before = see(source, &world_of(without), &text, context.as_deref()).unwrap();
        let after = see(source, &world_of(with), &text, context.as_deref()).unwrap();
        for (tenant, row) in &before.views {
            prop_assert_eq!(Some(row), row_of(&after, tenant));
        }
        for id in accounts(other) {
            prop_assert!(!after.unknown_parties.contains(&id));
        }
    }

    #[test]
    fn views_keep_the_records_shape((source, record, context, _) in record()) {
        let text = record.to_string();
        let seen = see(source, &world_of([true; 4]), &text, context.as_deref()).unwrap();
        for (_, row) in &seen.views {
            let view: Value = serde_json::from_str(&row.raw).unwrap();
            let (before, after) = (record.as_object().unwrap(), view.as_object().unwrap());
            prop_assert!(before.keys().eq(after.keys()));
            for (key, value) in before {
                prop_assert!(!value.is_string() || after[key].is_string() || after[key].is_object());
            }
        }
    }

    #[test]
    fn torn_records_never_panic((source, record, context, _) in record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = record.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = attribute(source, &bytes, context.as_deref(), OBSERVED, &world_of([true; 4]), &Keys);
    }

    #[test]
    fn any_bytes_and_context_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), context in "\\PC{0,20}",
        source in select(vec![SourceType::GcpAudit, SourceType::AzureActivity, SourceType::AzureSignIn, SourceType::K8sAudit])) {
        let _ = attribute(source, &bytes, Some(&context), OBSERVED, &world_of([true; 4]), &Keys);
    }
}

#[test]
fn many_strangers_are_not_told_apart_but_withheld() {
    let topics: Vec<String> = (0..600)
        .map(|n| format!("projects/stranger-{n}/topics/t and stranger-{n}"))
        .collect();
    let record = json!({
        "logName": "projects/annabel-prod/logs/cloudaudit.googleapis.com%2Factivity",
        "protoPayload": {
            "methodName": "x", "authenticationInfo": {"principalEmail": robot(1)},
            "request": {"topics": topics}
        }
    });
    let seen = see(
        SourceType::GcpAudit,
        &world_of([true, false, false, false]),
        &record.to_string(),
        None,
    )
    .unwrap();
    let row = row_of(&seen, "annabel").unwrap();
    assert!(!row.raw.contains("stranger-"), "{}", row.raw);
    assert!(row.raw.contains("cordon:withheld:FOREIGN_CONTENT"));
    assert_eq!(row.operation, "x");
}
