//! What a security team may ask of its own events.
//!
//! A question is data: it is stored, shown, hashed and asked again. Everything in it is
//! checked by [`Question::validate`] before it is planned.

mod check;
mod scope;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::check::{
    Invalid, LONGEST_TEXT, LONGEST_TEXT_OF_LAKE, MOST_HOPS, MOST_INDICATORS, MOST_SUBJECTS,
    WIDEST_AROUND_SECONDS,
};
pub use self::scope::Scope;
pub use crate::time::Window;

/// A question, one variant for each kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// What happened around an event or a time.
    Timeline(Timeline),
    /// Everything that somebody did, or that was done to something.
    Pivot(Pivot),
    /// Who could have become whom, and who did.
    RoleChain(RoleChain),
    /// Whether indicators of compromise are in the events.
    Indicators(Indicators),
    /// When something was seen first and last.
    Seen(Seen),
    /// How much data went where.
    Volume(Volume),
    /// What was changed, and what would undo it.
    Changes(Changes),
    /// Which connections come back periodically.
    Beacons(Beacons),
    /// What is new, gone, more or less in one window against another.
    Compare(Compare),
    /// Sigma rules over history. The lake answers it.
    Rule(Rule),
    /// A statement of SQL. The lake answers it.
    Sql(Sql),
    /// How many customers have seen what the asker has seen: a declared release answers it.
    SeenByOthers(SeenByOthers),
    /// What only people can answer.
    Human(Human),
}

/// Parameters of [`Question::Timeline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// What is in the midst.
    pub around: Around,
    /// How long before, in seconds; at most 31 days.
    pub before_seconds: u64,
    /// How long after, in seconds; at most 31 days.
    pub after_seconds: u64,
    /// What events must share with the event in the midst, one of these; empty for all events.
    /// Needs an event in the midst.
    #[serde(default)]
    pub same: BTreeSet<Same>,
}

/// What is in the midst of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Around {
    /// An event, by its name: 32 hexadecimal digits.
    Event(String),
    /// A time.
    Time(Timestamp),
}

/// What two events can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Same {
    /// Who did it.
    Actor,
    /// The account in which it happened.
    Account,
    /// Source or destination address.
    Address,
    /// Something that it was done to.
    Resources,
}

/// Somebody or something that events tell of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Who did it, as the column `actor` has it. Of a role's ARN, its sessions too.
    Actor(String),
    /// Id of an access key, or the name of a service account's key.
    AccessKey(String),
    /// An address or a range of addresses, on either side.
    Address(String),
    /// Something that it was done to. Of an instance's id, its role's sessions too.
    Resource(String),
    /// An operation.
    Operation(String),
    /// A region.
    Region(String),
    /// A user agent, as the record has it.
    UserAgent(String),
    /// An account.
    Account(String),
}

/// Parameters of [`Question::Pivot`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pivot {
    /// Whom or what to follow: an actor, access key, address or resource.
    pub subject: Subject,
}

/// Parameters of [`Question::RoleChain`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleChain {
    /// Where to start.
    pub start: Start,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// How many steps at most, 1 to 8.
    pub hops: u32,
}

/// Where a chain of roles starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// A user, a role's session, a service account or a service, as the column `actor` has it.
    Actor(String),
    /// Id of an access key.
    AccessKey(String),
    /// A role's ARN.
    Role(String),
}

/// Which way a chain is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Whom the start became.
    Forward,
    /// Who became the start.
    Backward,
    /// Both.
    #[default]
    Both,
}

/// Parameters of [`Question::Indicators`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "format", deny_unknown_fields)]
pub enum Indicators {
    /// Patterns of STIX 2.1, one an element, at most 1,000.
    Stix {
        /// Each as `[ipv4-addr:value = '198.51.100.1']`.
        patterns: Vec<String>,
    },
    /// Addresses, ranges, hashes, domain names, URLs and names, one a line; at most 10,000
    /// lines. Empty lines and those that begin with `#` count for nothing.
    List {
        /// The lines.
        text: String,
    },
}

/// Parameters of [`Question::Seen`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Of whom or what, at most 20.
    pub subjects: Vec<Subject>,
}

