use cordon_proto::incidents::{CloseCode, Phase, incident::State};

use super::super::document::Case;
use super::super::stix::tests::{case, written};
use super::*;

fn parse(text: &str) -> Result<Document> {
    read(text.as_bytes(), Defaults::default())
}

#[test]
fn all_forms_say_the_same() {
    let one = case(1, "AMBER_STRICT");
    let json = serde_json::to_string(&one).unwrap();
    let cases = format!("{{\"format\":\"cordon.incidents\",\"version\":1,\"incidents\":[{json}]}}");
    let lines = format!("{json}\n\n{json}\r\n");
    let from_json = parse(&json).unwrap();
    let mut expected = from_json.offered[0].incident.clone().unwrap();
    for (text, count) in [(json.as_str(), 1), (&cases, 1), (&lines, 2)] {
        let document = parse(text).unwrap();
        assert_eq!(document.offered.len(), count);
        for offered in document.offered {
            assert_eq!(offered.incident.unwrap(), expected);
        }
    }
    assert_eq!(expected.external_id, one.name);
    assert_eq!(expected.tlp(), Tlp::AmberStrict);
    assert_eq!(
        (expected.state(), expected.phase(), expected.close_code()),
        (State::Closed, Phase::FollowUp, CloseCode::Resolved)
    );
    assert_eq!(expected.reporter, "jane");
    let said: Vec<_> = expected
        .comments
        .iter()
        .map(|said| said.author.clone())
        .collect();
    assert_eq!(said, ["joe", "ann"]);

    let stix = parse(&written(&[one])).unwrap();
    let found = stix.offered[0].incident.clone().unwrap();
    assert!(stix.passed_over > 0);
    // Comments come in the order of their times there.
    expected.comments.sort_by_key(|said| said.text.clone());
    let mut sorted = found.clone();
    sorted.comments.sort_by_key(|said| said.text.clone());
    assert_eq!(sorted, expected);
}

#[test]
fn an_incident_of_another_program_is_read_by_the_extension_of_oasis() {
    let long = "x".repeat(300);
    let bundle = serde_json::json!({
        "type": "bundle",
        "id": "bundle--1",
        "objects": [
            { "type": "malware", "id": "malware--1", "name": "m", "is_family": false },
            {
                "type": "incident", "id": "incident--1", "name": "phish\nwave",
                "created": "2023-01-01T00:00:00.000Z",
                "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
                "extensions": { INCIDENT_CORE_ID: {
                    "extension_type": "property-extension", "determination": "false-positive",
                    "investigation_status": "closed", "criticality": 95,
                } },
            },
            { "type": "incident", "id": "incident--2", "name": long },
            { "type": "incident", "id": "incident--3", "name": "gone", "revoked": true },
            {
                "type": "note", "id": "note--1", "content": "see this", "authors": ["a", "b"],
                "created": "2023-01-02T00:00:00.000Z", "object_refs": ["malware--1", "incident--1"],
            },
        ],
    });
    let document = parse(&bundle.to_string()).unwrap();
    assert_eq!((document.offered.len(), document.passed_over), (2, 2));
    let first = document.offered[0].incident.as_ref().unwrap();
    assert_eq!(first.external_id, "incident--1");
    assert_eq!(
        (first.title.as_str(), first.description.as_str()),
        ("phish wave…", "phish\nwave")
    );
    assert_eq!(
        (first.severity(), first.tlp()),
        (Severity::Sev1, Tlp::Amber)
    );
    assert_eq!(first.close_code(), CloseCode::FalsePositive);
    assert_eq!(first.comments[0].author, "a, b");
    let second = document.offered[1].incident.as_ref().unwrap();
    assert_eq!(second.title.chars().count(), 200);
    assert_eq!(second.description, "x".repeat(300));
    assert_eq!(
        (second.severity(), second.state()),
        (Severity::Sev3, State::Open)
    );
}

const INCIDENT_CORE_ID: &str = "extension-definition--ef765651-680c-498d-9894-99799f2fa126";

#[test]
fn what_makes_no_sense_is_told_where_it_stands() {
    let good = serde_json::to_string(&case(1, "RED")).unwrap();
    let odd = serde_json::to_string(&Case {
        severity: Some("SEV9".to_owned()),
        ..case(2, "RED")
    });
    let later = serde_json::to_string(&Case {
        version: 2,
        ..case(3, "RED")
    });
    let (odd, later) = (odd.unwrap(), later.unwrap());
    let deep = format!(
        "{{\"format\":\"cordon.incident\",\"x\":{}",
        "[".repeat(100_000)
    );
    let document = parse(
        &[&good, &odd, &later, "{\"a\":", &deep, "7", &good]
            .map(str::to_owned)
            .join("\n"),
    );
    let told: Vec<_> = document
        .unwrap()
        .offered
        .into_iter()
        .map(|one| (one.at, one.incident.is_ok()))
        .collect();
    let expected = [true, false, false, false, false, false, true];
    let expected: Vec<_> = (1..)
        .map(|line| format!("line {line}"))
        .zip(expected)
        .collect();
    assert_eq!(told, expected);

    let drill = serde_json::to_string(&Case {
        exercise: true,
        ..case(4, "RED")
    });
    let drill = parse(&drill.unwrap()).unwrap();
    let refused = drill.offered[0].incident.as_ref().unwrap_err();
    assert!(refused.message().contains("drill"), "{refused}");

    // In a bundle it is known by its label, where our extension was dropped.
    let labelled = r#"{"type":"bundle","objects":[
        {"type":"incident","id":"incident--1","name":"x","labels":["exercise"]}]}"#;
    let labelled = parse(labelled).unwrap();
    let refused = labelled.offered[0].incident.as_ref().unwrap_err();
    assert!(refused.message().contains("drill"), "{refused}");

    assert!(parse("").unwrap().offered.is_empty());
    let nested = format!(
        "{{\"type\":\"bundle\",\"objects\":[{{\"extensions\":{{\"a\":{}1{}}}}}]}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    for wrong in [
        "[]",
        "7",
        "{}",
        "no",
        "{\"type\":\"bundle\",\"objects\":7}",
        &nested,
        &deep,
    ] {
        let error = parse(wrong).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidDocument, "{wrong:.40}");
    }
    assert!(read(&b"\xff\xfe{}"[..], Defaults::default()).is_err());
    let endless = std::io::repeat(b' ');
    let error = bounded(endless, 1_000, Defaults::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::TooLarge);
}

#[test]
fn a_bundle_of_a_hundred_megabytes_is_read() {
    let mut bundle = String::from("{\"type\":\"bundle\",\"objects\":[");
    let filler = "y".repeat(100_000);
    for n in 0..1_000 {
        bundle.push_str(&format!(
            "{{\"type\":\"observed-data\",\"id\":\"observed-data--{n}\",\"x\":\"{filler}\"}},"
        ));
    }
    bundle.push_str("{\"type\":\"incident\",\"id\":\"incident--1\",\"name\":\"n\"}]}");
    assert!(bundle.len() > 100_000_000);
    let document = parse(&bundle).unwrap();
    assert_eq!((document.offered.len(), document.passed_over), (1, 1_000));
}
