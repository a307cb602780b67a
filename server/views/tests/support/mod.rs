//! A world to attribute in: who owns what, and keys that are not secret.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use cordon_views::{Attributed, Directory, EventRow, Kind, Names, Reject, SourceType, attribute};

pub(crate) const OBSERVED: i64 = 1_790_000_000_000_000_000;

/// Who owns what, and since and until when, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) addresses: BTreeMap<IpAddr, Vec<(i64, i64, String)>>,
    pub(crate) resources: BTreeMap<String, String>,
    pub(crate) ranges: Vec<ipnet::IpNet>,
}

impl World {
    pub(crate) fn account(mut self, id: &str, tenant: &str) -> Self {
        self.accounts.insert(format!("aws:{id}"), tenant.into());
        self
    }

    pub(crate) fn range(mut self, net: &str) -> Self {
        self.ranges.push(net.parse().unwrap());
        self
    }

    pub(crate) fn address(self, ip: &str, tenant: &str) -> Self {
        self.address_during(ip, i64::MIN, i64::MAX, tenant)
    }

    pub(crate) fn address_during(mut self, ip: &str, from: i64, until: i64, tenant: &str) -> Self {
        let held = self.addresses.entry(ip.parse().unwrap()).or_default();
        held.push((from, until, tenant.into()));
        self
    }
}

impl Directory for World {
    type Tenant = String;

    fn account(&self, id: &str, _at_ns: i64) -> Option<String> {
        self.accounts.get(id).cloned()
    }

    fn address(&self, ip: IpAddr, at_ns: i64) -> Option<String> {
        let held = self.addresses.get(&ip)?;
        held.iter()
            .find(|(from, until, _)| (*from..*until).contains(&at_ns))
            .map(|(_, _, tenant)| tenant.clone())
    }

    fn resource(&self, id: &str, _at_ns: i64) -> Option<String> {
        self.resources.get(id).cloned()
    }

    fn in_provider_range(&self, ip: IpAddr) -> bool {
        self.ranges.iter().any(|net| net.contains(&ip))
    }
}

/// Names under a key that is the tenant's name.
pub(crate) struct Keys;

impl Keys {
    fn hash(tenant: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = blake3::derive_key("cordon views tests", tenant.as_bytes());
        let mut hasher = blake3::Hasher::new_keyed(&key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

impl Names for Keys {
    type Tenant = String;

    fn pseudonym(&self, tenant: &String, kind: Kind, value: &str) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let hash = Self::hash(tenant, &[kind.prefix().as_bytes(), value.as_bytes()]);
        let text: String = hash[..16]
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
            .collect();
        format!("{}~{text}", kind.prefix())
    }

    fn event_name(&self, tenant: &String, parts: &[&[u8]]) -> [u8; 16] {
        Self::hash(tenant, parts)[..16].try_into().unwrap()
    }
}

/// Attributes a CloudTrail record.
pub(crate) fn cloudtrail(world: &World, record: &str) -> Result<Attributed<String>, Reject> {
    attribute(
        SourceType::AwsCloudTrail,
        record.as_bytes(),
        None,
        OBSERVED,
        world,
        &Keys,
    )
}

/// The row of one tenant.
pub(crate) fn row_of<'a>(seen: &'a Attributed<String>, tenant: &str) -> Option<&'a EventRow> {
    let (_, row) = seen.views.iter().find(|(one, _)| one == tenant)?;
    Some(row)
}

/// Everything of a row that its tenant can read, as one text.
pub(crate) fn all_of(row: &EventRow) -> String {
    format!("{row:?} {}", row.raw)
}

/// The open data sets, where they are at hand.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let root = std::env::var_os("CORDON_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = root.join("data");
    data.is_dir().then_some(data)
}
