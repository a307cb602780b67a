//! Clocks as Parquet, for pandas and its like.
//!
//! Lengths of time are nanoseconds as whole numbers, times are timestamps in UTC.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use cordon_sla::clock::Subject;
use cordon_sla::decided::{DecidedClock, Outcome};
use jiff::{SignedDuration, Timestamp};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::sla::severity;

const SCHEMA: &str = "message clock {
  required binary incident (STRING);
  required int64 number;
  required binary kind (STRING);
  optional binary request (STRING);
  optional int32 interval;
  required binary severity (STRING);
  required int32 agreement;
  required binary state (STRING);
  required int64 started (TIMESTAMP(NANOS,true));
  optional int64 due (TIMESTAMP(NANOS,true));
  optional int64 stopped (TIMESTAMP(NANOS,true));
  required int64 decided (TIMESTAMP(NANOS,true));
  required int64 allowed_ns;
  required int64 spent_ns;
  required int64 paused_ns;
  required group entries (LIST) { repeated group list { required int64 element; } }
}";

/// Clocks that are held at a time.
const GROUP: usize = 32_768;

/// Writes clocks as a Parquet file.
pub struct Clocks<W: Write + Send> {
    file: SerializedFileWriter<W>,
    held: Vec<DecidedClock>,
}

impl<W: Write + Send> fmt::Debug for Clocks<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Clocks");
        shown
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

impl<W: Write + Send> Clocks<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn new(out: W) -> io::Result<Self> {
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            file: file.map_err(failed)?,
            held: Vec::new(),
        })
    }

    /// Writes a clock.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn put(&mut self, clock: &DecidedClock) -> io::Result<()> {
        self.held.push(clock.clone());
        if self.held.len() >= GROUP {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left, and ends the file.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.close().map_err(failed)?;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let group = self.file.next_row_group().map_err(failed)?;
        write(group, &self.held).map_err(failed)?;
        self.held.clear();
        Ok(())
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

fn nanos(span: SignedDuration) -> i64 {
    let most = if span.is_negative() {
        i64::MIN
    } else {
        i64::MAX
    };
    i64::try_from(span.as_nanos()).unwrap_or(most)
}

/// Those outside of 1678 to 2261 are the nearest that there is.
fn time(at: Timestamp) -> i64 {
    let nanos = at.as_nanosecond();
    let most = if nanos < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(nanos).unwrap_or(most)
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// One column: values, and which of them are there.
struct Columns<'a, W: Write + Send> {
    group: SerializedRowGroupWriter<'a, W>,
}

impl<W: Write + Send> Columns<'_, W> {
    fn column<T: DataType>(
        &mut self,
        values: &[T::T],
        definitions: Option<&[i16]>,
        repetitions: Option<&[i16]>,
    ) -> Result<(), ParquetError> {
        let column = self.group.next_column()?;
        let mut column =
            column.ok_or_else(|| ParquetError::General("the schema has fewer columns".into()))?;
        let writer = column.typed::<T>();
        writer.write_batch(values, definitions, repetitions)?;
        column.close()
    }

    fn required<T: DataType>(
        &mut self,
        clocks: &[DecidedClock],
        value: impl Fn(&DecidedClock) -> T::T,
    ) -> Result<(), ParquetError> {
        let values: Vec<T::T> = clocks.iter().map(value).collect();
        self.column::<T>(&values, None, None)
    }

    fn optional<T: DataType>(
        &mut self,
        clocks: &[DecidedClock],
        value: impl Fn(&DecidedClock) -> Option<T::T>,
    ) -> Result<(), ParquetError> {
        let all: Vec<Option<T::T>> = clocks.iter().map(value).collect();
        let definitions: Vec<i16> = all.iter().map(|one| i16::from(one.is_some())).collect();
        let values: Vec<T::T> = all.into_iter().flatten().collect();
        self.column::<T>(&values, Some(&definitions), None)
    }
}

