//! What a tenant can look into, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::Platform;

/// A kind of records that Cordon takes in, by the name that its sources are registered under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceType {
    /// AWS CloudTrail.
    AwsCloudTrail,
    /// Flow logs of an Amazon VPC.
    AwsVpcFlow,
    /// Findings of Amazon GuardDuty.
    AwsGuardDuty,
    /// Events that are OCSF already; what they tell depends on their classes.
    Ocsf,
    /// Google Cloud audit logs.
    GcpAudit,
    /// The Azure activity log, and logs of resources.
    AzureActivity,
    /// Sign-in and audit logs of Microsoft Entra ID.
    AzureSignIn,
    /// The audit log of a Kubernetes API server.
    K8sAudit,
    /// Notifications of OpenStack's services.
    OpenStackNotification,
    /// What Linux hosts log of authentication: `auth.log`, `secure`.
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

    /// Where its records are from. What analytics for other platforms need, it does not tell,
    /// unless they name it.
    #[must_use]
    pub const fn platforms(self) -> &'static [Platform] {
        match self {
            Self::AwsCloudTrail | Self::GcpAudit | Self::OpenStackNotification => {
                &[Platform::IaaS, Platform::IdentityProvider]
            }
            Self::AwsVpcFlow | Self::AzureActivity => &[Platform::IaaS],
            Self::AwsGuardDuty => &[Platform::IaaS, Platform::Containers],
            Self::Ocsf => &Platform::ALL,
            Self::AzureSignIn => &[
                Platform::IaaS,
                Platform::SaaS,
                Platform::IdentityProvider,
                Platform::OfficeSuite,
            ],
            Self::K8sAudit => &[Platform::Containers],
            Self::LinuxAuth => &[Platform::Linux],
        }
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SourceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A name that nobody defined. The text is not repeated: it may be anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}")]
pub struct UnknownWord {
    /// What was expected.
    pub what: &'static str,
}

impl FromStr for SourceType {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or(UnknownWord {
                what: "source type",
            })
    }
}

/// How a tenant gets at what a source says. The later is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Access {
    /// Not at all.
    #[default]
    None,
    /// Out of evidence, by a forensic request.
    Forensic,
    /// The provider analyses it and answers questions about it.
    Analysis,
    /// The tenant reads it itself, through Cordon.
    Direct,
}

impl Access {
    /// All, the best first.
    pub const ALL: [Self; 4] = [Self::Direct, Self::Analysis, Self::Forensic, Self::None];

    /// The name users write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Forensic => "forensic",
            Self::Analysis => "analysis",
            Self::Direct => "direct",
        }
    }

    /// One letter for a cell of a table.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::None => "-",
            Self::Forensic => "F",
            Self::Analysis => "A",
            Self::Direct => "D",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Access {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|access| access.as_str() == text)
            .ok_or(UnknownWord {
                what: "kind of access",
            })
    }
}

/// What is offered to a tenant: which sources, how it gets at each, and where it has something
/// running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    access: BTreeMap<SourceType, Access>,
    ocsf_classes: BTreeSet<u32>,
    platforms: Vec<Platform>,
}

impl Default for Available {
    fn default() -> Self {
        Self {
            access: BTreeMap::new(),
            ocsf_classes: BTreeSet::new(),
            platforms: Platform::CLOUD.to_vec(),
        }
    }
}

impl Available {
    /// Nothing yet, on [`Platform::CLOUD`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source. Of several of one type the best access counts. One with
    /// [`Access::None`] is there to be had: it is ranked, and covers nothing.
    #[must_use]
    pub fn with(mut self, source: SourceType, access: Access) -> Self {
        let best = self.access.entry(source).or_default();
        *best = access.max(*best);
        self
    }

    /// Adds a class (`class_uid`) of the events that come as [`SourceType::Ocsf`].
    #[must_use]
    pub fn with_ocsf_class(mut self, class_uid: u32) -> Self {
        self.ocsf_classes.insert(class_uid);
        self
    }

    /// Says where the tenant has something running: analytics for other platforms are not asked.
    #[must_use]
    pub fn on(mut self, platforms: &[Platform]) -> Self {
        self.platforms = platforms.to_vec();
        self
    }

    /// The sources and how the tenant gets at them, by source type.
    pub fn offered(&self) -> impl Iterator<Item = (SourceType, Access)> + '_ {
        self.access
            .iter()
            .map(|(source, access)| (*source, *access))
    }

    /// How the tenant gets at a source.
    #[must_use]
    pub fn access(&self, source: SourceType) -> Access {
        self.access.get(&source).copied().unwrap_or_default()
    }

    /// Whose analytics are asked.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// The classes of the events that come as OCSF.
    #[must_use]
    pub const fn ocsf_classes(&self) -> &BTreeSet<u32> {
        &self.ocsf_classes
    }
}
