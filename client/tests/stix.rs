//! What goes out as STIX passes OASIS's own validator, and what goes out as JSON the schema that
//! `docs/schemas` has of it. Both are Python: where there is none, or no way to install the
//! validator, the test says that it was skipped.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cordon_client::exchange::document::{CASES, Case, Line, VERSION};
use cordon_client::exchange::stix::Bundle;
use cordon_client::{
    Actor, CleanStateCriterion, CloseCode, Comment, CommentRevision, Incident, IncidentState,
    Origin, Party, Phase, Severity, SignOff, TimelineEntry, TimelineWhat, Tlp,
};
use cordon_proto::incidents::timeline_entry as kinds;
use serde_json::{Value, json};

const VALIDATOR: &str = "stix2-validator==3.3.2";

/// Python with the validator; `None` where it can't be had.
fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stix2-validator-3.3.2");
    let python = venv.join("bin/python");
    let works = |python: &Path| ran(Command::new(python).args(["-c", "import stix2validator"]));
    if works(&python) {
        return Some(python);
    }
    let made = ran(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--retries",
        "1",
        "--timeout",
        "15",
        VALIDATOR,
    ];
    (made && ran(Command::new(&python).args(pip)) && works(&python)).then_some(python)
}

fn ran(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn told(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn time(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds,
        nanos: 120_000_000,
    })
}

fn actor(subject: &str, party: Party) -> Option<Actor> {
    Some(Actor {
        subject: subject.to_owned(),
        party: party.into(),
    })
}

/// An incident of this marking, with something of everything in it.
fn case(number: i64, tlp: Tlp) -> Case {
    let name = format!("tenants/acme/incidents/01934f5e-7c1a-7abc-8def-{number:012}");
    let closed = number % 2 == 0;
    let origin = Origin {
        external_id: "CASE-1".to_owned(),
        author: "ann".to_owned(),
        create_time: time(1_600_000_000),
        ..Origin::default()
    };
    let incident = Incident {
        name: name.clone(),
        number,
        title: "<b>Keys</b> \u{202e}gpj.exe \"quoted\"".to_owned(),
        description: "line\nline\t\u{2066}bidi\u{2069} ü 🔑".to_owned(),
        severity: Severity::Sev1.into(),
        phase: Phase::FollowUp.into(),
        state: match closed {
            true => IncidentState::Closed.into(),
            false => IncidentState::Open.into(),
        },
        tlp: tlp.into(),
        pending_party: Party::Provider.into(),
        clean_state_criteria: vec![CleanStateCriterion {
            text: "all keys revoked".to_owned(),
            customer: Some(SignOff {
                subject: "jane".to_owned(),
                time: time(1_700_000_500),
            }),
            provider: None,
        }],
        opened_by: actor("jane", Party::Customer),
        create_time: time(1_700_000_000),
        update_time: time(1_700_001_000),
        acknowledge_time: time(1_700_000_100).filter(|_| closed),
        close_time: time(1_700_001_000).filter(|_| closed),
        close_code: match closed {
            true => CloseCode::FalsePositive.into(),
            false => 0,
        },
        etag: "e1".to_owned(),
        pending_action: "which account?".to_owned(),
        exercise: number == 4,
        provider_wide: false,
        origin: Some(origin.clone()).filter(|_| closed),
    };
    let comment = |n: u8, party| Comment {
        name: format!("{name}/comments/{n}"),
        text: format!("said {n}"),
        author: actor("joe", party),
        create_time: time(1_700_000_200),
        update_time: time(1_700_000_300),
        revisions: vec![CommentRevision {
            text: "said".to_owned(),
            create_time: time(1_700_000_200),
        }],
        common: false,
        origin: Some(origin.clone()).filter(|_| n == 2),
    };
    let entry = |sequence: i64, what| TimelineEntry {
        name: format!("{name}/timelineEntries/{sequence}"),
        sequence,
        time: time(1_700_000_000 + sequence),
        actor: actor("jane", Party::Customer),
        reason: String::new(),
        what: Some(what),
        exercise: false,
    };
    let (commented, updated) = (name.clone(), name.clone());
    let timeline = vec![
        entry(
            1,
            TimelineWhat::Opened(kinds::Opened {
                severity: 1,
                phase: 2,
            }),
        ),
        entry(
            2,
            TimelineWhat::Updated(kinds::Updated {
                fields: vec!["tlp".to_owned()],
            }),
        ),
        entry(3, TimelineWhat::Acknowledged(kinds::Acknowledged {})),
        entry(4, TimelineWhat::Moved(kinds::Moved { from: 2, to: 7 })),
        entry(
            5,
            TimelineWhat::Reclassified(kinds::Reclassified { from: 2, to: 1 }),
        ),
        entry(6, TimelineWhat::HandedOver(kinds::HandedOver { to: 1 })),
        entry(
            7,
            TimelineWhat::CriteriaSet(kinds::CriteriaSet { count: 1 }),
        ),
        entry(
            8,
            TimelineWhat::SignedOff(kinds::SignedOff {
                party: 1,
                criteria: vec![0],
                complete: false,
            }),
        ),
        entry(9, TimelineWhat::Closed(kinds::Closed { code: 2 })),
        entry(10, TimelineWhat::Reopened(kinds::Reopened {})),
        entry(
            11,
            TimelineWhat::Commented(kinds::Commented { comment: commented }),
        ),
        entry(
            12,
            TimelineWhat::CommentUpdated(kinds::CommentUpdated { comment: updated }),
        ),
        entry(
            13,
            TimelineWhat::Imported(kinds::Imported {
                severity: 1,
                phase: 7,
                state: 2,
                close_code: 2,
                comments: 1,
                origin: Some(origin.clone()),
            }),
        ),
        entry(
            14,
            TimelineWhat::ClockWarned(kinds::ClockWarned {
                clock: Some(kinds::ClockRef {
                    objective: 1,
                    ..kinds::ClockRef::default()
                }),
                percent: 75,
                due_time: None,
            }),
        ),
        entry(
            15,
            TimelineWhat::ClockBreached(kinds::ClockBreached {
                clock: Some(kinds::ClockRef::default()),
                due_time: time(1_700_000_900),
            }),
        ),
    ];
    let comments = vec![comment(1, Party::Provider), comment(2, Party::Customer)];
    Case::new(incident, comments, timeline).unwrap()
}

