//! Functions of a query, with bounds on what one call holds and on each text that it makes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::concat_elements::concat_elements_string_view_array;
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::memory::{LONGEST, Meter, Widths, counted, exhausted, runs};

/// Bytes of arguments, written out, that a function is given at once.
const PIECE: usize = 4 << 20;
/// Bytes of the arguments of one call for one row.
const ROW: usize = 4 * LONGEST;

/// A function whose texts are views, taken and made in small pieces and counted.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: Arc<ScalarUDF>,
    meter: Arc<Meter>,
    signature: Signature,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl Bounded {
    /// The function, bounded.
    pub(super) fn of(inner: Arc<ScalarUDF>, meter: &Arc<Meter>) -> Arc<ScalarUDF> {
        if inner.inner().is::<Self>() {
            return inner;
        }
        let volatility = inner.signature().volatility;
        Arc::new(ScalarUDF::from(Self {
            signature: Signature::user_defined(volatility),
            inner,
            meter: Arc::clone(meter),
        }))
    }

    /// What the function itself takes in place of these.
    fn taken(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let field = |kind: &DataType| Arc::new(Field::new("f", kind.clone(), true));
        let fields: Vec<FieldRef> = given.iter().map(field).collect();
        let fields = fields_with_udf(&fields, &*self.inner)?;
        Ok(fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect())
    }

    fn fields(&self, given: &[FieldRef]) -> Result<Vec<FieldRef>> {
        let kinds: Vec<DataType> = given
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let taken = self.taken(&kinds)?;
        let fields = given.iter().zip(taken);
        Ok(fields
            .map(|(field, kind)| Arc::new(field.as_ref().clone().with_data_type(kind)))
            .collect())
    }

    fn piece(
        &self,
        args: &ScalarFunctionArgs,
        fields: &[FieldRef],
        field: &FieldRef,
        (from, end): (usize, usize),
    ) -> Result<ColumnarValue> {
        let slice = |arg: &ColumnarValue, kind: &DataType| match arg {
            ColumnarValue::Array(array) => {
                let array = array.slice(from, end - from);
                Ok(ColumnarValue::Array(match array.data_type() == kind {
                    true => array,
                    false => cast(&array, kind)?,
                }))
            }
            ColumnarValue::Scalar(value) => Ok(ColumnarValue::Scalar(value.cast_to(kind)?)),
        };
        let pairs = args.args.iter().zip(fields);
        let own = pairs
            .map(|(arg, field)| slice(arg, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        let made = self.inner.invoke_with_args(ScalarFunctionArgs {
            args: own,
            arg_fields: fields.to_vec(),
            number_rows: end - from,
            return_field: Arc::clone(field),
            config_options: Arc::clone(&args.config_options),
        })?;
        match made {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(self.own(array)?)),
            ColumnarValue::Scalar(value) => {
                let kind = viewed(&value.data_type());
                let long = value.try_as_str().flatten().map_or(0, str::len);
                if long > LONGEST {
                    return Err(exhausted());
                }
                Ok(ColumnarValue::Scalar(value.cast_to(&kind)?))
            }
        }
    }

    /// What was made, counted.
    fn own(&self, made: ArrayRef) -> Result<ArrayRef> {
        Ok(match made.data_type() {
            kind if kind.is_string() => Arc::new(counted(&made, &self.meter)?),
            DataType::List(item) if item.data_type().is_string() => {
                let lists = made.as_list::<i32>();
                let items = counted(lists.values(), &self.meter)?;
                let item = item.as_ref().clone().with_data_type(DataType::Utf8View);
                Arc::new(arrow::array::ListArray::try_new(
                    Arc::new(item),
                    lists.offsets().clone(),
                    Arc::new(items),
                    lists.nulls().cloned(),
                )?)
            }
            _ => made,
        })
    }
}

/// The type with texts as views.
pub(super) fn viewed(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Dictionary(_, value) if value.is_string() => DataType::Utf8View,
        DataType::List(item) if item.data_type().is_string() => {
            let item = item.as_ref().clone().with_data_type(DataType::Utf8View);
            DataType::List(Arc::new(item))
        }
        other => other.clone(),
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        // A list of views is taken by functions that know lists of texts.
        let known: Vec<DataType> = given.iter().map(plain_list).collect();
        Ok(self.taken(&known)?.iter().map(viewed).collect())
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(viewed(&self.inner.return_type(&self.taken(given)?)?))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let fields = self.fields(&plain_lists(args.arg_fields))?;
        let field = self.inner.return_field_from_args(ReturnFieldArgs {
            arg_fields: &fields,
            scalar_arguments: args.scalar_arguments,
        })?;
        let kind = viewed(field.data_type());
        Ok(Arc::new(field.as_ref().clone().with_data_type(kind)))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // What becomes another function is bounded like it; what becomes another expression is not.
        Ok(match self.inner.simplify(args.clone(), info)? {
            ExprSimplifyResult::Simplified(Expr::ScalarFunction(made)) => {
                let func = Self::of(made.func, &self.meter);
                let call = ScalarFunction::new_udf(func, made.args);
                ExprSimplifyResult::Simplified(Expr::ScalarFunction(call))
            }
            _ => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let fields = self.fields(&plain_lists(&args.arg_fields))?;
        let scalars: Vec<Option<&ScalarValue>> = args
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Scalar(value) => Some(value),
                ColumnarValue::Array(_) => None,
            })
            .collect();
        let field = self.inner.return_field_from_args(ReturnFieldArgs {
            arg_fields: &fields,
            scalar_arguments: &scalars,
        })?;
        let arrays: Vec<ArrayRef> = args
            .args
            .iter()
            .filter_map(|arg| match arg {
                ColumnarValue::Array(array) => Some(Arc::clone(array)),
                ColumnarValue::Scalar(_) => None,
            })
            .collect();
        // What is the same for all rows is written out for each.
        let each = scalars.iter().flatten().map(|value| value.size()).sum();
        let rows = args.number_rows;
        let widths: Vec<Widths> = arrays.iter().map(Widths::of).collect();
        let row = |at| widths.iter().map(|width| width.at(at)).sum::<usize>() + each;
        if each > ROW || (0..rows).any(|at| !arrays.is_empty() && row(at) > ROW) {
            return Err(exhausted());
        }
        let ends = match arrays.is_empty() {
            true => vec![rows],
            false => runs(&arrays, rows, each, PIECE),
        };
        if let [end] = ends.as_slice() {
            return self.piece(&args, &fields, &field, (0, *end));
        }
        let mut from = 0;
        let mut made = Vec::with_capacity(ends.len());
        for end in ends {
            let piece = self.piece(&args, &fields, &field, (from, end))?;
            made.push(piece.into_array(end - from)?);
            from = end;
        }
        let made: Vec<&dyn Array> = made.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&made)?))
    }
}

