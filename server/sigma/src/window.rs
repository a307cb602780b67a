//! What a correlation remembers of what was selected: a window that slides over the events'
//! own time, for each group. It goes with the cursor up to which events were looked at, so
//! that after a restart or on another server counting goes on where it stood.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::correlation::{Correlation, CorrelationKind};

/// Most groups that one rule remembers. The group that was quiet for longest makes room.
pub const MAX_GROUPS: usize = 2_048;
/// Most events that one rule remembers over all groups.
pub const MAX_HITS: usize = 8_192;
/// Most events that are remembered of one group: the oldest make room.
const MAX_OF_GROUP: usize = 2_048;
/// The same where their order counts, which takes longer to look through.
const MAX_ORDERED: usize = 256;
/// Most characters of a value by which is grouped; what is longer is cut.
const LONGEST_VALUE: usize = 256;

/// One selected event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// When it happened, nanoseconds since 1970.
    pub time: i64,
    /// Which of the correlation's selections took it, by its place there. Of events of one moment
    /// those of the earlier selection count as the earlier.
    pub selection: u16,
    /// The event's name.
    pub name: [u8; 16],
    /// The value that is counted, for `value_count`.
    pub value: Option<String>,
    /// What the caller notes of it, and has back with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<[u8; 16]>,
}

/// What is remembered of one group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Group {
    hits: Vec<Hit>,
    /// From one time (of events) to another the group makes no finding again.
    quiet: Option<(i64, i64)>,
}

/// What one rule remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Window {
    groups: BTreeMap<String, Group>,
    hits: usize,
    /// Groups that made room before their time was over: findings may be missing.
    pub forgotten: u64,
}

impl Window {
    /// Takes a selected event into its group, and says which events make a finding now, oldest
    /// first. A group that made one makes the next after the timespan at the earliest.
    pub fn take(&mut self, rule: &Correlation, group: &[String], hit: Hit) -> Option<Vec<Hit>> {
        let span = i64::try_from(rule.timespan)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000_000);
        let key = key(group);
        let known = self.groups.contains_key(&key);
        if !known && self.groups.len() >= MAX_GROUPS {
            self.make_room();
        }
        let of = self.groups.entry(key).or_default();
        if of
            .hits
            .iter()
            .any(|before| before.name == hit.name && before.selection == hit.selection)
        {
            return None;
        }
        let at = of.hits.partition_point(|before| *before <= hit);
        let time = hit.time;
        of.hits.insert(at, hit);
        self.hits += 1;
        // Twice the time, so that what comes late still meets what it belongs to.
        let newest = of.hits.last().map_or(time, |last| last.time);
        let horizon = newest.saturating_sub(span.saturating_mul(2));
        let gone = of.hits.partition_point(|hit| hit.time < horizon);
        let most = match rule.kind {
            CorrelationKind::TemporalOrdered => MAX_ORDERED,
            _ => MAX_OF_GROUP,
        };
        let gone = gone.max(of.hits.len().saturating_sub(most));
        of.hits.drain(..gone);
        self.hits -= gone;
        let found = found(rule, of, time, span);
        if let Some(first) = found.as_ref().and_then(|hits| hits.first()) {
            of.quiet = Some((first.time.saturating_sub(span), time.saturating_add(span)));
        }
        while self.hits > MAX_HITS && self.groups.len() > 1 {
            self.make_room();
        }
        found
    }

    /// Forgets the group whose newest event is oldest.
    fn make_room(&mut self) {
        let newest = |group: &Group| group.hits.last().map(|hit| hit.time);
        let oldest = self
            .groups
            .iter()
            .min_by_key(|(_, group)| newest(group))
            .map(|(key, _)| key.clone());
        if let Some(group) = oldest.and_then(|key| self.groups.remove(&key)) {
            self.hits -= group.hits.len();
            self.forgotten += 1;
        }
    }

    /// Forgets groups of which nothing can count any more: those that have been quiet for twice the
    /// rule's time while others were not.
    pub fn prune(&mut self, rule: &Correlation) {
        let span = i64::try_from(rule.timespan)
            .unwrap_or(i64::MAX)
            .saturating_mul(2_000_000_000);
        let newest = |group: &Group| group.hits.last().map(|hit| hit.time);
        let Some(last) = self.groups.values().filter_map(newest).max() else {
            return;
        };
        let oldest = last.saturating_sub(span);
        self.groups
            .retain(|_, group| newest(group).is_some_and(|time| time >= oldest));
        self.hits = self.groups.values().map(|group| group.hits.len()).sum();
    }

    /// Groups and events that are remembered.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.groups.len(), self.hits)
    }
}

