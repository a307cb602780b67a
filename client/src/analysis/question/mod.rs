//! What can be asked.

mod read;
mod wire;

use std::time::Duration;

use jiff::Timestamp;

/// A question. All kinds but [`Question::Human`] the server answers by itself, of the tenant's own
/// events; each has a method, which its answer names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Question {
    /// What happened around an event or a time.
    Timeline(TimelineQuestion),
    /// Everything that an actor, access key, address or resource did, or that was done to it.
    Pivot(Subject),
    /// Who could have become whom by credentials and roles, and who did.
    RoleChain(RoleChain),
    /// Whether indicators of compromise are in the events.
    Indicators(Indicators),
    /// When something was seen first and last; at most 20.
    Seen(Vec<Subject>),
    /// How much data went to whom.
    Volume {
        /// Leave out peers to which fewer bytes went, and from which fewer came.
        minimum_bytes: u64,
    },
    /// What was changed, and what would undo it.
    Changes(Changes),
    /// Which connections come back periodically.
    Beacons(Beacons),
    /// What is new, gone, more or less in one window against another.
    Compare {
        /// The window that is held against: what is usual.
        baseline: Window,
        /// The window that is asked about. It does not overlap the other.
        window: Window,
    },
    /// What Sigma rules would have found: their texts, at most 100, of 64 KiB each.
    Rules(Vec<String>),
    /// One SELECT over the table `events`, which has the columns of filters; at most 64 KiB.
    Sql(String),
    /// How many of the provider's customers have seen something that the tenant has seen, as far as
    /// that is told: fewer than 5, 5 to 20, or more than 20.
    SeenByOthers(SharedIndicator),
    /// What only people can answer, in up to 8,000 characters: it goes to the provider's analysts.
    Human(String),
}

/// What may be asked for across customers: what names none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedIndicator {
    /// One public address outside the provider's ranges; an IPv6 address stands for its /64.
    Address(String),
    /// SHA-256 of a file's content, 64 hexadecimal digits.
    FileSha256(String),
}

/// Some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub start: Timestamp,
    /// Before this.
    pub end: Timestamp,
}

/// Somebody or something that events tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

/// What happened around an event or a time.
///
/// ```
/// use std::time::Duration;
/// use cordon_client::analysis::{Question, Same, TimelineQuestion};
/// let around = TimelineQuestion::around_event("000102030405060708090a0b0c0d0e0f")
///     .before(Duration::from_secs(600))
///     .same([Same::Actor, Same::Address]);
/// let question = Question::from(around);
/// # let _ = question;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineQuestion {
    pub(super) around: Around,
    pub(super) before: Duration,
    pub(super) after: Duration,
    pub(super) same: Vec<Same>,
}

/// What a timeline is around.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Around {
    /// An event, by its full name, or its id alone for one of the client's tenant.
    Event(String),
    /// A time.
    Time(Timestamp),
}

/// What two events can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

impl TimelineQuestion {
    fn around(around: Around) -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            around,
            before: hour,
            after: hour,
            same: Vec::new(),
        }
    }

    /// An hour before an event and an hour after it. Takes names as
    /// [`Events::name`](crate::Events::name) does.
    #[must_use]
    pub fn around_event(name: impl Into<String>) -> Self {
        Self::around(Around::Event(name.into()))
    }

    /// An hour before a time and an hour after it.
    #[must_use]
    pub fn around_time(time: Timestamp) -> Self {
        Self::around(Around::Time(time))
    }

    /// How long before; at most 31 days. A part of a second counts as one.
    #[must_use]
    pub fn before(mut self, length: Duration) -> Self {
        self.before = length;
        self
    }

    /// How long after; at most 31 days. A part of a second counts as one.
    #[must_use]
    pub fn after(mut self, length: Duration) -> Self {
        self.after = length;
        self
    }

    /// What events must have in common with the event, one of these; all events if there is none.
    /// Needs an event.
    #[must_use]
    pub fn same(mut self, same: impl IntoIterator<Item = Same>) -> Self {
        self.same = same.into_iter().collect();
        self
    }

    /// What it is around.
    #[must_use]
    pub const fn what(&self) -> &Around {
        &self.around
    }

    /// How long before and how long after.
    #[must_use]
    pub const fn lengths(&self) -> (Duration, Duration) {
        (self.before, self.after)
    }

    /// What events must have in common with the event.
    #[must_use]
    pub fn in_common(&self) -> &[Same] {
        &self.same
    }
}

impl From<TimelineQuestion> for Question {
    fn from(asked: TimelineQuestion) -> Self {
        Self::Timeline(asked)
    }
}

/// Where a chain of roles starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// A user, a role's session, a service account or a service, as the column `actor` has it.
    Actor(String),
    /// Id of an access key.
    AccessKey(String),
    /// A role's ARN.
    Role(String),
}

/// Which way a chain of roles is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Whom the start became.
    Forward,
    /// Who became the start.
    Backward,
}

/// Who could have become whom by credentials and roles, and who did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChain {
    /// Where it starts.
    pub start: Start,
    /// Which way it is followed.
    pub direction: Direction,
    /// How many steps at most, 1 to 8; `None` for the usual 4.
    pub hops: Option<u32>,
}

impl RoleChain {
    /// Both ways from here, in the usual number of steps.
    #[must_use]
    pub const fn from(start: Start) -> Self {
        Self {
            start,
            direction: Direction::Both,
            hops: None,
        }
    }
}

/// Indicators of compromise, in one of two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indicators {
    /// Patterns of STIX 2.1, as `[ipv4-addr:value = '198.51.100.1']`; at most 1,000.
    Stix(Vec<String>),
    /// Addresses, ranges, hashes, domain names, URLs and names, one a line; at most 10,000 lines.
    /// Empty lines and those that begin with `#` count for nothing.
    List(String),
}

/// What was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Which changes; `None` for all of the scope. Earlier events of the scope tell previous values.
    pub window: Option<Window>,
    /// Those of this actor alone.
    pub actor: Option<String>,
}

/// Which connections come back periodically; `None` for what is usual.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Beacons {
    /// Fewest connections of a pair, 4 to 1,000.
    pub minimum_connections: Option<u32>,
    /// How regular at least, above 0 to 1.
    pub minimum_score: Option<f64>,
}
