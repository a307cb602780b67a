//! What a source type records beside what analytics name it for, reviewed by hand.
//!
//! Analytics of ATT&CK speak mostly of AWS. That a snapshot was shared is seen in the audit
//! logs of other clouds as well. So a technique's component counts as covered, too, by a source
//! that records such data by this table, on a platform that an analytic needs them from. A row
//! rests on ATT&CK's or the sensor mappings' lists of who records what, where these name the
//! source; where they don't, it says why it is here.

use crate::SourceType;

/// That a source type records a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// The source type.
    pub source: SourceType,
    /// The id of the component.
    pub component: &'static str,
    /// How, where ATT&CK and the sensor mappings don't list it; or on which condition.
    pub why: &'static str,
}

mod rows;

pub use rows::RECORDS;

/// Classes of OCSF 1.8 and the components that their events are
/// (<https://schema.ocsf.io/1.8.0/classes>). What an OCSF source records is what is sent.
pub const OCSF_CLASSES: &[(u32, &[&str])] = &[
    // File System Activity.
    (1001, &["DC0039", "DC0040", "DC0055", "DC0059", "DC0061"]),
    // Kernel Extension Activity.
    (1002, &["DC0031"]),
    // Module Activity.
    (1005, &["DC0016"]),
    // Scheduled Job Activity.
    (1006, &["DC0001", "DC0005"]),
    // Process Activity.
    (1007, &["DC0032", "DC0033", "DC0034", "DC0064"]),
    // Script Activity.
    (1009, &["DC0029"]),
    // Account Change.
    (3001, &["DC0009", "DC0010", "DC0014"]),
    // Authentication.
    (3002, &["DC0002", "DC0067", "DC0088"]),
    // User Access Management.
    (3005, &["DC0010"]),
    // Group Management.
    (3006, &["DC0010"]),
    // Network Activity.
    (4001, &["DC0078", "DC0082"]),
    // HTTP Activity.
    (4002, &["DC0082", "DC0085"]),
    // DNS Activity.
    (4003, &["DC0085"]),
    // SSH Activity.
    (4007, &["DC0082"]),
    // API Activity: changes of services. Which, depends on whose calls are sent.
    (6003, &["DC0069"]),
    // Datastore Activity.
    (6005, &["DC0025"]),
    // Application Error.
    (6008, &["DC0038"]),
];

/// Sources that tell of some techniques only, and of which data by which operations: those whose
/// names hold a word. They cover a technique's component if an operation of that technique, by
/// [`crate::events`], tells of it.
///
/// GuardDuty tells where it finds something. Its findings are made of calls, data events of S3,
/// flows and names looked up, a cluster's audit log, and what runs, by the kind of resource
/// (<https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_data-sources.html>). Linux hosts
/// have no analytics in the table, so that what a host's log is good for is known from its lines.
pub const TOLD_BY: &[(SourceType, &str, &[&str])] = &[
    (
        SourceType::AwsGuardDuty,
        ":IAMUser/",
        &[
            "DC0002", "DC0010", "DC0013", "DC0067", "DC0069", "DC0075", "DC0083", "DC0090",
        ],
    ),
    (
        SourceType::AwsGuardDuty,
        ":S3/",
        &["DC0017", "DC0022", "DC0023", "DC0025"],
    ),
    (
        SourceType::AwsGuardDuty,
        ":EC2/",
        &["DC0078", "DC0082", "DC0085"],
    ),
    (SourceType::AwsGuardDuty, ":Lambda/", &["DC0078", "DC0082"]),
    (
        SourceType::AwsGuardDuty,
        ":Kubernetes/",
        &["DC0002", "DC0010", "DC0019", "DC0064", "DC0072"],
    ),
    (
        SourceType::AwsGuardDuty,
        ":Runtime/",
        &["DC0032", "DC0064", "DC0082", "DC0085"],
    ),
    (
        SourceType::LinuxAuth,
        "ssh.",
        &["DC0002", "DC0067", "DC0088"],
    ),
    (SourceType::LinuxAuth, "auth.failed", &["DC0002"]),
    (
        SourceType::LinuxAuth,
        "console.",
        &["DC0002", "DC0067", "DC0088"],
    ),
    (SourceType::LinuxAuth, "su.", &["DC0002", "DC0067"]),
    (SourceType::LinuxAuth, "sudo.", &["DC0064"]),
    (SourceType::LinuxAuth, "account.create", &["DC0014"]),
    (SourceType::LinuxAuth, "account.change", &["DC0010"]),
    (SourceType::LinuxAuth, "account.password", &["DC0010"]),
    (SourceType::LinuxAuth, "account.unlock", &["DC0010"]),
    (SourceType::LinuxAuth, "account.lock", &["DC0010"]),
    (SourceType::LinuxAuth, "account.delete", &["DC0009"]),
    (SourceType::LinuxAuth, "group.", &["DC0010"]),
];
