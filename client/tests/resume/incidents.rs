//! What the client asks about incidents, what it does when that goes wrong on the way, and what
//! the command line makes of it.

use std::collections::HashSet;

use cordon_client::{
    CloseCode, Entry, IncidentChanges, IncidentFilter, IncidentState, NewIncident, Party, Phase,
    Reason, Severity, Tlp,
};
use cordon_proto::incidents::WatchIncidentsResponse;
use futures::TryStreamExt as _;
use serde_json::Value;
use tonic::{Code, Status};

use super::cli::Desk;
use super::fake::incidents::{ID, entry};
use super::fake::{Fake, Script};
use super::refusal;

/// What was asked so far.
pub(crate) fn asked(script: &Script) -> Vec<String> {
    std::mem::take(&mut *script.registered.lock().unwrap())
}

/// The marks of the calls so far.
pub(crate) fn marks(script: &Script) -> Vec<String> {
    std::mem::take(&mut *script.marks.lock().unwrap())
}

fn name() -> String {
    format!("tenants/acme/incidents/{ID}")
}

#[tokio::test]
async fn each_call_says_what_is_meant_and_has_a_mark_of_its_own() {
    let fake = Fake::start().await;
    let incidents = fake.client().await.incidents();
    let new = NewIncident {
        title: "Keys".to_owned(),
        severity: Severity::Sev2,
        tlp: Tlp::Red,
        ..NewIncident::default()
    };
    let changes = IncidentChanges {
        title: Some("Key".to_owned()),
        ..IncidentChanges::default()
    };
    let name = incidents.create(new).await.unwrap().name;
    incidents.update(&name, changes, "e1").await.unwrap();
    incidents.acknowledge(ID, "").await.unwrap();
    let moved = incidents.move_to(&name, Phase::Containment, "", "e1");
    moved.await.unwrap();
    let reclassified = incidents.reclassify(&name, Severity::Sev1, "worse", "");
    reclassified.await.unwrap();
    let handed = incidents.hand_over(&name, Party::Customer, "logs", "");
    handed.await.unwrap();
    let criteria = ["a".to_owned(), "b".to_owned()];
    incidents.set_criteria(&name, &criteria, "").await.unwrap();
    incidents.sign_off(&name, &[1], "e1").await.unwrap();
    let closed = incidents.close(&name, CloseCode::Duplicate, "of 2", "");
    closed.await.unwrap();
    incidents.reopen(&name, "not of 2", "").await.unwrap();
    let comment = incidents.comment(&name, "words").await.unwrap();
    let edited = incidents
        .edit_comment(&comment.name, "other")
        .await
        .unwrap();
    assert_eq!(edited.text, "other");

    let expected = [
        "create tenants/acme \"Keys\" \"\" SEVERITY_SEV2 TLP_RED".to_owned(),
        format!("update {name} [\"title\"] \"Key\" \"e1\""),
        format!("acknowledge_incident {name} \"\""),
        format!("move_incident {name} (\"PHASE_CONTAINMENT\", \"\", \"e1\")"),
        format!("reclassify_incident {name} (\"SEVERITY_SEV1\", \"worse\", \"\")"),
        format!("hand_over_incident {name} (\"PARTY_CUSTOMER\", \"logs\", \"\")"),
        format!("set_clean_state_criteria {name} ([\"a\", \"b\"], \"\")"),
        format!("sign_off_clean_state {name} ([1], \"e1\")"),
        format!("close_incident {name} (\"CLOSE_CODE_DUPLICATE\", \"of 2\", \"\")"),
        format!("reopen_incident {name} (\"not of 2\", \"\")"),
        format!("comment {name} \"words\""),
        format!("edit {name}/comments/{ID} \"other\""),
    ];
    assert_eq!(asked(&fake.script), expected);
    let marks = marks(&fake.script);
    assert_eq!(marks.len(), expected.len());
    assert_eq!(marks.iter().collect::<HashSet<_>>().len(), expected.len());
}

#[tokio::test]
async fn a_call_that_is_repeated_keeps_its_mark() {
    let fake = Fake::start().await;
    let incidents = fake.client().await.incidents();
    let lost = || Status::unavailable("busy");
    let busy = |script: &Script| {
        let mut failures = script.incident_failures.lock().unwrap();
        failures.extend([lost(), lost()]);
    };
    busy(&fake.script);
    incidents.comment(ID, "words").await.unwrap();
    let first = marks(&fake.script);
    assert_eq!(first.len(), 3);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), 1);

    busy(&fake.script);
    incidents.comment(ID, "words").await.unwrap();
    let second = marks(&fake.script);
    assert_eq!(second.len(), 3);
    assert_eq!(second.iter().collect::<HashSet<_>>().len(), 1);
    assert_ne!(first[0], second[0]);

    // Somebody who was faster is faster the next time, too.
    let faster = refusal(Code::Aborted, "ETAG_MISMATCH");
    fake.script
        .incident_failures
        .lock()
        .unwrap()
        .push_back(faster);
    let error = incidents.reopen(ID, "again", "e0").await.unwrap_err();
    assert_eq!(*error.reason(), Reason::EtagMismatch);
    assert_eq!(marks(&fake.script).len(), 1);
}

