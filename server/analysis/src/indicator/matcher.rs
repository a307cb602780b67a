//! All indicators held against one event at once.

use std::collections::HashMap;
use std::net::IpAddr;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use ipnet::IpNet;

use super::{Atom, Indicator, Test};
use crate::row::Row;

/// Most places of one record that are looked at.
pub(super) const MOST_PLACES: usize = 65_536;

pub(super) struct Matcher {
    /// Atoms by what they ask for; each has a number.
    addresses: HashMap<IpAddr, Vec<usize>>,
    ranges: Vec<(IpNet, usize)>,
    /// In lower case.
    accounts: HashMap<String, Vec<usize>>,
    names: HashMap<String, Vec<usize>>,
    needles: Vec<(Needle, usize)>,
    finder: Option<AhoCorasick>,
    /// Which indicators have an atom.
    used_by: Vec<Vec<usize>>,
    tests: Vec<Numbered>,
}

struct Needle {
    kind: Word,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Hash,
    Domain,
    Url,
}

/// A test with atoms by their numbers.
enum Numbered {
    One(usize),
    All(Vec<Numbered>),
    Any(Vec<Numbered>),
}

impl Numbered {
    fn holds(&self, found: &[bool]) -> bool {
        match self {
            Self::One(atom) => found.get(*atom).copied().unwrap_or_default(),
            Self::All(parts) => parts.iter().all(|part| part.holds(found)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(found)),
        }
    }
}

