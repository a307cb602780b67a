//! A plan with what is ours in the place of what has no bounds: functions, `||`, literals; and what it
//! may be made of.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable as _, LogicalPlan, LogicalPlanBuilder, Operator, ScalarUDF,
    Values, WindowFunctionDefinition,
};

use super::bounded::{Bounded, Joined, viewed};
use super::memory::Meter;

/// Most columns of what one step of a plan gives.
const MOST_COLUMNS: usize = 256;
/// Longest text that is written in the call of a window function, in bytes.
const LONGEST_IN_WINDOW: usize = 256;
/// Functions that give one of their arguments, or a time: nothing is made that was not there. The
/// first of them must remain what it is, since the planner makes it a CASE.
const PLAIN: [&str; 12] = [
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "now",
    "to_timestamp",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "date_part",
    "date_trunc",
    "current_date",
    "current_time",
];
/// Aggregates that may be computed over windows: their state is small however many rows there are.
const OVER_WINDOWS: [&str; 8] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "first_value",
    "last_value",
    "nth_value",
];

/// The plan with bounded functions and texts as views.
///
/// # Errors
/// It has a function that is not allowed, or more columns than are.
pub(super) fn owned(
    plan: LogicalPlan,
    state: &SessionState,
    meter: &Arc<Meter>,
) -> Result<LogicalPlan> {
    let joined = Bounded::of(Arc::new(ScalarUDF::from(Joined::new())), meter);
    let own = |part: Expr| -> Result<Transformed<Expr>> {
        Ok(match part {
            Expr::ScalarFunction(call) => {
                let name = call.func.name();
                let Some(known) = state.scalar_functions().get(name) else {
                    return plan_err!("there is no function {name}");
                };
                match PLAIN.contains(&name) {
                    true => Transformed::no(Expr::ScalarFunction(call)),
                    false => {
                        let func = Bounded::of(Arc::clone(known), meter);
                        let call = ScalarFunction::new_udf(func, call.args);
                        Transformed::yes(Expr::ScalarFunction(call))
                    }
                }
            }
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::StringConcat,
                right,
            }) => {
                let call = ScalarFunction::new_udf(Arc::clone(&joined), vec![*left, *right]);
                Transformed::yes(Expr::ScalarFunction(call))
            }
            Expr::Literal(ScalarValue::Utf8(text), metadata) => {
                Transformed::yes(Expr::Literal(ScalarValue::Utf8View(text), metadata))
            }
            other => Transformed::no(other),
        })
    };
    let plan = plan.transform_up_with_subqueries(|node| {
        let inputs = node.inputs();
        let schema = match inputs.is_empty() {
            true => node.schema().as_ref().clone(),
            false => merge_schema(&inputs),
        };
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expression| {
            let name = names.save(&expression);
            // What rewrites calls knows them by what they are, and not as ours.
            let rewritten = expression.transform_up(|mut part| {
                for rewrite in state.analyzer().function_rewrites() {
                    part = rewrite.rewrite(part, &schema, state.config_options())?.data;
                }
                Ok(Transformed::yes(part))
            })?;
            let rewritten = rewritten.data.transform_up(own)?;
            Ok(rewritten.update_data(|expression| name.restore(expression)))
        })?;
        // The types of what it gives may be others now, and so those of what it is given.
        let node = match node.data {
            LogicalPlan::Values(Values { values, .. }) => {
                LogicalPlanBuilder::values(values)?.build()?
            }
            LogicalPlan::Union(union) => {
                let inputs = union.inputs.into_iter();
                LogicalPlan::Union(datafusion::logical_expr::Union::try_new_with_loose_types(
                    inputs.collect(),
                )?)
            }
            node => node.recompute_schema()?,
        };
        Ok(Transformed::yes(node))
    })?;
    Ok(plan.data)
}

/// Refuses a plan that holds what has no bounds. It is looked at when everything has been put in its
/// place, and nothing comes after.
///
/// # Errors
/// What it holds, and what to write instead.
pub(super) fn bounded(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let fields = node.schema().fields();
        if fields.len() > MOST_COLUMNS {
            return plan_err!(
                "a step of the query has {} columns, at most {MOST_COLUMNS} are allowed: name \
                 those that are needed",
                fields.len()
            );
        }
        for field in fields {
            if !kept(field.data_type()) {
                return plan_err!(
                    "the column {} can't be of the type {}: write CAST(… AS TEXT), or ->> where \
                     it is taken from JSON",
                    field.name(),
                    field.data_type()
                );
            }
        }
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                allowed(part, node)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// Whether values of the type may go from step to step: texts as views alone.
fn kept(kind: &DataType) -> bool {
    match kind {
        DataType::List(item) => {
            item.data_type() == &viewed(item.data_type()) && kept(item.data_type())
        }
        DataType::Utf8View | DataType::Null | DataType::Boolean => true,
        other => other.is_primitive(),
    }
}

fn allowed(part: &Expr, node: &LogicalPlan) -> Result<()> {
    match part {
        Expr::ScalarFunction(call) => {
            let name = call.func.name();
            let known = call.func.inner().is::<Bounded>() || PLAIN.contains(&name);
            if !known {
                return plan_err!("the function {name} can't be used like this");
            }
        }
        Expr::BinaryExpr(BinaryExpr {
            op: Operator::StringConcat,
            ..
        }) => return plan_err!("|| can't be used like this: write concat(…)"),
        Expr::Cast(cast) => castable(&cast.expr, cast.field.data_type(), node)?,
        Expr::TryCast(cast) => castable(&cast.expr, cast.field.data_type(), node)?,
        Expr::WindowFunction(window) => over_window(window, node)?,
        _ => {}
    }
    Ok(())
}

/// A list written out as text is a text that nobody counts.
fn castable(part: &Expr, to: &DataType, node: &LogicalPlan) -> Result<()> {
    let given = merge_schema(&node.inputs());
    if to.is_nested() || part.get_type(&given)?.is_nested() {
        return plan_err!("lists can't be cast: write array_has(…) or unnest(…)");
    }
    Ok(())
}

fn over_window(window: &WindowFunction, node: &LogicalPlan) -> Result<()> {
    let given = merge_schema(&node.inputs());
    if let WindowFunctionDefinition::AggregateUDF(function) = &window.fun
        && (!OVER_WINDOWS.contains(&function.name()) || window.params.distinct)
    {
        return plan_err!(
            "{} can't be computed over a window; there are {}",
            function.name(),
            OVER_WINDOWS.join(", ")
        );
    }
    for argument in &window.params.args {
        let plain = match argument {
            Expr::Column(_) => true,
            Expr::Literal(value, _) => {
                value.try_as_str().flatten().map_or(0, str::len) <= LONGEST_IN_WINDOW
            }
            other => other.get_type(&given)?.is_primitive(),
        };
        if !plain {
            return plan_err!(
                "a text that a window function is given is a column: compute it in a query \
                 within, SELECT … FROM (SELECT … AS …) t"
            );
        }
    }
    Ok(())
}
