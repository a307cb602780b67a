//! Authentication logs of Linux hosts: whose they are, what is read in them, and what an
//! attacker can't make them say.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr
)]

mod hostile;
mod real;
#[path = "../support/mod.rs"]
mod support;

use cordon_views::split::split;
use cordon_views::{Attributed, EventRow, Reject, SourceType, Status, attribute, explain};
use serde_json::json;
use support::{Keys, OBSERVED, World, row_of};

const ACCOUNT: &str = "111111111111";
const CONTEXT: &str = r#"{"account":"aws:111111111111","host":"i-0f00ba4"}"#;

fn world() -> World {
    World::default()
        .account(ACCOUNT, "acme")
        .account("222222222222", "bolt")
        .range("198.51.100.0/24")
        .address("198.51.100.9", "bolt")
}

fn see(record: &str, context: Option<&str>) -> Result<Attributed<String>, Reject> {
    see_in(&world(), record, context)
}

fn see_in(
    world: &World,
    record: &str,
    context: Option<&str>,
) -> Result<Attributed<String>, Reject> {
    let source = SourceType::LinuxAuth;
    attribute(source, record.as_bytes(), context, OBSERVED, world, &Keys)
}

/// The row of a bare line.
fn row(line: &str) -> EventRow {
    let seen = see(line, Some(CONTEXT)).unwrap_or_else(|reject| panic!("{reject}: {line}"));
    assert!(
        seen.unknown_parties.is_empty() && seen.views.len() == 1,
        "{line}"
    );
    row_of(&seen, "acme").unwrap().clone()
}

#[test]
fn a_login_over_ssh() {
    let line = "Mar  7 18:53:24 web-1 sshd[1558]: Accepted publickey for alice from 203.0.113.7 port 52100 ssh2: ED25519 SHA256:abc";
    let row = row(line);
    assert_eq!(
        (row.class_uid, row.activity_id, row.severity_id),
        (3002, 1, 1)
    );
    assert_eq!(row.status, Status::Success);
    assert_eq!(row.account, ACCOUNT, "as CloudTrail writes it");
    assert_eq!((&*row.service, &*row.operation), ("sshd", "ssh.login"));
    assert_eq!(row.actor, "alice");
    assert_eq!(row.src_ip, Some("203.0.113.7".parse().unwrap()));
    assert_eq!(row.src_port, Some(52100));
    assert_eq!(
        row.resources,
        ["i-0f00ba4"],
        "the source's name, not the host's own word"
    );
    assert_eq!(row.raw, line);
    assert_eq!(row.raw_context.as_deref(), Some(CONTEXT));
    assert!(!row.shared && row.addressed && row.withheld.is_empty());
    assert!(!row.time_invalid);
    // Received on 2026-09-21; the newest seventh of March before that.
    assert_eq!(row.time_ns, 1_772_909_604_000_000_000);
    assert_eq!(row.event_id.len(), 32);
}

#[test]
fn both_forms_are_the_same_event() {
    let line = "2026-03-07T18:53:24+01:00 web-1 sudo: alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id -u";
    let wrapped =
        json!({"account": "aws:111111111111", "host": "i-0f00ba4", "line": line}).to_string();
    let bare = see(line, Some(CONTEXT)).unwrap();
    let whole = see(&wrapped, None).unwrap();
    assert_eq!(bare.content, whole.content);
    let (bare, whole) = (
        row_of(&bare, "acme").unwrap(),
        row_of(&whole, "acme").unwrap(),
    );
    assert_eq!(bare.name, whole.name);
    assert_eq!(whole.raw, wrapped, "as it came");
    assert_eq!(whole.raw_context, None);
    let plain = see(line, Some("aws:111111111111")).unwrap();
    let row = row_of(&plain, "acme").unwrap();
    assert_eq!((&*row.account, &*row.operation), (ACCOUNT, "sudo.command"));
    assert_eq!(row.resources, ["root"], "the account alone");
    for row in [bare, whole] {
        assert_eq!((row.class_uid, row.activity_id), (1007, 1));
        assert_eq!((&*row.operation, &*row.actor), ("sudo.command", "alice"));
        assert_eq!(row.resources, ["i-0f00ba4", "root"]);
        assert_eq!(
            row.time_ns, 1_772_906_004_000_000_000,
            "the line's own zone"
        );
        let told = explain(&row.as_ref()).unwrap();
        assert_eq!(told.parties.len(), 1);
        assert_eq!(told.parties[0].value, "aws:111111111111");
    }
}

