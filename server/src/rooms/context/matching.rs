//! Holding an event against what a tenant has told. Pure, and bounded whatever was told: names are
//! looked up by hash, networks by each length of prefix that there is; of planned work there are 200
//! at most, and a pattern takes time linear in the text.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{About, Entry, network};
use super::patterns::{Glob, Networks};

/// Most entries of a kind that one name or address leads to, crown jewels first.
pub(crate) const MOST_OF_A_KIND: usize = 8;
/// Most names of what a resource lies below that are looked up.
const MOST_NAMES: usize = 48;
/// As many resources as events name: of one that names so many nobody knows whether there are more.
const MOST_RESOURCES: usize = 64;
/// Longest value that is told, in characters.
const LONGEST: usize = 256;

/// What an event says that context is held against.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts<'a> {
    /// When it happened, nanoseconds since 1970; `None` if its time is not to be trusted.
    pub(crate) time_ns: Option<i64>,
    pub(crate) account: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) resources: &'a [String],
    pub(crate) source: Option<IpAddr>,
    pub(crate) destination: Option<IpAddr>,
}

/// What something has to say of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum ContextMatchKind {
    CrownJewel,
    Asset,
    PlannedWork,
    TrustedNetwork,
}

/// Something told that fits an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextMatch {
    pub(crate) kind: ContextMatchKind,
    pub(crate) entry: Uuid,
    /// What of the event fits, by the name of its column.
    pub(crate) field: &'static str,
    pub(crate) value: String,
}

/// What is said of an entry where it explains something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) kind: ContextMatchKind,
    pub(crate) display_name: String,
    /// What else it is, in a few words; may be empty.
    pub(crate) words: String,
}

struct Work {
    entry: Uuid,
    /// Event time of the first moment and of the first after.
    times: (i64, i64),
    principals: Vec<Glob>,
    operations: Vec<Glob>,
    resources: Vec<Glob>,
}

/// All that a tenant has told, ready.
#[derive(Default)]
pub(crate) struct Context {
    said: HashMap<Uuid, Said>,
    names: HashMap<String, Vec<(ContextMatchKind, Uuid)>>,
    assets: Networks<ContextMatchKind>,
    work: Vec<Work>,
    trusted: Networks<Option<i64>>,
    bytes: usize,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} entries)", self.said.len())
    }
}

impl Context {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        // Crown jewels first, then in the order in which they were told.
        entries.sort_by_key(|entry| (!entry.about.crown_jewel(), entry.id));
        let mut context = Self::default();
        for entry in entries {
            context.add(entry);
        }
        context
    }

    fn add(&mut self, entry: Entry) {
        let id = entry.id;
        let (kind, words) = match entry.about {
            About::Asset(asset) => {
                let kind = match asset.crown_jewel {
                    true => ContextMatchKind::CrownJewel,
                    false => ContextMatchKind::Asset,
                };
                for identifier in &asset.identifiers {
                    self.bytes += identifier.len() + 128;
                    match network(identifier) {
                        Some(net) => self.assets.add(net, (kind, id)),
                        None => {
                            let of = self.names.entry(identifier.to_ascii_lowercase());
                            let of = of.or_default();
                            if of.len() < MOST_OF_A_KIND && !of.iter().any(|(_, one)| *one == id) {
                                of.push((kind, id));
                            }
                        }
                    }
                }
                let contact = match asset.owner_contact.as_str() {
                    "" => String::new(),
                    contact => format!("ask {contact}"),
                };
                let words = [asset.role, asset.operating_system, contact];
                (kind, words)
            }
            About::PlannedWork(work) => {
                let globs = |texts: &[String]| texts.iter().map(|text| Glob::new(text)).collect();
                self.bytes += 16_384;
                self.work.push(Work {
                    entry: id,
                    times: (nanos(work.start), nanos(work.end)),
                    principals: globs(&work.principals),
                    operations: globs(&work.operations),
                    resources: globs(&work.resources),
                });
                let times = format!("from {} to {}", work.start, work.end);
                let words = [work.reference, times, String::new()];
                (ContextMatchKind::PlannedWork, words)
            }
            About::TrustedNetwork(of) => {
                for net in of.cidrs.iter().filter_map(|text| network(text)) {
                    self.bytes += 128;
                    self.trusted.add(net, (of.expires.map(nanos), id));
                }
                (ContextMatchKind::TrustedNetwork, Default::default())
            }
        };
        let words = words.iter().map(String::as_str);
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let said = Said {
            kind,
            display_name: entry.display_name,
            words: words.join(", "),
        };
        self.bytes += said.display_name.len() + said.words.len() + 256;
        self.said.insert(id, said);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// About how many bytes it takes in memory.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is said of an entry; `None` if it is not told any more.
    pub(crate) fn said(&self, entry: Uuid) -> Option<&Said> {
        self.said.get(&entry)
    }

    /// What fits an event: crown jewels first, then other assets, planned work, trusted networks; at
    /// most [`MOST_OF_A_KIND`] of each.
    pub(crate) fn matches(&self, facts: &Facts<'_>) -> Vec<ContextMatch> {
        let mut found = Found::default();
        self.concerned("account", facts.account, &mut found);
        let resources = match self.names.is_empty() {
            true => &[][..],
            false => facts.resources,
        };
        for resource in resources {
            for name in below(resource) {
                self.concerned_by("resource", &name, resource, &mut found);
            }
        }
        let addresses = [
            ("source_address", facts.source),
            ("destination_address", facts.destination),
        ];
        for (field, address) in addresses {
            if let Some(address) = address {
                self.assets.of(address, |(kind, id)| {
                    found.add(*kind, *id, field, &address.to_string());
                });
            }
        }
        if let Some(time) = facts.time_ns {
            for work in &self.work {
                if let Some((field, value)) = work.covers((time, time), facts) {
                    found.add(ContextMatchKind::PlannedWork, work.entry, field, value);
                }
            }
            if let Some(address) = facts.source {
                self.trusted.of(address, |(expires, id)| {
                    if expires.is_none_or(|end| time < end) {
                        let kind = ContextMatchKind::TrustedNetwork;
                        found.add(kind, *id, "source_address", &address.to_string());
                    }
                });
            }
        }
        found.0.sort_by_key(|one| one.kind);
        found.0
    }

    /// Planned work that holds all that a principal does from one time to another, whatever it is.
    pub(crate) fn planned(&self, actor: &str, times: (i64, i64)) -> Vec<ContextMatch> {
        let facts = Facts {
            actor,
            ..Facts::default()
        };
        let mut found = Found::default();
        for work in &self.work {
            if !work.operations.is_empty() || !work.resources.is_empty() {
                continue;
            }
            if let Some((field, value)) = work.covers(times, &facts) {
                found.add(ContextMatchKind::PlannedWork, work.entry, field, value);
            }
        }
        found.0
    }

    fn concerned(&self, field: &'static str, value: &str, found: &mut Found) {
        self.concerned_by(field, value, value, found);
    }

    fn concerned_by(&self, field: &'static str, name: &str, value: &str, found: &mut Found) {
        if name.is_empty() {
            return;
        }
        let of = self.names.get(&name.to_ascii_lowercase());
        for (kind, id) in of.into_iter().flatten() {
            found.add(*kind, *id, field, value);
        }
    }
}

