//! What the command line makes of rules and findings.

use cordon_proto::detection as wire;
use serde_json::Value;
use tonic::Code;

use super::cli::Desk;
use super::detection::{found, hit, rule};
use super::fake::detection::{ID, end, finding};
use super::incidents::asked;
use super::refusal;

#[tokio::test]
async fn a_folder_with_a_bad_rule_is_added_but_for_that() {
    let desk = Desk::new().await;
    std::fs::create_dir_all(desk.path("rules/cloud")).unwrap();
    for (name, text) in [
        ("rules/a.yml", "title: A\n"),
        ("rules/bad.yml", "name: b\n\tdetection: \u{1b}x\n"),
        ("rules/cloud/c.yaml", "title: C\n"),
        ("rules/notes.md", "no rule"),
    ] {
        std::fs::write(desk.path(name), text).unwrap();
    }
    std::fs::write(desk.path("latin.yml"), b"title: \xfc\n").unwrap();
    let add = |more: &[&str]| desk.run(&[&["detect", "rules", "add"], more].concat());

    let ran = add(&["rules", "latin.yml"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "rules/bad.yml:2:3: expected a title\\u001b[2J [INVALID_RULE]\n   |\n 2 |  detection: \\u001bx\n   |   ^\n\
         latin.yml: expected text in UTF-8 [IO]\n"
    );
    assert_eq!(
        ran.stdout,
        format!(
            "ID                                    TITLE  FILE\n\
             {ID}  A      rules/a.yml\n\
             {ID}  C      rules/cloud/c.yaml\n\
             2 added, 2 refused\n"
        )
    );
    let sent = asked(&desk.fake.script);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[0], "create_rule tenants/acme \"title: A\\n\" false");

    let ran = add(&["rules", "--dry-run", "-o", "json"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let sum: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&sum["understood"], &sum["refused"]),
        (&2.into(), &1.into())
    );
    assert_eq!(sum["results"][1]["file"], "rules/bad.yml");
    assert_eq!(sum["results"][1]["line"], 2);
    assert_eq!(sum["results"][1]["reason"], "INVALID_RULE");
    for call in asked(&desk.fake.script) {
        assert!(call.starts_with("test_rule tenants/acme Text("), "{call}");
        assert!(
            call.ends_with("Some(0) Some(0) 1 EVENT_VIEW_OCSF"),
            "{call}"
        );
    }

    // What would befall all ends the run; what was done till then is told.
    let failures = &desk.fake.script.incident_failures;
    let refused = refusal(Code::PermissionDenied, "PERMISSION_DENIED");
    failures.lock().unwrap().push_back(refused);
    let ran = add(&["rules", "--disabled", "-o", "ndjson"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("{\"added\":0,"), "{}", ran.stdout);
    let sent = asked(&desk.fake.script);
    assert_eq!(sent, ["create_rule tenants/acme \"title: A\\n\" true"]);

    let ran = add(&["rules", "missing.yml"]);
    assert_eq!(ran.code, 1, "told before anything is sent");
    assert!(asked(&desk.fake.script).is_empty());
}

#[tokio::test]
async fn rules_are_shown_and_changed() {
    let desk = Desk::new().await;
    let script = &desk.fake.script;
    let run = |arguments: &[&str]| {
        let ran = desk.run(&[&["detect", "rules"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let listed = run(&["list", "--limit", "1"]).stdout;
    let expected = format!(
        "LEVEL         STATE    ORIGIN  TITLE          TECHNIQUES  VERSION  CHANGED               ID\n\
         unknown (77)  enabled  own     Trail stopped  T1562.008   2        2023-11-14T22:13:20Z  {ID}\n"
    );
    assert_eq!(listed, expected);
    let page = run(&["show", "stopped"]).stdout;
    assert!(
        page.starts_with(&format!("Trail stopped\n{}\n", rule())),
        "{page}"
    );
    assert!(
        page.ends_with("\nText:\n  title: Trail stopped\n  detection: {}\n"),
        "{page}"
    );
    let page: Value = serde_json::from_str(&run(&["show", ID, "-o", "json"]).stdout).unwrap();
    assert_eq!(
        (&page["level"], &page["origin"]),
        (&77.into(), &"OWN".into())
    );
    let text = run(&["show", ID, "--text"]).stdout;
    assert_eq!(text, "title: Trail stopped\ndetection: {}\n");
    assert_eq!(run(&["versions", ID]).stdout.lines().count(), 3);
    let text = run(&["versions", ID, "--text", "1"]).stdout;
    assert_eq!(text, "title: Version 1\n");
    let ran = desk.run(&["detect", "rules", "versions", ID, "--text", "7"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);

    // An exception comes in addition, to what was read and nothing else.
    asked(script);
    let name = rule();
    run(&["update", ID, "--except", "actor = 'new'"]);
    run(&["update", ID, "--except", "actor = 'new'", "--no-exceptions"]);
    run(&["update", ID, "--disable", "--mute-until", "8h"]);
    run(&["update", ID, "--unmute", "--etag", "e9"]);
    assert_eq!(
        asked(script),
        [
            format!("get_rule {name}"),
            format!(
                "update_rule {name} [\"exceptions\"] \"\" false \
                 [\"actor = 'old'\", \"actor = 'new'\"] false \"e1\""
            ),
            format!(
                "update_rule {name} [\"exceptions\"] \"\" false [\"actor = 'new'\"] false \"\""
            ),
            format!("update_rule {name} [\"enabled\", \"muted_until\"] \"\" false [] true \"\""),
            format!("update_rule {name} [\"muted_until\"] \"\" false [] false \"e9\""),
        ]
    );
    std::fs::write(desk.path("bad.yml"), "name: b\nx: y\n").unwrap();
    let ran = desk.run(&["detect", "rules", "update", ID, "--text", "bad.yml"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let drawn = "[INVALID_RULE]\n  --> bad.yml:2:3\n   |\n 2 | x: y\n   |   ^\nhint: a rule is";
    assert!(ran.stderr.contains(drawn), "{}", ran.stderr);

    asked(script);
    let gone = run(&["delete", "deleted"]);
    let deleted = name.replace("f1", "f2");
    assert_eq!(gone.stdout, format!("{deleted} is deleted\n"));
    assert_eq!(
        asked(script)[2..],
        [
            format!("get_rule {deleted}"),
            format!("delete_rule {deleted} \"e1\"")
        ]
    );
    // Both titles have it: nothing is deleted.
    let ran = desk.run(&["detect", "rules", "delete", "trail"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("{ID} (Trail stopped)")),
        "{}",
        ran.stderr
    );
    let ran = desk.run(&["detect", "rules", "delete", "leaver"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        asked(script)
            .iter()
            .all(|call| call.starts_with("list_rules"))
    );
}

#[tokio::test]
async fn a_rule_is_tried_from_a_file_and_from_the_store() {
    let desk = Desk::new().await;
    let tests = &desk.fake.script.rule_tests;
    std::fs::write(desk.path("a.yml"), "title: A\n").unwrap();
    tests.lock().unwrap().extend([
        vec![hit(&["a"], &[]), hit(&["b"], &[]), Ok(end(2, true))],
        vec![hit(&["a", "b"], &["example", "x\u{1b}"]), Ok(end(1, false))],
        vec![hit(&["a", "b"], &["example"]), Ok(end(1, false))],
    ]);
    let test = |more: &[&str]| desk.run(&[&["detect", "test"], more].concat());
    let ran = test(&["a.yml", "--since", "1970-01-02", "--max", "2"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    assert!(ran.stdout.starts_with("TIME") && ran.stdout.contains("Stop\\u001b[2J"));
    assert_eq!(
        ran.stderr,
        "2 hits, and there may be more: raise --max, or narrow --since and --until\n\
         filter: operation = 'StopLogging'\n"
    );
    let call = "test_rule tenants/acme Text(\"title: A\\n\") Some(86400) None 2 EVENT_VIEW_COLUMNS";
    assert_eq!(asked(&desk.fake.script), [call]);

    let ran = test(&[ID, "--since", "all"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("FIRST"), "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("2       example, x\\u001b\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.starts_with("1 hit, and that is all\n"),
        "{}",
        ran.stderr
    );
    let ran = test(&["stopped", "-o", "ndjson"]);
    assert_eq!(
        ran.stdout,
        "{\"events\":[{\"name\":\"tenants/acme/events/a\",\"event\":{ \"id\":\"a\" }},\
         {\"name\":\"tenants/acme/events/b\",\"event\":{ \"id\":\"b\" }}],\"group\":[\"example\"]}\n"
    );

    std::fs::write(desk.path("bad.yml"), "name: b\nx: y\n").unwrap();
    let ran = test(&["bad.yml"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("--> bad.yml:2:3\n"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[tokio::test]
async fn findings_are_shown_set_and_followed() {
    let desk = Desk::new().await;
    let run = |arguments: &[&str]| {
        let ran = desk.run(&[&["detect", "findings"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let listed = run(&["list", "--limit", "1", "--min-level", "low"]).stdout;
    let expected = format!(
        "LEVEL  STATUS        TITLE                        EVENTS  LAST                  ACTOR    ACCOUNT  SOURCE  ID\n\
         high   unknown (99)  A trail\\u001b[2J was stopped  4       2023-11-14T22:13:20Z  example                   {ID}\n"
    );
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&listed), words(&expected), "{listed}");
    let page = run(&["show", ID]).stdout;
    for said in [
        "A trail\\u001b[2J was stopped",
        "status       unknown (99)",
        "T1562.008  https://attack.mitre.org/techniques/T1562/008/",
        "cordon events get tenants/acme/events/000102030405060708090a0b0c0d0e0f",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let page: Value = serde_json::from_str(&run(&["show", ID, "-o", "json"]).stdout).unwrap();
    assert_eq!(
        (&page["status"], &page["level"]),
        (&99.into(), &"HIGH".into())
    );
    let ocsf = run(&["ocsf", ID, "-o", "ndjson"]).stdout;
    assert_eq!(ocsf, "{\"class_uid\":2004,\"message\":\"\u{9b}\"}\n");

    asked(&desk.fake.script);
    let set = ["set", ID, "--status", "in-progress", "--comment", "looking"];
    let set = run(&set).stdout;
    assert!(
        set.contains("in progress, says jane\ncomment      looking\n"),
        "{set}"
    );
    let name = found();
    assert_eq!(
        asked(&desk.fake.script),
        [format!(
            "update_finding {name} FINDING_STATUS_IN_PROGRESS \"looking\" \"\""
        )]
    );

    let chunk = wire::WatchFindingsResponse {
        findings: vec![finding(11), finding(12)],
        cursor: 12,
    };
    let watches = &desk.fake.script.finding_watches;
    let chunks = [vec![Ok(chunk.clone())], vec![Ok(chunk)]];
    watches.lock().unwrap().extend(chunks);
    let ran = run(&["watch", "--cursor", "10", "--limit", "1"]);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    assert!(ran.stdout.starts_with("SEQ"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    assert!(ran.stderr.contains("--cursor 11"), "{}", ran.stderr);
    let ran = run(&["watch", "--cursor", "10", "--limit", "2", "-o", "ndjson"]);
    let sequences: Vec<_> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].clone())
        .collect();
    assert_eq!(sequences, [11, 12]);
    assert!(ran.stderr.contains("--cursor 12"), "{}", ran.stderr);
}

#[tokio::test]
async fn staff_name_a_rule_and_not_its_title() {
    let mut desk = Desk::new().await;
    desk.fake.profile.tenant = None;
    desk.fake.profile.save(desk.path("p.toml")).unwrap();
    let why = ["--justification", "asked for help"];
    let full = format!("tenants/globex/rules/{ID}");
    let ran = desk.run(&[&["detect", "rules", "show", &full], &why[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(asked(&desk.fake.script), [format!("get_rule {full}")]);
    let within = ["--tenant", "globex", "--justification", "asked for help"];
    for (which, more) in [(ID, &why[..]), ("trail", &why[..]), ("trail", &within[..])] {
        let ran = desk.run(&[&["detect", "rules", "show", which], more].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("full name"), "{}", ran.stderr);
    }
    assert!(asked(&desk.fake.script).is_empty());
}

#[tokio::test]
async fn the_policy_is_shown_and_set() {
    let desk = Desk::new().await;
    let ran = desk.run(&["detect", "policy", "show"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout
            .starts_with("findings open no incidents\ntenants/acme/detectionPolicy\n"),
        "{}",
        ran.stdout
    );
    asked(&desk.fake.script);
    let set = [
        "detect",
        "policy",
        "set",
        "--enable",
        "--min-level",
        "high",
        "--rule",
        ID,
        "-o",
        "json",
    ];
    let ran = desk.run(&set);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let policy: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(policy["min_level"], "HIGH");
    assert_eq!(policy["rules"][0], rule());
    assert_eq!(
        asked(&desk.fake.script),
        ["update_policy tenants/acme/detectionPolicy [\"enabled\", \"min_level\", \"rules\"] \"\""]
    );
}

#[tokio::test]
async fn a_rule_is_published_and_withdrawn() {
    let desk = Desk::new().await;
    std::fs::write(desk.path("a.yml"), "title: a\n").unwrap();
    let ran = desk.run(&[
        "admin",
        "rules",
        "publish",
        "a.yml",
        "--disabled",
        "-o",
        "json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let made: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (made["text"].as_str(), made["enabled"].as_bool()),
        (Some("title: a\n"), Some(false))
    );
    let ran = desk.run(&["admin", "rules", "list"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains(ID), "{}", ran.stdout);
    asked(&desk.fake.script);
    let ran = desk.run(&["admin", "rules", "withdraw", ID, "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        asked(&desk.fake.script),
        [
            format!("get_provider_rule providerRules/{ID}"),
            format!("delete_provider_rule providerRules/{ID} \"e1\""),
        ]
    );
}
