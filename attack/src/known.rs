//! What is known of a source before anything comes of it, reviewed by hand: of which services it
//! tells, what its events are, and what it does not tell though one might think so.

use serde::Serialize;

use crate::SourceType;

/// What is bought, as seen from who runs what (NIST SP 800-145).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceModel {
    /// Infrastructure: machines, networks, storage.
    Iaas,
    /// Platforms: databases, clusters, functions.
    Paas,
    /// Software.
    Saas,
}

impl ServiceModel {
    /// All models.
    pub const ALL: [Self; 3] = [Self::Iaas, Self::Paas, Self::Saas];

    /// The name users write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iaas => "iaas",
            Self::Paas => "paas",
            Self::Saas => "saas",
        }
    }
}

/// What is known of a source type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// For people.
    pub title: &'static str,
    /// Of which models of services it tells.
    pub service_models: &'static [ServiceModel],
    /// The OCSF classes (`class_uid`) of its events; empty where the source says so itself.
    pub class_uids: &'static [u32],
    /// The columns of events that it fills where its record has them, as filters name them. Time,
    /// class, activity, severity, status, source and event id are there of all.
    pub fields: &'static [&'static str],
    /// What it does not tell, a sentence each.
    pub blind_spots: &'static [&'static str],
}

/// Who did what to what, from where.
const CALLS: &[&str] = &[
    "account",
    "region",
    "service",
    "operation",
    "actor",
    "src_ip",
    "resources",
];

/// The same with both ends of a connection.
const ENDS: &[&str] = &[
    "account",
    "region",
    "service",
    "operation",
    "actor",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "resources",
];

impl SourceType {
    /// What is known of it.
    #[must_use]
    pub const fn known(self) -> Known {
        use ServiceModel::{Iaas, Paas, Saas};
        match self {
            Self::AwsCloudTrail => Known {
                title: "AWS CloudTrail",
                service_models: &[Iaas, Paas],
                class_uids: &[3001, 3002, 6003],
                fields: CALLS,
                blind_spots: &[
                    "Reads and writes of objects and invocations of functions only where data events are logged.",
                    "Nothing of what happens within a machine or a connection.",
                ],
            },
            Self::AwsVpcFlow => Known {
                title: "VPC flow logs",
                service_models: &[Iaas],
                class_uids: &[4001],
                fields: &[
                    "account",
                    "region",
                    "operation",
                    "src_ip",
                    "src_port",
                    "dst_ip",
                    "dst_port",
                    "resources",
                ],
                blind_spots: &[
                    "No contents and no names, only ends and volumes of flows.",
                    "Nothing of queries to the provider's resolver, of metadata requests and of DHCP.",
                ],
            },
            Self::AwsGuardDuty => Known {
                title: "Amazon GuardDuty",
                service_models: &[Iaas, Paas],
                class_uids: &[2004],
                fields: ENDS,
                blind_spots: &[
                    "Only what its detectors find: no finding is no proof that nothing happened.",
                    "Findings come minutes after what they are about, and repeat for hours as one.",
                ],
            },
            Self::Ocsf => Known {
                title: "OCSF events",
                service_models: &[Iaas, Paas, Saas],
                class_uids: &[],
                fields: ENDS,
                blind_spots: &[
                    "What it tells depends on who sends it: look at the classes of the events that came.",
                ],
            },
            Self::GcpAudit => Known {
                title: "Google Cloud audit logs",
                service_models: &[Iaas, Paas, Saas],
                class_uids: &[3001, 3002, 6003],
                fields: CALLS,
                blind_spots: &[
                    "Reads of data only where Data Access logs are switched on for the service.",
                    "The caller's address is left out where Google makes the call for somebody.",
                ],
            },
            Self::AzureActivity => Known {
                title: "Azure activity and resource logs",
                service_models: &[Iaas, Paas],
                class_uids: &[3001, 6003],
                fields: &[
                    "account",
                    "region",
                    "service",
                    "operation",
                    "actor",
                    "src_ip",
                    "src_port",
                    "resources",
                ],
                blind_spots: &[
                    "No reads of the control plane.",
                    "Reads and writes of data only where a diagnostic setting sends resource logs.",
                ],
            },
            Self::AzureSignIn => Known {
                title: "Microsoft Entra sign-in and audit logs",
                service_models: &[Paas, Saas],
                class_uids: &[3001, 3002, 6003],
                fields: &[
                    "account",
                    "service",
                    "operation",
                    "actor",
                    "src_ip",
                    "src_port",
                    "resources",
                ],
                blind_spots: &[
                    "What an application does with its token once it has one.",
                    "Sign-ins without a user, by applications and by refreshed tokens, only where their logs are sent too.",
                ],
            },
            Self::K8sAudit => Known {
                title: "Kubernetes audit log",
                service_models: &[Paas],
                class_uids: &[3001, 3002, 6003],
                fields: CALLS,
                blind_spots: &[
                    "What runs within a container, and what is typed in an `exec` session.",
                    "How much of a request is there depends on the cluster's audit policy.",
                ],
            },
            Self::OpenStackNotification => Known {
                title: "OpenStack notifications",
                service_models: &[Iaas],
                class_uids: &[3001, 3002, 6003],
                fields: &[
                    "account",
                    "service",
                    "operation",
                    "actor",
                    "src_ip",
                    "resources",
                ],
                blind_spots: &[
                    "No reads, and calls that were refused only of services that notify of them.",
                    "The caller's address only where the service passes it on.",
                ],
            },
            Self::LinuxAuth => Known {
                title: "Linux authentication log",
                service_models: &[Iaas],
                class_uids: &[1007, 3001, 3002, 3006],
                fields: &[
                    "account",
                    "service",
                    "operation",
                    "actor",
                    "src_ip",
                    "src_port",
                    "dst_ip",
                    "dst_port",
                    "resources",
                ],
                blind_spots: &[
                    "Whoever is root on the machine can change it before it is sent.",
                    "What is run after a sign-in, but for what goes through sudo.",
                ],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Platform;

    #[test]
    fn every_source_is_described() {
        for source in SourceType::ALL {
            let known = source.known();
            assert!(!known.title.is_empty() && !known.blind_spots.is_empty());
            assert!(known.class_uids.is_sorted() && known.service_models.is_sorted());
            assert_eq!(known.class_uids.is_empty(), source == SourceType::Ocsf);
            assert!(known.fields.contains(&"operation"), "{source}");
            for spot in known.blind_spots {
                assert!(spot.ends_with('.'), "{spot}");
            }
            // Both say of which services it tells.
            let saas = source.platforms().contains(&Platform::SaaS);
            assert!(!saas || known.service_models.contains(&ServiceModel::Saas));
        }
    }

    #[test]
    fn models_have_names() {
        let names = ServiceModel::ALL.map(ServiceModel::as_str);
        assert_eq!(names, ["iaas", "paas", "saas"]);
    }
}
