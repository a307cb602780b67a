//! What was promised, through client and command line: warnings and breaches come once though the
//! server is killed, a month's report is one that the customer computes again, and what the law sets
//! a time for is stated by the side whose duty it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use cordon_client::analysis::{NewAnalysis, Question};
use cordon_client::time::{from_proto, now, to_proto};
use cordon_client::{
    Agreement, AlwaysOpen, Calendar, CalendarOpen, Client, ClockState, DeadlineState, Entry,
    Holder, NewIncident, Objective, ObjectiveKind, Reason, ReportingDuties, ReportingDuty,
    ReportingFactKind, ReportingStage, Severity, TimelineWhat,
};
use futures::TryStreamExt as _;
use serde_json::Value;

use crate::harness::{Server, World, at, binary, connect};

/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(120);
/// Seconds that are promised.
const WITHIN: i64 = 4;

pub(crate) fn agreement() -> Agreement {
    Agreement {
        valid_from: Some(to_proto("2026-01-01T00:00:00Z".parse().unwrap())),
        calendars: vec![Calendar {
            name: "always".into(),
            open: Some(CalendarOpen::Always(AlwaysOpen {})),
        }],
        objectives: vec![
            promise(ObjectiveKind::Acknowledge, WITHIN),
            promise(ObjectiveKind::AnswerAnalysis, 3_600),
        ],
        ..Agreement::default()
    }
}

fn promise(kind: ObjectiveKind, seconds: i64) -> Objective {
    Objective {
        kind: kind.into(),
        severity: Severity::Sev2.into(),
        within: Some(prost_types::Duration { seconds, nanos: 0 }),
        calendar: "always".into(),
    }
}

pub(crate) fn opening() -> NewIncident {
    NewIncident {
        title: "Keys in a public repository".into(),
        severity: Severity::Sev2,
        ..NewIncident::default()
    }
}

async fn profile(world: &World, holder: Holder, role: &str, name: &str) -> (Client, PathBuf) {
    let profile = world.issue(holder, role).await;
    let path = world.folder.path().join(format!("{name}-sla.toml"));
    profile.save(&path).unwrap();
    (connect(profile).await, path)
}