fn plain_list(kind: &DataType) -> DataType {
    match kind {
        DataType::List(item) if item.data_type().is_string() => {
            let item = item.as_ref().clone().with_data_type(DataType::Utf8);
            DataType::List(Arc::new(item))
        }
        other => other.clone(),
    }
}

fn plain_lists(fields: &[FieldRef]) -> Vec<FieldRef> {
    let plain = |field: &FieldRef| {
        let kind = plain_list(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(kind))
    };
    fields.iter().map(plain).collect()
}

/// `a || b`: null when either is. An operator of its own would know no bounds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Joined {
    signature: Signature,
}

impl Joined {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        "||"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let text = |kind: &DataType| kind.is_string() || kind.is_null() || !kind.is_nested();
        match given {
            [left, right] if text(left) && text(right) => {
                Ok(vec![DataType::Utf8View, DataType::Utf8View])
            }
            _ => plan_err!("|| joins two texts"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return plan_err!("|| joins two texts");
        };
        let constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let single = constant(left) && constant(right);
        let rows = if single { 1 } else { args.number_rows };
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let texts = left.as_string_view_opt().zip(right.as_string_view_opt());
        let Some((left, right)) = texts else {
            return Err(DataFusionError::Internal("|| was given no texts".into()));
        };
        let joined: ArrayRef = Arc::new(concat_elements_string_view_array(left, right)?);
        Ok(match single {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&joined, 0)?),
            false => ColumnarValue::Array(joined),
        })
    }
}
