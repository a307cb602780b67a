//! What the command line makes of questions and answers.

use std::sync::atomic::Ordering;

use cordon_client::analysis::{PREDICATE_TYPE, State};
use cordon_proto::analysis as wire;
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::analysis::name;
use super::cli::{Desk, Ran};
use super::fake::analysis::{ANSWER, ID, change, part, sha256};
use super::incidents::{asked, marks};
use super::refusal;
use super::statements::{key, seal};

const PIVOT: [&str; 7] = [
    "analyses",
    "ask",
    "pivot",
    "--actor",
    "example",
    "--purpose",
    "a key was stolen",
];

/// The answer as it is drawn.
const DRAWN: &str = "\
What was done:
OPERATION      BYTES (B)
Stop\\u001b[2J  3
<b>Start
  the answer leaves out at least 4 more: name a shorter time

Remarks:
  1 event concerns others too. [SHARED]
";

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

#[tokio::test]
async fn a_question_is_waited_for_and_its_answer_drawn() {
    let desk = Desk::new().await;
    let watches = &desk.fake.script.analysis_watches;
    watches.lock().unwrap().push_back(vec![
        change(State::Running, "e1"),
        Err(Status::unavailable("going down")),
    ]);
    let ran = done(desk.run(&PIVOT));
    assert_eq!(ran.stdout, DRAWN);
    let name = name();
    let kept = format!("kept as {name}: cordon analyses result {ID}, ");
    assert!(ran.stderr.contains("3 events were looked at\n"));
    assert!(ran.stderr.contains(&kept), "{}", ran.stderr);
    let calls = asked(&desk.fake.script);
    let calls: Vec<_> = calls
        .iter()
        .filter_map(|call| call.split(' ').next())
        .collect();
    let expected = [
        "create_analysis",
        "watch",
        "watch",
        "get_analysis",
        "download",
    ];
    assert_eq!(calls, expected);
    assert_eq!(marks(&desk.fake.script).len(), 1);

    // Programs get the answer as it was signed.
    let ran = done(desk.run(&[&PIVOT[..], &["-o", "json"]].concat()));
    assert_eq!(ran.stdout, format!("{ANSWER}\n"));
    assert_eq!(ran.stderr, format!("the answer of {name}\n"));

    let ran = done(desk.run(&[&PIVOT[..], &["--no-wait"]].concat()));
    assert_eq!(ran.stdout, format!("{name}\n"));
    assert!(ran.stderr.contains(&format!("analyses watch {ID}")));
    let ran = done(desk.run(&[&PIVOT[..], &["--no-wait", "-o", "json"]].concat()));
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["state"], "ACCEPTED");
    assert_eq!(
        said["question"],
        json!({ "subject": { "actor": "example" }, "kind": "PIVOT" })
    );
}

#[tokio::test]
async fn a_question_without_an_answer_says_why() {
    let desk = Desk::new().await;
    let watches = &desk.fake.script.analysis_watches;
    let failed = vec![change(State::Failed, "e2")];
    watches.lock().unwrap().push_back(failed);
    let ran = desk.run(&PIVOT);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    let said = format!(
        "no answer to {}\nerror: there are more events than one question may read [TOO_MUCH_WORK]\n\
         hint: ask of less",
        name()
    );
    assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);

    // Whoever can't wait any more knows how to go on.
    let refused = Err(refusal(Code::PermissionDenied, "PERMISSION_DENIED"));
    watches.lock().unwrap().push_back(vec![refused]);
    let ran = desk.run(&PIVOT);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let on = format!("{} goes on: cordon analyses watch {ID}", name());
    assert!(ran.stderr.contains(&on), "{}", ran.stderr);

    asked(&desk.fake.script);
    let ran = desk.run(&["analyses", "ask", "sql", " ", "--purpose", "x"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("analysis.question.sql.query"),
        "{}",
        ran.stderr
    );
    assert!(asked(&desk.fake.script).is_empty());
}

