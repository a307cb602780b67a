//! One event's columns, borrowed from wherever they lie: a row that attribution made, or a
//! batch read back.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, StringDictionaryBuilder,
    TimestampNanosecondArray, new_null_array,
};
use arrow::datatypes::{Int32Type, Int64Type, Schema, SchemaRef, TimestampNanosecondType};
use cordon_views::{EventRow, EventRowRef, Reason, SourceType, Status, Withheld, credential_uid};

use crate::error::{LakeError, Result};
use crate::schema::{Column, Columns};

/// An address, as attribution has it or as text read back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Address<'a> {
    Ip(Option<IpAddr>),
    Text(&'a str),
}

/// A list of texts.
#[derive(Debug, Clone)]
pub(crate) enum Words<'a> {
    Owned(&'a [String]),
    Array(StringArray),
}

impl Words<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Owned(words) => words.len(),
            Self::Array(words) => words.len(),
        }
    }

    pub(crate) fn for_each(&self, mut each: impl FnMut(&str)) {
        match self {
            Self::Owned(words) => words.iter().for_each(|word| each(word)),
            Self::Array(words) => words.iter().flatten().for_each(each),
        }
    }
}

/// What was withheld, as attribution has it or as `REASON path` read back.
#[derive(Debug, Clone)]
pub(crate) enum Gaps<'a> {
    Owned(&'a [Withheld]),
    Array(StringArray),
}

/// One event, borrowed. Empty text stands for none.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) name: [u8; 16],
    pub(crate) time_ns: i64,
    pub(crate) observed_ns: i64,
    pub(crate) time_invalid: bool,
    pub(crate) conflict: bool,
    pub(crate) shared: bool,
    pub(crate) addressed: bool,
    pub(crate) status: Status,
    pub(crate) class_uid: i32,
    pub(crate) activity_id: i32,
    pub(crate) severity_id: i32,
    pub(crate) normalizer: i32,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) src_ip: Address<'a>,
    pub(crate) dst_ip: Address<'a>,
    pub(crate) src_port: Option<i32>,
    pub(crate) dst_port: Option<i32>,
    pub(crate) resources: Words<'a>,
    pub(crate) source_type: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) raw: &'a str,
    pub(crate) raw_context: &'a str,
    pub(crate) withheld: Gaps<'a>,
    pub(crate) shared_event_id: &'a str,
    pub(crate) credential_uid: &'a str,
}

impl<'a> From<&'a EventRow> for Row<'a> {
    fn from(row: &'a EventRow) -> Self {
        Self {
            name: row.name,
            time_ns: row.time_ns,
            observed_ns: row.observed_ns,
            time_invalid: row.time_invalid,
            conflict: row.conflict,
            shared: row.shared,
            addressed: row.addressed,
            status: row.status,
            class_uid: row.class_uid,
            activity_id: row.activity_id,
            severity_id: row.severity_id,
            normalizer: i32::from(row.normalizer),
            account: &row.account,
            region: &row.region,
            service: &row.service,
            operation: &row.operation,
            actor: &row.actor,
            src_ip: Address::Ip(row.src_ip),
            dst_ip: Address::Ip(row.dst_ip),
            src_port: row.src_port.map(i32::from),
            dst_port: row.dst_port.map(i32::from),
            resources: Words::Owned(&row.resources),
            source_type: row.source_type.as_str(),
            event_id: &row.event_id,
            raw: &row.raw,
            raw_context: row.raw_context.as_deref().unwrap_or_default(),
            withheld: Gaps::Owned(&row.withheld),
            shared_event_id: &row.shared_event_id,
            credential_uid: &row.credential_uid,
        }
    }
}

/// A dictionary column with its values at hand.
struct Word<'a> {
    array: &'a DictionaryArray<Int32Type>,
    values: &'a StringArray,
}

impl<'a> Word<'a> {
    /// The text, empty for null.
    fn at(&self, row: usize) -> &'a str {
        match self.array.key(row) {
            Some(key) if key < self.values.len() => self.values.value(key),
            _ => "",
        }
    }
}

