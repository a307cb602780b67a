//! What splitting, checking and rendering cost: `cargo bench -p cordon-views --bench render`.
//!
//! Reads CloudTrail records, one a line, from the file that `CORDON_BENCH_RECORDS` names,
//! or makes a set of its own. Prints the best of several passes, since what disturbs a
//! pass only ever makes it slower.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;

use cordon_views::render::write_ocsf;
use cordon_views::split::{check_record, split};
use cordon_views::{Directory, EventRow, Kind, Names, SourceType, attribute, render_ocsf};

/// One tenant owns every account and no address.
struct Whole;

impl Directory for Whole {
    type Tenant = u32;

    fn account(&self, _: &str, _: i64) -> Option<u32> {
        Some(1)
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

impl Names for Whole {
    type Tenant = u32;

    fn pseudonym(&self, _: &u32, kind: Kind, value: &str) -> String {
        format!(
            "{}~{}",
            kind.prefix(),
            &blake3::hash(value.as_bytes()).to_hex()[..26]
        )
    }

    fn event_name(&self, _: &u32, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().as_bytes()[..16].try_into().unwrap()
    }
}

fn made_up() -> Vec<String> {
    (0..1_000)
        .map(|n| {
            format!(
                r#"{{"eventVersion":"1.08","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE{n:03}:s","arn":"arn:aws:sts::111111111111:assumed-role/ops/s{n}","accountId":"111111111111","accessKeyId":"ASIAEXAMPLEEXAMPLE{n:02}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE{n:03}","arn":"arn:aws:iam::111111111111:role/ops","accountId":"111111111111","userName":"ops"}},"attributes":{{"creationDate":"2024-03-01T10:59:00Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2024-03-01T11:05:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.{}","userAgent":"[aws-cli/2.15]","requestParameters":{{"bucketName":"ledger","key":"{n}.csv"}},"responseElements":null,"requestID":"R{n}","eventID":"11111111-2222-3333-4444-{n:012}","readOnly":true,"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::ledger/{n}.csv"}},{{"accountId":"111111111111","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::ledger"}}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111111111111","eventCategory":"Data"}}"#,
                n % 250
            )
        })
        .collect()
}

fn measure(what: &str, count: usize, mut pass: impl FnMut()) {
    let mut best = u128::MAX;
    for _ in 0..25 {
        let start = Instant::now();
        pass();
        best = best.min(start.elapsed().as_nanos());
    }
    println!("{what:<34} {:>8} ns each", best / count as u128);
}

fn main() {
    let records: Vec<String> = match std::env::var_os("CORDON_BENCH_RECORDS") {
        Some(path) => std::fs::read_to_string(path)
            .unwrap()
            .lines()
            .take(1_000)
            .map(str::to_owned)
            .collect(),
        None => made_up(),
    };
    let count = records.len();
    let bytes = records.iter().map(String::len).sum::<usize>() / count;
    println!("{count} CloudTrail records of {bytes} bytes");
    let lines = records.join("\n").into_bytes();
    let list = format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes();
    let trail = SourceType::AwsCloudTrail;
    measure("split, one a line", count, || {
        black_box(split(trail, black_box(&lines)).count());
    });
    measure("split, {\"Records\":[…]}", count, || {
        black_box(split(trail, black_box(&list)).count());
    });
    measure("check one by one", count, || {
        for record in &records {
            let _ = black_box(check_record(trail, record.as_bytes(), None));
        }
    });
    let rows: Vec<EventRow> = records
        .iter()
        .flat_map(|one| {
            let seen = attribute(trail, one.as_bytes(), None, 1, &Whole, &Whole);
            seen.unwrap().views.into_iter().map(|(_, row)| row)
        })
        .collect();
    rendering("CloudTrail", &rows);

    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
        packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type \
        pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id \
        pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path";
    let line = "5 111111111111 eni-0a1 198.51.100.7 198.51.100.99 40000 443 6 12 3400 \
        1700000000 1700000060 ACCEPT OK vpc-0b2 subnet-0c3 i-0d4 2 IPv4 198.51.100.7 \
        198.51.100.99 eu-west-1 euw1-az2 - - - S3 ingress 8";
    let flow = SourceType::AwsVpcFlow;
    measure("attribute a flow of version 5", 1_000, || {
        for _ in 0..1_000 {
            let seen = attribute(flow, line.as_bytes(), Some(header), 1, &Whole, &Whole);
            let _ = black_box(seen);
        }
    });
    let seen = attribute(flow, line.as_bytes(), Some(header), 1, &Whole, &Whole).unwrap();
    let rows: Vec<EventRow> = seen.views.into_iter().map(|(_, row)| row).collect();
    rendering("flow of version 5", &rows);
}

fn rendering(what: &str, rows: &[EventRow]) {
    measure(&format!("write {what}"), rows.len(), || {
        for row in rows {
            let mut out = String::with_capacity(4_096);
            write_ocsf(&row.as_ref(), &mut out);
            black_box(out);
        }
    });
    measure(&format!("render {what} to a tree"), rows.len(), || {
        for row in rows {
            black_box(render_ocsf(&row.as_ref()));
        }
    });
}
