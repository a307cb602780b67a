//! The redaction engine: what one tenant may see of a record that concerns others too.
//!
//! It knows nothing of any source. A party table says whose each field is; this module
//! keeps the record's shape and leaves clear, replaces or withholds value by value. Two
//! rules hold whatever the table says: text that is shown to a viewer who is not its
//! owner is searched for others' identities first, and a field that no rule knows is
//! withheld. Nothing here asks who else is registered, so no registration but the
//! viewer's own changes a byte.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, Number, Value};

use crate::directory::{Directory, Kind, Names};
use crate::identity::{self, Arn, Found};
use crate::row::{Reason, Withheld};
use crate::table::{Class, PartyTable, Roles, Rule};

/// The key of the marker that stands where something was withheld:
/// `{"cordon:withheld": "FOREIGN_CONTENT"}`.
pub const WITHHELD_KEY: &str = "cordon:withheld";

/// The marker for a withheld value.
#[must_use]
pub fn marker(reason: Reason) -> Value {
    let mut map = Map::with_capacity(1);
    map.insert(
        WITHHELD_KEY.to_owned(),
        Value::String(reason.as_str().to_owned()),
    );
    Value::Object(map)
}

/// One tenant looking at one record: what is its own at the time of the event, and what
/// stands for what is not.
#[derive(Debug)]
pub struct Viewer<'a, D: Directory, N> {
    tenant: &'a D::Tenant,
    directory: &'a D,
    names: &'a N,
    at_ns: i64,
}

impl<'a, D, N> Viewer<'a, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    /// A viewer of a record of the time `at_ns` (nanoseconds since 1970).
    pub const fn new(tenant: &'a D::Tenant, directory: &'a D, names: &'a N, at_ns: i64) -> Self {
        Self {
            tenant,
            directory,
            names,
            at_ns,
        }
    }

    /// Whether the account was the viewer's. An id without a cloud in front is AWS's.
    #[must_use]
    pub fn owns_account(&self, id: &str) -> bool {
        let id = identity::directory_account(id);
        self.directory.account(&id, self.at_ns).as_ref() == Some(self.tenant)
    }

    /// Whether the viewer held the address.
    #[must_use]
    pub fn owns_address(&self, ip: IpAddr) -> bool {
        self.directory.address(ip, self.at_ns).as_ref() == Some(self.tenant)
    }

    /// Whether the resource (ARN, id, name) was the viewer's by the directory.
    #[must_use]
    pub fn owns_resource(&self, id: &str) -> bool {
        self.directory.resource(id, self.at_ns).as_ref() == Some(self.tenant)
    }

    /// Whether the address must not be shown: inside the provider's ranges and not the
    /// viewer's at that time.
    #[must_use]
    pub fn hides_address(&self, ip: IpAddr) -> bool {
        self.directory.in_provider_range(ip) && !self.owns_address(ip)
    }

    /// What stands for a stranger's identity in this viewer's views.
    #[must_use]
    pub fn stands_for(&self, kind: Kind, value: &str) -> String {
        self.names.pseudonym(self.tenant, kind, value)
    }
}

/// Identities of a record that only its context gives away: a user name is a stranger's
/// because it stands beside a stranger's account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    own: BTreeSet<String>,
    /// Longest first, so that a name within a longer one does not split it.
    strangers: Vec<Stranger>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stranger {
    text: String,
    kind: Kind,
    id: String,
}

impl Known {
    /// Says that the text, wherever it stands whole, is the viewer's own.
    pub fn own(&mut self, text: &str) {
        if !text.is_empty() && !self.is_own(text) {
            self.own.insert(text.to_owned());
        }
    }

    /// Says that the text is a stranger's. `id` is what its pseudonym is made of, so that
    /// one stranger has one pseudonym however it is written.
    pub fn stranger(&mut self, kind: Kind, text: &str, id: &str) {
        if text.is_empty() || self.strangers.iter().any(|known| known.text == text) {
            return;
        }
        let at = self
            .strangers
            .partition_point(|known| known.text.len() >= text.len());
        self.strangers.insert(
            at,
            Stranger {
                text: text.to_owned(),
                kind,
                id: id.to_owned(),
            },
        );
    }

