//! Two spellings of one question are one; what could name another tenant is no question.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::prelude::*;

use super::{address, day, key};
use crate::{Eligible, Evidence, Indicator, ProviderRanges, Refused};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

proptest! {
    #[test]
    fn an_addresss_canonical_form_is_its_own(bits: u128, v4: bool) {
        let ip = if v4 {
            IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
        } else {
            // Most of all addresses are not public: half of the tries are.
            IpAddr::V6(Ipv6Addr::from_bits(bits >> 3 | 1 << 125))
        };
        if let Ok(once) = Indicator::address(ip) {
            let canonical = once.to_string();
            let net: IpNet = canonical.strip_prefix("address ").unwrap().parse().unwrap();
            prop_assert_eq!(Indicator::address(net.addr()).unwrap(), once);
            prop_assert!(net.contains(&ip.to_canonical()));
        }
    }

    #[test]
    fn spellings_have_one_tag_and_one_noise(bits: u32) {
        let ip = Ipv4Addr::from_bits(bits);
        let plain = Indicator::parse_address(&ip.to_string());
        let mapped = Indicator::parse_address(&format!("::ffff:{ip}"));
        let hexadecimal = Indicator::parse_address(
            &format!("0:0:0:0:0:FFFF:{:X}:{:x}", bits >> 16, bits & 0xffff),
        );
        prop_assert_eq!(&plain, &mapped);
        prop_assert_eq!(&plain, &hexadecimal);
        if let (Ok(one), Ok(other)) = (plain, hexadecimal) {
            prop_assert_eq!(key(3).tag(&one), key(3).tag(&other));
            prop_assert_eq!(key(3).noise(&one.to_string()), key(3).noise(&other.to_string()));
        }
    }

    #[test]
    fn any_text_is_taken_or_refused(text: String) {
        let _ = Indicator::parse_address(&text);
        let _ = Indicator::parse_file_sha256(&text);
    }

    #[test]
    fn a_hash_has_no_case(bytes: [u8; 32]) {
        let lower = hex::encode(bytes);
        let one = Indicator::parse_file_sha256(&lower).unwrap();
        prop_assert_eq!(one, Indicator::parse_file_sha256(&lower.to_uppercase()).unwrap());
        prop_assert_eq!(one.to_string(), format!("file.sha256 {lower}"));
    }

    #[test]
    fn ranges_overlap_as_if_looked_at_one_by_one(
        declared in proptest::collection::vec((0_u32..64, 24_u8..=32), 0..12),
        asked in (0_u32..64, 24_u8..=32),
    ) {
        let net = |(low, length): (u32, u8)| -> IpNet {
            let ip = Ipv4Addr::from_bits(0xcb00_7100 | low << 4);
            IpNet::new(ip.into(), length).unwrap().trunc()
        };
        let nets: Vec<IpNet> = declared.into_iter().map(net).collect();
        let asked = net(asked);
        let plainly = nets.iter().any(|of| of.contains(&asked) || asked.contains(of));
        prop_assert_eq!(ProviderRanges::new(nets).overlaps(asked), plainly);
    }
}

#[test]
fn addresses_of_one_ipv6_network_are_one_question() {
    assert_eq!(address("2001:db8:1:2::a"), address("2001:0DB8:1:2:ffff::1"));
    assert_ne!(address("2001:db8:1:2::a"), address("2001:db8:1:3::a"));
    assert_eq!(
        address("2001:db8:1:2::a").to_string(),
        "address 2001:db8:1:2::/64"
    );
}

#[test]
fn what_is_no_public_address_is_refused() {
    for text in [
        "10.0.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:10.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "64:ff9b::cb00:7101",
        "2002:cb00:7101::1",
        "2001::1",
    ] {
        assert_eq!(
            Indicator::parse_address(text),
            Err(Refused::NotPublic),
            "{text}"
        );
    }
}

#[test]
fn networks_and_short_hashes_are_no_questions() {
    let reason = |of: Result<Indicator, Refused>| of.unwrap_err().reason();
    for text in [
        "203.0.113.0/24",
        "203.0.113.7/32",
        "",
        "example.com",
        "203.0.113.07",
    ] {
        assert_eq!(
            reason(Indicator::parse_address(text)),
            "QUESTION_MALFORMED",
            "{text}"
        );
    }
    for text in [&EMPTY[..40], &EMPTY[..32], "", &EMPTY.replace('e', "g")] {
        assert_eq!(
            reason(Indicator::parse_file_sha256(text)),
            "QUESTION_MALFORMED"
        );
    }
}

#[test]
fn the_providers_ranges_are_not_asked_about() {
    let ranges = ProviderRanges::new(
        ["198.51.100.0/24", "2001:db8:9::/80", "::ffff:192.0.2.0/120"]
            .map(|text| text.parse().unwrap()),
    );
    // The /64 of the last holds addresses of the provider's, though it is not one itself.
    for text in [
        "198.51.100.9",
        "::ffff:198.51.100.9",
        "192.0.2.1",
        "2001:db8:9:0:1::1",
    ] {
        let indicator = address(text);
        let evidence = Some(Evidence {
            indicator,
            seen: day(6),
        });
        let refused = Eligible::<Indicator>::check(indicator, day(6), evidence, &ranges);
        assert_eq!(refused.unwrap_err(), Refused::ProviderRange, "{text}");
    }
    assert!(!address("203.0.113.9").in_ranges(&ranges));
}

#[test]
fn only_what_one_has_seen_lately_is_asked_about() {
    let (own, other) = (address("203.0.113.9"), address("203.0.113.10"));
    let check = |evidence| {
        Eligible::<Indicator>::check(own, day(10), evidence, &ProviderRanges::default()).map(drop)
    };
    let seen = |indicator, on| {
        Some(Evidence {
            indicator,
            seen: day(on),
        })
    };
    assert_eq!(check(None), Err(Refused::NotSeen));
    assert_eq!(check(seen(other, 10)), Err(Refused::NotSeen));
    assert_eq!(check(seen(own, 3)), Err(Refused::NotSeen));
    assert_eq!(check(seen(own, 4)), Ok(()));
    assert_eq!(check(seen(own, 11)), Ok(()));
}
