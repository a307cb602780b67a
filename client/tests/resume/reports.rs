//! Reports and watched clocks: what the client takes for one, and what the command line makes of
//! it.

use cordon_client::sla::{to_agreement, to_timeline};
use cordon_client::statement::PublicKeys;
use cordon_client::{Agreement, Clock, ClockState, IncidentClocks, Reason, TimelineEntry};
use cordon_proto::incidents as wire;
use cordon_proto::incidents::timeline_entry::What;
use cordon_proto::sla::generate_report_response::Part;
use cordon_proto::sla::{
    AlwaysOpen, Calendar, CreditTerm, ExportReportsResponse, GenerateReportResponse, Objective,
    ObjectiveKind, WatchClocksResponse, calendar::Open, credit_term::Basis,
};
use cordon_sla::clock::Entry;
use cordon_sla::decided::decided;
use cordon_sla::report::{Builder, ClockLines, Month, PREDICATE_TYPE, Report, line};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tonic::Status;

use super::cli::{Desk, Ran};
use super::fake::incidents::ID;
use super::fake::{Fake, Script};
use super::statements::{key, seal};

fn at(text: &str) -> Option<prost_types::Timestamp> {
    let time: Timestamp = text.parse().unwrap();
    Some(cordon_client::time::to_proto(time))
}

fn agreement() -> Agreement {
    let objective = |kind: ObjectiveKind, seconds| Objective {
        kind: kind.into(),
        severity: wire::Severity::Sev1.into(),
        within: Some(prost_types::Duration { seconds, nanos: 0 }),
        calendar: "always".to_owned(),
    };
    Agreement {
        name: "tenants/acme/agreements/1".to_owned(),
        valid_from: at("2026-01-01T00:00:00Z"),
        calendars: vec![Calendar {
            name: "always".to_owned(),
            open: Some(Open::Always(AlwaysOpen {})),
        }],
        objectives: vec![
            objective(ObjectiveKind::Acknowledge, 900),
            objective(ObjectiveKind::Resolve, 36_000),
        ],
        credits: vec![CreditTerm {
            basis: Some(Basis::Objective(ObjectiveKind::Resolve.into())),
            below_basis_points: 9_000,
            credit_basis_points: 500,
        }],
        ..Agreement::default()
    }
}

/// What happened: taken note of in time, waited for the customer, and resolved too late.
fn timeline() -> Vec<TimelineEntry> {
    let entry = |sequence, time, party: wire::Party, what| TimelineEntry {
        name: format!("tenants/acme/incidents/{ID}/timelineEntries/{sequence}"),
        sequence,
        time: at(time),
        actor: Some(wire::Actor {
            subject: "ada".to_owned(),
            party: party.into(),
        }),
        reason: String::new(),
        what: Some(what),
        ..TimelineEntry::default()
    };
    use wire::Party::{Customer, Provider};
    let to = |party: wire::Party| {
        What::HandedOver(wire::timeline_entry::HandedOver { to: party.into() })
    };
    vec![
        entry(
            4,
            "2026-10-05T08:00:00Z",
            Customer,
            What::Opened(wire::timeline_entry::Opened {
                severity: wire::Severity::Sev1.into(),
                phase: wire::Phase::Identification.into(),
            }),
        ),
        entry(
            5,
            "2026-10-05T08:10:00Z",
            Provider,
            What::Acknowledged(wire::timeline_entry::Acknowledged {}),
        ),
        entry(6, "2026-10-05T09:00:00Z", Provider, to(Customer)),
        entry(7, "2026-10-05T12:00:00Z", Customer, to(Provider)),
        entry(
            8,
            "2026-10-06T00:00:00Z",
            Provider,
            What::Closed(wire::timeline_entry::Closed {
                code: wire::CloseCode::Resolved.into(),
            }),
        ),
    ]
}

/// The report of October and its lines, as a server makes it.
fn report() -> (Report, Vec<u8>) {
    let agreements = [to_agreement(&agreement()).unwrap()];
    let entries: Vec<Entry> = timeline()
        .iter()
        .filter_map(|entry| to_timeline(entry).unwrap().entry())
        .collect();
    let now = "2026-11-02T00:00:00Z".parse().unwrap();
    let october = "2026-10".parse().unwrap();
    let mut builder = Builder::new("acme", october, now, &agreements);
    let (mut digest, mut lines) = (ClockLines::default(), Vec::new());
    for clock in decided(&entries, |_| agreements.first(), ID, 3, october, now) {
        builder.add(&clock);
        lines.extend(line(&clock).unwrap());
    }
    digest.take(&lines);
    let september = Month {
        period: "2026-09".parse().unwrap(),
        kinds: Vec::new(),
        availability: None,
    };
    let report = builder.finish(None, None, vec![september], Some(digest.finish()));
    (report, lines)
}

