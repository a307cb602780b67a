//! Which field stands where in a flow log line.

use std::sync::LazyLock;

use smallvec::SmallVec;

use crate::split::Fault;

macro_rules! fields {
    ($($variant:ident $name:literal)*) => {
        /// A field of a flow log, by the provider's name for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each is the provider's field of that name")]
        pub enum Field {
            $($variant),*
        }

        impl Field {
            /// All fields.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in header lines.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

        }

        const COUNT: usize = Field::ALL.len();
    };
}

fields! {
    // Version 2.
    Version "version"
    AccountId "account-id"
    InterfaceId "interface-id"
    SrcAddr "srcaddr"
    DstAddr "dstaddr"
    SrcPort "srcport"
    DstPort "dstport"
    Protocol "protocol"
    Packets "packets"
    Bytes "bytes"
    Start "start"
    End "end"
    Action "action"
    LogStatus "log-status"
    // Version 3.
    VpcId "vpc-id"
    SubnetId "subnet-id"
    InstanceId "instance-id"
    TcpFlags "tcp-flags"
    Type "type"
    PktSrcAddr "pkt-srcaddr"
    PktDstAddr "pkt-dstaddr"
    // Version 4.
    Region "region"
    AzId "az-id"
    SublocationType "sublocation-type"
    SublocationId "sublocation-id"
    // Version 5.
    PktSrcAwsService "pkt-src-aws-service"
    PktDstAwsService "pkt-dst-aws-service"
    FlowDirection "flow-direction"
    TrafficPath "traffic-path"
    // Version 6, transit gateways. No normalizer of its own: named so that the party table
    // can say whose they are.
    ResourceType "resource-type"
    TgwId "tgw-id"
    TgwAttachmentId "tgw-attachment-id"
    TgwPairAttachmentId "tgw-pair-attachment-id"
    TgwSrcVpcAccountId "tgw-src-vpc-account-id"
    TgwDstVpcAccountId "tgw-dst-vpc-account-id"
    TgwSrcVpcId "tgw-src-vpc-id"
    TgwDstVpcId "tgw-dst-vpc-id"
    TgwSrcSubnetId "tgw-src-subnet-id"
    TgwDstSubnetId "tgw-dst-subnet-id"
    TgwSrcEni "tgw-src-eni"
    TgwDstEni "tgw-dst-eni"
    TgwSrcAzId "tgw-src-az-id"
    TgwDstAzId "tgw-dst-az-id"
    PacketsLostNoRoute "packets-lost-no-route"
    PacketsLostBlackhole "packets-lost-blackhole"
    PacketsLostMtuExceeded "packets-lost-mtu-exceeded"
    PacketsLostTtlExpired "packets-lost-ttl-expired"
    // Versions 8 to 10.
    RejectReason "reject-reason"
    ResourceId "resource-id"
    EncryptionStatus "encryption-status"
}

impl Field {
    /// The field with that name, written as in [`Field::as_str`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        static BY_NAME: LazyLock<Vec<Field>> = LazyLock::new(|| {
            let mut fields = Field::ALL.to_vec();
            fields.sort_unstable_by_key(|field| field.as_str());
            fields
        });
        let at = BY_NAME
            .binary_search_by(|field| field.as_str().cmp(name))
            .ok()?;
        BY_NAME.get(at).copied()
    }
}

/// What stands between the values of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// Any number of blanks or tabs.
    Blank,
    /// One comma; the value may be in double quotes, which hold no comma.
    Comma,
}

/// The order of fields in flow log lines, read from a header line. Field names are taken
/// as `account-id`, `account_id`, `ACCOUNT-ID` and `${account-id}`, since all of these are
/// found in the wild; names that are not known are kept.
#[derive(Debug, Clone)]
pub struct Layout<'h> {
    header: &'h str,
    separator: Separator,
    columns: SmallVec<[Option<Field>; 32]>,
    /// Where each field stands, counted from 1; 0 if it does not.
    places: [u8; COUNT],
    /// No header said so: lines that do not look like version 2 are not of this layout.
    assumed: bool,
}

/// No header names more fields than this.
pub const MOST_COLUMNS: usize = u8::MAX as usize;

/// The values of a line, each with its offset in it.
pub type Cut<'l> = SmallVec<[(usize, &'l str); 32]>;

const DEFAULT_HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport \
     protocol packets bytes start end action log-status";

impl<'h> Layout<'h> {
    /// Reads a header line.
    ///
    /// # Errors
    ///
    /// [`Fault::BadHeader`] if a field is named twice, none is known, or there are more
    /// than [`MOST_COLUMNS`].
    pub fn parse(header: &'h str) -> Result<Self, Fault> {
        let separator = separator_of(header);
        let mut strange: SmallVec<[&str; 8]> = SmallVec::new();
        let mut layout = Self {
            header,
            separator,
            columns: SmallVec::new(),
            places: [0; COUNT],
            assumed: false,
        };
        for (_, name) in Values::new(header, separator) {
            let new = match field_of(name) {
                Some(field) => layout.push(Some(field)),
                None if strange.contains(&name) => false,
                None => {
                    strange.push(name);
                    layout.push(None)
                }
            };
            if !new {
                return Err(Fault::BadHeader);
            }
        }
        if strange.len() == layout.columns.len() {
            return Err(Fault::BadHeader);
        }
        Ok(layout)
    }

