//! Finding identities in text by their form: account ids, ARNs, principal and access key
//! ids, addresses.

use std::borrow::Cow;
use std::net::IpAddr;

/// The account part of ARNs of what AWS manages for everybody.
pub const AWS_MANAGED: &str = "aws";

/// A name shorter than this is looked for only where it is the whole text.
pub const SHORTEST_NAME: usize = 3;

/// An id of this length is found even inside a longer word.
pub const UNMISTAKABLE: usize = 12;

/// Fewer letters than this may be a name that looks like a mask.
const SHORTEST_MASK: usize = 4;

/// A principal or access key id is no shorter than this.
const SHORTEST_UNIQUE_ID: usize = 16;

/// More than the longest address takes as text.
const LONGEST_ADDRESS: usize = 64;

/// Length of an AWS account id.
const ACCOUNT_DIGITS: usize = 12;

/// Whether the text has the form of an AWS account id.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text, where an identity is expected, names nobody: empty, a placeholder of
/// the source, or masked throughout.
#[must_use]
pub fn is_nobody(text: &str) -> bool {
    const PLACEHOLDERS: [&str; 8] = [
        "-",
        "anonymous",
        "anonymous_principal",
        "aws internal",
        "hidden_due_to_security_reasons",
        "null",
        "none",
        "aws",
    ];
    let masked = |byte| matches!(byte, b'*' | b'x' | b'X' | b'#' | b'-');
    text.is_empty()
        || PLACEHOLDERS
            .iter()
            .any(|placeholder| text.eq_ignore_ascii_case(placeholder))
        || (text.len() >= SHORTEST_MASK && text.bytes().all(masked))
}

/// The account that a field names as a party, or `None` if it names nobody, or somebody
/// who was masked in part. Text of another form than twelve digits is an identity all the
/// same: whose, nobody can say.
#[must_use]
pub fn party_account(text: &str) -> Option<&str> {
    let text = text.trim();
    (is_account(text) || !(is_nobody(text) || text.contains('*'))).then_some(text)
}

/// The cloud of accounts that name none: the first that there was.
pub const AWS: &str = "aws";

/// The id by which the directory knows an account: with its cloud in front. One without a
/// cloud is AWS's.
#[must_use]
pub fn directory_account(id: &str) -> Cow<'_, str> {
    if id.contains(':') {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(["aws:", id].concat())
    }
}

/// The same in a record of one cloud, which names no account of another cloud whatever it
/// says. Only where the cloud is AWS an id may name another: such records (OCSF) come from
/// all clouds.
#[must_use]
pub fn cloud_account<'t>(cloud: &str, id: &'t str) -> Cow<'t, str> {
    let own = id
        .strip_prefix(cloud)
        .is_some_and(|rest| rest.starts_with(':'));
    if cloud == AWS {
        directory_account(id)
    } else if own {
        Cow::Borrowed(id)
    } else {
        Cow::Owned([cloud, ":", id].concat())
    }
}

