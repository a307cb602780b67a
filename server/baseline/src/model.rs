//! One tenant's model: its key, its limits, and where it keeps what it knows of whom.

use smallvec::SmallVec;

use crate::key::Key;
use crate::observation::{Observation, Principal};
use crate::taking::When;

/// How many parts a tenant's model has: what is common, and 64 shards of subjects.
pub const PARTS: u8 = 65;
/// Resources of one event that are followed.
const RESOURCES: usize = 4;

/// For which purpose a name is hashed. Kept bytes depend on these numbers.
pub(crate) mod purpose {
    pub(crate) const PRINCIPAL: u8 = 1;
    pub(crate) const ADDRESS: u8 = 2;
    pub(crate) const RESOURCE: u8 = 3;
    pub(crate) const OPERATION: u8 = 4;
    pub(crate) const REGION: u8 = 5;
    pub(crate) const NETWORK: u8 = 6;
    pub(crate) const USER_AGENT: u8 = 7;
    pub(crate) const CHAIN: u8 = 8;
    pub(crate) const ACCOUNTS: u8 = 9;
    pub(crate) const DESTINATION: u8 = 10;
    pub(crate) const TARGET: u8 = 11;
    pub(crate) const ANOMALY: u8 = 12;
    pub(crate) const BYTES: u8 = 13;
}

/// One part of a tenant's model, 0 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(u8);

impl Part {
    /// What the tenant's subjects have in common.
    pub const COMMON: Self = Self(0);

    /// The part of that number; none from [`PARTS`] on.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < PARTS {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Where a subject is kept.
    pub(crate) const fn of(subject: u64) -> Self {
        // The upper bits: the lower ones order the subjects within.
        Self((subject >> 58) as u8 + 1)
    }
}

/// How much a model may keep, and when it tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Most bytes of a part that holds subjects, as it is kept and, but for what the allocator
    /// adds, in memory. Less than 128 KiB count as 128 KiB. Part 0 has 256 KiB at most.
    pub bytes: usize,
    /// Bits that an anomaly needs beyond what it needs by itself; less than 0 tells more. At 0 a
    /// calm tenant has about one false alarm a week or less (docs/benchmarks.md).
    pub more_bits: f32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 * 1024,
            more_bits: 0.0,
        }
    }
}

impl Limits {
    /// Most bytes of a part that holds subjects.
    pub(crate) fn most_bytes(&self) -> usize {
        self.bytes.max(128 * 1024)
    }
}

/// One tenant's model, without what it knows.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) key: Key,
    pub(crate) limits: Limits,
}

impl Model {
    /// A model under a key of the tenant's own. With another key, kept parts are refused.
    #[must_use]
    pub const fn new(key: [u8; 16], limits: Limits) -> Self {
        Self {
            key: Key::new(key),
            limits,
        }
    }

    /// The parts that an event touches, in ascending order; none if its time can't be one.
    #[must_use]
    pub fn parts(&self, observation: &Observation<'_>) -> SmallVec<[Part; 8]> {
        let mut parts = SmallVec::new();
        if When::of(observation.time_ns).is_none() {
            return parts;
        }
        parts.push(Part::COMMON);
        let subjects = self.subjects(observation);
        let all = subjects.who.into_iter().chain(subjects.role);
        let resources = subjects.resources.into_iter().map(|(hash, _)| hash);
        parts.extend(all.chain(resources).map(Part::of));
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    pub(crate) fn principal(&self, who: &Principal<'_>) -> u64 {
        let texts = [who.account.as_bytes(), who.name.as_bytes()];
        self.key.hash(purpose::PRINCIPAL, &texts)
    }

    /// Of whom an event tells.
    pub(crate) fn subjects<'e>(&self, observation: &Observation<'e>) -> Subjects<'e> {
        let account = observation.account.as_bytes();
        if let Some(connection) = observation.connection() {
            let address = connection.source.to_string();
            let texts = [account, address.as_bytes()];
            return Subjects {
                who: Some(self.key.hash(purpose::ADDRESS, &texts)),
                ..Subjects::default()
            };
        }
        let resources = observation.resources.iter().take(RESOURCES);
        let resources = resources.filter(|name| !name.is_empty());
        let mut followed: SmallVec<[(u64, &str); 4]> = SmallVec::new();
        for name in resources {
            let hash = self
                .key
                .hash(purpose::RESOURCE, &[account, name.as_bytes()]);
            // One that is named twice was asked for once.
            if followed.iter().all(|(other, _)| *other != hash) {
                followed.push((hash, name));
            }
        }
        Subjects {
            who: observation.principal().map(|who| self.principal(&who)),
            role: observation
                .role_principal()
                .map(|role| self.principal(&role)),
            resources: followed,
        }
    }
}

/// The subjects of an event.
#[derive(Debug, Default)]
pub(crate) struct Subjects<'e> {
    /// The principal; of a connection the source's address.
    pub(crate) who: Option<u64>,
    /// The role that was taken on, as a principal.
    pub(crate) role: Option<u64>,
    pub(crate) resources: SmallVec<[(u64, &'e str); 4]>,
}
