#![allow(clippy::unwrap_used)]

use super::*;

fn line(text: &str) -> (&str, &str, &str, Option<u32>, &str) {
    let line = Line::parse(text).unwrap_or_else(|| panic!("{text}"));
    (line.time, line.host, line.program, line.pid, line.message)
}

#[test]
fn heads_of_every_form() {
    let time = "Mar  7 18:53:24";
    for (text, expected) in [
        (
            "Mar  7 18:53:24 h sshd[7]: m x",
            (time, "h", "sshd", Some(7), "m x"),
        ),
        (
            "<38>Mar  7 18:53:24 h sshd[7]: m",
            (time, "h", "sshd", Some(7), "m"),
        ),
        (
            "Mar 7 18:53:24 h /usr/sbin/sshd-session[7]: m",
            ("Mar 7 18:53:24", "h", "sshd", Some(7), "m"),
        ),
        (
            "Mar  7 18:53:24 sudo:   a : b",
            (time, "", "sudo", None, "a : b"),
        ),
        ("Mar  7 18:53:24 [sshd] m", (time, "", "sshd", None, "m")),
        (
            "Mar  7 18:53:24 h pop(pam_unix)[4]: m",
            (time, "h", "pop", Some(4), "m"),
        ),
        (
            "Mar  7 18:53:24 h words: no tag",
            (time, "h", "words", None, "no tag"),
        ),
        (
            "Mar  7 18:53:24 h two words",
            (time, "h", "", None, "two words"),
        ),
        (
            "Mar  7 18:53:24: --- last ---",
            (time, "", "", None, "--- last ---"),
        ),
        (
            "2026-01-02T03:04:05+01:00 h su: m",
            ("2026-01-02T03:04:05+01:00", "h", "su", None, "m"),
        ),
        ("h sshd[7]: m", ("", "h", "sshd", Some(7), "m")),
        (
            "<38>1 2026-01-02T03:04:05Z h sshd 7 - - \u{feff}m",
            ("2026-01-02T03:04:05Z", "h", "sshd", Some(7), "m"),
        ),
        (
            "<38>1 - - - - - [a b=\"]\\\"]\"][c] m",
            ("", "", "", None, "m"),
        ),
    ] {
        assert_eq!(line(text), expected, "{text}");
    }
    for text in [
        "",
        "words",
        "two words",
        "type=LOGIN[1323] msg=audit(1.2:3): pid=1",
        "sshd[7]: m",
        "Foo  7 18:53:24 h two words",
        "Mar  7 18:53 h two words",
        "<38>1 2026-01-02T03:04:05Z h sshd",
        "<38>1 - - - - - [a b=\"c m",
        "<38>1 - - - - - m",
    ] {
        assert_eq!(Line::parse(text), None, "{text}");
    }
}

#[test]
fn offsets_are_written_in_two_ways() {
    for (text, seconds) in [("Z", 0), ("UTC", 0), ("+02:00", 7_200), ("-0330", -12_600)] {
        assert_eq!(offset(text).unwrap().seconds(), seconds, "{text}");
    }
    for text in [
        "",
        "+",
        "02:00",
        "+2:00",
        "+02:60",
        "+15:00",
        "CET",
        "+\u{e9}\u{e9}",
        "+0200x",
    ] {
        assert_eq!(offset(text), None, "{text}");
    }
}

#[test]
fn what_loggers_put_around_a_message_is_taken_off() {
    let read = |message| {
        let said = Said::read("sshd", message);
        (said.operation, said.from, said.count)
    };
    let from = "203.0.113.7";
    let failed = Operation::SshLoginFailed;
    for (message, count) in [
        ("Failed none for eve from 203.0.113.7 port 4 ssh2", None),
        (
            "error: Failed none for eve from 203.0.113.7 port 4 ssh2 [preauth]",
            None,
        ),
        (
            "[ID 1 auth.info] Failed none for eve from 203.0.113.7 port 4 ssh2",
            None,
        ),
        (
            "kernel:[  12.5]: Failed none for eve from 203.0.113.7 port 4 ssh2",
            None,
        ),
        (
            "message repeated 3 times: [ Failed none for eve from 203.0.113.7 port 4 ssh2]",
            Some(3),
        ),
    ] {
        assert_eq!(read(message), (failed, from, count), "{message}");
    }
    let odd = "message repeated x times: [ Failed none for eve from 203.0.113.7 port 4 ssh2]";
    assert_eq!(read(odd), (Operation::Other, "", None));
}
