//! What is sent: a file of CloudTrail records, and whose they are.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::harness::{Call, trail};

/// Size of a set that is made here, unless said otherwise.
pub const RECORDS: u64 = 300_000;
const TENANTS: u64 = 200;
/// Most source addresses that searches ask for.
const ADDRESSES: usize = 64;

/// A tenant of the set.
#[derive(Clone, Default)]
pub struct Share {
    pub tenant: String,
    pub records: u64,
    /// Addresses that its events came from, one event each at least.
    pub addresses: Vec<String>,
}

pub struct Set {
    pub events: PathBuf,
    /// Accounts (`aws:…`) by tenant.
    pub tenants: BTreeMap<String, Vec<String>>,
    pub records: u64,
    /// Bytes of all records, without what is between them.
    pub bytes: u64,
    pub largest: Share,
    pub small: Share,
    /// Time of the newest event.
    pub newest: Timestamp,
}

impl Set {
    pub fn open(events: &Path, accounts: &Path) -> Self {
        let mut tenants = BTreeMap::<String, Vec<String>>::new();
        let mut owner = HashMap::new();
        for line in BufReader::new(File::open(accounts).unwrap())
            .lines()
            .skip(1)
        {
            let line = line.unwrap();
            let (tenant, account) = line.split_once(',').expect("tenant,account");
            tenants
                .entry(tenant.to_owned())
                .or_default()
                .push(format!("aws:{account}"));
            owner.insert(account.to_owned(), tenant.to_owned());
        }
        let mut shares = HashMap::<String, Share>::new();
        let (mut records, mut bytes, mut newest) = (0, 0, String::new());
        for line in BufReader::with_capacity(1 << 20, File::open(events).unwrap()).lines() {
            let line = line.unwrap();
            records += 1;
            bytes += line.len() as u64;
            let account = field(&line, "recipientAccountId");
            let share = shares.entry(owner[account].clone()).or_default();
            share.records += 1;
            let address = field(&line, "sourceIPAddress");
            if share.addresses.len() < ADDRESSES && !share.addresses.iter().any(|a| a == address) {
                share.addresses.push(address.to_owned());
            }
            let time = field(&line, "eventTime");
            if time > newest.as_str() {
                newest = time.to_owned();
            }
        }
        for (tenant, share) in &mut shares {
            share.tenant.clone_from(tenant);
        }
        let by_size = |share: &&Share| share.records;
        Self {
            events: events.to_owned(),
            tenants,
            records,
            bytes,
            largest: shares.values().max_by_key(by_size).unwrap().clone(),
            // Half of all tenants are smaller than this in a set of Zipf sizes, or about so.
            small: shares
                .values()
                .min_by_key(|share| share.records.abs_diff(803))
                .unwrap()
                .clone(),
            newest: newest.parse().unwrap(),
        }
    }

    /// A set of its own: sizes fall as 1/n, times are spread over a week.
    pub fn make(folder: &Path, records: u64) -> Self {
        let (events, accounts) = (folder.join("set.jsonl"), folder.join("accounts.csv"));
        let account = |tenant: u64| format!("{}", 500_000_000_000 + tenant);
        let mut file = BufWriter::new(File::create(&accounts).unwrap());
        writeln!(file, "tenant,account").unwrap();
        for tenant in 0..TENANTS {
            writeln!(file, "t{tenant:04},{}", account(tenant)).unwrap();
        }
        file.flush().unwrap();
        let harmonic: f64 = (1..=TENANTS).map(|n| 1.0 / n as f64).sum();
        let start: Timestamp = "2026-11-17T00:00:00Z".parse().unwrap();
        let mut dice = Dice(42);
        let mut file = BufWriter::new(File::create(&events).unwrap());
        for n in 0..records {
            let mut left = dice.unit() * harmonic;
            let tenant = (1..TENANTS).find(|n| {
                left -= 1.0 / *n as f64;
                left <= 0.0
            });
            let account = account(tenant.unwrap_or(TENANTS) - 1);
            let second = n * 7 * 86_400 / records;
            let time = start + SignedDuration::from_secs(second.cast_signed());
            let operation = [
                "DescribeInstances",
                "GetObject",
                "AssumeRole",
                "RunInstances",
            ][dice.below(4)];
            let record = trail(&Call {
                id: &format!("{:016x}", dice.next()),
                caller: &account,
                recipient: &account,
                operation,
                time: &time.to_string(),
                parameters: json!({ "instanceId": format!("i-{:012x}", dice.next() >> 16) }),
            });
            let address = format!("203.0.113.{}", dice.below(200));
            writeln!(file, "{}", record.replace("198.51.100.9", &address)).unwrap();
        }
        file.flush().unwrap();
        Self::open(&events, &accounts)
    }
}

/// A text field of a record that is known to have it.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(&format!("\"{name}\":\"")).expect(name) + name.len() + 4;
    let length = line[start..].find('"').expect("a closing quote");
    &line[start..start + length]
}

/// Numbers that look random and are the same each time (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}
