//! Splitting on published logs. Their content is read at run time and stays where it is;
//! where the data is absent the test says so and passes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use cordon_views::SourceType;
use cordon_views::split::split;

fn data() -> Option<PathBuf> {
    let shared = std::env::var_os("CORDON_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = shared.join("data");
    if data.is_dir() {
        Some(data)
    } else {
        eprintln!("skipped: no data at {}", data.display());
        None
    }
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|ending| ending == "gz") {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut plain)
            .unwrap();
        plain
    } else {
        bytes
    }
}

#[test]
fn published_cloudtrail_splits_into_the_records_that_are_said_to_be_in_it() {
    let Some(data) = data() else { return };
    // From the data's own README files: folder, records.
    for (folder, expected) in [
        ("cloudtrail-invictus", 2093),
        ("cloudtrail-stratus", 218),
        ("cloudtrail-otrf-s3-breach", 103),
        ("cloudtrail-traildiscover/logs", 356),
    ] {
        let mut paths = Vec::new();
        files(&data.join(folder), &mut paths);
        let mut records = 0;
        let mut faults = BTreeMap::new();
        for path in paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.contains(".json") {
                continue;
            }
            for item in split(SourceType::AwsCloudTrail, &read(&path)) {
                match item.record {
                    Ok(_) => records += 1,
                    Err(fault) => {
                        faults.entry((name.clone(), fault)).or_insert(item.line);
                    }
                }
            }
        }
        assert_eq!(faults, BTreeMap::new(), "{folder}");
        assert_eq!(records, expected, "{folder}");
    }
}

#[test]
fn broken_blocks_of_the_guides_are_faults_one_by_one() {
    let Some(data) = data() else { return };
    let text = read(&data.join("cloudtrail-aws-docs/not-json.jsonl"));
    let mut blocks = 0;
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let block = line["text"].as_str().unwrap();
        blocks += 1;
        let items: Vec<_> = split(SourceType::AwsCloudTrail, block.as_bytes()).collect();
        assert!(items.iter().any(|item| item.record.is_err()), "{block}");
    }
    assert_eq!(blocks, 31);
}

#[test]
fn published_flow_logs_split() {
    let Some(data) = data() else { return };
    for (file, expected) in [
        ("vpc-flow/aws-v2-default.log", 2),
        ("vpc-flow/aws-tgw-v6.log", 1),
    ] {
        let payload = read(&data.join(file));
        let items: Vec<_> = split(SourceType::AwsVpcFlow, &payload).collect();
        assert_eq!(items.len(), expected, "{file}");
        assert!(items.iter().all(|item| item.record.is_ok()), "{items:?}");
    }
}
