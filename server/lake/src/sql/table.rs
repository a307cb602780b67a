//! The table `events`: what one tenant's search gives, as DataFusion reads it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{SortOptions, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use cordon_kernel::TenantScope;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::export::hex_names;
use crate::filter::Filter;
use crate::lake::Lake;
use crate::schema::{Column, Columns};
use crate::search::{Order, Query};

/// Batches that wait between the reading and the computing.
const AHEAD: usize = 2;
/// Bytes of a batch that is handed on, where its rows are not larger.
const PIECE: usize = 1 << 20;

/// What one query reads from.
pub(super) struct Reading {
    pub(super) lake: Arc<Lake>,
    pub(super) scope: Arc<TenantScope>,
    /// Event times, nanoseconds since 1970: from, and up to without it.
    pub(super) times: (Option<i64>, Option<i64>),
    /// Of these events alone: a filter's text.
    pub(super) within: Option<String>,
    /// Up to this sequence number.
    pub(super) head: u64,
    /// Where files and the database are read.
    pub(super) io: Handle,
    /// Rows that were read.
    pub(super) rows: AtomicU64,
    /// Why reading ended early, as the lake says it.
    pub(super) failed: Mutex<Option<crate::error::LakeError>>,
}

impl Reading {
    fn note(&self, error: crate::error::LakeError) {
        let failed = self.failed.lock();
        let mut failed = failed.unwrap_or_else(|broken| broken.into_inner());
        failed.get_or_insert(error);
    }

    /// Why reading ended early, if it did.
    pub(super) fn ended(&self) -> Option<crate::error::LakeError> {
        let failed = self.failed.lock();
        failed.unwrap_or_else(|broken| broken.into_inner()).take()
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({})", self.scope.tenant())
    }
}

/// The columns that filters see, with names as their hexadecimal digits.
fn shown() -> Vec<Column> {
    let all = Column::ALL.into_iter();
    all.filter(|column| column.visible()).collect()
}

fn field(column: Column) -> Field {
    match column {
        Column::Name => Field::new(column.name(), DataType::Utf8, false),
        column => column.field(),
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    reading: Arc<Reading>,
    schema: SchemaRef,
}

impl Table {
    pub(super) fn new(reading: Arc<Reading>) -> Self {
        let fields: Vec<Field> = shown().into_iter().map(field).collect();
        Self {
            reading,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// The conditions as one filter of the lake's, if it can take them.
    fn filter(&self, filters: &[Expr]) -> Option<Arc<Filter>> {
        let named = |filter: &Expr| {
            let columns = filter.column_refs();
            columns
                .iter()
                .any(|column| column.name == Column::Name.name())
        };
        // Names are digits here and bytes there.
        if filters.iter().any(named) {
            return None;
        }
        let within = self.reading.within.as_deref();
        let filter = self.reading.lake.filters().of_expressions(within, filters);
        filter.ok().map(Arc::new)
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match self.filter(&[(*filter).clone()]) {
                Some(_) => TableProviderFilterPushDown::Exact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let shown = shown();
        let columns: Vec<Column> = match projection {
            Some(chosen) => chosen
                .iter()
                .filter_map(|at| shown.get(*at).copied())
                .collect(),
            None => shown,
        };
        let fields: Vec<Field> = columns.iter().copied().map(field).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let filter = match (filters, &self.reading.within) {
            ([], None) => None,
            (filters, _) => Some(self.filter(filters).ok_or_else(|| {
                DataFusionError::Internal("a condition that was taken does not compile".into())
            })?),
        };
        // Newest first, as the lake gives them.
        let time = columns.iter().position(|column| *column == Column::Time);
        let newest = SortOptions {
            descending: true,
            nulls_first: true,
        };
        let ordering = time.and_then(|at| {
            let time = Arc::new(ColumnExpr::new(Column::Time.name(), at));
            LexOrdering::new([PhysicalSortExpr::new(time, newest)])
        });
        let part = Part {
            reading: Arc::clone(&self.reading),
            schema: Arc::clone(&schema),
            columns,
            filter,
            limit: limit.map(|limit| limit as u64),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            schema,
            vec![Arc::new(part)],
            None,
            ordering,
            false,
            limit,
        )?))
    }
}

/// One reading of the table.
#[derive(Debug)]
struct Part {
    reading: Arc<Reading>,
    schema: SchemaRef,
    columns: Vec<Column>,
    filter: Option<Arc<Filter>>,
    limit: Option<u64>,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (to, from) = mpsc::channel(AHEAD);
        let reading = Arc::clone(&self.reading);
        let (schema, columns) = (Arc::clone(&self.schema), self.columns.clone());
        let (filter, limit) = (self.filter.clone(), self.limit);
        // Ends when nobody takes any more.
        self.reading.io.spawn(async move {
            let wanted = Wanted {
                schema,
                columns,
                filter,
                limit,
            };
            if let Err(error) = wanted.read(&reading, &to).await {
                reading.note(error);
                let ended = DataFusionError::Execution("the events could not be read".into());
                // Nobody listens any more: nobody needs to know.
                let _ = to.send(Err(ended)).await;
            }
        });
        let batches = futures::stream::unfold(from, |mut from| async move {
            let batch = from.recv().await?;
            Some((batch, from))
        });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches,
        ))
    }
}

/// The batch in pieces that are small against the memory that a query has, each with memory of its own:
/// what shares a buffer is counted with all of it.
fn pieces(batch: &RecordBatch) -> crate::error::Result<Vec<RecordBatch>> {
    let bytes = batch.get_array_memory_size();
    let rows = batch.num_rows();
    if bytes <= PIECE || rows <= 1 || batch.num_columns() == 0 {
        return Ok(vec![batch.clone()]);
    }
    let each = (rows / bytes.div_ceil(PIECE)).max(1);
    let last = u32::try_from(rows).unwrap_or(u32::MAX);
    (0..last)
        .step_by(each)
        .map(|from| {
            let to = from
                .saturating_add(u32::try_from(each).unwrap_or(u32::MAX))
                .min(last);
            let rows = UInt32Array::from_iter_values(from..to);
            Ok(take_record_batch(batch, &rows)?)
        })
        .collect()
}

struct Wanted {
    schema: SchemaRef,
    columns: Vec<Column>,
    filter: Option<Arc<Filter>>,
    limit: Option<u64>,
}

impl Wanted {
    async fn read(
        &self,
        reading: &Reading,
        to: &mpsc::Sender<Result<RecordBatch>>,
    ) -> crate::error::Result<()> {
        let query = Query {
            since: reading.times.0,
            until: reading.times.1,
            filter: self.filter.clone(),
            order: Order::NewestFirst,
            columns: self
                .columns
                .iter()
                .fold(Columns::NONE, |columns, column| columns.with(*column))
                .with(Column::Time),
            limit: self.limit,
            after: None,
            snapshot: Some(reading.head),
        };
        let mut search = reading.lake.search(&reading.scope, query).await?;
        while let Some(batch) = search.next().await? {
            reading
                .rows
                .fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            for piece in pieces(&self.shape(&batch)?)? {
                if to.send(Ok(piece)).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The batch as the table's schema has it.
    fn shape(&self, batch: &RecordBatch) -> crate::error::Result<RecordBatch> {
        let columns = self
            .columns
            .iter()
            .map(|column| {
                let array = crate::row::column(batch, *column)?;
                Ok(match column {
                    Column::Name => Arc::new(hex_names(array)?) as ArrayRef,
                    _ => Arc::clone(array),
                })
            })
            .collect::<crate::error::Result<Vec<_>>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &rows,
        )?)
    }
}
