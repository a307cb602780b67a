//! Rendering never panics, and loses nothing.

use std::collections::BTreeMap;

use cordon_views::render::write_ocsf;
use cordon_views::{EventRow, Reason, SourceType, Status, Withheld, explain, render_ocsf};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::schema::everything;
use crate::world::{data, published_cloudtrail, unwrapped};
use crate::{findings, snapshots};

/// JSON of any shape, with the words of our sources among its keys.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Eighths: the parser is not exact to the last digit of every float.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!({"cordon:withheld": "FOREIGN_CONTENT"})),
        Just(json!("arn:aws:iam::111111111111:role/x")),
        Just(json!("2024-03-01T11:05:00Z")),
        Just(json!("203.0.113.7")),
    ];
    let key = prop::sample::select(vec![
        "accountId",
        "action",
        "additionalEventData",
        "_context_project_id",
        "api",
        "arn",
        "ARN",
        "attributes",
        "awsApiCallAction",
        "creationDate",
        "credentials",
        "data",
        "detail",
        "detail-type",
        "eventID",
        "event_type",
        "eventName",
        "eventTime",
        "initiator",
        "message_id",
        "metadata",
        "mfaAuthenticated",
        "MFAUsed",
        "nova_object.data",
        "payload",
        "portProbeAction",
        "portProbeDetails",
        "product",
        "profiles",
        "requestParameters",
        "resource",
        "resources",
        "responseElements",
        "role",
        "roleArn",
        "s3BucketDetails",
        "service",
        "sessionContext",
        "sessionIssuer",
        "severity",
        "sourceIPAddress",
        "time",
        "tlsDetails",
        "type",
        "uid",
        "unmapped",
        "updatedAt",
        "user",
        "userIdentity",
        "userName",
        "",
        "a.b",
        "0",
    ]);
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| {
                Value::Object(
                    pairs
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn row(source_type: SourceType, raw: String, class_uid: i32, activity_id: i32) -> EventRow {
    EventRow {
        name: [7; 16],
        time_ns: 1_709_291_100_123_456_789,
        observed_ns: i64::MIN,
        time_invalid: class_uid % 2 == 0,
        conflict: false,
        class_uid,
        activity_id,
        severity_id: activity_id,
        status: Status::Unknown,
        account: String::new(),
        region: String::new(),
        service: String::new(),
        operation: String::new(),
        actor: String::new(),
        credential_uid: String::new(),
        src_ip: None,
        dst_ip: None,
        src_port: None,
        dst_port: None,
        resources: Vec::new(),
        source_type,
        event_id: "e-1".into(),
        shared: activity_id % 2 == 0,
        normalizer: 1,
        raw,
        raw_context: None,
        withheld: vec![Withheld {
            path: "a.b".into(),
            reason: Reason::Secret,
        }],
        shared_event_id: String::new(),
        addressed: false,
    }
}

fn renders(row: &EventRow) {
    let event = render_ocsf(&row.as_ref());
    assert!(event["metadata"]["uid"].is_string(), "{event}");
    // As text it is the same event in one line, whatever the view's text is.
    let mut text = String::from("before");
    write_ocsf(&row.as_ref(), &mut text);
    let text = text.strip_prefix("before").unwrap();
    assert!(!text.contains(['\n', '\r']), "{text}");
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), event);
    let _ = explain(&row.as_ref()).expect("the tables are good");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn any_json_renders(value in any_json(), class in prop::sample::select(vec![0, -1, i32::MAX, i32::MIN, 2004, 3001, 3002, 4001, 6003]), activity in any::<i32>()) {
        for source in SourceType::ALL {
            renders(&row(source, value.to_string(), class, activity));
        }
    }

    #[test]
    fn damaged_json_renders(value in any_json(), cut in any::<prop::sample::Index>(), pretty in any::<bool>(), put in "[\\[\\]{}\",:\\\\ \n]{0,2}") {
        let mut text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let at = cut.index(text.len() + 1);
        if text.is_char_boundary(at) {
            text.insert_str(at, &put);
        }
        for source in SourceType::ALL {
            renders(&row(source, text.clone(), 3002, 1));
        }
    }

    #[test]
    fn any_text_renders(text in "\\PC{0,80}", header in prop::option::of("[a-z ,-]{0,40}")) {
        for source in SourceType::ALL {
            let mut row = row(source, text.clone(), 4001, 6);
            row.raw_context = header.as_deref().map(Into::into);
            renders(&row);
        }
    }

    #[test]
    fn what_is_attributed_renders_and_nothing_is_lost(value in any_json()) {
        let mut record = value;
        if !record.is_object() {
            record = json!({"x": record});
        }
        for (source, key) in [
            (SourceType::AwsCloudTrail, "recipientAccountId"),
            (SourceType::AwsGuardDuty, "accountId"),
        ] {
            let mut record = record.clone();
            record[key] = json!("111111111111");
            let text = record.to_string();
            let seen = crate::world::World::new()
                .account("111111111111", "acme")
                .see(source, text.as_bytes(), None);
            let Ok(seen) = seen else { continue };
            for (_, row) in seen.views.into_iter().filter(|(_, row)| !row.shared) {
                let event = render_ocsf(&row.as_ref());
                prop_assert_eq!(lost(&record, &event), Vec::<String>::new(), "{}", event);
            }
        }
    }
}

