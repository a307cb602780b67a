//! Rules that look at the events of one log source.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use cordon_sigma::Anchors;

use super::dispatch::Dispatch;
use super::look::{Look, column};
use super::plan::{Atom, Atoms, Part};
use super::records::Records;
use super::wanted::Wanted;
use super::{Selected, conditions};
use crate::error::{LakeError, Result};
use crate::filter::Filter;
use crate::functions::Paths;
use crate::schema::Column;
use crate::search::keep;

/// Rules that may look at every event before all records are searched for their texts: a question
/// put to distinct values costs little, a search reads every byte.
pub(super) const MOST_LOOSE: usize = 64;

/// Rules of one log source.
pub(super) struct Set {
    /// Values of `source_type` of which its events have one; none if they may have any.
    pub(super) source: Option<Vec<Vec<u8>>>,
    /// What the rules are called.
    names: Vec<usize>,
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
    pub(super) texts: Option<Wanted>,
    /// Rules that any event may match.
    any: Vec<usize>,
}

impl Set {
    /// Rules by what they are called, their filters, and what these ask for.
    ///
    /// # Errors
    /// The texts that they ask for make too large an automaton.
    pub(super) fn new(
        source: Option<Vec<Vec<u8>>>,
        rules: Vec<(usize, Arc<Filter>, Anchors)>,
    ) -> Result<Self> {
        let mut atoms = Atoms::default();
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        let mut dispatch = Dispatch::default();
        for (at, (name, filter, anchors)) in rules.into_iter().enumerate() {
            let left = conditions(&filter).map(|condition| atoms.part(condition));
            let left = left.collect::<Result<Vec<_>>>()?;
            dispatch.add(at, anchors, &left, &atoms);
            parts.push(left);
            names.push(name);
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
            source,
            names,
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

    /// Which rules select which rows. Rules that select none are left out.
    ///
    /// # Errors
    /// The batch lacks a column that one reads.
    pub(super) fn select(&self, batch: &RecordBatch) -> Result<Vec<Selected>> {
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
        Ok(found.selected(&self.names))
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

    fn selected(self, names: &[usize]) -> Vec<Selected> {
        let selected = self.0.into_iter().filter_map(|(rule, rows)| {
            let rule = *names.get(rule)?;
            let rows = rows.map(|mut rows| {
                rows.sort_unstable();
                rows.dedup();
                rows
            });
            Some(Selected { rule, rows })
        });
        selected.collect()
    }
}