fn write<W: Write + Send>(
    group: SerializedRowGroupWriter<'_, W>,
    clocks: &[DecidedClock],
) -> Result<(), ParquetError> {
    let mut columns = Columns { group };
    columns.required::<ByteArrayType>(clocks, |clock| text(&clock.incident))?;
    columns.required::<Int64Type>(clocks, |clock| number(clock.number))?;
    columns.required::<ByteArrayType>(clocks, |clock| {
        text(&clock.kind.words().to_uppercase().replace(' ', "_"))
    })?;
    columns.optional::<ByteArrayType>(clocks, |clock| match &clock.subject {
        Some(Subject::Request(id)) => Some(text(id)),
        _ => None,
    })?;
    columns.optional::<Int32Type>(clocks, |clock| match clock.subject {
        Some(Subject::Interval(interval)) => Some(small(interval)),
        _ => None,
    })?;
    columns.required::<ByteArrayType>(clocks, |clock| text(severity(clock.severity)))?;
    columns.required::<Int32Type>(clocks, |clock| small(clock.agreement))?;
    columns.required::<ByteArrayType>(clocks, |clock| {
        text(match clock.state {
            Outcome::Met => "MET",
            Outcome::Breached => "BREACHED",
        })
    })?;
    columns.required::<Int64Type>(clocks, |clock| time(clock.started))?;
    columns.optional::<Int64Type>(clocks, |clock| clock.due.map(time))?;
    columns.optional::<Int64Type>(clocks, |clock| clock.stopped.map(time))?;
    columns.required::<Int64Type>(clocks, |clock| time(clock.decided))?;
    columns.required::<Int64Type>(clocks, |clock| nanos(clock.allowed))?;
    columns.required::<Int64Type>(clocks, |clock| nanos(clock.spent))?;
    columns.required::<Int64Type>(clocks, |clock| nanos(clock.paused))?;
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for clock in clocks {
        if clock.entries.is_empty() {
            definitions.push(0);
            repetitions.push(0);
        }
        for (at, entry) in clock.entries.iter().enumerate() {
            values.push(number(*entry));
            definitions.push(1);
            repetitions.push(i16::from(at > 0));
        }
    }
    columns.column::<Int64Type>(&values, Some(&definitions), Some(&repetitions))?;
    columns.group.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::{Field, ListAccessor as _, Row, RowAccessor as _};

    use super::*;
    use crate::tests::samples::report;

    #[test]
    fn clocks_come_back() {
        let mut clocks = report("2026-10", 60).breaches;
        clocks[0].subject = Some(Subject::Request("r-1".to_owned()));
        clocks[0].entries = Vec::new();
        clocks[1].stopped = None;
        let mut out = Vec::new();
        let mut file = Clocks::new(&mut out).unwrap();
        for clock in &clocks {
            file.put(clock).unwrap();
        }
        file.finish().unwrap();
        let file = SerializedFileReader::new(Bytes::from(out)).unwrap();
        let rows = file.get_row_iter(None).unwrap();
        let rows: Vec<Row> = rows.map(Result::unwrap).collect();
        assert_eq!(rows.len(), clocks.len());
        for (row, clock) in rows.iter().zip(&clocks) {
            let fields: Vec<_> = row.get_column_iter().map(|(_, field)| field).collect();
            assert_eq!(fields.len(), 16);
            assert_eq!(row.get_string(0).unwrap(), &clock.incident);
            assert_eq!(row.get_long(1).unwrap(), number(clock.number));
            assert_eq!(row.get_string(5).unwrap(), severity(clock.severity));
            assert_eq!(row.get_string(7).unwrap(), "BREACHED");
            assert_eq!(row.get_long(8).unwrap(), time(clock.started));
            assert_eq!(row.get_long(9).ok(), clock.due.map(time));
            assert_eq!(row.get_long(10).ok(), clock.stopped.map(time));
            assert_eq!(row.get_long(13).unwrap(), nanos(clock.spent));
            let list = row.get_list(15).unwrap();
            let entries = (0..list.len()).map(|at| list.get_long(at).unwrap());
            let expected = clock.entries.iter().map(|entry| number(*entry));
            assert!(entries.eq(expected));
            match &clock.subject {
                Some(Subject::Request(id)) => assert_eq!(row.get_string(3).unwrap(), id),
                Some(Subject::Interval(n)) => assert_eq!(row.get_int(4).unwrap(), small(*n)),
                None => assert_eq!((fields[3], fields[4]), (&Field::Null, &Field::Null)),
            }
        }
        assert_eq!(rows[0].get_list(15).unwrap().len(), 0);
        assert!(rows[1].get_long(10).is_err());
    }

    #[test]
    fn a_file_may_have_no_clock() {
        let mut out = Vec::new();
        Clocks::new(&mut out).unwrap().finish().unwrap();
        let file = SerializedFileReader::new(Bytes::from(out)).unwrap();
        assert_eq!(file.metadata().file_metadata().num_rows(), 0);
    }
}