fn cases() -> Vec<Case> {
    let markings = [
        Tlp::Red,
        Tlp::AmberStrict,
        Tlp::Amber,
        Tlp::Green,
        Tlp::Clear,
    ];
    (1..)
        .zip(markings)
        .map(|(number, tlp)| case(number, tlp))
        .collect()
}

fn bundle(cases: &[Case]) -> Value {
    let mut bundle = Bundle::new("ca", "acme", "2026-11-27T00:00:00Z".parse().unwrap());
    let mut objects: Vec<Value> = Vec::new();
    for case in cases {
        objects.extend(bundle.case(case).unwrap());
    }
    objects.extend(bundle.rest());
    let text = objects
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join(",");
    serde_json::from_str(&format!("{}{text}{}", bundle.head(), bundle.tail())).unwrap()
}

/// What OASIS's program says of a bundle. Ids of incidents are of UUID version 5 and not 4, so that
/// an incident is known again: the one thing that it would have otherwise, and says so (103).
fn validate(python: &Path, bundle: &Value) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.json");
    std::fs::write(&path, bundle.to_string()).unwrap();
    let run =
        "import sys; from stix2validator.scripts.stix2_validator import main; sys.exit(main())";
    let flags = [
        "--version",
        "2.1",
        "--strict",
        "--enforce-refs",
        "-d",
        "103",
    ];
    Command::new(python)
        .args(["-c", run])
        .args(flags)
        .arg(&path)
        .output()
        .unwrap()
}

#[test]
fn what_goes_out_passes_oasis_s_validator_and_our_schema() {
    let Some(python) = python() else {
        eprintln!("skipped: {VALIDATOR} can't be installed");
        return;
    };
    passes_oasis_s_validator(&python);
    is_as_its_schema_says(&python);
}

fn passes_oasis_s_validator(python: &Path) {
    let output = validate(python, &bundle(&cases()));
    assert!(output.status.success(), "{}", told(&output));
    let good = bundle(&cases()[..1]);
    let output = validate(python, &good);
    assert!(output.status.success(), "{}", told(&output));
    // It does look: a mistake of each kind is found.
    for (object, key, value) in [
        (0, "created", json!("2026-11-01")),
        (0, "x_made_up", json!(1)),
        (1, "object_refs", json!(["incident--1"])),
        (1, "content", json!(7)),
    ] {
        let mut bad = good.clone();
        bad["objects"][object][key] = value;
        assert!(!validate(python, &bad).status.success(), "{key}");
    }
}

/// Whether the documents are as their parts of the schema say, one word each.
const CHECK: &str = "\
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
for part, document in json.load(open(sys.argv[2])):
    of = jsonschema.Draft202012Validator(
        {**schema, '$ref': '#/$defs/' + part}, format_checker=jsonschema.FormatChecker())
    error = next(of.iter_errors(document), None)
    print('good' if error is None else 'bad: ' + error.message.replace('\\n', ' '))
";

fn is_as_its_schema_says(python: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let schema = "../docs/schemas/cordon.incidents.v1.json";
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(schema);
    let check = |documents: &[(&str, Value)]| -> Vec<String> {
        let path = folder.path().join("documents.json");
        std::fs::write(&path, json!(documents).to_string()).unwrap();
        let mut command = Command::new(python);
        let command = command.args(["-c", CHECK]).arg(&schema).arg(&path);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        let lines = told(&output);
        lines.lines().map(str::to_owned).collect()
    };
    let cases = cases();
    let mut good = vec![(
        "incidents",
        json!({
            "format": CASES, "version": VERSION, "export_time": "2026-11-27T00:00:00Z",
            "audience": "clients", "incidents": cases, "cursor": 17,
        }),
    )];
    good.extend(cases.iter().map(|case| ("incident", json!(case))));
    let lines = cases[0].timeline.iter().cloned();
    good.extend(lines.map(|entry| ("timeline_line", json!(Line::from(entry)))));
    assert_eq!(check(&good), vec!["good"; good.len()]);

    let broken = |change: fn(&mut Value)| {
        let mut case = json!(cases[0]);
        change(&mut case);
        ("incident", case)
    };
    let bad = [
        broken(|case| case["severity"] = json!("SEV9")),
        broken(|case| case["create_time"] = json!(7)),
        broken(|case| case["timeline"][0]["details"] = json!({ "severity": "SEV1" })),
        broken(|case| {
            case["timeline"][0]
                .as_object_mut()
                .unwrap()
                .remove("sequence");
        }),
    ];
    let told = check(&bad);
    assert!(told.iter().all(|line| line.starts_with("bad")), "{told:?}");
}
