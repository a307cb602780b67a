//! A look at one batch: what atoms came to, kept for all rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, RecordBatch,
    RecordBatchOptions, StringArray, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::physical_expr::PhysicalExpr;

use super::plan::{Atom, Part};
use super::records::{Outcome, Records};
use crate::error::{LakeError, Result};
use crate::filter::fulfilled;
use crate::schema::Column;

/// Most bytes of outcomes that are kept.
const MOST_KNOWN: usize = 16 << 20;

/// A column of few distinct values.
struct Words {
    /// For each row the number of its value; that of null comes after all others.
    numbers: Vec<u32>,
    /// The values by their numbers.
    values: StringArray,
    /// The same as a batch for conditions.
    batch: RecordBatch,
}

impl Words {
    fn new(column: &ArrayRef) -> Result<Self> {
        let wrong = || LakeError::corrupt("a column of words is none");
        let mut column = Arc::clone(column);
        let mut words = column.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
        if words.values().len() > words.len() {
            // Most of them are of other rows.
            let kind = column.data_type().clone();
            column = cast(&cast(&column, &DataType::Utf8)?, &kind)?;
            words = column.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
        }
        let values = words.values().as_string_opt::<i32>().ok_or_else(wrong)?;
        let count = i32::try_from(values.len()).map_err(|_| wrong())?;
        let numbers = words.keys().iter().map(|key| key.unwrap_or(count) as u32);
        let each: Int32Array = (0..count).map(Some).chain([None]).collect();
        let each = DictionaryArray::<Int32Type>::try_new(each, Arc::new(values.clone()))?;
        let field = Field::new("word", each.data_type().clone(), true);
        let schema = Arc::new(Schema::new(vec![field]));
        Ok(Self {
            numbers: numbers.collect(),
            batch: RecordBatch::try_new(schema, vec![Arc::new(each)])?,
            values: values.clone(),
        })
    }

    /// The condition's outcome for each value and null, by their numbers.
    fn outcomes(&self, condition: &dyn PhysicalExpr) -> Result<BooleanArray> {
        let outcomes = condition.evaluate(&self.batch)?;
        let outcomes = outcomes.into_array(self.batch.num_rows())?;
        let none = BooleanArray::new_null(self.batch.num_rows());
        Ok(outcomes.as_boolean_opt().cloned().unwrap_or(none))
    }
}

/// What came of an atom so far.
enum Known {
    Nothing,
    Words(BooleanArray),
    Values(Vec<Outcome>),
}

/// A look at a batch.
pub(super) struct Look<'b> {
    batch: &'b RecordBatch,
    atoms: &'b [Atom],
    pub(super) records: Records<'b>,
    words: BTreeMap<Column, Words>,
    known: Vec<Known>,
    known_bytes: usize,
}

impl<'b> Look<'b> {
    pub(super) fn new(batch: &'b RecordBatch, atoms: &'b [Atom], records: Records<'b>) -> Self {
        Self {
            batch,
            atoms,
            records,
            words: BTreeMap::new(),
            known: atoms.iter().map(|_| Known::Nothing).collect(),
            known_bytes: 0,
        }
    }

    /// Which of some rows fulfil what is left of a condition.
    ///
    /// # Errors
    /// It fails on one of them; or the batch lacks a column.
    pub(super) fn fulfilled(&mut self, part: &Part, rows: &[u32]) -> Result<BooleanArray> {
        let mut arrays = Vec::with_capacity(part.schema.fields().len());
        for of in part.columns.iter() {
            let whole = column(self.batch, of)?;
            arrays.push(if rows.len() == self.batch.num_rows() {
                Arc::clone(whole)
            } else {
                take(whole, &UInt32Array::from(rows.to_vec()), None)?
            });
        }
        for atom in &part.atoms {
            arrays.push(Arc::new(self.outcomes(*atom, rows)?));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let schema = Arc::clone(&part.schema);
        let left = RecordBatch::try_new_with_options(schema, arrays, &options)?;
        fulfilled(&*part.expression, &left)
    }

    /// The numbers of the values of a column of few distinct values, by rows, and the values.
    ///
    /// # Errors
    /// The batch lacks the column.
    pub(super) fn words(&mut self, of: Column) -> Result<(&[u32], &StringArray)> {
        let words = words(&mut self.words, self.batch, of)?;
        Ok((&words.numbers, &words.values))
    }

    fn outcomes(&mut self, atom: usize, rows: &[u32]) -> Result<BooleanArray> {
        let unknown = || LakeError::corrupt("a rule asks for what was not prepared");
        let of = self.atoms.get(atom).ok_or_else(unknown)?;
        if let Atom::Path(path, _) = of {
            self.records.read_all(rows);
            let distinct = self.records.distinct(*path);
            if self.known_bytes + distinct > MOST_KNOWN {
                self.known.fill_with(|| Known::Nothing);
                self.known_bytes = 0;
            }
        }
        let known = self.known.get_mut(atom).ok_or_else(unknown)?;
        match of {
            Atom::Word(of, condition) => {
                let words = words(&mut self.words, self.batch, *of)?;
                if !matches!(known, Known::Words(_)) {
                    *known = Known::Words(words.outcomes(&**condition)?);
                }
                let Known::Words(outcomes) = known else {
                    return Err(unknown());
                };
                Ok(by_number(outcomes, &words.numbers, rows))
            }
            Atom::Path(path, test) => {
                if !matches!(known, Known::Values(_)) {
                    *known = Known::Values(Vec::new());
                }
                let Known::Values(outcomes) = known else {
                    return Err(unknown());
                };
                let distinct = self.records.distinct(*path);
                self.known_bytes += distinct.saturating_sub(outcomes.len());
                outcomes.resize(distinct, Outcome::Unknown);
                let test = self.records.test(*path, test, outcomes, rows);
                let hits = BooleanBuffer::collect_bool(rows.len(), test);
                Ok(BooleanArray::new(hits, None))
            }
        }
    }
}

/// Outcomes of values as outcomes of rows.
fn by_number(outcomes: &BooleanArray, numbers: &[u32], rows: &[u32]) -> BooleanArray {
    let of = |bits: &BooleanBuffer| {
        let each: Vec<bool> = bits.iter().collect();
        let bit = |at: usize| {
            let row = rows.get(at).copied().unwrap_or(u32::MAX);
            let number = numbers.get(row as usize).copied().unwrap_or(u32::MAX);
            each.get(number as usize).copied().unwrap_or_default()
        };
        BooleanBuffer::collect_bool(rows.len(), bit)
    };
    let nulls = outcomes
        .nulls()
        .map(|nulls| NullBuffer::new(of(nulls.inner())));
    BooleanArray::new(of(outcomes.values()), nulls)
}

fn words<'w>(
    all: &'w mut BTreeMap<Column, Words>,
    batch: &RecordBatch,
    of: Column,
) -> Result<&'w Words> {
    use std::collections::btree_map::Entry;
    match all.entry(of) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(new) => Ok(new.insert(Words::new(column(batch, of)?)?)),
    }
}

/// The column of a batch.
///
/// # Errors
/// The batch lacks it.
pub(super) fn column(batch: &RecordBatch, of: Column) -> Result<&ArrayRef> {
    batch
        .column_by_name(of.name())
        .ok_or_else(|| LakeError::corrupt(format!("no column {}", of.name())))
}
