//! Kinds of incidents, and the techniques to look for in each.
//!
//! An incident in Cordon has no kind of its own; these are questions to ask about one. The names
//! follow the Reference Incident Classification Taxonomy of ENISA, as far as that has one
//! (<https://github.com/enisaeu/Reference-Security-Incident-Taxonomy-Task-Force>). Which
//! techniques belong to which is our own review, made for clouds.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::UnknownWord;

/// What kind of incident it is thought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IncidentKind {
    /// Somebody else uses an account or a key.
    CredentialCompromise,
    /// Data leave.
    DataExfiltration,
    /// Data are encrypted or destroyed, and their copies with them.
    Ransomware,
    /// Others compute at the customer's expense.
    Cryptomining,
    /// Records of what happened are switched off or removed.
    LogTampering,
    /// Somebody who may, does what they should not.
    Insider,
    /// A service is kept from serving.
    DenialOfService,
    /// A program of an attacker runs or is put where it will.
    Malware,
}

impl IncidentKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::CredentialCompromise,
        Self::DataExfiltration,
        Self::Ransomware,
        Self::Cryptomining,
        Self::LogTampering,
        Self::Insider,
        Self::DenialOfService,
        Self::Malware,
    ];

    /// The name users write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialCompromise => "credential-compromise",
            Self::DataExfiltration => "data-exfiltration",
            Self::Ransomware => "ransomware",
            Self::Cryptomining => "cryptomining",
            Self::LogTampering => "log-tampering",
            Self::Insider => "insider",
            Self::DenialOfService => "denial-of-service",
            Self::Malware => "malware",
        }
    }

    /// The ids of the techniques to look for, sub-techniques named one by one; sorted.
    #[must_use]
    pub const fn techniques(self) -> &'static [&'static str] {
        match self {
            Self::CredentialCompromise => &[
                "T1078.001",
                "T1078.004",
                "T1087.004",
                "T1098.001",
                "T1098.003",
                "T1098.005",
                "T1110.001",
                "T1110.003",
                "T1110.004",
                "T1136.003",
                "T1528",
                "T1548.005",
                "T1550.001",
                "T1550.004",
                "T1552.001",
                "T1552.005",
                "T1552.007",
                "T1555.006",
                "T1556.006",
                "T1606.002",
                "T1621",
            ],
            Self::DataExfiltration => &[
                "T1020.001",
                "T1048",
                "T1074.002",
                "T1213.006",
                "T1530",
                "T1537",
                "T1555.006",
                "T1567.002",
                "T1578.001",
                "T1619",
            ],
            Self::Ransomware => &[
                "T1078.004",
                "T1485",
                "T1485.001",
                "T1486",
                "T1489",
                "T1490",
                "T1491.002",
                "T1529",
                "T1531",
                "T1562.001",
            ],
            Self::Cryptomining => &[
                "T1078.004",
                "T1204.003",
                "T1496.001",
                "T1525",
                "T1535",
                "T1578.002",
                "T1578.005",
                "T1610",
                "T1648",
            ],
            Self::LogTampering => &[
                "T1070",
                "T1485.001",
                "T1562",
                "T1562.001",
                "T1562.006",
                "T1562.008",
                "T1666",
            ],
            Self::Insider => &[
                "T1078.004",
                "T1087.004",
                "T1098.001",
                "T1098.003",
                "T1136.003",
                "T1213.006",
                "T1485",
                "T1530",
                "T1537",
                "T1555.006",
                "T1562.008",
                "T1619",
                "T1654",
            ],
            Self::DenialOfService => &[
                "T1489",
                "T1498.001",
                "T1498.002",
                "T1499.002",
                "T1499.003",
                "T1499.004",
                "T1529",
                "T1531",
                "T1562.007",
            ],
            Self::Malware => &[
                "T1053.007",
                "T1059.009",
                "T1059.013",
                "T1071.001",
                "T1071.004",
                "T1105",
                "T1190",
                "T1204.003",
                "T1525",
                "T1543.005",
                "T1546",
                "T1609",
                "T1610",
                "T1611",
                "T1648",
                "T1651",
            ],
        }
    }
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for IncidentKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for IncidentKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownWord {
                what: "kind of incident",
            })
    }
}