impl Work {
    /// What of something that happened within these times is part of the work, if all of it is.
    fn covers<'f>(
        &self,
        (first, last): (i64, i64),
        facts: &Facts<'f>,
    ) -> Option<(&'static str, &'f str)> {
        let (start, end) = self.times;
        if first < start || last >= end {
            return None;
        }
        let any = |globs: &[Glob], text: &str| globs.iter().any(|glob| glob.fits(text));
        let mut fits = None;
        if !self.resources.is_empty() {
            // One that is not part of it is enough to be no part of it.
            let all = facts.resources.len() < MOST_RESOURCES
                && facts.resources.iter().all(|one| any(&self.resources, one));
            fits = Some((
                "resource",
                facts.resources.first().filter(|_| all)?.as_str(),
            ));
        }
        if !self.operations.is_empty() {
            let fit = any(&self.operations, facts.operation);
            fits = Some(("operation", Some(facts.operation).filter(|_| fit)?));
        }
        if !self.principals.is_empty() {
            let account = self.principals.iter().any(|one| one.is(facts.account));
            fits = match any(&self.principals, facts.actor) {
                true => Some(("actor", facts.actor)),
                false if account => Some(("account", facts.account)),
                false => return None,
            };
        }
        fits
    }
}

#[derive(Default)]
struct Found(Vec<ContextMatch>);

impl Found {
    fn add(&mut self, kind: ContextMatchKind, entry: Uuid, field: &'static str, value: &str) {
        let of_kind = self.0.iter().filter(|one| one.kind == kind).count();
        if of_kind >= MOST_OF_A_KIND || self.0.iter().any(|one| one.entry == entry) {
            return;
        }
        self.0.push(ContextMatch {
            kind,
            entry,
            field,
            value: value.chars().take(LONGEST).collect(),
        });
    }
}

/// The names by which a resource may have been told: itself, what it lies below, and of an ARN what it
/// is called within its service. Each once, and a bounded number of them.
fn below(resource: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut add_all = |text: &str| {
        names.push(text.to_owned());
        let ends = text.match_indices(['/', ':']).map(|(at, _)| at);
        names.extend(
            ends.filter_map(|at| text.get(..at))
                .filter(|name| !name.is_empty())
                .take(MOST_NAMES / 3)
                .map(str::to_owned),
        );
    };
    add_all(resource);
    if resource.starts_with("arn:")
        && let Some(within) = resource.splitn(6, ':').nth(5)
    {
        add_all(within);
        // Without its type, as in `instance/i-0abc` and `db:orders`.
        if let Some((_, id)) = within.split_once(['/', ':']) {
            add_all(id);
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn nanos(time: Timestamp) -> i64 {
    cordon_kernel::db::nanos(time)
}