#[test]
fn a_line_is_its_accounts_alone() {
    // Another customer's machine tried to get in: evidence for the one, no event of the other.
    let line =
        "Mar  7 18:53:24 web-1 sshd[1]: Failed password for root from 198.51.100.9 port 4711 ssh2";
    let with = see(line, Some(CONTEXT)).unwrap();
    assert_eq!(with.views.len(), 1);
    let row = row_of(&with, "acme").unwrap();
    assert_eq!(row.src_ip, Some("198.51.100.9".parse().unwrap()));
    assert!(!row.shared);
    // Whoever else is registered changes no byte.
    let alone = World::default().account(ACCOUNT, "acme");
    let without = see_in(&alone, line, Some(CONTEXT)).unwrap();
    assert_eq!(with.views, without.views);
    // And an account of nobody's waits for its owner.
    let seen = see_in(&World::default(), line, Some(CONTEXT)).unwrap();
    assert_eq!(seen.unknown_parties, ["aws:111111111111"]);
    assert!(seen.views.is_empty());
}

#[test]
fn accounts_are_of_any_cloud() {
    let mut world = World::default();
    world
        .accounts
        .insert("openstack:6f70656e".into(), "acme".into());
    let line = "Mar  7 18:53:24 web-1 sshd[1]: Connection closed by 203.0.113.9 port 4 [preauth]";
    let seen = see_in(&world, line, Some(r#"{"account":"openstack:6f70656e"}"#)).unwrap();
    let row = row_of(&seen, "acme").unwrap();
    assert_eq!((&*row.account, row.resources.len()), ("6f70656e", 0));
    let event = cordon_views::render_ocsf(&row.as_ref());
    assert_eq!(event["cloud"]["provider"], "OpenStack");
    assert_eq!(event["cloud"]["account"]["uid"], "6f70656e");
}

#[test]
fn what_has_no_account_or_is_no_line_is_a_dead_letter() {
    let line = "Mar  7 18:53:24 web-1 sshd[1]: Connection closed by 203.0.113.9";
    let object = |line: &str| json!({"account": "1", "line": line}).to_string();
    for (record, context, code) in [
        (line.to_owned(), None, "MISSING_CONTEXT"),
        (line.to_owned(), Some("{}"), "MISSING_CONTEXT"),
        (json!({"line": line}).to_string(), None, "MISSING_CONTEXT"),
        (line.to_owned(), Some("web-1"), "MALFORMED"),
        (line.to_owned(), Some("[]"), "MALFORMED"),
        (line.to_owned(), Some("aws:"), "MALFORMED"),
        (line.to_owned(), Some("aws:1 2"), "MALFORMED"),
        (line.to_owned(), Some("{\"account\":"), "MALFORMED"),
        (
            line.to_owned(),
            Some(r#"{"account":"1","utc_offset":"CET"}"#),
            "MALFORMED",
        ),
        (json!({"account": "1"}).to_string(), None, "MALFORMED"),
        (object("words and no head"), None, "MALFORMED"),
        (object(&format!("{line}\n{line}")), None, "MALFORMED"),
        (format!("{line}\n{line}"), Some(CONTEXT), "MALFORMED"),
        (String::new(), Some(CONTEXT), "MALFORMED"),
        ("{\"account\":".to_owned(), None, "TRUNCATED"),
        (
            "{\"account\":\"1\",\"account\":\"2\"}".to_owned(),
            None,
            "DUPLICATE_KEY",
        ),
    ] {
        let reject = see(&record, context).unwrap_err();
        assert_eq!(reject.reason, code, "{record} {context:?}");
    }
    let long = format!("{line}{}", "x".repeat(1 << 20));
    assert_eq!(see(&long, Some(CONTEXT)).unwrap_err().reason, "TOO_LONG");
}

#[test]
fn a_batch_with_a_context_has_lines_only() {
    // Who can write to the host's log could else write whose it is.
    let planted = json!({"account": "aws:222222222222", "line": "Mar  7 18:53:24 web-1 sshd[1]: Accepted password for root from 203.0.113.9 port 1 ssh2"});
    let reject = see(&planted.to_string(), Some(CONTEXT)).unwrap_err();
    assert_eq!(reject.reason, "MALFORMED");
    // Behind a head it is a message like any other, of the context's account.
    let line = format!("Mar  7 18:53:24 web-1 app[1]: {planted}");
    let row = row(&line);
    assert_eq!(
        (&*row.account, &*row.operation, row.class_uid),
        (ACCOUNT, "other", 0)
    );
}

#[test]
fn programs_other_than_ssh() {
    let seen = |message: &str| {
        let row = row(&format!("Mar  7 18:53:24 web-1 {message}"));
        (
            row.operation,
            row.class_uid,
            row.activity_id,
            row.status,
            row.service,
            row.actor,
            row.resources[1..].join(","),
        )
    };
    use Status::{Failure, Success};
    for (message, operation, class, activity, status, service, actor, things) in [
        (
            "sudo:   alice : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
            "sudo.refused",
            1007,
            1,
            Failure,
            "sudo",
            "alice",
            "root",
        ),
        (
            "sudo: pam_unix(sudo:auth): authentication failure; logname=alice uid=1000 euid=0 tty=/dev/pts/0 ruser=alice rhost=  user=alice",
            "auth.failed",
            3002,
            1,
            Failure,
            "sudo",
            "alice",
            "",
        ),
        (
            "su[7]: Successful su for root by alice",
            "su.switch",
            3002,
            7,
            Success,
            "su",
            "alice",
            "root",
        ),
        (
            "su[7]: FAILED SU (to root) alice on pts/0",
            "su.failed",
            3002,
            7,
            Failure,
            "su",
            "alice",
            "root",
        ),
        (
            "su[7]: - /dev/pts/0 alice:root",
            "su.failed",
            3002,
            7,
            Failure,
            "su",
            "alice",
            "root",
        ),
        (
            "su: pam_unix(su-l:session): session opened for user root(uid=0) by alice(uid=1000)",
            "session.open",
            3002,
            1,
            Success,
            "su-l",
            "alice",
            "root",
        ),
        (
            "sshd[3]: pam_unix(sshd:session): session closed for user alice",
            "session.close",
            3002,
            2,
            Success,
            "sshd",
            "alice",
            "alice",
        ),
        (
            "login[9]: FAILED LOGIN (1) on '/dev/tty1' FOR 'al ice', Authentication failure",
            "console.login_failed",
            3002,
            1,
            Failure,
            "login",
            "al ice",
            "",
        ),
        (
            "login[9]: LOGIN ON tty1 BY alice",
            "console.login",
            3002,
            1,
            Success,
            "login",
            "alice",
            "",
        ),
        (
            "useradd[5]: new user: name=mallory, UID=0, GID=0, home=/root, shell=/bin/sh",
            "account.create",
            3001,
            1,
            Success,
            "useradd",
            "",
            "mallory",
        ),
        (
            "usermod[5]: add 'mallory' to group 'sudo'",
            "group.add_member",
            3006,
            3,
            Success,
            "usermod",
            "",
            "mallory,sudo",
        ),
        (
            "usermod[5]: lock user 'mallory' password",
            "account.lock",
            3001,
            9,
            Success,
            "usermod",
            "",
            "mallory",
        ),
        (
            "userdel[5]: delete user 'mallory'",
            "account.delete",
            3001,
            6,
            Success,
            "userdel",
            "",
            "mallory",
        ),
        (
            "gpasswd[5]: user mallory added by root to group wheel",
            "group.add_member",
            3006,
            3,
            Success,
            "gpasswd",
            "root",
            "mallory,wheel",
        ),
        (
            "groupadd[5]: new group: name=ops, GID=1001",
            "group.create",
            3006,
            6,
            Success,
            "groupadd",
            "",
            "ops",
        ),
        (
            "passwd[5]: pam_unix(passwd:chauthtok): password changed for alice",
            "account.password",
            3001,
            3,
            Success,
            "passwd",
            "",
            "alice",
        ),
        (
            "CRON[5]: (root) CMD (true)",
            "other",
            0,
            0,
            Status::Unknown,
            "CRON",
            "",
            "",
        ),
    ] {
        let expected = (
            operation.to_owned(),
            class,
            activity,
            status,
            service.to_owned(),
            actor.to_owned(),
            things.to_owned(),
        );
        assert_eq!(seen(message), expected, "{message}");
    }
}

#[test]
fn years_and_zones_that_are_not_written() {
    // OBSERVED is 2026-09-21T14:13:20Z.
    let at = |time: &str, context: &str| {
        let seen = see(
            &format!(
                "{time} web-1 sshd[1]: Connection from 203.0.113.7 port 1 on 10.0.0.1 port 22"
            ),
            Some(context),
        )
        .unwrap();
        let row = row_of(&seen, "acme").unwrap();
        let time = written(row.time_ns);
        if row.time_invalid {
            format!("invalid {time}")
        } else {
            time
        }
    };
    let east = r#"{"account":"111111111111","utc_offset":"+02:00"}"#;
    for (time, context, expected) in [
        ("Sep 21 14:13:20", CONTEXT, "2026-09-21T14:13:20"),
        ("Sep 22 14:13:20", CONTEXT, "2026-09-22T14:13:20"),
        ("Sep 22 14:13:21", CONTEXT, "2025-09-22T14:13:21"),
        ("Dec 31 23:59:60", CONTEXT, "2025-12-31T23:59:59"),
        ("Feb 29 01:00:00", CONTEXT, "2024-02-29T01:00:00"),
        ("Sep 21 14:13:20.25", CONTEXT, "2026-09-21T14:13:20.25"),
        ("Sep 21 14:13:20", east, "2026-09-21T12:13:20"),
        ("Sep 22 16:13:21", east, "2025-09-22T14:13:21"),
        (
            "2026-01-02T03:04:05.678901+00:00",
            east,
            "2026-01-02T03:04:05.678901",
        ),
        ("2026-01-02T03:04:05", east, "2026-01-02T01:04:05"),
        ("Feb 30 01:00:00", CONTEXT, "invalid 2026-09-21T14:13:20"),
    ] {
        assert_eq!(at(time, context), expected, "{time} {context}");
    }
    let row = row(
        "<38>1 2026-01-02T03:04:05.5-04:00 web-1 sshd 57 - [x@1 a=\"]\\\"\"][y] Failed none for invalid user eve from 203.0.113.7 port 4 ssh2",
    );
    assert_eq!(written(row.time_ns), "2026-01-02T07:04:05.5");
    assert_eq!((&*row.operation, &*row.actor), ("ssh.login_failed", "eve"));
}

/// A time as text, without its zone.
fn written(ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap();
    time.to_string().trim_end_matches('Z').to_owned()
}

#[test]
fn a_file_has_lines_of_either_form() {
    let object = json!({"account": "1", "line": "Mar  7 18:53:24 h su: m"}).to_string();
    let payload = format!("\u{feff}Mar  7 18:53:24 h su: m\r\n\n{object}\n{{\"a\":\nMar\0 x\n");
    let mut payload = payload.into_bytes();
    payload.extend(b"\xff\xfe x\n  last  ");
    let items: Vec<_> = split(SourceType::LinuxAuth, &payload).collect();
    let seen: Vec<_> = items
        .iter()
        .map(|item| (item.line, item.record.map_err(|fault| fault.as_str())))
        .collect();
    assert_eq!(
        seen,
        [
            (1, Ok("Mar  7 18:53:24 h su: m")),
            (3, Ok(&*object)),
            (4, Err("TRUNCATED")),
            (5, Err("MALFORMED")),
            (6, Err("NOT_UTF8")),
            (7, Ok("last")),
        ]
    );
    assert!(items.iter().all(|item| item.context.is_none()));
}
