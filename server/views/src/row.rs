//! The row that an event becomes, one per tenant that may see it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// Where a record comes from, and so how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceType {
    /// A CloudTrail record, as JSON.
    AwsCloudTrail,
    /// A VPC flow log line of versions 2 to 5; its field order is the row's context.
    AwsVpcFlow,
    /// A GuardDuty finding, as JSON.
    AwsGuardDuty,
    /// An event that is OCSF already.
    Ocsf,
    /// An entry of a Cloud Audit log of Google Cloud, as JSON.
    GcpAudit,
    /// An event of Azure's activity log or of a resource's log, as JSON.
    AzureActivity,
    /// A sign-in or audit event of Entra ID, as JSON.
    AzureSignIn,
    /// A Kubernetes audit event, as JSON; its cluster's account is the row's context.
    K8sAudit,
    /// A notification of an OpenStack control plane (Nova, Keystone), as JSON.
    OpenStackNotification,
    /// A line of a Linux host's authentication log, bare or in JSON with whose it is.
    LinuxAuth,
}

impl SourceType {
    /// All source types.
    pub const ALL: [Self; 10] = [
        Self::AwsCloudTrail,
        Self::AwsVpcFlow,
        Self::AwsGuardDuty,
        Self::Ocsf,
        Self::GcpAudit,
        Self::AzureActivity,
        Self::AzureSignIn,
        Self::K8sAudit,
        Self::OpenStackNotification,
        Self::LinuxAuth,
    ];

    /// The name users write, such as `aws.cloudtrail`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsCloudTrail => "aws.cloudtrail",
            Self::AwsVpcFlow => "aws.vpcflow",
            Self::AwsGuardDuty => "aws.guardduty",
            Self::Ocsf => "ocsf",
            Self::GcpAudit => "gcp.audit",
            Self::AzureActivity => "azure.activity",
            Self::AzureSignIn => "azure.signin",
            Self::K8sAudit => "k8s.audit",
            Self::OpenStackNotification => "openstack.notification",
            Self::LinuxAuth => "linux.auth",
        }
    }

    /// The number it is stored as. Never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::AwsCloudTrail => 1,
            Self::AwsVpcFlow => 2,
            Self::AwsGuardDuty => 3,
            Self::Ocsf => 4,
            Self::GcpAudit => 5,
            Self::AzureActivity => 6,
            Self::AzureSignIn => 7,
            Self::K8sAudit => 8,
            Self::OpenStackNotification => 9,
            Self::LinuxAuth => 10,
        }
    }

    /// The source type stored as that number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.code() == code)
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A source type, withheld reason or status that nobody defined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {text:?}")]
pub struct UnknownWord {
    /// What was expected.
    pub what: &'static str,
    /// What stood there.
    pub text: String,
}

impl FromStr for SourceType {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| UnknownWord {
                what: "source type",
                text: text.to_owned(),
            })
    }
}

/// How the operation ended, with OCSF's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Status {
    /// The record does not say.
    #[default]
    Unknown,
    /// It did what was asked.
    Success,
    /// It was refused or failed.
    Failure,
    /// Something else, which the record names.
    Other,
}

impl Status {
    /// OCSF's `status_id`.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Success => 1,
            Self::Failure => 2,
            Self::Other => 99,
        }
    }

    /// The status with that `status_id`; one that OCSF does not know is `Other`.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Unknown,
            1 => Self::Success,
            2 => Self::Failure,
            _ => Self::Other,
        }
    }

    /// OCSF's caption, which is also what filters compare with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::Other => "Other",
        }
    }
}

/// Why something in a view is not what the source sent. Closed: tenants' scripts compare
/// with these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// An identity of somebody else; a pseudonym stands in its place.
    ForeignIdentity,
    /// An address inside the provider's ranges that was not the viewer's at that time; a
    /// pseudonym stands in its place.
    ForeignAddress,
    /// What another party sent or was answered.
    ForeignContent,
    /// A live credential.
    Secret,
    /// The party table does not know the field, so nobody has said whose it is.
    NotReviewed,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::ForeignIdentity,
        Self::ForeignAddress,
        Self::ForeignContent,
        Self::Secret,
        Self::NotReviewed,
    ];

    /// The code users see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForeignIdentity => "FOREIGN_IDENTITY",
            Self::ForeignAddress => "FOREIGN_ADDRESS",
            Self::ForeignContent => "FOREIGN_CONTENT",
            Self::Secret => "SECRET",
            Self::NotReviewed => "NOT_REVIEWED",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownWord {
                what: "reason",
                text: text.to_owned(),
            })
    }
}

