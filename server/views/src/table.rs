//! Party tables: which field of a record names whom, as reviewed data.
//!
//! A table is TOML in `tables/`, compiled in, read once and checked. The engine in
//! [`crate::view`] applies it, and `explain` shows it to users.

mod draft;
pub(crate) mod pattern;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

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

    /// Adds all roles of another set.
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
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
        Role::ALL
            .into_iter()
            .filter(move |role| self.contains(*role))
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
/// at the end for the value itself and everything below it. A dot that is part of a key has
/// a backslash before it in the table (`claims.http://schemas\.example\.com/upn`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    steps: Box<[Step]>,
    /// Keys are compared folded: see [`PartyTable::folds`].
    folds: bool,
}

impl Pattern {
    fn parse(text: &str, folds: bool) -> Result<Self, String> {
        // No key has this, and so it can stand for a dot within one.
        let marked = text.replace("\\.", "\0");
        let parts: Vec<&str> = marked.split('.').collect();
        let mut steps = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            steps.push(match *part {
                "" => return Err(format!("path {text:?} has an empty step")),
                "*" => Step::Any,
                "**" if at + 1 == parts.len() => Step::Rest,
                "**" => return Err(format!("path {text:?} has ** before its end")),
                key if folds => Step::Key(pattern::fold(&key.replace('\0', ".")).into()),
                key => Step::Key(key.replace('\0', ".").into()),
            });
        }
        Ok(Self {
            text: marked.replace('\0', ".").into(),
            steps: steps.into(),
            folds,
        })
    }

    /// The pattern as people read it: its steps joined by dots.
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
                (Step::Key(key), Some((head, tail))) if self.is_key(key, head) => rest = tail,
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
    /// Keys are compared without regard to case and underscores, since the ways in which
    /// the source is exported write them differently (`resourceId`, `ResourceId`,
    /// `resource_id`). Two such keys in one record are both the field.
    pub folds: bool,
    /// Positions of the rules that can fit a path, by its first key, in order.
    by_key: HashMap<Box<str>, Vec<usize>>,
    /// The same for keys that no rule begins with.
    other_keys: Vec<usize>,
    /// Keys that the rules spell out: words of the source's and nobody's names.
    words: HashSet<Box<str>>,
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

impl PartyTable {
    /// The rule that holds for a field of an event of that operation.
    #[must_use]
    pub fn rule_for(&self, operation: &str, path: &[&str]) -> Option<&Rule> {
        self.rules_at(path)
            .find(|rule| rule.is_for(operation) && rule.path.matches(path))
    }

    /// Whether a key is one that the rules spell out, and so a word of the source's.
    #[must_use]
    pub fn spells(&self, key: &str) -> bool {
        self.words.contains(&*self.folded(key))
    }

    fn rules_at<'t>(&'t self, path: &[&str]) -> impl Iterator<Item = &'t Rule> {
        path.first()
            .and_then(|key| self.by_key.get(&*self.folded(key)))
            .unwrap_or(&self.other_keys)
            .iter()
            .filter_map(|at| self.rules.get(*at))
    }

    /// Whether rules tell parts of the value at that path apart.
    #[must_use]
    pub fn has_below(&self, operation: &str, path: &[&str]) -> bool {
        self.rules_at(path)
            .any(|rule| rule.is_for(operation) && rule.path.goes_below(path))
    }

    /// The rules by which fields of that operation name parties.
    pub fn party_rules<'t>(&'t self, operation: &'t str) -> impl Iterator<Item = &'t Rule> {
        self.rules
            .iter()
            .filter(move |rule| rule.class == Class::Party && rule.is_for(operation))
    }

    /// The table of a source type.
    ///
    /// # Errors
    ///
    /// [`TableError`] if the compiled-in table is wrong, which [`check_tables`] finds at
    /// start and a test finds earlier.
    pub fn of(source_type: SourceType) -> Result<&'static Self, TableError> {
        let table = match source_type {
            SourceType::AwsCloudTrail => &CLOUDTRAIL,
            SourceType::AwsVpcFlow => &VPC_FLOW,
            SourceType::AwsGuardDuty => &GUARD_DUTY,
            SourceType::Ocsf => &OCSF,
            SourceType::GcpAudit => &GCP_AUDIT,
            SourceType::AzureActivity => &AZURE_ACTIVITY,
            SourceType::AzureSignIn => &AZURE_SIGN_IN,
            SourceType::K8sAudit => &K8S_AUDIT,
            SourceType::OpenStackNotification => &OPENSTACK,
            SourceType::LinuxAuth => &LINUX_AUTH,
        };
        LazyLock::force(table).as_ref().map_err(Clone::clone)
    }

    /// Reads and checks a table.
    ///
    /// # Errors
    ///
    /// [`TableError`] naming the rule that is wrong.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let fail = |table: &str, message: String| TableError {
            table: table.to_owned(),
            message,
        };
        let draft: draft::Draft =
            toml::from_str(text).map_err(|error| fail("(unnamed)", error.to_string()))?;
        let source_type: SourceType =
            draft
                .source_type
                .parse()
                .map_err(|error: crate::row::UnknownWord| {
                    fail(&draft.source_type, error.to_string())
                })?;
        if draft.version == 0 {
            return Err(fail(&draft.source_type, "version must be 1 or more".into()));
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(draft.rules.len());
        for one in draft.rules {
            let paths: Vec<&String> = one.path.iter().chain(&one.paths).collect();
            if paths.is_empty() {
                return Err(fail(&draft.source_type, "a rule has no path".into()));
            }
            for path in paths {
                let rule = one
                    .rule(path, draft.folds)
                    .map_err(|message| fail(&draft.source_type, format!("{path}: {message}")))?;
                if let Some(earlier) = rules.iter().find(|earlier| earlier.hides(&rule)) {
                    let earlier = earlier.path.as_str();
                    return Err(fail(
                        &draft.source_type,
                        format!("{path} is never reached: {earlier} holds before it"),
                    ));
                }
                rules.push(rule);
            }
        }
        let mut by_key: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        for rule in &rules {
            if let Some(Step::Key(key)) = rule.path.steps.first() {
                by_key.entry(key.clone()).or_default();
            }
        }
        let words = rules
            .iter()
            .flat_map(|rule| &rule.path.steps)
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Any | Step::Rest => None,
            })
            .collect();
        let mut other_keys = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            match rule.path.steps.first() {
                Some(Step::Key(key)) => by_key.entry(key.clone()).or_default().push(at),
                _ => {
                    by_key.values_mut().for_each(|list| list.push(at));
                    other_keys.push(at);
                }
            }
        }
        Ok(Self {
            source_type,
            version: draft.version,
            rules,
            folds: draft.folds,
            words,
            by_key,
            other_keys,
        })
    }
}

