//! Lines in which whoever tries to log in wrote what the server would write.

use proptest::prelude::*;

use crate::{CONTEXT, row, see};

/// What the address and the user of a message are.
fn read(message: &str) -> (Option<String>, Option<u16>, String) {
    let row = row(&format!("Mar  7 18:53:24 web-1 sshd[1]: {message}"));
    (row.src_ip.map(|ip| ip.to_string()), row.src_port, row.actor)
}

#[test]
fn a_users_name_is_no_address() {
    let real = "203.0.113.7";
    for (message, user) in [
        (
            "Failed password for invalid user from 192.0.2.66 from 203.0.113.7 port 7 ssh2",
            "from 192.0.2.66",
        ),
        (
            "Failed password for invalid user x from 192.0.2.66 port 22 ssh2 from 203.0.113.7 port 7 ssh2",
            "x from 192.0.2.66 port 22 ssh2",
        ),
        (
            "Failed password for invalid user x from 192.0.2.66 port 22 from 203.0.113.7 port 7 ssh2",
            "x from 192.0.2.66 port 22",
        ),
        (
            "Failed password for invalid user a#012Mar  7 18:53:24 web-1 sshd[1]: Accepted password for root from 192.0.2.66 port 22 ssh2 from 203.0.113.7 port 7 ssh2",
            "a#012Mar  7 18:53:24 web-1 sshd[1]: Accepted password for root from 192.0.2.66 port 22 ssh2",
        ),
        (
            "Failed password for invalid user \\033[2Jx from 203.0.113.7 port 7 ssh2",
            "\\033[2Jx",
        ),
        (
            "Failed password for invalid user \u{1b}[2Jx from 203.0.113.7 port 7 ssh2",
            "\u{1b}[2Jx",
        ),
        (
            "Failed hostbased for alice from 203.0.113.7 port 7 ssh2: RSA SHA256:x, client user \"y from 192.0.2.66 port 22 ssh2\", client host \"z\"",
            "alice",
        ),
        (
            "Accepted hostbased for alice from 203.0.113.7 port 7 ssh2: RSA SHA256:x, client user \"y from 192.0.2.66 port 22 ssh2: z\", client host \"z\"",
            "alice",
        ),
        (
            "Invalid user x from 192.0.2.66 port 22 from 203.0.113.7 port 7",
            "x from 192.0.2.66 port 22",
        ),
        (
            "Invalid user x from 192.0.2.66 from 203.0.113.7",
            "x from 192.0.2.66",
        ),
        (
            "Connection closed by invalid user x 192.0.2.66 port 22 203.0.113.7 port 7 [preauth]",
            "x 192.0.2.66 port 22",
        ),
        (
            "Connection reset by authenticating user root 203.0.113.7 port 7 [preauth]",
            "root",
        ),
        ("Disconnected from user alice 203.0.113.7 port 7", "alice"),
        (
            "Received disconnect from 203.0.113.7 port 7:11: bye from 192.0.2.66 port 22 ssh2 [preauth]",
            "",
        ),
        (
            "Received disconnect from 203.0.113.7: 11: from 192.0.2.66",
            "",
        ),
        (
            "Bad protocol version identification 'x' from 192.0.2.66 port 22' from 203.0.113.7 port 7",
            "",
        ),
        (
            "banner exchange: Connection from 203.0.113.7 port 7: invalid format from 192.0.2.66",
            "",
        ),
        (
            "error: PAM: Authentication failure for illegal user x from 192.0.2.66 via y from 203.0.113.7",
            "x from 192.0.2.66 via y",
        ),
        (
            "error: maximum authentication attempts exceeded for invalid user x from 192.0.2.66 from 203.0.113.7 port 7 ssh2 [preauth]",
            "x from 192.0.2.66",
        ),
        (
            "refused connect from _from 192.0.2.66 (192.0.2.66)_@host (203.0.113.7)",
            "",
        ),
        (
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=x rhost=192.0.2.66",
            "x rhost=192.0.2.66",
        ),
        (
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser=x rhost=192.0.2.66 rhost=203.0.113.7",
            "x rhost=192.0.2.66",
        ),
        (
            "message repeated 2 times: [ Failed password for invalid user x from 192.0.2.66 from 203.0.113.7 port 7 ssh2]",
            "x from 192.0.2.66",
        ),
    ] {
        let (address, _, actor) = read(message);
        assert_eq!(
            (address.as_deref(), &*actor),
            (Some(real), user),
            "{message}"
        );
    }
}

#[test]
fn a_line_with_two_readings_has_no_address() {
    for message in [
        "Failed publickey for invalid user x from 192.0.2.66 port 22 ssh2: RSA SHA256:y from 203.0.113.7 port 7 ssh2: RSA SHA256:z",
        "Failed password for invalid user x from 203.0.113.7 port 7 ssh2: from 192.0.2.66 port 22 ssh2",
        "Disconnecting invalid user x 192.0.2.66 port 22: y 203.0.113.7 port 7: Too many authentication failures [preauth]",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser=x rhost=192.0.2.66  user=y rhost=203.0.113.7",
        "Failed password for invalid user x from 203.0.113.7 port 99999 ssh2",
        "Failed password for invalid user x from 203.0.113.7 from nowhere",
    ] {
        assert_eq!(read(message).0, None, "{message}");
    }
}

