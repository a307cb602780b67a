//! Messages of OpenSSH's server. Their formats are those of its sources
//! (<https://github.com/openssh/openssh-portable>: `auth.c`, `auth-pam.c`, `packet.c`,
//! `sshd.c`).

use super::message::{Peer, Said, first_peer, last_peer};
use super::operation::Operation::{
    SshConnect, SshDisconnect, SshInvalidUser, SshLogin, SshLoginFailed, SshLoginPending,
    SshProtocolError, SshRefused,
};

/// Why the server ends a connection on which too many passwords were tried.
const TOO_MANY: &str = "Too many authentication failures";

/// Reads a message; `None` if it is none of those that are known.
pub(super) fn read(message: &str) -> Option<Said<'_>> {
    let message = message.trim_ascii();
    let message = message.strip_suffix("[preauth]").unwrap_or(message);
    let message = message.trim_ascii_end();
    login(message)
        .or_else(|| invalid_user(message))
        .or_else(|| refused(message))
        .or_else(|| through_pam(message))
        .or_else(|| ended(message))
        .or_else(|| connection(message))
}

/// `Accepted METHOD for USER from ADDRESS port N ssh2: INFO`.
fn login(message: &str) -> Option<Said<'_>> {
    let (operation, rest) = [
        (SshLogin, "Accepted "),
        (SshLoginFailed, "Failed "),
        (SshLoginPending, "Postponed "),
        (SshLoginPending, "Partial "),
    ]
    .into_iter()
    .find_map(|(operation, word)| Some((operation, message.strip_prefix(word)?)))?;
    let (method, rest) = rest.split_once(' ')?;
    let who = attempt(rest.strip_prefix("for ")?);
    let mut said = Said::new(operation);
    said.method = method;
    said.actor = who.user;
    Some(match who.peer {
        Some(peer) => said.from(peer),
        None => said,
    })
}

/// Whose an attempt was, as far as the line has one reading.
struct Attempt<'a> {
    user: &'a str,
    peer: Option<Peer<'a>>,
}

/// Reads `[invalid user ]USER from ADDRESS port N ssh2[: INFO]`.
///
/// The name of a user that there is can't be chosen by who tries, so that the first place
/// that has the form is the server's. Any other name can hold the form itself, and so can
/// what follows on it: there must be one place only.
fn attempt(text: &str) -> Attempt<'_> {
    let stranger = ["invalid user ", "illegal user "]
        .into_iter()
        .find_map(|word| text.strip_prefix(word));
    let rest = stranger.unwrap_or(text);
    let mut places = places(rest);
    let first = places.next();
    let chosen = match (first, stranger) {
        (Some(first), None) => Some(first),
        (Some(first), Some(_)) => places.next().is_none().then_some(first),
        // Other and cut-off forms end with the address.
        (None, _) => single_end(rest),
    };
    match chosen {
        Some((user, peer)) => Attempt {
            user,
            peer: Some(peer),
        },
        None => Attempt {
            user: "",
            peer: None,
        },
    }
}

/// Every place with ` from ADDRESS port N ssh2` at the text's end or before a colon: what
/// is before it, and the peer.
fn places(text: &str) -> impl Iterator<Item = (&str, Peer<'_>)> {
    memchr::memmem::find_iter(text.as_bytes(), b" from ").filter_map(move |at| {
        let behind = text.get(at + " from ".len()..)?;
        let (peer, rest) = first_peer(behind)?;
        peer.port?;
        let rest = rest.strip_prefix(' ')?.trim_ascii_start();
        let rest = rest
            .strip_prefix("ssh2")
            .or_else(|| rest.strip_prefix("ssh1"))?;
        (rest.is_empty() || rest.starts_with(':')).then(|| Some((text.get(..at)?, peer)))?
    })
}

/// The same without a protocol, where ` from ` stands once.
fn single_end(text: &str) -> Option<(&str, Peer<'_>)> {
    let once = memchr::memmem::find_iter(text.as_bytes(), b" from ").count() == 1;
    last_peer(text, "from").filter(|_| once)
}

