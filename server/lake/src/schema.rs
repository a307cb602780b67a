//! The columns of an event as the lake stores and reads them, in one place.
//!
//! Every batch in this crate has these columns or a projection of them by name. Filters see
//! the [visible](Column::visible) ones; the rest is what rendering and the store need.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Number of columns.
pub const COLUMNS: usize = 32;

/// Bytes of an event's name.
pub const NAME_LEN: i32 = 16;

macro_rules! columns {
    ($($(#[$doc:meta])* $variant:ident $text:literal $kind:ident $nulls:literal $visible:literal;)*) => {
        /// A column. The order is that of stored files: a new one goes to the end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column {
            $($(#[$doc])* $variant,)*
        }

        impl Column {
            /// All columns, in order.
            pub const ALL: [Self; COLUMNS] = [$(Self::$variant,)*];

            /// The name in batches, files and filters.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether filters and counts may name it.
            #[must_use]
            pub const fn visible(self) -> bool {
                match self { $(Self::$variant => $visible,)* }
            }

            fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            fn nullable(self) -> bool {
                match self { $(Self::$variant => $nulls,)* }
            }
        }
    };
}

columns! {
    /// When it happened, nanoseconds since 1970, UTC.
    Time "time" Time false true;
    /// The event's name, 16 bytes; 32 hex digits in filters.
    Name "name" Name false true;
    /// Its place in the tenant's sequence.
    Seq "seq" I64 false true;
    /// When it was received.
    ObservedTime "observed_time" Time false true;
    /// When it was made durable.
    StoredTime "stored_time" Time false true;
    /// `valid`, or `invalid` when the record had no time that can be true.
    TimeQuality "time_quality" Word false true;
    /// OCSF class.
    ClassUid "class_uid" I32 false true;
    /// OCSF activity within the class.
    ActivityId "activity_id" I32 false true;
    /// OCSF severity.
    SeverityId "severity_id" I32 false true;
    /// `Unknown`, `Success`, `Failure` or `Other`.
    Status "status" Word false true;
    /// Account in which it happened.
    Account "account" Word true true;
    /// Region.
    Region "region" Word true true;
    /// Service.
    Service "service" Word true true;
    /// Operation.
    Operation "operation" Word true true;
    /// Who did it.
    Actor "actor" Word true true;
    /// Source address, as text.
    SrcIp "src_ip" Word true true;
    /// Source port.
    SrcPort "src_port" I32 true true;
    /// Destination address, as text.
    DstIp "dst_ip" Word true true;
    /// Destination port.
    DstPort "dst_port" I32 true true;
    /// What it was done to.
    Resources "resources" Words false true;
    /// Id of the source that sent it.
    Source "source" Word false true;
    /// Kind of record: `aws.cloudtrail` …
    SourceType "source_type" Word false true;
    /// The source's event id.
    EventId "event_id" Text false true;
    /// The event concerns others too.
    Shared "shared" Bool false true;
    /// Another event has the same id and other content.
    Conflict "conflict" Bool false true;
    /// The view's bytes.
    Raw "raw" Text false true;
    /// What reading `raw` needs besides (the header line of flow logs).
    RawContext "raw_context" Word true false;
    /// What differs from the original: `REASON path`, one an element.
    Withheld "withheld" Words false false;
    /// Version of the normalizer.
    Normalizer "normalizer" I32 false false;
    /// Id that joins records of several accounts into one event.
    SharedEventId "shared_event_id" Word true false;
    /// The record was addressed to an account of this tenant.
    Addressed "addressed" Bool false false;
    /// The credential that it was done with, by its id: OCSF's `credential_uid`.
    CredentialUid "credential_uid" Word true true;
}

enum Kind {
    Time,
    Name,
    I64,
    I32,
    Bool,
    /// Text of which few values are distinct: a dictionary.
    Word,
    /// A list of texts.
    Words,
    /// Text of which most values are distinct.
    Text,
}

impl Column {
    /// Its position in the full schema.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The column with that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The Arrow field.
    #[must_use]
    pub fn field(self) -> Field {
        Field::new(self.name(), self.data_type(), self.nullable())
    }

    /// The Arrow type.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self.kind() {
            Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC"))),
            Kind::Name => DataType::FixedSizeBinary(NAME_LEN),
            Kind::I64 => DataType::Int64,
            Kind::I32 => DataType::Int32,
            Kind::Bool => DataType::Boolean,
            Kind::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Kind::Words => DataType::List(Arc::new(item())),
            Kind::Text => DataType::Utf8,
        }
    }
}

/// The element of a list column.
#[must_use]
pub fn item() -> Field {
    Field::new_list_field(DataType::Utf8, false)
}

/// The full schema.
#[must_use]
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(
            Column::ALL
                .into_iter()
                .map(Column::field)
                .collect::<Vec<_>>(),
        ))
    });
    Arc::clone(&SCHEMA)
}

/// A set of columns, in the order of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Columns(u64);

impl Columns {
    /// No column.
    pub const NONE: Self = Self(0);
    /// Every column.
    pub const ALL: Self = Self((1 << COLUMNS) - 1);

    /// The set of these.
    #[must_use]
    pub fn of(columns: &[Column]) -> Self {
        columns
            .iter()
            .fold(Self::NONE, |set, column| set.with(*column))
    }

    /// Every column but these.
    #[must_use]
    pub fn all_but(columns: &[Column]) -> Self {
        Self(Self::ALL.0 & !Self::of(columns).0)
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, column: Column) -> Self {
        Self(self.0 | 1 << column.index())
    }

    /// The set with one less.
    #[must_use]
    pub const fn without(self, column: Column) -> Self {
        Self(self.0 & !(1 << column.index()))
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the column is in it.
    #[must_use]
    pub const fn contains(self, column: Column) -> bool {
        self.0 & (1 << column.index()) != 0
    }

    /// Whether there is none in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The columns, in the order of the schema.
    pub fn iter(self) -> impl Iterator<Item = Column> {
        Column::ALL
            .into_iter()
            .filter(move |column| self.contains(*column))
    }

    /// The schema with these columns alone.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        if self == Self::ALL {
            return schema();
        }
        Arc::new(Schema::new(
            self.iter().map(Column::field).collect::<Vec<_>>(),
        ))
    }
}

/// Text of the two qualities that a time has.
#[must_use]
pub const fn time_quality(invalid: bool) -> &'static str {
    if invalid { "invalid" } else { "valid" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_positions_agree() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), index);
            assert_eq!(Column::by_name(column.name()), Some(column));
            assert_eq!(schema().field(index).name(), column.name());
        }
        assert_eq!(Columns::ALL.len(), COLUMNS);
        assert_eq!(Columns::ALL.schema(), schema());
    }

    #[test]
    fn sets_keep_the_order_of_the_schema() {
        let set = Columns::of(&[Column::Raw, Column::Time]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Column::Time, Column::Raw]);
        assert_eq!(set.schema().fields().len(), 2);
        assert!(!set.contains(Column::Name));
    }
}
