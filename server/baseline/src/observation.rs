//! What the model is told of one event, and the names under which it knows who and what.

use std::borrow::Cow;
use std::net::IpAddr;

/// Longest text of which the model keeps or tells anything, in bytes. What is longer is told apart
/// by all of it, and told by its beginning.
pub(crate) const LONGEST: usize = 48;

/// Whether what was asked was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// The record does not say.
    #[default]
    Unknown,
    /// It did what was asked.
    Success,
    /// It was refused or failed.
    Failure,
    /// Something else, which the record names.
    Other,
}

/// A role that an event takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleAssumption<'a> {
    /// The role, as the record names it; for AWS its ARN.
    pub role: &'a str,
    /// The account that the role is of; empty if the record doesn't say. An ARN says it by itself.
    pub account: &'a str,
}

/// One event of a tenant, in the words of the event's columns. Texts may be of any length and
/// content; what is unknown is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observation<'a> {
    /// Event time, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The event's name.
    pub name: [u8; 16],
    /// Where it is from, such as `aws.cloudtrail`.
    pub source_type: &'a str,
    /// The account in which it happened.
    pub account: &'a str,
    /// The region in which it happened.
    pub region: &'a str,
    /// The service that was asked.
    pub service: &'a str,
    /// What was asked of it.
    pub operation: &'a str,
    /// Who asked. For AWS the ARN, sessions of roles included.
    pub actor: &'a str,
    /// Whether it was done.
    pub status: Status,
    /// Where it came from.
    pub src_ip: Option<IpAddr>,
    /// The port that it came from.
    pub src_port: Option<u16>,
    /// Where it went. An event with both addresses and no actor is a connection.
    pub dst_ip: Option<IpAddr>,
    /// The port that it went to.
    pub dst_port: Option<u16>,
    /// What it was done to. The model looks at the first four.
    pub resources: &'a [&'a str],
    /// The program that asked, in its own words.
    pub user_agent: &'a str,
    /// How many bytes were carried, if the record says.
    pub bytes: Option<u64>,
    /// The role that was taken on, if any.
    pub role: Option<RoleAssumption<'a>>,
}

/// Two addresses between which something was carried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection {
    pub(crate) source: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) target: IpAddr,
    pub(crate) target_port: u16,
}

impl Connection {
    /// Whether the source opened it, as far as ports tell: an answer goes to the higher one.
    pub(crate) fn opened(&self) -> bool {
        self.target_port <= self.source_port
    }
}

impl<'a> Observation<'a> {
    /// The connection that the event is.
    pub(crate) fn connection(&self) -> Option<Connection> {
        if !self.actor.is_empty() {
            return None;
        }
        Some(Connection {
            source: self.src_ip?.to_canonical(),
            source_port: self.src_port.unwrap_or_default(),
            target: self.dst_ip?.to_canonical(),
            target_port: self.dst_port.unwrap_or_default(),
        })
    }

    /// Who asked: sessions of one role are one principal.
    pub(crate) fn principal(&self) -> Option<Principal<'a>> {
        if self.actor.is_empty() {
            return None;
        }
        let name = principal_name(self.actor);
        let account = arn_account(self.actor).unwrap_or(self.account);
        Some(Principal { account, name })
    }

    /// The role that was taken on, as the principal that its sessions are.
    pub(crate) fn role_principal(&self) -> Option<Principal<'a>> {
        let taken = self.role.filter(|taken| !taken.role.is_empty())?;
        let name = principal_name(taken.role);
        let account = arn_account(taken.role).unwrap_or(taken.account);
        (!account.is_empty()).then_some(Principal { account, name })
    }
}

/// A principal and the account that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal<'a> {
    pub(crate) account: &'a str,
    pub(crate) name: Cow<'a, str>,
}

/// The account in an ARN.
fn arn_account(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("arn:")?;
    let account = rest.split(':').nth(3)?;
    (!account.is_empty()).then_some(account)
}

