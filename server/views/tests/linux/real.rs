//! The published lines. Their content is read at run time and stays where it is.
//!
//! Those of fail2ban have labels: whether a line is a failed login, and from which host. A
//! label may be about lines before it too, and follows what fail2ban can tell.

use std::fs;
use std::net::IpAddr;

use cordon_views::{SourceType, split::split};
use serde_json::{Value, json};

use crate::support::{row_of, shared_data};
use crate::{CONTEXT, see};

/// A line, and its label if it has one.
type Labelled = (String, Option<Value>);

fn fail2ban(file: &str) -> Option<Vec<Labelled>> {
    let Some(data) = shared_data() else {
        eprintln!("skipped: no data");
        return None;
    };
    let text = fs::read_to_string(data.join("linux-auth/fail2ban").join(file)).unwrap();
    let (mut lines, mut label) = (Vec::new(), None);
    for line in text.lines() {
        if let Some(json) = line.strip_prefix("# failJSON:") {
            label = serde_json::from_str(json).ok();
        } else if !line.is_empty() && !line.starts_with('#') {
            lines.push((line.to_owned(), label.take()));
        }
    }
    Some(lines)
}

/// How many lines are read, how many have the label's address, and those that have another.
fn against_labels(lines: &[Labelled]) -> (usize, usize, Vec<String>) {
    let (mut read, mut agree, mut differ) = (0, 0, Vec::new());
    for (line, label) in lines {
        let Ok(seen) = see(line, Some(CONTEXT)) else {
            continue;
        };
        read += 1;
        let row = row_of(&seen, "acme").unwrap();
        assert_eq!(row.raw, line.trim());
        let host = label.as_ref().and_then(|label| label["host"].as_str());
        let host = host.and_then(|host| host.parse::<IpAddr>().ok());
        let user = label.as_ref().and_then(|label| label["user"].as_str());
        if let Some(user) = user.filter(|user| !row.actor.is_empty() && *user != row.actor) {
            differ.push(format!("{user}: {line}"));
        }
        match (host.map(|ip| ip.to_canonical()), row.src_ip) {
            (Some(host), Some(found)) if host == found => agree += 1,
            (Some(_), Some(_)) => differ.push(line.clone()),
            _ => {}
        }
    }
    (read, agree, differ)
}

#[test]
fn no_address_is_another_than_the_label_says() {
    for (file, lines, read, agree) in [
        ("sshd.log", 155, 155, 91),
        ("sshd-journal.log", 129, 129, 72),
        ("pam-generic.log", 9, 9, 4),
        // Lines of auditd, which are no syslog lines.
        ("selinux-ssh.log", 11, 0, 0),
    ] {
        let Some(all) = fail2ban(file) else { return };
        let (was_read, agreed, differ) = against_labels(&all);
        assert_eq!(differ, [""; 0], "{file}");
        assert_eq!(
            (all.len(), was_read, agreed),
            (lines, read, agree),
            "{file}"
        );
    }
}

#[test]
fn addresses_that_are_not_taken() {
    let Some(lines) = fail2ban("sshd.log") else {
        return;
    };
    let mut open = 0;
    for (line, label) in &lines {
        let host = label.as_ref().and_then(|label| label["host"].as_str());
        let Some(ip) = host.and_then(|host| host.parse::<IpAddr>().ok()) else {
            continue;
        };
        let seen = see(line, Some(CONTEXT)).unwrap();
        // Only where the line itself has the address.
        if row_of(&seen, "acme").unwrap().src_ip.is_none() && line.contains(&ip.to_string()) {
            open += 1;
        }
    }
    // The name of a user that there is not, who claims that the line ends before it does:
    // both ends are as good.
    assert_eq!(open, 1);
}

#[test]
fn plasos_lines_are_read_or_dead_letters() {
    let Some(data) = shared_data() else { return };
    for (file, lines, dead) in [
        // A line with a month that there is none, and one that goes on from the one before.
        ("syslog.log", 18, 2),
        ("syslog_rsyslog.log", 5, 0),
        ("syslog_rsyslog_SyslogProtocol23Format.log", 10, 1),
        ("syslog_ssh.log", 9, 0),
        // Lines of auditd.
        ("audit_enriched.log", 29, 29),
        ("selinux.log", 11, 11),
    ] {
        let payload = fs::read(data.join("linux-auth/plaso").join(file)).unwrap();
        let (mut count, mut bad) = (0, 0);
        for item in split(SourceType::LinuxAuth, &payload) {
            count += 1;
            let seen = item.record.map(|line| see(line, Some(CONTEXT)));
            bad += usize::from(!matches!(seen, Ok(Ok(_))));
        }
        assert_eq!((count, bad), (lines, dead), "{file}");
    }
}

#[test]
fn hand_checked_lines_have_the_right_columns() {
    let Some(data) = shared_data() else { return };
    let text = fs::read_to_string(data.join("linux-auth/plaso/syslog_ssh.log")).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| {
            let seen = see(line, Some(CONTEXT)).unwrap();
            let row = row_of(&seen, "acme").unwrap();
            json!([row.operation, row.actor, row.src_ip, row.src_port])
        })
        .collect();
    assert_eq!(
        Value::from(rows),
        json!([
            ["other", "", null, null],
            ["ssh.login", "plaso", "192.168.0.1", 59229],
            ["ssh.login", "plaso", "2001:db8:a0b:12f0::1", 42532],
            ["ssh.login_failed", "plaso", "1:db8:a0b:12f0::1", 8759],
            ["ssh.connect", "", "188.124.3.41", 32889],
            ["ssh.login_failed", "root", "188.124.3.41", 32889],
            ["ssh.login", "fred", "192.0.2.60", 60594],
            ["ssh.login", "fred", "192.0.2.60", 20042],
            ["ssh.login", "fred", "192.0.2.60", 59915],
        ])
    );
}