fn sealed(kind: &str, report: &Value) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "tenants/acme", "digest": { "sha256": "00ff" } }],
        "predicateType": kind,
        "predicate": report,
    });
    seal(&statement.to_string()).to_string().into_bytes()
}

fn part(part: Part) -> Result<GenerateReportResponse, Status> {
    Ok(GenerateReportResponse { part: Some(part) })
}

fn answer(script: &Script, parts: Vec<Part>) {
    *script.report.lock().unwrap() = parts.into_iter().map(part).collect();
}

/// The parts as a server sends them.
fn parts() -> Vec<Part> {
    let (report, lines) = report();
    let (first, rest) = lines.split_at(lines.iter().position(|b| *b == b'\n').unwrap() + 1);
    let report = serde_json::to_value(report).unwrap();
    vec![
        Part::Clocks(first.to_vec()),
        Part::Clocks(rest.to_vec()),
        Part::Statement(sealed(PREDICATE_TYPE, &report)),
    ]
}

fn keys() -> PublicKeys {
    PublicKeys::new(&[key("former", 1)]).unwrap()
}

async fn desk() -> Desk {
    let desk = Desk::new().await;
    *desk.fake.script.keys.lock().unwrap() = vec![key("former", 1)];
    desk.fake
        .script
        .agreements
        .lock()
        .unwrap()
        .push(agreement());
    answer(&desk.fake.script, parts());
    desk
}

/// What a watch for where now is says, and one from the beginning on.
fn remember(script: &Script, entries: Vec<TimelineEntry>) {
    let chunk = |timeline_entries| {
        Ok(wire::WatchIncidentsResponse {
            timeline_entries,
            cursor: 8,
        })
    };
    let mut watches = script.incident_watches.lock().unwrap();
    watches.push_back(vec![chunk(Vec::new())]);
    watches.push_back(vec![chunk(entries)]);
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

#[tokio::test]
async fn a_report_is_the_one_that_was_asked_for_or_none() {
    let fake = Fake::start().await;
    let sla = fake.client().await.sla();
    let (report, lines) = report();
    let october = report.period;
    let get = async |parts: Vec<Part>, tenant: &str, period: &str| {
        answer(&fake.script, parts);
        let (mut came, keys) = (Vec::new(), keys());
        let period = period.parse().unwrap();
        let signed = sla.generate_report(tenant, period, &keys, |bytes| {
            came.extend_from_slice(bytes);
            Ok(())
        });
        signed.await.map(|signed| (signed, came))
    };
    let (signed, came) = get(parts(), "acme", "2026-10").await.unwrap();
    assert_eq!(signed.report, report);
    assert_eq!((signed.report.period, came), (october, lines.clone()));
    assert_eq!(signed.statement.signers[0].kid, "former");
    assert_eq!(
        *fake.script.registered.lock().unwrap(),
        ["report tenants/acme 2026-10"]
    );

    let statement = |kind: &str, change: fn(&mut Report)| {
        let mut report = report.clone();
        change(&mut report);
        let value = serde_json::to_value(report).unwrap();
        Part::Statement(sealed(kind, &value))
    };
    let all = || Part::Clocks(lines.clone());
    let kind = PREDICATE_TYPE;
    let cut = Part::Clocks(lines[..lines.len() / 2].to_vec());
    let forged = {
        let envelope = String::from_utf8(sealed(kind, &json!({}))).unwrap();
        Part::Statement(
            envelope
                .replace("\"payload\":\"ey", "\"payload\":\"eX")
                .into(),
        )
    };
    let wrong = Reason::InvalidStatement;
    for (parts, tenant, period, reason, said) in [
        (
            parts(),
            "globex",
            "2026-10",
            &wrong,
            "got the report of `acme`",
        ),
        (parts(), "acme", "2026-09", &wrong, "in 2026-10"),
        (
            vec![all()],
            "acme",
            "2026-10",
            &Reason::Unavailable,
            "before its statement",
        ),
        (
            vec![],
            "acme",
            "2026-10",
            &Reason::Unavailable,
            "before its statement",
        ),
        (
            vec![cut, statement(kind, |_| {})],
            "acme",
            "2026-10",
            &wrong,
            "the clocks are not those",
        ),
        (
            vec![all(), statement(kind, |report| report.clocks = None)],
            "acme",
            "2026-10",
            &wrong,
            "signed without its clocks",
        ),
        (
            vec![all(), statement("urn:other", |_| {})],
            "acme",
            "2026-10",
            &wrong,
            "it says `urn:other`",
        ),
        (
            vec![statement(kind, |_| {}), all()],
            "acme",
            "2026-10",
            &wrong,
            "behind the statement",
        ),
        (
            vec![all(), Part::Statement(sealed(kind, &json!({})))],
            "acme",
            "2026-10",
            &wrong,
            "missing field `tenant`",
        ),
        (
            vec![all(), forged],
            "acme",
            "2026-10",
            &Reason::BadSignature,
            "does not fit",
        ),
    ] {
        let error = get(parts, tenant, period).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.message().contains(said), "{said}: {error}");
    }
    // What can't be written ends it.
    answer(&fake.script, parts());
    let full = |_: &[u8]| Err(std::io::Error::other("disk full"));
    let error = sla.generate_report("acme", october, &keys(), full).await;
    assert_eq!(*error.unwrap_err().reason(), Reason::Io);
    // A call that found no server is made again.
    let failures = &fake.script.sla_failures;
    failures
        .lock()
        .unwrap()
        .push_back(Status::unavailable("gone"));
    get(parts(), "acme", "2026-10").await.unwrap();
}

