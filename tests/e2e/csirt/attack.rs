//! A published attack, and the quiet before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cordon_client::ingest::{Batch, Cut};
use futures::executor;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Call, trail};

/// The account of the published attack, in which it was known to the provider as a customer's.
pub const VICTIM: &str = "aws:123837392027";

/// The files of the attack, cut.
pub fn batches(data: &Path) -> Vec<Batch> {
    let cut = Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
    let mut batches = Vec::new();
    for (number, file) in std::fs::read_dir(data.join("cloudtrail-invictus"))
        .unwrap()
        .enumerate()
    {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let opened = std::fs::File::open(&path).unwrap();
            let read = cordon_client::ingest::read(opened, &format!("file-{number}"), &cut);
            batches.extend(executor::block_on_stream(read.unwrap()).map(Result::unwrap));
        }
    }
    batches
}

/// What its records say.
pub struct Attack {
    records: Vec<Value>,
    ids: BTreeSet<String>,
}

impl Attack {
    pub fn read(data: &Path) -> Self {
        let batches = batches(data);
        let records = batches.iter().flat_map(|batch| &batch.records);
        let records: Vec<Value> = records
            .map(|record| serde_json::from_slice(record).unwrap())
            .collect();
        let ids = records.iter().filter_map(|one| one["eventID"].as_str());
        Self {
            ids: ids.map(str::to_owned).collect(),
            records,
        }
    }

    /// Whether the event of this id is one of the attack's.
    pub fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// The user who did most.
    pub fn busiest(&self) -> &str {
        let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
        for record in &self.records {
            if let Some(arn) = record["userIdentity"]["arn"].as_str()
                && record["userIdentity"]["type"] == "IAMUser"
            {
                *calls.entry(arn).or_default() += 1;
            }
        }
        let busiest = calls.into_iter().max_by_key(|(_, count)| *count);
        busiest.unwrap().0
    }

    /// Two quiet weeks of that user, twelve calls a day, up to the day before the attack's.
    pub fn quiet_weeks(&self) -> Vec<String> {
        let arn = self.busiest();
        let times = self
            .records
            .iter()
            .filter_map(|one| one["eventTime"].as_str());
        let begins: Timestamp = times.min().unwrap().parse().unwrap();
        let begun = begins
            .checked_sub(SignedDuration::from_hours(15 * 24))
            .unwrap();
        (0..14 * 12)
            .map(|n| {
                let time = begun
                    .checked_add(SignedDuration::from_hours(2 * n))
                    .unwrap();
                let mut record: Value = serde_json::from_str(&trail(&Call {
                    time: &time.to_string(),
                    ..Call::own(&format!("quiet-{n}"), VICTIM)
                }))
                .unwrap();
                record["userIdentity"] = json!({
                    "type": "IAMUser", "principalId": "AIDAEXAMPLEQUIET", "arn": arn,
                    "accountId": VICTIM.trim_start_matches("aws:"),
                    "accessKeyId": "AKIAEXAMPLEQUIET0001",
                    "userName": arn.rsplit('/').next().unwrap(),
                });
                record["awsRegion"] = json!("us-east-1");
                record.to_string()
            })
            .collect()
    }
}
