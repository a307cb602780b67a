//! Messages of PAM's modules, whichever program calls them
//! (<https://github.com/linux-pam/linux-pam>: `modules/pam_unix`).

use super::message::{Peer, Said};
use super::operation::Operation::{AccountPassword, AuthFailed, Other, SessionClose, SessionOpen};

/// Reads a message; `None` if it is none of PAM's.
pub(super) fn read<'a>(program: &'a str, message: &'a str) -> Option<Said<'a>> {
    let (service, text) = module(program, message)?;
    let said = failure(text)
        .or_else(|| session(text))
        .or_else(|| password(text))
        .unwrap_or(Said::new(Other));
    Some(Said { service, ..said })
}

/// The service for which a module works, and what it says: `pam_unix(sshd:auth): …`,
/// `(pam_unix) …`, `PAM 2 more authentication failures; …`.
fn module<'a>(program: &'a str, message: &'a str) -> Option<(&'a str, &'a str)> {
    if let Some(rest) = message.strip_prefix("(pam_unix) ") {
        return Some((program, rest));
    }
    if message.starts_with("PAM ") && failure(message).is_some() {
        return Some((program, message));
    }
    // Before PAM 0.99.2 the module stood in the tag.
    if message.starts_with("authentication failure; logname=") {
        return Some((program, message));
    }
    let rest = message.strip_prefix("pam_")?;
    let (name, text) = rest.split_once(": ")?;
    let service = match name.split_once('(') {
        // `pam_unix(sshd:auth)`, of which some write the type alone.
        Some((_, call)) => match call.strip_suffix(')')?.split_once(':') {
            Some((service, _)) => service,
            None => program,
        },
        None => program,
    };
    Some((service, text))
}

/// `authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=ADDRESS  user=NAME`.
///
/// Two of the values are words of who tries: the one of `ruser`, before the address, and
/// the one of `user`, behind it.
fn failure(text: &str) -> Option<Said<'_>> {
    let text = text.trim_ascii_end();
    let text = text.strip_suffix("[preauth]").unwrap_or(text);
    let (head, values) = text.split_once("; logname=")?;
    let known = head == "authentication failure"
        || (head.starts_with("PAM ")
            && (head.ends_with(" more authentication failures")
                || head.ends_with(" more authentication failure")));
    known.then_some(())?;
    let said = Said {
        reason: head,
        ..Said::new(AuthFailed)
    };
    let Some((_, rest)) = values.split_once(" ruser=") else {
        return Some(said);
    };
    // Nothing of theirs is before the address: it stands where it must, and so does `user`.
    if let Some(behind) = rest.strip_prefix(" rhost=") {
        let (host, tail) = behind.split_once(' ').unwrap_or((behind, ""));
        let user = tail.trim_ascii_start().strip_prefix("user=");
        return Some(Said {
            actor: user.map_or("", str::trim_ascii),
            ..said.from(Peer {
                address: host,
                port: None,
            })
        });
    }
    // Nothing of theirs is behind it: it is the last word.
    if !rest.contains(" user=") {
        let (user, host) = rest.rsplit_once(" rhost=")?;
        let host = host.trim_ascii();
        let host = if host.contains(' ') { "" } else { host };
        return Some(Said {
            actor: user,
            ..said.from(Peer {
                address: host,
                port: None,
            })
        });
    }
    // Theirs is on both sides: it must be the only place.
    let (ruser, behind) = rest.split_once(" rhost=")?;
    let (host, tail) = behind.split_once(' ').unwrap_or((behind, ""));
    let user = tail.trim_ascii_start().strip_prefix("user=");
    match user {
        Some(user) if !behind.contains(" rhost=") && !ruser.contains(" user=") => Some(Said {
            actor: user.trim_ascii(),
            ..said.from(Peer {
                address: host,
                port: None,
            })
        }),
        _ => Some(said),
    }
}

/// `session opened for user NAME(uid=0) by NAME(uid=1000)`.
fn session(text: &str) -> Option<Said<'_>> {
    let plain = |name: &'_ str| -> usize { name.find("(uid=").unwrap_or(name.len()) };
    if let Some(rest) = text.strip_prefix("session opened for user ") {
        let (user, by) = rest.split_once(" by ").unwrap_or((rest, ""));
        return Some(Said {
            target: user.get(..plain(user)).unwrap_or(user),
            actor: by.get(..plain(by)).unwrap_or(by),
            ..Said::new(SessionOpen)
        });
    }
    let user = text.strip_prefix("session closed for user ")?;
    Some(Said {
        target: user.get(..plain(user)).unwrap_or(user),
        ..Said::new(SessionClose)
    })
}

/// `password changed for NAME`.
fn password(text: &str) -> Option<Said<'_>> {
    let target = text.strip_prefix("password changed for ")?;
    Some(Said {
        target,
        ..Said::new(AccountPassword)
    })
}
