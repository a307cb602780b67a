//! The command line as scripts see it: stdout, stderr, exit code, files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cordon_proto::events as wire;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Code, Status};

use super::fake::Fake;
use super::{found, refusal, summary};

/// A folder with a profile for the fake.
pub(crate) struct Desk {
    pub(crate) fake: Fake,
    folder: TempDir,
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let fake = Fake::start().await;
        let folder = tempfile::tempdir().unwrap();
        fake.profile.save(folder.path().join("p.toml")).unwrap();
        Self { fake, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_as(&self.path("p.toml"), arguments)
    }

    fn run_as(&self, profile: &Path, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_cordon"))
            .arg("--profile")
            .arg(profile)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("CORDON_ENDPOINT")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn seen(ocsf: &str, raw: &'static [u8]) -> Result<wire::SearchEventsResponse, Status> {
    let event = wire::Event {
        name: "tenants/acme/events/000102030405060708090a0b0c0d0e0f".to_owned(),
        ocsf_json: ocsf.to_owned(),
        raw: raw.into(),
        columns: Some(wire::EventColumns {
            class_uid: 6003,
            operation: "Get\u{1b}[31m".to_owned(),
            ..wire::EventColumns::default()
        }),
        ..wire::Event::default()
    };
    let events = vec![event];
    Ok(wire::SearchEventsResponse {
        result: Some(wire::search_events_response::Result::Events(
            wire::EventList { events },
        )),
    })
}

#[tokio::test]
async fn a_search_gives_events_on_stdout_and_the_rest_on_stderr() {
    let desk = Desk::new().await;
    let answer = || {
        let event = seen("{ \"b\": 1.0,\"a\":\"\u{9b}\" }", b"{\n \"x\": 1 }");
        Ok(vec![event, summary("", 1)])
    };
    desk.fake
        .script
        .searches
        .lock()
        .unwrap()
        .extend((0..4).map(|_| answer()));

    let ran = desk.run(&[
        "events",
        "search",
        "--since",
        "2023-01-01T00:00:00Z",
        "-o",
        "ndjson",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stdout, "{ \"b\": 1.0,\"a\":\"\u{9b}\" }\n",
        "as it was sent"
    );
    assert!(ran.stderr.contains("completeness: after"), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("withheld: FOREIGN_IDENTITY in 1 events"),
        "{}",
        ran.stderr
    );

    let ran = desk.run(&["events", "search", "--view", "raw", "-o", "ndjson"]);
    assert_eq!(ran.stdout, "{\"x\":1}\n");
    let ran = desk.run(&["events", "search", "--view", "raw", "-o", "json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&ran.stdout).unwrap(),
        json!([{ "x": 1 }])
    );

    let ran = desk.run(&["events", "search"]);
    assert!(ran.stdout.starts_with("TIME"), "{}", ran.stdout);
    assert!(ran.stdout.contains("API Activity") && ran.stdout.contains("Get\\u001b[31m"));
    assert!(ran.stdout.contains("000102030405060708090a0b0c0d0e0f"));
    assert!(
        !ran.stdout.contains('\u{1b}'),
        "no colours and no commands in a pipe"
    );

    let searched = desk.fake.script.searched.lock().unwrap();
    assert_eq!(searched[0].start_time.unwrap().seconds, 1_672_531_200);
    assert_eq!(searched[0].page_size, 100);
    assert_eq!(searched[1].view(), wire::EventView::Raw);
    assert_eq!(searched[3].view(), wire::EventView::Columns);
}

#[tokio::test]
async fn a_search_says_when_there_is_more() {
    let desk = Desk::new().await;
    let answer = Ok(vec![found(&[1]), summary("more", 0)]);
    desk.fake.script.searches.lock().unwrap().push_back(answer);
    let ran = desk.run(&["events", "search", "--limit", "1", "-o", "ndjson"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("there are more"), "{}", ran.stderr);
}

#[tokio::test]
async fn failures_have_exit_codes_and_say_what_to_do() {
    let desk = Desk::new().await;
    for (status, code, said) in [
        (
            refusal(Code::InvalidArgument, "INVALID_FILTER"),
            2,
            "[INVALID_FILTER]\nhint: a filter is",
        ),
        (
            refusal(Code::InvalidArgument, "INVALID_RULE"),
            2,
            "[INVALID_RULE]\nhint: a rule is",
        ),
        (
            refusal(Code::PermissionDenied, "PERMISSION_DENIED"),
            3,
            "hint: `cordon whoami`",
        ),
        (
            refusal(Code::PermissionDenied, "TENANT_SUSPENDED"),
            3,
            "[TENANT_SUSPENDED]",
        ),
        (refusal(Code::NotFound, "NOT_FOUND"), 4, "[NOT_FOUND]"),
        (refusal(Code::Internal, "INTERNAL"), 1, "[INTERNAL]"),
    ] {
        desk.fake
            .script
            .searches
            .lock()
            .unwrap()
            .push_back(Err(status));
        let ran = desk.run(&["events", "search"]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }

    let ran = desk.run(&["events", "search", "--since", "yesterday"]);
    assert_eq!(ran.code, 2);
    let ran = desk.run_as(Path::new("nothing.toml"), &["whoami"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("nothing.toml"));
    let ran = desk.run(&["--endpoint", "127.0.0.1:9", "whoami"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("[UNAVAILABLE]\nhint: "),
        "{}",
        ran.stderr
    );

    // Several are all named, and one that is there is enough.
    let both = "127.0.0.1:9,127.0.0.1:10";
    let ran = desk.run(&["--endpoint", both, "whoami"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    for said in ["https://127.0.0.1:9", "https://127.0.0.1:10", "\nhint: "] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let there = &desk.fake.profile.endpoints[0];
    let one = format!("127.0.0.1:9,{there}");
    let ran = desk.run(&["--endpoint", &one, "whoami", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let who: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(&who["server"], there);

    let mut stranger = Fake::start().await.profile.clone();
    stranger.endpoints.clone_from(&desk.fake.profile.endpoints);
    stranger.save(desk.path("stranger.toml")).unwrap();
    let ran = desk.run_as(&desk.path("stranger.toml"), &["whoami"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("[UNTRUSTED_SERVER]"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_ingest_accounts_for_every_record() {
    let desk = Desk::new().await;
    let file = "{\"a\":1}\nbad\n{\"a\":2}\n{\"a\":\n{\"a\":3}\n";
    std::fs::write(desk.path("a.json"), file).unwrap();
    std::fs::write(desk.path("b.json"), "{\"Records\":[{\"a\":4},{\"a\":5}]}").unwrap();
    std::fs::write(desk.path("empty.json"), "[]").unwrap();
    let ingest = |files: &[&str]| {
        let fixed = ["ingest", "--source-type", "aws.cloudtrail", "-o", "json"];
        desk.run(&[&fixed[..], files].concat())
    };

    let ran = ingest(&["a.json", "b.json", "empty.json"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 1);
    let sum: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&sum["accepted"], &sum["duplicates"], &sum["rejected"]),
        (&json!(5), &json!(0), &json!(2))
    );
    let places: Vec<_> = sum["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["file"], &e["line"]))
        .collect();
    assert_eq!(
        places,
        [(&json!("a.json"), &json!(2)), (&json!("a.json"), &json!(4))]
    );
    assert_eq!(sum["errors"][0]["reason"], "MALFORMED_JSON");
    assert!(ran.stderr.contains("a.json:2: "), "{}", ran.stderr);

    // The same files again are the same batches.
    ingest(&["a.json", "b.json", "empty.json"]);
    let streams = desk.fake.script.ingested.lock().unwrap().clone();
    assert_eq!(streams.len(), 2);
    assert_eq!(streams[0], streams[1]);

    let ran = ingest(&["b.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = ingest(&["b.json", "missing.json"]);
    assert_eq!(ran.code, 1, "told before anything is sent");
    assert_eq!(ran.stdout, "");
    assert_eq!(desk.fake.script.ingested.lock().unwrap().len(), 3);
    let ran = desk.run(&["ingest", "--source-type", "aws.cloudtrail", "b.json"]);
    assert_eq!(
        ran.stdout,
        "2 records: 2 accepted, 0 duplicate, 0 rejected\n"
    );
}

#[tokio::test]
async fn half_an_export_leaves_no_file() {
    let desk = Desk::new().await;
    let ran = desk.run(&[
        "events", "export", "--format", "ndjson", "--out", "e.ndjson",
    ]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let left: Vec<_> = std::fs::read_dir(desk.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["p.toml"]);
}

#[tokio::test]
async fn one_event_is_shown_as_it_is_asked_for() {
    let desk = Desk::new().await;
    let name = "000102030405060708090a0b0c0d0e0f";
    let ran = desk.run(&["events", "get", name, "--view", "columns", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["name"],
        name
    );
    let ran = desk.run(&["events", "get", "1e2d3c4b-0000-1111-2222-333344445555"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("event_id = "), "{}", ran.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new().await;
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(desk.path("p.toml"), open).unwrap();
    let ran = desk.run(&["whoami"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("chmod 600"), "{}", ran.stderr);
}