/// Checks every compiled-in table; to be called once at start.
///
/// # Errors
///
/// The first [`TableError`].
pub fn check_tables() -> Result<(), TableError> {
    for source_type in SourceType::ALL {
        let table = PartyTable::of(source_type)?;
        if table.source_type != source_type {
            return Err(TableError {
                table: source_type.to_string(),
                message: format!("is a table of {}", table.source_type),
            });
        }
    }
    Ok(())
}

static CLOUDTRAIL: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/aws.cloudtrail.toml")));
static VPC_FLOW: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/aws.vpcflow.toml")));
static GUARD_DUTY: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/aws.guardduty.toml")));
static OCSF: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/ocsf.toml")));
static GCP_AUDIT: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/gcp.audit.toml")));
static AZURE_ACTIVITY: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/azure.activity.toml")));
static AZURE_SIGN_IN: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/azure.signin.toml")));
static K8S_AUDIT: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/k8s.audit.toml")));
static OPENSTACK: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/openstack.notification.toml")));
static LINUX_AUTH: LazyLock<Result<PartyTable, TableError>> =
    LazyLock::new(|| PartyTable::parse(include_str!("../tables/linux.auth.toml")));

impl Rule {
    /// Whether it holds for the operation.
    #[must_use]
    pub fn is_for(&self, operation: &str) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|one| one == operation)
    }

    /// Whether no field reaches `later` because this rule takes them all.
    fn hides(&self, later: &Self) -> bool {
        let operations = self.operations.is_empty()
            || (!later.operations.is_empty()
                && later
                    .operations
                    .iter()
                    .all(|one| self.operations.contains(one)));
        operations && self.path.covers(&later.path)
    }
}

impl Pattern {
    /// The first key, and the pattern of what is below it; `None` if it does not begin
    /// with a key or ends there.
    #[must_use]
    pub fn split_first(&self) -> Option<(&str, Below<'_>)> {
        match self.steps.split_first()? {
            (Step::Key(key), rest) if !rest.is_empty() => Some((key, Below(rest))),
            _ => None,
        }
    }

    /// Whether it means fields below the path, and not only by a `**`.
    fn goes_below(&self, path: &[&str]) -> bool {
        let mut steps = self.steps.iter();
        for have in path {
            match steps.next() {
                Some(Step::Any) => {}
                Some(Step::Key(key)) if self.is_key(key, have) => {}
                _ => return false,
            }
        }
        matches!(steps.next(), Some(Step::Any | Step::Key(_)))
    }

    /// Whether every path that `other` means is meant by this one too.
    fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.steps.iter();
        for ours in &self.steps {
            match (ours, theirs.next()) {
                (Step::Rest, _) => return true,
                (Step::Any, Some(Step::Any | Step::Key(_))) => {}
                (Step::Key(a), Some(Step::Key(b))) if a == b => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }
}

/// The rest of a pattern.
#[derive(Debug, Clone, Copy)]
pub struct Below<'p>(&'p [Step]);

impl Below<'_> {
    /// The values that it means.
    #[must_use]
    pub fn select<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in self.0 {
            found = match step {
                Step::Rest => return found,
                Step::Any => found.into_iter().flat_map(children).collect(),
                Step::Key(key) => found
                    .into_iter()
                    .filter_map(|one| one.get(&**key))
                    .collect(),
            };
        }
        found
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
