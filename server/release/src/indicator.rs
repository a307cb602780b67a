//! What can be asked for across tenants: public addresses outside the provider's ranges, and
//! hashes of files. Nothing else, as it must not name another tenant: user names, access keys,
//! domains, resources and accounts may. Two spellings of one thing are one [`Indicator`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::Refused;
use crate::ranges::ProviderRanges;

/// One thing seen in events, normalised. Its [`Display`](fmt::Display) is the canonical form,
/// over which tags and noise are computed: `address 192.0.2.1/32`, `address 2001:db8:1:2::/64`,
/// `file.sha256 9f86…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Indicator(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Address(IpNet),
    FileSha256([u8; 32]),
}

/// Who has one address of an IPv6 network of this length has all of it: hosts change theirs
/// within it by themselves, so that single addresses are never seen twice.
const IPV6_LENGTH: u8 = 64;

impl Indicator {
    /// A network address. IPv4-mapped IPv6 is the IPv4 address; other IPv6 stands for its /64.
    ///
    /// # Errors
    /// [`Refused::NotPublic`] for private, reserved, multicast and carriers' addresses, and for
    /// IPv6 addresses that carry an IPv4 address in them (NAT64, 6to4, Teredo).
    pub fn address(ip: IpAddr) -> Result<Self, Refused> {
        let net = match ip.to_canonical() {
            IpAddr::V4(ip) if public_v4(ip) => Ipv4Net::from(ip).into(),
            IpAddr::V6(ip) if public_v6(ip) => Ipv6Net::new(ip, IPV6_LENGTH)
                .map_err(|_| Refused::NotPublic)?
                .trunc()
                .into(),
            _ => return Err(Refused::NotPublic),
        };
        Ok(Self(Kind::Address(net)))
    }

    /// A network address as text, in any of its spellings.
    ///
    /// # Errors
    /// [`Refused::Malformed`] for what is no address; a prefix is none, as two prefixes may hold
    /// the same address and each answer would cost its privacy again. Else as
    /// [`Indicator::address`].
    pub fn parse_address(text: &str) -> Result<Self, Refused> {
        let ip: IpAddr = text.parse().map_err(|_| {
            Refused::Malformed(
                "expected one IPv4 or IPv6 address, as in 192.0.2.1; a network can't be asked for",
            )
        })?;
        Self::address(ip)
    }

    /// The SHA-256 of a file's content, in hexadecimal of either case.
    ///
    /// # Errors
    /// [`Refused::Malformed`] for anything else. MD5 and SHA-1 are refused, as one file would be
    /// three questions, each of which costs its privacy again.
    pub fn parse_file_sha256(text: &str) -> Result<Self, Refused> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| {
            Refused::Malformed(
                "expected a SHA-256: 64 hexadecimal digits; other hashes can't be asked for",
            )
        })?;
        Ok(Self(Kind::FileSha256(hash)))
    }

    /// Whether it may be an address of the provider's, and so another customer's.
    #[must_use]
    pub fn in_ranges(&self, ranges: &ProviderRanges) -> bool {
        match self.0 {
            Kind::Address(net) => ranges.overlaps(net),
            Kind::FileSha256(_) => false,
        }
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Address(net) => write!(f, "address {net}"),
            Kind::FileSha256(hash) => write!(f, "file.sha256 {}", hex::encode(hash)),
        }
    }
}

/// Unlike the guard of what the server sends out, this lets documentation addresses pass: no
/// packet comes from them, and exercises use them.
fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b) {
        // This network, private, loopback; multicast, reserved, broadcast.
        (0 | 10 | 127 | 224..=255, _) => true,
        // Behind a carrier's translation, link-local, private, benchmarks.
        (100, 64..=127) | (169, 254) | (172, 16..=31) | (192, 168) | (198, 18..=19) => true,
        // Protocol assignments, relays of 6to4.
        (192, 0) => c == 0,
        (192, 88) => c == 99,
        _ => false,
    };
    !special
}

/// Global unicast alone. An address that carries an IPv4 address is refused rather than
/// understood: it would be a second spelling of that one.
fn public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let global = a & 0xe000 == 0x2000;
    // Teredo and 6to4; the translators' 64:ff9b::/96 is not among the global ones.
    let carries = (a == 0x2001 && b == 0) || a == 0x2002;
    global && !carries
}