/// An account id that was written as a number and so lost its leading zeros.
#[must_use]
pub fn padded_account(text: &str) -> Cow<'_, str> {
    if !text.is_empty()
        && text.len() < ACCOUNT_DIGITS
        && text.bytes().all(|byte| byte.is_ascii_digit())
    {
        Cow::Owned(format!("{text:0>ACCOUNT_DIGITS$}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The address that the text is, in its plain form (an IPv4 address mapped into IPv6 is
/// that IPv4 address).
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    // Cheap refusal of service names, which are most of what is not an address.
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_hexdigit() || first == b':') {
        return None;
    }
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// An ARN, cut at its colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'t> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'t str,
    /// The service.
    pub service: &'t str,
    /// The region; empty for what is global.
    pub region: &'t str,
    /// The account; empty for buckets.
    pub account: &'t str,
    /// Everything after the account.
    pub resource: &'t str,
}

/// A piece of an ARN's resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    /// A type word or separator, which tells nothing about who.
    Shape(&'t str),
    /// A name.
    Name(&'t str),
}

/// Type words of ARNs. A first part that is none of these is a name.
const TYPE_WORDS: &[&str] = &[
    "alias",
    "assumed-role",
    "certificate",
    "channel",
    "cluster",
    "db",
    "delivery-stream",
    "detector",
    "distribution",
    "domain",
    "event-bus",
    "federated-user",
    "function",
    "group",
    "hostedzone",
    "image",
    "instance",
    "instance-profile",
    "key",
    "layer",
    "loadbalancer",
    "log-group",
    "mfa",
    "network-interface",
    "oidc-provider",
    "parameter",
    "policy",
    "repository",
    "role",
    "rule",
    "saml-provider",
    "secret",
    "security-group",
    "server-certificate",
    "snapshot",
    "stack",
    "stateMachine",
    "stream",
    "subnet",
    "table",
    "targetgroup",
    "task",
    "trail",
    "u2f",
    "user",
    "volume",
    "vpc",
    "workgroup",
];

impl<'t> Arn<'t> {
    /// Cuts an ARN; `None` if the text is none.
    #[must_use]
    pub fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// Whether its resource is made of users' and roles' names, whose parts count singly.
    #[must_use]
    pub fn has_names(&self) -> bool {
        matches!(self.service, "iam" | "sts")
    }

    /// Its resource, cut into what tells nothing and what names somebody.
    pub fn parts(&self) -> impl Iterator<Item = Part<'t>> {
        let mut out: Vec<Part<'t>> = Vec::new();
        let resource = self.resource;
        let cut = resource.find([':', '/']);
        let rest = match cut.and_then(|at| resource.split_at_checked(at)) {
            Some((word, rest)) if TYPE_WORDS.contains(&word) => {
                out.push(Part::Shape(word));
                rest
            }
            _ if resource == "root" || resource == "*" || resource.is_empty() => {
                out.push(Part::Shape(resource));
                ""
            }
            _ => resource,
        };
        if self.has_names() {
            let mut rest = rest;
            while let Some(at) = rest.find([':', '/']) {
                let (name, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
                push_name(&mut out, name);
                let (separator, tail) = tail.split_at_checked(1).unwrap_or((tail, ""));
                out.push(Part::Shape(separator));
                rest = tail;
            }
            push_name(&mut out, rest);
        } else {
            let bare = rest.trim_start_matches([':', '/']);
            let separators = rest.get(..rest.len() - bare.len()).unwrap_or_default();
            out.push(Part::Shape(separators));
            push_name(&mut out, bare);
        }
        out.into_iter()
    }
}

fn push_name<'t>(out: &mut Vec<Part<'t>>, name: &'t str) {
    match name {
        "" => {}
        "*" => out.push(Part::Shape(name)),
        _ => out.push(Part::Name(name)),
    }
}

/// The account that an ARN or a bare account id names.
#[must_use]
pub fn account_in(text: &str) -> Option<&str> {
    let account = match Arn::parse(text) {
        Some(arn) => arn.account,
        None => text,
    };
    is_account(account).then_some(account)
}

/// The account inside an access key id of the newer form: the characters after the prefix
/// are base 32, and bits 1 to 40 are the account. An id of the older form gives a number
/// that means nothing, so the answer can say whose a key is, never whose it is not.
#[must_use]
pub fn account_of_access_key(key: &str) -> Option<String> {
    let body = key.get(4..)?;
    let mut bits: u128 = 0;
    let mut count = 0;
    for byte in body.bytes().take(10) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u128::from(digit);
        count += 5;
    }
    if count < 50 {
        return None;
    }
    // The first 48 of the 50 bits, less the first and the last seven.
    let number = ((bits >> 2) & 0x7fff_ffff_ff80) >> 7;
    let text = format!("{number:0>ACCOUNT_DIGITS$}");
    is_account(&text).then_some(text)
}

