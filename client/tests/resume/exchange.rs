//! Cases go out to whom their marking allows, and come in once.

use futures::TryStreamExt as _;
use serde_json::Value;

use super::cli::Desk;
use super::fake::Fake;
use super::fake::incidents::ID;
use super::incidents::asked;

fn read(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path(name)).unwrap()
}

#[tokio::test]
async fn what_was_changed_since_comes_with_the_next_cursor() {
    let fake = Fake::start().await;
    let mut changed = fake.client().await.incidents().changed(12);
    assert!(changed.try_next().await.unwrap().is_some());
    assert_eq!(changed.cursor(), None, "not all was read yet");
    let rest: Vec<_> = (&mut changed).try_collect().await.unwrap();
    assert_eq!((rest.len(), changed.cursor()), (1, Some(17)));
    assert_eq!(
        asked(&fake.script),
        [
            "list tenants/acme 100 [] [] [] 0  after 12",
            "list tenants/acme 100 [] [] [] 0 two after 12"
        ]
    );
}

#[tokio::test]
async fn a_file_of_cases_is_written_whole_and_says_how_to_go_on() {
    let desk = Desk::new().await;
    let run = |arguments: &[&str]| {
        let ran = desk.run(&[&["incidents", "export"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let ran = run(&[
        "--format",
        "json",
        "--audience",
        "clients",
        "--out",
        "all.json",
    ]);
    assert!(
        ran.stdout.contains("wrote all.json: 2 incidents"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("--since 17"), "{}", ran.stderr);
    let all: Value = serde_json::from_str(&read(&desk, "all.json")).unwrap();
    assert_eq!(
        (&all["format"], &all["version"]),
        (&"cordon.incidents".into(), &1.into())
    );
    assert_eq!(
        (&all["audience"], &all["cursor"]),
        (&"clients".into(), &17.into())
    );
    let case = &all["incidents"][1];
    assert_eq!(case["comments"][0]["text"], "said\u{1b}[2J");
    assert_eq!(case["timeline"][1]["what"], "REOPENED");

    let ran = run(&[
        "--format",
        "ndjson",
        "--audience",
        "recipients",
        "--recipient",
        "ann",
        "--since",
        "4",
        "--out",
        "-",
    ]);
    assert_eq!(ran.stdout.lines().count(), 2);
    for line in ran.stdout.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        assert_eq!(case["format"], "cordon.incident");
    }
    assert!(
        asked(&desk.fake.script).contains(&"list tenants/acme 100 [] [] [] 0  after 4".to_owned())
    );

    let one = [
        "--incident",
        "3",
        "--audience",
        "organization",
        "--out",
        "one.stix",
    ];
    run(&[&["--format", "stix"], &one[..]].concat());
    let bundle: Value = serde_json::from_str(&read(&desk, "one.stix")).unwrap();
    let kinds: Vec<_> = bundle["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["type"])
        .collect();
    assert_eq!(kinds[..2], ["incident", "note"]);

    run_timeline(&desk);
}

fn run_timeline(desk: &Desk) {
    let export = ["--export", "--audience", "clients", "--out", "t.ndjson"];
    let ran = desk.run(&[&["incidents", "timeline", ID], &export[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<Value> = read(desk, "t.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["format"], "cordon.timeline-entry");
    assert_eq!(lines[0]["incident"], format!("tenants/acme/incidents/{ID}"));
    assert_eq!(lines[1]["sequence"], 9);
    // Of all of a tenant's, what is missing is noticed.
    std::fs::remove_file(desk.path("t.ndjson")).unwrap();
    let ran = desk.run(&[&["incidents", "timeline"], &export[..]].concat());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("missing"), "{}", ran.stderr);
    assert!(!desk.path("t.ndjson").exists());
    assert!(asked(&desk.fake.script).contains(&"timeline tenants/acme/incidents/-".to_owned()));
}

#[tokio::test]
async fn what_is_marked_for_fewer_does_not_go_out() {
    let desk = Desk::new().await;
    let export = [
        "incidents",
        "export",
        "--format",
        "ndjson",
        "--out",
        "x.ndjson",
    ];
    for audience in ["community", "public"] {
        let ran = desk.run(&[&export[..], &["--audience", audience]].concat());
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("TLP_VIOLATION"), "{}", ran.stderr);
        assert!(ran.stderr.contains("--audience"), "{}", ran.stderr);
        assert!(!desk.path("x.ndjson").exists());
        let told = ["incidents", "timeline", ID, "--export", "--out", "x.ndjson"];
        let ran = desk.run(&[&told[..], &["--audience", audience]].concat());
        assert!(ran.stderr.contains("TLP_VIOLATION"), "{}", ran.stderr);
        assert!(!desk.path("x.ndjson").exists());
    }
    let some = ["--audience", "community", "--leave-out"];
    let ran = desk.run(&[&export[..], &some].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("left out 2"), "{}", ran.stderr);
    assert_eq!(read(&desk, "x.ndjson"), "");
    // Who the recipients are is said, and only where there are some.
    for wrong in [
        &["--audience", "recipients"][..],
        &["--audience", "clients", "--recipient", "ann"],
        &[],
    ] {
        let ran = desk.run(&[&export[..], wrong].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
}

#[tokio::test]
async fn what_comes_in_twice_comes_in_once_and_each_is_told() {
    let desk = Desk::new().await;
    let case = |name: &str, title: &str| {
        format!(
            "{{\"format\":\"cordon.incident\",\"version\":1,\"name\":\"{name}\",\"title\":\"{title}\",\"severity\":\"SEV2\"}}"
        )
    };
    let lines = [
        case("a", "x"),
        "{\"broken".to_owned(),
        case("b", ""),
        case("c", "z"),
    ];
    std::fs::write(desk.path("in.ndjson"), lines.join("\n")).unwrap();
    let ran = desk.run(&["incidents", "import", "in.ndjson"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("brought in 2, 2 can't be taken"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("line 3: b: title: expected"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("line 2: "), "{}", ran.stderr);

    let ran = desk.run(&["incidents", "import", "in.ndjson", "-o", "json"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&told["imported"], &told["known"]), (&0.into(), &2.into()));
    assert_eq!(told["results"][3]["outcome"], "KNOWN");
    assert_eq!(told["results"][1]["at"], "line 2");

    let many: Vec<_> = (0..230).map(|n| case(&format!("m{n}"), "x")).collect();
    std::fs::write(desk.path("many.ndjson"), many.join("\n")).unwrap();
    asked(&desk.fake.script);
    let ran = desk.run(&["incidents", "import", "many.ndjson"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let sizes = [100, 100, 30].map(|size| format!("import tenants/acme {size}"));
    assert_eq!(asked(&desk.fake.script), sizes);

    std::fs::write(desk.path("no.json"), "{}").unwrap();
    let ran = desk.run(&["incidents", "import", "no.json"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("INVALID_DOCUMENT"), "{}", ran.stderr);
    assert_eq!(desk.run(&["incidents", "import", "gone.json"]).code, 1);
}
