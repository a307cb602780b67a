//! Many filters over the same events: which rule selects which rows of a batch.
//!
//! A rule looks only at rows that hold one of its [`Anchor`]s. Rows are put in the order of
//! their operations once, so that a rule about some operations evaluates its filter on slices
//! of the batch and copies nothing; texts are looked for in all records at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::Int32Type;
use cordon_sigma::{Anchor, Anchors};
use memchr::memmem::Finder;

use crate::error::{LakeError, Result};
use crate::filter::{Condition, Filter};
use crate::schema::{Column, Columns};
use crate::search::keep;

/// Most bytes of texts that are looked for at once.
const MOST_TEXT: usize = 64 << 10;

/// A tenant's rules, ready to look at batches.
pub struct Rules {
    filters: Vec<Arc<Filter>>,
    /// Rules by the operations that they ask for, in lower case.
    operations: HashMap<String, Vec<usize>>,
    texts: Option<Texts>,
    /// Rules that any event may match.
    any: Vec<usize>,
    escape: Finder<'static>,
}

struct Texts {
    automaton: AhoCorasick,
    /// For each text the rules that ask for it.
    rules: Vec<Vec<usize>>,
    /// All of these rules.
    all: Vec<usize>,
}

/// What a rule selected of a batch.
#[derive(Debug)]
pub struct Selected {
    /// The rule, by its place among those given.
    pub rule: usize,
    /// Rows of the batch, ascending; or why the rule's filter failed on an event.
    pub rows: Result<Vec<u32>>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.filters.len())
    }
}

impl Rules {
    /// Rules by their filters and what these ask for.
    ///
    /// # Errors
    /// The texts that they ask for make too large an automaton.
    pub fn new(rules: impl IntoIterator<Item = (Arc<Filter>, Anchors)>) -> Result<Self> {
        let mut filters = Vec::new();
        let mut operations: HashMap<String, Vec<usize>> = HashMap::new();
        let mut texts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut any = Vec::new();
        let mut bytes = 0;
        for (at, (filter, anchors)) in rules.into_iter().enumerate() {
            filters.push(filter);
            let texts_of = |anchors: &[Anchor]| -> usize {
                let length = |anchor: &Anchor| match anchor {
                    Anchor::Text(text) => text.len(),
                    Anchor::Operation(_) => 0,
                };
                anchors.iter().map(length).sum()
            };
            let anchors = match anchors {
                Anchors::OneOf(anchors) if bytes + texts_of(&anchors) <= MOST_TEXT => anchors,
                // What it asks for is more than can be looked for at once: it looks itself.
                Anchors::OneOf(_) | Anchors::Any => {
                    any.push(at);
                    continue;
                }
            };
            bytes += texts_of(&anchors);
            for anchor in anchors {
                match anchor {
                    Anchor::Operation(name) => operations.entry(name).or_default().push(at),
                    Anchor::Text(text) => texts.entry(text).or_default().push(at),
                }
            }
        }
        Ok(Self {
            filters,
            operations,
            texts: Texts::new(texts)?,
            any,
            escape: Finder::new(r"\u00"),
        })
    }

