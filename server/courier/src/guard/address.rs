//! Which addresses are public. Everything else is somebody's inside: of the provider, of its
//! machines, of its neighbours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that anybody on the internet may be reached at.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    }
}

/// By the IANA registry of special-purpose addresses, and those of clouds' own services that lie
/// among the public ones.
fn v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b) {
        // This network, private, loopback.
        (0 | 10 | 127, _) => true,
        // Behind a carrier's translation; metadata of some clouds too.
        (100, 64..=127) => true,
        // Link-local, with most clouds' metadata.
        (169, 254) => true,
        (172, 16..=31) => true,
        (192, 168) => true,
        // Protocol assignments, documentation, relays of 6to4.
        (192, 0) => c == 0 || c == 2,
        (192, 88) => c == 99,
        // Benchmarks, documentation.
        (198, 18..=19) => true,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        // Multicast, reserved, broadcast.
        (224..=255, _) => true,
        _ => false,
    };
    // What a virtual machine in Azure reaches its host at.
    !special && ip != Ipv4Addr::new(168, 63, 129, 16)
}

/// Global unicast alone, without what carries another address in it: who reaches that one by a
/// translator or tunnel is not known here, so that the address within decides.
fn v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, ..] = ip.segments();
    if let Some(within) = ip.to_ipv4_mapped() {
        return v4(within);
    }
    // NAT64 with the well-known prefix.
    if [a, b, c, d] == [0x64, 0xff9b, 0, 0] && ip.segments().get(4..6) == Some(&[0, 0]) {
        let [.., w, x, y, z] = ip.octets();
        return v4(Ipv4Addr::new(w, x, y, z));
    }
    // 6to4.
    if a == 0x2002 {
        let ([w, x], [y, z]) = (b.to_be_bytes(), c.to_be_bytes());
        return v4(Ipv4Addr::new(w, x, y, z));
    }
    let global = (0x2000..=0x3fff).contains(&a);
    // Protocol assignments with Teredo, documentation (two blocks).
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || (a == 0x3fff && b < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_inside_is_not_public() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
            "3fff:0:1::1",
            "4000::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(inside)), "{inside}");
        }
    }

    #[test]
    fn what_is_outside_is_public() {
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "203.0.114.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2606:4700:4700::1111",
            "2001:200::1",
        ] {
            assert!(is_public(ip(outside)), "{outside}");
        }
    }

    proptest! {
        /// In whatever an address is wrapped, it is let through only if it is alone too.
        #[test]
        fn wrapping_hides_nothing(bits in any::<u32>(), tail in any::<u64>()) {
            let plain = Ipv4Addr::from(bits);
            let alone = is_public(plain.into());
            prop_assert_eq!(is_public(plain.to_ipv6_mapped().into()), alone);
            let nat64 = Ipv6Addr::from((0x0064_ff9b_u128 << 96) | u128::from(bits));
            prop_assert_eq!(is_public(nat64.into()), alone);
            let six = Ipv6Addr::from((0x2002_u128 << 112) | (u128::from(bits) << 80) | u128::from(tail));
            prop_assert_eq!(is_public(six.into()), alone);
        }
    }
}
