//! The one filter language: a SQL boolean expression over a tenant's columns.
//!
//! A text becomes a [`Filter`] in steps: tokens (counted, so that no expression can exhaust
//! the stack or the processor), syntax tree (only what is on the allow-lists), DataFusion's
//! typed expression, and from that the physical expression and what can be concluded from it
//! without reading rows ([`Pruning`]). A session for this has no table, no catalogue and no
//! file format: there is nothing that an expression could reach but its row.

mod calls;
mod check;
mod prune;
mod readings;
#[cfg(test)]
pub(crate) mod tests;
mod tree;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use cordon_kernel::{Env, TenantId, TenantScope};
use datafusion::common::DFSchema;
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator};
use datafusion::optimizer::simplify_expressions::{ExprSimplifier, SimplifyContext};
use datafusion::physical_expr::expressions::{BinaryExpr, LikeExpr};
use datafusion::physical_expr::utils::reassign_expr_columns;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::sql::sqlparser::ast;

pub(crate) use check::count;
pub(crate) use prune::Pruning;

use crate::cache::Cache;
use crate::error::{FilterError, LakeError, Result};
use crate::functions;
use crate::schema::{Column, Columns};

/// Longest filter, in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// Most operators and keywords that work as such in one filter. Lists (`IN (…)`) are not
/// counted by their elements.
pub const MAX_OPERATORS: usize = 1_000;

/// Deepest nesting of one filter.
pub const MAX_DEPTH: usize = 64;

/// Bytes that a regular expression is taken for.
const REGEX: usize = 64 << 10;

/// Bytes of compiled filters that are kept.
const KEPT: usize = 16 << 20;

/// Bytes that a byte of a filter is taken for once it is compiled: as much as what looks for many
/// texts at once takes for each of theirs.
const COMPILED: usize = 24;

/// A compiled filter.
#[derive(Debug)]
pub struct Filter {
    /// Conditions over small columns, evaluated first; then those over wide ones, for the
    /// rows that are left.
    pub(crate) narrow: Option<Condition>,
    pub(crate) wide: Option<Condition>,
    pub(crate) pruning: Pruning,
    regexes: usize,
}

impl Filter {
    /// How many regular expressions it holds in memory.
    #[must_use]
    pub fn regexes(&self) -> usize {
        self.regexes
    }

    /// Its conditions in the order in which they are evaluated; none without a filter.
    pub(crate) fn conditions(filter: Option<&Self>) -> Vec<Condition> {
        let parts = filter.map(|filter| [&filter.narrow, &filter.wide]);
        parts.into_iter().flatten().flatten().cloned().collect()
    }
}

/// A part of a filter and the columns it reads.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) columns: Columns,
    /// Its columns are at the places that they have among [`Self::columns`].
    pub(crate) expression: Arc<dyn PhysicalExpr>,
    /// How often the columns are gone through at most: once for each part of the expression, and for
    /// a regular expression as often as [`REGEX_PARTS`].
    pub(crate) parts: usize,
}

impl Condition {
    /// Which rows of a batch of exactly [`Condition::columns`] fulfil it. Null counts as no.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        fulfilled(&*self.expression, batch)
    }

    /// Bytes that [`Self::evaluate_within`] goes through, counted as often as it does so.
    pub(crate) fn cost(&self, batch: &RecordBatch) -> usize {
        let columns = self.columns.iter();
        let columns = columns.filter_map(|column| batch.column_by_name(column.name()));
        let bytes = columns.map(|column| {
            let bytes = column.to_data().get_slice_memory_size();
            bytes.unwrap_or_else(|_| column.get_array_memory_size())
        });
        bytes
            .fold(0, usize::saturating_add)
            .saturating_mul(self.parts)
    }

    /// The same for a batch with more columns.
    pub(crate) fn evaluate_within(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        self.evaluate(&project(batch, self.columns)?)
    }
}

/// Which rows of a batch fulfil an expression whose columns are at the batch's places. Null
/// counts as no.
pub(crate) fn fulfilled(
    expression: &dyn PhysicalExpr,
    batch: &RecordBatch,
) -> Result<BooleanArray> {
    let failed = |error: datafusion::error::DataFusionError| {
        whole(format!(
            "the filter fails on an event: {}",
            first_line(&error)
        ))
    };
    let rows = batch.num_rows();
    let value = expression.evaluate(batch).map_err(failed)?;
    let array = match value {
        ColumnarValue::Array(array) => array,
        value @ ColumnarValue::Scalar(_) => value.into_array(rows).map_err(failed)?,
    };
    let Some(hits) = array.as_boolean_opt() else {
        // A condition that is null for every row has the type of null.
        return Ok(BooleanArray::new(
            arrow::buffer::BooleanBuffer::new_unset(rows),
            None,
        ));
    };
    Ok(match hits.nulls() {
        None => hits.clone(),
        Some(nulls) => BooleanArray::new(hits.values() & nulls.inner(), None),
    })
}

