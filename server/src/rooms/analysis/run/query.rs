//! Questions in SQL.

use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimestampNanosecondType, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use cordon_analysis::answer::{LONGEST_CELL, Rows};
use cordon_analysis::{Answer, Cell, ColumnKind, Kind, Remark, RemarkReason, Table, plan_version};
use cordon_kernel::db::nanos;
use cordon_kernel::{Error, Result};
use cordon_lake::LakeError;
use cordon_lake::sql::Over;
use jiff::Timestamp;
use uuid::Uuid;

use super::Run;
use crate::rooms::analysis::model::Analysis;
use crate::rooms::analysis::store;

/// How often the rows that were read are looked at while no answer comes.
const BETWEEN: Duration = Duration::from_millis(500);

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
        let mut lost = Lost::new(columns.len());
        let mut seen = 0;
        // What counts gives its first row at its end.
        let mut between = tokio::time::interval(BETWEEN);
        loop {
            let next = tokio::select! {
                next = running.next() => Some(next?),
                _ = between.tick() => None,
            };
            let scanned = usize::try_from(running.scanned()).unwrap_or(usize::MAX);
            self.work.scanned(scanned.saturating_sub(seen));
            seen = scanned;
            match next {
                Some(Some(batch)) => add(&mut rows, &batch, &mut lost).map_err(Error::from)?,
                Some(None) => break,
                None => {}
            }
        }
        let scanned = running.scanned();
        let mut remarks = Vec::new();
        let mut table = rows.done(NARROW, &mut remarks);
        lost.tell(&mut table, &mut remarks);
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

/// What the answer does not say as the query gave it.
struct Lost {
    /// Texts that are longer than a cell.
    clipped: u64,
    /// Numbers that are infinite or none.
    endless: u64,
    /// Columns of whole numbers, of which some stand as text.
    large: Vec<bool>,
}

impl Lost {
    fn new(columns: usize) -> Self {
        Self {
            clipped: 0,
            endless: 0,
            large: vec![false; columns],
        }
    }

    fn tell(&self, table: &mut Table, remarks: &mut Vec<Remark>) {
        for (column, large) in table.columns.iter_mut().zip(&self.large) {
            if *large {
                column.kind = ColumnKind::Text;
            }
        }
        if self.clipped > 0 {
            remarks.push(Remark::new(
                RemarkReason::Cut,
                format!(
                    "{} texts are longer than {LONGEST_CELL} bytes and end with …: ask for parts of \
                     them, or for fields of the record",
                    self.clipped
                ),
            ));
        }
        if self.endless > 0 {
            remarks.push(Remark::new(
                RemarkReason::Method,
                format!(
                    "{} numbers are infinite or not a number, and are left empty",
                    self.endless
                ),
            ));
        }
    }
}

fn kinds(schema: &Schema) -> impl Iterator<Item = ColumnKind> {
    schema.fields().iter().map(|field| match field.data_type() {
        kind if kind.is_integer() => ColumnKind::Integer,
        kind if kind.is_floating() => ColumnKind::Float,
        DataType::Timestamp(..) => ColumnKind::Time,
        _ if field.name() == "name" => ColumnKind::EventName,
        _ if matches!(field.name().as_str(), "src_ip" | "dst_ip") => ColumnKind::Address,
        _ => ColumnKind::Text,
    })
}

/// Adds the rows of a batch.
fn add(
    rows: &mut Rows,
    batch: &RecordBatch,
    lost: &mut Lost,
) -> std::result::Result<(), LakeError> {
    let columns = batch
        .columns()
        .iter()
        .enumerate()
        .map(|(at, column)| cells(at, column, lost))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    for _ in 0..batch.num_rows() {
        let row: Vec<Cell> = columns.iter_mut().filter_map(Iterator::next).collect();
        rows.push(row);
    }
    Ok(())
}

fn cells(
    at: usize,
    array: &ArrayRef,
    lost: &mut Lost,
) -> std::result::Result<Vec<Cell>, LakeError> {
    Ok(match array.data_type() {
        DataType::UInt64 => {
            let numbers = array.as_primitive::<UInt64Type>().iter();
            let mut large = false;
            let cells = numbers
                .map(|number| match number.map(i64::try_from) {
                    None => Cell::Empty,
                    Some(Ok(number)) => Cell::Integer(number),
                    Some(Err(_)) => {
                        large = true;
                        Cell::text(number.unwrap_or_default().to_string())
                    }
                })
                .collect();
            if let Some(known) = lost.large.get_mut(at) {
                *known |= large;
            }
            cells
        }
        kind if kind.is_integer() => {
            let numbers = cast(array, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>().iter();
            numbers
                .map(|number| number.map_or(Cell::Empty, Cell::Integer))
                .collect()
        }
        kind if kind.is_floating() => {
            let numbers = cast(array, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            numbers
                .map(|number| {
                    lost.endless += u64::from(number.is_some_and(|number| !number.is_finite()));
                    number.map_or(Cell::Empty, Cell::exact)
                })
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
                    false => {
                        let text = formatter.value(row).to_string();
                        lost.clipped += u64::from(text.len() > LONGEST_CELL);
                        Cell::text(text)
                    }
                })
                .collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringViewArray, UInt64Array};

    use super::*;

    #[test]
    fn cells_say_what_the_query_gave_or_that_they_do_not() {
        let columns: [(&str, ArrayRef); 3] = [
            (
                "share",
                Arc::new(Float64Array::from(vec![0.000_4, 1.0 / 3.0, f64::NAN])),
            ),
            (
                "hash",
                Arc::new(UInt64Array::from(vec![Some(7), Some(u64::MAX), None])),
            ),
            (
                "text",
                Arc::new(StringViewArray::from(vec![
                    "x".repeat(LONGEST_CELL),
                    "x".repeat(LONGEST_CELL + 1),
                    String::new(),
                ])),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let schema = batch.schema();
        let kinds: Vec<_> = kinds(&schema).map(|kind| ("", kind, "")).collect();
        let mut rows = Rows::new("rows", "", &kinds);
        let mut lost = Lost::new(3);
        add(&mut rows, &batch, &mut lost).unwrap();
        let mut remarks = Vec::new();
        let mut table = rows.done(NARROW, &mut remarks);
        lost.tell(&mut table, &mut remarks);
        let of = |row: usize, column: usize| table.rows[row][column].clone();
        assert_eq!(of(0, 0), Cell::Float(0.000_4));
        assert_eq!(of(1, 0), Cell::Float(1.0 / 3.0));
        assert_eq!(of(2, 0), Cell::Empty);
        assert_eq!(of(0, 1), Cell::Integer(7));
        assert_eq!(of(1, 1), Cell::Text("18446744073709551615".into()));
        assert_eq!(of(2, 1), Cell::Empty);
        // As text the column is one in files too, where it could hold no such number.
        assert_eq!(table.columns[1].kind, ColumnKind::Text);
        let said: Vec<&str> = remarks
            .iter()
            .map(|remark| remark.message.as_str())
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("1 texts are longer"), "{said:?}");
        assert!(said[1].starts_with("1 numbers are infinite"), "{said:?}");
    }
}
