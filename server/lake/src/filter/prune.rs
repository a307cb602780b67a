//! What follows from a filter without reading rows: bounds of the time, and columns that must
//! have one of a few values.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::schema::Column;

/// Conditions that every matching row fulfils. Not all that could be concluded, but nothing
/// that could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pruning {
    /// Earliest and latest event time, both included, nanoseconds since 1970.
    pub(crate) time: (i64, i64),
    /// Each of these columns has one of these values, as stored (text, or the 16 bytes of a
    /// name).
    pub(crate) equal: Vec<(Column, Vec<Vec<u8>>)>,
}

impl Default for Pruning {
    fn default() -> Self {
        Self {
            time: (i64::MIN, i64::MAX),
            equal: Vec::new(),
        }
    }
}

impl Pruning {
    pub(super) fn of(filter: &Expr) -> Self {
        let mut pruning = Self::default();
        for part in split_conjunction(filter) {
            pruning.add(part);
        }
        pruning
    }

    fn add(&mut self, part: &Expr) {
        if let Some((column, values)) = one_of(part) {
            self.equal.push((column, values));
            return;
        }
        match part {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if let (Some(Column::Time), Some(value)) = (column(left), literal(right)) {
                    self.bound(*op, value);
                } else if let (Some(value), Some(Column::Time)) = (literal(left), column(right))
                    && let Some(op) = op.swap()
                {
                    self.bound(op, value);
                }
            }
            Expr::Between(between)
                if !between.negated && column(&between.expr) == Some(Column::Time) =>
            {
                for (op, bound) in [
                    (Operator::GtEq, &between.low),
                    (Operator::LtEq, &between.high),
                ] {
                    if let Some(value) = literal(bound) {
                        self.bound(op, value);
                    }
                }
            }
            _ => {}
        }
    }

    fn bound(&mut self, op: Operator, value: &ScalarValue) {
        let ScalarValue::TimestampNanosecond(Some(value), _) = value else {
            return;
        };
        let (low, high) = match op {
            Operator::Eq => (*value, *value),
            Operator::GtEq => (*value, i64::MAX),
            Operator::Gt => (value.saturating_add(1), i64::MAX),
            Operator::LtEq => (i64::MIN, *value),
            Operator::Lt => (i64::MIN, value.saturating_sub(1)),
            _ => return,
        };
        self.time = (self.time.0.max(low), self.time.1.min(high));
    }
}

/// The column that must have one of these values for the condition to hold: an equality, a
/// list, or a disjunction of such (which is what the simplifier makes of short lists).
fn one_of(condition: &Expr) -> Option<(Column, Vec<Vec<u8>>)> {
    let mut found: Option<Column> = None;
    let mut values = Vec::new();
    let mut open = vec![condition];
    while let Some(next) = open.pop() {
        let of = match next {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Or,
                right,
            }) => {
                open.push(right);
                open.push(left);
                continue;
            }
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Eq,
                right,
            }) => {
                let (of, value) = match (column(left), column(right)) {
                    (Some(of), None) => (of, literal(right)?),
                    (None, Some(of)) => (of, literal(left)?),
                    _ => return None,
                };
                values.push(bytes(value)?);
                of
            }
            Expr::InList(list) if !list.negated => {
                for item in &list.list {
                    values.push(bytes(literal(item)?)?);
                }
                column(&list.expr)?
            }
            _ => return None,
        };
        if found.is_some_and(|found| found != of) {
            return None;
        }
        found = Some(of);
    }
    Some((found?, values))
}

/// The column, also through a cast that changes how its text or bytes are kept but not what
/// they are.
fn column(of: &Expr) -> Option<Column> {
    match of {
        Expr::Column(column) => Column::by_name(&column.name),
        Expr::Cast(cast) => {
            let column = column(&cast.expr)?;
            let to = cast.field.data_type();
            let same = to.is_string() || (column == Column::Name && to.is_binary());
            // Numbers and times as text are compared as text.
            let kept = column == Column::Name || holds_text(column);
            (same && kept).then_some(column)
        }
        _ => None,
    }
}

fn holds_text(column: Column) -> bool {
    match column.data_type() {
        arrow::datatypes::DataType::Dictionary(_, value) => value.is_string(),
        other => other.is_string(),
    }
}

fn literal(of: &Expr) -> Option<&ScalarValue> {
    match of {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn bytes(of: &ScalarValue) -> Option<Vec<u8>> {
    match of {
        ScalarValue::Dictionary(_, value) => bytes(value),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Some(text.as_bytes().to_vec()),
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::FixedSizeBinary(_, Some(bytes)) => Some(bytes.clone()),
        _ => None,
    }
}
