//! What is told of something unusual.

use crate::series::{Basis, Metric};

/// Most events that one anomaly names.
pub const MOST_EVENTS: usize = 100;

/// What kind of unusual it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnomalyKind {
    /// An operation that the subject never used.
    FirstSeenOperation,
    /// A region in which the subject never did anything.
    FirstSeenRegion,
    /// A network from which the subject never came.
    FirstSeenNetwork,
    /// A program that the subject never used.
    FirstSeenUserAgent,
    /// More events, failures or bytes in an hour than the hour has.
    Volume,
    /// Connections at steady intervals to where others of the tenant don't go.
    Beaconing,
    /// More targets in an hour than the hour has.
    FanOut,
    /// A role taken on across accounts by a way that was never gone.
    RoleChain,
}

impl AnomalyKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::FirstSeenOperation,
        Self::FirstSeenRegion,
        Self::FirstSeenNetwork,
        Self::FirstSeenUserAgent,
        Self::Volume,
        Self::Beaconing,
        Self::FanOut,
        Self::RoleChain,
    ];

    /// The name by which it is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstSeenOperation => "first_seen_operation",
            Self::FirstSeenRegion => "first_seen_region",
            Self::FirstSeenNetwork => "first_seen_network",
            Self::FirstSeenUserAgent => "first_seen_user_agent",
            Self::Volume => "volume",
            Self::Beaconing => "beaconing",
            Self::FanOut => "fan_out",
            Self::RoleChain => "role_chain",
        }
    }
}

/// Whose behaviour is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// Somebody or something that asks: a user, a role, a service.
    Principal,
    /// An address that opens connections.
    Address,
    /// What is asked for or changed.
    Resource,
    /// The tenant as a whole, where one subject is too new to be judged by itself.
    Tenant,
}

impl SubjectKind {
    /// The name by which it is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Address => "address",
            Self::Resource => "resource",
            Self::Tenant => "tenant",
        }
    }
}

/// Whose behaviour is unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name, at most 256 bytes of it. For a tenant it is who did what is new to all.
    pub name: String,
    /// The account that it is of, if that is known.
    pub account: String,
}

/// A value in a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// How many.
    Count(u64),
    /// A measure; the name of the fact says its unit.
    Number(f64),
    /// A name.
    Text(String),
    /// Several names, the most frequent first.
    Texts(Vec<String>),
}

/// One thing that a statement says.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// What it is about, in words that stay, such as `median_per_hour`.
    pub name: &'static str,
    /// What it is.
    pub value: Value,
}

/// What was expected, or what was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statement {
    /// One sentence or two for people.
    pub sentence: String,
    /// The same for programs.
    pub facts: Vec<Fact>,
}

impl Statement {
    /// The fact of that name.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&Value> {
        let fact = self.facts.iter().find(|fact| fact.name == name);
        fact.map(|fact| &fact.value)
    }
}

/// How grave it may be: a suggestion. The words are Sigma's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth a look with others.
    Low,
    /// Worth a look.
    Medium,
    /// Worth a look now.
    High,
}

/// Something unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// What kind of unusual it is.
    pub kind: AnomalyKind,
    /// Whose behaviour.
    pub subject: Subject,
    /// What two of these share that are one: kind, subject and day, or the target of a beacon.
    pub key: [u8; 16],
    /// What was expected.
    pub expected: Statement,
    /// What was seen.
    pub seen: Statement,
    /// By what it was expected.
    pub basis: Basis,
    /// How surprising it is, in bits: one more is half as probable.
    pub score: f32,
    /// How many bits were needed to be told.
    pub limit: f32,
    /// Event times of the first and the last event, nanoseconds since 1970.
    pub times: (i64, i64),
    /// How many events it is about; for volumes how much of them was counted, which for
    /// destinations is an estimate.
    pub count: u64,
    /// Names of events of it, at most [`MOST_EVENTS`].
    pub events: Vec<[u8; 16]>,
    /// Techniques of ATT&CK that look like this. None is claimed.
    pub techniques: &'static [&'static str],
}

impl Anomaly {
    /// How grave it may be.
    #[must_use]
    pub fn level(&self) -> Level {
        let least = match self.kind {
            AnomalyKind::Beaconing | AnomalyKind::RoleChain => Level::Medium,
            _ => Level::Low,
        };
        let by_score = match self.score - self.limit {
            over if over >= 12.0 => Level::High,
            over if over >= 4.0 => Level::Medium,
            _ => Level::Low,
        };
        least.max(by_score)
    }

    /// Takes in another of the same key, which came later. Words and score are those of the more
    /// surprising one.
    pub fn join(&mut self, other: Self) {
        self.times = (
            self.times.0.min(other.times.0),
            self.times.1.max(other.times.1),
        );
        self.count = match self.kind {
            AnomalyKind::Volume | AnomalyKind::FanOut => self.count.max(other.count),
            _ => self.count.saturating_add(other.count),
        };
        for name in &other.events {
            if self.events.len() < MOST_EVENTS && !self.events.contains(name) {
                self.events.push(*name);
            }
        }
        if other.score > self.score {
            self.expected = other.expected;
            self.seen = other.seen;
            self.basis = other.basis;
            self.score = other.score;
            self.limit = other.limit;
        }
    }
}

/// Techniques of ATT&CK 18 that a kind may be, of one metric where it counts (docs/adr/0022).
pub(crate) const fn techniques(kind: AnomalyKind, metric: Metric) -> &'static [&'static str] {
    match (kind, metric) {
        (AnomalyKind::FirstSeenOperation, _) => &["T1078.004"],
        (AnomalyKind::FirstSeenRegion, _) => &["T1535", "T1078.004"],
        (AnomalyKind::FirstSeenNetwork | AnomalyKind::FirstSeenUserAgent, _) => {
            &["T1078.004", "T1550.001"]
        }
        (AnomalyKind::Volume, Metric::Failures) => &["T1110", "T1580"],
        (AnomalyKind::Volume, Metric::Bytes) => &["T1530", "T1048"],
        (AnomalyKind::Volume, _) => &["T1580", "T1530"],
        (AnomalyKind::Beaconing, _) => &["T1071.001"],
        (AnomalyKind::FanOut, _) => &["T1046"],
        (AnomalyKind::RoleChain, _) => &["T1199", "T1548.005"],
    }
}