#[tokio::test]
async fn reports_of_all_tenants_come_line_by_line() {
    let fake = Fake::start().await;
    let (report, _) = report();
    let line = |tenant: &str| {
        let mut report = report.clone();
        tenant.clone_into(&mut report.tenant);
        format!("{}\n", serde_json::to_string(&report).unwrap())
    };
    let chunk = |text: String| {
        Ok(ExportReportsResponse {
            reports: text.into_bytes(),
        })
    };
    *fake.script.reports.lock().unwrap() = vec![
        chunk(line("acme") + &line("globex")),
        chunk(String::new()),
        chunk(line("initech")),
    ];
    let client = fake.client().await;
    let reports = client.sla().export_reports(report.period);
    let reports: Vec<Report> = reports.try_collect().await.unwrap();
    let tenants: Vec<_> = reports
        .iter()
        .map(|report| report.tenant.as_str())
        .collect();
    assert_eq!(tenants, ["acme", "globex", "initech"]);
    assert_eq!(*fake.script.registered.lock().unwrap(), ["reports 2026-10"]);
    *fake.script.reports.lock().unwrap() = vec![chunk("{}\n".to_owned())];
    let broken = client.sla().export_reports(report.period);
    let error = broken.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::Internal);
}

#[tokio::test]
async fn clocks_are_followed_from_the_last_cursor() {
    let desk = Desk::new().await;
    let incident = |number| IncidentClocks {
        incident: format!("tenants/acme/incidents/{ID}"),
        number,
        severity: wire::Severity::Sev2.into(),
        state: wire::incident::State::Open.into(),
        clocks: vec![Clock {
            kind: ObjectiveKind::Contain.into(),
            severity: wire::Severity::Sev2.into(),
            state: ClockState::Running.into(),
            left: Some(prost_types::Duration {
                seconds: 5_400,
                nanos: 0,
            }),
            ..Clock::default()
        }],
    };
    let chunk = |incidents, cursor| {
        Ok(WatchClocksResponse {
            incidents,
            cursor,
            as_of_time: at("2026-10-05T08:00:00Z"),
        })
    };
    let watches = &desk.fake.script.clock_watches;
    watches.lock().unwrap().extend([
        vec![
            chunk(vec![incident(3), incident(4)], 17),
            chunk(Vec::new(), 18),
            Err(Status::unavailable("gone")),
        ],
        vec![chunk(vec![incident(3)], 19)],
    ]);
    let mut new = desk.fake.client().await.sla().watch_clocks(None);
    let first = new.try_next().await.unwrap().unwrap();
    assert_eq!((first.incidents.len(), new.cursor()), (2, Some(17)));
    let second = new.try_next().await.unwrap().unwrap();
    assert_eq!((second.incidents[0].number, new.cursor()), (3, Some(19)));
    drop(new);
    let asked = std::mem::take(&mut *desk.fake.script.registered.lock().unwrap());
    assert_eq!(
        asked[..2],
        [
            "watch clocks tenants/acme None",
            "watch clocks tenants/acme Some(18)"
        ]
    );

    let again = || {
        let mut watches = watches.lock().unwrap();
        watches.push_back(vec![chunk(vec![incident(3), incident(4)], 17)]);
    };
    again();
    let ran = done(desk.run(&["sla", "watch", "--limit", "2"]));
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.stdout);
    assert!(lines[0].starts_with("AS OF"), "{}", lines[0]);
    assert!(
        lines[2].contains("contain") && lines[2].contains("1h 30m"),
        "{}",
        lines[2]
    );
    assert!(ran.stderr.contains("--cursor 17"), "{}", ran.stderr);
    again();
    let ran = done(desk.run(&[
        "sla", "watch", "--limit", "1", "--cursor", "9", "-o", "ndjson",
    ]));
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(shown["clocks"][0]["left"], "5400s");
    assert_eq!(
        (&shown["number"], &shown["cursor"]),
        (&json!(3), &json!(17))
    );
}

