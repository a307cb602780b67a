//! Published CloudTrail records. They are read at run time and stay where they are; where
//! they are absent the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use cordon_views::SourceType;
use cordon_views::split::split;
use serde_json::{Value, json};
use support::{OBSERVED, World, cloudtrail, row_of, shared_data};

fn data() -> Option<PathBuf> {
    let data = shared_data();
    if data.is_none() {
        eprintln!("skipped: the shared data sets are not here");
    }
    data
}

/// The records of every file below a folder.
fn records(folder: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            out.extend(records(&path));
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        match ending {
            Some("gz") if name.contains(".json") && name != "events.json.gz" => {
                let mut plain = Vec::new();
                flate2::read::MultiGzDecoder::new(&bytes[..])
                    .read_to_end(&mut plain)
                    .unwrap();
                bytes = plain;
            }
            Some("json" | "jsonl") if name != "not-json.jsonl" => {}
            _ => continue,
        }
        for item in split(SourceType::AwsCloudTrail, &bytes) {
            let text = item.record.unwrap();
            // The guides' records stand in an envelope that says where they were printed.
            let value: Value = serde_json::from_str(text).unwrap();
            match value.get("event").filter(|_| value.get("block").is_some()) {
                Some(event) => out.push(event.to_string()),
                None => out.push(text.to_owned()),
            }
        }
    }
    out
}

fn field<'v>(record: &'v Value, path: &str) -> Option<&'v str> {
    record.pointer(path).and_then(Value::as_str)
}

/// The accounts that a record names as parties, told independently of the code under test.
fn parties(record: &Value) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for path in [
        "/recipientAccountId",
        "/userIdentity/accountId",
        "/userIdentity/sessionContext/sessionIssuer/accountId",
        "/vpcEndpointAccountId",
    ] {
        out.extend(field(record, path).map(str::to_owned));
    }
    for resource in record["resources"].as_array().into_iter().flatten() {
        out.extend(field(resource, "/accountId").map(str::to_owned));
    }
    if field(record, "/eventName").is_some_and(|name| name.starts_with("AssumeRole"))
        && let Some(arn) = field(record, "/requestParameters/roleArn")
    {
        out.extend(arn.split(':').nth(4).map(str::to_owned));
    }
    out.retain(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    out
}

/// A world in which each of the accounts is a tenant of its own.
fn world_of<'a>(accounts: impl IntoIterator<Item = &'a String>) -> World {
    accounts.into_iter().fold(World::default(), |world, id| {
        world.account(id, &format!("t-{id}"))
    })
}

const SETS: [&str; 5] = [
    "cloudtrail-aws-docs",
    "cloudtrail-invictus",
    "cloudtrail-otrf-s3-breach",
    "cloudtrail-stratus",
    "cloudtrail-traildiscover",
];

#[test]
fn every_published_record_reaches_its_parties_and_nobody_else() {
    let Some(data) = data() else { return };
    let mut seen_records = 0;
    for set in SETS {
        for text in records(&data.join(set)) {
            seen_records += 1;
            let record: Value = serde_json::from_str(&text).unwrap();
            let parties = parties(&record);
            let seen = cloudtrail(&world_of(&parties), &text).unwrap();
            let tenants: BTreeSet<String> = parties.iter().map(|id| format!("t-{id}")).collect();
            let viewers: BTreeSet<String> = seen
                .views
                .iter()
                .map(|(tenant, _)| tenant.clone())
                .collect();
            assert_eq!(viewers, tenants, "{text}");
            assert_eq!(seen.unknown_parties, Vec::<String>::new(), "{text}");
            for (tenant, row) in &seen.views {
                assert_eq!(row.shared, parties.len() > 1, "{text}");
                if !row.shared {
                    assert_eq!(row.raw, text);
                }
                if let Some(id) = field(&record, "/eventID") {
                    assert_eq!(row.event_id, id);
                }
                let caller = field(&record, "/userIdentity/accountId");
                if caller.map(|id| format!("t-{id}")).as_ref() == Some(tenant) {
                    continue;
                }
                // Who is not the caller finds no account but its own anywhere.
                for other in parties.iter().filter(|id| format!("t-{id}") != *tenant) {
                    let all = support::all_of(row);
                    assert!(
                        !all.contains(other.as_str()),
                        "{tenant} sees {other}: {all}"
                    );
                }
            }
        }
    }
    assert!(seen_records > 2500, "{seen_records} records");
}

#[test]
fn a_third_registration_changes_nothing_in_published_records() {
    let Some(data) = data() else { return };
    for set in SETS {
        for text in records(&data.join(set)) {
            let record: Value = serde_json::from_str(&text).unwrap();
            let parties = parties(&record);
            if parties.len() < 2 {
                continue;
            }
            let all = cloudtrail(&world_of(&parties), &text).unwrap();
            for id in &parties {
                let tenant = format!("t-{id}");
                let alone = cloudtrail(&world_of([id]), &text).unwrap();
                assert_eq!(row_of(&alone, &tenant), row_of(&all, &tenant));
            }
        }
    }
}

#[test]
fn repeated_files_repeat_names_and_no_others() {
    let Some(data) = data() else { return };
    // Copies are the same text; every other record has a name of its own.
    for (set, different) in [
        ("cloudtrail-traildiscover", 198),
        ("cloudtrail-otrf-s3-breach", 103),
    ] {
        let mut names: BTreeMap<[u8; 16], String> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for text in records(&data.join(set)) {
            let record: Value = serde_json::from_str(&text).unwrap();
            let seen = cloudtrail(&world_of(&parties(&record)), &text).unwrap();
            for (_, row) in seen.views {
                ids.insert(row.event_id.clone());
                let first = names
                    .entry(row.name)
                    .or_insert_with(|| row.event_id.clone());
                assert_eq!(*first, row.event_id);
            }
        }
        assert_eq!(ids.len(), different, "{set}");
        assert_eq!(names.len(), different, "{set}: no id has two contents");
    }
}

