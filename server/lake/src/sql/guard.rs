//! Between any two operators of a plan: what one hands to the next is kept small.
//!
//! An operator that gets a batch may write it out, sort keys of it, or ask a function about it. Texts
//! that a join repeats are small as views and huge when written out, so a batch is handed on in pieces
//! that are small when written out. What keeps a whole input and counts none of it (windows) has it
//! counted here.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt as _, TryStreamExt as _};

use super::memory::{Meter, Widths, counted, exhausted, runs};

/// Bytes of a piece with its texts written out.
const PIECE: usize = 1 << 20;
/// The same where each row may become many.
const SPREAD: usize = 256 << 10;
/// Most elements of a list: joins write it out for each row.
const MOST_ELEMENTS: usize = 1_024;
/// Bytes that a window's state and result take for a row, besides the row and its texts.
const STATE: usize = 64;

/// What is known of who takes the batches.
#[derive(Debug, Clone, Copy)]
enum Taker {
    /// It is done with a batch, or counts itself what it keeps.
    Passes,
    /// A row of it becomes many.
    Spreads,
    /// It keeps everything, and for each row so many texts of its own.
    Keeps { texts: usize },
}

/// The plan with a guard over every operator.
///
/// # Errors
/// An operator that does not take its own inputs back.
pub(super) fn guarded(
    plan: &Arc<dyn ExecutionPlan>,
    meter: &Arc<Meter>,
) -> Result<Arc<dyn ExecutionPlan>> {
    over(plan, Taker::Passes, meter)
}

fn over(
    plan: &Arc<dyn ExecutionPlan>,
    taker: Taker,
    meter: &Arc<Meter>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let own = taker_of(&**plan);
    let children = plan.children();
    let inner = match children.is_empty() {
        true => Arc::clone(plan),
        false => {
            let children = children
                .into_iter()
                .map(|child| over(child, own, meter))
                .collect::<Result<Vec<_>>>()?;
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Arc::clone(plan).replace_children(children, options)?
        }
    };
    Ok(Arc::new(Guard {
        inner,
        taker,
        meter: Arc::clone(meter),
    }))
}

fn taker_of(plan: &dyn ExecutionPlan) -> Taker {
    match plan.name() {
        "UnnestExec" => Taker::Spreads,
        "WindowAggExec" | "BoundedWindowAggExec" => {
            let before: usize = plan
                .children()
                .iter()
                .map(|child| child.schema().fields().len())
                .sum();
            let schema = plan.schema();
            let made = schema.fields().iter().skip(before);
            let texts = made.filter(|field| field.data_type().primitive_width().is_none());
            Taker::Keeps {
                texts: texts.count(),
            }
        }
        _ => Taker::Passes,
    }
}

/// An operator whose batches are handed on in small pieces.
#[derive(Debug)]
struct Guard {
    inner: Arc<dyn ExecutionPlan>,
    taker: Taker,
    meter: Arc<Meter>,
}

impl DisplayAs for Guard {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

impl ExecutionPlan for Guard {
    fn name(&self) -> &str {
        "Guard"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.inner]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(inner), true) = (children.pop(), children.is_empty()) else {
            return Err(DataFusionError::Internal("a guard has one child".into()));
        };
        Ok(Arc::new(Self {
            inner,
            taker: self.taker,
            meter: Arc::clone(&self.meter),
        }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let pool = Arc::clone(context.memory_pool());
        let batches = self.inner.execute(partition, context)?;
        let schema = batches.schema();
        let mut keeping = Keeping {
            taker: self.taker,
            meter: Arc::clone(&self.meter),
            share: MemoryConsumer::new("window").register(&pool),
            rows: 0,
            bytes: 0,
            longest: 0,
        };
        let pieces = batches
            .map(move |batch| keeping.pieces(&batch?))
            .map_ok(|pieces| futures::stream::iter(pieces.into_iter().map(Ok)))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, pieces)))
    }
}

/// What went by so far.
struct Keeping {
    taker: Taker,
    meter: Arc<Meter>,
    share: MemoryReservation,
    rows: usize,
    bytes: usize,
    longest: usize,
}

impl Keeping {
    fn pieces(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        if batch.columns().iter().any(crowded) {
            return Err(exhausted());
        }
        if let Taker::Keeps { texts } = self.taker {
            self.count(batch, texts)?;
        }
        let most = match self.taker {
            Taker::Spreads => SPREAD,
            _ => PIECE,
        };
        let ends = runs(batch.columns(), batch.num_rows(), 0, most);
        let mut from = 0;
        let mut pieces = Vec::with_capacity(ends.len());
        for end in ends {
            let piece = batch.slice(from, end - from);
            from = end;
            pieces.push(self.compact(piece)?);
        }
        Ok(pieces)
    }

    /// Counts a batch that is kept.
    fn count(&mut self, batch: &RecordBatch, texts: usize) -> Result<()> {
        for column in batch.columns() {
            let longest = match column.data_type() {
                DataType::Utf8View => longest(column.as_string_view()),
                DataType::List(_) => column
                    .as_list::<i32>()
                    .values()
                    .as_string_view_opt()
                    .map_or(0, |items| longest(items).saturating_mul(MOST_ELEMENTS)),
                _ => 0,
            };
            self.longest = self.longest.max(longest);
        }
        let widths: Vec<Widths> = batch.columns().iter().map(Widths::of).collect();
        let own = size_of::<u128>() * 2 * texts + STATE;
        self.rows = self.rows.saturating_add(batch.num_rows());
        for row in 0..batch.num_rows() {
            let width = widths.iter().map(|column| column.at(row)).sum::<usize>();
            self.bytes = self.bytes.saturating_add(width + own);
        }
        // Its result has a text of its own for each row, and no longer one than it was given.
        let made = self
            .rows
            .saturating_mul(texts)
            .saturating_mul(self.longest + size_of::<String>());
        let all = self.bytes.saturating_add(made);
        let more = all.saturating_sub(self.share.size());
        self.share.try_grow(more)
    }

    /// A small piece does not hold on to the texts of many.
    fn compact(&self, piece: RecordBatch) -> Result<RecordBatch> {
        let columns = piece
            .columns()
            .iter()
            .map(|column| match column.as_string_view_opt() {
                Some(texts) if sparse(texts) => {
                    Ok(Arc::new(counted(column, &self.meter)?) as ArrayRef)
                }
                _ => Ok(Arc::clone(column)),
            })
            .collect::<Result<Vec<_>>>()?;
        if columns.is_empty() {
            return Ok(piece);
        }
        Ok(RecordBatch::try_new(piece.schema(), columns)?)
    }
}

/// Whether its buffers hold much more than its texts.
fn sparse(texts: &StringViewArray) -> bool {
    let held: usize = texts.data_buffers().iter().map(|buffer| buffer.len()).sum();
    held > PIECE && held > 2 * texts.total_buffer_bytes_used()
}

fn longest(texts: &StringViewArray) -> usize {
    texts.lengths().max().unwrap_or(0) as usize
}

/// Whether it has a list of too many elements.
fn crowded(column: &ArrayRef) -> bool {
    let Some(lists) = column.as_list_opt::<i32>() else {
        return false;
    };
    let lengths = lists.offsets().lengths();
    lengths.into_iter().any(|length| length > MOST_ELEMENTS)
}
