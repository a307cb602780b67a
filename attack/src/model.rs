//! What ATT&CK has names for.

use serde::Serialize;

use crate::SourceType;

/// Where a technique is used, or an analytic looks.
///
/// <https://attack.mitre.org/matrices/enterprise/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Platform {
    /// Virtual machines, networks and services of a cloud.
    IaaS,
    /// Applications of others.
    SaaS,
    /// Who issues identities, such as Entra ID.
    #[serde(rename = "Identity Provider")]
    IdentityProvider,
    /// Mail and documents of others.
    #[serde(rename = "Office Suite")]
    OfficeSuite,
    /// Containers and what orchestrates them.
    Containers,
    /// The hypervisor of that name. In a cloud, the provider's side.
    #[serde(rename = "ESXi")]
    Esxi,
    /// Linux.
    Linux,
    /// macOS.
    #[serde(rename = "macOS")]
    MacOs,
    /// Windows.
    Windows,
    /// Routers, switches, firewalls.
    #[serde(rename = "Network Devices")]
    NetworkDevices,
}

impl Platform {
    /// All platforms.
    pub const ALL: [Self; 10] = [
        Self::IaaS,
        Self::SaaS,
        Self::IdentityProvider,
        Self::OfficeSuite,
        Self::Containers,
        Self::Esxi,
        Self::Linux,
        Self::MacOs,
        Self::Windows,
        Self::NetworkDevices,
    ];

    /// What a cloud's customer runs and can have records of. Analytics of the table are for
    /// these and for [`Platform::Esxi`].
    pub const CLOUD: [Self; 3] = [Self::IaaS, Self::IdentityProvider, Self::Containers];

    /// ATT&CK's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IaaS => "IaaS",
            Self::SaaS => "SaaS",
            Self::IdentityProvider => "Identity Provider",
            Self::OfficeSuite => "Office Suite",
            Self::Containers => "Containers",
            Self::Esxi => "ESXi",
            Self::Linux => "Linux",
            Self::MacOs => "macOS",
            Self::Windows => "Windows",
            Self::NetworkDevices => "Network Devices",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// What an attacker is after: a column of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tactic {
    /// As in `TA0005`.
    pub id: &'static str,
    /// As in `defense-evasion`.
    pub short_name: &'static str,
    /// As in `Defense Evasion`.
    pub name: &'static str,
}

/// A kind of data that a source may record, such as the creation of snapshots.
///
/// <https://attack.mitre.org/datacomponents/>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataComponent {
    /// As in `DC0057`.
    pub id: &'static str,
    /// As in `Snapshot Creation`.
    pub name: &'static str,
    /// Names of the log sources that record it, by ATT&CK, on all platforms; sorted.
    #[serde(skip)]
    pub log_sources: Vec<&'static str>,
    /// Sensors that record it, by the Sensor Mappings to ATT&CK: `Auditd`, `CloudTrail`, `Zeek`.
    #[serde(skip)]
    pub sensors: Vec<&'static str>,
    /// Source types of Cordon among those two; sorted.
    #[serde(skip)]
    pub(crate) listed: Vec<SourceType>,
}

/// Where an analytic looks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LogSource {
    /// As in `AWS:CloudTrail`.
    pub name: &'static str,
    /// What to look for there, such as names of calls; `None` where ATT&CK says no more.
    pub channel: &'static str,
}

/// That an analytic needs a component from a log source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The analytic, as in `AN0842`.
    pub analytic: &'static str,
    /// The platform that the analytic is for.
    pub platform: Platform,
    /// The id of the component.
    pub component: &'static str,
    /// Where to look.
    pub log_source: LogSource,
    /// The source type of Cordon that this is; none if nothing records it through Cordon.
    pub source: Option<SourceType>,
}

/// Something that attackers do; a sub-technique's id has a dot.
///
/// <https://attack.mitre.org/techniques/enterprise/>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// As in `T1562.008`.
    pub id: &'static str,
    /// As in `Disable or Modify Cloud Logs`.
    pub name: &'static str,
    /// Short names of its tactics; sorted.
    pub tactics: Vec<&'static str>,
    /// Where it is used.
    pub platforms: Vec<Platform>,
    /// What its analytics need; empty where ATT&CK has none for the platforms of the table.
    #[serde(skip)]
    pub references: Vec<Reference>,
}

impl Technique {
    /// Whether it is the technique of that id or a sub-technique of it.
    #[must_use]
    pub fn is_within(&self, id: &str) -> bool {
        self.id
            .strip_prefix(id)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The ids of the components that its analytics for these platforms need; sorted.
    #[must_use]
    pub fn components(&self, platforms: &[Platform]) -> Vec<&'static str> {
        let asked = self
            .references
            .iter()
            .filter(|one| platforms.contains(&one.platform));
        let mut ids: Vec<_> = asked.map(|one| one.component).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
