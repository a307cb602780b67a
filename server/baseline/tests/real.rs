//! Published attacks, after a made-up quiet history of those who attack. They are read at run time
//! and stay where they are; where they are absent the tests say so and pass. What is pinned are
//! counts of what is found, so that a change shows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::panic
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use cordon_baseline::Outcome;
use serde_json::Value;
use support::calm::{Size, weeks};
use support::{DAY, Event, HOUR, LATER, MINUTE, SECOND, START, empty, feed, join, take};

fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CORDON_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = root.join("data").join(folder);
    if !data.is_dir() {
        eprintln!("skipped: the shared data set {folder} is not here");
        return None;
    }
    Some(data)
}

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_one = |path: &PathBuf| {
        endings
            .iter()
            .any(|end| path.to_string_lossy().ends_with(end))
    };
    let mut files: Vec<PathBuf> = entries.filter(is_one).collect();
    files.sort();
    files
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|ending| ending == "gz") {
        let mut text = String::new();
        let mut packed = flate2::read::MultiGzDecoder::new(&bytes[..]);
        packed.read_to_string(&mut text).unwrap();
        return text;
    }
    String::from_utf8(bytes).unwrap()
}

/// `2023-07-10T11:42:44Z`, with or without a fraction, in nanoseconds since 1970.
fn time(text: &str) -> i64 {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days from civil, as Howard Hinnant has it.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    days * DAY + seconds * SECOND
}

