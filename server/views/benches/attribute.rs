//! What one CloudTrail record costs: `cargo bench -p cordon-views`.
//!
//! Reads records, one a line, from the file that `CORDON_BENCH_RECORDS` names, or makes a
//! set of its own. Every account in it is a tenant, so that own records take the fast path;
//! then each record is told to a world in which somebody else owns its resources.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;

use cordon_views::{Directory, Kind, Names, SourceType, attribute, content_hash};
use serde_json::{Value, json};

struct World(HashMap<String, u32>);

impl Directory for World {
    type Tenant = u32;

    fn account(&self, id: &str, _: i64) -> Option<u32> {
        self.0.get(id).copied()
    }

    fn address(&self, _: IpAddr, _: i64) -> Option<u32> {
        None
    }

    fn resource(&self, _: &str, _: i64) -> Option<u32> {
        None
    }

    fn in_provider_range(&self, _: IpAddr) -> bool {
        false
    }
}

struct Keys([u8; 32]);

impl Names for Keys {
    type Tenant = u32;

    fn pseudonym(&self, tenant: &u32, kind: Kind, value: &str) -> String {
        let hash = blake3::keyed_hash(&self.0, format!("{tenant}{value}").as_bytes());
        format!("{}~{}", kind.prefix(), &hash.to_hex()[..26])
    }

    fn event_name(&self, tenant: &u32, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&tenant.to_le_bytes());
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().as_bytes()[..16].try_into().unwrap()
    }
}

fn made_up() -> Vec<String> {
    (0..20_000_u64)
        .map(|i| {
            let account = format!("{:012}", 100_000_000_000 + i % 50);
            json!({
                "eventVersion": "1.08",
                "userIdentity": {
                    "type": "AssumedRole", "principalId": format!("AROA{i:017}:session-{i}"),
                    "arn": format!("arn:aws:sts::{account}:assumed-role/app/session-{i}"),
                    "accountId": account, "accessKeyId": format!("ASIA{i:016}"),
                    "sessionContext": {
                        "sessionIssuer": {
                            "type": "Role", "principalId": format!("AROA{i:017}"),
                            "arn": format!("arn:aws:iam::{account}:role/app"),
                            "accountId": account, "userName": "app"
                        },
                        "attributes": {"creationDate": "2026-11-17T00:00:00Z", "mfaAuthenticated": "false"}
                    }
                },
                "eventTime": "2026-11-17T00:00:28Z",
                "eventSource": "s3.amazonaws.com",
                "eventName": "GetObject",
                "awsRegion": "eu-central-1",
                "sourceIPAddress": format!("198.51.{}.{}", i % 200, i % 250),
                "userAgent": "aws-sdk-go/1.44 (go1.20; linux; amd64)",
                "requestParameters": {"bucketName": format!("data-{account}"), "key": format!("part/{i}.parquet")},
                "responseElements": null,
                "requestID": format!("{i:016X}"),
                "eventID": format!("7a0cf1e4-5a9e-4c3a-9d5c-{i:012x}"),
                "readOnly": true,
                "resources": [
                    {"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::data-{account}/part/{i}.parquet")},
                    {"type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::data-{account}"), "accountId": account}
                ],
                "eventType": "AwsApiCall",
                "managementEvent": false,
                "recipientAccountId": account,
                "eventCategory": "Data"
            })
            .to_string()
        })
        .collect()
}

/// Nanoseconds that this thread has had of a processor, where the system tells; other
/// programs on the machine then do not count. Else nanoseconds since `start`.
fn clock(start: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| start.elapsed().as_nanos() as f64)
}

/// Times `work` over all records, five rounds, and prints the best.
/// An argument picks those whose name has it.
fn time(what: &str, records: &[String], mut work: impl FnMut(&str)) {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if wanted.is_some_and(|wanted| !what.contains(&wanted)) {
        return;
    }
    let start = Instant::now();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let before = clock(start);
        for record in records {
            work(record);
        }
        best = best.min(clock(start) - before);
    }
    let each = best / records.len() as f64;
    println!("{what:<40} {each:>8.0} ns/record");
}

fn main() {
    let records = std::env::var_os("CORDON_BENCH_RECORDS").map_or_else(made_up, |path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(str::to_owned).collect()
    });
    let bytes: usize = records.iter().map(String::len).sum();
    println!(
        "{} records of {} bytes",
        records.len(),
        bytes / records.len()
    );
    let mut own = World(HashMap::new());
    let mut shared = Vec::new();
    for record in &records {
        let mut value: Value = serde_json::from_str(record).unwrap();
        let account = value["recipientAccountId"].as_str().unwrap().to_owned();
        let number = own.0.len() as u32;
        own.0.entry(format!("aws:{account}")).or_insert(number);
        // The same event on somebody else's resource.
        value["resources"] = json!([
            {"accountId": "999999999999", "ARN": "arn:aws:iam::999999999999:role/other"}
        ]);
        shared.push(value.to_string());
    }
    let keys = Keys([7; 32]);
    let run = |record: &str, world: &World| {
        let seen = attribute(
            SourceType::AwsCloudTrail,
            record.as_bytes(),
            None,
            1,
            world,
            &keys,
        );
        black_box(seen.unwrap());
    };
    time("own record", &records, |record| run(record, &own));
    time("  of which content hash", &records, |record| {
        black_box(content_hash(record));
    });
    time("shared, one view (the caller's)", &shared, |record| {
        run(record, &own)
    });
    own.0.insert("aws:999999999999".into(), u32::MAX);
    time("shared, two views", &shared, |record| run(record, &own));
}
