//! The report of an incident: what the client takes for one, and what the command line makes of it.

use cordon_client::{Reason, Tlp};
use cordon_pages::incident::{PREDICATE_TYPE, Story};
use cordon_proto::incidents as wire;
use cordon_proto::reports::GenerateIncidentReportResponse;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tonic::Status;

use super::cli::{Desk, Ran};
use super::fake::incidents::ID;
use super::fake::{Fake, Script};
use super::statements::{key, seal};

fn name() -> String {
    format!("tenants/acme/incidents/{ID}")
}

/// The report as a server makes it.
fn story() -> Value {
    let at = prost_types::Timestamp {
        seconds: 1_700_000_000,
        nanos: 0,
    };
    let ada = wire::Actor {
        subject: "ada".to_owned(),
        party: wire::Party::Customer.into(),
    };
    let incident = wire::Incident {
        name: name(),
        number: 3,
        title: "block <b>keys\u{1b}[2J".to_owned(),
        severity: wire::Severity::Sev2.into(),
        phase: wire::Phase::FollowUp.into(),
        state: wire::incident::State::Open.into(),
        tlp: Tlp::Amber.into(),
        opened_by: Some(ada),
        create_time: Some(at),
        ..wire::Incident::default()
    };
    let story = Story {
        incident,
        as_of: Timestamp::from_second(1_700_000_600).unwrap(),
        ..Story::default()
    };
    serde_json::to_value(cordon_pages::incident::report(&story).unwrap()).unwrap()
}

fn statement(kind: &str, about: &str, report: &Value) -> Vec<u8> {
    let sha256 = digest(&SHA256, report.to_string().as_bytes());
    let sha256: String = sha256.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": about, "digest": { "sha256": sha256 } }],
        "predicateType": kind,
        "predicate": report,
    });
    seal(&statement.to_string()).to_string().into_bytes()
}

/// Has the server answer with this envelope, in parts.
fn answer(script: &Script, envelope: &[u8]) {
    let parts = envelope.chunks(100).map(|part| {
        Ok(GenerateIncidentReportResponse {
            statement: part.to_vec(),
        })
    });
    *script.incident_report.lock().unwrap() = parts.collect();
}

async fn desk() -> Desk {
    let desk = Desk::new().await;
    *desk.fake.script.keys.lock().unwrap() = vec![key("former", 1)];
    let envelope = statement(PREDICATE_TYPE, &name(), &story());
    answer(&desk.fake.script, &envelope);
    desk
}

const CLIENTS: [&str; 5] = ["incidents", "report", ID, "--audience", "clients"];

fn report(desk: &Desk, arguments: &[&str]) -> Ran {
    desk.run(&[&CLIENTS[..], arguments].concat())
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

#[tokio::test]
async fn a_report_is_the_one_that_was_asked_for_or_none() {
    let fake = Fake::start().await;
    let incidents = fake.client().await.incidents();
    let keys = cordon_client::statement::PublicKeys::new(&[key("former", 1)]).unwrap();
    let (good, kind) = (story(), PREDICATE_TYPE);
    let get = async |envelope: Vec<u8>| {
        answer(&fake.script, &envelope);
        incidents.report(ID, &keys).await
    };
    let signed = get(statement(kind, &name(), &good)).await.unwrap();
    assert_eq!(signed.report.number, 3);
    assert_eq!(signed.statement.signers[0].kid, "former");

    let other = name().replace("acme", "globex");
    let mut of_another = good.clone();
    of_another["tenant"] = "globex".into();
    let mut changed: Value = serde_json::from_slice(&statement(kind, &name(), &good)).unwrap();
    changed["signatures"][0]["sig"] = "AA==".into();
    for (envelope, reason) in [
        (statement("urn:x", &name(), &good), Reason::InvalidStatement),
        (statement(kind, &other, &good), Reason::InvalidStatement),
        (
            statement(kind, &name(), &of_another),
            Reason::InvalidStatement,
        ),
        // Whole, and of another tenant.
        (
            statement(kind, &other, &of_another),
            Reason::InvalidStatement,
        ),
        (
            statement(kind, &name(), &json!({})),
            Reason::InvalidStatement,
        ),
        (changed.to_string().into_bytes(), Reason::BadSignature),
        (b"{".to_vec(), Reason::InvalidStatement),
    ] {
        assert_eq!(*get(envelope).await.unwrap_err().reason(), reason);
    }
    let mut cut: Vec<_> = vec![Ok(GenerateIncidentReportResponse {
        statement: vec![b'{'],
    })];
    cut.push(Err(Status::unavailable("")));
    *fake.script.incident_report.lock().unwrap() = cut;
    let error = incidents.report(ID, &keys).await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Unavailable);
}

