//! What the code's layout promises and no compiler checks: which room may know which, and who may
//! steer a transaction.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms, each with those that it may use. The order is the graph's: no room is used by an
/// earlier one, so there is no circle.
const ROOMS: &[(&str, &[&str])] = &[
    ("tenants", &[]),
    ("catalogue", &["tenants"]),
    ("events", &["tenants", "catalogue"]),
    // What a customer tells of its own; it needs nobody.
    ("context", &[]),
    ("detection", &["tenants", "catalogue", "events", "context"]),
    (
        "incidents",
        &["tenants", "catalogue", "events", "detection"],
    ),
    (
        "evidence",
        &["tenants", "catalogue", "events", "detection", "incidents"],
    ),
    (
        "analysis",
        &[
            "tenants",
            "catalogue",
            "events",
            "detection",
            "evidence",
            "incidents",
        ],
    ),
    (
        "response",
        &[
            "tenants",
            "catalogue",
            "events",
            "detection",
            "evidence",
            "incidents",
        ],
    ),
    (
        "sla",
        &[
            "tenants",
            "catalogue",
            "events",
            "detection",
            "evidence",
            "incidents",
        ],
    ),
    ("reports", &["evidence", "incidents", "response", "sla"]),
    (
        "readiness",
        &[
            "tenants",
            "catalogue",
            "context",
            "detection",
            "incidents",
            "response",
            "sla",
        ],
    ),
    // All write to the logs through the kernel; nobody needs the room that shows them.
    ("transparency", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files below a folder of the workspace, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = root();
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no Rust file below {folder}");
    found
}

/// The code of a file without its line comments and without its test module.
fn code(text: &str) -> String {
    let text = text
        .split_once("#[cfg(test)]\nmod tests {")
        .map_or(text, |(before, _)| before);
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("/tests.rs") || name.ends_with("/testing.rs")
}

/// The rooms that a text names after `path`, groups in braces included.
fn named_after<'t>(text: &'t str, path: &str) -> Vec<&'t str> {
    let word = |text: &'t str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
    };
    let mut rooms = Vec::new();
    for (at, _) in text.match_indices(path) {
        let rest = &text[at + path.len()..];
        match rest.strip_prefix('{') {
            // One level is enough: the first word of each part is the room.
            Some(group) => {
                let mut depth = 0_i32;
                let mut begins = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        c if begins && c.is_ascii_lowercase() => {
                            rooms.extend(word(&group[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
            None => rooms.extend(word(rest)),
        }
    }
    rooms
}

#[test]
fn rooms_know_only_those_before_them() {
    let names: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (file, text) in sources("server/src/rooms") {
        if is_test(&file) {
            continue; // a test may set the scene with any room
        }
        let Some((room, _)) = file.trim_start_matches("server/src/rooms/").split_once('/') else {
            continue; // rooms/mod.rs
        };
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{file}: a room that the graph does not have"));
            continue;
        };
        let text = code(&text);
        for used in named_after(&text, "rooms::") {
            if names.contains(used) && used != room && !may.contains(&used) {
                wrong.push(format!("{file}: {room} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_graph_of_rooms_has_no_circle() {
    for (at, (room, may)) in ROOMS.iter().enumerate() {
        for used in *may {
            let before = ROOMS[..at].iter().any(|(name, _)| name == used);
            assert!(before, "{room} uses {used}, which comes later");
        }
    }
}

#[test]
fn groups_of_imports_are_read() {
    let text =
        "use crate::rooms::{events::{Directory, tenants}, sla}; crate::rooms::catalogue::x()";
    assert_eq!(named_after(text, "rooms::"), ["events", "sla", "catalogue"]);
}

/// A room holds a connection while its transaction is open. What begins and ends transactions,
/// names a schema past the guards or opens a connection of its own is the kernel's alone.
#[test]
fn only_the_kernel_steers_transactions_and_opens_databases() {
    const STEERING: &[&str] = &[
        "\"commit\"",
        "\"commit;",
        "; commit",
        "\"rollback",
        "\"begin ",
        "\"savepoint",
        "\"release ",
        "\"pragma",
        "\"attach ",
        " main.",
        " temp.",
        "sqlite_schema",
        "sqlite_master",
        "anypool",
        "sqlitepool",
        "sqliteconnection",
        "set_config",
        "'cordon.tenant'",
        "\"set local",
        "\"set role",
        "\"set session",
        "\"reset ",
        "pg_catalog",
        "information_schema",
        "pgpool",
        "pgconnection",
        "pooloptions",
        "connectoptions",
        "connection::connect",
    ];
    let mut wrong = Vec::new();
    for (file, text) in ["server/src", "server/lake/src"]
        .into_iter()
        .flat_map(sources)
        .filter(|(file, _)| !is_test(file))
    {
        let code = code(&text).to_ascii_lowercase();
        for word in STEERING.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{file}: {word}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