/// What was found at a place in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'t> {
    /// An account id, without dashes.
    Account(Cow<'t, str>),
    /// An ARN.
    Arn(Arn<'t>),
    /// An ARN whose separators are percent-encoded, decoded.
    EncodedArn(String),
    /// An access key id.
    AccessKey,
    /// An id of a user, role, group or other principal.
    Principal,
    /// An address.
    Address(IpAddr),
}

/// Whether text between these positions is no part of a longer word.
#[must_use]
pub fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    (!word(before) || after_escape(bytes, start)) && !word(bytes.get(end))
}

/// Whether what stands before is a percent escape or a JSON escape, which is no part of
/// the word: `arn%3Aaws`, `\nname`.
fn after_escape(bytes: &[u8], start: usize) -> bool {
    let back = |by: usize| start.checked_sub(by).and_then(|at| bytes.get(at)).copied();
    let percent = back(3) == Some(b'%')
        && back(2).is_some_and(|byte| byte.is_ascii_hexdigit())
        && back(1).is_some_and(|byte| byte.is_ascii_hexdigit());
    let json = back(2) == Some(b'\\') && matches!(back(1), Some(b'n' | b't' | b'r'));
    let unicode = back(6) == Some(b'\\') && back(5) == Some(b'u');
    percent || json || unicode
}

/// Everything in the text that has the form of an identity, left to right, without
/// overlaps: start, end, what. Errs towards finding: a number of twelve digits is taken
/// for an account id unless it is part of a UUID or of a long hexadecimal word.
#[must_use]
pub fn scan(text: &str) -> Vec<(usize, usize, Found<'_>)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let new_word =
            before.is_none_or(|before| !before.is_ascii_alphanumeric()) || after_escape(bytes, at);
        let mut hit = match byte {
            b'a' => arn_at(text, at),
            b'A' if new_word => unique_id_at(bytes, at).map(|(end, what)| (end, Some(what))),
            _ => None,
        };
        if hit.is_none() && new_word && (byte.is_ascii_hexdigit() || byte == b':') {
            hit = hex_word_at(bytes, at)
                .map(|end| (end, None))
                .or_else(|| ipv6_at(text, at).map(|(end, what)| (end, Some(what))));
        }
        if hit.is_none() && byte.is_ascii_digit() {
            hit = Some(number_at(text, at));
        }
        match hit {
            Some((end, what)) => {
                if let Some(what) = what {
                    out.push((at, end, what));
                }
                at = end.max(at + 1);
            }
            None => at += 1,
        }
    }
    out
}

/// Length of the run of bytes at `at` for which `is` holds.
fn run(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool) -> usize {
    bytes
        .get(at..)
        .map_or(0, |rest| rest.iter().take_while(|byte| is(**byte)).count())
}

type Hit<'t> = (usize, Option<Found<'t>>);

fn arn_at(text: &str, at: usize) -> Option<Hit<'_>> {
    let rest = text.get(at..)?;
    let encoded = rest
        .get(..6)
        .is_some_and(|head| head.eq_ignore_ascii_case("arn%3a"));
    if !encoded && !rest.starts_with("arn:") {
        return None;
    }
    let len = rest
        .find(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>\\|".contains(c))
        .unwrap_or(rest.len());
    let token = rest.get(..len)?.trim_end_matches(['.', ':', '?', '!']);
    let end = at + token.len();
    if encoded {
        let plain = decode_separators(token);
        // Only if it cuts as an ARN; otherwise the search goes on inside it.
        Arn::parse(&plain)?;
        return Some((end, Some(Found::EncodedArn(plain))));
    }
    Arn::parse(token).map(|arn| (end, Some(Found::Arn(arn))))
}

/// `%3A` and `%2F` as the separators that they are.
fn decode_separators(text: &str) -> String {
    text.replace("%3A", ":")
        .replace("%3a", ":")
        .replace("%2F", "/")
        .replace("%2f", "/")
}

