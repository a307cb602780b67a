//! A case goes out of one tenant by its marking and comes into another, once, as what it says of
//! itself; and a copy is kept in step.

use std::path::Path;
use std::process::{Command, Output};

use cordon_client::exchange::{self, Audience, ImportOutcome, Offered, read};
use cordon_client::{
    Client, CloseCode, Holder, IncidentChanges, IncidentState, Incidents, NewIncident, Reason,
    Severity, TimelineWhat, Tlp,
};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::harness::{World, binary, connect};

async fn member(world: &World, tenant: &str, role: &str) -> (Client, std::path::PathBuf) {
    let profile = world.issue(Holder::Tenant(tenant.into()), role).await;
    let path = world
        .folder
        .path()
        .join(format!("{tenant}-{role}-exchange.toml"));
    profile.save(&path).unwrap();
    (connect(profile).await, path)
}

fn cordon(profile: &Path, arguments: &[&str]) -> Output {
    let profile = ["--profile", profile.to_str().unwrap(), "incidents"];
    let mut command = Command::new(binary("cordon"));
    command
        .args(profile)
        .args(arguments)
        .env_remove("CORDON_PROFILE");
    tokio::task::block_in_place(|| command.output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

async fn open(incidents: &Incidents, title: &str, tlp: Tlp) -> String {
    let new = NewIncident {
        title: title.to_owned(),
        description: "<script>alert(1)</script>".to_owned(),
        severity: Severity::Sev2,
        tlp,
        ..NewIncident::default()
    };
    incidents.create(new).await.unwrap().name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_out_by_its_marking_and_comes_in_once() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    world.tenant("hooli", &[]).await;
    let (ours, our_profile) = member(&world, "initech", "responder").await;
    let (theirs, their_profile) = member(&world, "hooli", "responder").await;
    let (ours, theirs) = (ours.incidents(), theirs.incidents());
    let closed = open(&ours, "Keys in a public repository", Tlp::Amber).await;
    let said_here = ours
        .comment(&closed, "The keys are revoked.")
        .await
        .unwrap();
    let code = CloseCode::FalsePositive;
    ours.close(&closed, code, "test keys", "").await.unwrap();
    let secret = open(&ours, "Somebody inside", Tlp::Red).await;

    // RED keeps the whole file from going to clients; what may go goes.
    let file = world.folder.path().join("cases.json");
    let out = file.to_str().unwrap();
    let export = [
        "export",
        "--format",
        "json",
        "--audience",
        "clients",
        "--out",
        out,
    ];
    let refused = cordon(&our_profile, &export);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("TLP_VIOLATION"),
        "{}",
        said(&refused)
    );
    assert!(
        said(&refused).contains("#2 is marked TLP:RED"),
        "{}",
        said(&refused)
    );
    assert!(!file.exists());
    let written = cordon(&our_profile, &[&export[..], &["--leave-out"]].concat());
    assert!(written.status.success(), "{}", said(&written));
    let cases = std::fs::read_to_string(&file).unwrap();
    assert!(cases.contains("public repository") && !cases.contains("Somebody inside"));
    let cursor = serde_json::from_str::<Value>(&cases).unwrap()["cursor"].clone();

    // Elsewhere it comes in closed, twice as once.
    for (imported, known) in [(1, 0), (0, 1)] {
        let told = cordon(&their_profile, &["import", out, "-o", "json"]);
        assert!(told.status.success(), "{}", said(&told));
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(
            (&told["imported"], &told["known"]),
            (&imported.into(), &known.into())
        );
    }
    let here = ours.get(&closed).await.unwrap();
    let there: Vec<_> = theirs.list(Default::default()).try_collect().await.unwrap();
    let [there] = there.as_slice() else {
        panic!("{there:?}");
    };
    assert_eq!(there.state(), IncidentState::Closed);
    assert_eq!(
        (&there.title, there.close_code()),
        (&here.title, here.close_code())
    );
    let origin = there.origin.clone().unwrap();
    assert_eq!(origin.external_id, closed);
    assert_eq!(origin.create_time, here.create_time);
    assert_ne!(there.create_time, here.create_time);
    let comments: Vec<_> = theirs.comments(&there.name).try_collect().await.unwrap();
    assert_eq!(comments[0].text, said_here.text);
    let timeline: Vec<_> = theirs.timeline(&there.name).try_collect().await.unwrap();
    assert!(
        matches!(timeline[0].what, Some(TimelineWhat::Imported(_))),
        "{timeline:?}"
    );
    // Back where it came from it is known.
    let told = cordon(&our_profile, &["import", out, "-o", "json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["known"], &told["results"][0]["incident"]),
        (&1.into(), &closed.clone().into())
    );
    // Who may only read brings nothing in.
    let (_, reader) = member(&world, "hooli", "reader").await;
    assert_eq!(cordon(&reader, &["import", out]).status.code(), Some(3));

    // Named persons may have what is RED, and STIX says to whom it may go.
    let bundle = world.folder.path().join("case.stix");
    let to = bundle.to_str().unwrap();
    let ann = [
        "--audience",
        "recipients",
        "--recipient",
        "ann",
        "--out",
        to,
    ];
    let written = cordon(
        &our_profile,
        &[&["export", "--format", "stix", "--incident", "2"], &ann[..]].concat(),
    );
    assert!(written.status.success(), "{}", said(&written));
    let stix = std::fs::read_to_string(&bundle).unwrap();
    assert!(stix.contains("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"));
    let document = read::read(stix.as_bytes(), read::Defaults::default()).unwrap();
    assert_eq!(
        document.offered[0].incident.as_ref().unwrap().external_id,
        secret
    );

    // The copy is kept in step from where the file ends.
    let changes = IncidentChanges {
        tlp: Some(Tlp::Green),
        ..IncidentChanges::default()
    };
    ours.update(&secret, changes, "").await.unwrap();
    let since = cursor.to_string();
    let more = ["--since", &since, "-o", "json"];
    let written = cordon(&our_profile, &[&export[..], &more].concat());
    assert!(written.status.success(), "{}", said(&written));
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let numbers: Vec<_> = cases["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["number"])
        .collect();
    assert_eq!(numbers, [2]);

    // The timeline of all is whole.
    let lines = world.folder.path().join("timeline.ndjson");
    let all = [
        "timeline",
        "--export",
        "--audience",
        "organization",
        "--out",
        lines.to_str().unwrap(),
    ];
    let written = cordon(&our_profile, &all);
    assert!(written.status.success(), "{}", said(&written));
    let text = std::fs::read_to_string(&lines).unwrap();
    let sequences: Vec<i64> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["sequence"]
                .as_i64()
                .unwrap()
        })
        .collect();
    assert_eq!(sequences, (1..=5).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_come_in_and_bad_ones_are_told() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    let (client, _) = member(&world, "initech", "responder").await;
    let incidents = client.incidents();
    let offered = |n: usize| {
        let title = match n % 50 {
            7 => "bell \u{7}".to_owned(),
            _ => format!("incident {n} \u{202e}"),
        };
        Offered {
            at: format!("line {n}"),
            incident: Ok(exchange::ForeignIncident {
                external_id: format!("CASE-{n}"),
                title,
                severity: Severity::Sev4.into(),
                comments: vec![exchange::ForeignComment {
                    text: "x".repeat(20_000),
                    ..Default::default()
                }],
                ..Default::default()
            }),
        }
    };
    let bring = || incidents.import((0..300).map(offered).collect::<Vec<_>>());
    let told: Vec<_> = bring().try_collect().await.unwrap();
    let count = |told: &[(String, exchange::ImportResult)], outcome| {
        told.iter()
            .filter(|(_, result)| result.outcome() == outcome)
            .count()
    };
    assert_eq!(told.len(), 300);
    assert_eq!(count(&told, ImportOutcome::Imported), 294);
    assert_eq!(count(&told, ImportOutcome::Refused), 6);
    assert_eq!(told[7].1.violations[0].field, "title");
    let told: Vec<_> = bring().try_collect().await.unwrap();
    assert_eq!(count(&told, ImportOutcome::Known), 294);

    // All of it goes out again, each once, and for too many people none of it.
    let changed = incidents.changed(0);
    let cases: Vec<_> = exchange::cases(&incidents, changed, Audience::Clients)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(cases.len(), 294);
    let changed = incidents.changed(0);
    let mut refused = exchange::cases(&incidents, changed, Audience::Public).boxed();
    let error = refused.next().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Reason::TlpViolation);
}
