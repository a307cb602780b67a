//! Filters of many rules with what they ask taken out and shared: tests of a value at a path of
//! the record, and conditions on one column of few distinct values. What is left of a filter
//! combines their outcomes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CastExpr, Column as Place, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr,
    Literal, NotExpr,
};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};

use crate::error::Result;
use crate::filter::Condition;
use crate::functions::{PathTest, Paths, TextTest};
use crate::schema::{Column, Columns};

/// Most paths that are read at once.
const MOST_PATHS: usize = 4_096;

/// Something that filters ask of an event, which can't fail.
#[derive(Debug)]
pub(super) enum Atom {
    /// A condition on this column alone, which is at the first place.
    Word(Column, Arc<dyn PhysicalExpr>),
    /// A test of values at one of the paths.
    Path(usize, PathTest),
}

/// What is left of a condition.
#[derive(Debug)]
pub(super) struct Part {
    /// The columns that it still reads, which come first.
    pub(super) columns: Columns,
    /// The atoms whose outcomes it combines, which come next.
    pub(super) atoms: Vec<usize>,
    pub(super) schema: SchemaRef,
    pub(super) expression: Arc<dyn PhysicalExpr>,
}

/// Atoms, each once.
#[derive(Debug, Default)]
pub(super) struct Atoms {
    pub(super) all: Vec<Atom>,
    known: HashMap<Arc<dyn PhysicalExpr>, usize>,
    paths: HashMap<String, usize>,
}

/// The name of an atom's outcome; no column is called so.
fn name(atom: usize) -> String {
    format!("#{atom}")
}

/// The atom whose outcome the expression is.
fn named(expression: &dyn PhysicalExpr) -> Option<usize> {
    let place = expression.downcast_ref::<Place>()?;
    place.name().strip_prefix('#')?.parse().ok()
}

impl Atoms {
    /// What is left of a condition without its atoms.
    pub(super) fn part(&mut self, condition: &Condition) -> Result<Part> {
        let mut atoms = Vec::new();
        let expression = Arc::clone(&condition.expression)
            .transform_down(|part| {
                let Some(atom) = self.atom(&part)? else {
                    return Ok(Transformed::no(part));
                };
                if !atoms.contains(&atom) {
                    atoms.push(atom);
                }
                let outcome = Arc::new(Place::new(&name(atom), 0));
                Ok(Transformed::new(outcome, true, TreeNodeRecursion::Jump))
            })?
            .data;
        let columns = collect_columns(&expression)
            .iter()
            .filter_map(|place| Column::by_name(place.name()))
            .fold(Columns::NONE, Columns::with);
        let outcomes = atoms
            .iter()
            .map(|atom| Field::new(name(*atom), DataType::Boolean, true));
        let fields = columns.iter().map(Column::field).chain(outcomes);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Part {
            expression: reassign_expr_columns(expression, &schema)?,
            columns,
            atoms,
            schema,
        })
    }

    /// The paths that atoms test, in the order of their numbers, and how many these are.
    pub(super) fn paths(&self) -> (Paths, usize) {
        let mut paths: Vec<(&usize, &str)> = self
            .paths
            .iter()
            .map(|(path, number)| (number, path.as_str()))
            .collect();
        paths.sort_unstable();
        let count = paths.len();
        (Paths::new(paths.into_iter().map(|(_, path)| path)), count)
    }

    /// The atom that the expression is, if it is one.
    fn atom(&mut self, of: &Arc<dyn PhysicalExpr>) -> datafusion::error::Result<Option<usize>> {
        let (column, test) = match (path_test(&**of), word(of)) {
            (Some(test), _) => (Column::Raw, Some(test)),
            (None, Some(column)) => (column, None),
            (None, None) => return Ok(None),
        };
        let alone = reassign_expr_columns(Arc::clone(of), &Columns::of(&[column]).schema())?;
        if let Some(known) = self.known.get(&alone) {
            return Ok(Some(*known));
        }
        let atom = match test {
            None => Atom::Word(column, Arc::clone(&alone)),
            Some(test) => {
                let many = self.paths.len() >= MOST_PATHS && !self.paths.contains_key(test.path());
                if many || !Paths::takes(test.path()) {
                    return Ok(None);
                }
                let next = self.paths.len();
                let path = *self.paths.entry(test.path().to_owned()).or_insert(next);
                Atom::Path(path, test)
            }
        };
        self.all.push(atom);
        self.known.insert(alone, self.all.len() - 1);
        Ok(Some(self.all.len() - 1))
    }

    /// Values of which an event must hold one to fulfil what is left of a condition: paths with
    /// texts of which one stands in the value. None if nothing of the kind follows.
    pub(super) fn required(&self, part: &Part) -> Option<Vec<(usize, Vec<u8>)>> {
        let texts = |conjunct: &Arc<dyn PhysicalExpr>| {
            let mut texts = Vec::new();
            let mut open = vec![conjunct];
            while let Some(next) = open.pop() {
                if let Some(either) = next.downcast_ref::<BinaryExpr>() {
                    if *either.op() != Operator::Or {
                        return None;
                    }
                    open.extend([either.left(), either.right()]);
                    continue;
                }
                let Some(Atom::Path(path, test)) = self.all.get(named(&**next)?) else {
                    return None;
                };
                let literals = test.literals()?.into_iter();
                texts.extend(literals.map(|text| (*path, text)));
            }
            Some(texts)
        };
        // The longer the shortest text, the fewer events hold one.
        split_conjunction(&part.expression)
            .into_iter()
            .filter_map(texts)
            .max_by_key(|texts| texts.iter().map(|(_, text)| text.len()).min())
    }
}