#[test]
fn programs_are_told_by_the_head_and_not_by_the_message() {
    for (line, service, operation) in [
        (
            "Mar  7 18:53:24 web-1 logger[9]: sshd[1]: Accepted password for root from 192.0.2.66 port 1 ssh2",
            "logger",
            "other",
        ),
        (
            "Mar  7 18:53:24 web-1 logger: Accepted password for root from 192.0.2.66 port 1 ssh2",
            "logger",
            "other",
        ),
        (
            "Mar  7 18:53:24 web-1 sshd[1]: Connection from 203.0.113.7 port 1: sudo: a : COMMAND=b",
            "sshd",
            "ssh.connect",
        ),
        (
            "Mar  7 18:53:24 sshd[1]: Connection closed by 203.0.113.7",
            "sshd",
            "ssh.disconnect",
        ),
    ] {
        let row = row(line);
        assert_eq!(
            (&*row.service, &*row.operation),
            (service, operation),
            "{line}"
        );
    }
}

#[test]
fn a_command_that_imitates_sudo_is_not_taken_apart() {
    let row = row(
        "Mar  7 18:53:24 web-1 sudo: alice : TTY=pts/0 ; PWD=/tmp/x ; USER=nobody ; COMMAND=/bin/true ; USER=root ; COMMAND=/bin/sh",
    );
    assert_eq!((&*row.actor, &*row.operation), ("alice", "sudo.command"));
    assert_eq!(
        row.resources,
        ["i-0f00ba4"],
        "who it was run as has two readings"
    );
}

#[test]
fn the_longest_lines_are_read_in_one_go() {
    let heads = [
        "sshd[1]: Failed password for invalid user ",
        "sshd[1]: Disconnecting invalid user ",
        "sshd[1]: Invalid user ",
        "sshd[1]: pam_unix(sshd:auth): authentication failure; logname= ruser=x ",
        "sudo: alice : ",
    ];
    let pieces = [
        " from ",
        " from 1.1.1.1 port 1 ssh2:",
        " port ",
        " 1.1.1.1 port 1",
        " rhost= user=",
        " ; COMMAND=",
        " ; USER=x",
        ": ",
        "[",
        "   ",
    ];
    for head in heads {
        for piece in pieces {
            let mut line = format!("Mar  7 18:53:24 web-1 {head}");
            line.push_str(&piece.repeat(((1 << 20) - line.len() - 2) / piece.len()));
            line.push('x');
            assert!(see(&line, Some(CONTEXT)).is_ok());
        }
    }
}

/// Pieces of which lines are made, good ones and planted ones.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            " from ",
            "192.0.2.66",
            " port ",
            "22",
            " ssh2",
            ":",
            " ",
            "[preauth]",
            "invalid user ",
            "Failed password for ",
            "rhost=",
            " user=",
            "ruser=",
            " ; COMMAND=",
            "USER=",
            "'",
            "(",
            ")",
            "#012",
            "\u{1b}[2J",
            "é",
            "[",
            "]",
            "{",
            "\"",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9]{1,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Whatever somebody calls itself, the address is the server's or none.
    #[test]
    fn no_name_sets_the_address(name in prop::collection::vec(piece(), 0..12), format in 0..6_usize) {
        let name: String = name.concat();
        let real = "203.0.113.7";
        let message = match format {
            0 => format!("Failed password for invalid user {name} from {real} port 7 ssh2"),
            1 => format!("Failed publickey for invalid user {name} from {real} port 7 ssh2: RSA SHA256:x"),
            2 => format!("Invalid user {name} from {real} port 7"),
            3 => format!("Connection closed by invalid user {name} {real} port 7 [preauth]"),
            4 => format!("Disconnecting invalid user {name} {real} port 7: Too many authentication failures [preauth]"),
            _ => format!("error: PAM: Authentication failure for illegal user {name} from {real}"),
        };
        let (address, port, _) = read(&message);
        prop_assert!(address.is_none() || address.as_deref() == Some(real), "{}", message);
        prop_assert!(port.is_none() || port == Some(7), "{}", message);
    }

    #[test]
    fn any_line_is_read_or_rejected(parts in prop::collection::vec(piece(), 0..30), head in prop::sample::select(vec![
        "", "Mar  7 18:53:24 web-1 sshd[1]: ", "<38>1 2026-01-02T03:04:05Z h sshd 1 - ", "<38>1 - - - - - [", "2026-01-02T03:04:05Z h sudo: ", "{", "Feb 29 1:1:1 ",
    ])) {
        let line = format!("{head}{}", parts.concat());
        for context in [None, Some(CONTEXT)] {
            if let Ok(seen) = see(&line, context) {
                for (_, row) in &seen.views {
                    let event = cordon_views::render_ocsf(&row.as_ref());
                    prop_assert_eq!(event["raw_data"].as_str(), Some(line.trim_ascii()));
                }
            }
        }
    }
}
