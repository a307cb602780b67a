//! Messages of programs that are called on the host itself: sudo, su, login, and those of
//! shadow that change users and groups.
//!
//! Sources: <https://www.sudo.ws/docs/man/sudoers.man/#LOG_FORMAT>,
//! <https://github.com/util-linux/util-linux> (`login-utils`),
//! <https://github.com/shadow-maint/shadow>.

use super::message::{Peer, Said};
use super::operation::Operation::{
    self, AccountChange, AccountCreate, AccountDelete, AccountLock, AccountPassword, AccountUnlock,
    ConsoleLogin, ConsoleLoginFailed, GroupAddMember, GroupCreate, GroupDelete, GroupRemoveMember,
    SuFailed, SuSwitch, SudoCommand, SudoRefused,
};

/// Reads a message of that program; `None` if it is none of those that are known.
pub(super) fn read<'a>(program: &str, message: &'a str) -> Option<Said<'a>> {
    match program {
        "sudo" => sudo(message),
        "su" => su(message),
        "login" => login(message),
        "useradd" | "userdel" | "usermod" | "groupadd" | "groupdel" | "groupmod" | "gpasswd"
        | "passwd" | "chpasswd" => shadow(program, message),
        _ => None,
    }
}

/// `USER : [REASON ; ]TTY=… ; PWD=… ; USER=TARGET ; COMMAND=…`. The user's directory and
/// command may hold the form themselves; then only who it was is taken.
fn sudo(message: &str) -> Option<Said<'_>> {
    let (actor, rest) = message.split_once(" : ")?;
    // A command that is longer than a line goes on in another, which tells nothing new.
    let continued = rest.starts_with("(command continued)");
    (!actor.contains(' ') && !continued).then_some(())?;
    let (first, _) = rest.split_once(" ; ").unwrap_or((rest, ""));
    let reason = if first.contains('=') { "" } else { first };
    let operation = if reason.is_empty() {
        rest.contains("COMMAND=").then_some(SudoCommand)?
    } else {
        SudoRefused
    };
    let said = Said {
        actor,
        reason,
        ..Said::new(operation)
    };
    let mut commands = memchr::memmem::find_iter(rest.as_bytes(), b" ; COMMAND=");
    let (Some(at), None) = (commands.next(), commands.next()) else {
        return Some(said);
    };
    let (fields, command) = rest.split_at_checked(at)?;
    let mut users = fields
        .split(" ; ")
        .filter_map(|one| one.strip_prefix("USER="));
    let target = match (users.next(), users.next()) {
        (Some(user), None) => user,
        _ => "",
    };
    Some(Said {
        target,
        command: command.strip_prefix(" ; COMMAND=").unwrap_or_default(),
        ..said
    })
}

/// The forms of shadow's and util-linux's su.
fn su(message: &str) -> Option<Said<'_>> {
    let switch = |operation: Operation, target, actor| Said {
        target,
        actor,
        ..Said::new(operation)
    };
    for (operation, head) in [
        (SuSwitch, "Successful su for "),
        (SuFailed, "FAILED su for "),
    ] {
        if let Some((target, actor)) = message
            .strip_prefix(head)
            .and_then(|rest| rest.split_once(" by "))
        {
            return Some(switch(operation, target, actor));
        }
    }
    for (operation, head) in [(SuFailed, "FAILED SU (to "), (SuSwitch, "(to ")] {
        if let Some((target, rest)) = message
            .strip_prefix(head)
            .and_then(|rest| rest.split_once(") "))
        {
            let (actor, _) = rest.split_once(" on ").unwrap_or((rest, ""));
            return Some(switch(operation, target, actor));
        }
    }
    let (operation, rest) = [(SuSwitch, "+ "), (SuFailed, "- ")]
        .into_iter()
        .find_map(|(operation, head)| Some((operation, message.strip_prefix(head)?)))?;
    let (_, pair) = rest.split_once(' ')?;
    let (actor, target) = pair.split_once(':')?;
    Some(switch(operation, target, actor))
}