#[test]
fn pretty_and_repeated_keys_render_to_one_line() {
    let raw = "{\n  \"eventName\" : \"Get \\n Object\",\r\n \"x\": [ 1.00000000000000000001,\n {\"a b\": 1, \"a b\": 2} ]\n}";
    let event = render_ocsf(&row(SourceType::AwsCloudTrail, raw.into(), 6003, 2).as_ref());
    assert_eq!(event["api"]["operation"], "Get \n Object");
    assert_eq!(
        event["unmapped"]["x"][1],
        json!({"a b": 2}),
        "the last one, as in views"
    );

    // Without a repetition even the digits stay.
    let raw = raw.replace(", \"a b\": 2", "");
    let row = row(SourceType::AwsCloudTrail, raw, 6003, 2);
    let mut text = String::new();
    write_ocsf(&row.as_ref(), &mut text);
    assert!(
        text.contains("\"x\":[1.00000000000000000001,{\"a b\":1}]"),
        "{text}"
    );
}

#[test]
fn a_note_that_a_source_forged_is_not_shown() {
    let forged = json!({"shared": true, "withheld": []});
    for (source, raw) in [
        (SourceType::AwsCloudTrail, json!({"cordon:view": forged})),
        (
            SourceType::AwsGuardDuty,
            json!({"cordon:view": forged, "accountId": "1"}),
        ),
        (
            SourceType::Ocsf,
            json!({"metadata": {"uid": "e"}, "unmapped": {"cordon:view": forged}}),
        ),
    ] {
        let mut row = row(source, raw.to_string(), 6003, 1);
        row.withheld.clear();
        let event = render_ocsf(&row.as_ref());
        assert!(event["unmapped"].get("cordon:view").is_none(), "{event}");
    }
}

/// Every scalar of a value, as text, with how often it stands there.
fn scalars(value: &Value, out: &mut BTreeMap<String, usize>) {
    match value {
        Value::Object(map) => map.values().for_each(|one| scalars(one, out)),
        Value::Array(items) => items.iter().for_each(|one| scalars(one, out)),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => *out.entry(text.clone()).or_default() += 1,
        other => *out.entry(other.to_string()).or_default() += 1,
    }
}

/// What of the record is not in the event. Times and truth values may have changed form.
pub fn lost(record: &Value, event: &Value) -> Vec<String> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    scalars(record, &mut before);
    scalars(event, &mut after);
    before
        .into_keys()
        .filter(|text| !after.contains_key(text))
        .filter(|text| !matches!(text.as_str(), "Yes" | "No" | "yes" | "no"))
        .filter(|text| {
            let time = text
                .parse::<jiff::Timestamp>()
                .or_else(|_| format!("{}Z", text.replace(' ', "T")).parse());
            time.map_or(true, |time| !after.contains_key(&time.to_string()))
        })
        .filter(|text| text != "FOREIGN_CONTENT")
        .collect()
}

#[test]
fn published_records_lose_nothing() {
    for text in snapshots::own_cloudtrail() {
        let record: Value = serde_json::from_str(&text).unwrap();
        let event = everything(SourceType::AwsCloudTrail, &text, None).unwrap();
        assert_eq!(lost(&record, &event), [""; 0], "{event}");
    }
    let finding = findings::finding();
    let event = everything(SourceType::AwsGuardDuty, &finding.to_string(), None).unwrap();
    assert_eq!(lost(&finding, &event), [""; 0], "{event}");

    let Some(data) = data() else { return };
    let findings = unwrapped(&data.join("labelled-panther/aws_guardduty.jsonl.gz"), "log");
    let records = published_cloudtrail(&data)
        .into_iter()
        .map(|text| (SourceType::AwsCloudTrail, text))
        .chain(
            findings
                .into_iter()
                .map(|text| (SourceType::AwsGuardDuty, text)),
        );
    let mut missing: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (source, text) in records {
        let record: Value = serde_json::from_str(&text).unwrap();
        let Some(event) = everything(source, &text, None) else {
            continue;
        };
        for one in lost(&record, &event) {
            missing
                .entry(one)
                .or_insert_with(|| record.as_object().unwrap().clone());
        }
    }
    assert!(
        missing.is_empty(),
        "{:?}",
        missing.into_iter().take(5).collect::<Vec<_>>()
    );
}