/// A text as JSON writes it between quotes.
pub(super) fn as_written(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

impl Matcher {
    /// Makes it ready; none if the texts to look for are too many.
    pub(super) fn new(indicators: &[Indicator]) -> Option<Self> {
        let mut made = Self {
            addresses: HashMap::new(),
            ranges: Vec::new(),
            accounts: HashMap::new(),
            names: HashMap::new(),
            needles: Vec::new(),
            finder: None,
            used_by: Vec::new(),
            tests: Vec::new(),
        };
        for (at, indicator) in indicators.iter().enumerate() {
            let test = made.number(&indicator.test, at);
            made.tests.push(test);
        }
        if !made.needles.is_empty() {
            let texts = made.needles.iter().map(|(needle, _)| needle.text.as_str());
            let finder = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                // Bounded by the bytes of the texts, which are bounded.
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(texts)
                .ok()?;
            made.finder = Some(finder);
        }
        Some(made)
    }

    fn number(&mut self, test: &Test, indicator: usize) -> Numbered {
        let mut all = |parts: &[Test]| {
            let parts = parts.iter().map(|part| self.number(part, indicator));
            parts.collect()
        };
        let atom = match test {
            Test::All(parts) => return Numbered::All(all(parts)),
            Test::Any(parts) => return Numbered::Any(all(parts)),
            Test::One(atom) => atom,
        };
        let number = self.used_by.len();
        self.used_by.push(vec![indicator]);
        let mut needle = |kind, text: &str| {
            let text = as_written(text);
            self.needles.push((Needle { kind, text }, number));
        };
        match atom {
            Atom::Range(range) if range.prefix_len() == range.max_prefix_len() => {
                self.addresses.entry(range.addr()).or_default().push(number);
            }
            Atom::Range(range) => self.ranges.push((*range, number)),
            Atom::Account(name) => {
                let name = name.to_lowercase();
                self.accounts.entry(name).or_default().push(number);
            }
            Atom::Name(name) => self.names.entry(name.clone()).or_default().push(number),
            Atom::Hash(text) => needle(Word::Hash, text),
            Atom::Domain(text) => needle(Word::Domain, text),
            Atom::Url(text) => needle(Word::Url, text),
        }
        Numbered::One(number)
    }

    pub(super) fn reads_records(&self) -> bool {
        self.finder.is_some()
    }

    /// Which indicators the event has, in order; and whether all of its record was looked at.
    pub(super) fn hits(&self, row: &Row<'_>) -> (Vec<usize>, bool) {
        let mut atoms = Vec::new();
        for address in [row.src_ip, row.dst_ip].into_iter().flatten() {
            let plain = address.to_canonical();
            for one in [Some(address), (plain != address).then_some(plain)] {
                atoms.extend(
                    one.and_then(|ip| self.addresses.get(&ip))
                        .into_iter()
                        .flatten(),
                );
            }
            let within =
                |range: &&(IpNet, usize)| range.0.contains(&address) || range.0.contains(&plain);
            atoms.extend(self.ranges.iter().filter(within).map(|(_, atom)| atom));
        }
        if !row.actor.is_empty() && !self.accounts.is_empty() {
            let actor = row.actor.to_lowercase();
            let ends = actor.match_indices(['/', ':']);
            let ends = ends.filter_map(|(at, _)| actor.get(at + 1..));
            for end in std::iter::once(actor.as_str()).chain(ends) {
                atoms.extend(self.accounts.get(end).into_iter().flatten());
            }
        }
        if !self.names.is_empty() {
            for name in row.resources.iter().chain([&row.actor]) {
                atoms.extend(self.names.get(*name).into_iter().flatten());
            }
        }
        let mut whole = true;
        let raw_atoms = self.in_record(row.raw, &mut whole);
        if atoms.is_empty() && raw_atoms.is_empty() {
            return (Vec::new(), whole);
        }
        let mut found = vec![false; self.used_by.len()];
        let mut asked = Vec::new();
        for atom in atoms.into_iter().copied().chain(raw_atoms) {
            if let Some(found) = found.get_mut(atom) {
                *found = true;
            }
            asked.extend(self.used_by.get(atom).into_iter().flatten().copied());
        }
        asked.sort_unstable();
        asked.dedup();
        asked.retain(|at| self.tests.get(*at).is_some_and(|test| test.holds(&found)));
        (asked, whole)
    }

    fn in_record(&self, raw: &str, whole: &mut bool) -> Vec<usize> {
        let mut atoms = Vec::new();
        let Some(finder) = &self.finder else {
            return atoms;
        };
        for (places, place) in finder.find_overlapping_iter(raw).enumerate() {
            if places >= MOST_PLACES {
                *whole = false;
                break;
            }
            let Some((needle, atom)) = self.needles.get(place.pattern().as_usize()) else {
                continue;
            };
            if stands_alone(raw, place.start(), place.end(), needle) {
                atoms.push(*atom);
            }
        }
        atoms.sort_unstable();
        atoms.dedup();
        atoms
    }
}

/// Whether what was found is a word of its own and no part of a longer one.
fn stands_alone(raw: &str, start: usize, end: usize, needle: &Needle) -> bool {
    let (Some(before), Some(found), Some(after)) =
        (raw.get(..start), raw.get(start..end), raw.get(end..))
    else {
        return false;
    };
    let (last, next) = (before.chars().next_back(), after.chars().next());
    let word = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric());
    match needle.kind {
        Word::Hash => !word(last) && !word(next),
        Word::Domain => {
            let inside = |letter: Option<char>| word(letter) || matches!(letter, Some('-' | '_'));
            // A full stop after a name may end a sentence or the name itself.
            let goes_on = next == Some('.') && word(after.chars().nth(1));
            !inside(last) && last != Some('.') && !inside(next) && !goes_on
        }
        Word::Url => {
            let ends = next.is_none_or(|c| {
                c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '<' | '>' | ')' | ',' | ';')
            });
            ends && !word(last) && same_url(found, &needle.text)
        }
    }
}

/// Scheme and host without regard to case, the rest with it.
fn same_url(left: &str, right: &str) -> bool {
    let host = right.find("://").map_or(0, |at| at + 3);
    let path = right.get(host..).and_then(|rest| rest.find('/'));
    let path = path.map_or(right.len(), |at| host + at);
    left.get(path..) == right.get(path..)
}