/// Logins at a terminal.
fn login(message: &str) -> Option<Said<'_>> {
    if let Some(rest) = message.strip_prefix("FAILED LOGIN ") {
        // `(1) on '/dev/tty1' FOR 'alice', Authentication failure`: the name is theirs.
        let (head, reason) = rest.rsplit_once(", ")?;
        let (head, name) = head.split_once(" FOR ")?;
        let host = head.split_once("FROM ").map_or("", |(_, host)| host);
        return Some(Said {
            actor: unquoted(name),
            reason,
            ..Said::new(ConsoleLoginFailed).from(Peer {
                address: host.split(' ').next().unwrap_or_default(),
                port: None,
            })
        });
    }
    if message.starts_with("ROOT LOGIN ") {
        return Some(Said {
            actor: "root",
            ..Said::new(ConsoleLogin)
        });
    }
    let rest = message.strip_prefix("LOGIN ON ")?;
    let (_, who) = rest.split_once(" BY ")?;
    let (actor, host) = who.split_once(" FROM ").unwrap_or((who, ""));
    Some(Said {
        actor,
        ..Said::new(ConsoleLogin).from(Peer {
            address: host,
            port: None,
        })
    })
}

/// A name without the quotes around it.
fn unquoted(name: &str) -> &str {
    let inner = name
        .strip_prefix('\'')
        .and_then(|name| name.strip_suffix('\''));
    inner.unwrap_or(name)
}

/// The name in quotes that the text begins with, and what is behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('\'')?.split_once('\'')
}

/// Users and groups.
fn shadow<'a>(program: &str, message: &'a str) -> Option<Said<'a>> {
    for (operation, head) in [
        (AccountCreate, "new user: name="),
        (GroupCreate, "new group: name="),
    ] {
        if let Some(rest) = message.strip_prefix(head) {
            let (name, _) = rest.split_once(", ").unwrap_or((rest, ""));
            return Some(named(operation, name));
        }
    }
    for (operation, head) in [
        (AccountDelete, "delete user "),
        (GroupDelete, "removed group "),
        (GroupDelete, "group "),
        (AccountLock, "lock user "),
        (AccountUnlock, "unlock user "),
    ] {
        let Some((name, behind)) = message.strip_prefix(head).and_then(quoted) else {
            continue;
        };
        if head != "group " || behind.starts_with(" removed") {
            return Some(named(operation, name));
        }
    }
    for (operation, head, between) in [
        (GroupAddMember, "add ", " to group "),
        (GroupRemoveMember, "delete ", " from group "),
    ] {
        let pair = message
            .strip_prefix(head)
            .and_then(quoted)
            .and_then(|(user, behind)| Some((user, quoted(behind.strip_prefix(between)?)?.0)));
        if let Some((target, group)) = pair {
            return Some(Said {
                target,
                group,
                ..Said::new(operation)
            });
        }
    }
    if let Some(said) = member(message) {
        return Some(said);
    }
    if let Some((target, behind)) = message.strip_prefix("password for ").and_then(quoted)
        && let Some((actor, _)) = behind.strip_prefix(" changed by ").and_then(quoted)
    {
        return Some(Said {
            target,
            actor,
            ..Said::new(AccountPassword)
        });
    }
    let (target, behind) = message.strip_prefix("change user ").and_then(quoted)?;
    let operation = if behind == " password" {
        AccountPassword
    } else {
        AccountChange
    };
    (program == "usermod").then(|| named(operation, target))
}

/// `user NAME added by ROOT to group GROUP` of gpasswd.
fn member(message: &str) -> Option<Said<'_>> {
    let (target, rest) = message.strip_prefix("user ")?.split_once(' ')?;
    let (operation, rest, between) = match rest.strip_prefix("added by ") {
        Some(rest) => (GroupAddMember, rest, " to group "),
        None => (
            GroupRemoveMember,
            rest.strip_prefix("removed by ")?,
            " from group ",
        ),
    };
    let (actor, group) = rest.split_once(between)?;
    Some(Said {
        target,
        actor,
        group,
        ..Said::new(operation)
    })
}

const fn named(operation: Operation, name: &str) -> Said<'_> {
    let said = Said::new(operation);
    match operation {
        GroupCreate | GroupDelete => Said {
            group: name,
            ..said
        },
        _ => Said {
            target: name,
            ..said
        },
    }
}