#[test]
fn accounts_in_error_texts_are_no_parties() {
    let Some(data) = data() else { return };
    // Its publisher redacted the account everywhere but in the error texts.
    let mut mentioned = 0;
    for text in records(&data.join("cloudtrail-traildiscover")) {
        let world = World::default().account("192374575148", "mentioned");
        let seen = cloudtrail(&world, &text).unwrap();
        assert_eq!(seen.views, [], "{text}");
        mentioned += usize::from(text.contains("192374575148"));
    }
    assert!(mentioned > 0);
}

#[test]
fn records_without_event_time_have_the_time_that_their_pipeline_gave_them() {
    let Some(data) = data() else { return };
    for text in records(&data.join("cloudtrail-otrf-s3-breach")) {
        let record: Value = serde_json::from_str(&text).unwrap();
        let seen = cloudtrail(&world_of(&parties(&record)), &text).unwrap();
        for (_, row) in seen.views {
            assert!(!row.time_invalid && row.time_ns < OBSERVED, "{text}");
        }
    }
}

#[test]
fn the_guides_assumed_role_is_one_event_for_each_side() {
    let Some(data) = data() else { return };
    let pair: Vec<String> = records(&data.join("cloudtrail-aws-docs"))
        .into_iter()
        .filter(|text| text.contains("bEXAMPLE-efea-4a70-b951-19a88EXAMPLE"))
        .collect();
    assert_eq!(pair.len(), 2);
    let world = World::default()
        .account("111122223333", "owner")
        .account("777788889999", "caller");
    for tenant in ["owner", "caller"] {
        let rows: Vec<_> = pair
            .iter()
            .map(|text| {
                row_of(&cloudtrail(&world, text).unwrap(), tenant)
                    .unwrap()
                    .clone()
            })
            .collect();
        assert_ne!(
            rows[0].supersedes(&rows[1]),
            rows[1].supersedes(&rows[0]),
            "{tenant} keeps one of them"
        );
        if tenant == "owner" {
            for row in &rows {
                let all = support::all_of(row);
                for foreign in ["777788889999", "JohnDoe"] {
                    assert!(!all.contains(foreign), "{foreign}: {all}");
                }
                assert!(row.raw.contains("arn:aws:iam::111122223333:role/EC2-dev"));
            }
        }
    }
}

#[test]
fn strangers_on_a_honey_bucket() {
    let Some(data) = data() else { return };
    let file = data.join("cloudtrail-otrf-honeybucket/AWS_S3_HoneyBucketLogs.csv");
    let text = fs::read_to_string(file).unwrap();
    let world = World::default().account("999999999999", "owner");
    let (mut anonymous, mut named) = (0, 0);
    let mut faces: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        // The two quoted columns are Python; their quotes are the only difference.
        let mut quoted = line.split('"');
        let head: Vec<&str> = quoted.next().unwrap().split(',').collect();
        let identity = quoted.next().unwrap().replace('\'', "\"");
        let Ok(identity) = serde_json::from_str::<Value>(&identity) else {
            continue;
        };
        let request = quoted.nth(1).unwrap().replace('\'', "\"");
        let request: Value = serde_json::from_str(&request).unwrap_or_default();
        let tail: Vec<&str> = quoted.next().unwrap().split(',').collect();
        let caller = identity["accountId"].as_str().unwrap().to_owned();
        let record = json!({
            "eventSource": "s3.amazonaws.com", "eventName": head[1], "eventID": tail[2],
            "eventTime": tail[3], "sourceIPAddress": tail[5], "userIdentity": identity,
            "requestParameters": request, "recipientAccountId": "999999999999",
            "resources": [{"accountId": "999999999999", "type": "AWS::S3::Bucket",
                "ARN": "arn:aws:s3:::microsoft-devtest"}],
        })
        .to_string();
        let seen = cloudtrail(&world, &record).unwrap();
        let row = row_of(&seen, "owner").unwrap();
        assert!(!row.time_invalid && row.src_ip.is_some(), "{record}");
        assert!(row.raw.contains("microsoft-devtest"));
        if caller == "ANONYMOUS_PRINCIPAL" {
            anonymous += 1;
            assert_eq!(row.raw, record);
        } else {
            named += 1;
            assert!(
                row.shared && !support::all_of(row).contains(&caller),
                "{}",
                row.raw
            );
            let view: Value = serde_json::from_str(&row.raw).unwrap();
            let face = view["userIdentity"]["accountId"].as_str().unwrap();
            faces.entry(caller).or_default().insert(face.to_owned());
        }
    }
    assert!(anonymous > 150 && named == 10, "{anonymous} and {named}");
    assert!(faces.values().all(|faces| faces.len() == 1));
}

#[test]
fn scrubbed_and_typed_records_of_detection_tests_are_read() {
    let Some(data) = data() else { return };
    let path = data.join("labelled-panther/aws_cloudtrail.jsonl.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let mut count = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let seen = cloudtrail(&World::default(), &line["log"].to_string()).unwrap();
        assert_eq!(seen.views, []);
        count += 1;
    }
    assert_eq!(count, 286);
}