/// `Invalid user NAME from ADDRESS port N`: the address is the end, whatever the name is.
fn invalid_user(message: &str) -> Option<Said<'_>> {
    if let Some(name) = message.strip_prefix("input_userauth_request: invalid user ") {
        let mut said = Said::new(SshInvalidUser);
        said.actor = name;
        return Some(said);
    }
    let rest = ["Invalid user", "Illegal user"]
        .into_iter()
        .find_map(|word| message.strip_prefix(word)?.strip_prefix(' '))?;
    let said = Said::new(SshInvalidUser);
    Some(match last_peer(rest, "from") {
        Some((name, peer)) => Said {
            actor: name.trim_ascii(),
            ..said.from(peer)
        },
        None => said,
    })
}

/// Users and addresses that the configuration keeps out.
fn refused(message: &str) -> Option<Said<'_>> {
    let said = Said::new(SshRefused);
    if let Some(rest) = message.strip_prefix("ROOT LOGIN REFUSED FROM ") {
        let said = Said {
            actor: "root",
            ..said
        };
        return Some(first_peer(rest).map_or(said, |(peer, _)| said.from(peer)));
    }
    if let Some(rest) = message.strip_prefix("refused connect from ") {
        // The host's name, or what its identd says, and then the address in brackets.
        let inner = rest.strip_suffix(')').and_then(|rest| {
            let (_, address) = rest.rsplit_once('(')?;
            Some(Peer {
                address,
                port: None,
            })
        });
        return Some(match inner {
            Some(peer) => said.from(peer),
            None if !rest.contains(' ') => said.from(Peer {
                address: rest,
                port: None,
            }),
            None => said,
        });
    }
    // Only of users that there are.
    let (who, reason) = message
        .strip_prefix("User ")?
        .split_once(" not allowed because ")?;
    let said = Said { reason, ..said };
    Some(match last_peer(who, "from") {
        Some((user, peer)) => Said {
            actor: user,
            ..said.from(peer)
        },
        None => Said { actor: who, ..said },
    })
}

/// `PAM: REASON for [illegal user ]USER from HOST[ via HOST]`.
fn through_pam(message: &str) -> Option<Said<'_>> {
    if let Some(rest) = message.strip_prefix("maximum authentication attempts exceeded for ") {
        let who = attempt(rest);
        let said = Said {
            actor: who.user,
            reason: "maximum authentication attempts exceeded",
            ..Said::new(SshLoginFailed)
        };
        return Some(who.peer.map_or(said, |peer| said.from(peer)));
    }
    let (reason, who) = message.strip_prefix("PAM: ")?.split_once(" for ")?;
    let said = Said {
        reason,
        ..Said::new(SshLoginFailed)
    };
    let end = last_peer(who, "from").or_else(|| {
        let (head, _) = last_peer(who, "via")?;
        last_peer(head, "from")
    });
    Some(match end {
        Some((user, peer)) => {
            let user = ["illegal user ", "invalid user "]
                .into_iter()
                .find_map(|word| user.strip_prefix(word))
                .unwrap_or(user);
            Said {
                actor: user,
                ..said.from(peer)
            }
        }
        None => said,
    })
}

/// The end of a connection.
fn ended(message: &str) -> Option<Said<'_>> {
    let said = Said::new(SshDisconnect);
    if let Some(rest) = message.strip_prefix("Received disconnect from ") {
        // The other side's words follow on the address.
        let (peer, rest) = first_peer(rest)?;
        let reason = rest.trim_start_matches([':', ' ']);
        return Some(Said {
            reason,
            ..said.from(peer)
        });
    }
    if let Some(rest) = message.strip_prefix("Disconnecting") {
        return Some(disconnecting(rest));
    }
    let rest = [
        "Connection closed by ",
        "Connection reset by ",
        "Disconnected from ",
    ]
    .into_iter()
    .find_map(|word| message.strip_prefix(word))?;
    let Some(user) = user_before(rest) else {
        return Some(first_peer(rest).map_or(said, |(peer, _)| said.from(peer)));
    };
    // A user's name is before the address, and the address is the end.
    let end = user
        .rsplit_once(" port ")
        .and_then(|(head, digits)| peer_behind_name(head, digits));
    Some(match end {
        Some((name, peer)) => Said {
            actor: name,
            ..said.from(peer)
        },
        None => said,
    })
}