fn unique_id_at<'t>(bytes: &[u8], at: usize) -> Option<(usize, Found<'t>)> {
    let what = match bytes.get(at..at + 4)? {
        b"AKIA" | b"ASIA" | b"ABIA" | b"ACCA" => Found::AccessKey,
        b"AIDA" | b"AROA" | b"AGPA" | b"AIPA" | b"ANPA" | b"ANVA" | b"APKA" | b"ASCA" => {
            Found::Principal
        }
        _ => return None,
    };
    let len = run(bytes, at, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit()
    });
    (len >= SHORTEST_UNIQUE_ID).then_some((at + len, what))
}

/// A UUID or a long hexadecimal word, in which digits mean nothing.
fn hex_word_at(bytes: &[u8], at: usize) -> Option<usize> {
    let hex = |byte: u8| byte.is_ascii_hexdigit();
    let ends = |end: usize| !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    let len = run(bytes, at, hex);
    if len == 8 {
        let mut end = at + 8;
        for group in [4, 4, 4, 12] {
            if bytes.get(end) != Some(&b'-') || run(bytes, end + 1, hex) != group {
                return None;
            }
            end += 1 + group;
        }
        return ends(end).then_some(end);
    }
    let word = bytes.get(at..at + len)?;
    (len >= 16 && ends(at + len) && word.iter().any(u8::is_ascii_alphabetic)).then_some(at + len)
}

fn ipv6_at(text: &str, at: usize) -> Option<(usize, Found<'_>)> {
    // No address is longer, and the search must not read long text again and again.
    let window = text.as_bytes().get(at..)?;
    let window = window.get(..LONGEST_ADDRESS).unwrap_or(window);
    let len = run(window, 0, |byte| {
        byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
    });
    let mut token = text.get(at..at + len)?.trim_end_matches('.');
    // `addr::` may end an address, one colon never does.
    if token.ends_with(':') && !token.ends_with("::") {
        token = token.trim_end_matches(':');
    }
    if token.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    let ip: std::net::Ipv6Addr = token.parse().ok()?;
    Some((
        at + token.len(),
        Found::Address(IpAddr::V6(ip).to_canonical()),
    ))
}

/// What starts with a digit: an IPv4 address with dots or dashes (`ip-10-0-0-5`), an
/// account id with or without dashes, or just a number, which is passed over.
fn number_at(text: &str, at: usize) -> Hit<'_> {
    let bytes = text.as_bytes();
    let digits = run(bytes, at, |byte| byte.is_ascii_digit());
    for separator in [b'.', b'-'] {
        if let Some((end, ip)) = quad_at(text, at, separator) {
            return (end, Some(Found::Address(ip)));
        }
    }
    if digits == ACCOUNT_DIGITS
        && let Some(id) = text.get(at..at + digits)
    {
        return (at + digits, Some(Found::Account(Cow::Borrowed(id))));
    }
    if digits == 4
        && let Some(dashed) = text.get(at..at + 14)
        && !bytes.get(at + 14).is_some_and(u8::is_ascii_digit)
        && dashed.bytes().enumerate().all(|(i, byte)| match i {
            4 | 9 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    {
        return (
            at + 14,
            Some(Found::Account(dashed.replace('-', "").into())),
        );
    }
    (at + digits, None)
}

fn quad_at(text: &str, at: usize, separator: u8) -> Option<(usize, IpAddr)> {
    let bytes = text.as_bytes();
    let mut octets = [0_u8; 4];
    let mut end = at;
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            if bytes.get(end) != Some(&separator) {
                return None;
            }
            end += 1;
        }
        let len = run(bytes, end, |byte| byte.is_ascii_digit());
        *octet = text.get(end..end + len)?.parse().ok()?;
        end += len;
    }
    Some((end, IpAddr::from(octets)))
}

#[cfg(test)]
mod tests;