    /// Adds a column; false if the field is there already or there is no room.
    fn push(&mut self, field: Option<Field>) -> bool {
        let Ok(place) = u8::try_from(self.columns.len() + 1) else {
            return false;
        };
        if let Some(field) = field
            && let Some(slot) = self.places.get_mut(field as usize)
        {
            if *slot != 0 {
                return false;
            }
            *slot = place;
        }
        self.columns.push(field);
        true
    }

    /// Where the field stands in a line, counted from 0.
    #[must_use]
    pub fn place(&self, field: Field) -> Option<usize> {
        let place = *self.places.get(field as usize)?;
        usize::from(place).checked_sub(1)
    }

    /// The layout of lines that have no header: version 2's.
    #[must_use]
    pub fn default_format() -> &'static Layout<'static> {
        static DEFAULT: LazyLock<Layout<'static>> = LazyLock::new(|| {
            let mut layout = Layout {
                header: DEFAULT_HEADER,
                separator: Separator::Blank,
                columns: SmallVec::new(),
                places: [0; COUNT],
                assumed: true,
            };
            for (_, name) in Values::new(DEFAULT_HEADER, Separator::Blank) {
                layout.push(field_of(name));
            }
            layout
        });
        &DEFAULT
    }

    /// Whether the line is a header and not a record: most of its words are field names.
    #[must_use]
    pub fn is_header(line: &str) -> bool {
        if !line.starts_with(|first: char| first.is_ascii_alphabetic() || "$\"".contains(first)) {
            return false;
        }
        let (mut known, mut words) = (0, 0);
        for (_, name) in Values::new(line, separator_of(line)) {
            words += 1;
            known += usize::from(field_of(name).is_some());
        }
        known * 2 > words
    }

    /// Cuts a line into as many values as there are columns.
    ///
    /// # Errors
    ///
    /// [`Fault::FieldCount`] if it has more or fewer, [`Fault::MissingHeader`] if no header
    /// said what the fields are and the line is not of the default format.
    pub fn cut<'l>(&self, line: &'l str) -> Result<Cut<'l>, Fault> {
        let values: Cut<'l> = Values::new(line, self.separator).collect();
        let counted = values.len() == self.columns.len();
        if self.assumed && !(counted && matches!(values.first(), Some((_, "2")))) {
            return Err(Fault::MissingHeader);
        }
        if counted {
            Ok(values)
        } else {
            Err(Fault::FieldCount)
        }
    }

    /// The fields in their order; `None` for one that is not known.
    #[must_use]
    pub fn columns(&self) -> &[Option<Field>] {
        &self.columns
    }

    /// The column names as the header writes them, in order.
    pub fn names(&self) -> impl Iterator<Item = &'h str> + use<'h> {
        Values::new(self.header, self.separator).map(|(_, name)| name)
    }
}

fn separator_of(header: &str) -> Separator {
    if header.contains(',') {
        Separator::Comma
    } else {
        Separator::Blank
    }
}

/// The field that a header means by that name.
fn field_of(name: &str) -> Option<Field> {
    let name = name
        .strip_prefix("${")
        .and_then(|name| name.strip_suffix('}'))
        .unwrap_or(name);
    Field::from_name(name).or_else(|| {
        // Longer than any field: spare the copy.
        if name.len() > 40 {
            return None;
        }
        let plain: String = name
            .chars()
            .map(|letter| match letter {
                '_' => '-',
                other => other.to_ascii_lowercase(),
            })
            .collect();
        Field::from_name(&plain)
    })
}

/// The values of a line.
#[derive(Debug, Clone)]
struct Values<'l> {
    line: &'l str,
    at: Option<usize>,
    separator: Separator,
}

impl<'l> Values<'l> {
    const fn new(line: &'l str, separator: Separator) -> Self {
        Self {
            line,
            at: Some(0),
            separator,
        }
    }
}

impl<'l> Iterator for Values<'l> {
    type Item = (usize, &'l str);

    fn next(&mut self) -> Option<(usize, &'l str)> {
        let at = self.at?;
        let rest = self.line.get(at..)?;
        match self.separator {
            Separator::Blank => {
                let text = rest.trim_ascii_start();
                let start = at + (rest.len() - text.len());
                let length = text
                    .bytes()
                    .position(|byte| byte.is_ascii_whitespace())
                    .unwrap_or(text.len());
                let value = text.get(..length).filter(|value| !value.is_empty())?;
                self.at = Some(start + length);
                Some((start, value))
            }
            Separator::Comma => {
                let length = rest.bytes().position(|byte| byte == b',');
                self.at = length.map(|length| at + length + 1);
                let cell = rest.get(..length.unwrap_or(rest.len()))?;
                let value = cell.trim_ascii();
                let mut start = at + (cell.len() - cell.trim_ascii_start().len());
                let quoted = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'));
                if quoted.is_some() {
                    start += 1;
                }
                Some((start, quoted.unwrap_or(value)))
            }
        }
    }
}
