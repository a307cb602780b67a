//! The bundled sample: one attack in a cloud as two customers of the provider live through it,
//! in records shaped as the real sources shape them. Nothing in it is real: addresses and account
//! ids are those reserved for documentation, and times are laid back from the start.
//!
//! - `acme` (111122223333, 111122224444) loses an access key of `deploy-bot`;
//! - the key is used from 198.51.100.77 to look around, to make a key for another user, and to
//!   share a snapshot with 999900001111, an account that is nobody's here;
//! - from acme the attacker assumes a role in `globex` (444455556666), which trusts acme: one
//!   event about two customers, told in one record to each;
//! - machines of the two talk to each other inside the provider's range 10.20.0.0/16;
//! - between all that, ordinary life goes on.

mod attack;
mod facts;
mod life;
mod record;

use jiff::Timestamp;

pub use facts::{SERVICES, Used, facts};

/// The provider's own address ranges in the sample.
pub const RANGES: [&str; 2] = ["10.20.0.0/16", "203.0.113.0/24"];

/// A tenant of the sample and what the directory knows of it.
#[derive(Debug)]
pub struct Tenant {
    /// Its id.
    pub id: &'static str,
    /// For people.
    pub display_name: &'static str,
    /// Its accounts.
    pub accounts: &'static [&'static str],
    /// Its addresses inside the provider's ranges.
    pub addresses: &'static [&'static str],
    /// Its machines whose disks are in the folder of the sample's.
    pub machines: &'static [Machine],
}

/// A machine of the sample.
#[derive(Debug)]
pub struct Machine {
    /// Its id with the provider.
    pub instance: &'static str,
    /// What lies on its disk, with much room between.
    pub lines: &'static [&'static str],
}

/// The tenants of the sample.
pub const TENANTS: [Tenant; 2] = [
    Tenant {
        id: "acme",
        display_name: "Acme Logistics",
        accounts: &["aws:111122223333", "aws:111122224444"],
        addresses: &["10.20.1.10", "10.20.1.11", "203.0.113.10"],
        machines: &[Machine {
            instance: "i-0f3c2a91d4e5b6a70",
            lines: &[
                "acme-build sshd: Accepted publickey for deploy-bot from 198.51.100.77 port 50514 ssh2",
                "acme-build sudo: deploy-bot : COMMAND=/usr/bin/tar cz /srv/keys",
                "acme-build cron: (root) CMD (/usr/local/bin/rotate-logs)",
            ],
        }],
    },
    Tenant {
        id: "globex",
        display_name: "Globex Energy",
        accounts: &["aws:444455556666"],
        addresses: &["10.20.7.20", "10.20.7.21", "203.0.113.20"],
        machines: &[Machine {
            instance: "i-0b7d6e5f4a3c2b190",
            lines: &["globex-historian historian: 4096 points written"],
        }],
    },
];

/// The sources of the sample: id, name for people, source type.
pub const SOURCES: [(&str, &str, &str); 4] = [
    (
        "aws-cloudtrail",
        "CloudTrail of the sample",
        "aws.cloudtrail",
    ),
    ("aws-vpcflow", "VPC flow logs of the sample", "aws.vpcflow"),
    ("aws-guardduty", "GuardDuty of the sample", "aws.guardduty"),
    ("ocsf", "OCSF events of the sample", "ocsf"),
];

/// Records that are delivered together.
#[derive(Debug)]
pub struct Batch {
    /// One of [`SOURCES`].
    pub source: &'static str,
    /// The batch's id; the same at every start, so that a second one stores nothing twice.
    pub id: String,
    /// What is needed to read the records besides.
    pub context: &'static str,
    /// The records.
    pub records: Vec<String>,
}

/// The whole sample, with its story ending at `now`.
#[must_use]
pub fn batches(now: Timestamp) -> Vec<Batch> {
    let mut trail = life::cloudtrail(now);
    trail.extend(attack::cloudtrail(now));
    let mut batches = Vec::new();
    for (at, records) in trail.chunks(100).enumerate() {
        batches.push(Batch {
            source: "aws-cloudtrail",
            id: format!("sample-trail-{at}"),
            context: "",
            records: records.to_vec(),
        });
    }
    // Sources deliver at least once: the last delivery comes again, as it really does.
    if let Some(last) = batches.last() {
        let records = last.records.clone();
        batches.push(Batch {
            source: "aws-cloudtrail",
            id: "sample-trail-again".into(),
            context: "",
            records,
        });
    }
    batches.push(Batch {
        source: "aws-vpcflow",
        id: "sample-flow".into(),
        context: record::FLOW_HEADER,
        records: attack::flows(now),
    });
    batches.push(Batch {
        source: "aws-guardduty",
        id: "sample-guardduty".into(),
        context: "",
        records: attack::findings(now),
    });
    batches.push(Batch {
        source: "ocsf",
        id: "sample-ocsf".into(),
        context: "",
        records: attack::ocsf(now),
    });
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn now() -> Timestamp {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_sample_is_the_same_for_the_same_time() {
        let (one, two) = (batches(now()), batches(now()));
        assert!(
            one.iter()
                .zip(&two)
                .all(|(a, b)| a.id == b.id && a.records == b.records)
        );
        let records: usize = one.iter().map(|batch| batch.records.len()).sum();
        assert!((250..600).contains(&records), "{records}");
    }

    #[test]
    fn every_json_record_parses_and_lies_within_the_last_day() {
        for batch in batches(now())
            .iter()
            .filter(|batch| batch.source == "aws-cloudtrail")
        {
            for record in &batch.records {
                let record: Value = serde_json::from_str(record).unwrap();
                let time: Timestamp = record["eventTime"].as_str().unwrap().parse().unwrap();
                let age = now().duration_since(time).as_hours();
                assert!((0..24).contains(&age), "{record}");
            }
        }
    }

    #[test]
    fn event_ids_are_unique_but_for_the_repeated_delivery() {
        let mut seen = std::collections::HashSet::new();
        for batch in batches(now()) {
            if batch.source == "aws-cloudtrail" && batch.id != "sample-trail-again" {
                for record in &batch.records {
                    let record: Value = serde_json::from_str(record).unwrap();
                    assert!(
                        seen.insert(record["eventID"].as_str().unwrap().to_owned()),
                        "{record}"
                    );
                }
            }
        }
    }
}