#[tokio::test]
async fn lists_come_in_pages_and_large_ones_in_small_pages() {
    let fake = Fake::start().await;
    let incidents = fake.client().await.incidents();
    let filter = IncidentFilter {
        states: vec![IncidentState::Open],
        severities: vec![Severity::Sev1, Severity::Sev2],
        phases: vec![Phase::Recovery],
        pending: Some(Party::Provider),
        ..IncidentFilter::default()
    };
    let found: Vec<_> = incidents.list(filter).try_collect().await.unwrap();
    assert_eq!(
        found.iter().map(|one| one.number).collect::<Vec<_>>(),
        [4, 3]
    );
    assert_eq!(
        asked(&fake.script),
        [
            "list tenants/acme 100 [1] [1, 2] [6] 2 ",
            "list tenants/acme 100 [1] [1, 2] [6] 2 two"
        ]
    );

    let large = || Status::out_of_range("message too large");
    let failures = &fake.script.incident_failures;
    failures.lock().unwrap().extend([large(), large()]);
    let comments: Vec<_> = incidents.comments(ID).try_collect().await.unwrap();
    assert_eq!(comments.len(), 1);
    let name = name();
    let sizes = [100, 10, 1].map(|size| format!("comments {name} {size}"));
    assert_eq!(asked(&fake.script), sizes);
    failures.lock().unwrap().extend([large(), large(), large()]);
    let error = incidents.comments(ID).try_collect::<Vec<_>>().await;
    assert_eq!(*error.unwrap_err().reason(), Reason::TooLarge);

    assert_eq!(incidents.by_number(3).await.unwrap().number, 3);
    let error = incidents.by_number(5).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::NotFound);
    let numbers = [3, 5].map(|number| format!("list tenants/acme 100 [] [] [] 0  number {number}"));
    assert_eq!(asked(&fake.script)[3..], numbers);
}

#[tokio::test]
async fn incidents_are_followed_from_the_last_cursor() {
    let fake = Fake::start().await;
    let chunk = |sequences: &[i64], cursor| {
        Ok(WatchIncidentsResponse {
            timeline_entries: sequences.iter().copied().map(entry).collect(),
            cursor,
        })
    };
    fake.script.incident_watches.lock().unwrap().extend([
        vec![
            chunk(&[], 10),
            chunk(&[11, 12], 12),
            Err(Status::unavailable("going down")),
        ],
        vec![Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED"))],
        // The server drains.
        vec![],
        vec![
            chunk(&[13], 13),
            Err(refusal(Code::PermissionDenied, "PERMISSION_DENIED")),
        ],
    ]);
    let client = fake.client().await;
    let mut new = client.incidents().watch(None);
    assert_eq!(new.cursor(), None);
    let mut seen = Vec::new();
    let error = loop {
        match new.try_next().await {
            Ok(Some(entry)) => seen.push((entry.sequence, new.cursor())),
            Ok(None) => panic!("a watch does not end"),
            Err(error) => break error,
        }
    };
    assert_eq!(seen, [(11, Some(11)), (12, Some(12)), (13, Some(13))]);
    assert_eq!(*error.reason(), Reason::PermissionDenied);
    let cursors = ["None", "Some(12)", "Some(12)", "Some(12)"];
    let cursors = cursors.map(|cursor| format!("watch tenants/acme {cursor}"));
    assert_eq!(asked(&fake.script), cursors);
}

#[tokio::test]
async fn staff_say_why_with_each_call_but_the_queue() {
    let mut fake = Fake::start().await;
    fake.profile.tenant = None;
    let client = fake.client().await.entering(Entry::new("asked for help"));
    let incidents = client.incidents();
    let name = format!("tenants/globex/incidents/{ID}");
    incidents.get(&name).await.unwrap();
    incidents.acknowledge(&name, "").await.unwrap();
    incidents
        .comments(&name)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    let mut new = client.for_tenant("globex").incidents().watch(Some(0));
    let waited = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(waited, new.try_next()).await.is_err());
    let queue: Vec<_> = incidents.queue(true, None).try_collect().await.unwrap();
    assert_eq!(queue[0].name, name);
    assert!(asked(&fake.script).contains(&"queue true".to_owned()));
    let said: Vec<_> = fake
        .script
        .metadata
        .lock()
        .unwrap()
        .iter()
        .map(|call| call.contains_key("cordon-enter-justification"))
        .collect();
    assert_eq!(said, [true, true, true, true, false]);

    let error = incidents.get(ID).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "parent");
    let error = incidents.comments(ID).try_next().await.unwrap_err();
    assert_eq!(error.violations()[0].field, "parent");
}