/// One place in a view that differs from the original.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Withheld {
    /// Where: keys joined by dots, list positions as numbers (`resources.0.accountId`).
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// One event as one tenant may see it. Every column is derived from the view, never from
/// the original, so that a filter can find nothing that the view does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The event's name for this tenant: a keyed hash of source type, event id and content
    /// of the original. Repetitions share it.
    pub name: [u8; 16],
    /// When it happened, nanoseconds since 1970; the observed time if `time_invalid`.
    pub time_ns: i64,
    /// When it was received, nanoseconds since 1970.
    pub observed_ns: i64,
    /// The record had no time, or none that can be true.
    pub time_invalid: bool,
    /// The store knows another event with the same id and other content. Attribution
    /// looks at one record and always leaves this false.
    pub conflict: bool,
    /// OCSF class: 6003, 3002 …
    pub class_uid: i32,
    /// OCSF activity within the class.
    pub activity_id: i32,
    /// OCSF severity.
    pub severity_id: i32,
    /// How it ended.
    pub status: Status,
    /// Account in which it happened, as the source writes it; empty if not named.
    pub account: String,
    /// Region; empty if not named.
    pub region: String,
    /// Service, such as `s3.amazonaws.com`; empty if not named.
    pub service: String,
    /// Operation, such as `GetObject`; empty if not named.
    pub operation: String,
    /// Who did it: an ARN, user name, principal id or service; empty if not named.
    pub actor: String,
    /// The credential that it was done with, by its id (an access key's, a service account key's
    /// name): OCSF's `credential_uid`; empty if not named.
    pub credential_uid: String,
    /// Where it came from. Empty if it is no address or its place is taken by a pseudonym.
    pub src_ip: Option<IpAddr>,
    /// Where it went to.
    pub dst_ip: Option<IpAddr>,
    /// Source port.
    pub src_port: Option<u16>,
    /// Destination port.
    pub dst_port: Option<u16>,
    /// What it was done to: ARNs, names and ids, without repetition, in the record's order.
    pub resources: Vec<String>,
    /// Where the record came from.
    pub source_type: SourceType,
    /// The source's event id; the event's name in hex where the source gave none.
    pub event_id: String,
    /// The event concerns others too, and this is a view of it.
    pub shared: bool,
    /// Version of the normalizer that made the columns.
    pub normalizer: u16,
    /// The view: the source's bytes if the event is wholly the tenant's.
    pub raw: String,
    /// What is needed to read `raw` besides: the header line of VPC flow logs, whose the
    /// lines of a Linux host are, the account of a Kubernetes cluster.
    pub raw_context: Option<Arc<str>>,
    /// What differs from the original and why; empty when nothing does.
    pub withheld: Vec<Withheld>,
    /// Id by which a source says that records in several accounts are one event
    /// (CloudTrail's `sharedEventID`); empty if there is none.
    pub shared_event_id: String,
    /// The source addressed this record to an account of this tenant. Of the rows of one
    /// tenant with the same `shared_event_id`, those that are addressed supersede those
    /// that are not; see [`EventRow::supersedes`].
    pub addressed: bool,
}

impl EventRow {
    /// A row that says of its event no more than what source it is from and when it was
    /// received, which is also when it happened as far as is known.
    pub(crate) fn empty(source_type: SourceType, name: [u8; 16], observed_ns: i64) -> Self {
        Self {
            name,
            time_ns: observed_ns,
            observed_ns,
            time_invalid: true,
            conflict: false,
            class_uid: 0,
            activity_id: 0,
            severity_id: 0,
            status: Status::Unknown,
            account: String::new(),
            region: String::new(),
            service: String::new(),
            operation: String::new(),
            actor: String::new(),
            credential_uid: String::new(),
            src_ip: None,
            dst_ip: None,
            src_port: None,
            dst_port: None,
            resources: Vec::new(),
            source_type,
            event_id: String::new(),
            shared: false,
            normalizer: 0,
            raw: String::new(),
            raw_context: None,
            withheld: Vec::new(),
            shared_event_id: String::new(),
            addressed: false,
        }
    }