/// What follows on the words that announce a user's name.
fn user_before(text: &str) -> Option<&str> {
    ["authenticating user ", "invalid user ", "user "]
        .into_iter()
        .find_map(|word| text.strip_prefix(word))
}

/// The last word of `head` as an address with the port that `digits` are; before it the
/// user's name, which may be empty.
fn peer_behind_name<'a>(head: &'a str, digits: &str) -> Option<(&'a str, Peer<'a>)> {
    let (name, address) = head.rsplit_once(' ').unwrap_or(("", head));
    let port = Some(digits.parse().ok()?);
    Some((name.trim_ascii(), Peer { address, port }))
}

/// `Disconnecting[ … user NAME ADDRESS port N]: REASON`. Both the name and the reason may
/// be the other side's words, so that the address counts where there is one place for it.
fn disconnecting(rest: &str) -> Said<'_> {
    let said = Said::new(SshDisconnect);
    let operation = |reason: &str| {
        if reason.starts_with(TOO_MANY) {
            SshLoginFailed
        } else {
            SshDisconnect
        }
    };
    if let Some(reason) = rest.strip_prefix(": ") {
        let user = reason.strip_prefix(TOO_MANY);
        let user = user.and_then(|rest| rest.strip_prefix(" for "));
        return Said {
            operation: operation(reason),
            actor: user.unwrap_or_default(),
            reason,
            ..said
        };
    }
    let rest = rest.trim_ascii_start();
    let text = user_before(rest).unwrap_or(rest);
    let mut places = memchr::memmem::find_iter(text.as_bytes(), b" port ").filter_map(|at| {
        let head = text.get(..at)?;
        let behind = text.get(at + " port ".len()..)?;
        let length = behind.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = behind.split_at_checked(length)?;
        let reason = rest.strip_prefix(": ")?;
        let (name, peer) = peer_behind_name(head, digits)?;
        Some((name, peer, reason))
    });
    match (places.next(), places.next()) {
        (Some((name, peer, reason)), None) => Said {
            operation: operation(reason),
            actor: name,
            reason,
            ..said.from(peer)
        },
        _ => said,
    }
}

/// Connections that were opened, and what came over them that was no login.
fn connection(message: &str) -> Option<Said<'_>> {
    if let Some(rest) = message.strip_prefix("Connection from ") {
        let (peer, rest) = first_peer(rest)?;
        let said = Said::new(SshConnect).from(peer);
        let own = rest.strip_prefix(" on ").and_then(first_peer);
        return Some(match own {
            Some((own, _)) => Said {
                to: own.address,
                to_port: own.port,
                ..said
            },
            None => said,
        });
    }
    let said = Said {
        reason: message,
        ..Said::new(SshProtocolError)
    };
    // The server's words, and then the address.
    let begins = [
        "Did not receive identification string from ",
        "banner exchange: Connection from ",
        "ssh_dispatch_run_fatal: Connection from ",
        "Unable to negotiate with ",
        "Timeout before authentication for connection from ",
        "Timeout before authentication for ",
    ]
    .into_iter()
    .find_map(|word| message.strip_prefix(word));
    if let Some(rest) = begins {
        // Some name the user before the address, and the reason behind it.
        let peer = first_peer(rest).filter(|_| user_before(rest).is_none());
        return Some(peer.map_or(said, |(peer, _)| said.from(peer)));
    }
    // The other side's words, and then the address.
    if let Some(rest) = message.strip_prefix("Bad protocol version identification ") {
        return Some(last_peer(rest, "from").map_or(said, |(_, peer)| said.from(peer)));
    }
    [
        "kex_exchange_identification: ",
        "ssh_dispatch_run_fatal: ",
        "Unable to negotiate a key exchange method",
        "Read from socket failed: ",
        "no matching ",
        "Protocol major versions differ",
    ]
    .into_iter()
    .any(|word| message.starts_with(word))
    .then_some(said)
}
