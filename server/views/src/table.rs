//! Party tables: which field of a record names whom, as reviewed data.
//!
//! A table is TOML in `tables/`, compiled in, read once and checked. The engine in
//! [`crate::view`] applies it, and `explain` shows it to users.

use std::sync::LazyLock;

use crate::directory::Kind;
use crate::row::{Reason, SourceType};

/// What a field is for attribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Names a party: its tenant gets a view.
    Party,
    /// Names somebody who gets no view for it.
    Mention,
    /// Tells nothing about who: time, operation, status, region.
    Common,
    /// What a party sent or was answered.
    Content,
    /// A live credential: shown to whom it was given and to nobody else.
    Secret,
}

/// How a party takes part in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It made the call.
    Caller,
    /// It issued the caller's session.
    Issuer,
    /// The source delivered the record to it.
    Recipient,
    /// It owns a resource of the event.
    Owner,
    /// It is what the operation is about: the account of the role that is assumed.
    Target,
    /// It owns the endpoint or network interface that the traffic passed.
    Interface,
    /// It holds the source address.
    Source,
    /// It holds the destination address.
    Destination,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Caller,
        Self::Issuer,
        Self::Recipient,
        Self::Owner,
        Self::Target,
        Self::Interface,
        Self::Source,
        Self::Destination,
    ];

    /// The word in party tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Issuer => "issuer",
            Self::Recipient => "recipient",
            Self::Owner => "owner",
            Self::Target => "target",
            Self::Interface => "interface",
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u16);

impl Roles {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// Adds a role.
    pub const fn insert(&mut self, role: Role) {
        self.0 |= role.bit();
    }

    /// Whether the role is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether the sets have a role in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nobody is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles, in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

/// One step of a path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// This key.
    Key(Box<str>),
    /// Any one key or list position: `*`.
    Any,
    /// Everything from here on, nothing included: `**`, the last step only.
    Rest,
}

/// Where a rule applies: keys joined by dots, `*` for any one key or list position, `**`
/// at the end for the value itself and everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    steps: Box<[Step]>,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let mut steps = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            steps.push(match *part {
                "" => return Err(format!("path {text:?} has an empty step")),
                "*" => Step::Any,
                "**" if at + 1 == parts.len() => Step::Rest,
                "**" => return Err(format!("path {text:?} has ** before its end")),
                key => Step::Key(key.into()),
            });
        }
        Ok(Self {
            text: text.into(),
            steps: steps.into(),
        })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the path, one string per key or list position, is meant.
    #[must_use]
    pub fn matches(&self, path: &[&str]) -> bool {
        let mut rest = path;
        for step in &self.steps {
            match (step, rest.split_first()) {
                (Step::Rest, _) => return true,
                (Step::Any, Some((_, tail))) => rest = tail,
                (Step::Key(key), Some((head, tail))) if **key == **head => rest = tail,
                _ => return false,
            }
        }
        rest.is_empty()
    }
}

/// One line of a party table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which fields.
    pub path: Pattern,
    /// Operations for which it holds; empty for all.
    pub operations: Vec<String>,
    /// What the field is.
    pub class: Class,
    /// What kind of identity it names, for parties and mentions that are a bare identity.
    pub kind: Option<Kind>,
    /// The role of the party that it names; `None` unless `class` is `Party`.
    pub role: Option<Role>,
    /// Whose own it is: parties in these roles see it as it came, others' names included.
    pub clear_for: Roles,
    /// Parties in these roles see it with others' identities replaced.
    pub shown_to: Roles,
    /// Why it is withheld from everybody else.
    pub reason: Reason,
    /// What a reviewer should know.
    pub why: String,
}

/// The party table of one source type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyTable {
    /// Whose records.
    pub source_type: SourceType,
    /// Goes up with every change of meaning; rows keep it as their normalizer version.
    pub version: u16,
    /// Rules; the first that matches a field holds for it.
    pub rules: Vec<Rule>,
}

/// A party table that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("party table {table}: {message}")]
pub struct TableError {
    /// Which table.
    pub table: String,
    /// What is wrong with it and where.
    pub message: String,
}