fn path_test(expression: &dyn PhysicalExpr) -> Option<PathTest> {
    let (test, doc) = text_test(expression)?;
    let doc = doc.downcast_ref::<Place>()?;
    test.at_path().filter(|_| doc.name() == Column::Raw.name())
}

/// A test of texts, and the text that it tests.
fn text_test(expression: &dyn PhysicalExpr) -> Option<(&TextTest, &dyn PhysicalExpr)> {
    let call = expression.downcast_ref::<ScalarFunctionExpr>()?;
    let test = call.fun().inner().downcast_ref::<TextTest>()?;
    let (text, rest) = call.args().split_first()?;
    let literal = |argument: &Arc<dyn PhysicalExpr>| argument.downcast_ref::<Literal>().is_some();
    rest.iter().all(literal).then_some((test, &**text))
}

/// The column of few distinct values that a condition is on, if it is on that alone and can't
/// fail whatever the value is.
fn word(condition: &Arc<dyn PhysicalExpr>) -> Option<Column> {
    if !is_condition(&**condition) {
        return None;
    }
    let mut column = None;
    let mut open: Vec<&Arc<dyn PhysicalExpr>> = vec![condition];
    while let Some(next) = open.pop() {
        if let Some(place) = next.downcast_ref::<Place>() {
            let this = Column::by_name(place.name())?;
            if *column.get_or_insert(this) != this {
                return None;
            }
        } else if !(is_condition(&**next) || next.downcast_ref::<Literal>().is_some()) {
            let cast = next.downcast_ref::<CastExpr>()?;
            if *cast.cast_type() != DataType::Utf8 {
                return None;
            }
        }
        open.extend(next.children());
    }
    column.filter(|column| matches!(column.data_type(), DataType::Dictionary(..)))
}

/// Whether it is true, untrue or null for any value of what it is about.
fn is_condition(expression: &dyn PhysicalExpr) -> bool {
    if let Some(binary) = expression.downcast_ref::<BinaryExpr>() {
        return matches!(
            binary.op(),
            Operator::Eq
                | Operator::NotEq
                | Operator::Lt
                | Operator::LtEq
                | Operator::Gt
                | Operator::GtEq
                | Operator::IsDistinctFrom
                | Operator::IsNotDistinctFrom
                | Operator::And
                | Operator::Or
        );
    }
    expression.is::<InListExpr>()
        || expression.is::<IsNotNullExpr>()
        || expression.is::<IsNullExpr>()
        || expression.is::<LikeExpr>()
        || expression.is::<NotExpr>()
        || text_test(expression).is_some()
}