/// The batch with these columns alone, in the order of the schema.
pub(crate) fn project(batch: &RecordBatch, columns: Columns) -> Result<RecordBatch> {
    let schema = batch.schema();
    let indices = columns
        .iter()
        .map(|column| schema.index_of(column.name()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(batch.project(&indices)?)
}

/// Compiles filters and remembers them, per tenant.
pub struct Filters {
    env: Env,
    state: SessionState,
    schema: DFSchema,
    names: HashSet<String>,
    kept: Cache<(TenantId, Arc<str>), Arc<Filter>>,
}

fn too_long(text: &str) -> LakeError {
    whole(format!(
        "the filter has {} bytes, at most {MAX_BYTES} are allowed",
        text.len()
    ))
}

/// An error about the expression as a whole.
fn whole(message: impl Into<String>) -> LakeError {
    FilterError {
        message: message.into(),
        line: 0,
        column: 0,
    }
    .into()
}

/// What DataFusion says of the cause, without where in DataFusion it came up.
fn first_line(error: &datafusion::error::DataFusionError) -> String {
    let text = error.find_root().message().into_owned();
    let text = text.lines().next().unwrap_or_default();
    text.trim_end_matches('.').to_owned()
}

impl Filters {
    /// A compiler; `env` gives `now()` its value.
    ///
    /// # Errors
    /// A function of the allow-list can't be registered.
    pub fn new(env: Env) -> Result<Self> {
        let mut state = SessionStateBuilder::new()
            .with_scalar_functions(functions::allowed())
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .build();
        datafusion_functions_json::register_all(&mut state)?;
        let names = functions::allowed()
            .iter()
            .flat_map(|function| {
                let aliases = function.aliases().iter().cloned();
                aliases.chain([function.name().to_owned()])
            })
            .collect();
        let fields: Vec<_> = visible().iter().map(Column::field).collect();
        Ok(Self {
            env,
            state,
            schema: DFSchema::try_from(Schema::new(fields))?,
            names,
            kept: Cache::new(KEPT),
        })
    }

    /// Compiles a filter for a tenant, or finds it compiled.
    ///
    /// # Errors
    /// [`LakeError::Filter`] with the place of the mistake.
    pub fn compile(&self, scope: &TenantScope, text: &str) -> Result<Arc<Filter>> {
        self.compile_for(scope.tenant(), text)
    }

    pub(crate) fn compile_for(&self, tenant: &TenantId, text: &str) -> Result<Arc<Filter>> {
        if text.len() > MAX_BYTES {
            return Err(too_long(text));
        }
        let key = (tenant.clone(), Arc::from(text));
        if let Some(filter) = self.kept.get(&key) {
            return Ok(filter);
        }
        let (filter, uses_now) = self.make(text, self.now())?;
        let filter = Arc::new(filter);
        // What depends on the present must be compiled anew the next time.
        if !uses_now {
            let weight = COMPILED * text.len() + 1_024 + filter.regexes * REGEX;
            self.kept.put(key, Arc::clone(&filter), weight);
        }
        Ok(filter)
    }

    /// Compiles a filter in which `now()` is that time (nanoseconds since 1970); it is not kept.
    ///
    /// # Errors
    /// [`LakeError::Filter`] with the place of the mistake.
    pub(crate) fn check_at(&self, text: &str, now: i64) -> Result<Filter> {
        if text.len() > MAX_BYTES {
            return Err(too_long(text));
        }
        Ok(self.make(text, now)?.0)
    }

    /// Compiles a filter for nobody, to see what it is; it is not kept.
    ///
    /// # Errors
    /// [`LakeError::Filter`] with the place of the mistake.
    pub fn check(&self, text: &str) -> Result<Filter> {
        if text.len() > MAX_BYTES {
            return Err(too_long(text));
        }
        Ok(self.make(text, self.now())?.0)
    }

    /// The time, nanoseconds since 1970.
    fn now(&self) -> i64 {
        i64::try_from(self.env.now().as_nanosecond()).unwrap_or(i64::MAX)
    }

    /// The filter, and whether it depends on the present.
    fn make(&self, text: &str, now: i64) -> Result<(Filter, bool)> {
        let checked = check::parse(text, &self.names)?;
        let filter = Filter {
            regexes: checked.regexes,
            ..self.plan(checked.tree, now)?
        };
        Ok((filter, checked.uses_now))
    }

    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.kept.retain(|(of, _)| of != tenant);
    }

    fn plan(&self, tree: ast::Expr, now: i64) -> Result<Filter> {
        let expression = match self.typed(&tree, now) {
            Ok(expression) => expression,
            Err(error) => return Err(self.locate(&tree, &error, now)),
        };
        let kind = datafusion::logical_expr::ExprSchemable::get_type(&expression, &self.schema)?;
        if !matches!(kind, DataType::Boolean | DataType::Null) {
            return Err(FilterError {
                message: format!("a filter is a condition, this is a value of type {kind}"),
                ..check::place(&tree)
            }
            .into());
        }
        self.split(expression)
    }

    /// The parts of a condition that read little, and those that read much.
    fn split(&self, expression: Expr) -> Result<Filter> {
        let pruning = Pruning::of(&expression);
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        for part in split_conjunction_owned(expression) {
            let reads_raw = part
                .column_refs()
                .iter()
                .any(|column| column.name == Column::Raw.name());
            if reads_raw {
                wide.push(part)
            } else {
                narrow.push(part)
            }
        }
        Ok(Filter {
            narrow: self.condition(narrow)?,
            wide: self.condition(wide)?,
            pruning,
            regexes: 0,
        })
    }

    /// The expression with DataFusion's types, simplified.
    fn typed(&self, tree: &ast::Expr, now: i64) -> datafusion::error::Result<Expr> {
        let with_alias = ast::ExprWithAlias {
            expr: tree.clone(),
            alias: None,
        };
        let expression = self
            .state
            .create_logical_expr_from_sql_expr(with_alias, &self.schema)?;
        let now =
            arrow::temporal_conversions::timestamp_ns_to_datetime(now).map(|time| time.and_utc());
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(self.schema.clone()))
            .with_config_options(Arc::new(ConfigOptions::default()))
            .with_query_execution_start_time(now)
            .build();
        let simplifier = ExprSimplifier::new(context);
        let mut expression = simplifier.coerce(expression, &self.schema)?;
        for rewrite in self.state.analyzer().function_rewrites() {
            use datafusion::common::tree_node::TreeNode as _;
            expression = expression
                .transform_up(|part| {
                    rewrite.rewrite(part, &self.schema, self.state.config_options())
                })?
                .data;
        }
        simplifier.simplify(expression)
    }

    /// The smallest part that does not type is where the mistake is.
    fn locate(
        &self,
        tree: &ast::Expr,
        error: &datafusion::error::DataFusionError,
        now: i64,
    ) -> LakeError {
        let mut at = tree;
        let mut message = first_line(error);
        'down: loop {
            for child in tree::children(at) {
                if let Err(error) = self.typed(child, now) {
                    message = first_line(&error);
                    at = child;
                    continue 'down;
                }
            }
            break;
        }
        FilterError {
            message,
            ..check::place(at)
        }
        .into()
    }

    fn condition(&self, parts: Vec<Expr>) -> Result<Option<Condition>> {
        let Some(expression) = all_of(parts) else {
            return Ok(None);
        };
        let columns = expression
            .column_refs()
            .iter()
            .filter_map(|column| Column::by_name(&column.name))
            .fold(Columns::NONE, Columns::with);
        let physical = self.state.create_physical_expr(expression, &self.schema)?;
        let physical = reassign_expr_columns(physical, &columns.schema())?;
        Ok(Some(Condition {
            columns,
            parts: parts_of(&physical),
            expression: physical,
        }))
    }
}