    /// Whether this row takes the other's place in the same tenant's store, whichever came
    /// first: both tell of one event, and this one is the record addressed to the tenant.
    /// Of two that are not, the one with the smaller name stays, so that the order of
    /// arrival does not matter; two that are addressed (to two accounts of the tenant) both
    /// stay, as each is wholly a record of the tenant's.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        !self.shared_event_id.is_empty()
            && self.source_type == other.source_type
            && self.shared_event_id == other.shared_event_id
            && match (self.addressed, other.addressed) {
                (true, addressed) => !addressed,
                (false, true) => false,
                (false, false) => self.name < other.name,
            }
    }

    /// The columns that rendering needs, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> EventRowRef<'_> {
        EventRowRef {
            source_type: self.source_type,
            normalizer: self.normalizer,
            event_id: &self.event_id,
            time_ns: self.time_ns,
            observed_ns: self.observed_ns,
            time_invalid: self.time_invalid,
            class_uid: self.class_uid,
            activity_id: self.activity_id,
            severity_id: self.severity_id,
            status: self.status,
            account: &self.account,
            region: &self.region,
            service: &self.service,
            operation: &self.operation,
            actor: &self.actor,
            credential_uid: &self.credential_uid,
            src_ip: self.src_ip,
            dst_ip: self.dst_ip,
            src_port: self.src_port,
            dst_port: self.dst_port,
            shared: self.shared,
            raw: &self.raw,
            raw_context: self.raw_context.as_deref(),
            withheld: &self.withheld,
        }
    }
}

/// A stored row's columns, borrowed, as far as rendering needs them. Meanings are those of
/// [`EventRow`].
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the fields are those of EventRow")]
pub struct EventRowRef<'a> {
    pub source_type: SourceType,
    pub normalizer: u16,
    pub event_id: &'a str,
    pub time_ns: i64,
    pub observed_ns: i64,
    pub time_invalid: bool,
    pub class_uid: i32,
    pub activity_id: i32,
    pub severity_id: i32,
    pub status: Status,
    pub account: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    pub operation: &'a str,
    pub actor: &'a str,
    pub credential_uid: &'a str,
    pub src_ip: Option<IpAddr>,
    pub dst_ip: Option<IpAddr>,
    pub src_port: Option<u16>,
    pub dst_port: Option<u16>,
    pub shared: bool,
    pub raw: &'a str,
    pub raw_context: Option<&'a str>,
    pub withheld: &'a [Withheld],
}

/// Takes out the rows whose place another row of the same tenant takes
/// ([`EventRow::supersedes`]), keeps the order of the rest, and says how many went. The
/// work grows with the number of rows, not with its square.
pub fn keep_preferred<T: Clone + Ord>(rows: &mut Vec<(T, EventRow)>) -> usize {
    // For each event that has several records: whether one is addressed to the tenant, and
    // the smallest name of those that are not.
    let mut best: BTreeMap<(T, SourceType, String), (bool, [u8; 16])> = BTreeMap::new();
    for (tenant, row) in rows.iter() {
        if !row.shared_event_id.is_empty() {
            let key = (tenant.clone(), row.source_type, row.shared_event_id.clone());
            let (addressed, name) = best.entry(key).or_insert((false, [u8::MAX; 16]));
            *addressed |= row.addressed;
            if !row.addressed {
                *name = row.name.min(*name);
            }
        }
    }
    let before = rows.len();
    rows.retain(|(tenant, row)| {
        let key = (tenant.clone(), row.source_type, row.shared_event_id.clone());
        match best.get(&key) {
            Some((addressed, name)) => row.addressed || (!addressed && row.name == *name),
            None => true,
        }
    });
    before - rows.len()
}

/// What attribution makes of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed<T> {
    /// One row per tenant that is a party, in the tenants' order.
    pub views: Vec<(T, EventRow)>,
    /// Parties that nobody is registered for, as the directory writes them
    /// (`aws:123456789012`, `ip:192.0.2.1`), sorted: the index of the quarantine.
    pub unknown_parties: Vec<String>,
    /// Fingerprint of what the record says: the same for its repetitions.
    pub content: [u8; 32],
}