/// Parameters of [`Question::Volume`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Leave out peers to which fewer bytes went out and from which fewer came in.
    #[serde(default)]
    pub minimum_bytes: u64,
}

/// Parameters of [`Question::Changes`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Which changes to list. Earlier events of the scope tell previous values. The whole scope
    /// where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Changes of this actor alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// Parameters of [`Question::Beacons`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Beacons {
    /// Fewest connections of a pair, 4 to 1,000.
    pub minimum_count: u32,
    /// Shortest period, in seconds, at least 1.
    pub minimum_period_seconds: u64,
    /// Longest period, in seconds, at most 7 days.
    pub maximum_period_seconds: u64,
    /// Lowest score that is told, 0 to 1.
    pub minimum_score: f64,
}

impl Default for Beacons {
    fn default() -> Self {
        Self {
            minimum_count: 8,
            minimum_period_seconds: 10,
            maximum_period_seconds: 24 * 3600,
            minimum_score: 0.7,
        }
    }
}

/// Parameters of [`Question::Compare`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The window that is held against: what is usual.
    pub baseline: Window,
    /// The window that is asked about.
    pub window: Window,
}

/// Parameters of [`Question::Rule`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Sigma rules, YAML, each a text of its own; at most 100.
    pub texts: Vec<String>,
}

/// Parameters of [`Question::Sql`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// One SELECT.
    pub query: String,
}

/// Parameters of [`Question::SeenByOthers`]: one thing that names no customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenByOthers {
    /// One public address.
    Address(String),
    /// The SHA-256 of a file's content: 64 hexadecimal digits.
    FileSha256(String),
}

impl SeenByOthers {
    /// What it is, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Address(text) | Self::FileSha256(text) => text,
        }
    }
}

/// Parameters of [`Question::Human`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Human {
    /// What is asked, at most 8,000 characters.
    pub text: String,
}

/// The kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is the variant of Question of that name")]
pub enum Kind {
    Timeline,
    Pivot,
    RoleChain,
    Indicators,
    Seen,
    Volume,
    Changes,
    Beacons,
    Compare,
    Rule,
    Sql,
    SeenByOthers,
    Human,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Timeline,
        Self::Pivot,
        Self::RoleChain,
        Self::Indicators,
        Self::Seen,
        Self::Volume,
        Self::Changes,
        Self::Beacons,
        Self::Compare,
        Self::Rule,
        Self::Sql,
        Self::SeenByOthers,
        Self::Human,
    ];

    /// The name users write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Pivot => "pivot",
            Self::RoleChain => "role_chain",
            Self::Indicators => "indicators",
            Self::Seen => "seen",
            Self::Volume => "volume",
            Self::Changes => "changes",
            Self::Beacons => "beacons",
            Self::Compare => "compare",
            Self::Rule => "rule",
            Self::Sql => "sql",
            Self::SeenByOthers => "seen_by_others",
            Self::Human => "human",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Question {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Timeline(_) => Kind::Timeline,
            Self::Pivot(_) => Kind::Pivot,
            Self::RoleChain(_) => Kind::RoleChain,
            Self::Indicators(_) => Kind::Indicators,
            Self::Seen(_) => Kind::Seen,
            Self::Volume(_) => Kind::Volume,
            Self::Changes(_) => Kind::Changes,
            Self::Beacons(_) => Kind::Beacons,
            Self::Compare(_) => Kind::Compare,
            Self::Rule(_) => Kind::Rule,
            Self::Sql(_) => Kind::Sql,
            Self::SeenByOthers(_) => Kind::SeenByOthers,
            Self::Human(_) => Kind::Human,
        }
    }

    /// The question as one line of JSON that is the same whenever the question is: to hash it,
    /// to keep it, and to ask it again.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Fields stand in the order of their declaration, and no key is anything but text.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Question::canonical`] wrote.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when it is no question, or one that is not valid.
    pub fn from_canonical(text: &str) -> Result<Self, Invalid> {
        let question: Self = serde_json::from_str(text)
            .map_err(|error| Invalid::new("question", format!("is no question: {error}")))?;
        question.validate()?;
        Ok(question)
    }
}
