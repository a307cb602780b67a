//! Many filters over the same events: which rule selects which rows of a batch.
//!
//! A rule looks only at rows that hold one of its [anchors](Anchors): rows with its operations, rows
//! whose values at a path hold one of its texts, or rows that hold a text anywhere. What rules
//! ask of an event is taken out of their filters and shared: each record is read once for all
//! paths, and a question is put once to each distinct value of a batch. What is left of a filter
//! combines the answers. A record that can't be read so is shown to each filter by itself.

mod dispatch;
mod look;
mod plan;
mod records;
#[cfg(test)]
mod tests;
mod wanted;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use cordon_sigma::Anchors;

use self::dispatch::Dispatch;
use self::look::{Look, column};
use self::plan::{Atom, Atoms, Part};
use self::records::Records;
use self::wanted::Wanted;
use crate::error::{LakeError, Result};
use crate::filter::{Condition, Filter};
use crate::functions::Paths;
use crate::schema::{Column, Columns};
use crate::search::keep;

/// Rules that may look at every event before all records are searched for their texts: a question
/// put to distinct values costs little, a search reads every byte.
const MOST_LOOSE: usize = 64;

/// A tenant's rules, ready to look at batches.
pub struct Rules {
    columns: Columns,
    /// What is left of each filter's conditions, the cheap one first.
    parts: Vec<Vec<Part>>,
    atoms: Vec<Atom>,
    paths: Paths,
    /// Rules by the operations that they ask for, in lower case.
    operations: HashMap<String, Vec<usize>>,
    /// By paths the texts that rules ask for in values.
    values: Vec<Option<Wanted>>,
    /// What these rules ask for anywhere in a record, for records whose values are not known.
    alone: Option<Wanted>,
    /// Texts that other rules ask for anywhere in a record.
    texts: Option<Wanted>,
    /// Rules that any event may match.
    any: Vec<usize>,
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
        write!(f, "Rules({})", self.parts.len())
    }
}

impl Rules {
    /// Rules by their filters and what these ask for.
    ///
    /// # Errors
    /// The texts that they ask for make too large an automaton.
    pub fn new(rules: impl IntoIterator<Item = (Arc<Filter>, Anchors)>) -> Result<Self> {
        let mut atoms = Atoms::default();
        let mut columns = Columns::of(&[Column::Operation, Column::Raw]);
        let mut parts = Vec::new();
        let mut dispatch = Dispatch::default();
        for (at, (filter, anchors)) in rules.into_iter().enumerate() {
            columns = columns.union(columns_of(&filter));
            let left = conditions(&filter).map(|condition| atoms.part(condition));
            let left = left.collect::<Result<Vec<_>>>()?;
            dispatch.add(at, anchors, &left, &atoms);
            parts.push(left);
        }
        let (paths, count) = atoms.paths();
        let mut values: Vec<Option<Wanted>> = (0..count).map(|_| None).collect();
        for (path, texts) in dispatch.values {
            if let Some(at) = values.get_mut(path) {
                *at = Wanted::new(texts)?;
            }
        }
        let (mut any, mut texts) = (dispatch.any, dispatch.texts);
        if texts.is_empty() && dispatch.loose.len() <= MOST_LOOSE {
            any.extend(dispatch.loose.into_keys());
        } else {
            for (rule, of) in dispatch.loose {
                of.into_iter()
                    .for_each(|text| texts.entry(text).or_default().push(rule));
            }
        }
        Ok(Self {
            columns,
            parts,
            atoms: atoms.all,
            paths,
            operations: dispatch.operations,
            values,
            alone: Wanted::new(dispatch.alone)?,
            texts: Wanted::new(texts)?,
            any,
        })
    }

    /// Number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The columns that [`select`](Self::select) needs.
    #[must_use]
    pub fn columns(&self) -> Columns {
        self.columns
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
        let raw = column(batch, Column::Raw)?;
        let raw = raw
            .as_string_opt::<i32>()
            .ok_or_else(|| LakeError::corrupt("records are no text"))?;
        let records = Records::new(raw, &self.paths, &self.values);
        let mut look = Look::new(batch, &self.atoms, records);
        let every: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let mut found = Found::default();
        for rule in &self.any {
            found.add(*rule, self.run(*rule, &mut look, &every));
        }
        self.by_operation(&mut look, &mut found)?;
        if let Some(alone) = &self.alone {
            look.records.read_all(&every);
            let mut rows = look.records.wanted();
            for (rule, unread) in alone.rows(raw, look.records.alone()) {
                rows.entry(rule).or_default().extend(unread);
            }
            self.run_all(rows, &mut look, &mut found);
        }
        if let Some(texts) = &self.texts {
            self.run_all(texts.rows(raw, every), &mut look, &mut found);
        }
        Ok(found.selected())
    }

    /// Rules about operations that occur, on the rows with these.
    fn by_operation(&self, look: &mut Look<'_>, found: &mut Found) -> Result<()> {
        if self.operations.is_empty() {
            return Ok(());
        }
        let (numbers, values) = look.words(Column::Operation)?;
        // Values that differ in case alone are several of one operation.
        let rules_of = |value: Option<&str>| self.operations.get(&value?.to_ascii_lowercase());
        let mut wanted: Vec<(Option<&Vec<usize>>, Vec<u32>)> = values
            .iter()
            .map(|value| (rules_of(value), Vec::new()))
            .collect();
        for (row, number) in (0_u32..).zip(numbers) {
            if let Some((Some(_), rows)) = wanted.get_mut(*number as usize) {
                rows.push(row);
            }
        }
        for (rules, rows) in wanted {
            if rows.is_empty() {
                continue;
            }
            for rule in rules.into_iter().flatten() {
                found.add(*rule, self.run(*rule, look, &rows));
            }
        }
        Ok(())
    }

    fn run_all(&self, rules: BTreeMap<usize, Vec<u32>>, look: &mut Look<'_>, found: &mut Found) {
        for (rule, rows) in rules {
            found.add(rule, self.run(rule, look, &rows));
        }
    }

    /// Those of some rows that the rule selects.
    fn run(&self, rule: usize, look: &mut Look<'_>, rows: &[u32]) -> Result<Vec<u32>> {
        let Some(parts) = self.parts.get(rule) else {
            return Ok(Vec::new());
        };
        let mut left = Cow::Borrowed(rows);
        for part in parts {
            let hits = look.fulfilled(part, &left)?;
            match hits.true_count() {
                0 => return Ok(Vec::new()),
                all if all == hits.len() => {}
                _ => left = Cow::Owned(keep(&left, &hits)),
            }
        }
        Ok(left.into_owned())
    }
}

/// Rows that rules selected so far, or why one failed.
#[derive(Default)]
struct Found(BTreeMap<usize, Result<Vec<u32>>>);

impl Found {
    fn add(&mut self, rule: usize, rows: Result<Vec<u32>>) {
        if rows.as_ref().is_ok_and(Vec::is_empty) {
            return;
        }
        let so_far = self.0.entry(rule).or_insert_with(|| Ok(Vec::new()));
        match (so_far, rows) {
            (Ok(all), Ok(rows)) => all.extend(rows),
            (so_far @ Ok(_), Err(error)) => *so_far = Err(error),
            (Err(_), _) => {}
        }
    }

    fn selected(self) -> Vec<Selected> {
        let selected = self.0.into_iter().map(|(rule, rows)| {
            let rows = rows.map(|mut rows| {
                rows.sort_unstable();
                rows.dedup();
                rows
            });
            Selected { rule, rows }
        });
        selected.collect()
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
