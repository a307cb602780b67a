//! A directory and names to attribute with, and the published data where it is there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cordon_views::{
    Attributed, Directory, EventRow, Kind, Names, Reject, SourceType, attribute, credential_uid,
    render_ocsf,
};
use serde_json::Value;

/// When records are received, unless a test says otherwise: 2026-01-01.
pub const OBSERVED: i64 = 1_767_225_600_000_000_000;

/// Who owns what. Addresses are held for a span of time.
#[derive(Debug, Clone, Default)]
pub struct World {
    accounts: BTreeMap<String, &'static str>,
    addresses: Vec<(IpAddr, i64, i64, &'static str)>,
    ranges: Vec<(IpAddr, IpAddr)>,
}

impl World {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn account(mut self, id: &str, tenant: &'static str) -> Self {
        self.accounts.insert(format!("aws:{id}"), tenant);
        self
    }

    pub fn address(self, ip: &str, tenant: &'static str) -> Self {
        self.address_during(ip, tenant, i64::MIN, i64::MAX)
    }

    pub fn address_during(mut self, ip: &str, tenant: &'static str, from: i64, to: i64) -> Self {
        self.addresses.push((ip.parse().unwrap(), from, to, tenant));
        self
    }

    pub fn range(mut self, first: &str, last: &str) -> Self {
        self.ranges
            .push((first.parse().unwrap(), last.parse().unwrap()));
        self
    }

    pub fn see(
        &self,
        source: SourceType,
        record: &[u8],
        context: Option<&str>,
    ) -> Result<Attributed<&'static str>, Reject> {
        attribute(source, record, context, OBSERVED, self, &Seal)
    }

    /// The row of one tenant, which must have one.
    pub fn row(
        &self,
        source: SourceType,
        record: &str,
        context: Option<&str>,
        tenant: &str,
    ) -> EventRow {
        self.see(source, record.as_bytes(), context)
            .unwrap()
            .views
            .into_iter()
            .find(|(one, _)| *one == tenant)
            .unwrap_or_else(|| panic!("{tenant} sees nothing"))
            .1
    }
}

impl Directory for World {
    type Tenant = &'static str;

    fn account(&self, id: &str, _: i64) -> Option<&'static str> {
        self.accounts.get(id).copied()
    }

    fn address(&self, ip: IpAddr, at: i64) -> Option<&'static str> {
        self.addresses
            .iter()
            .find(|(one, from, to, _)| *one == ip && (*from..*to).contains(&at))
            .map(|(.., tenant)| *tenant)
    }

    fn resource(&self, _: &str, _: i64) -> Option<&'static str> {
        None
    }

    fn in_provider_range(&self, ip: IpAddr) -> bool {
        self.ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&ip))
    }
}

/// Names that differ from tenant to tenant.
pub struct Seal;

impl Names for Seal {
    type Tenant = &'static str;

    fn pseudonym(&self, tenant: &&'static str, kind: Kind, value: &str) -> String {
        let hash = blake3::hash(format!("{tenant}|{}|{value}", kind.prefix()).as_bytes());
        format!("{}~{}", kind.prefix(), &hash.to_hex()[..12])
    }

    fn event_name(&self, tenant: &&'static str, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(tenant.as_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().as_bytes()[..16].try_into().unwrap()
    }
}

/// Renders a row that must render.
pub fn render(row: &EventRow) -> Value {
    let event = render_ocsf(&row.as_ref());
    // The column is what the event says.
    let said = ["user", "session"]
        .iter()
        .find_map(|who| event["actor"][who]["credential_uid"].as_str());
    if let Some(said) = said {
        assert_eq!(row.credential_uid, said, "{event}");
    }
    assert_eq!(
        credential_uid(row.source_type, &row.raw),
        row.credential_uid
    );
    event
}

/// The published data, or `None` with a message.
pub fn data() -> Option<PathBuf> {
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

/// A file's bytes, unpacked if it is packed.
pub fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
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

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        } else {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// All published CloudTrail records, those wrapped in labels unwrapped.
pub fn published_cloudtrail(data: &Path) -> Vec<String> {
    let mut records = Vec::new();
    for folder in [
        "cloudtrail-invictus",
        "cloudtrail-stratus",
        "cloudtrail-otrf-s3-breach",
        "cloudtrail-traildiscover/logs",
    ] {
        for path in files(&data.join(folder)) {
            if !path.to_string_lossy().contains(".json") {
                continue;
            }
            let payload = read(&path);
            for item in cordon_views::split::split(SourceType::AwsCloudTrail, &payload) {
                records.extend(item.record.ok().map(str::to_owned));
            }
        }
    }
    records.extend(unwrapped(
        &data.join("cloudtrail-aws-docs/events.jsonl"),
        "event",
    ));
    records.extend(unwrapped(
        &data.join("labelled-panther/aws_cloudtrail.jsonl.gz"),
        "log",
    ));
    records
}

/// The values under one key in a file of JSON lines.
pub fn unwrapped(path: &Path, key: &str) -> Vec<String> {
    let text = String::from_utf8(read(path)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()[key].to_string())
        .collect()
}