    /// How many identities it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() + self.strangers.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_own(&self, text: &str) -> bool {
        self.own.contains(text)
    }
}

/// What the table lets a viewer see of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it came.
    Clear,
    /// With others' identities replaced: [`Viewer::scrub`].
    Scrubbed,
    /// It is an identity: clear if the viewer's, else a pseudonym: [`Viewer::identity`].
    Identity(Kind),
    /// Not at all.
    Withheld(Reason),
}

/// What the table says of one field for a viewer in these roles.
#[must_use]
pub fn verdict(table: &PartyTable, operation: &str, path: &[&str], roles: Roles) -> Verdict {
    table
        .rule_for(operation, path)
        .map_or(Verdict::Withheld(Reason::NotReviewed), |rule| {
            verdict_of(rule, roles)
        })
}

fn verdict_of(rule: &Rule, roles: Roles) -> Verdict {
    if rule.clear_for.meets(roles) {
        return Verdict::Clear;
    }
    match (rule.class, rule.kind) {
        (Class::Common, _) => Verdict::Scrubbed,
        (Class::Party | Class::Mention, Some(kind)) => Verdict::Identity(kind),
        _ if rule.shown_to.meets(roles) => Verdict::Scrubbed,
        _ => Verdict::Withheld(rule.reason),
    }
}

/// Turns a record into the viewer's view of it, in place and in the source's shape, and
/// says where it differs. `operation` picks the table's rules, `roles` are the viewer's.
pub fn redact<D, N>(
    record: &mut Value,
    table: &PartyTable,
    operation: &str,
    roles: Roles,
    viewer: &Viewer<'_, D, N>,
    known: &Known,
) -> Vec<Withheld>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let mut pass = Pass {
        table,
        operation,
        roles,
        viewer,
        known,
        withheld: Vec::new(),
    };
    let mut path = Vec::new();
    match record {
        Value::Object(map) => pass.object(map, &mut path),
        Value::Array(items) => pass.array(items, &mut path),
        _ => *record = pass.withhold(&path, Reason::NotReviewed),
    }
    pass.withheld
}

struct Pass<'a, 'v, D: Directory, N> {
    table: &'a PartyTable,
    operation: &'a str,
    roles: Roles,
    viewer: &'a Viewer<'v, D, N>,
    known: &'a Known,
    withheld: Vec<Withheld>,
}

