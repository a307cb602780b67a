//! What the command line asks of the tenants' register, and how it shows the answers.

use serde_json::{Value, json};

use super::cli::Desk;

/// What the register was asked so far.
fn asked(desk: &Desk) -> Vec<String> {
    std::mem::take(&mut *desk.fake.script.registered.lock().unwrap())
}

/// The answer of a command in JSON.
fn answer(desk: &Desk, arguments: &[&str]) -> Value {
    let ran = desk.run(&[arguments, &["-o", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[tokio::test]
async fn a_deletion_is_announced_and_called_off() {
    let desk = Desk::new().await;
    let deleted = answer(
        &desk,
        &[
            "admin",
            "tenants",
            "delete",
            "acme",
            "--waiting-days",
            "7",
            "--reason",
            "ended",
            "--yes",
        ],
    );
    assert_eq!(deleted["state"], "PENDING_DELETION");
    assert_eq!(deleted["purge_time"], "2023-11-14T22:13:20Z");
    assert_eq!(
        asked(&desk),
        [
            "get tenants/acme",
            "delete tenants/acme Some((604800, 0)) \"ended\" e1"
        ]
    );

    // The server says how long, if nobody else does.
    let ran = desk.run(&["admin", "tenants", "delete", "acme"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("pending deletion"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("2023-11-14T22:13:20Z"),
        "{}",
        ran.stdout
    );
    assert_eq!(asked(&desk)[1], "delete tenants/acme None \"\" e1");

    let again = answer(&desk, &["admin", "tenants", "undelete", "tenants/acme"]);
    assert_eq!(again["state"], "SUSPENDED");
    assert_eq!(again["purge_time"], Value::Null);
    assert_eq!(asked(&desk), ["undelete tenants/acme"]);
}

#[tokio::test]
async fn a_certificate_is_given_as_it_was_signed() {
    let desk = Desk::new().await;
    let certificate = ["admin", "tenants", "certificate", "acme"];
    for form in ["table", "json"] {
        let ran = desk.run(&[&certificate[..], &["-o", form]].concat());
        assert_eq!(ran.stdout, "{ \"as\": \"signed\" }\n", "{}", ran.stderr);
    }
    let ran = desk.run(&[&certificate[..], &["--out", "gone.json"]].concat());
    assert_eq!(
        ran.stdout,
        "wrote gone.json: signed at 2023-11-14T22:13:20Z; `cordon verify gone.json` checks it\n"
    );
    let kept = std::fs::read(desk.path("gone.json")).unwrap();
    assert_eq!(kept, b"{ \"as\": \"signed\" }");
    assert_eq!(asked(&desk), ["certificate tenants/acme"; 3]);
}

#[tokio::test]
async fn holds_are_placed_listed_and_released() {
    let desk = Desk::new().await;
    let placed = answer(
        &desk,
        &[
            "admin",
            "holds",
            "place",
            "acme",
            "--reason",
            "a lawsuit",
            "--reference",
            "4 O 17/26",
        ],
    );
    assert_eq!(
        placed,
        json!({
            "name": "tenants/acme/legalHolds/1",
            "reason": "a lawsuit",
            "reference": "4 O 17/26",
            "create_time": "2023-11-14T22:13:20Z",
            "release_time": null,
        })
    );
    let ran = desk.run(&["admin", "holds", "list", "acme"]);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}{}", ran.stdout, ran.stderr);
    assert!(lines[1].starts_with("tenants/acme/legalHolds/1  a lawsuit"));
    assert!(lines[1].ends_with("2023-11-14T22:13:20Z"), "{}", lines[1]);
    assert_eq!(lines[2], "tenants/acme/legalHolds/2  a lawsuit");

    let name = "tenants/acme/legalHolds/1";
    let released = answer(
        &desk,
        &["admin", "holds", "release", name, "--reason", "settled"],
    );
    assert_eq!(released["release_time"], "2023-11-14T22:13:20Z");
    assert_eq!(
        asked(&desk),
        [
            "hold tenants/acme",
            "holds tenants/acme ",
            "holds tenants/acme two",
            "release tenants/acme/legalHolds/1 \"settled\"",
        ]
    );

    let ran = desk.run(&["admin", "holds", "release", "1", "--reason", "settled"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("a full name"), "{}", ran.stderr);
    assert!(asked(&desk).is_empty());
}

#[tokio::test]
async fn keys_are_rotated_and_listed() {
    let desk = Desk::new().await;
    let rotated = answer(
        &desk,
        &["admin", "keys", "rotate", "acme", "--reason", "yearly"],
    );
    assert_eq!(rotated["name"], "tenants/acme/keyRotations/2");
    assert_eq!(rotated["state"], "REENCRYPTING");
    assert_eq!(rotated["segment_count"], 7);

    let ran = desk.run(&["admin", "keys", "list", "acme"]);
    let words: Vec<Vec<_>> = ran
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words[1],
        ["2", "reencrypting", "2023-11-14T22:13:20Z", "3/7"]
    );
    assert_eq!(words[2], ["1", "done", "2023-11-14T22:13:20Z", "3/7"]);
    assert_eq!(
        asked(&desk),
        ["rotate tenants/acme \"yearly\"", "keys tenants/acme"]
    );
}
