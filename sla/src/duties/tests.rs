use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::agreement::Agreement;
use crate::calendar::{Calendar, CalendarDraft, LocalSpan, LocalTime, OfficeHoursDraft};
use crate::problems::Problem as _;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Nine to five on Mondays in Berlin.
fn mondays() -> Calendar {
    let mut draft = OfficeHoursDraft {
        time_zone: "Europe/Berlin".into(),
        ..OfficeHoursDraft::default()
    };
    draft.hours[0].push(LocalSpan {
        from: LocalTime::new(9, 0).unwrap(),
        to: LocalTime::new(17, 0).unwrap(),
    });
    Calendar::new(CalendarDraft::OfficeHours(Box::new(draft))).unwrap()
}

fn contact(id: &str, party: Party, hours: &str) -> Contact {
    Contact {
        id: id.into(),
        party,
        name: id.to_uppercase(),
        role: String::new(),
        mail: format!("{id}@example.org"),
        phone: String::new(),
        hours: hours.into(),
    }
}

fn step(party: Party, minutes: i64, hours: &str, contact: &str) -> Escalation {
    Escalation {
        party,
        severities: BTreeSet::new(),
        after: SignedDuration::from_mins(minutes),
        hours: hours.into(),
        contact: contact.into(),
    }
}

fn draft() -> AgreementDraft {
    AgreementDraft {
        id: "acme".into(),
        version: 1,
        valid_from: at("2026-01-01T00:00:00Z"),
        valid_to: None,
        calendars: BTreeMap::from([
            ("always".to_owned(), Calendar::AlwaysOpen),
            ("mondays".to_owned(), mondays()),
        ]),
        objectives: Vec::new(),
        reclassify_grace: SignedDuration::ZERO,
        freshness_p99: None,
        availability: None,
        credits: Vec::new(),
        duties: vec![Duty {
            task: "isolate machine".into(),
            asks: "Cut it off".into(),
            responsible: Responsible::Provider,
            accountable: Party::Customer,
            consulted: BTreeSet::from([Party::Customer]),
            informed: BTreeSet::new(),
            phases: BTreeSet::from([Phase::Containment]),
        }],
        contacts: vec![
            contact("office", Party::Provider, "mondays"),
            contact("soc", Party::Provider, "always"),
        ],
        escalations: vec![
            step(Party::Provider, 120, "mondays", "office"),
            step(Party::Provider, 30, "always", "soc"),
            step(Party::Customer, 5, "always", "soc"),
        ],
    }
}

#[test]
fn who_is_on_duty_comes_first_and_others_say_when() {
    let agreement = Agreement::new(draft()).unwrap();
    // A Sunday.
    let now = at("2026-03-01T12:00:00Z");
    let calls = on_call(&agreement, now);
    let said: Vec<_> = calls
        .iter()
        .map(|c| (c.contact.id.as_str(), c.from))
        .collect();
    let monday = at("2026-03-02T08:00:00Z");
    assert_eq!(said, [("soc", Some(now)), ("office", Some(monday))]);
    let calls = on_call(&agreement, monday);
    assert_eq!(calls[0].contact.id, "office");
    assert!(calls.iter().all(|call| call.from == Some(monday)));
}

#[test]
fn steps_come_in_the_order_of_their_moments() {
    let agreement = Agreement::new(draft()).unwrap();
    let since = at("2026-03-01T12:00:00Z");
    let steps = ladder(&agreement, Party::Provider, Severity::Sev1, since);
    let said: Vec<_> = steps
        .iter()
        .map(|s| (s.contact.id.as_str(), s.at.unwrap()))
        .collect();
    let expected = [
        ("soc", at("2026-03-01T12:30:00Z")),
        ("office", at("2026-03-02T10:00:00Z")),
    ];
    assert_eq!(said, expected);
    let mut graded = draft();
    graded.escalations[1].severities = BTreeSet::from([Severity::Sev1]);
    let graded = Agreement::new(graded).unwrap();
    let minor = ladder(&graded, Party::Provider, Severity::Sev4, since);
    assert_eq!(minor.len(), 1, "that step is for SEV1 alone");
}

#[test]
fn what_is_wrong_is_told_by_field() {
    let mut bad = draft();
    bad.duties.push(bad.duties[0].clone());
    bad.duties[0].task = String::new();
    bad.duties.push(bad.duties[1].clone());
    bad.contacts.push(Contact {
        mail: String::new(),
        hours: "never".into(),
        ..bad.contacts[0].clone()
    });
    bad.escalations[0].contact = "nobody".into();
    bad.escalations[1].hours = "never".into();
    bad.escalations[2].after = SignedDuration::from_secs(-1);
    let problems = Agreement::new(bad).unwrap_err();
    let fields: Vec<String> = problems.iter().map(|problem| problem.field()).collect();
    let expected = [
        "duties[0].task",
        "duties[2].task",
        "contacts[2].id",
        "contacts[2]",
        "contacts[2].hours",
        "escalations[0].contact",
        "escalations[1].hours",
        "escalations[2].after",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn a_document_from_before_there_were_duties_is_still_read() {
    let whole = draft();
    let mut older = whole.clone();
    (older.duties, older.contacts, older.escalations) = Default::default();
    let mut text: serde_json::Value = serde_json::to_value(&whole).unwrap();
    let object = text.as_object_mut().unwrap();
    for field in ["duties", "contacts", "escalations"] {
        assert!(object.remove(field).is_some());
    }
    let read: AgreementDraft = serde_json::from_value(text).unwrap();
    assert_eq!(read, older);
    let whole_text = serde_json::to_string(&whole).unwrap();
    let again: AgreementDraft = serde_json::from_str(&whole_text).unwrap();
    assert_eq!(again, whole);
}
