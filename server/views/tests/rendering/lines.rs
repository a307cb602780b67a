//! Lines of Linux hosts as OCSF.

use std::fs;

use cordon_views::split::split;
use cordon_views::{EventRow, SourceType};
use serde_json::{Value, json};

use crate::schema::{Schema, check};
use crate::world::{World, data, render};

const CONTEXT: &str = r#"{"account":"aws:111111111111","host":"i-0f00ba4","rack":7}"#;

fn rows(line: &str) -> Vec<EventRow> {
    let world = World::new().account("111111111111", "acme");
    let seen = world.see(SourceType::LinuxAuth, line.as_bytes(), Some(CONTEXT));
    let views = seen.map(|seen| seen.views).unwrap_or_default();
    views.into_iter().map(|(_, row)| row).collect()
}

fn event(message: &str) -> Value {
    let row = rows(&format!("Mar  7 18:53:24 web-1 {message}")).pop();
    render(&row.unwrap())
}

/// A line of every kind; every value is made up.
const MESSAGES: [&str; 14] = [
    "sshd[7]: Accepted publickey for alice from 203.0.113.7 port 4 ssh2: ED25519 SHA256:x",
    "sshd[7]: Failed password for invalid user eve from ::ffff:203.0.113.7 port 4 ssh2",
    "sshd[7]: error: PAM: Authentication failure for eve from host.example.com",
    "sshd[7]: Connection from 203.0.113.7 port 4 on 192.0.2.1 port 22",
    "sshd: Disconnecting: Too many authentication failures",
    "su: Successful su for root by alice",
    "su: pam_unix(su:session): session closed for user root",
    "sudo: alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id -u",
    "sudo: alice : a password is required ; PWD=/ ; USER=root ; COMMAND=/a ; COMMAND=/b",
    "useradd[9]: new user: name=mallory, UID=0, GID=0",
    "groupadd[9]: new group: name=ops, GID=0",
    "gpasswd[9]: user mallory added by root to group wheel",
    "CRON[9]: (root) CMD (true)",
    "words without a tag",
];

#[test]
fn lines_render_to_the_schema() {
    let Some(data) = data() else { return };
    let schema = Schema::load(&data);
    let own: Vec<Value> = MESSAGES.into_iter().map(event).collect();
    for class in [0, 1007, 3001, 3002, 3006] {
        assert!(
            own.iter().any(|event| event["class_uid"] == class),
            "no {class}"
        );
    }
    assert_eq!(check(&schema, "own lines", own), MESSAGES.len());
    let mut published = Vec::new();
    for folder in ["fail2ban", "plaso"] {
        for entry in fs::read_dir(data.join("linux-auth").join(folder)).unwrap() {
            let payload = fs::read(entry.unwrap().path()).unwrap();
            for item in split(SourceType::LinuxAuth, &payload) {
                let line = item.record.unwrap();
                for row in rows(line) {
                    let event = render(&row);
                    assert_eq!(event["raw_data"], line, "the line is whole");
                    assert_eq!(event["unmapped"]["rack"], 7);
                    published.push(event);
                }
            }
        }
    }
    assert_eq!(check(&schema, "published lines", published), 332);
}

#[test]
fn lines_are_told_in_the_words_of_the_schema() {
    let login = event(MESSAGES[1]);
    assert_eq!(login["type_uid"], 300_201);
    assert_eq!(login["status"], "Failure");
    assert_eq!(login["user"]["name"], "eve");
    assert_eq!(login["service"]["name"], "sshd");
    assert_eq!(login["is_remote"], true);
    assert_eq!(
        login["src_endpoint"],
        json!({"ip": "203.0.113.7", "port": 4})
    );
    assert_eq!(login["device"]["name"], "i-0f00ba4");
    assert_eq!(login["device"]["hostname"], "web-1");
    assert_eq!(login["cloud"]["account"]["uid"], "111111111111");
    assert_eq!(login["actor"]["process"]["pid"], 7);
    assert_eq!(login["metadata"]["original_time"], "Mar  7 18:53:24");
    assert_eq!(
        event(MESSAGES[2])["src_endpoint"]["hostname"],
        "host.example.com"
    );
    let command = event(MESSAGES[7]);
    assert_eq!(command["type_uid"], 100_701);
    assert_eq!(command["process"]["cmd_line"], "/usr/bin/id -u");
    assert_eq!(command["process"]["path"], "/usr/bin/id");
    assert_eq!(command["process"]["user"]["name"], "root");
    assert_eq!(command["actor"]["user"]["name"], "alice");
    let refused = event(MESSAGES[8]);
    assert_eq!(refused["status_detail"], "a password is required");
    assert_eq!(
        refused["process"].get("cmd_line"),
        None,
        "it has two readings"
    );
    let su = event(MESSAGES[5]);
    assert_eq!(
        (&su["user"]["name"], &su["account_switch_type_id"]),
        (&json!("root"), &json!(1))
    );
    let member = event(MESSAGES[11]);
    assert_eq!(
        (&member["group"]["name"], &member["user"]["name"]),
        (&json!("wheel"), &json!("mallory"))
    );
}
