//! What events call a thing, in its one spelling.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Longest identifier, in bytes; the longest ARN has 2,048.
const MAX_IDENTIFIER: usize = 2_048;

/// What kind of thing an identifier names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Kind {
    Arn,
    Instance,
    Address,
    Other,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Arn, Self::Instance, Self::Address, Self::Other];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Arn => "arn",
            Self::Instance => "instance",
            Self::Address => "address",
            Self::Other => "other",
        }
    }
}

impl FromStr for Kind {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or("expected arn, instance, address or other")
    }
}

/// An identifier of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) struct Identifier {
    kind: Kind,
    text: String,
}

impl Identifier {
    /// Checks the identifier and brings an address into its canonical spelling.
    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, &'static str> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= MAX_IDENTIFIER
                && text == text.trim()
                && !text.chars().any(char::is_control)
        };
        let text = match kind {
            Kind::Address => network(text)?.1,
            Kind::Arn
                if plain(text) && text.splitn(6, ':').count() == 6 && text.starts_with("arn:") =>
            {
                text.to_owned()
            }
            Kind::Arn => return Err("expected arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"),
            Kind::Instance if plain(text) && !text.contains(char::is_whitespace) => text.to_owned(),
            Kind::Instance => return Err("expected an instance id such as i-0123456789abcdef0"),
            Kind::Other if plain(text) => text.to_owned(),
            Kind::Other => {
                return Err("expected 1 to 2,048 bytes of text without control characters");
            }
        };
        Ok(Self { kind, text })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The network that an address is, a single address being the smallest.
    pub(super) fn network(&self) -> Option<IpNet> {
        match self.kind {
            Kind::Address => network(&self.text).ok().map(|(net, _)| net),
            Kind::Arn | Kind::Instance | Kind::Other => None,
        }
    }
}

/// Reads an address or a CIDR block, IPv4 within IPv6 as IPv4, and gives the canonical spelling.
pub(in super::super) fn network(text: &str) -> Result<(IpNet, String), &'static str> {
    const EXPECTED: &str =
        "expected an IPv4 or IPv6 address or CIDR block, such as 10.1.2.3 or 10.0.0.0/8";
    if let Ok(ip) = text.parse::<IpAddr>() {
        let ip = ip.to_canonical();
        return Ok((IpNet::from(ip), ip.to_string()));
    }
    let net: IpNet = text.parse().map_err(|_| EXPECTED)?;
    if net.trunc() != net {
        return Err("the address has bits set beyond the prefix: name the network itself");
    }
    if let IpNet::V6(v6) = net
        && v6.prefix_len() >= 96
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Err("write an IPv4 network as IPv4");
    }
    if net.prefix_len() == net.max_prefix_len() {
        return Ok((net, net.addr().to_string()));
    }
    Ok((net, net.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, text: &str) -> Option<String> {
        Identifier::parse(kind.parse().unwrap(), text)
            .ok()
            .map(|i| i.as_str().to_owned())
    }

    #[test]
    fn addresses_have_one_spelling() {
        let table = [
            ("10.1.2.3", Some("10.1.2.3")),
            ("10.1.2.3/32", Some("10.1.2.3")),
            ("::ffff:10.1.2.3", Some("10.1.2.3")),
            ("2001:DB8:0::1", Some("2001:db8::1")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("10.0.0.1/8", None),
            ("::ffff:10.0.0.0/104", None),
            ("10.0.0", None),
            ("10.0.0.0/33", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse("address", text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn other_identifiers_are_checked() {
        assert!(parse("arn", "arn:aws:s3:::bucket").is_some());
        assert!(parse("arn", "arn:aws:s3").is_none());
        assert!(parse("instance", "i-1").is_some());
        assert!(parse("instance", "i 1").is_none());
        assert!(parse("other", "a b").is_some());
        for bad in ["", " a", "a\u{0}", &"x".repeat(2_049)] {
            assert!(parse("other", bad).is_none(), "{bad:?}");
        }
        assert!("vm".parse::<Kind>().is_err());
    }
}