/// The events of a batch that has every column, to be read one by one.
///
/// Getters take a row below [`Events::len`]; beyond it they panic, as Arrow's do.
pub struct Events<'a> {
    rows: usize,
    time: &'a TimestampNanosecondArray,
    name: &'a FixedSizeBinaryArray,
    seq: &'a Int64Array,
    observed: &'a TimestampNanosecondArray,
    stored: &'a TimestampNanosecondArray,
    quality: Word<'a>,
    class_uid: &'a Int32Array,
    activity_id: &'a Int32Array,
    severity_id: &'a Int32Array,
    status: Word<'a>,
    account: Word<'a>,
    region: Word<'a>,
    service: Word<'a>,
    operation: Word<'a>,
    actor: Word<'a>,
    src_ip: Word<'a>,
    src_port: &'a Int32Array,
    dst_ip: Word<'a>,
    dst_port: &'a Int32Array,
    resources: &'a ListArray,
    source: Word<'a>,
    source_type: Word<'a>,
    event_id: &'a StringArray,
    shared: &'a BooleanArray,
    conflict: &'a BooleanArray,
    raw: &'a StringArray,
    raw_context: Word<'a>,
    withheld: &'a ListArray,
    normalizer: &'a Int32Array,
    shared_event_id: Word<'a>,
    addressed: &'a BooleanArray,
    credential_uid: Word<'a>,
}

/// The batch with every column: those that were not read are empty.
///
/// # Errors
/// A column of the batch is not as long as it is.
pub fn filled(batch: &RecordBatch) -> Result<RecordBatch> {
    static NULLABLE: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = Column::ALL.map(|column| column.field().with_nullable(true));
        Arc::new(Schema::new(fields.to_vec()))
    });
    let columns = Column::ALL.map(|column| {
        let read = batch.column_by_name(column.name()).cloned();
        read.unwrap_or_else(|| new_null_array(&column.data_type(), batch.num_rows()))
    });
    let schema = Arc::clone(&NULLABLE);
    Ok(RecordBatch::try_new(schema, columns.to_vec())?)
}

pub(crate) fn column(batch: &RecordBatch, column: Column) -> Result<&ArrayRef> {
    batch
        .column_by_name(column.name())
        .ok_or_else(|| LakeError::corrupt(format!("batch without column {}", column.name())))
}

fn mistyped(column: Column) -> LakeError {
    LakeError::corrupt(format!("column {} has another type", column.name()))
}

fn i32s(batch: &RecordBatch, of: Column) -> Result<&Int32Array> {
    column(batch, of)?
        .as_primitive_opt::<Int32Type>()
        .ok_or_else(|| mistyped(of))
}

fn times(batch: &RecordBatch, of: Column) -> Result<&TimestampNanosecondArray> {
    column(batch, of)?
        .as_primitive_opt::<TimestampNanosecondType>()
        .ok_or_else(|| mistyped(of))
}

fn word(batch: &RecordBatch, of: Column) -> Result<Word<'_>> {
    let array = column(batch, of)?
        .as_dictionary_opt::<Int32Type>()
        .ok_or_else(|| mistyped(of))?;
    let values = array
        .values()
        .as_string_opt::<i32>()
        .ok_or_else(|| mistyped(of))?;
    Ok(Word { array, values })
}

fn bools(batch: &RecordBatch, of: Column) -> Result<&BooleanArray> {
    column(batch, of)?
        .as_boolean_opt()
        .ok_or_else(|| mistyped(of))
}

fn texts(batch: &RecordBatch, of: Column) -> Result<&StringArray> {
    column(batch, of)?
        .as_string_opt::<i32>()
        .ok_or_else(|| mistyped(of))
}

fn lists(batch: &RecordBatch, of: Column) -> Result<&ListArray> {
    column(batch, of)?
        .as_list_opt::<i32>()
        .ok_or_else(|| mistyped(of))
}

/// The event times of a batch.
pub(crate) fn time_column(batch: &RecordBatch) -> Result<&TimestampNanosecondArray> {
    times(batch, Column::Time)
}

/// The names of a batch.
pub(crate) fn name_column(batch: &RecordBatch) -> Result<&FixedSizeBinaryArray> {
    column(batch, Column::Name)?
        .as_fixed_size_binary_opt()
        .ok_or_else(|| mistyped(Column::Name))
}

/// The sequence numbers of a batch.
pub(crate) fn seq_column(batch: &RecordBatch) -> Result<&Int64Array> {
    column(batch, Column::Seq)?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| mistyped(Column::Seq))
}