#[tokio::test]
async fn questions_are_read_from_files() {
    let desk = Desk::new().await;
    std::fs::create_dir(desk.path("rules")).unwrap();
    for (name, text) in [
        ("rules/a.yml", "title: A\n"),
        ("rules/b.yaml", "title: B\n"),
        ("list.txt", "# ours\n192.0.2.1\n"),
        ("patterns.txt", "[ipv4-addr:value = '192.0.2.1']\n"),
        (
            "bundle.json",
            "{\"type\":\"bundle\",\"objects\":[\
            {\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[a:b = 'c']\"},\
            {\"type\":\"indicator\",\"pattern_type\":\"yara\",\"pattern\":\"rule x\"}]}",
        ),
    ] {
        std::fs::write(desk.path(name), text).unwrap();
    }
    let ask = |more: &[&str]| {
        let fixed = ["--purpose", "x", "--no-wait"];
        desk.run(&[&["analyses", "ask"], more, &fixed].concat())
    };
    for (more, said) in [
        (
            &["rules", "rules"][..],
            "Rule(RuleQuestion { texts: [\"title: A\\n\", \"title: B\\n\"] })",
        ),
        (
            &["indicators", "--file", "list.txt"],
            "list: \"# ours\\n192.0.2.1\\n\"",
        ),
        (
            &["indicators", "--stix", "patterns.txt"],
            "stix_patterns: [\"[ipv4-addr:value = '192.0.2.1']\"]",
        ),
        (
            &["indicators", "--stix", "bundle.json"],
            "stix_patterns: [\"[a:b = 'c']\"]",
        ),
        (
            &["human", "Who?", "--consent", "events,provider-records"],
            "Human(HumanQuestion { text: \"Who?\" }) None None [] [] [] \"x\" [1, 3]",
        ),
        (
            &["changes", "--from", "1970-01-02", "--to", "1970-01-03"],
            "start_time: Some(Timestamp { seconds: 86400",
        ),
        (
            &[
                "seen",
                "--address",
                "192.0.2.1",
                "--seen-account",
                "1",
                "--account",
                "2",
            ],
            "Some(Account(\"1\")) }] }) None None [\"2\"]",
        ),
    ] {
        done(ask(more));
        let calls = asked(&desk.fake.script);
        assert!(calls[0].contains(said), "{said}: {}", calls[0]);
    }
    let ran = done(ask(&["indicators", "--stix", "bundle.json"]));
    assert!(
        ran.stderr.starts_with("left out: 1 indicators"),
        "{}",
        ran.stderr
    );

    // A mistake is drawn in the file that it is in.
    std::fs::write(desk.path("rules/b.yaml"), "name: b\nx: y\n").unwrap();
    let ran = ask(&["rules", "rules"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let drawn = "[INVALID_RULE]\n  --> rules/b.yaml:2:3\n   |\n 2 | x: y\n   |   ^\n";
    assert!(ran.stderr.contains(drawn), "{}", ran.stderr);
    asked(&desk.fake.script);
    for (more, code) in [
        (&["rules", "missing.yml"][..], 1),
        (&["indicators", "--file", "missing.txt"], 1),
        (&["indicators", "--stix", "list.txt"], 2),
        (&["timeline", "--event", "12"], 2),
    ] {
        let ran = ask(more);
        assert_eq!(ran.code, code, "{}", ran.stderr);
    }
    assert!(asked(&desk.fake.script).is_empty());
}

#[tokio::test]
async fn people_are_not_waited_for_unless_it_is_said() {
    let desk = Desk::new().await;
    let human = ["analyses", "ask", "human", "Who?", "--purpose", "x"];
    let ran = done(desk.run(&human));
    assert_eq!(ran.stdout, format!("{}\n", name()));
    let mut asks_back = change(State::Running, "e2").unwrap();
    let analysis = asks_back.analysis.as_mut().unwrap();
    analysis.pending_party = wire::Party::Customer.into();
    analysis.messages = vec![wire::AnalysisMessage {
        party: wire::Party::Provider.into(),
        author: "an analyst".to_owned(),
        text: "Which\u{1b} host?".to_owned(),
        time: None,
    }];
    let mut released = change(State::Released, "e3").unwrap();
    released.analysis.as_mut().unwrap().messages = analysis.messages.clone();
    let watches = &desk.fake.script.analysis_watches;
    watches
        .lock()
        .unwrap()
        .push_back(vec![Ok(asks_back), Ok(released)]);
    let ran = done(desk.run(&[&human[..], &["--wait"]].concat()));
    assert_eq!(ran.stdout, DRAWN);
    let said =
        format!("an analyst asks: Which\\u001b host?\nanswer with: cordon analyses reply {ID} ");
    assert_eq!(ran.stderr.matches("an analyst asks").count(), 1);
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
}

#[tokio::test]
async fn analyses_are_listed_shown_followed_and_changed() {
    let desk = Desk::new().await;
    let run = |arguments: &[&str]| done(desk.run(&[&["analyses"], arguments].concat()));
    let listed = run(&["list"]).stdout;
    let rows: Vec<_> = listed.lines().collect();
    assert_eq!(rows.len(), 3, "{listed}");
    assert!(
        rows[0].starts_with("STATE     KIND   NEXT MOVE"),
        "{listed}"
    );
    assert!(rows[1].starts_with("running   pivot  provider"), "{listed}");
    assert!(rows[2].contains("A key\\u001b[2J was stolen"), "{listed}");
    assert!(rows[2].ends_with(ID), "{listed}");
    let page = run(&["show", ID]).stdout;
    assert!(page.starts_with("A key\\u001b[2J was stolen\n"), "{page}");
    assert!(page.contains("\nactor        example\n"), "{page}");
    let page: Value = serde_json::from_str(&run(&["show", ID, "-o", "json"]).stdout).unwrap();
    assert_eq!(page["result"]["sha256"], sha256());
    assert_eq!(page["pending_party"], Value::Null);

    let watches = &desk.fake.script.analysis_watches;
    let changes = || vec![change(State::Running, "e1"), change(State::Released, "e2")];
    watches.lock().unwrap().extend([changes(), changes()]);
    let ran = run(&["watch", ID]);
    let rows: Vec<_> = ran.stdout.lines().collect();
    assert!(rows[0].starts_with("CHANGED"), "{}", ran.stdout);
    assert_eq!(rows.len(), 3);
    assert!(
        rows[2].starts_with("2023-11-14T22:13:20Z  released"),
        "{}",
        rows[2]
    );
    assert_eq!(ran.stderr, "");
    let ran = run(&["watch", ID, "-o", "ndjson"]);
    let states = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone());
    assert_eq!(states.collect::<Vec<_>>(), ["RUNNING", "RELEASED"]);

    asked(&desk.fake.script);
    assert!(
        run(&["cancel", ID, "--etag", "e1"])
            .stdout
            .contains("cancelled")
    );
    let said = run(&["reply", ID, "The first host."]).stdout;
    assert!(
        said.ends_with("jane (customer):\n      The first host.\n"),
        "{said}"
    );
    let name = name();
    assert_eq!(
        asked(&desk.fake.script),
        [
            format!("cancel_analysis {name} \"e1\""),
            format!("reply {name} \"The first host.\""),
        ]
    );
}

#[tokio::test]
async fn an_answer_that_is_computed_again_is_the_same_or_it_is_told() {
    let desk = Desk::new().await;
    let ran = done(desk.run(&["analyses", "rerun", ID]));
    let sha256 = sha256();
    let same = format!("the answer is the same, byte for byte: sha256 {sha256}\n");
    assert_eq!(ran.stdout, same);
    let again = name().replace("f7", "f8");
    assert_eq!(ran.stderr, format!("the new analysis is {again}\n"));

    desk.fake
        .script
        .answers_differ
        .store(true, Ordering::Relaxed);
    let ran = desk.run(&["analyses", "rerun", ID]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let other = "the answer is another one, by version 3 of the plan, and before by version 2: ";
    assert!(ran.stdout.starts_with(other), "{}", ran.stdout);
    let ran = desk.run(&["analyses", "rerun", ID, "-o", "json"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&said["identical"], &said["name"]),
        (&false.into(), &again.into())
    );

    asked(&desk.fake.script);
    let ran = done(desk.run(&["analyses", "rerun", ID, "--no-wait"]));
    assert!(ran.stdout.contains(&format!("again        {}\n", name())));
    assert!(
        !asked(&desk.fake.script)
            .iter()
            .any(|call| call.starts_with("watch"))
    );
}

fn files(desk: &Desk) -> Vec<String> {
    let folder = std::fs::read_dir(desk.path(".")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "p.toml").collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_answer_becomes_a_file_when_it_is_whole_and_in_no_others_place() {
    let desk = Desk::new().await;
    let result = |more: &[&str]| desk.run(&[&["analyses", "result", ID], more].concat());
    let downloads = &desk.fake.script.downloads;
    assert_eq!(done(result(&[])).stdout, DRAWN);
    let ran = done(result(&["--table", "by_operation", "-o", "json"]));
    let table: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        table["rows"],
        json!([["Stop\u{1b}[2J", 3], ["<b>Start", null]])
    );
    let ran = result(&["--table", "other"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("it has by_operation"), "{}", ran.stderr);

    // A connection that breaks, and bytes that are not those of the answer.
    let half = || part(&ANSWER.as_bytes()[..50]);
    let lost = Err(Status::unavailable("going down"));
    downloads
        .lock()
        .unwrap()
        .extend([vec![half(), lost], vec![half()]]);
    for (code, said) in [(6, "[UNAVAILABLE]"), (1, "[HASH_MISMATCH]")] {
        let ran = result(&["--format", "json", "-f", "a.json"]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(files(&desk).is_empty());
    }
    let ran = done(result(&["--format", "json", "-f", "a.json"]));
    assert_eq!(
        ran.stdout,
        format!("wrote a.json: {} bytes\n", ANSWER.len())
    );
    let written = || std::fs::read_to_string(desk.path("a.json")).unwrap();
    assert_eq!(written(), ANSWER);
    let ran = done(result(&["--format", "json"]));
    assert_eq!(ran.stdout, format!("{ANSWER}\n"));

    // What is there stays, unless it is said.
    asked(&desk.fake.script);
    let csv = ["--format", "csv", "--table", "by_operation", "-f", "a.json"];
    let ran = result(&csv);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("is there already"), "{}", ran.stderr);
    assert!(asked(&desk.fake.script).is_empty());
    assert_eq!(written(), ANSWER);
    downloads
        .lock()
        .unwrap()
        .push_back(vec![part(b"operation,bytes\n")]);
    done(result(&[&csv[..], &["--force"]].concat()));
    assert_eq!(written(), "operation,bytes\n");
    let call = format!("download {} FORMAT_CSV \"by_operation\"", name());
    assert_eq!(asked(&desk.fake.script), [call]);
    assert_eq!(files(&desk), ["a.json"]);
    for wrong in [
        &["--format", "table", "-f", "b"][..],
        &["--format", "html", "--table", "t"],
    ] {
        assert_eq!(result(wrong).code, 2);
    }
    assert!(asked(&desk.fake.script).is_empty());
}

#[tokio::test]
async fn an_answer_is_verified_with_nobody_to_ask() {
    let mut desk = Desk::new().await;
    *desk.fake.script.keys.lock().unwrap() = vec![key("former", 1)];
    let statement = |kind: &str, about: &str| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": about, "digest": { "sha256": sha256() } }],
            "predicateType": kind,
            "predicate": { "kind": "pivot", "method": "pivot", "notExamined": [] },
        });
        seal(&statement.to_string()).to_string()
    };
    let envelope = statement(PREDICATE_TYPE, &name());
    let parts = vec![part(envelope.as_bytes())];
    desk.fake.script.downloads.lock().unwrap().push_back(parts);
    let result = ["analyses", "result", ID, "--format"];
    done(desk.run(&[&result[..], &["statement", "-f", "s.json"]].concat()));
    done(desk.run(&[&result[..], &["json", "-f", "a.json"]].concat()));
    done(desk.run(&["signing-keys", "--out", "keys.json"]));
    desk.fake.stop();
    std::fs::remove_file(desk.path("p.toml")).unwrap();

    let kept = ["verify", "s.json", "--keys", "keys.json"];
    let verify = |more: &[&str]| desk.run(&[&kept[..], more].concat());
    let ran = done(verify(&[]));
    assert!(ran.stdout.contains(PREDICATE_TYPE), "{}", ran.stdout);
    assert!(ran.stderr.contains("--answer FILE"), "{}", ran.stderr);
    let ran = done(verify(&["--answer", "a.json"]));
    let about = format!("about      {} sha256:{}\n", name(), sha256());
    assert!(ran.stdout.contains(&about), "{}", ran.stdout);
    assert!(ran.stderr.contains("a.json: the answer that was signed\n"));

    // One byte more.
    std::fs::write(desk.path("b.json"), format!("{ANSWER}\n")).unwrap();
    let ran = verify(&["--answer", "b.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("[HASH_MISMATCH]"), "{}", ran.stderr);
    // A good signature, and about something else.
    for (kind, about) in [
        ("https://example.net/deletion/v1", name()),
        (PREDICATE_TYPE, "tenants/acme".to_owned()),
    ] {
        std::fs::write(desk.path("s.json"), statement(kind, &about)).unwrap();
        let ran = verify(&["--answer", "a.json"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("[INVALID_STATEMENT]"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn analysts_answer_and_a_second_one_releases() {
    let mut desk = Desk::new().await;
    desk.fake.profile.tenant = None;
    desk.fake.profile.save(desk.path("p.toml")).unwrap();
    std::fs::write(desk.path("found.txt"), "Nobody was there.\n").unwrap();
    std::fs::write(desk.path("hosts.csv"), "host\na\n").unwrap();
    let ran = done(desk.run(&["desk", "queue"]));
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains(&format!("tenants/globex/analyses/{ID}"))
    );
    asked(&desk.fake.script);

    let name = name();
    let run = |arguments: &[&str]| {
        let why = ["--justification", "asked to", "--reference", "INC-1"];
        desk.run(&[&["desk"], arguments, &why].concat())
    };
    desk.fake.script.metadata.lock().unwrap().clear();
    for arguments in [
        &["claim", &name, "--etag", "e1"][..],
        &["show", &name],
        &["ask-back", &name, "Which host?"],
        &[
            "submit",
            &name,
            "--findings",
            "found.txt",
            "--table",
            "hosts=Hosts=hosts.csv",
            "--not-examined",
            "The network.",
            "--method",
            "Read the records.",
        ],
        &["return", &name, "Name the host."],
        &["release", &name],
        &["decline", &name, "no records"],
    ] {
        let ran = done(run(arguments));
        assert!(ran.stdout.contains(&name), "{}", ran.stdout);
    }
    let metadata = std::mem::take(&mut *desk.fake.script.metadata.lock().unwrap());
    let entered = metadata
        .iter()
        .filter(|call| call.contains_key("cordon-enter-justification"));
    assert_eq!(entered.count(), 7);
    assert_eq!(
        asked(&desk.fake.script),
        [
            format!("claim {name} \"e1\""),
            format!("get_analysis {name}"),
            format!("ask_back {name} \"Which host?\""),
            format!(
                "submit {name} \"Nobody was there.\\n\" [(\"hosts\", \"Hosts\", \"host\\na\\n\")] \
                 [\"The network.\"] \"Read the records.\""
            ),
            format!("return {name} \"Name the host.\""),
            format!("release {name} \"\""),
            format!("decline {name} \"no records\""),
        ]
    );
    // An id alone says not whose it is.
    let ran = run(&["claim", ID]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("cordon desk queue"), "{}", ran.stderr);
    done(run(&["claim", ID, "--tenant", "globex"]));
    let submit = ["submit", &name, "--findings", "no.txt", "--method", "m"];
    assert_eq!(run(&submit).code, 1);
    assert_eq!(
        asked(&desk.fake.script),
        [format!("claim tenants/globex/analyses/{ID} \"\"")]
    );
}
