use std::collections::HashSet;

use serde_json::json;

use super::super::document::{Entry, Origin, Person, Revision, Said};
use super::*;

pub(in super::super) fn case(number: i64, tlp: &str) -> Case {
    let name = format!("tenants/acme/incidents/01934f5e-7c1a-7abc-8def-{number:012}");
    let at = |text: &str| Some(text.parse().unwrap());
    let by = |subject: &str, party: &str| {
        Some(Person {
            subject: subject.to_owned(),
            party: Some(party.to_owned()),
        })
    };
    Case {
        format: super::super::document::CASE.to_owned(),
        version: 1,
        number,
        title: "<script>alert(1)</script> \u{202e}gpj.exe".to_owned(),
        description: "Keys in a \"public\" repository\n\u{2066}…".to_owned(),
        severity: Some("SEV2".to_owned()),
        phase: Some("FOLLOW_UP".to_owned()),
        state: Some("CLOSED".to_owned()),
        tlp: Some(tlp.to_owned()),
        clean_state_criteria: vec![super::super::document::Criterion {
            text: "all keys revoked".to_owned(),
            ..Default::default()
        }],
        opened_by: by("jane", "CUSTOMER"),
        create_time: at("2026-11-01T10:00:00.123456789Z"),
        update_time: at("2026-11-02T10:00:00Z"),
        acknowledge_time: at("2026-11-01T10:05:00Z"),
        close_time: at("2026-11-02T10:00:00Z"),
        close_code: Some("RESOLVED".to_owned()),
        etag: "e1".to_owned(),
        comments: vec![
            Said {
                name: format!("{name}/comments/2"),
                text: "second".to_owned(),
                author: by("joe", "PROVIDER"),
                create_time: at("2026-11-01T12:00:00Z"),
                update_time: at("2026-11-01T12:30:00Z"),
                revisions: vec![Revision {
                    text: "secnd".to_owned(),
                    create_time: at("2026-11-01T12:00:00Z"),
                }],
                origin: None,
            },
            Said {
                name: format!("{name}/comments/1"),
                text: "first".to_owned(),
                author: by("joe", "PROVIDER"),
                create_time: at("2026-11-01T12:30:00Z"),
                update_time: at("2026-11-01T12:30:00Z"),
                origin: Some(Origin {
                    author: "ann".to_owned(),
                    create_time: at("2020-01-01T00:00:00Z"),
                    ..Origin::default()
                }),
                ..Said::default()
            },
        ],
        timeline: vec![Entry {
            name: format!("{name}/timelineEntries/1"),
            sequence: 1,
            time: at("2026-11-01T10:00:00Z"),
            actor: by("jane", "CUSTOMER"),
            what: "OPENED".to_owned(),
            details: json!({ "severity": "SEV2" }),
            reason: String::new(),
            exercise: false,
        }],
        name,
        ..Case::default()
    }
}

/// A whole bundle of these, as it is written.
pub(in super::super) fn written(cases: &[Case]) -> String {
    let now = "2026-11-27T00:00:00Z".parse().unwrap();
    let mut bundle = Bundle::new("ca", "acme", now);
    let mut objects = Vec::new();
    for case in cases {
        objects.extend(bundle.case(case).unwrap());
    }
    objects.extend(bundle.rest());
    let objects: Vec<_> = objects.iter().map(Value::to_string).collect();
    format!("{}{}{}", bundle.head(), objects.join(","), bundle.tail())
}

fn objects(cases: &[Case]) -> Vec<Value> {
    let bundle: Value = serde_json::from_str(&written(cases)).unwrap();
    assert_eq!(bundle["type"], "bundle");
    bundle["objects"].as_array().unwrap().clone()
}

#[test]
fn each_object_is_marked_and_refers_to_what_is_there() {
    let objects = objects(&[case(1, "AMBER_STRICT"), case(2, "GREEN")]);
    let ids: Vec<&str> = objects
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids.iter().collect::<HashSet<_>>().len(),
        ids.len(),
        "each once"
    );
    for object in &objects {
        let refs = |key: &str| object[key].as_array().cloned().unwrap_or_default();
        let mut all = [refs("object_marking_refs"), refs("object_refs")].concat();
        all.extend(object.get("created_by_ref").cloned());
        for reference in &all {
            assert!(ids.contains(&reference.as_str().unwrap()), "{reference}");
        }
        if object["type"] != "marking-definition" {
            assert_eq!(refs("object_marking_refs").len(), 1, "{object}");
        }
    }
    let of = |kind: &'static str| objects.iter().filter(move |one| one["type"] == kind);
    assert_eq!(of("incident").count(), 2);
    assert_eq!(of("note").count(), 4);
    let strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";
    let green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
    let marked: Vec<_> = of("incident")
        .map(|one| &one["object_marking_refs"][0])
        .collect();
    assert_eq!(marked, [strict, green]);
    // A comment is marked as its incident; the sides as the most open that they stand in.
    let marked: Vec<_> = of("note")
        .map(|one| &one["object_marking_refs"][0])
        .collect();
    assert_eq!(marked, [strict, strict, green, green]);
    let sides = of("identity").filter(|one| one["identity_class"] == "organization");
    assert!(
        sides
            .clone()
            .all(|side| side["object_marking_refs"][0] == green)
    );
    assert_eq!(sides.count(), 2);
    let incident = of("incident").next().unwrap();
    assert_eq!(incident["created"], "2026-11-01T10:00:00.123Z");
    assert_eq!(incident["extensions"][INCIDENT_CORE]["criticality"], 70);
    assert_eq!(
        incident["extensions"][INCIDENT_CORE]["investigation_status"],
        "closed"
    );
    assert_eq!(
        incident["extensions"][CORDON]["timeline"][0]["what"],
        "OPENED"
    );
}

#[test]
fn an_incident_is_known_again_and_elsewhere_it_is_another() {
    let ids = |cases: &[Case]| {
        let objects = objects(cases).into_iter();
        let ids = objects.map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<HashSet<_>>()
    };
    let (first, later) = (case(1, "AMBER"), case(1, "CLEAR"));
    assert!(ids(&[first]).is_subset(&ids(&[later, case(2, "AMBER")])));
    let elsewhere = Bundle::new("other", "acme", Timestamp::UNIX_EPOCH);
    let here = Bundle::new("ca", "acme", Timestamp::UNIX_EPOCH);
    assert_ne!(
        objects::sides(&here, Tlp::Red)[0]["id"],
        objects::sides(&elsewhere, Tlp::Red)[0]["id"]
    );
    assert!(
        case(1, "PURPLE")
            .tlp
            .is_some_and(|tlp| words::tlp_from(Some(&tlp)).is_err())
    );
}

#[test]
fn former_markings_are_known_and_the_strictest_counts() {
    let refs = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let white = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9";
    assert_eq!(marking_of(&refs(&[white])), Some(Tlp::Clear));
    let both = refs(&[white, tlp::id(Tlp::AmberStrict), tlp::id(Tlp::Green)]);
    assert_eq!(marking_of(&both), Some(Tlp::AmberStrict));
    assert_eq!(marking_of(&refs(&["marking-definition--x"])), None);
}
