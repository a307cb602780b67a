//! The table `events`: what one tenant's search gives, as DataFusion reads it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{SortOptions, concat};
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

use super::Over;
use super::bounded::viewed;
use super::memory::{Meter, Widths, counted};
use super::push;
use crate::error::LakeError;
use crate::export::hex_names;
use crate::filter::Filter;
use crate::lake::Lake;
use crate::schema::{Column, Columns};
use crate::search::{Order, Query};

/// Batches that wait between the reading and the computing.
const AHEAD: usize = 2;
/// Bytes of a batch that is handed on, where its rows are not larger.
const PIECE: usize = 1 << 20;
/// Most rows of it.
const ROWS: usize = 8_192;
/// Pieces of which the memory holds as many at least.
const PIECES: usize = 32;

/// What one query reads from.
pub(super) struct Reading {
    pub(super) lake: Arc<Lake>,
    pub(super) scope: Arc<TenantScope>,
    pub(super) over: Over,
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

/// All texts are views: those of names, which are digits here, and those of few distinct words too.
fn field(column: Column) -> Field {
    match column {
        Column::Name => Field::new(column.name(), DataType::Utf8View, false),
        column => {
            let field = column.field();
            let kind = viewed(field.data_type());
            field.with_data_type(kind)
        }
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    reading: Arc<Reading>,
    meter: Arc<Meter>,
    piece: usize,
    schema: SchemaRef,
}

impl Table {
    /// The table for a query that has so many bytes of memory.
    pub(super) fn new(reading: Arc<Reading>, meter: Arc<Meter>, memory: usize) -> Self {
        let fields: Vec<Field> = shown().into_iter().map(field).collect();
        Self {
            reading,
            meter,
            piece: (memory / PIECES).min(PIECE),
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// The conditions, and that within which all is asked, as one filter of the lake's; none if there
    /// is no condition.
    fn filter(&self, conditions: &[Expr]) -> crate::error::Result<Option<Arc<Filter>>> {
        let own = conditions.iter().map(|condition| {
            push::text(condition)
                .ok_or_else(|| LakeError::Query("a condition that has no form was taken".into()))
        });
        let within = self.reading.over.within.clone();
        let parts = within.map(Ok).into_iter().chain(own);
        let parts = parts.collect::<crate::error::Result<Vec<_>>>()?;
        if parts.is_empty() {
            return Ok(None);
        }
        let text = format!("({})", parts.join(") AND ("));
        let filters = self.reading.lake.filters();
        let filter = filters.check_at(&text, self.reading.over.asked)?;
        Ok(Some(Arc::new(filter)))
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
        let taken = |filter: &&Expr| {
            push::text(filter).is_some() && self.filter(&[(*filter).clone()]).is_ok()
        };
        Ok(filters
            .iter()
            .map(|filter| match taken(filter) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
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
        // Each condition is a filter by itself. Together they may be too large for one.
        let filter = self.filter(filters).map_err(|error| {
            DataFusionError::Plan(format!("the conditions are too many together: {error}"))
        })?;
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
            meter: Arc::clone(&self.meter),
            piece: self.piece,
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
    meter: Arc<Meter>,
    piece: usize,
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
        let io = reading.io.clone();
        let wanted = Wanted {
            meter: Arc::clone(&self.meter),
            piece: self.piece,
            schema,
            columns,
            filter,
            limit,
        };
        // Files and the database are read where they were opened; what is computed on the way,
        // above all the conditions, is not done by those who answer calls. Ends when nobody takes
        // any more.
        let lake = Arc::clone(&reading.lake);
        drop(lake.computing().spawn_blocking(move || {
            io.block_on(async {
                let read = tokio::select! {
                    read = wanted.read(&reading, &to) => read,
                    () = to.closed() => return,
                };
                let last = match read {
                    Ok(true) => Ok(None),
                    Ok(false) => return,
                    Err(error) => {
                        reading.note(error);
                        let ended = "the events could not be read";
                        Err(DataFusionError::Execution(ended.into()))
                    }
                };
                // Nobody listens any more: nobody needs to know.
                drop(to.send(last).await);
            });
        }));
        let batches = futures::stream::unfold(Some(from), |from| async move {
            let mut from = from?;
            match from.recv().await {
                Some(Ok(Some(batch))) => Some((Ok(batch), Some(from))),
                Some(Ok(None)) => None,
                Some(Err(error)) => Some((Err(error), None)),
                // Who was to read has died: that is no end.
                None => {
                    let died = "the reading of events ended before they did";
                    Some((Err(DataFusionError::Internal(died.into())), None))
                }
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches,
        ))
    }
}

/// To whoever computes: pieces, and nothing at their end.
type Sender = mpsc::Sender<Result<Option<RecordBatch>>>;
/// Whether more is wanted.
type Handed = crate::error::Result<bool>;

/// Rows that are no whole piece yet.
#[derive(Default)]
struct Pending {
    parts: Vec<Vec<ArrayRef>>,
    rows: usize,
    bytes: usize,
}

impl Pending {
    fn add(&mut self, columns: &[ArrayRef], from: usize, rows: usize) {
        if rows == 0 {
            return;
        }
        self.rows += rows;
        let slices = columns.iter().map(|column| column.slice(from, rows));
        self.parts.push(slices.collect());
    }
}

struct Wanted {
    meter: Arc<Meter>,
    piece: usize,
    schema: SchemaRef,
    columns: Vec<Column>,
    filter: Option<Arc<Filter>>,
    limit: Option<u64>,
}

impl Wanted {
    /// Hands on what there is; whether that was all that is wanted.
    async fn read(&self, reading: &Reading, to: &Sender) -> Handed {
        let query = Query {
            since: reading.over.times.0,
            until: reading.over.times.1,
            filter: self.filter.clone(),
            order: Order::NewestFirst,
            columns: self
                .columns
                .iter()
                .fold(Columns::NONE, |columns, column| columns.with(*column))
                .with(Column::Time),
            limit: self.limit,
            after: None,
            snapshot: Some(reading.over.head),
        };
        let mut search = reading.lake.search(&reading.scope, query).await?;
        let mut pending = Pending::default();
        while let Some(batch) = search.next().await? {
            reading
                .rows
                .fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            if !self.pass(&batch, &mut pending, to).await? {
                return Ok(false);
            }
        }
        self.hand(&mut pending, to).await
    }

    /// Takes rows up, and hands on the pieces that are full with them. Where a piece ends depends on
    /// the rows alone and not on how the lake keeps them: sums of floating-point numbers depend on
    /// it, and are to be the same when the query is asked again. Whether more is wanted.
    async fn pass(&self, batch: &RecordBatch, pending: &mut Pending, to: &Sender) -> Handed {
        let columns = self.shown(batch)?;
        let widths: Vec<Widths> = columns.iter().map(Widths::of).collect();
        let mut ends = Vec::new();
        let (mut rows, mut bytes) = (pending.rows, pending.bytes);
        for row in 0..batch.num_rows() {
            let width: usize = widths.iter().map(|column| column.at(row)).sum();
            if rows >= ROWS || (rows > 0 && bytes.saturating_add(width) > self.piece) {
                ends.push(row);
                (rows, bytes) = (0, 0);
            }
            rows += 1;
            bytes = bytes.saturating_add(width);
        }
        drop(widths);
        let mut from = 0;
        for end in ends {
            pending.add(&columns, from, end - from);
            from = end;
            if !self.hand(pending, to).await? {
                return Ok(false);
            }
        }
        pending.add(&columns, from, batch.num_rows() - from);
        (pending.rows, pending.bytes) = (rows, bytes);
        Ok(true)
    }

    /// Hands on the rows that were taken up. Whether more is wanted.
    async fn hand(&self, pending: &mut Pending, to: &Sender) -> Handed {
        let taken = std::mem::take(pending);
        if taken.rows == 0 {
            return Ok(true);
        }
        // What fails here is the query's memory, and no fault of what is read.
        let piece = self.own(&taken);
        let whole = piece.is_ok();
        Ok(to.send(piece.map(Some)).await.is_ok() && whole)
    }

    /// The columns that are wanted, names as digits.
    fn shown(&self, batch: &RecordBatch) -> crate::error::Result<Vec<ArrayRef>> {
        let columns = self.columns.iter().map(|column| {
            let array = crate::row::column(batch, *column)?;
            Ok(match column {
                Column::Name => Arc::new(hex_names(array)?) as ArrayRef,
                _ => Arc::clone(array),
            })
        });
        columns.collect()
    }

    /// Some rows as the table's schema has them, with memory of their own: what shares a buffer is
    /// counted with all of it.
    fn own(&self, taken: &Pending) -> Result<RecordBatch> {
        let own = |column: usize| -> Result<ArrayRef> {
            let parts = taken.parts.iter();
            let parts: Vec<&dyn Array> = parts
                .filter_map(|columns| columns.get(column).map(AsRef::as_ref))
                .collect();
            let array = concat(&parts)?;
            Ok(match array.data_type() {
                DataType::List(_) => self.list(&array)?,
                kind if kind.is_primitive() || kind == &DataType::Boolean => array,
                _ => Arc::new(counted(&array, &self.meter)?),
            })
        };
        let columns = (0..self.columns.len()).map(own);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(taken.rows));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(schema, columns, &rows)?)
    }

    fn list(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let lists = array.as_list::<i32>();
        let items = counted(lists.values(), &self.meter)?;
        let DataType::List(item) = viewed(array.data_type()) else {
            return Err(DataFusionError::Internal("a list is none".into()));
        };
        Ok(Arc::new(ListArray::try_new(
            item,
            lists.offsets().clone(),
            Arc::new(items),
            lists.nulls().cloned(),
        )?))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
    use datafusion::physical_expr::ScalarFunctionExpr;
    use futures::StreamExt as _;

    use super::super::tests::{everything, world};
    use super::*;
    use crate::filter::Condition;
    use crate::testing::ACME;

    #[tokio::test(flavor = "multi_thread")]
    async fn reading_that_dies_is_no_end_of_the_events() {
        let (world, lake) = world().await;
        let dies = |_: &[ColumnarValue]| -> Result<ColumnarValue> { panic!("a bug") };
        let dies = create_udf(
            "dies",
            Vec::new(),
            DataType::Boolean,
            Volatility::Volatile,
            Arc::new(dies),
        );
        let made = Arc::new(Field::new("dies", DataType::Boolean, true));
        let expression =
            ScalarFunctionExpr::new("dies", Arc::new(dies), Vec::new(), made, Arc::default());
        let mut filter = lake.filters().check("seq > 0").unwrap();
        filter.narrow = Some(Condition {
            columns: Columns::NONE.with(Column::Seq),
            expression: Arc::new(expression),
            parts: 1,
        });
        let reading = Arc::new(Reading {
            lake: Arc::clone(&lake),
            scope: Arc::new(world.scope(ACME)),
            over: everything(),
            io: Handle::current(),
            rows: AtomicU64::new(0),
            failed: Mutex::new(None),
        });
        let part = Part {
            reading,
            meter: Meter::new(1 << 20),
            piece: PIECE,
            schema: Arc::new(Schema::new(vec![field(Column::Seq)])),
            columns: vec![Column::Seq],
            filter: Some(Arc::new(filter)),
            limit: None,
        };
        let mut batches = part.execute(Arc::new(TaskContext::default()));
        let last = batches.next().await.unwrap();
        assert!(
            matches!(last, Err(DataFusionError::Internal(_))),
            "{last:?}"
        );
        assert!(batches.next().await.is_none());
    }
}
