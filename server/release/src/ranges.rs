//! The address ranges that the provider declared as its own. What lies in them may be another
//! customer's, and is neither contributed nor answered about.

use std::net::IpAddr;

use ipnet::IpNet;

/// The provider's ranges, ready to be asked often.
#[derive(Debug, Clone, Default)]
pub struct ProviderRanges {
    /// Disjoint, in the order of [`key`].
    nets: Vec<IpNet>,
}

/// IPv4 before IPv6, then by address.
fn key(net: &IpNet) -> (bool, IpAddr) {
    (matches!(net, IpNet::V6(_)), net.network())
}

impl ProviderRanges {
    /// The ranges as declared, in any order, overlapping or not. A range in the form of
    /// IPv4-mapped IPv6 means the IPv4 range within.
    #[must_use]
    pub fn new(ranges: impl IntoIterator<Item = IpNet>) -> Self {
        let declared: Vec<IpNet> = ranges.into_iter().map(unmapped).collect();
        let mut nets = IpNet::aggregate(&declared);
        nets.sort_by_key(key);
        Self { nets }
    }

    /// Whether any address of the network lies in a range.
    #[must_use]
    pub fn overlaps(&self, net: IpNet) -> bool {
        let net = unmapped(net);
        // Networks are disjoint or one holds the other, so the two neighbours in order suffice.
        let after = self.nets.partition_point(|range| key(range) <= key(&net));
        let before = after.checked_sub(1).and_then(|at| self.nets.get(at));
        before.is_some_and(|range| range.contains(&net) || net.contains(range))
            || self
                .nets
                .get(after)
                .is_some_and(|range| net.contains(range))
    }
}

fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else {
        return net.trunc();
    };
    let within = v6.network().to_ipv4_mapped();
    match (within, v6.prefix_len().checked_sub(96)) {
        (Some(ip), Some(length)) => {
            ipnet::Ipv4Net::new(ip, length).map_or(net, |net| IpNet::V4(net.trunc()))
        }
        _ => net.trunc(),
    }
}