    /// Number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filters.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The columns that [`select`](Self::select) needs.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let own = Columns::of(&[Column::Operation, Column::Raw]);
        self.filters
            .iter()
            .flat_map(|filter| conditions(filter))
            .fold(own, |columns, condition| columns.union(condition.columns))
    }

    /// Which of some rows of a batch a filter takes. A row on which it fails is not taken, and does
    /// not keep it from the others.
    ///
    /// # Errors
    /// The batch lacks a column that the filter reads.
    pub fn taken(filter: &Filter, batch: &RecordBatch, rows: &[u32]) -> Result<Vec<u32>> {
        let chosen = take_record_batch(batch, &UInt32Array::from(rows.to_vec()))?;
        match passing(filter, &chosen, rows) {
            Err(LakeError::Filter(_)) => {}
            done => return done,
        }
        let mut taken = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            match passing(filter, &chosen.slice(at, 1), &[*row]) {
                Ok(rows) => taken.extend(rows),
                Err(LakeError::Filter(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Which rules select which rows. Rules that select none are left out.
    ///
    /// # Errors
    /// The batch lacks a column of [`columns`](Self::columns).
    pub fn select(&self, batch: &RecordBatch) -> Result<Vec<Selected>> {
        let mut found: BTreeMap<usize, Result<BTreeSet<u32>>> = BTreeMap::new();
        let mut add = |rule: usize, rows: Result<Vec<u32>>| {
            let so_far = found.entry(rule).or_insert_with(|| Ok(BTreeSet::new()));
            match (so_far, rows) {
                (Ok(all), Ok(rows)) => all.extend(rows),
                (so_far @ Ok(_), Err(error)) => *so_far = Err(error),
                (Err(_), _) => {}
            }
        };
        let every: Vec<u32> = (0..batch.num_rows() as u32).collect();
        for rule in &self.any {
            add(*rule, self.run(*rule, batch, &every));
        }
        self.by_operation(batch, &mut add)?;
        for (rule, rows) in self.by_text(batch)? {
            let taken = take_record_batch(batch, &UInt32Array::from(rows.clone()))?;
            add(rule, self.run(rule, &taken, &rows));
        }
        let selected = found.into_iter().filter_map(|(rule, rows)| {
            let rows = rows.map(|rows| rows.into_iter().collect::<Vec<u32>>());
            let none = rows.as_ref().is_ok_and(Vec::is_empty);
            (!none).then_some(Selected { rule, rows })
        });
        Ok(selected.collect())
    }

    /// Rules about operations that occur, on the rows with these.
    fn by_operation(
        &self,
        batch: &RecordBatch,
        add: &mut impl FnMut(usize, Result<Vec<u32>>),
    ) -> Result<()> {
        if self.operations.is_empty() {
            return Ok(());
        }
        let column = column(batch, Column::Operation)?;
        let words = column
            .as_dictionary_opt::<Int32Type>()
            .ok_or_else(|| LakeError::corrupt("operations are no words"))?;
        let values = words.values().as_string::<i32>();
        let mut rows: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for (row, key) in (0_u32..).zip(words.keys()) {
            if let Some(key) = key {
                rows.entry(key).or_default().push(row);
            }
        }
        // Values that differ in case alone are two keys of one operation.
        let mut wanted: Vec<(&Vec<usize>, Vec<u32>)> = Vec::new();
        for (key, rows) in rows {
            let value = usize::try_from(key)
                .ok()
                .filter(|at| *at < values.len())
                .map(|at| values.value(at).to_ascii_lowercase());
            if let Some(rules) = value.and_then(|value| self.operations.get(&value)) {
                wanted.push((rules, rows));
            }
        }
        let order: Vec<u32> = wanted.iter().flat_map(|(_, rows)| rows.clone()).collect();
        if order.is_empty() {
            return Ok(());
        }
        let sorted = if order.len() == batch.num_rows() && order.is_sorted() {
            batch.clone()
        } else {
            take_record_batch(batch, &UInt32Array::from(order))?
        };
        let mut from = 0;
        for (rules, rows) in wanted {
            let slice = sorted.slice(from, rows.len());
            from += rows.len();
            for rule in rules {
                add(*rule, self.run(*rule, &slice, &rows));
            }
        }
        Ok(())
    }

    /// For each rule with texts the rows that hold one of them.
    fn by_text(&self, batch: &RecordBatch) -> Result<BTreeMap<usize, Vec<u32>>> {
        let mut found: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let Some(texts) = &self.texts else {
            return Ok(found);
        };
        let raw = column(batch, Column::Raw)?;
        let raw = raw
            .as_string_opt::<i32>()
            .ok_or_else(|| LakeError::corrupt("records are no text"))?;
        let mut of_row = BTreeSet::new();
        for (row, text) in (0_u32..).zip(raw) {
            let text = text.unwrap_or_default();
            of_row.clear();
            if self.escaped(text) {
                of_row.extend(&texts.all);
            } else {
                for found in texts.automaton.find_overlapping_iter(text) {
                    let rules = texts.rules.get(found.pattern().as_usize());
                    of_row.extend(rules.into_iter().flatten());
                }
            }
            for rule in &of_row {
                found.entry(*rule).or_default().push(row);
            }
        }
        Ok(found)
    }

    /// Whether the writer escaped what need not be escaped, so that texts can't be looked for.
    fn escaped(&self, text: &str) -> bool {
        self.escape.find_iter(text.as_bytes()).any(|at| {
            let digits = text.get(at + 4..at + 6).unwrap_or_default();
            u8::from_str_radix(digits, 16).is_ok_and(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-')
            })
        })
    }

    /// The rows of a batch that the rule selects, by what they are called.
    fn run(&self, rule: usize, batch: &RecordBatch, names: &[u32]) -> Result<Vec<u32>> {
        let Some(filter) = self.filters.get(rule) else {
            return Ok(Vec::new());
        };
        passing(filter, batch, names)
    }
}

/// The rows of a batch that a filter takes, by what they are called.
fn passing(filter: &Filter, batch: &RecordBatch, names: &[u32]) -> Result<Vec<u32>> {
    let mut names = names.to_vec();
    let mut left = batch.clone();
    for condition in conditions(filter) {
        let hits = condition.evaluate_within(&left)?;
        match hits.true_count() {
            0 => return Ok(Vec::new()),
            all if all == hits.len() => {}
            _ => {
                names = keep(&names, &hits);
                left = filter_record_batch(&left, &hits)?;
            }
        }
    }
    Ok(names)
}

impl Texts {
    fn new(texts: BTreeMap<String, Vec<usize>>) -> Result<Option<Self>> {
        if texts.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(texts.keys())
            .map_err(|error| LakeError::corrupt(format!("the rules' texts: {error}")))?;
        let rules: Vec<Vec<usize>> = texts.into_values().collect();
        let all: BTreeSet<usize> = rules.iter().flatten().copied().collect();
        Ok(Some(Self {
            automaton,
            rules,
            all: all.into_iter().collect(),
        }))
    }
}

/// The columns that a filter reads.
#[must_use]
pub fn columns_of(filter: &Filter) -> Columns {
    conditions(filter).fold(Columns::NONE, |columns, condition| {
        columns.union(condition.columns)
    })
}

/// A filter's conditions, the cheap one first.
fn conditions(filter: &Filter) -> impl Iterator<Item = &Condition> {
    [&filter.narrow, &filter.wide].into_iter().flatten()
}

fn column(batch: &RecordBatch, column: Column) -> Result<&ArrayRef> {
    batch
        .column_by_name(column.name())
        .ok_or_else(|| LakeError::corrupt(format!("no column {}", column.name())))
}