/// These columns of a batch of which some or all rows were stored without credentials: these are
/// taken from the records, as they are when events are stored.
pub(crate) fn with_credentials(batch: &RecordBatch, columns: Columns) -> Result<RecordBatch> {
    let (source_type, raw) = (word(batch, Column::SourceType)?, texts(batch, Column::Raw)?);
    let stored = word(batch, Column::CredentialUid).ok();
    let mut ids = StringDictionaryBuilder::<Int32Type>::new();
    for row in 0..batch.num_rows() {
        let stored = stored.as_ref().map_or("", |stored| stored.at(row));
        if !stored.is_empty() {
            ids.append(stored)?;
            continue;
        }
        let source_type = source_type.at(row).parse();
        let id = source_type.map(|source_type| credential_uid(source_type, raw.value(row)));
        match id {
            Ok(id) if !id.is_empty() => drop(ids.append(&id)?),
            _ => ids.append_null(),
        }
    }
    let ids: ArrayRef = Arc::new(ids.finish());
    let arrays = columns.iter().map(|of| match of {
        Column::CredentialUid => Ok(Arc::clone(&ids)),
        of => Ok(Arc::clone(column(batch, of)?)),
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(columns.schema(), arrays)?)
}

/// Bytes of the raw events of a batch.
pub(crate) fn raw_bytes(batch: &RecordBatch) -> Result<usize> {
    let raw = texts(batch, Column::Raw)?;
    let offsets = raw.value_offsets();
    let span = offsets
        .first()
        .zip(offsets.last())
        .map_or(0, |(first, last)| last - first);
    Ok(usize::try_from(span).unwrap_or(0))
}

/// Name number `row`; zeroes where the column is not 16 bytes wide, which reading refuses.
pub(crate) fn name_at(names: &FixedSizeBinaryArray, row: usize) -> [u8; 16] {
    names.value(row).try_into().unwrap_or_default()
}

impl<'a> Events<'a> {
    /// Looks into a batch.
    ///
    /// # Errors
    /// The batch lacks a column or has one of another type.
    pub fn new(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            rows: batch.num_rows(),
            time: time_column(batch)?,
            name: name_column(batch)?,
            seq: seq_column(batch)?,
            observed: times(batch, Column::ObservedTime)?,
            stored: times(batch, Column::StoredTime)?,
            quality: word(batch, Column::TimeQuality)?,
            class_uid: i32s(batch, Column::ClassUid)?,
            activity_id: i32s(batch, Column::ActivityId)?,
            severity_id: i32s(batch, Column::SeverityId)?,
            status: word(batch, Column::Status)?,
            account: word(batch, Column::Account)?,
            region: word(batch, Column::Region)?,
            service: word(batch, Column::Service)?,
            operation: word(batch, Column::Operation)?,
            actor: word(batch, Column::Actor)?,
            src_ip: word(batch, Column::SrcIp)?,
            src_port: i32s(batch, Column::SrcPort)?,
            dst_ip: word(batch, Column::DstIp)?,
            dst_port: i32s(batch, Column::DstPort)?,
            resources: lists(batch, Column::Resources)?,
            source: word(batch, Column::Source)?,
            source_type: word(batch, Column::SourceType)?,
            event_id: texts(batch, Column::EventId)?,
            shared: bools(batch, Column::Shared)?,
            conflict: bools(batch, Column::Conflict)?,
            raw: texts(batch, Column::Raw)?,
            raw_context: word(batch, Column::RawContext)?,
            withheld: lists(batch, Column::Withheld)?,
            normalizer: i32s(batch, Column::Normalizer)?,
            shared_event_id: word(batch, Column::SharedEventId)?,
            addressed: bools(batch, Column::Addressed)?,
            credential_uid: word(batch, Column::CredentialUid)?,
        })
    }

    /// Number of events.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The event's name.
    #[must_use]
    pub fn name(&self, row: usize) -> [u8; 16] {
        name_at(self.name, row)
    }

    /// Its time in nanoseconds since 1970.
    #[must_use]
    pub fn time_ns(&self, row: usize) -> i64 {
        self.time.value(row)
    }

    /// Its sequence number.
    #[must_use]
    pub fn seq(&self, row: usize) -> u64 {
        u64::try_from(self.seq.value(row)).unwrap_or(0)
    }

    /// When it was made durable, in nanoseconds since 1970.
    #[must_use]
    pub fn stored_ns(&self, row: usize) -> i64 {
        self.stored.value(row)
    }

    /// Id of the source that sent it.
    #[must_use]
    pub fn source(&self, row: usize) -> &'a str {
        self.source.at(row)
    }

    /// Whether another event has its id and other content.
    #[must_use]
    pub fn conflict(&self, row: usize) -> bool {
        self.conflict.value(row)
    }

    /// What it was done to.
    #[must_use]
    pub fn resources(&self, row: usize) -> Vec<String> {
        strings(self.resources, row)
            .map(|words| words.iter().flatten().map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// What differs from the original. Elements that this version does not know are left out.
    #[must_use]
    pub fn withheld(&self, row: usize) -> Vec<Withheld> {
        strings(self.withheld, row)
            .map(|lines| lines.iter().flatten().filter_map(parse_withheld).collect())
            .unwrap_or_default()
    }

    /// The columns that rendering needs; `withheld` is what [`Events::withheld`] gave for it.
    #[must_use]
    pub fn row<'b>(&'b self, row: usize, withheld: &'b [Withheld]) -> EventRowRef<'b> {
        let context = self.raw_context.at(row);
        EventRowRef {
            source_type: self.source_type.at(row).parse().unwrap_or(SourceType::Ocsf),
            normalizer: u16::try_from(self.normalizer.value(row)).unwrap_or(0),
            event_id: self.event_id.value(row),
            time_ns: self.time.value(row),
            observed_ns: self.observed.value(row),
            time_invalid: self.invalid(row),
            class_uid: self.class_uid.value(row),
            activity_id: self.activity_id.value(row),
            severity_id: self.severity_id.value(row),
            status: self.status(row),
            account: self.account.at(row),
            region: self.region.at(row),
            service: self.service.at(row),
            operation: self.operation.at(row),
            actor: self.actor.at(row),
            credential_uid: self.credential_uid.at(row),
            src_ip: self.src_ip.at(row).parse().ok(),
            dst_ip: self.dst_ip.at(row).parse().ok(),
            src_port: port(self.src_port, row).and_then(|port| u16::try_from(port).ok()),
            dst_port: port(self.dst_port, row).and_then(|port| u16::try_from(port).ok()),
            shared: self.shared.value(row),
            raw: self.raw.value(row),
            raw_context: (!context.is_empty()).then_some(context),
            withheld,
        }
    }

    /// Everything that the block codec keeps of the row.
    pub(crate) fn borrow(&self, row: usize) -> Row<'_> {
        Row {
            name: self.name(row),
            time_ns: self.time.value(row),
            observed_ns: self.observed.value(row),
            time_invalid: self.invalid(row),
            conflict: self.conflict.value(row),
            shared: self.shared.value(row),
            addressed: self.addressed.value(row),
            status: self.status(row),
            class_uid: self.class_uid.value(row),
            activity_id: self.activity_id.value(row),
            severity_id: self.severity_id.value(row),
            normalizer: self.normalizer.value(row),
            account: self.account.at(row),
            region: self.region.at(row),
            service: self.service.at(row),
            operation: self.operation.at(row),
            actor: self.actor.at(row),
            src_ip: Address::Text(self.src_ip.at(row)),
            dst_ip: Address::Text(self.dst_ip.at(row)),
            src_port: port(self.src_port, row),
            dst_port: port(self.dst_port, row),
            resources: strings(self.resources, row).map_or(Words::Owned(&[]), Words::Array),
            source_type: self.source_type.at(row),
            event_id: self.event_id.value(row),
            raw: self.raw.value(row),
            raw_context: self.raw_context.at(row),
            withheld: strings(self.withheld, row).map_or(Gaps::Owned(&[]), Gaps::Array),
            shared_event_id: self.shared_event_id.at(row),
            credential_uid: self.credential_uid.at(row),
        }
    }

    fn invalid(&self, row: usize) -> bool {
        self.quality.at(row) == crate::schema::time_quality(true)
    }

    fn status(&self, row: usize) -> Status {
        status_of(self.status.at(row))
    }
}

fn port(ports: &Int32Array, row: usize) -> Option<i32> {
    ports.is_valid(row).then(|| ports.value(row))
}

fn strings(lists: &ListArray, row: usize) -> Option<StringArray> {
    lists.value(row).as_string_opt::<i32>().cloned()
}

/// The status with that caption.
pub(crate) fn status_of(text: &str) -> Status {
    [Status::Unknown, Status::Success, Status::Failure]
        .into_iter()
        .find(|status| status.as_str() == text)
        .unwrap_or(Status::Other)
}

fn parse_withheld(line: &str) -> Option<Withheld> {
    let (reason, path) = line.split_once(' ')?;
    Some(Withheld {
        path: path.to_owned(),
        reason: reason.parse::<Reason>().ok()?,
    })
}