/// The group's values as one text; their lengths keep them apart.
fn key(group: &[String]) -> String {
    let mut key = String::new();
    for value in group {
        let value: String = value.chars().take(LONGEST_VALUE).collect();
        key.push_str(&format!("{}:{value}", value.len()));
    }
    key
}

/// The events of a window around `time` that fulfil the correlation.
fn found(rule: &Correlation, group: &Group, time: i64, span: i64) -> Option<Vec<Hit>> {
    let quiet = |(from, until): (i64, i64)| (from..=until).contains(&time);
    if group.quiet.is_some_and(quiet) {
        return None;
    }
    let from = group
        .hits
        .partition_point(|hit| hit.time <= time.saturating_sub(span));
    let upto = group.hits.partition_point(|hit| hit.time <= time);
    // All windows that hold the new event begin at one of the events up to it. What is not
    // late ends them all, so that the longest says it.
    let late = upto < group.hits.len();
    let begins = if late { from..upto } else { from..from + 1 };
    let mut seen = Seen::default();
    let mut to = from;
    for begin in begins {
        let beyond = group.hits.get(begin)?.time.saturating_add(span);
        while let Some(hit) = group.hits.get(to).filter(|hit| hit.time < beyond) {
            seen.add(rule.kind, hit);
            to += 1;
        }
        let hits = group.hits.get(begin..to)?;
        if seen.fulfil(rule, hits) {
            return Some(hits.to_vec());
        }
        seen.remove(rule.kind, group.hits.get(begin)?);
    }
    None
}

/// What of a window's events counts, each with how often it is there.
#[derive(Default)]
struct Seen<'h> {
    names: HashMap<[u8; 16], usize>,
    values: HashMap<&'h str, usize>,
    selections: HashMap<u16, usize>,
}

impl<'h> Seen<'h> {
    fn add(&mut self, kind: CorrelationKind, hit: &'h Hit) {
        match kind {
            CorrelationKind::EventCount => *self.names.entry(hit.name).or_default() += 1,
            CorrelationKind::ValueCount => {
                if let Some(value) = hit.value.as_deref() {
                    *self.values.entry(value).or_default() += 1;
                }
            }
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                *self.selections.entry(hit.selection).or_default() += 1;
            }
        }
    }

    fn remove(&mut self, kind: CorrelationKind, hit: &'h Hit) {
        match kind {
            CorrelationKind::EventCount => less(&mut self.names, &hit.name),
            CorrelationKind::ValueCount => {
                if let Some(value) = hit.value.as_deref() {
                    less(&mut self.values, &value);
                }
            }
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                less(&mut self.selections, &hit.selection);
            }
        }
    }

    fn fulfil(&self, rule: &Correlation, hits: &[Hit]) -> bool {
        let least = usize::try_from(rule.at_least).unwrap_or(usize::MAX);
        match rule.kind {
            CorrelationKind::EventCount => self.names.len() >= least,
            CorrelationKind::ValueCount => self.values.len() >= least,
            CorrelationKind::Temporal => self.selections.len() == rule.selections.len(),
            CorrelationKind::TemporalOrdered => {
                self.selections.len() == rule.selections.len() && ordered(rule, hits)
            }
        }
    }
}

fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Whether the selections come one after another, each with an event of its own.
fn ordered(rule: &Correlation, hits: &[Hit]) -> bool {
    let mut steps: Vec<[u8; 16]> = Vec::new();
    for hit in hits {
        if usize::from(hit.selection) == steps.len() && !steps.contains(&hit.name) {
            steps.push(hit.name);
        }
    }
    steps.len() == rule.selections.len()
}
