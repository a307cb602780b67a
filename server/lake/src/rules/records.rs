//! What records of a batch have at the paths that rules ask for, read once for all rules.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, StringArray};

use super::wanted::Wanted;
use crate::functions::{PathTest, Paths};

/// Most values of one record that are kept.
const MOST_OF_ONE: usize = 256;
/// Most distinct values of a batch that are kept, and most bytes of their texts.
const MOST_VALUES: usize = 1 << 16;
const MOST_BYTES: usize = 16 << 20;

/// What was read of a record.
#[derive(Debug, Clone, Copy)]
enum Read {
    /// Nothing yet.
    No,
    /// Its values are among all of them from here to there.
    At(usize, usize),
    /// It is no JSON, is broken or has too many values: each test looks at it by itself.
    Alone,
}

/// Values at one path.
#[derive(Default)]
struct Values {
    numbers: HashMap<Arc<str>, u32, ahash::RandomState>,
    null: Option<u32>,
    /// By their numbers; none is null.
    texts: Vec<Option<Arc<str>>>,
    /// By their numbers the rules that want a text in them; shorter if no rule does.
    wanted: Vec<Box<[usize]>>,
}

/// The records of a batch.
pub(super) struct Records<'b> {
    raw: &'b StringArray,
    paths: &'b Paths,
    /// By paths, some without texts that are looked for.
    wanted: &'b [Option<Wanted>],
    read: Vec<Read>,
    /// Path and value.
    found: Vec<(u32, u32)>,
    values: Vec<Values>,
    distinct: usize,
    bytes: usize,
}

impl<'b> Records<'b> {
    pub(super) fn new(
        raw: &'b StringArray,
        paths: &'b Paths,
        wanted: &'b [Option<Wanted>],
    ) -> Self {
        Self {
            raw,
            paths,
            wanted,
            read: vec![Read::No; raw.len()],
            found: Vec::new(),
            values: wanted.iter().map(|_| Values::default()).collect(),
            distinct: 0,
            bytes: 0,
        }
    }

    /// The record of a row; none where there is none.
    fn record(&self, row: usize) -> Option<&'b str> {
        (row < self.raw.len() && self.raw.is_valid(row)).then(|| self.raw.value(row))
    }

    fn read(&mut self, row: usize) -> Read {
        match self.read.get(row) {
            Some(Read::No) => {}
            Some(read) => return *read,
            None => return Read::Alone,
        }
        let from = self.found.len();
        let whole = match self.record(row) {
            None => false,
            Some(record) => {
                let paths = self.paths;
                paths.read(record, &mut |path, leaf| {
                    self.keep(from, path, leaf.text()).is_none()
                })
            }
        };
        let read = if whole {
            Read::At(from, self.found.len())
        } else {
            self.found.truncate(from);
            Read::Alone
        };
        if let Some(at) = self.read.get_mut(row) {
            *at = read;
        }
        read
    }

    /// Keeps a value of a record whose values begin there; none if that is too much.
    fn keep(&mut self, from: usize, path: usize, text: Option<&str>) -> Option<()> {
        if self.found.len() - from >= MOST_OF_ONE {
            return None;
        }
        let values = self.values.get_mut(path)?;
        let known = match text {
            Some(text) => values.numbers.get(text).copied(),
            None => values.null,
        };
        let number = match known {
            Some(number) => number,
            None => {
                let length = text.map_or(0, str::len);
                if self.distinct >= MOST_VALUES || self.bytes + length > MOST_BYTES {
                    return None;
                }
                self.distinct += 1;
                self.bytes += length;
                values.add(text, self.wanted.get(path)?.as_ref())
            }
        };
        self.found.push((u32::try_from(path).ok()?, number));
        Some(())
    }

    /// How many distinct values were read at a path so far.
    pub(super) fn distinct(&self, path: usize) -> usize {
        self.values.get(path).map_or(0, |values| values.texts.len())
    }

    /// Reads these rows.
    pub(super) fn read_all(&mut self, rows: &[u32]) {
        for row in rows {
            self.read(*row as usize);
        }
    }

    /// For each of these rows, which were read, whether the test is fulfilled. `known` has what
    /// came of it for values by their numbers, and takes in what comes of others.
    pub(super) fn test<'r>(
        &'r self,
        path: usize,
        test: &'r PathTest,
        known: &'r mut [Outcome],
        rows: &'r [u32],
    ) -> impl FnMut(usize) -> bool + 'r {
        let texts = self.values.get(path).map(|values| values.texts.as_slice());
        let texts = texts.unwrap_or_default();
        let denies = test.denies();
        let number = path as u32;
        move |at| {
            let Some(row) = rows.get(at).map(|row| *row as usize) else {
                return false;
            };
            let Some(Read::At(from, to)) = self.read.get(row) else {
                return test.of(self.record(row));
            };
            let found = self.found.get(*from..*to).unwrap_or_default();
            let settled = found.iter().any(|(path, value)| {
                *path == number && {
                    let value = *value as usize;
                    match known.get(value) {
                        Some(Outcome::No) => false,
                        Some(Outcome::Settled) => true,
                        _ => {
                            let text = texts.get(value).and_then(Option::as_deref);
                            let settled = test.settled_by(text);
                            if let Some(known) = known.get_mut(value) {
                                *known = if settled {
                                    Outcome::Settled
                                } else {
                                    Outcome::No
                                };
                            }
                            settled
                        }
                    }
                }
            });
            settled != denies
        }
    }

    /// For each rule that wants texts in values the rows that have one, ascending; rows that were
    /// not read are left out.
    pub(super) fn wanted(&self) -> BTreeMap<usize, Vec<u32>> {
        let mut rows: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (row, read) in (0_u32..).zip(&self.read) {
            let Read::At(from, to) = read else { continue };
            for (path, value) in self.found.get(*from..*to).unwrap_or_default() {
                let values = self.values.get(*path as usize);
                let rules = values.and_then(|values| values.wanted.get(*value as usize));
                for rule in rules.into_iter().flatten() {
                    let rows = rows.entry(*rule).or_default();
                    if rows.last() != Some(&row) {
                        rows.push(row);
                    }
                }
            }
        }
        rows
    }

    /// The rows that could not be read, ascending.
    pub(super) fn alone(&self) -> impl Iterator<Item = u32> {
        let rows = (0_u32..).zip(&self.read);
        rows.filter_map(|(row, read)| matches!(read, Read::Alone).then_some(row))
    }
}

/// What came of a test for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    Unknown,
    No,
    Settled,
}

impl Values {
    fn add(&mut self, text: Option<&str>, wanted: Option<&Wanted>) -> u32 {
        // There are few enough of them.
        let number = self.texts.len() as u32;
        let text: Option<Arc<str>> = text.map(Arc::from);
        match &text {
            Some(text) => drop(self.numbers.insert(Arc::clone(text), number)),
            None => self.null = Some(number),
        }
        if let Some(wanted) = wanted {
            let mut rules = Vec::new();
            wanted.of(text.as_deref().unwrap_or_default().as_bytes(), &mut rules);
            self.wanted.push(rules.into());
        }
        self.texts.push(text);
        number
    }
}