#[tokio::test]
async fn a_script_opens_and_handles_an_incident() {
    let desk = Desk::new().await;
    let script = &desk.fake.script;
    let run = |arguments: &[&str]| {
        let ran = desk.run(&[&["incidents"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    std::fs::write(desk.path("known.txt"), "what is\r\nknown").unwrap();
    let opened = run(&[
        "open",
        "--title",
        "Keys",
        "--severity",
        "sev2",
        "--description",
        "@known.txt",
        "-o",
        "json",
    ]);
    let opened: Value = serde_json::from_str(&opened.stdout).unwrap();
    assert_eq!(opened["name"], name());
    assert_eq!(
        asked(script),
        ["create tenants/acme \"Keys\" \"what is\\nknown\" SEVERITY_SEV2 TLP_AMBER"]
    );

    // A number is looked up; a name is not.
    let name = name();
    run(&["move", "3", "follow-up", "--reason", "done"]);
    run(&["close", &name, "accepted", "--reason", "old"]);
    assert_eq!(
        asked(script)[1..],
        [
            format!("move_incident {name} (\"PHASE_FOLLOW_UP\", \"done\", \"\")"),
            format!("close_incident {name} (\"CLOSE_CODE_ACCEPTED\", \"old\", \"\")"),
        ]
    );

    let signed = run(&["sign-off", ID, "0"]);
    assert!(
        signed.stderr.contains("  0  no key is valid"),
        "{}",
        signed.stderr
    );
    assert_eq!(
        asked(script),
        [
            format!("get {name}"),
            format!("sign_off_clean_state {name} ([0], \"e1\")")
        ]
    );
    let ran = desk.run(&["incidents", "sign-off", ID, "1"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(asked(script), [format!("get {name}")]);

    let said = run(&["comment", ID, "words", "-o", "json"]);
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    run(&["edit-comment", said["name"].as_str().unwrap(), "other"]);
    assert_eq!(
        asked(script)[1],
        format!("edit {name}/comments/{ID} \"other\"")
    );
    // Nothing is on stdin.
    run(&["comment", ID, "-"]);
    assert_eq!(asked(script), [format!("comment {name} \"\"")]);

    let ran = desk.run(&["incidents", "show", "7"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("#7"), "{}", ran.stderr);

    // What somebody has seen is what is changed, or nothing.
    asked(script);
    run(&["acknowledge", ID, "--etag", "e0"]);
    run(&["criteria", ID, "no key is valid", "--etag", "e0"]);
    run(&["sign-off", ID, "--etag", "e0"]);
    assert_eq!(
        asked(script),
        [
            format!("acknowledge_incident {name} \"e0\""),
            format!("set_clean_state_criteria {name} ([\"no key is valid\"], \"e0\")"),
            format!("get {name}"),
            format!("sign_off_clean_state {name} ([], \"e0\")"),
        ]
    );
}

#[tokio::test]
async fn incidents_are_shown_and_followed() {
    let desk = Desk::new().await;
    let run = |arguments: &[&str]| {
        let ran = desk.run(&[&["incidents"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{9b}']), "{}", ran.stdout);
        ran
    };
    let page = run(&["show", ID]).stdout;
    for said in [
        "#3 Keys\\u001b[2J",
        "said\\u001b[2J",
        "reason: because\\u009b",
        "jane (customer): opened again",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let page = desk.run(&["incidents", "show", ID, "-o", "json"]).stdout;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["comments"][0]["text"], "said\u{1b}[2J");
    assert_eq!(page["timeline"][1]["sequence"], 9);

    let listed = run(&["list", "--state", "open", "--limit", "1"]).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("sev2") && listed.contains(ID), "{listed}");
    let told = run(&["timeline", ID]).stdout;
    assert_eq!(told.lines().count(), 3, "{told}");
    let queue = run(&["queue"]).stdout;
    assert!(queue.contains(&format!("tenants/globex/incidents/{ID}")));

    let chunk = WatchIncidentsResponse {
        timeline_entries: vec![entry(11), entry(12)],
        cursor: 12,
    };
    let watches = &desk.fake.script.incident_watches;
    watches.lock().unwrap().push_back(vec![Ok(chunk)]);
    let ran = run(&["watch", "--cursor", "10", "--limit", "1"]);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    assert!(ran.stdout.starts_with("SEQ") && ran.stdout.contains("opened again"));
    assert!(ran.stderr.contains("--cursor 11"), "{}", ran.stderr);
}

#[tokio::test]
async fn staff_give_the_full_name() {
    let mut desk = Desk::new().await;
    desk.fake.profile.tenant = None;
    desk.fake.profile.save(desk.path("p.toml")).unwrap();
    let full = format!("tenants/globex/incidents/{ID}");
    let why = ["--justification", "asked for help"];
    let ran = desk.run(&[&["incidents", "acknowledge", &full], &why[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let acknowledged = format!("acknowledge_incident {full} \"\"");
    assert_eq!(asked(&desk.fake.script), [acknowledged]);

    let within = ["--tenant", "globex", "--justification", "asked for help"];
    for (id, more) in [(ID, &why[..]), ("3", &why[..]), ("3", &within[..])] {
        let ran = desk.run(&[&["incidents", "show", id], more].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("full name"), "{}", ran.stderr);
    }
    assert!(asked(&desk.fake.script).is_empty());
    let ran = desk.run(&[&["incidents", "timeline", ID], &within[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(asked(&desk.fake.script), [format!("timeline {full}")]);
}
