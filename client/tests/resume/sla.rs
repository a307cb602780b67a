//! What the client asks about agreements and clocks, and what the command line makes of it.

use cordon_client::{Agreement, Entry, Reason};
use futures::TryStreamExt as _;
use serde_json::Value;
use tonic::{Code, Status};

use super::cli::Desk;
use super::fake::incidents::ID;
use super::fake::{Fake, Script};
use super::refusal;

const FILE: &str = "\
valid_from = \"2026-01-01T00:00:00Z\"
[calendars.always]
always = true
[[objectives]]
kind = \"acknowledge\"
severity = \"sev1\"
within = \"15m\"
calendar = \"always\"
";

/// What was asked so far.
fn asked(script: &Script) -> Vec<String> {
    std::mem::take(&mut *script.registered.lock().unwrap())
}

#[tokio::test]
async fn agreements_follow_each_other() {
    let fake = Fake::start().await;
    let sla = fake.client().await.sla();
    let agreement = Agreement::default;
    let first = sla.create_agreement("acme", agreement(), None).await;
    let first = first.unwrap().name;
    let second = sla.create_agreement("tenants/acme", agreement(), Some(&first));
    let second = second.await.unwrap().name;
    // A repetition makes no third one.
    let again = sla.create_agreement("acme", agreement(), Some(&first));
    assert_eq!(*again.await.unwrap_err().reason(), Reason::EtagMismatch);
    assert_eq!(
        asked(&fake.script),
        [
            "agree tenants/acme \"\"",
            "agree tenants/acme \"tenants/acme/agreements/1\"",
            "agree tenants/acme \"tenants/acme/agreements/1\"",
        ]
    );
    let listed: Vec<_> = sla.list_agreements("acme").try_collect().await.unwrap();
    let names: Vec<_> = listed.into_iter().map(|one| one.name).collect();
    assert_eq!(names, [second, first]);
    assert_eq!(
        asked(&fake.script),
        ["agreements tenants/acme ", "agreements tenants/acme 1"]
    );
}

#[tokio::test]
async fn an_agreement_that_may_have_been_made_is_not_made_again() {
    let fake = Fake::start().await;
    let sla = fake.client().await.sla();
    let fail = |status| fake.script.sla_failures.lock().unwrap().push_back(status);
    fail(Status::unavailable("gone"));
    let lost = sla.create_agreement("acme", Agreement::default(), None);
    assert_eq!(*lost.await.unwrap_err().reason(), Reason::Unavailable);
    assert_eq!(asked(&fake.script).len(), 1);
    // What was refused was not done, and reading can be repeated.
    fail(refusal(Code::Unavailable, "UNAVAILABLE"));
    let made = sla.create_agreement("acme", Agreement::default(), None);
    made.await.unwrap();
    fail(Status::unavailable("gone"));
    sla.clocks(ID).await.unwrap();
    assert_eq!(asked(&fake.script).len(), 4);
}

#[tokio::test]
async fn clocks_are_a_tenants_own_and_agreements_are_not() {
    let fake = Fake::start().await;
    let staff = fake.client().await.entering(Entry::new("asked for help"));
    let full = format!("tenants/globex/incidents/{ID}");
    let (clocks, as_of) = staff.sla().clocks(&full).await.unwrap();
    assert_eq!(clocks.len(), 1);
    assert_eq!(as_of.as_second(), 1_700_000_000);
    let listed = staff.sla().list_agreements("globex");
    listed.try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(
        asked(&fake.script),
        [
            format!("clocks {full}"),
            "agreements tenants/globex ".to_owned()
        ]
    );
    let calls = fake.script.metadata.lock().unwrap();
    let said = calls
        .iter()
        .map(|call| call.contains_key("cordon-enter-justification"));
    assert_eq!(said.collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn an_operator_makes_agreements_from_files() {
    let desk = Desk::new().await;
    let script = &desk.fake.script;
    let create = ["sla", "agreements", "create", "globex", "a.toml"];
    std::fs::write(desk.path("a.toml"), FILE.replace("15m", "soon")).unwrap();
    let ran = desk.run(&create);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let said = "a.toml: objectives[0].within: expected a length of time";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(asked(script).is_empty());

    std::fs::write(desk.path("a.toml"), FILE).unwrap();
    for _ in 0..2 {
        let ran = desk.run(&create);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    assert_eq!(
        asked(script),
        [
            "agreements tenants/globex ",
            "agree tenants/globex \"\"",
            "agreements tenants/globex ",
            "agree tenants/globex \"tenants/globex/agreements/1\"",
        ]
    );
    let ran = desk.run(&["sla", "agreements", "list", "globex", "-o", "json"]);
    let listed: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(listed[0]["name"], "tenants/globex/agreements/2");
    assert_eq!(listed[0]["objectives"][0]["within"], "900s");
    asked(script);

    // One's own tenant, if none is named; and nothing is on stdin.
    let ran = desk.run(&["sla", "agreements", "list"]);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    assert_eq!(asked(script)[0], "agreements tenants/acme ");
    let ran = desk.run(&["sla", "agreements", "create", "acme", "-"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("stdin: missing field"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn clocks_are_shown_by_themselves_and_with_their_incident() {
    let mut desk = Desk::new().await;
    let run = |desk: &Desk, arguments: &[&str]| {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let ran = run(&desk, &["sla", "clocks", "3"]);
    assert!(ran.stdout.starts_with("KIND"), "{}", ran.stdout);
    let said = "deliver snapshot r\\u001b[2J  sev2      running";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(ran.stdout.contains("3h 12m"), "{}", ran.stdout);
    assert!(ran.stderr.contains("as of 2023-11-14"), "{}", ran.stderr);
    let ran = run(&desk, &["sla", "clocks", ID, "-o", "ndjson"]);
    let clock: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(clock["left"], "11520s");
    let name = format!("tenants/acme/incidents/{ID}");
    let clocks = format!("clocks {name}");
    assert_eq!(asked(&desk.fake.script).last(), Some(&clocks));

    let show = ["incidents", "show", ID];
    let json = ["incidents", "show", ID, "-o", "json"];
    let page = run(&desk, &show).stdout;
    assert!(page.contains("\nClocks as of 2023-11-14T22:13:20Z:\n"));
    let page: Value = serde_json::from_str(&run(&desk, &json).stdout).unwrap();
    assert_eq!(page["clocks"][0]["kind"], "DELIVER_SNAPSHOT");

    // A server that has no clocks yet, and one that fails.
    let fail = |status| {
        let failures = &desk.fake.script.sla_failures;
        failures.lock().unwrap().push_back(status);
    };
    fail(Status::unimplemented(""));
    let page = run(&desk, &show).stdout;
    assert!(!page.contains("Clocks") && page.contains("\nTimeline:\n"));
    fail(Status::unimplemented(""));
    let page: Value = serde_json::from_str(&run(&desk, &json).stdout).unwrap();
    assert_eq!(page["clocks"], Value::Null);
    fail(Status::not_found(""));
    assert_eq!(desk.run(&show).code, 4);

    desk.fake.profile.tenant = None;
    desk.fake.profile.save(desk.path("p.toml")).unwrap();
    for arguments in [&["sla", "agreements", "list"], &["sla", "clocks", ID]] {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("no tenant"), "{}", ran.stderr);
    }
}
