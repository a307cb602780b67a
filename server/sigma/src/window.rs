//! What a correlation remembers of what was selected: a window that slides over the events'
//! own time, for each group. It goes with the cursor up to which events were looked at, so
//! that after a restart or on another server counting goes on where it stood.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::correlation::{Correlation, CorrelationKind};

/// Most groups that one rule remembers. The group that was quiet for longest makes room.
pub const MAX_GROUPS: usize = 4_096;
/// Most events that one rule remembers over all groups.
pub const MAX_HITS: usize = 32_768;
/// Most events that are remembered of one group: the oldest make room.
const MAX_OF_GROUP: usize = 2_048;
/// Most bytes of one group's values; what is longer is cut.
const LONGEST_VALUE: usize = 256;

/// One selected event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// When it happened, nanoseconds since 1970.
    pub time: i64,
    /// The event's name.
    pub name: [u8; 16],
    /// Which of the correlation's selections took it, by its place there.
    pub selection: u16,
    /// The value that is counted, for `value_count`.
    pub value: Option<String>,
}

/// What is remembered of one group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Group {
    hits: Vec<Hit>,
    /// Until this time (of events) the group makes no finding again.
    quiet_until: Option<i64>,
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
        let gone = gone.max(of.hits.len().saturating_sub(MAX_OF_GROUP));
        of.hits.drain(..gone);
        self.hits -= gone;
        let found = found(rule, of, time, span);
        if found.is_some() {
            of.quiet_until = Some(time.saturating_add(span));
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
    if group.quiet_until.is_some_and(|until| time <= until) {
        return None;
    }
    let from = group
        .hits
        .partition_point(|hit| hit.time <= time.saturating_sub(span));
    let upto = group.hits.partition_point(|hit| hit.time <= time);
    let window = |from: usize| {
        let begin = group.hits.get(from).map_or(time, |hit| hit.time);
        let beyond = begin.saturating_add(span);
        let to = group.hits.partition_point(|hit| hit.time < beyond);
        group.hits.get(from..to).unwrap_or_default()
    };
    // All windows that hold the new event begin at one of the events up to it. What is not
    // late ends them all, so that the longest says it.
    let late = upto < group.hits.len();
    let begins = if late { from..upto } else { from..from + 1 };
    let around = group
        .hits
        .partition_point(|hit| hit.time < time.saturating_add(span));
    if ((around - from) as u64) < rule.at_least {
        return None;
    }
    begins
        .map(window)
        .find(|hits| fulfils(rule, hits))
        .map(<[Hit]>::to_vec)
}

fn fulfils(rule: &Correlation, hits: &[Hit]) -> bool {
    let least = usize::try_from(rule.at_least).unwrap_or(usize::MAX);
    match rule.kind {
        CorrelationKind::EventCount => {
            let mut names: Vec<[u8; 16]> = hits.iter().map(|hit| hit.name).collect();
            names.sort_unstable();
            names.dedup();
            names.len() >= least
        }
        CorrelationKind::ValueCount => {
            let mut values: Vec<&str> =
                hits.iter().filter_map(|hit| hit.value.as_deref()).collect();
            values.sort_unstable();
            values.dedup();
            values.len() >= least
        }
        CorrelationKind::Temporal => (0..rule.selections.len())
            .all(|wanted| hits.iter().any(|hit| usize::from(hit.selection) == wanted)),
        CorrelationKind::TemporalOrdered => {
            let mut wanted = 0;
            let mut after = i64::MIN;
            for hit in hits {
                if usize::from(hit.selection) == wanted && hit.time >= after {
                    wanted += 1;
                    after = hit.time;
                }
            }
            wanted == rule.selections.len()
        }
    }
}
