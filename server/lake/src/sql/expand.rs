//! How large expressions become when a column stands for what it is made from. The planner puts it
//! there to bring conditions to where rows are read: a column that is made of two of a column that
//! is made of two … doubles at each step.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::parts::MOST_PARTS;

/// Refuses a plan whose expressions would grow beyond all bounds.
///
/// # Errors
/// [`DataFusionError::Plan`] with what to do.
pub(super) fn bounded(plan: &LogicalPlan) -> Result<()> {
    let mut all = 0;
    sizes(plan, &mut all).map(drop)
}

/// For each column of what the plan gives, how many parts it is made of.
fn sizes(plan: &LogicalPlan, all: &mut u64) -> Result<Vec<u64>> {
    let inputs = plan.inputs();
    let mut given: Vec<Vec<u64>> = Vec::with_capacity(inputs.len());
    for input in &inputs {
        given.push(sizes(input, all)?);
    }
    let schemas: Vec<&Arc<DFSchema>> = inputs.iter().map(|input| input.schema()).collect();
    let mut own = Vec::new();
    plan.apply_expressions(|expression| {
        let size = size(expression, &schemas, &given, all)?;
        *all = all.saturating_add(size);
        if *all > 4 * MOST_PARTS {
            return Err(DataFusionError::Plan(
                "columns that are made from columns that are made again become too large: use \
                 each fewer times"
                    .into(),
            ));
        }
        own.push(size);
        Ok(TreeNodeRecursion::Continue)
    })?;
    let width = plan.schema().fields().len();
    let passed: Vec<u64> = match plan {
        LogicalPlan::Union(_) => {
            let mut sums = vec![0_u64; width];
            for input in &given {
                for (sum, size) in sums.iter_mut().zip(input) {
                    *sum = sum.saturating_add(*size);
                }
            }
            sums
        }
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => own,
        LogicalPlan::Window(_) => given.concat().into_iter().chain(own).collect(),
        _ => given.concat(),
    };
    if passed.len() == width {
        return Ok(passed);
    }
    // Which is which is not known here: as large as the largest.
    Ok(vec![passed.into_iter().max().unwrap_or(1); width])
}

fn size(
    expression: &Expr,
    schemas: &[&Arc<DFSchema>],
    given: &[Vec<u64>],
    all: &mut u64,
) -> Result<u64> {
    let mut size = 0_u64;
    expression.apply(|part| {
        let more = match part {
            Expr::Column(column) => schemas
                .iter()
                .zip(given)
                .filter_map(|(schema, sizes)| sizes.get(schema.maybe_index_of_column(column)?))
                .copied()
                .max()
                .unwrap_or(1),
            Expr::ScalarSubquery(subquery) => {
                sizes(&subquery.subquery, all)?;
                1
            }
            Expr::Exists(exists) => {
                sizes(&exists.subquery.subquery, all)?;
                1
            }
            Expr::SetComparison(all_of) => {
                sizes(&all_of.subquery.subquery, all)?;
                1
            }
            Expr::InSubquery(within) => {
                sizes(&within.subquery.subquery, all)?;
                1
            }
            _ => 1,
        };
        size = size.saturating_add(more);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(size)
}