/// A CloudTrail record as the server's extraction has it.
fn event(record: &Value) -> Event {
    let at = |path: &str| {
        record
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let first = |paths: &[&str]| {
        let found = paths
            .iter()
            .map(|path| at(path))
            .find(|text| !text.is_empty());
        found.unwrap_or_default().to_owned()
    };
    let who = "/userIdentity";
    let role = at("/requestParameters/roleArn");
    let assumes = at("/eventName").starts_with("AssumeRole") && !role.is_empty();
    let bytes = [
        "/additionalEventData/bytesTransferredOut",
        "/additionalEventData/bytesTransferredIn",
    ];
    let bytes = bytes
        .iter()
        .filter_map(|path| record.pointer(path)?.as_f64());
    let resources = record.pointer("/resources").and_then(Value::as_array);
    let resources = resources.into_iter().flatten();
    let resources = resources.filter_map(|resource| resource["ARN"].as_str());
    Event {
        time_ns: time(&first(&["/eventTime", "/@timestamp"])),
        account: first(&["/recipientAccountId", "/userIdentity/accountId"]),
        region: at("/awsRegion").to_owned(),
        service: at("/eventSource").to_owned(),
        operation: at("/eventName").to_owned(),
        actor: first(&[
            &format!("{who}/arn"),
            &format!("{who}/userName"),
            &format!("{who}/principalId"),
            &format!("{who}/invokedBy"),
            &format!("{who}/accountId"),
        ]),
        failed: record.get("errorCode").is_some(),
        src_ip: at("/sourceIPAddress").parse().ok(),
        resources: resources.map(str::to_owned).collect(),
        user_agent: at("/userAgent").to_owned(),
        bytes: Some(bytes.sum::<f64>() as u64).filter(|bytes| *bytes > 0),
        role: assumes.then(|| (role.to_owned(), String::new())),
        ..Event::default()
    }
}

/// Colleagues without machines.
const COLLEAGUES: Size = Size {
    humans: 8,
    services: 3,
    jobs: 1,
    hosts: 0,
    rate: 1.5,
};

/// Five quiet weeks before an attack: colleagues, and each named principal that does a little by
/// hand every workday, from where and with what it does its first event of the attack.
fn history(attack: &[Event]) -> Vec<Event> {
    let begins = attack.first().unwrap().time_ns.div_euclid(DAY) * DAY;
    let away = begins - (START + 35 * DAY);
    let mut events = weeks(77, COLLEAGUES);
    events.iter_mut().for_each(|event| event.time_ns += away);
    let mut known = BTreeSet::new();
    let people = attack.iter().filter(|event| event.actor.contains(":user/"));
    for person in people.filter(|event| known.insert(event.actor.clone())) {
        let calls = [
            ("s3.amazonaws.com", "ListBuckets"),
            ("ec2.amazonaws.com", "DescribeInstances"),
            ("sts.amazonaws.com", "GetCallerIdentity"),
            ("iam.amazonaws.com", "ListRoles"),
        ];
        for day in (0..35).filter(|day| day % 7 < 5) {
            for n in 0..12_i64 {
                let (service, operation) = calls[((n * n + day) % 4) as usize];
                events.push(Event {
                    time_ns: begins - (35 - day) * DAY + 8 * HOUR + n * 37 * MINUTE,
                    service: service.to_owned(),
                    operation: operation.to_owned(),
                    failed: false,
                    resources: Vec::new(),
                    bytes: None,
                    role: None,
                    ..person.clone()
                });
            }
        }
    }
    support::sorted(events)
}

/// What is found of an attack after its quiet history, by kind, and how many of its events are
/// named in it.
fn found(mut attack: Vec<Event>) -> (BTreeMap<&'static str, usize>, usize) {
    attack.sort_by_key(|event| event.time_ns);
    for (n, event) in (1_u128 << 64..).zip(&mut attack) {
        event.name = n.to_le_bytes();
    }
    let mut baselines = empty();
    // What quiet weeks themselves show is the matter of another test.
    feed(&mut baselines, &history(&attack), 4_096);
    let mut outcome = Outcome::default();
    for batch in attack.chunks(100) {
        join(&mut outcome, take(&mut baselines, batch, LATER));
    }
    assert_eq!((outcome.unusable, outcome.crowded), (0, 0));
    let mut kinds = BTreeMap::new();
    let mut named: BTreeSet<[u8; 16]> = BTreeSet::new();
    for anomaly in &outcome.anomalies {
        *kinds.entry(anomaly.kind.as_str()).or_insert(0) += 1;
        named.extend(&anomaly.events);
        eprintln!(
            "{} {}: {} {}",
            anomaly.kind.as_str(),
            anomaly.subject.kind.as_str(),
            anomaly.expected.sentence,
            anomaly.seen.sentence
        );
    }
    (kinds, named.len())
}

#[test]
fn invictus() {
    let Some(folder) = data("cloudtrail-invictus") else {
        return;
    };
    let mut events = Vec::new();
    for file in files(&folder, &[".json.gz"]) {
        let log: Value = serde_json::from_str(&text(&file)).unwrap();
        events.extend(log["Records"].as_array().unwrap().iter().map(event));
    }
    assert_eq!(events.len(), 2_093);
    let (kinds, named) = found(events);
    let pinned = BTreeMap::from([
        ("first_seen_network", 4),
        ("first_seen_operation", 7),
        ("first_seen_user_agent", 6),
        ("volume", 3),
    ]);
    assert_eq!((kinds, named), (pinned, 245));
}

#[test]
fn s3_breach() {
    let Some(folder) = data("cloudtrail-otrf-s3-breach") else {
        return;
    };
    let file = files(&folder, &[".jsonl"]).remove(0);
    let lines = text(&file);
    let records = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (kinds, named) = found(records.map(|record| event(&record)).collect());
    let pinned = BTreeMap::from([
        ("first_seen_operation", 3),
        ("first_seen_user_agent", 3),
        ("volume", 1),
    ]);
    assert_eq!((kinds, named), (pinned, 48));
}

#[test]
fn stratus() {
    let Some(folder) = data("cloudtrail-stratus") else {
        return;
    };
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut techniques, mut silent) = (0, Vec::new());
    for file in files(&folder, &[".json"]) {
        let records: Value = serde_json::from_str(&text(&file)).unwrap();
        let events: Vec<Event> = records.as_array().unwrap().iter().map(event).collect();
        let (kinds, _) = found(events);
        techniques += 1;
        if kinds.is_empty() {
            silent.push(file.file_stem().unwrap().to_string_lossy().into_owned());
        }
        for (kind, count) in kinds {
            *all.entry(kind).or_default() += count;
        }
    }
    let pinned = BTreeMap::from([("first_seen_operation", 26), ("volume", 3)]);
    assert_eq!((techniques, all), (23, pinned));
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn honeybucket() {
    let Some(folder) = data("cloudtrail-otrf-honeybucket") else {
        return;
    };
    let file = files(&folder, &[".csv"]).remove(0);
    let text = text(&file);
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let heads = rows.headers().unwrap().clone();
    let mut events: Vec<Event> = Vec::new();
    for row in rows.records() {
        let row = row.unwrap();
        let field =
            |name: &str| row[heads.iter().position(|head| head == name).unwrap()].to_owned();
        // The literal's last quoted text is the account.
        let who = field("User ID");
        let account = who.rsplit('\'').nth(1).unwrap_or_default().to_owned();
        events.push(Event {
            time_ns: time(&field("Event DateTime")),
            account: "111122223333".to_owned(),
            service: "s3.amazonaws.com".to_owned(),
            operation: field("Event Name"),
            actor: account,
            src_ip: field("Source IP").parse().ok(),
            user_agent: field("Request User Agent"),
            resources: vec!["arn:aws:s3:::bucket".to_owned()],
            ..Event::default()
        });
    }
    assert_eq!(events.len(), 203);
    let (kinds, named) = found(events);
    // Strangers, whom nobody knows: only that programs are new to the tenant is told.
    let pinned = BTreeMap::from([("first_seen_user_agent", 8)]);
    assert_eq!((kinds, named), (pinned, 8));
}

#[test]
fn vpc_flow_is_too_little_to_learn_from() {
    let Some(folder) = data("vpc-flow") else {
        return;
    };
    let mut lines: Vec<String> = Vec::new();
    let guide = text(&folder.join("aws-guide-records.jsonl"));
    let of_guide = guide
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.extend(of_guide.map(|value| value["line"].as_str().unwrap().to_owned()));
    lines.extend(
        text(&folder.join("aws-v2-default.log"))
            .lines()
            .map(str::to_owned),
    );
    let sample: Value = serde_json::from_str(&text(
        &folder.join("opensearch-amazon_vpc_flow-sample.json"),
    ))
    .unwrap();
    let bodies = sample.as_array().unwrap().iter();
    lines.extend(bodies.map(|value| value["body"].as_str().unwrap().to_owned()));
    let mut flows = Vec::new();
    for line in &lines {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // The default format; the others are read by the views' own tests.
        if fields.len() != 14 || fields[0] != "2" {
            continue;
        }
        let Ok(begins) = fields[10].parse::<i64>() else {
            continue;
        };
        flows.push(Event {
            time_ns: begins * SECOND,
            account: fields[1].to_owned(),
            src_ip: fields[3].parse().ok(),
            dst_ip: fields[4].parse().ok(),
            src_port: fields[5].parse().ok(),
            dst_port: fields[6].parse().ok(),
            bytes: fields[9].parse().ok(),
            ..Event::default()
        });
    }
    assert!(flows.len() > 20, "{}", flows.len());
    let outcome = feed(&mut empty(), &support::sorted(flows), 7);
    assert_eq!((outcome.anomalies.len(), outcome.unusable), (0, 0));
}