impl<D, N> Pass<'_, '_, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    fn object(&mut self, map: &mut Map<String, Value>, path: &mut Vec<String>) {
        // Keys can carry identities too; a changed key moves, so the map is built anew.
        for (key, mut value) in std::mem::take(map) {
            path.push(key.clone());
            self.value(&mut value, path);
            path.pop();
            let key = self.key(key, path);
            map.insert(key, value);
        }
    }

    fn array(&mut self, items: &mut [Value], path: &mut Vec<String>) {
        for (at, value) in items.iter_mut().enumerate() {
            path.push(at.to_string());
            self.value(value, path);
            path.pop();
        }
    }

    fn value(&mut self, value: &mut Value, path: &mut Vec<String>) {
        if value.is_null() {
            return;
        }
        let verdict = {
            let steps: Vec<&str> = path.iter().map(String::as_str).collect();
            let verdict = verdict(self.table, self.operation, &steps, self.roles);
            if verdict != Verdict::Clear
                && matches!(value, Value::Object(_) | Value::Array(_))
                && self.table.has_below(self.operation, &steps)
            {
                None
            } else {
                Some(verdict)
            }
        };
        match (verdict, &mut *value) {
            (Some(Verdict::Clear), _) => {}
            (None, Value::Object(map)) => self.object(map, path),
            (None, Value::Array(items)) => self.array(items, path),
            (None, _) => {}
            (Some(Verdict::Scrubbed), _) => self.scrubbed(value, path),
            (Some(Verdict::Identity(kind)), _) => self.identity(value, kind, path),
            (Some(Verdict::Withheld(reason)), _) => *value = self.withhold(path, reason),
        }
    }

    fn scrubbed(&mut self, value: &mut Value, path: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, mut value) in std::mem::take(map) {
                    path.push(key.clone());
                    self.scrubbed(&mut value, path);
                    path.pop();
                    let key = self.key(key, path);
                    map.insert(key, value);
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter_mut().enumerate() {
                    path.push(at.to_string());
                    self.scrubbed(value, path);
                    path.pop();
                }
            }
            Value::String(text) => {
                if let Some((clean, reason)) = self.viewer.scrub(text, self.known) {
                    *text = clean;
                    self.note(path, reason);
                }
            }
            Value::Number(number) => {
                if let Some((clean, reason)) = self.number(number) {
                    *value = Value::String(clean);
                    self.note(path, reason);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn identity(&mut self, value: &mut Value, kind: Kind, path: &mut Vec<String>) {
        let clean = match value {
            Value::String(text) => self.viewer.identity(kind, text, self.known),
            Value::Number(number) => {
                let text = number.to_string();
                let text = if kind == Kind::Account {
                    identity::padded_account(&text).into_owned()
                } else {
                    text
                };
                self.viewer.identity(kind, &text, self.known)
            }
            Value::Array(items) => {
                for (at, value) in items.iter_mut().enumerate() {
                    path.push(at.to_string());
                    self.identity(value, kind, path);
                    path.pop();
                }
                return;
            }
            // Not what the table expects there; nobody has said whose it is.
            Value::Object(_) => {
                *value = self.withhold(path, Reason::NotReviewed);
                return;
            }
            Value::Null | Value::Bool(_) => return,
        };
        if let Some((clean, reason)) = clean {
            *value = Value::String(clean);
            self.note(path, reason);
        }
    }

    /// A number that is an account id without its quotes.
    fn number(&self, number: &Number) -> Option<(String, Reason)> {
        let text = number.to_string();
        let padded = identity::padded_account(&text);
        let stranger = self.known.strangers.iter().any(|one| one.text == *padded);
        if stranger || identity::is_account(&text) {
            self.viewer.scrub(&padded, self.known)
        } else {
            None
        }
    }

    fn key(&mut self, key: String, path: &[String]) -> String {
        match self.viewer.scrub(&key, self.known) {
            Some((clean, reason)) => {
                let mut path = path.to_vec();
                path.push(clean.clone());
                self.note(&path, reason);
                clean
            }
            None => key,
        }
    }

    fn note(&mut self, path: &[String], reason: Reason) {
        let steps: Vec<Cow<'_, str>> = path
            .iter()
            .map(|step| {
                self.viewer
                    .scrub(step, self.known)
                    .map_or(Cow::Borrowed(step.as_str()), |(clean, _)| Cow::Owned(clean))
            })
            .collect();
        self.withheld.push(Withheld {
            path: steps.join("."),
            reason,
        });
    }

    fn withhold(&mut self, path: &[String], reason: Reason) -> Value {
        self.note(path, reason);
        marker(reason)
    }
}

impl<D, N> Viewer<'_, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    /// What stands for the address, or `None` if it may be shown. Text that is no address
    /// (a service's name) is not hidden by this.
    #[must_use]
    pub fn address(&self, text: &str) -> Option<String> {
        let ip = identity::parse_address(text)?;
        self.hides_address(ip)
            .then(|| self.stands_for(Kind::Address, &ip.to_string()))
    }

    /// What takes the place of text that is an identity of that kind and why, or `None`
    /// if it is the viewer's own or nobody's.
    #[must_use]
    pub fn identity(&self, kind: Kind, text: &str, known: &Known) -> Option<(String, Reason)> {
        if known.is_own(text) {
            return None;
        }
        let clean = match kind {
            Kind::Account => {
                let id = identity::party_account(text)?;
                if self.owns_account(id) {
                    return None;
                }
                self.stands_for(kind, &identity::directory_account(id))
            }
            Kind::Address => {
                return match self.address(text) {
                    Some(clean) => Some((clean, Reason::ForeignAddress)),
                    None => self.scrub(text, known),
                };
            }
            Kind::Resource | Kind::Name if text.starts_with("arn:") => {
                // The whole text is the ARN, whatever characters its last part has.
                return match Arn::parse(text) {
                    Some(arn) => self
                        .arn(&arn, text, known)
                        .map(|clean| (clean, Reason::ForeignIdentity)),
                    None => self.scrub(text, known),
                };
            }
            Kind::Resource | Kind::Host if self.owns_resource(text) => return None,
            Kind::AccessKey | Kind::Principal | Kind::Resource | Kind::Name | Kind::Host => {
                if identity::is_nobody(text) {
                    return None;
                }
                match (kind, text.split_once(':')) {
                    // `AROA…:session`: the two halves are told apart, so that one role is
                    // recognised through all its sessions.
                    (Kind::Principal, Some((id, session))) if !id.is_empty() => format!(
                        "{}:{}",
                        self.stranger(known, kind, id),
                        self.stranger(known, Kind::Name, session)
                    ),
                    _ => self.stranger(known, kind, text),
                }
            }
        };
        Some((clean, Reason::ForeignIdentity))
    }

    /// Pseudonym of a stranger's text, made of the id under which it is known if it is.
    fn stranger(&self, known: &Known, kind: Kind, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        known
            .strangers
            .iter()
            .find(|one| one.text == text)
            .map_or_else(
                || self.stands_for(kind, text),
                |one| self.stands_for(one.kind, &one.id),
            )
    }

    /// The text with every identity that is not the viewer's replaced, and why; `None` if
    /// there is none. Account ids, ARNs, principal and access key ids and addresses are
    /// found by their form, names through `known`.
    #[must_use]
    pub fn scrub(&self, text: &str, known: &Known) -> Option<(String, Reason)> {
        if known.is_own(text) {
            return None;
        }
        let mut cuts: Vec<(usize, usize, String, Reason)> = Vec::new();
        for (start, end, found) in identity::scan(text) {
            let Some(part) = text.get(start..end) else {
                continue;
            };
            if known.is_own(part) {
                continue;
            }
            let (clean, reason) = match found {
                Found::Account(id) if !self.owns_account(&id) => (
                    self.stands_for(Kind::Account, &identity::directory_account(&id)),
                    Reason::ForeignIdentity,
                ),
                Found::Address(ip) if self.hides_address(ip) => (
                    self.stands_for(Kind::Address, &ip.to_string()),
                    Reason::ForeignAddress,
                ),
                Found::AccessKey if !self.owns_key(part) => (
                    self.stranger(known, Kind::AccessKey, part),
                    Reason::ForeignIdentity,
                ),
                Found::Principal => (
                    self.stranger(known, Kind::Principal, part),
                    Reason::ForeignIdentity,
                ),
                Found::Arn(arn) => match self.arn(&arn, part, known) {
                    Some(clean) => (clean, Reason::ForeignIdentity),
                    None => continue,
                },
                Found::EncodedArn(plain) => {
                    let arn = Arn::parse(&plain);
                    match arn.and_then(|arn| self.arn(&arn, &plain, known)) {
                        Some(clean) => (
                            clean.replace(':', "%3A").replace('/', "%2F"),
                            Reason::ForeignIdentity,
                        ),
                        None => continue,
                    }
                }
                Found::Account(_) | Found::Address(_) | Found::AccessKey => continue,
            };
            cuts.push((start, end, clean, reason));
        }
        self.cut_strangers(text, known, &mut cuts);
        if cuts.is_empty() {
            return None;
        }
        cuts.sort_by_key(|cut| (cut.0, std::cmp::Reverse(cut.1)));
        let mut out = String::with_capacity(text.len() + 32);
        let mut at = 0;
        let mut reason = Reason::ForeignAddress;
        for (start, end, clean, why) in cuts {
            if start < at {
                continue;
            }
            out.push_str(text.get(at..start).unwrap_or_default());
            out.push_str(&clean);
            at = end;
            if why == Reason::ForeignIdentity {
                reason = why;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Some((out, reason))
    }

    /// Finds the strangers that only context knows. Text that is already cut is passed
    /// over, and so are names that would match in the middle of a word.
    fn cut_strangers(
        &self,
        text: &str,
        known: &Known,
        cuts: &mut Vec<(usize, usize, String, Reason)>,
    ) {
        for one in &known.strangers {
            // Ids are long enough to be nothing else, even inside a word; a very short
            // name is a stranger's only where it is the whole text.
            let anywhere = matches!(one.kind, Kind::Account | Kind::AccessKey | Kind::Principal)
                && one.text.len() >= identity::UNMISTAKABLE;
            if one.text.len() < identity::SHORTEST_NAME && one.text != text {
                continue;
            }
            for start in memchr::memmem::find_iter(text.as_bytes(), one.text.as_bytes()) {
                let end = start + one.text.len();
                if !anywhere && !identity::stands_alone(text, start, end) {
                    continue;
                }
                if cuts.iter().any(|cut| start < cut.1 && cut.0 < end) {
                    continue;
                }
                cuts.push((
                    start,
                    end,
                    self.stands_for(one.kind, &one.id),
                    Reason::ForeignIdentity,
                ));
            }
        }
    }

    /// Newer access key ids have the account in them.
    fn owns_key(&self, key: &str) -> bool {
        identity::account_of_access_key(key).is_some_and(|account| self.owns_account(&account))
    }

    /// What takes an ARN's place: the same shape, with account and names replaced. `None`
    /// if it is the viewer's or nobody's.
    fn arn(&self, arn: &Arn<'_>, text: &str, known: &Known) -> Option<String> {
        if arn.account == identity::AWS_MANAGED {
            return None;
        }
        if arn.account.is_empty() {
            let owner = arn.resource.split('/').next().unwrap_or_default();
            let bucket = text.len() - arn.resource.len() + owner.len();
            if arn.resource.is_empty()
                || arn.resource == "*"
                || text.get(..bucket).is_some_and(|whole| known.is_own(whole))
                || known.is_own(owner)
                || self.owns_resource(text)
                || text.get(..bucket).is_some_and(|whole| self.owns_resource(whole))
            {
                return None;
            }
            return Some(format!(
                "arn:{}:{}:{}::{}",
                arn.partition,
                arn.service,
                arn.region,
                self.stands_for(Kind::Resource, text)
            ));
        }
        if self.owns_account(arn.account) {
            // The viewer's own, but a stranger's name may be part of it.
            let mut cuts = Vec::new();
            self.cut_strangers(text, known, &mut cuts);
            if cuts.is_empty() {
                return None;
            }
            cuts.sort_by_key(|cut| cut.0);
            let mut out = String::new();
            let mut at = 0;
            for (start, end, clean, _) in cuts {
                if start >= at {
                    out.push_str(text.get(at..start).unwrap_or_default());
                    out.push_str(&clean);
                    at = end;
                }
            }
            out.push_str(text.get(at..).unwrap_or_default());
            return Some(out);
        }
        let account = identity::directory_account(arn.account);
        let mut resource = String::new();
        for part in arn.parts() {
            match part {
                identity::Part::Shape(shape) => resource.push_str(shape),
                identity::Part::Name(name) => {
                    let kind = if arn.has_names() {
                        Kind::Name
                    } else {
                        Kind::Resource
                    };
                    resource.push_str(&self.stands_for(kind, &format!("{account}/{name}")));
                }
            }
        }
        Some(format!(
            "arn:{}:{}:{}:{}:{}",
            arn.partition,
            arn.service,
            arn.region,
            self.stands_for(Kind::Account, &account),
            resource
        ))
    }
}
