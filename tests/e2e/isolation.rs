//! Non-interference: two worlds that differ only in what others have and do look the same to a
//! tenant, over every method.
//!
//! Two installations have different keys and clocks, so names, pseudonyms, hashes, ids and the
//! server's own times are blanked before the comparison; everything else must be equal.

use std::collections::BTreeMap;

use cordon_client::Holder;
use prost_reflect::MethodDescriptor;
use serde_json::json;

use crate::harness::{Call, Raw, World, json as to_json, methods, request, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";
const C: &str = "aws:300000000003";

/// What tenant `initech` asks, method by method. A method that is not here fails the test.
fn questions() -> BTreeMap<&'static str, Vec<String>> {
    let tenant = || json!({ "name": "tenants/initech" }).to_string();
    let parent = || json!({ "parent": "tenants/initech" }).to_string();
    let nothing = || "{}".to_owned();
    let filtered =
        |filter: &str| json!({ "parent": "tenants/initech", "filter": filter }).to_string();
    BTreeMap::from([
        ("IssueToken", vec![]),
        ("RenewCredential", vec![]),
        ("GetSigningKeys", vec![nothing()]),
        ("WhoAmI", vec![nothing()]),
        ("CreateTenant", vec![json!({ "tenantId": "hooli" }).to_string(), json!({ "tenantId": "unheard" }).to_string()]),
        ("GetTenant", vec![tenant(), json!({ "name": "tenants/hooli" }).to_string()]),
        ("ListTenants", vec![nothing()]),
        ("SuspendTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("ResumeTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("DeleteTenant", vec![json!({ "name": "tenants/hooli" }).to_string()]),
        ("CreateAccount", vec![json!({ "parent": "tenants/initech", "accountId": B }).to_string()]),
        ("ListAccounts", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("DeleteAccount", vec![json!({ "name": format!("tenants/hooli/accounts/{B}") }).to_string()]),
        ("ImportResources", vec![parent()]),
        ("ListResources", vec![parent()]),
        ("DeleteResource", vec![json!({ "name": "tenants/hooli/resources/01920000-0000-7000-8000-000000000001" }).to_string()]),
        ("CreateAddressRange", vec![json!({ "addressRange": { "cidr": "10.0.0.0/8" } }).to_string()]),
        ("ListAddressRanges", vec![nothing()]),
        ("DeleteAddressRange", vec![json!({ "name": "addressRanges/01920000-0000-7000-8000-000000000001" }).to_string()]),
        ("CreateSource", vec![json!({ "sourceId": "mine" }).to_string()]),
        ("ListSources", vec![nothing()]),
        ("DeleteSource", vec![json!({ "name": "sources/aws-cloudtrail" }).to_string()]),
        ("IssueCredential", vec![json!({ "parent": "tenants/hooli" }).to_string()]),
        ("ListCredentials", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("RevokeCredential", vec![json!({ "name": "tenants/hooli/credentials/01920000000070008000000000000001" }).to_string()]),
        ("IngestEvents", vec![json!({ "source": "sources/aws-cloudtrail", "sourceType": "aws.cloudtrail", "batchId": "x" }).to_string()]),
        ("ReportWatermark", vec![json!({ "source": "sources/aws-cloudtrail" }).to_string()]),
        (
            "SearchEvents",
            ["", "shared", "status = 'Failure'", "actor LIKE '%hooli%' OR raw LIKE '%200000000002%'", "nonsense"]
                .into_iter()
                .flat_map(|filter| {
                    ["EVENT_VIEW_OCSF", "EVENT_VIEW_RAW", "EVENT_VIEW_COLUMNS"].map(|view| {
                        json!({ "parent": "tenants/initech", "filter": filter, "view": view, "pageSize": 1000 }).to_string()
                    })
                })
                .collect(),
        ),
        ("WatchEvents", vec![json!({ "parent": "tenants/initech", "cursor": "0", "view": "EVENT_VIEW_COLUMNS" }).to_string()]),
        ("GetEvent", vec![json!({ "name": format!("tenants/initech/events/{}", "0".repeat(32)) }).to_string()]),
        ("ExplainEvent", vec![json!({ "name": format!("tenants/hooli/events/{}", "0".repeat(32)) }).to_string()]),
        ("ExportEvents", vec![json!({ "parent": "tenants/initech", "format": "EXPORT_FORMAT_NDJSON" }).to_string()]),
        ("CountEvents", vec![parent(), json!({ "parent": "tenants/initech", "groupBy": ["actor", "shared", "account"] }).to_string(), filtered("shared")]),
        ("ListDeadLetters", vec![json!({ "parent": "sources/aws-cloudtrail" }).to_string()]),
        ("ReplayDeadLetters", vec![json!({ "parent": "sources/aws-cloudtrail" }).to_string()]),
        ("ListAuditEntries", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
    ])
}

/// What concerns initech: the same in both worlds.
async fn what_concerns_initech(world: &World) {
    // At different times: of events at one time the order is by names, which differ between
    // installations.
    let call = |id: &str, time: &str, caller: &str, recipient: &str| {
        let parameters = json!({ "by": caller });
        let operation = "RunInstances";
        trail(&Call {
            id,
            caller,
            recipient,
            operation,
            time,
            parameters,
        })
    };
    let records = [
        call("own", "2026-03-01T10:00:00Z", A, A),
        call("from-b", "2026-03-01T10:00:01Z", B, A),
        call("to-b", "2026-03-01T10:00:02Z", A, B),
        call("from-c", "2026-03-01T10:00:03Z", C, A),
    ];
    world.send("aws.cloudtrail", "concerning", &records).await;
}

/// What others have and do.
async fn others(world: &World, when: &str) {
    if when == "before" {
        world.tenant("hooli", &[B]).await;
        world.tenant("umbrella", &[]).await;
        world
            .operator
            .tenants()
            .create_source("other-source", "aws.cloudtrail", "Other")
            .await
            .unwrap();
    }
    let records: Vec<String> = (0..40)
        .map(|n| {
            trail(&Call {
                id: &format!("{when}-{n}"),
                ..Call::own("", B)
            })
        })
        .collect();
    world
        .send("aws.cloudtrail", &format!("others-{when}"), &records)
        .await;
    world
        .send(
            "aws.cloudtrail",
            &format!("broken-{when}"),
            &["not json".to_owned()],
        )
        .await;
    let other = world.member("hooli", "reader").await;
    crate::harness::raw(&other, "status = 'Success'").await;
    if when == "after" {
        world.account("umbrella", C).await;
        world
            .operator
            .tenants()
            .suspend_tenant("umbrella", "a test", "")
            .await
            .unwrap();
    }
}

/// Whether a word is a time that the server took from its clock: later than all events here, in
/// milliseconds or as RFC 3339.
fn is_servers_time(word: &str) -> bool {
    let word = word.trim_matches([':', '.', '+']);
    let millis = word.len() == 13 && word.parse::<u64>().is_ok_and(|ms| ms > 1_772_500_000_000);
    millis || (word.len() >= 20 && word.starts_with("20") && word > "2026-04")
}

/// Whether a quoted text is a key in PEM or bytes in base64, as hashes of the audit log are. Both may
/// hold slashes, which end a word.
fn is_bytes(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|b| kind(&b));
    let base64 = text.len() >= 26
        && text.len().is_multiple_of(4)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        // One in 1,500 hashes has no digit; they are of one length.
        && (has(u8::is_ascii_digit) || text.len() == 44 && text.ends_with('='));
    base64 || text.starts_with("-----BEGIN ")
}

/// Blanks what keys, clocks and randomness decide.
fn blank(text: &str) -> String {
    let quoted = text
        .split('"')
        .map(|part| if is_bytes(part) { "<bytes>" } else { part });
    blank_words(&quoted.collect::<Vec<_>>().join("\""))
}

fn blank_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let hex = |text: &str| {
            text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        };
        let coded = |text: &str| text.len() >= 26 && !text.contains(['.', ':', '/']);
        if hex(word) {
            out.push_str("<id>");
        } else if let Some((kind, _)) = word.split_once('~') {
            out.push_str(kind);
            out.push_str("~<pseudonym>");
        } else if is_servers_time(word) {
            out.push_str("<time>");
        } else if coded(word) {
            out.push_str("<coded>");
        } else {
            out.push_str(word);
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-_~:.+=".contains(c) {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}

/// All that a role of initech's can observe, method by method.
async fn observe(world: &World, role: &str) -> Vec<(String, String)> {
    let raw = Raw::member(&world.issue(Holder::Tenant("initech".into()), role).await).await;
    let questions = questions();
    let mut seen = Vec::new();
    let mut ask = |method: &MethodDescriptor,
                   question: &str,
                   answer: Result<Vec<bytes::Bytes>, tonic::Status>| {
        let said = match answer {
            Ok(answers) => answers
                .iter()
                .map(|answer| to_json(method, answer))
                .collect::<Vec<_>>()
                .join("\n"),
            Err(status) => format!(
                "{:?} {} {}",
                status.code(),
                status.message(),
                String::from_utf8_lossy(status.details())
            ),
        };
        seen.push((
            format!("{role} {} {question}", method.full_name()),
            blank(&said),
        ));
    };
    for method in methods() {
        let all = questions
            .get(method.name())
            .unwrap_or_else(|| panic!("{} takes no part", method.full_name()));
        for question in all {
            let answer = raw.call(&method, request(&method, question)).await;
            ask(&method, question, answer);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_and_do_changes_nothing() {
    let (alone, among) = (World::new().await, World::new().await);
    others(&among, "before").await;
    for world in [&alone, &among] {
        world.tenant("initech", &[A]).await;
        what_concerns_initech(world).await;
    }
    others(&among, "after").await;
    for role in ["reader", "responder", "admin"] {
        let (one, two) = (observe(&alone, role).await, observe(&among, role).await);
        assert_eq!(one.len(), two.len());
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one, two);
        }
    }
}