fn cordon(profile: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("cordon"));
    command
        .args(["--profile", profile.to_str().unwrap(), "sla"])
        .args(arguments)
        .env_remove("CORDON_PROFILE");
    tokio::task::block_in_place(|| command.output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// What was recorded about clocks: percents, and 100 for a breach.
pub(crate) async fn recorded(client: &Client, incident: &str) -> Vec<i32> {
    let timeline: Vec<_> = client
        .incidents()
        .timeline(incident)
        .try_collect()
        .await
        .unwrap();
    let said = timeline.into_iter().filter_map(|entry| match entry.what? {
        TimelineWhat::ClockWarned(warned) => Some(warned.percent),
        TimelineWhat::ClockBreached(_) => Some(100),
        _ => None,
    });
    said.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_recorded_once_and_the_report_of_it_can_be_computed_again() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    world.tenant("hooli", &[]).await;
    let sla = world.operator.sla();
    sla.create_agreement("initech", agreement(), None)
        .await
        .unwrap();
    let tenant = |id: &str| Holder::Tenant(id.into());
    let (_, ours) = profile(&world, tenant("initech"), "responder", "initech").await;
    let (_, theirs) = profile(&world, tenant("hooli"), "responder", "hooli").await;
    let (_, reporter) = profile(&world, Holder::Staff, "sla-reporter", "reporter").await;
    let member = world.issue(tenant("initech"), "responder").await;
    let client = connect(member.clone()).await;
    let opened = client.incidents().create(opening()).await.unwrap();

    // Killed before the first warning; what is due meanwhile is made up for.
    let address = world.server.address.clone();
    let World { server, folder, .. } = world;
    server.kill().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let server = Server::start_at(&folder.path().join("data"), &address).await;
    let client = connect(at(&member, &server.address)).await;
    let mut found = Vec::new();
    for _ in 0..100 {
        found = recorded(&client, &opened.name).await;
        if found.last() == Some(&100) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(found.last(), Some(&100), "{found:?}");
    // Nothing more comes, and each was said once, upward.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let found = recorded(&client, &opened.name).await;
    assert!(
        found.is_sorted() && found.windows(2).all(|two| two[0] < two[1]),
        "{found:?}"
    );

    // A question about it is answered, which has a clock of its own.
    let question = Question::Sql("SELECT count(*) FROM events".to_owned());
    let asked = NewAnalysis {
        incident: Some(opened.name.clone()),
        ..NewAnalysis::new(question, "how much there is")
    };
    let asked = client.analyses().create(asked).await.unwrap().name;
    let ended = tokio::time::timeout(DEADLINE, client.analyses().wait(&asked)).await;
    ended.unwrap().unwrap();

    // The report, by whoever asks; and what the customer makes of it.
    let (clocks, _) = client.sla().clocks(&opened.name).await.unwrap();
    let answer = clocks.iter().find(|clock| clock.request == asked).unwrap();
    assert_eq!(
        (answer.kind(), answer.state()),
        (ObjectiveKind::AnswerAnalysis, ClockState::Met)
    );
    let due = from_proto(clocks[0].due_time.as_ref().unwrap()).unwrap();
    let period = due.strftime("%Y-%m").to_string();
    let file = folder.path().join("report.json");
    let out = file.to_str().unwrap();
    let report = [
        "report", "--period", &period, "--format", "json", "--out", out,
    ];
    let written = cordon(&ours, &report);
    assert!(written.status.success(), "{}", said(&written));
    let agrees = cordon(&ours, &["recompute", out]);
    assert_eq!(agrees.status.code(), Some(0), "{}", said(&agrees));
    let page = cordon(&ours, &["report", "--period", &period]);
    let page = said(&page);
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("<svg"),
        "{page}"
    );

    // Offline, from files; and with a log in which the incident was opened later.
    let log = folder.path().join("log.ndjson");
    let history = cordon(&ours, &["history", "--out", log.to_str().unwrap()]);
    assert!(history.status.success(), "{}", said(&history));
    let offline = ["recompute", out, "--log", log.to_str().unwrap()];
    let agrees = cordon(&ours, &offline);
    assert_eq!(agrees.status.code(), Some(0), "{}", said(&agrees));
    let lines = std::fs::read_to_string(&log).unwrap();
    let mut lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let opening = lines
        .iter_mut()
        .find(|line| line["what"] == "OPENED")
        .unwrap();
    let opening_time = opening["time"].as_str().unwrap();
    let later: jiff::Timestamp = opening_time.parse().unwrap();
    opening["time"] = (later + jiff::SignedDuration::from_secs(1))
        .to_string()
        .into();
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&log, lines.join("\n")).unwrap();
    let differs = cordon(&ours, &offline);
    assert_eq!(differs.status.code(), Some(7), "{}", said(&differs));

    // Nobody else's.
    let refused = ["report", "--tenant", "initech", "--period", &period];
    let refused = cordon(&theirs, &refused);
    assert!(!refused.status.success() && said(&refused).contains("PERMISSION_DENIED"));
    let all = ["report", "--all", "--period", &period, "--format", "json"];
    // The job may have been claimed by the server that was killed: then its lease has to lapse.
    let mut kept: Vec<Value> = Vec::new();
    for _ in 0..120 {
        let all = cordon(&reporter, &all);
        assert!(all.status.success(), "{}", said(&all));
        let lines = String::from_utf8(all.stdout).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        kept = lines.collect();
        if !kept.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(kept.len(), 1, "hooli has no agreement");
    assert_eq!(kept[0]["tenant"], "initech");
    assert!(!cordon(&ours, &all).status.success());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_states_its_own_duties_to_report() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    let customer = world.member("initech", "responder").await;
    let analyst = world.issue(Holder::Staff, "analyst").await;
    let entry = Entry::new("works on an incident").reference("INC-1");
    let staff = connect(analyst).await.entering(entry);
    let incident = customer.incidents().create(opening()).await.unwrap().name;
    let (none, _) = customer.sla().deadlines(&incident).await.unwrap();
    assert_eq!(none, []);

    let duties = |duties: &[ReportingDuty]| {
        ReportingFactKind::Duties(ReportingDuties {
            duties: duties.iter().map(|duty| (*duty).into()).collect(),
        })
    };
    let sla = customer.sla();
    let theirs = duties(&[ReportingDuty::GdprProcessor]);
    let refused = sla.state_fact(&incident, theirs.clone()).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::FailedPrecondition);
    sla.state_fact(&incident, duties(&[ReportingDuty::Nis2]))
        .await
        .unwrap();
    let aware = now() - jiff::SignedDuration::from_hours(2);
    let stated = ReportingFactKind::AwarenessTime(to_proto(aware));
    sla.state_fact(&incident, stated).await.unwrap();
    staff.sla().state_fact(&incident, theirs).await.unwrap();

    let (deadlines, _) = staff.sla().deadlines(&incident).await.unwrap();
    let (own, _) = customer.sla().deadlines(&incident).await.unwrap();
    assert_eq!(own.len(), deadlines.len(), "both sides see the same");
    let warning = &deadlines[0];
    assert_eq!(warning.stage(), ReportingStage::EarlyWarning);
    assert_eq!(warning.state(), DeadlineState::Running);
    let due = from_proto(warning.due_time.as_ref().unwrap()).unwrap();
    assert_eq!(due, aware + jiff::SignedDuration::from_hours(24));
    let last = deadlines.last().unwrap();
    assert_eq!(last.duty(), ReportingDuty::GdprProcessor);
    assert_eq!(last.state(), DeadlineState::Waiting, "it was not aware yet");

    let to_come =
        ReportingFactKind::AwarenessTime(to_proto(now() + jiff::SignedDuration::from_hours(1)));
    let refused = sla.state_fact(&incident, to_come).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::InvalidArgument);
}
