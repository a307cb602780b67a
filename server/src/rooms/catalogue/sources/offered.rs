//! How a tenant gets at each kind of records, and why. What it reads itself is measured; what it can
//! ask for is what the provider has registered. Pure.

use std::collections::BTreeMap;

use cordon_attack::{Access, Available, Platform, SourceType};
use cordon_kernel::db::timestamp;

use super::super::services::Service;
use super::measure::Seen;

/// The access to a kind of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) access: Access,
    /// The ids of the services whose records they are.
    pub(super) services: Vec<String>,
    /// Why, and what to do, in a sentence.
    pub(super) reason: String,
}

/// All kinds of records, with the access to each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offers(BTreeMap<SourceType, Offer>);

impl Offers {
    pub(super) fn new(services: &[Service], seen: &Seen) -> Self {
        let offers = SourceType::ALL
            .into_iter()
            .map(|kind| (kind, offer(kind, services, seen.events(kind), seen.since)));
        Self(offers.collect())
    }

    pub(super) fn get(&self, kind: SourceType) -> Option<&Offer> {
        self.0.get(&kind)
    }

    /// The same for ATT&CK's table.
    pub(super) fn available(&self, seen: &Seen, platforms: &[Platform]) -> Available {
        let mut available = Available::new();
        for (kind, offer) in &self.0 {
            available = available.with(*kind, offer.access);
        }
        for class in &seen.ocsf_classes {
            available = available.with_ocsf_class(*class);
        }
        match platforms {
            [] => available,
            platforms => available.on(platforms),
        }
    }
}

fn offer(kind: SourceType, services: &[Service], events: u64, since: i64) -> Offer {
    let of = |wanted: Access| {
        let fits = |service: &&Service| service.sources.contains(&(kind, wanted));
        let ids = services.iter().filter(fits).map(|one| one.id.to_string());
        ids.collect::<Vec<_>>()
    };
    let (direct, analysis, forensic) = (
        of(Access::Direct),
        of(Access::Analysis),
        of(Access::Forensic),
    );
    let since = timestamp(since);
    let (access, reason) = if events > 0 {
        (Access::Direct, "you have events of it".to_owned())
    } else if !analysis.is_empty() {
        let of = analysis.join(", ");
        let reason = format!("the provider has it of {of}: ask it to analyse it");
        (Access::Analysis, reason)
    } else if !forensic.is_empty() {
        let of = forensic.join(", ");
        let reason = format!("it is secured as evidence of {of}: make a forensic request");
        (Access::Forensic, reason)
    } else if !direct.is_empty() {
        let of = direct.join(", ");
        let reason = format!(
            "it is registered as yours of {of}, and no event of it came since {since}: ask why"
        );
        (Access::None, reason)
    } else {
        let reason = "you have no events of it, and none of your services is registered with it: \
             ask whether it can be had";
        (Access::None, reason.to_owned())
    };
    let mut services = [direct, analysis, forensic].concat();
    services.sort_unstable();
    Offer {
        access,
        services,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_attack::ServiceModel;
    use jiff::Timestamp;

    fn service(id: &str, access: Access) -> Service {
        Service {
            tenant: "acme".parse().unwrap(),
            id: id.parse().unwrap(),
            model: ServiceModel::Iaas,
            sources: vec![(SourceType::AwsVpcFlow, access)],
            created: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_came_counts_more_than_what_is_registered() {
        let services = [
            service("compute", Access::Forensic),
            service("network", Access::Analysis),
            service("storage", Access::Direct),
        ];
        let kind = SourceType::AwsVpcFlow;
        let of = |services: &[Service], events| {
            let offer = offer(kind, services, events, 0);
            (offer.access, offer.reason)
        };
        assert_eq!(of(&[], 1).0, Access::Direct);
        assert_eq!(of(&services, 1).0, Access::Direct);
        assert_eq!(of(&services, 0).0, Access::Analysis);
        assert!(of(&services, 0).1.contains("of network: ask"));
        assert_eq!(of(&services[..1], 0).0, Access::Forensic);
        let (access, reason) = of(&services[2..], 0);
        assert_eq!(access, Access::None);
        assert!(reason.contains("of storage, and no event"), "{reason}");
        assert_eq!(of(&[], 0).0, Access::None);
        let all = offer(kind, &services, 0, 0).services;
        assert_eq!(all, ["compute", "network", "storage"]);
        let other = offer(SourceType::LinuxAuth, &services, 0, 0);
        assert!(other.services.is_empty());
    }
}
