//! Many filters over the same events: which rule selects which rows of a batch.
//!
//! A rule looks only at rows that hold one of its [anchors](Anchors): rows with its operations, rows
//! whose values at a path hold one of its texts, or rows that hold a text anywhere. What rules
//! ask of an event is taken out of their filters and shared: each record is read once for all
//! paths, and a question is put once to each distinct value of a batch. What is left of a filter
//! combines the answers. A record that can't be read so is shown to each filter by itself.
//!
//! Rules of one log source make a [set](Set), which sees no events of others.

mod dispatch;
mod look;
mod plan;
mod records;
mod set;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::Int32Type;
use cordon_sigma::Anchors;

use self::look::column;
use self::set::Set;
use crate::error::{LakeError, Result};
use crate::filter::{Condition, Filter};
use crate::schema::{Column, Columns};
use crate::search::keep;

/// A tenant's rules, ready to look at batches.
pub struct Rules {
    count: usize,
    columns: Columns,
    sets: Vec<Set>,
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
        write!(f, "Rules({})", self.count)
    }
}

impl Rules {
    /// Rules by their filters and what these ask for.
    ///
    /// # Errors
    /// The texts that they ask for make too large an automaton.
    pub fn new(rules: impl IntoIterator<Item = (Arc<Filter>, Anchors)>) -> Result<Self> {
        let mut columns = Columns::of(&[Column::Operation, Column::Raw, Column::SourceType]);
        let mut by_source: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut count = 0;
        for (at, (filter, anchors)) in rules.into_iter().enumerate() {
            count = at + 1;
            columns = columns.union(columns_of(&filter));
            let equal = filter.pruning.equal.iter();
            let mut source = equal.filter(|(column, _)| *column == Column::SourceType);
            let source = source.next().map(|(_, values)| values.clone());
            let of = by_source.entry(source).or_default();
            of.push((at, filter, anchors));
        }
        let sets = by_source.into_iter();
        let sets = sets.map(|(source, rules)| Set::new(source, rules));
        Ok(Self {
            count,
            columns,
            sets: sets.collect::<Result<_>>()?,
        })
    }

    /// Number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
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
        let mut all = Vec::new();
        for set in &self.sets {
            let Some(of) = of_source(batch, set.source.as_deref())? else {
                all.extend(set.select(batch)?);
                continue;
            };
            if of.true_count() == 0 {
                continue;
            }
            let every: Vec<u32> = (0..batch.num_rows() as u32).collect();
            let names = keep(&every, &of);
            let selected = set.select(&filter_record_batch(batch, &of)?)?.into_iter();
            all.extend(selected.map(|one| one.named(&names)));
        }
        all.sort_unstable_by_key(|selected| selected.rule);
        Ok(all)
    }
}

impl Selected {
    /// With its rows called so.
    fn named(self, names: &[u32]) -> Self {
        let rows = self.rows.map(|rows| {
            let rows = rows.into_iter();
            rows.filter_map(|row| names.get(row as usize).copied())
                .collect()
        });
        Self { rows, ..self }
    }
}

/// Which rows of a batch are of one of these log sources; none if all are.
fn of_source(batch: &RecordBatch, sources: Option<&[Vec<u8>]>) -> Result<Option<BooleanArray>> {
    let Some(sources) = sources else {
        return Ok(None);
    };
    let wrong = || LakeError::corrupt("sources are no words");
    let words = column(batch, Column::SourceType)?;
    let words = words.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
    let values = words.values().as_string_opt::<i32>().ok_or_else(wrong)?;
    let wanted: Vec<bool> = values
        .iter()
        .map(|value| {
            let value = value.unwrap_or_default().as_bytes();
            sources.iter().any(|source| source == value)
        })
        .collect();
    let of = |key: Option<i32>| {
        let key = key.and_then(|key| usize::try_from(key).ok());
        key.and_then(|key| wanted.get(key))
            .copied()
            .unwrap_or(false)
    };
    let of: BooleanArray = words.keys().iter().map(|key| Some(of(key))).collect();
    Ok((of.true_count() < of.len()).then_some(of))
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
