//! Operations that matter, and the techniques that they may be part of.
//!
//! Written by hand from what each service documents of its operations. An operation that is
//! part of everyday work is here as well: the question is what it *would* be, if it were an
//! attacker's. Names are those of the `operation` column, which mostly has the source's; letters'
//! case plays no part, since Azure's varies. Where Google writes versions (`v1.compute.…`,
//! `beta.compute.…`) the table has none.

use serde::Serialize;

use crate::SourceType;

mod aws;
mod azure;
mod gcp;
mod guardduty;
mod hosts;

/// An operation of a source, with the ids of its techniques.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Where it is recorded.
    pub source: SourceType,
    /// As the source names it: `StopLogging`, `create pods/exec`.
    pub operation: &'static str,
    /// The likeliest first.
    pub techniques: &'static [&'static str],
}

/// Operations of one source: ids of techniques, and the operations that may be part of them.
type Rows = &'static [(&'static [&'static str], &'static [&'static str])];

/// No operation has a longer name. What is longer is not looked up.
const LONGEST: usize = 160;

/// The sources that have operations here.
const TABLES: &[(SourceType, Rows)] = &[
    (SourceType::AwsCloudTrail, aws::CALLS),
    (SourceType::AwsGuardDuty, guardduty::FINDINGS),
    (SourceType::GcpAudit, gcp::METHODS),
    (SourceType::AzureActivity, azure::OPERATIONS),
    (SourceType::AzureSignIn, azure::DIRECTORY),
    (SourceType::K8sAudit, hosts::REQUESTS),
    (SourceType::OpenStackNotification, hosts::NOTIFICATIONS),
    (SourceType::LinuxAuth, hosts::LINES),
];

/// All operations, by source type.
pub fn events() -> impl Iterator<Item = Event> {
    TABLES.iter().flat_map(|(source, rows)| each(*source, rows))
}

/// The operations of one source.
pub(crate) fn of(source: SourceType) -> impl Iterator<Item = Event> {
    let tables = TABLES.iter().filter(move |(one, _)| *one == source);
    tables.flat_map(|(source, rows)| each(*source, rows))
}

fn each(source: SourceType, rows: Rows) -> impl Iterator<Item = Event> {
    rows.iter().flat_map(move |(techniques, operations)| {
        operations.iter().map(move |operation| Event {
            source,
            operation,
            techniques,
        })
    })
}

/// What is known of an operation. The name may be anybody's text.
#[must_use]
pub fn event(source: SourceType, operation: &str) -> Option<Event> {
    if operation.len() > LONGEST {
        return None;
    }
    let operation = without_version(source, operation);
    of(source).find(|event| event.operation.eq_ignore_ascii_case(operation))
}

/// Compute Engine's methods begin with the version of the API that was called.
fn without_version(source: SourceType, operation: &str) -> &str {
    if source != SourceType::GcpAudit {
        return operation;
    }
    let mut versions = ["v1.", "beta.", "alpha."].into_iter();
    versions
        .find_map(|version| operation.strip_prefix(version))
        .unwrap_or(operation)
}
