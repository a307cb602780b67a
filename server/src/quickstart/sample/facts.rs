//! What the sample's provider states about its infrastructure, and what its tenants use.

use cordon_client::{
    Access, FactAudience, FactKind, NewFact, Service, ServiceModel, ServiceSource,
};

/// A service that a tenant of the sample uses.
#[derive(Debug)]
pub struct Used {
    /// By whom.
    pub tenant: &'static str,
    /// Its id.
    pub id: &'static str,
    /// The kinds of its records, and how the tenant gets at them.
    pub sources: &'static [(&'static str, Access)],
}

/// The services of the sample.
pub const SERVICES: [Used; 3] = [
    Used {
        tenant: "acme",
        id: "compute",
        sources: &[
            ("aws.cloudtrail", Access::Direct),
            ("aws.vpcflow", Access::Direct),
            ("linux.auth", Access::Forensic),
        ],
    },
    Used {
        tenant: "acme",
        id: "object-storage",
        sources: &[("aws.cloudtrail", Access::Direct)],
    },
    Used {
        tenant: "globex",
        id: "compute",
        sources: &[
            ("aws.cloudtrail", Access::Direct),
            ("aws.vpcflow", Access::Direct),
        ],
    },
];

impl Used {
    /// As it is registered.
    #[must_use]
    pub fn service(&self) -> Service {
        let sources = self
            .sources
            .iter()
            .map(|(source_type, access)| ServiceSource {
                source_type: (*source_type).to_owned(),
                access: (*access).into(),
            });
        Service {
            service_model: ServiceModel::Iaas.into(),
            sources: sources.collect(),
            ..Service::default()
        }
    }
}

/// What is stated, in the order in which it is published.
#[must_use]
pub fn facts() -> Vec<NewFact> {
    let compute = || FactAudience::Service("compute".to_owned());
    vec![
        fact(
            FactKind::Regions,
            FactAudience::Everyone,
            "",
            "One region with three zones",
            "eu-central-1 has the zones a, b and c, each a building of its own. Backups stay in the region.",
        ),
        fact(
            FactKind::Isolation,
            compute(),
            "compute",
            "Machines of several tenants share hosts",
            "Hosts run KVM. Cores are not shared between tenants at one time; memory is not deduplicated. \
             Dedicated hosts are had on request.",
        ),
        fact(
            FactKind::ForensicCapabilities,
            compute(),
            "compute",
            "Disks and memory can be secured",
            "Disks as raw images while the machine runs, memory as an ELF dump with a pause of some seconds. \
             Local disks of hosts are out of reach once a machine has moved.",
        ),
        fact(
            FactKind::Contacts,
            FactAudience::Tenant("acme".to_owned()),
            "",
            "Your contact in an incident",
            "The security desk, around the clock: desk@provider.example, +49 30 000000.",
        ),
    ]
}

fn fact(kind: FactKind, audience: FactAudience, service: &str, title: &str, text: &str) -> NewFact {
    NewFact {
        kind,
        audience,
        service: service.to_owned(),
        region: String::new(),
        title: title.to_owned(),
        text: text.to_owned(),
        valid_from: None,
        valid_to: None,
    }
}
