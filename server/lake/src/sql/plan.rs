//! From a query to what computes it: a session that has the one table and nothing else to ask.

use std::sync::Arc;

use arrow::temporal_conversions::timestamp_ns_to_datetime;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SessionStateDefaults, TaskContext};
use datafusion::logical_expr::AggregateUDF;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SQLOptions, SessionConfig};
use datafusion::sql::parser::Statement;

use super::SqlLimits;
use super::check::first_line;
use super::memory::Meter;
use super::spill::Spills;
use super::table::{Reading, Table};
use super::texts::Strung;
use super::{expand, guard, own};
use crate::error::{LakeError, Result};
use crate::functions;

/// The name of the one table.
const TABLE: &str = "events";

/// What computes a query, ready to run.
pub(super) struct Planned {
    pub(super) plan: Arc<dyn ExecutionPlan>,
    pub(super) context: Arc<TaskContext>,
}

/// Plans a query over the one table.
///
/// # Errors
/// [`LakeError::Query`] for what is no query over it.
pub(super) async fn plan(
    statement: Statement,
    reading: &Arc<Reading>,
    spills: Spills,
    limits: &SqlLimits,
) -> Result<Planned> {
    let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(limits.memory));
    let meter = Meter::new(limits.memory);
    let state = session(reading, (spills, pool), limits)?;
    let table = Table::new(Arc::clone(reading), Arc::clone(&meter), limits.memory);
    state
        .schema_for_ref(TableReference::bare(TABLE))?
        .register_table(TABLE.into(), Arc::new(table))?;
    let plan = state.statement_to_plan(statement).await.map_err(told)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)
        .map_err(told)?;
    expand::bounded(&plan).map_err(told)?;
    let plan = own::owned(plan, &state, &meter).map_err(told)?;
    let plan = state.optimize(&plan).map_err(told)?;
    own::bounded(&plan).map_err(told)?;
    let planner = state.query_planner();
    let physical = planner.create_physical_plan(&plan, &state).await;
    let physical = physical.map_err(told)?;
    // What a sort has collected is merged before it is put on disk, and merging text takes as much
    // as the text again: half the memory is kept for it, shared by all sorts.
    let sorts = sorts(&physical).max(1);
    let config = state.config().clone();
    let config = config.with_sort_spill_reservation_bytes(limits.memory / (2 * sorts));
    let context = TaskContext::from(&state).with_session_config(config);
    Ok(Planned {
        plan: guard::guarded(&physical, &meter)?,
        context: Arc::new(context),
    })
}

/// How many sorts of a plan keep all that they are given.
fn sorts(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = usize::from(plan.name() == "SortExec" && plan.fetch().is_none());
    own + plan.children().into_iter().map(sorts).sum::<usize>()
}

fn told(error: DataFusionError) -> LakeError {
    match error.find_root() {
        DataFusionError::Internal(_) | DataFusionError::IoError(_) => LakeError::DataFusion(error),
        _ => LakeError::Query(first_line(&error)),
    }
}

fn session(
    reading: &Arc<Reading>,
    (spills, pool): (Spills, Arc<dyn MemoryPool>),
    limits: &SqlLimits,
) -> Result<SessionState> {
    let disk = DiskManagerBuilder::default().with_temp_file_factory(Arc::new(spills));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(true)
        // One part: the same query over the same events gives the same rows in the same order.
        .with_target_partitions(1)
        // What an operator collects to a batch is no more than the memory, were each row a record
        // of the longest.
        .with_batch_size((limits.memory >> 20).clamp(64, 1_024));
    config.options_mut().execution.enable_recursive_ctes = false;
    config.options_mut().sql_parser.enable_ident_normalization = true;
    // The present is when it was asked. A context would put the clock's time here, so there is none.
    let mut props = ExecutionProps::new();
    props.query_execution_start_time =
        timestamp_ns_to_datetime(reading.over.asked).map(|time| time.and_utc());
    props.config_options = Some(Arc::clone(config.options()));
    let mut aggregates = functions::aggregates();
    aggregates.push(Arc::new(AggregateUDF::from(Strung::default())));
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_execution_props(props)
        .with_scalar_functions(functions::allowed())
        .with_aggregate_functions(aggregates)
        .with_window_functions(functions::windows())
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .build();
    datafusion_functions_json::register_all(&mut state)?;
    Ok(state)
}