/// `arn:aws:sts::111122223333:assumed-role/reader/session` and the role's own ARN, with or without
/// a path, are one name. What is no such ARN is its own name.
fn principal_name(actor: &str) -> Cow<'_, str> {
    let mut parts = actor.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(service), Some(_), Some(account), Some(rest)) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return Cow::Borrowed(actor);
    };
    let role = match service {
        "sts" => rest
            .strip_prefix("assumed-role/")
            .and_then(|rest| rest.split('/').next()),
        "iam" => rest
            .strip_prefix("role/")
            .and_then(|rest| rest.rsplit('/').next()),
        _ => None,
    };
    match role {
        Some(role) if !role.is_empty() => {
            Cow::Owned(format!("arn:{partition}:iam::{account}:role/{role}"))
        }
        _ => Cow::Borrowed(actor),
    }
}

/// The network of an address, so that one household or office is one: /24, or /48.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// Whether an address is one that anybody can be reached at.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let carrier = a == 100 && (64..128).contains(&b);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_unspecified()
                || carrier)
        }
        IpAddr::V6(v6) => {
            let first = v6.segments().first().copied().unwrap_or_default();
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (first & 0xfe00) == 0xfc00
                || (first & 0xffc0) == 0xfe80)
        }
    }
}

/// A program without its versions, dates and random ids: those change with every deployment.
pub(crate) fn agent(user_agent: &str) -> String {
    let mut out = String::new();
    let text = user_agent.trim_matches(['[', ']', ' ']);
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        if out.len() >= 4 * LONGEST {
            break;
        }
        let (body, end) = match word.char_indices().next_back() {
            Some((at, last)) if !last.is_alphanumeric() => word.split_at(at),
            _ => (word, ""),
        };
        let digits = body.chars().any(|c| c.is_ascii_digit());
        if digits && body.len() >= 4 && body.chars().all(|c| c.is_ascii_hexdigit()) {
            out.push('#');
        } else {
            let mut before = false;
            for c in body.chars() {
                let digit = c.is_ascii_digit();
                match (digit, before) {
                    (true, true) => {}
                    (true, false) => out.push('#'),
                    (false, _) => out.push(c),
                }
                before = digit;
            }
        }
        out.push_str(end);
    }
    // `#.#.#` and `#` are both a version.
    while let Some(at) = out.find("#.#") {
        out.replace_range(at..at + 3, "#");
    }
    while let Some(at) = out.find("#-#") {
        out.replace_range(at..at + 3, "#");
    }
    out
}

/// The beginning of a text, whole letters of it, without what would move a terminal's cursor.
pub(crate) fn clip(text: &str) -> String {
    clip_to(text, LONGEST)
}

/// The same up to so many bytes.
pub(crate) fn clip_to(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() + c.len_utf8() > longest {
            break;
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_the_role_are_one_principal() {
        let session = principal_name("arn:aws:sts::111122223333:assumed-role/reader/i-0abc");
        let role = principal_name("arn:aws:iam::111122223333:role/team/reader");
        assert_eq!(session, role);
        assert_eq!(role, "arn:aws:iam::111122223333:role/reader");
        let user = "arn:aws:iam::111122223333:user/ada";
        assert_eq!(principal_name(user), user);
        assert_eq!(
            principal_name("arn:aws:sts::1:assumed-role/"),
            "arn:aws:sts::1:assumed-role/"
        );
        assert_eq!(arn_account(user), Some("111122223333"));
        assert_eq!(arn_account("ada"), None);
    }

    #[test]
    fn a_household_is_one_network() {
        assert_eq!(network("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(
            network("::ffff:192.0.2.77".parse().unwrap()),
            "192.0.2.0/24"
        );
        assert_eq!(
            network("2001:db8:1:2::3".parse().unwrap()),
            "2001:db8:1::/48"
        );
        assert!(is_public("192.0.2.77".parse().unwrap()));
        for own in [
            "10.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(!is_public(own.parse().unwrap()), "{own}");
        }
    }

    #[test]
    fn a_new_version_is_no_new_program() {
        let one = agent("aws-cli/2.15.1 Python/3.11.6 Linux/5.10.0-rc1 exe/x86_64");
        let two = agent("aws-cli/2.17.0 Python/3.12.1 Linux/6.1.12-rc2 exe/x86_64");
        assert_eq!(one, two);
        assert_ne!(one, agent("Boto3/1.26.165 Python/3.10.6"));
        assert_eq!(
            agent("[tool_39f95f43-cd2f-4beb-b69e-be60b6fe1f57]").find("39f9"),
            None
        );
        assert!(agent(&"x".repeat(100_000)).len() <= 100_000);
        assert!(agent(&"1.x ".repeat(100_000)).len() < 300);
    }
}
