//! What a program said, read by the format in which it says it.
//!
//! Whoever tries to log in chooses the user name, and so a part of the line, and may write
//! into it what the server would write. So nothing is searched for in a message: each
//! format tells at which end its fixed parts stand, and names and addresses are taken from
//! there. Where a line can be read in two ways nothing is taken from it; what it says stays
//! in the line.

use super::operation::Operation;
use super::{local, pam, sshd};

/// What is read in a message. Empty texts are what it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said<'a> {
    pub(crate) operation: Operation,
    /// The program, where the message names another than the line's head: the service for
    /// which PAM works.
    pub(crate) service: &'a str,
    /// Who did it.
    pub(crate) actor: &'a str,
    /// Whom it was done to, or who somebody became.
    pub(crate) target: &'a str,
    /// A group that it was done to or with.
    pub(crate) group: &'a str,
    /// Where it came from: an address or a host's name.
    pub(crate) from: &'a str,
    pub(crate) from_port: Option<u16>,
    /// At which address of the host.
    pub(crate) to: &'a str,
    pub(crate) to_port: Option<u16>,
    /// How the user proved who it is: `password`, `publickey`.
    pub(crate) method: &'a str,
    /// The command that was run.
    pub(crate) command: &'a str,
    /// Why, in the program's words.
    pub(crate) reason: &'a str,
    /// How often, where the daemon says so.
    pub(crate) count: Option<u32>,
}

impl<'a> Said<'a> {
    pub(super) const fn new(operation: Operation) -> Self {
        Self {
            operation,
            service: "",
            actor: "",
            target: "",
            group: "",
            from: "",
            from_port: None,
            to: "",
            to_port: None,
            method: "",
            command: "",
            reason: "",
            count: None,
        }
    }

    /// The same with where it came from.
    pub(super) const fn from(mut self, peer: Peer<'a>) -> Self {
        self.from = peer.address;
        self.from_port = peer.port;
        self
    }

    /// Reads a message of that program.
    pub(crate) fn read(program: &'a str, message: &'a str) -> Self {
        let (count, message) = repeated(message);
        let message = bare(message);
        let said = pam::read(program, message).or_else(|| match program {
            "sshd" => sshd::read(message),
            _ => local::read(program, message),
        });
        Self {
            count,
            ..said.unwrap_or(Self::new(Operation::Other))
        }
    }
}

/// `message repeated 3 times: [ … ]`, as rsyslog puts it.
fn repeated(message: &str) -> (Option<u32>, &str) {
    let inside = message
        .strip_prefix("message repeated ")
        .and_then(|rest| rest.split_once(" times: ["))
        .and_then(|(count, rest)| Some((count.parse().ok()?, rest.strip_suffix(']')?)));
    match inside {
        Some((count, inside)) => (Some(count), inside.trim_ascii()),
        None => (None, message),
    }
}

/// The message without what loggers put before it: `[ID 1 auth.info]` of Solaris,
/// `kernel: [  12.345]` of some journals, and the level.
fn bare(message: &str) -> &str {
    let mut rest = message.trim_ascii();
    if let Some(behind) = rest.strip_prefix("kernel:") {
        rest = behind.trim_ascii_start();
    }
    if let Some((number, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && (number.starts_with("ID ") || number.trim_ascii().parse::<f64>().is_ok())
    {
        rest = behind.trim_start_matches(':').trim_ascii_start();
    }
    for level in ["error: ", "fatal: ", "debug1: "] {
        rest = rest.strip_prefix(level).unwrap_or(rest);
    }
    rest
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer<'a> {
    pub(super) address: &'a str,
    pub(super) port: Option<u16>,
}

/// Digits that are a port.
fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A peer that the text begins with, `ADDRESS` or `ADDRESS port N`, and what is behind it.
pub(super) fn first_peer(text: &str) -> Option<(Peer<'_>, &str)> {
    let end = text.find([' ', ',']).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    // `192.0.2.1: 11: Bye Bye`; an address of IPv6 has colons, but none at its end.
    let address = word.strip_suffix(':').unwrap_or(word);
    if address.is_empty() {
        return None;
    }
    let bare = Peer {
        address,
        port: None,
    };
    let Some(behind) = rest.strip_prefix(" port ").filter(|_| address == word) else {
        return Some((bare, rest));
    };
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = behind.split_at_checked(digits)?;
    Some((
        Peer {
            address,
            port: Some(port(number)?),
        },
        rest,
    ))
}

/// A peer that the text ends with, behind a word: `… from ADDRESS`, `… from ADDRESS port N`;
/// and what is before the word.
pub(super) fn last_peer<'a>(text: &'a str, before: &str) -> Option<(&'a str, Peer<'a>)> {
    let text = text.trim_ascii_end();
    let (head, word) = text.rsplit_once(' ')?;
    let (head, peer) = match head.strip_suffix(" port").zip(port(word)) {
        Some((head, port)) => {
            let (head, address) = head.rsplit_once(' ')?;
            let port = Some(port);
            (head, Peer { address, port })
        }
        None => {
            let (address, port) = (word, None);
            (head, Peer { address, port })
        }
    };
    (!peer.address.is_empty()).then_some(())?;
    // The word may be all that is before, or stand behind a blank.
    let head = head.strip_suffix(before)?;
    match head.strip_suffix(' ') {
        Some(head) => Some((head, peer)),
        None => head.is_empty().then_some((head, peer)),
    }
}
