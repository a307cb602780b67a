//! One event as accumulators see it.

use std::net::IpAddr;

use crate::time::rfc3339;

/// An event's columns, borrowed. Columns that the scan did not name are at their defaults;
/// empty text stands for none. Meanings are those of the lake's columns of the same names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    /// When it happened, nanoseconds since 1970, UTC.
    pub time_ns: i64,
    /// When it was received, nanoseconds since 1970, UTC.
    pub observed_ns: i64,
    /// The event's name.
    pub name: [u8; 16],
    /// Its place in the tenant's sequence.
    pub seq: u64,
    /// OCSF class.
    pub class_uid: i32,
    /// OCSF activity within the class.
    pub activity_id: i32,
    /// OCSF severity.
    pub severity_id: i32,
    /// `Unknown`, `Success`, `Failure` or `Other`.
    pub status: &'a str,
    /// Account in which it happened.
    pub account: &'a str,
    /// Region.
    pub region: &'a str,
    /// Service.
    pub service: &'a str,
    /// Operation.
    pub operation: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// The credential that it was done with, by its id.
    pub credential_uid: &'a str,
    /// Source address.
    pub src_ip: Option<IpAddr>,
    /// Source port.
    pub src_port: Option<u16>,
    /// Destination address.
    pub dst_ip: Option<IpAddr>,
    /// Destination port.
    pub dst_port: Option<u16>,
    /// What it was done to.
    pub resources: &'a [&'a str],
    /// Id of the source that sent it.
    pub source: &'a str,
    /// Kind of record: `aws.cloudtrail` …
    pub source_type: &'a str,
    /// The source's event id.
    pub event_id: &'a str,
    /// The event concerns others too.
    pub shared: bool,
    /// The view's bytes.
    pub raw: &'a str,
    /// What reading `raw` needs besides (the header line of flow logs).
    pub raw_context: &'a str,
}

impl Row<'_> {
    /// The event's name as 32 hexadecimal digits.
    #[must_use]
    pub fn event_name(&self) -> String {
        hex::encode(self.name)
    }

    /// When it happened, RFC 3339 in UTC.
    #[must_use]
    pub fn time(&self) -> String {
        rfc3339(self.time_ns)
    }

    /// Whether it failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.status == "Failure"
    }
}
