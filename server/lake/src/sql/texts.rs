//! `string_agg`, with a bound on each text that it makes.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions_aggregate::string_agg::StringAgg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature};
use datafusion::physical_expr::expressions::Literal;

use super::memory::{LONGEST, exhausted};

/// Longest text between two, in bytes: it is written out for each row.
const LONGEST_BETWEEN: usize = 256;

/// The aggregate. It takes and makes views, of which none is longer than [`LONGEST`].
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Strung {
    inner: StringAgg,
}

impl Strung {
    /// What the inner aggregate is told that it makes.
    fn made() -> FieldRef {
        Arc::new(Field::new("string_agg", DataType::LargeUtf8, true))
    }
}

impl AggregateUDFImpl for Strung {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(StateFieldsArgs {
            return_field: Self::made(),
            ..args
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let between = args
            .exprs
            .get(1)
            .and_then(|expression| expression.downcast_ref::<Literal>())
            .and_then(|literal| literal.value().try_as_str().flatten())
            .map_or(0, str::len);
        if between > LONGEST_BETWEEN {
            return plan_err!(
                "what string_agg puts between texts has {between} bytes, at most \
                 {LONGEST_BETWEEN} are allowed"
            );
        }
        let inner = self.inner.accumulator(AccumulatorArgs {
            return_field: Self::made(),
            ..args
        })?;
        Ok(Box::new(Short { inner }))
    }
}

/// One text in the making.
#[derive(Debug)]
struct Short {
    inner: Box<dyn Accumulator>,
}

impl Short {
    fn check(&self) -> Result<()> {
        // What it holds besides the text is small, or as large as the text again.
        match self.inner.size() > 2 * LONGEST {
            true => Err(exhausted()),
            false => Ok(()),
        }
    }
}

impl Accumulator for Short {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)?;
        self.check()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let made = self.inner.evaluate()?;
        if made.try_as_str().flatten().map_or(0, str::len) > LONGEST {
            return Err(exhausted());
        }
        made.cast_to(&DataType::Utf8View)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)?;
        self.check()
    }
}
