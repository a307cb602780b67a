//! Planning a query and running it within its limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cordon_kernel::TenantScope;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::SqlLimits;
use super::check::{first_line, parse};
use super::spill::Spills;
use super::table::{Reading, Table};
use crate::error::{LakeError, Result};
use crate::functions;
use crate::lake::Lake;

/// The name of the one table.
const TABLE: &str = "events";
/// Batches that wait for whoever reads the answer.
const AHEAD: usize = 2;

/// A query under way. Dropping it ends it.
pub struct Running {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    work: AbortHandle,
    reading: Arc<Reading>,
    spilled: Arc<AtomicU64>,
    until: Instant,
    limits: SqlLimits,
    rows: u64,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({:?})", self.reading)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Lake {
    /// Plans a query over the tenant's events in this range of event times (nanoseconds since 1970)
    /// that the filter `within` takes, and begins it. The sequence number `head` fixes which events
    /// those are.
    ///
    /// # Errors
    /// [`LakeError::Query`] for what is no query over the table `events`.
    pub async fn sql(
        self: &Arc<Self>,
        scope: &Arc<TenantScope>,
        text: &str,
        (times, within, head): ((Option<i64>, Option<i64>), Option<String>, u64),
        limits: SqlLimits,
    ) -> Result<Running> {
        let statement = parse(text)?;
        let cipher = self.access(scope).await?.cipher;
        let spills = Spills::new(cipher, limits.folder.clone(), limits.disk);
        let spilled = spills.used();
        let reading = Arc::new(Reading {
            lake: Arc::clone(self),
            scope: Arc::clone(scope),
            times,
            within,
            head,
            io: Handle::current(),
            rows: AtomicU64::new(0),
            failed: std::sync::Mutex::new(None),
        });
        let context = session(&reading, spills, &limits)?;
        let until = Instant::now() + limits.time;
        let plan = plan(&context, statement).await?;
        let schema = plan.schema();
        let (to, batches) = mpsc::channel(AHEAD);
        let work = self.computing().spawn(async move {
            match execute_stream(plan, context.task_ctx()) {
                Ok(mut stream) => {
                    while let Some(batch) = stream.next().await {
                        if to.send(batch).await.is_err() {
                            break;
                        }
                    }
                }
                // Nobody listens any more: nobody needs to know.
                Err(error) => drop(to.send(Err(error)).await),
            }
        });
        Ok(Running {
            schema,
            batches,
            work: work.abort_handle(),
            reading,
            spilled,
            until,
            limits,
            rows: 0,
        })
    }
}

impl Running {
    /// The columns of the answer.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of the tenant's that were read so far.
    #[must_use]
    pub fn scanned(&self) -> u64 {
        self.reading.rows.load(Ordering::Relaxed)
    }

    /// Bytes that lie on disk now.
    #[must_use]
    pub fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    /// The next rows of the answer; `None` at its end.
    ///
    /// # Errors
    /// [`LakeError::Exhausted`] when a limit is reached, with what to narrow; the store's.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let next = tokio::time::timeout_at(self.until, self.batches.recv()).await;
        let batch = match next {
            Err(_) => {
                self.work.abort();
                return Err(LakeError::Exhausted(format!(
                    "the query took longer than {} s: name a shorter time, more conditions or \
                     fewer joins",
                    self.limits.time.as_secs()
                )));
            }
            Ok(None) => return Ok(None),
            Ok(Some(Ok(batch))) => batch,
            Ok(Some(Err(error))) => return Err(self.failed(error)),
        };
        self.rows += batch.num_rows() as u64;
        if self.rows > self.limits.rows {
            self.work.abort();
            return Err(LakeError::Exhausted(format!(
                "the answer has more than {} rows: add LIMIT or conditions, or count and group",
                self.limits.rows
            )));
        }
        Ok(Some(batch))
    }

    /// What the caller is told.
    fn failed(&self, error: DataFusionError) -> LakeError {
        if let Some(error) = self.reading.ended() {
            return error;
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => LakeError::Exhausted(format!(
                "the query needs more than {} MiB of memory: name a shorter time, more \
                 conditions, fewer columns or groups",
                self.limits.memory >> 20
            )),
            DataFusionError::IoError(io) if is_quota(io) => LakeError::Exhausted(format!(
                "the query needs more than {} MiB of disk: name a shorter time, more conditions \
                 or fewer columns",
                self.limits.disk >> 20
            )),
            DataFusionError::ArrowError(arrow, _) if is_quota_of_arrow(arrow) => {
                LakeError::Exhausted(format!(
                    "the query needs more than {} MiB of disk: name a shorter time, more \
                     conditions or fewer columns",
                    self.limits.disk >> 20
                ))
            }
            DataFusionError::IoError(_) | DataFusionError::External(_) => {
                LakeError::DataFusion(error)
            }
            DataFusionError::Internal(_) => LakeError::DataFusion(error),
            _ => LakeError::Query(format!(
                "the query fails on an event: {}",
                first_line(&error)
            )),
        }
    }
}

fn is_quota(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::QuotaExceeded
}

fn is_quota_of_arrow(error: &arrow::error::ArrowError) -> bool {
    matches!(error, arrow::error::ArrowError::IoError(_, io) if is_quota(io))
}

/// A session that has the one table and nothing else to ask.
fn session(reading: &Arc<Reading>, spills: Spills, limits: &SqlLimits) -> Result<SessionContext> {
    let pool: Arc<dyn MemoryPool> = Arc::new(TrackConsumersPool::new(
        FairSpillPool::new(limits.memory),
        std::num::NonZeroUsize::MIN,
    ));
    let disk = DiskManagerBuilder::default().with_temp_file_factory(Arc::new(spills));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(true)
        // One part: the same query over the same events gives the same rows in the same order.
        .with_target_partitions(1)
        // A batch of long rows is small against the memory too.
        .with_batch_size((limits.memory / (32 << 10)).clamp(128, 8_192))
        // What one sort keeps back for merging must fit in a small limit too.
        .with_sort_spill_reservation_bytes((limits.memory / 8).min(10 << 20));
    config.options_mut().execution.enable_recursive_ctes = false;
    config.options_mut().sql_parser.enable_ident_normalization = true;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_scalar_functions(functions::allowed())
        .with_aggregate_functions(functions::aggregates())
        .with_window_functions(functions::windows())
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .build();
    datafusion_functions_json::register_all(&mut state)?;
    let context = SessionContext::new_with_state(state);
    let table = Arc::new(Table::new(Arc::clone(reading)));
    context.register_table(TableReference::bare(TABLE), table)?;
    Ok(context)
}

async fn plan(
    context: &SessionContext,
    statement: datafusion::sql::parser::Statement,
) -> Result<Arc<dyn ExecutionPlan>> {
    let state = context.state();
    let told = |error: DataFusionError| match error.find_root() {
        DataFusionError::Internal(_) | DataFusionError::IoError(_) => LakeError::DataFusion(error),
        _ => LakeError::Query(first_line(&error)),
    };
    let plan = state.statement_to_plan(statement).await.map_err(told)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)
        .map_err(told)?;
    let frame = context.execute_logical_plan(plan).await.map_err(told)?;
    frame.create_physical_plan().await.map_err(told)
}
