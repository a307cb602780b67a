//! The report of an incident, as a script asks for it.

use std::sync::atomic::Ordering;

use serde_json::Value;
use tonic::Status;

use super::cli::Desk;
use super::fake::incidents::ID;
use super::incidents::asked;

const REPORT: [&str; 3] = ["incidents", "report", ID];

fn report(desk: &Desk, arguments: &[&str]) -> super::cli::Ran {
    desk.run(&[&REPORT[..], arguments].concat())
}

#[tokio::test]
async fn a_report_is_of_all_pages_and_in_both_forms() {
    let desk = Desk::new().await;
    let script = &desk.fake.script;
    script.timeline_in_pages.store(true, Ordering::Relaxed);
    let clients = ["--audience", "clients"];
    let ran = report(&desk, &[&clients[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&told["number"], &told["tlp"]),
        (&3.into(), &"amber".into())
    );
    let sequences: Vec<_> = told["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["sequence"])
        .collect();
    assert_eq!(sequences, [7, 9]);
    assert_eq!(told["timeline"][1]["reason"], "because\u{9b}");
    assert_eq!(told["comments"][0]["text"], "said\u{1b}[2J");
    assert_eq!(told["clocks"][0]["what"], "deliver snapshot r\u{1b}[2J");
    assert_eq!(told["responsibilities"][0]["responsible"], "both sides");
    assert_eq!(told["evidence"][0]["sha256"], "00ff");
    assert_eq!(told["lessons"], Value::Array(Vec::new()));
    let asked = asked(script);
    let get = format!("get tenants/acme/incidents/{ID}");
    assert_eq!((asked.first(), asked.last()), (Some(&get), Some(&get)));

    let out = [&clients[..], &["--out", "r.html"]].concat();
    let ran = report(&desk, &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("wrote r.html"), "{}", ran.stdout);
    assert!(ran.stdout.contains("not signed"), "{}", ran.stdout);
    let page = std::fs::read_to_string(desk.path("r.html")).unwrap();
    for said in [
        "TLP:AMBER",
        "No signature was checked",
        "block &lt;b&gt;keys",
        "memory.raw",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains(['\u{1b}', '\u{9b}']) && !page.contains("<b>keys"));
}

#[tokio::test]
async fn a_report_goes_to_nobody_whom_the_marking_leaves_out() {
    let desk = Desk::new().await;
    for audience in ["community", "public"] {
        let ran = report(&desk, &["--audience", audience, "--out", "r.html"]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("TLP_VIOLATION"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        assert!(!desk.path("r.html").exists());
    }
    // Nothing but the marking was asked for.
    let get = format!("get tenants/acme/incidents/{ID}");
    assert_eq!(asked(&desk.fake.script), [get.clone(), get]);
    for wrong in [
        &["--audience", "recipients"][..],
        &["--audience", "clients", "--recipient", "ann"],
        &[],
    ] {
        assert_eq!(report(&desk, wrong).code, 2);
    }
    let ran = report(&desk, &["--audience", "recipients", "--recipient", "ann"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[tokio::test]
async fn a_part_that_the_server_does_not_know_makes_no_report() {
    let desk = Desk::new().await;
    let failures = &desk.fake.script.sla_failures;
    failures
        .lock()
        .unwrap()
        .push_back(Status::unimplemented(""));
    let ran = report(&desk, &["--audience", "clients", "--out", "r.html"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(!desk.path("r.html").exists());
}
