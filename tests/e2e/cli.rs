//! The command line, as scripts use it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{Call, World, binary, shared_data, trail};

fn run(arguments: &[&str]) -> Output {
    Command::new(binary("cordon"))
        .args(arguments)
        .env_remove("CORDON_PROFILE")
        .output()
        .unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{arguments:?}: {err}");
    out
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_that_scripts_rely_on() {
    let world = World::new().await;
    let folder = world.folder.path().to_owned();
    let operator = folder.join("data/profiles/operator.toml");
    let operator = text(&operator);
    let reader = folder.join("initech-reader.toml");
    let reader = text(&reader);
    tokio::task::block_in_place(|| {
        succeed(&[
            "--profile",
            operator,
            "admin",
            "tenants",
            "create",
            "initech",
            "--display-name",
            "Initech",
        ]);
        succeed(&[
            "--profile",
            operator,
            "admin",
            "accounts",
            "add",
            "initech",
            "aws:100000000001",
        ]);
        succeed(&[
            "--profile",
            operator,
            "admin",
            "credentials",
            "issue",
            "initech",
            "--role",
            "reader",
            "--out",
            reader,
        ]);

        let records: Vec<String> = (0..3)
            .map(|n| {
                trail(&Call {
                    id: &n.to_string(),
                    ..Call::own("", "aws:100000000001")
                })
            })
            .collect();
        let wrapped = folder.join("wrapped.json");
        std::fs::write(&wrapped, format!("{{\"Records\":[{}]}}", records.join(","))).unwrap();
        let lines = folder.join("lines.jsonl");
        std::fs::write(
            &lines,
            format!(
                "{}\nnot json\n{}\n",
                records[0],
                trail(&Call::own("nobody", "aws:900000000009"))
            ),
        )
        .unwrap();

        let ingest = [
            "--profile",
            operator,
            "ingest",
            "--source-type",
            "aws.cloudtrail",
            text(&wrapped),
            "-o",
            "json",
        ];
        let first: Value = serde_json::from_str(&succeed(&ingest)).unwrap();
        assert_eq!(
            (
                &first["accepted"],
                &first["duplicates"],
                &first["rejected"],
                &first["unattributed"]
            ),
            (&3.into(), &0.into(), &0.into(), &0.into())
        );
        let again: Value = serde_json::from_str(&succeed(&ingest)).unwrap();
        assert_eq!(
            (&again["accepted"], &again["duplicates"]),
            (&0.into(), &3.into())
        );

        let output = run(&[
            "--profile",
            operator,
            "ingest",
            "--source-type",
            "aws.cloudtrail",
            text(&lines),
            "-o",
            "json",
        ]);
        assert!(!output.status.success(), "something was rejected");
        let mixed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (
                &mixed["accepted"],
                &mixed["rejected"],
                &mixed["unattributed"]
            ),
            (&2.into(), &1.into(), &1.into()),
            "{mixed}"
        );
        assert_eq!(mixed["errors"][0]["line"], 2, "{mixed}");

        let range = [
            "--since",
            "2026-01-01T00:00:00Z",
            "--until",
            "2026-12-31T00:00:00Z",
            "--limit",
            "100000",
        ];
        let search = [
            &["--profile", reader, "events", "search"],
            &range[..],
            &["-o", "ndjson"],
        ]
        .concat();
        let output = run(&search);
        assert!(output.status.success());
        let events: Vec<Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|event| {
            event["metadata"]["uid"]
                .as_str()
                .unwrap()
                .starts_with("event-")
                && event["class_uid"] == 6003
        }));
        let statement = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            statement.contains("complete until") || statement.contains("observed until"),
            "{statement}"
        );

        let raw = succeed(
            &[
                &["--profile", reader, "events", "search"],
                &range[..],
                &["--view", "raw", "-o", "ndjson"],
            ]
            .concat(),
        );
        let mut raw: Vec<&str> = raw.lines().collect();
        raw.sort_unstable();
        let mut sent: Vec<&str> = records.iter().map(String::as_str).collect();
        sent.sort_unstable();
        assert_eq!(raw, sent, "the source's bytes");

        let out = folder.join("events.csv");
        succeed(
            &[
                &["--profile", reader, "events", "export"],
                &range[..4],
                &["--format", "csv", "--out", text(&out)],
            ]
            .concat(),
        );
        assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 4);
        let out = folder.join("events.parquet");
        succeed(
            &[
                &["--profile", reader, "events", "export"],
                &range[..4],
                &["--format", "parquet", "--out", text(&out)],
            ]
            .concat(),
        );
        assert!(std::fs::read(&out).unwrap().starts_with(b"PAR1"));

        assert!(succeed(&["--profile", reader, "whoami"]).contains("initech"));
        assert!(succeed(&["--profile", reader, "audit", "list"]).contains("SearchEvents"));
        assert!(succeed(&["completions", "bash"]).contains("cordon"));
        let refused = run(&["--profile", reader, "admin", "tenants", "list"]);
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("PERMISSION_DENIED"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn real_files_in_all_their_shapes_are_taken() {
    let Some(data) = shared_data() else { return };
    let world = World::new().await;
    let operator = world.folder.path().join("data/profiles/operator.toml");
    for folder in [
        "cloudtrail-stratus",
        "cloudtrail-otrf-s3-breach",
        "cloudtrail-traildiscover/logs",
    ] {
        let mut files: Vec<_> = std::fs::read_dir(data.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json" || extension == "jsonl")
            })
            .collect();
        files.sort();
        let mut arguments = vec![
            "--profile",
            text(&operator),
            "ingest",
            "--source-type",
            "aws.cloudtrail",
            "-o",
            "json",
        ];
        arguments.extend(files.iter().map(|path| text(path)));
        let output = tokio::task::block_in_place(|| run(&arguments));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["rejected"], 0, "{folder}: {summary}");
        assert!(
            summary["accepted"].as_i64().unwrap() > 50,
            "{folder}: {summary}"
        );
    }
}