#[tokio::test]
async fn a_report_comes_in_both_forms_and_both_are_verified_with_nobody_to_ask() {
    let desk = desk().await;
    done(desk.run(&["signing-keys", "--out", "keys.json"]));
    let ran = done(report(&desk, &["--out", "r.html"]));
    assert!(ran.stdout.contains("signed by former"), "{}", ran.stdout);
    done(report(&desk, &["--format", "json", "--out", "r.json"]));
    let page = std::fs::read_to_string(desk.path("r.html")).unwrap();
    for said in ["TLP:AMBER", "block &lt;b&gt;keys", "<code>former</code>"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains('\u{1b}') && !page.contains("<b>keys"));

    desk.fake.script.registered.lock().unwrap().clear();
    let kept = ["--keys", "keys.json"];
    for file in ["r.html", "r.json"] {
        let ran = done(desk.run(&[&["verify", file][..], &kept].concat()));
        assert!(ran.stdout.contains(PREDICATE_TYPE), "{}", ran.stdout);
    }
    for (file, format, made, of) in [
        ("r.json", "html", "again.html", "r.html"),
        ("r.html", "json", "again.json", "r.json"),
    ] {
        let from = [
            "incidents",
            "report",
            "--from",
            file,
            "--audience",
            "clients",
        ];
        let to = ["--format", format, "--out", made];
        done(desk.run(&[&from[..], &kept, &to].concat()));
        let read = |file| std::fs::read(desk.path(file)).unwrap();
        assert!(read(made) == read(of), "{made}");
    }
    assert_eq!(*desk.fake.script.registered.lock().unwrap(), [""; 0]);

    // A good envelope that a browser shows something else of.
    let mut good: Value =
        serde_json::from_slice(&std::fs::read(desk.path("r.json")).unwrap()).unwrap();
    std::fs::write(desk.path("plain.html"), good.to_string()).unwrap();
    good["x"] = "<h1>all is well</h1>".into();
    std::fs::write(desk.path("more.json"), good.to_string()).unwrap();
    for file in ["plain.html", "more.json"] {
        let ran = desk.run(&[&["verify", file][..], &kept].concat());
        assert_eq!(ran.code, 1, "{file}: {}", ran.stdout);
        assert!(ran.stderr.contains("markup"), "{}", ran.stderr);
    }

    // The page is what is looked at: it has to show what was signed.
    for (place, changed) in [
        ("Open", page.replace("SEV2", "SEV4")),
        ("signature", page.replace("report: ", "report: AAAA")),
    ] {
        std::fs::write(desk.path("r.html"), changed).unwrap();
        let ran = desk.run(&[&["verify", "r.html"][..], &kept].concat());
        assert_eq!(ran.code, 1, "{place}: {}", ran.stdout);
    }
}

#[tokio::test]
async fn a_report_goes_to_nobody_whom_the_marking_leaves_out() {
    let desk = desk().await;
    for audience in ["community", "public"] {
        for format in ["html", "json"] {
            let to = ["incidents", "report", ID, "--audience", audience];
            let ran = desk.run(&[&to[..], &["--format", format, "--out", "r"]].concat());
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            assert!(ran.stderr.contains("TLP_VIOLATION"), "{}", ran.stderr);
            assert_eq!(ran.stdout, "");
            assert!(!desk.path("r").exists());
        }
    }
    for wrong in [
        &[ID, "--audience", "recipients"][..],
        &[ID, "--audience", "clients", "--recipient", "ann"],
        &[ID],
        &["--audience", "clients"],
        &[ID, "--from", "r.json", "--audience", "clients"],
    ] {
        let ran = desk.run(&[&["incidents", "report"][..], wrong].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
    let recipient = [ID, "--audience", "recipients", "--recipient", "ann"];
    done(desk.run(&[&["incidents", "report"][..], &recipient].concat()));
}

#[tokio::test]
async fn a_server_that_knows_none_makes_no_file() {
    let desk = desk().await;
    let failures = &desk.fake.script.sla_failures;
    failures
        .lock()
        .unwrap()
        .push_back(Status::unimplemented(""));
    let ran = report(&desk, &["--out", "r.html"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(!desk.path("r.html").exists());
}