/// As how many parts a regular expression counts.
const REGEX_PARTS: usize = 64;

/// How many parts an expression has, itself among them.
fn parts_of(expression: &Arc<dyn PhysicalExpr>) -> usize {
    let regex = match (
        expression.downcast_ref::<BinaryExpr>(),
        expression.downcast_ref::<ScalarFunctionExpr>(),
    ) {
        (Some(binary), _) => matches!(
            binary.op(),
            Operator::RegexMatch
                | Operator::RegexIMatch
                | Operator::RegexNotMatch
                | Operator::RegexNotIMatch
        ),
        (_, Some(function)) => function.name().contains("regexp"),
        // Most patterns become one too, made for each batch.
        (None, None) => expression.downcast_ref::<LikeExpr>().is_some(),
    };
    let own = if regex { REGEX_PARTS } else { 1 };
    let within = expression.children();
    own + within.into_iter().map(parts_of).sum::<usize>()
}

fn visible() -> Columns {
    Column::ALL
        .into_iter()
        .filter(|column| column.visible())
        .fold(Columns::NONE, Columns::with)
}

/// A conjunction that is as flat as can be: a thousand conditions are ten deep.
fn all_of(mut parts: Vec<Expr>) -> Option<Expr> {
    while parts.len() > 1 {
        let mut left = parts.into_iter();
        let mut paired = Vec::with_capacity(left.len().div_ceil(2));
        while let Some(first) = left.next() {
            paired.push(match left.next() {
                Some(second) => first.and(second),
                None => first,
            });
        }
        parts = paired;
    }
    parts.pop()
}