#[tokio::test]
async fn a_report_comes_in_every_form() {
    let desk = desk().await;
    let form = |arguments: &[&str]| {
        let base = ["sla", "report", "--period", "2026-10", "--format"];
        done(desk.run(&[&base[..], arguments].concat()))
    };
    let ran = form(&["html"]);
    assert!(ran.stdout.contains("Service level report: October 2026"));
    assert!(ran.stdout.contains("by key <code>former</code>"));
    let ran = form(&["csv"]);
    assert_eq!(ran.stdout.lines().count(), 6, "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("acme,2026-10,RESOLVE,SEV1,0,1,0,46800,46800,46800,46800,10800,true")
    );
    let ran = form(&["csv", "--clocks"]);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    assert!(ran.stdout.contains("4 6 7 8"), "{}", ran.stdout);
    let ran = form(&["parquet", "--out", "c.parquet"]);
    assert!(
        ran.stdout.starts_with("wrote c.parquet: "),
        "{}",
        ran.stdout
    );
    let file = std::fs::read(desk.path("c.parquet")).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));

    form(&["json", "--out", "r.json"]);
    let file: Value = serde_json::from_slice(&std::fs::read(desk.path("r.json")).unwrap()).unwrap();
    assert_eq!(file["clocks"][1]["state"], "breached");
    let ran = done(desk.run(&["verify", "r.json"]));
    assert!(
        ran.stdout.starts_with("signed by  former"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("urn:cordon:sla-report:v1"),
        "{}",
        ran.stdout
    );
    // Laid out anew it is the same, and changed it is not.
    let pretty = serde_json::to_string_pretty(&file).unwrap();
    std::fs::write(desk.path("r.json"), &pretty).unwrap();
    done(desk.run(&["verify", "r.json"]));
    std::fs::write(desk.path("r.json"), pretty.replace("breached", "met")).unwrap();
    let ran = desk.run(&["verify", "r.json"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("the clocks are not those"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.is_empty());
}

#[tokio::test]
async fn no_file_appears_of_a_report_that_is_none() {
    let desk = desk().await;
    let mut cut = parts();
    cut.remove(0);
    answer(&desk.fake.script, cut);
    for (format, out) in [
        ("json", "r.json"),
        ("html", "r.html"),
        ("parquet", "r.parquet"),
    ] {
        let ran = desk.run(&[
            "sla", "report", "--period", "2026-10", "--format", format, "--out", out,
        ]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("the clocks are not those"),
            "{}",
            ran.stderr
        );
        assert!(!desk.path(out).exists());
    }
    for arguments in [
        &["--format", "html", "--clocks"][..],
        &["--format", "parquet", "--all"],
    ] {
        let base = ["sla", "report", "--period", "2026-10"];
        let ran = desk.run(&[&base[..], arguments].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
}

#[tokio::test]
async fn all_tenants_come_in_every_form() {
    let desk = Desk::new().await;
    let (report, _) = report();
    let line = format!("{}\n", serde_json::to_string(&report).unwrap());
    let chunk = ExportReportsResponse {
        reports: line.clone().into_bytes(),
    };
    *desk.fake.script.reports.lock().unwrap() = vec![Ok(chunk)];
    let form = |format: &str| {
        let base = ["sla", "report", "--all", "--period", "2026-10", "--format"];
        done(desk.run(&[&base[..], &[format]].concat()))
    };
    assert_eq!(form("json").stdout, line);
    assert!(form("csv").stdout.contains("acme,2026-10,ALL,ALL,1,1,5000"));
    let ran = form("html");
    assert!(ran.stdout.contains("All tenants</h2>"));
    assert_eq!(ran.stderr, "1 tenants\n");
}

#[tokio::test]
async fn what_agrees_and_what_does_not_is_told_by_the_exit_code() {
    let desk = desk().await;
    let script = &desk.fake.script;
    done(desk.run(&[
        "sla", "report", "--period", "2026-10", "--format", "json", "--out", "r.json",
    ]));
    remember(script, timeline());
    let ran = done(desk.run(&["sla", "recompute", "r.json"]));
    assert_eq!(
        ran.stdout,
        "the report of acme in 2026-10 agrees with the log: 2 clocks and all figures were \
         computed again\n"
    );

    // Without the hand-over the customer's three hours were the provider's.
    let mut lacking = timeline();
    lacking.remove(2);
    remember(script, lacking);
    let ran = desk.run(&["sla", "recompute", "r.json"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("does not agree with the log"),
        "{}",
        ran.stdout
    );
    let said = format!(
        "incident 3 ({ID}), resolve of 2026-10-05T08:00:00Z: spent was reported as PT13H, and comes to PT16H"
    );
    assert!(ran.stdout.contains(&said), "{}", ran.stdout);

    // Another agreement.
    script.agreements.lock().unwrap()[0].objectives[1].within = Some(prost_types::Duration {
        seconds: 72_000,
        nanos: 0,
    });
    remember(script, timeline());
    let ran = desk.run(&["sla", "recompute", "r.json", "-o", "json"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let came: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&came["agrees"], &came["period"]),
        (&json!(false), &json!("2026-10"))
    );
    let kinds: Vec<_> = came["differences"].as_array().unwrap().iter().collect();
    let has = |figure: &str| {
        kinds
            .iter()
            .any(|difference| difference["figure"] == figure)
    };
    assert!(
        has("agreements[1].objectives[resolve sev1].within"),
        "{came}"
    );
    assert!(has("credits.total"), "{came}");
}

#[tokio::test]
async fn a_report_is_computed_again_with_nobody_to_ask() {
    let mut desk = desk().await;
    let run = |desk: &Desk, line: &str| desk.run(&line.split(' ').collect::<Vec<_>>());
    done(run(
        &desk,
        "sla report --period 2026-10 --format json --out r.json",
    ));
    remember(&desk.fake.script, timeline());
    let ran = done(run(&desk, "sla history --out log.ndjson"));
    assert_eq!(ran.stdout, "wrote log.ndjson: 5 entries\n");
    let agreements = done(run(&desk, "sla agreements list -o json")).stdout;
    std::fs::write(desk.path("a.json"), agreements).unwrap();
    done(run(&desk, "signing-keys --out keys.json"));
    desk.fake.stop();
    std::fs::remove_file(desk.path("p.toml")).unwrap();
    let recompute = "sla recompute r.json --log log.ndjson --agreements a.json --keys keys.json";
    let ran = done(run(&desk, recompute));
    assert!(
        ran.stdout.contains("agrees with the log: 2 clocks"),
        "{}",
        ran.stdout
    );

    let log = std::fs::read_to_string(desk.path("log.ndjson")).unwrap();
    assert_eq!(log.lines().count(), 5);
    assert!(!log.contains("ada"), "{log}");
    std::fs::write(desk.path("log.ndjson"), log.replace("08:10:00", "08:16:00")).unwrap();
    let ran = run(&desk, recompute);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(
        ran.stdout.contains(
            "acknowledge of 2026-10-05T08:00:00Z: state was reported as met, and comes to breached"
        ),
        "{}",
        ran.stdout
    );
    std::fs::write(desk.path("log.ndjson"), "{\"name\":1}").unwrap();
    let ran = run(&desk, recompute);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("log.ndjson: "), "{}", ran.stderr);
    // What nobody signed is not computed at all.
    let file = std::fs::read_to_string(desk.path("r.json")).unwrap();
    let forged = file.replace("\"keyid\":\"former\"", "\"keyid\":\"other\"");
    std::fs::write(desk.path("r.json"), forged).unwrap();
    let ran = run(&desk, recompute);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("[UNKNOWN_KEY]"), "{}", ran.stderr);
}
