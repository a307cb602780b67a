use cordon_client::{ObjectiveKind, Party, Severity};

use super::*;

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: 1_700_000_000 + seconds,
        nanos: 123_456_789,
    })
}

fn span(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn clock(kind: ObjectiveKind, state: ClockState, left: i64) -> Clock {
    Clock {
        kind: kind.into(),
        severity: Severity::Sev1.into(),
        agreement: "tenants/acme/agreements/1".to_owned(),
        state: state.into(),
        start_time: at(0),
        due_time: at(3_600),
        allowed: span(3_600),
        spent: span(3_600 - left),
        paused: span(0),
        left: span(left),
        ..Clock::default()
    }
}

/// One in each state.
pub(crate) fn clocks() -> Clocks {
    let clocks = vec![
        Clock {
            stop_time: at(600),
            ..clock(ObjectiveKind::Acknowledge, ClockState::Met, 3_000)
        },
        Clock {
            interval: 2,
            ..clock(ObjectiveKind::SubsequentUpdate, ClockState::Running, 3_540)
        },
        clock(ObjectiveKind::Contain, ClockState::Breached, -3_900),
        Clock {
            due_time: None,
            paused: span(60),
            stretches: vec![Stretch {
                party: Party::Customer.into(),
                start_time: at(0),
                end_time: at(60),
                open: span(60),
            }],
            timeline_entries: vec!["tenants/acme/incidents/1/timelineEntries/7".to_owned()],
            ..clock(ObjectiveKind::Resolve, ClockState::Paused, 3_600)
        },
        Clock {
            request: "tenants/acme/requests/r1\u{1b}".to_owned(),
            stop_time: at(60),
            ..clock(ObjectiveKind::DeliverSnapshot, ClockState::Cancelled, 3_540)
        },
    ];
    let as_of = Timestamp::from_second(1_700_000_060).unwrap();
    Clocks { clocks, as_of }
}

/// Those of an incident that nothing was promised for.
pub(crate) fn none() -> Clocks {
    Clocks {
        clocks: Vec::new(),
        ..clocks()
    }
}

#[test]
fn each_state_is_a_row() {
    let rows: Vec<_> = clocks()
        .clocks
        .iter()
        .map(|clock| clock.cells().join("|"))
        .collect();
    assert_eq!(
        rows,
        [
            "acknowledge|sev1|met|2023-11-14T22:13:20Z|2023-11-14T23:13:20Z|50m|10m",
            "subsequent update 2|sev1|running|2023-11-14T22:13:20Z|2023-11-14T23:13:20Z|59m|1m",
            "contain|sev1|breached|2023-11-14T22:13:20Z|2023-11-14T23:13:20Z|-1h 5m|2h 5m",
            "resolve|sev1|paused|2023-11-14T22:13:20Z||paused|0s",
            "deliver snapshot r1\u{1b}|sev1|cancelled|2023-11-14T22:13:20Z|2023-11-14T23:13:20Z|59m|1m",
        ]
    );
    let unknown = Clock::default().cells();
    assert_eq!(unknown, ["unknown", "unknown", "unknown", "", "", "", ""]);
    assert_eq!(unknown.len(), Clock::HEAD.len());
}

#[test]
fn each_state_is_a_line_of_a_page() {
    assert_eq!(clocks().as_of(), "2023-11-14T22:14:20Z");
    assert_eq!(
        clocks().lines(),
        [
            "  acknowledge                sev1  met        left 50m  ended 2023-11-14T22:23:20Z",
            "  subsequent update 2        sev1  running    left 59m  due 2023-11-14T23:13:20Z",
            "  contain                    sev1  breached   left -1h 5m  due 2023-11-14T23:13:20Z",
            "  resolve                    sev1  paused",
            "  deliver snapshot r1\\u001b  sev1  cancelled  left 59m  ended 2023-11-14T22:14:20Z",
        ]
    );
    let mut long = clocks();
    long.clocks[4].request = "r".repeat(300);
    for line in long.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn json_has_everything() {
    let json = clocks().json();
    assert_eq!(json[0]["request"], Value::Null);
    assert_eq!(json[0]["interval"], Value::Null);
    assert_eq!(json[0]["stop_time"], "2023-11-14T22:23:20.123456789Z");
    assert_eq!(json[1]["interval"], 2);
    assert_eq!(json[2]["left"], "-3900s");
    assert_eq!(json[4]["request"], "tenants/acme/requests/r1\u{1b}");
    let states = json.as_array().unwrap().iter().map(|clock| &clock["state"]);
    assert_eq!(
        states.collect::<Vec<_>>(),
        ["MET", "RUNNING", "BREACHED", "PAUSED", "CANCELLED"]
    );
    assert_eq!(
        json[3],
        json!({
            "kind": "RESOLVE",
            "request": null,
            "interval": null,
            "severity": "SEV1",
            "agreement": "tenants/acme/agreements/1",
            "state": "PAUSED",
            "start_time": "2023-11-14T22:13:20.123456789Z",
            "due_time": null,
            "stop_time": null,
            "allowed": "3600s",
            "spent": "0s",
            "paused": "60s",
            "left": "3600s",
            "stretches": [{
                "party": "CUSTOMER",
                "start_time": "2023-11-14T22:13:20.123456789Z",
                "end_time": "2023-11-14T22:14:20.123456789Z",
                "open": "60s",
            }],
            "timeline_entries": ["tenants/acme/incidents/1/timelineEntries/7"],
            "as_of_time": "2023-11-14T22:14:20Z",
        })
    );
}
