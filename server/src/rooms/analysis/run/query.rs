//! Questions in SQL.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, TimestampNanosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use cordon_analysis::answer::Rows;
use cordon_analysis::{Answer, Cell, ColumnKind, Kind, plan_version};
use cordon_kernel::db::nanos;
use cordon_kernel::{Error, Result};
use cordon_lake::LakeError;
use cordon_lake::sql::Over;
use jiff::Timestamp;
use uuid::Uuid;

use super::Run;
use crate::rooms::analysis::model::Analysis;
use crate::rooms::analysis::store;

/// What to do when rows were left out.
const NARROW: &str = "add conditions or LIMIT, or count and group";

impl Run<'_> {
    pub(super) async fn query(&self, text: &str, analysis: &Analysis, head: u64) -> Result<Answer> {
        let scope = &analysis.scope;
        let (since, until) = scope.ns();
        let over = Over {
            times: (Some(since), Some(until)),
            within: scope.filter(),
            head,
            asked: nanos(self.asked(analysis).await?),
        };
        let limits = self.limits.clone();
        let mut running = self.lake.sql(&self.scope, text, over, limits).await?;
        let schema = running.schema().clone();
        let names: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let columns: Vec<(&str, ColumnKind, &str)> = names
            .iter()
            .zip(kinds(&schema))
            .map(|(name, kind)| (name.as_str(), kind, ""))
            .collect();
        let mut rows = Rows::new("rows", "What the query gives", &columns);
        let mut seen = 0;
        while let Some(batch) = running.next().await? {
            add(&mut rows, &batch).map_err(Error::from)?;
            let scanned = usize::try_from(running.scanned()).unwrap_or(usize::MAX);
            self.work.scanned(scanned.saturating_sub(seen));
            seen = scanned;
        }
        let scanned = running.scanned();
        let all = usize::try_from(scanned).unwrap_or(usize::MAX);
        self.work.scanned(all.saturating_sub(seen));
        let mut remarks = Vec::new();
        let table = rows.done(NARROW, &mut remarks);
        Ok(Answer {
            kind: Kind::Sql,
            plan_version: plan_version(Kind::Sql),
            events: scanned,
            tables: vec![table],
            graph: None,
            timeline: None,
            remarks,
        })
    }

    /// When it was asked the first time: `now()` is the same however often it is computed again.
    async fn asked(&self, analysis: &Analysis) -> Result<Timestamp> {
        let cipher = self.kernel.cipher(&self.scope).await?;
        let mut read = self.kernel.db().tenant_read(&self.scope).await?;
        let mut first = analysis.created;
        let mut before = analysis.rerun_of.clone();
        while let Some(name) = before.take() {
            let id = name.rsplit('/').next().unwrap_or_default();
            let id = Uuid::try_parse(id).map_err(Error::internal)?;
            // What is gone can't be asked; what is kept of it is that this one came after.
            let Some(found) = store::find(read.conn(), &cipher, id).await? else {
                break;
            };
            first = found.created;
            before = found.rerun_of;
        }
        Ok(first)
    }
}

fn kinds(schema: &Schema) -> impl Iterator<Item = ColumnKind> {
    schema.fields().iter().map(|field| match field.data_type() {
        kind if kind.is_integer() => ColumnKind::Integer,
        kind if kind.is_floating() || matches!(kind, DataType::Decimal128(..)) => ColumnKind::Float,
        DataType::Timestamp(..) => ColumnKind::Time,
        _ if field.name() == "name" => ColumnKind::EventName,
        _ if matches!(field.name().as_str(), "src_ip" | "dst_ip") => ColumnKind::Address,
        _ => ColumnKind::Text,
    })
}

/// Adds the rows of a batch.
fn add(rows: &mut Rows, batch: &RecordBatch) -> std::result::Result<(), LakeError> {
    let columns = batch
        .columns()
        .iter()
        .map(cells)
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    for _ in 0..batch.num_rows() {
        let row: Vec<Cell> = columns.iter_mut().filter_map(Iterator::next).collect();
        rows.push(row);
    }
    Ok(())
}

fn cells(array: &ArrayRef) -> std::result::Result<Vec<Cell>, LakeError> {
    Ok(match array.data_type() {
        kind if kind.is_integer() => {
            let numbers = cast(array, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>().iter();
            numbers
                .map(|number| number.map_or(Cell::Empty, Cell::Integer))
                .collect()
        }
        kind if kind.is_floating() || matches!(kind, DataType::Decimal128(..)) => {
            let numbers = cast(array, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            numbers
                .map(|number| number.map_or(Cell::Empty, Cell::float))
                .collect()
        }
        DataType::Timestamp(..) => {
            let to =
                DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, Some("UTC".into()));
            let times = cast(array, &to)?;
            let times = times.as_primitive::<TimestampNanosecondType>().iter();
            times
                .map(|time| time.map_or(Cell::Empty, Cell::time))
                .collect()
        }
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
            (0..array.len())
                .map(|row| match array.is_null(row) {
                    true => Cell::Empty,
                    false => Cell::text(formatter.value(row).to_string()),
                })
                .collect()
        }
    })
}
