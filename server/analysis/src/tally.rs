//! Counts by key, of bounded size.

use std::collections::BTreeMap;

use crate::answer::{Remark, RemarkReason};
use crate::row::Row;

/// What is counted of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) failed: u64,
    /// Nanoseconds since 1970.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The earliest event of it; of several at one time that with the smallest name.
    pub(crate) event: [u8; 16],
}

impl Tally {
    pub(crate) fn of(row: &Row<'_>) -> Self {
        Self {
            count: 1,
            failed: u64::from(row.failed()),
            first: row.time_ns,
            last: row.time_ns,
            event: row.name,
        }
    }

    pub(crate) fn add(&mut self, row: &Row<'_>) {
        self.count += 1;
        self.failed += u64::from(row.failed());
        if (row.time_ns, row.name) < (self.first, self.event) {
            self.first = row.time_ns;
            self.event = row.name;
        }
        self.last = self.last.max(row.time_ns);
    }
}

/// Most bytes of the keys of one set of tallies.
const MOST_KEY_BYTES: usize = 4 << 20;

/// What is counted by.
pub(crate) trait Key: Ord + Clone {
    /// Its texts, in bytes.
    fn bytes(&self) -> usize;
}

impl Key for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Key for (String, String) {
    fn bytes(&self) -> usize {
        self.0.len() + self.1.len()
    }
}

/// Tallies by key. Once there are as many keys, or as many
/// bytes of them (4 MiB), as there may be, new ones are counted together.
#[derive(Debug)]
pub(crate) struct Tallies<K> {
    map: BTreeMap<K, Tally>,
    most: usize,
    bytes: usize,
    beyond: u64,
}

impl<K: Key> Tallies<K> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            map: BTreeMap::new(),
            most,
            bytes: 0,
            beyond: 0,
        }
    }

    pub(crate) fn add(&mut self, key: K, row: &Row<'_>) {
        if let Some(tally) = self.map.get_mut(&key) {
            tally.add(row);
            return;
        }
        let bytes = self.bytes + key.bytes();
        if self.map.len() < self.most && bytes <= MOST_KEY_BYTES {
            self.bytes = bytes;
            self.map.insert(key, Tally::of(row));
        } else {
            self.beyond += 1;
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&Tally> {
        self.map.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &Tally)> {
        self.map.iter()
    }

    /// Most frequent first, then by key.
    pub(crate) fn by_count(&self) -> Vec<(&K, &Tally)> {
        let mut all: Vec<_> = self.map.iter().collect();
        all.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
        all
    }

    /// Events whose key found no room.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Says that keys found no room, if any did not.
    pub(crate) fn remark(&self, what: &str, remarks: &mut Vec<Remark>) {
        if self.beyond > 0 {
            remarks.push(Remark::new(
                RemarkReason::Full,
                format!(
                    "More {what} were found than are remembered ({}); {} events of others are not \
                     counted by them. Narrow the time or the accounts.",
                    self.map.len(),
                    self.beyond
                ),
            ));
        }
    }
}

/// Most bytes that are remembered of a key.
pub(crate) const LONGEST_KEY: usize = 1024;

/// The text, cut to what is remembered of a key.
pub(crate) fn key(text: &str) -> String {
    let mut end = text.len().min(LONGEST_KEY);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
