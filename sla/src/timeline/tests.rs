//! Timelines as they are exported.

use serde_json::json;

use super::super::clock::Party::{Customer, Provider};
use super::*;

fn read(what: &str, details: &Value, party: &str) -> Result<TimelineEntry, serde_json::Error> {
    serde_json::from_value(json!({
        "name": "tenants/acme/incidents/0190a0a0-0000-7000-8000-000000000001/timelineEntries/17",
        "sequence": 17,
        "time": "2026-10-05T08:00:00Z",
        "actor": { "subject": "ada", "party": party },
        "what": what,
        "details": details,
        "reason": "as agreed",
    }))
}

fn event(what: &str, details: &Value) -> Option<Event> {
    read(what, details, "PROVIDER")
        .unwrap()
        .entry()
        .map(|entry| entry.event)
}

#[test]
fn an_entry_is_read_with_its_incident() {
    let entry = read("HANDED_OVER", &json!({ "to": "CUSTOMER" }), "PROVIDER").unwrap();
    assert_eq!(entry.incident, "0190a0a0-0000-7000-8000-000000000001");
    let logged = entry.entry().unwrap();
    assert_eq!((logged.sequence, logged.at), (17, entry.time));
    let reason = "as agreed".to_owned();
    assert_eq!(
        logged.event,
        Event::HandedOver {
            to: Customer,
            reason
        }
    );
}

#[test]
fn phases_tell_what_was_contained_and_restored() {
    let moved = |from: &str, to: &str| event("MOVED", &json!({ "from": from, "to": to }));
    for (from, to) in [
        ("CONTAINMENT", "INVESTIGATION"),
        ("CONTAINMENT", "ERADICATION"),
        ("INVESTIGATION", "ERADICATION"),
    ] {
        assert_eq!(moved(from, to), Some(Event::Contained));
    }
    assert_eq!(moved("RECOVERY", "FOLLOW_UP"), Some(Event::Restored));
    for (from, to) in [
        ("IDENTIFICATION", "CONTAINMENT"),
        ("INVESTIGATION", "CONTAINMENT"),
        ("CONTAINMENT", "IDENTIFICATION"),
        ("ERADICATION", "RECOVERY"),
        ("FOLLOW_UP", "RECOVERY"),
        ("RECOVERY", "ERADICATION"),
    ] {
        assert_eq!(moved(from, to), None, "{from} {to}");
    }
}

#[test]
fn only_what_the_provider_says_is_an_update() {
    let said = |party| read("COMMENTED", &json!({ "comment": "x" }), party).unwrap();
    assert_eq!(said("PROVIDER").entry().unwrap().event, Event::Updated);
    assert_eq!(said("CUSTOMER").entry(), None);
    assert_eq!(What::Commented.event(Provider, ""), Some(Event::Updated));
}

#[test]
fn a_question_is_a_request_by_its_name() {
    let id = || "tenants/acme/analyses/0190a0a0-0000-7000-8000-000000000002".to_owned();
    let requested = json!({ "analysis": id(), "question": "sql" });
    let of = json!({ "analysis": id() });
    let handed = json!({ "analysis": id(), "to": "CUSTOMER" });
    let off = json!({ "analysis": id(), "why": "DECLINED" });
    assert_eq!(
        event("ANALYSIS_REQUESTED", &requested),
        Some(Event::AnalysisRequested { id: id() })
    );
    assert_eq!(
        event("ANALYSIS_HANDED_OVER", &handed),
        Some(Event::RequestHandedOver {
            id: id(),
            to: Customer
        })
    );
    assert_eq!(
        event("ANALYSIS_ANSWERED", &of),
        Some(Event::AnalysisAnswered { id: id() })
    );
    assert_eq!(
        event("ANALYSIS_CALLED_OFF", &off),
        Some(Event::RequestCalledOff { id: id() })
    );
    assert!(read("ANALYSIS_ANSWERED", &json!({}), "PROVIDER").is_err());
}

#[test]
fn the_rest_is_as_it_says() {
    use Severity::{Sev1, Sev4};
    let opened = json!({ "severity": "SEV4", "phase": "IDENTIFICATION" });
    assert_eq!(
        event("OPENED", &opened),
        Some(Event::Opened { severity: Sev4 })
    );
    let step = json!({ "from": "SEV4", "to": "SEV1" });
    assert_eq!(
        event("RECLASSIFIED", &step),
        Some(Event::Reclassified {
            from: Sev4,
            to: Sev1
        })
    );
    assert_eq!(event("ACKNOWLEDGED", &json!({})), Some(Event::Acknowledged));
    assert_eq!(event("REOPENED", &Value::Null), Some(Event::Reopened));
    let closed = |code: &str| event("CLOSED", &json!({ "code": code }));
    assert_eq!(closed("RESOLVED"), Some(Event::Resolved));
    for code in ["FALSE_POSITIVE", "DUPLICATE", "ACCEPTED"] {
        assert_eq!(closed(code), Some(Event::Closed));
    }
    for what in ["UPDATED", "SIGNED_OFF", "SOMETHING_NEW", ""] {
        assert_eq!(event(what, &json!({ "fields": [] })), None);
    }
}

#[test]
fn what_can_not_be_understood_is_refused_and_not_passed_over() {
    for (what, details) in [
        ("OPENED", json!({})),
        ("OPENED", json!({ "severity": "SEV5" })),
        ("MOVED", json!({ "from": "RECOVERY" })),
        ("HANDED_OVER", json!({ "to": "BOTH" })),
        ("CLOSED", json!({ "code": null })),
    ] {
        assert!(
            read(what, &details, "PROVIDER").is_err(),
            "{what} {details}"
        );
    }
    assert!(read("ACKNOWLEDGED", &json!({}), "NOBODY").is_err());
    for name in [
        "",
        "incidents/i/timelineEntries/1",
        "tenants/acme/incidents//x",
    ] {
        assert_eq!(incident_of(name), None);
    }
}

#[test]
fn entries_become_a_log_for_each_incident_but_for_drills() {
    let entry = |incident: &str, sequence, exercise, what| TimelineEntry {
        incident: incident.to_owned(),
        sequence,
        time: "2026-10-05T08:00:00Z".parse().unwrap(),
        by: Provider,
        reason: String::new(),
        exercise,
        what,
    };
    let entries = [
        entry("b", 1, false, What::Acknowledged),
        entry("a", 2, false, What::Other),
        entry("b", 3, false, What::Commented),
        entry("c", 4, true, What::Acknowledged),
        entry("c", 5, false, What::Commented),
    ];
    let logs = logs(entries);
    let found: Vec<_> = logs
        .iter()
        .map(|log| (log.incident.as_str(), log.entries.len()))
        .collect();
    assert_eq!(found, [("a", 0), ("b", 2)]);
    let drill = json!({
        "name": "tenants/acme/incidents/i/timelineEntries/1", "sequence": 1,
        "time": "2026-10-05T08:00:00Z", "actor": { "party": "PROVIDER" },
        "what": "ACKNOWLEDGED", "exercise": true,
    });
    let read: TimelineEntry = serde_json::from_value(drill).unwrap();
    assert!(read.exercise);
}
