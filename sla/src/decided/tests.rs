//! Clocks that are decided at the edges of months.

use super::super::agreement::tests::draft;
use super::super::clock::{Event, Party};
use super::super::objective::ObjectiveKind::{Acknowledge, Resolve};
use super::super::objective::Severity::{Sev1, Sev3};
use super::*;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Entries by time, numbered from 1.
pub(crate) fn log(events: &[(&str, Event)]) -> Vec<Entry> {
    let entry = |(sequence, (time, event)): (u64, &(&str, Event))| Entry {
        sequence,
        at: at(time),
        event: event.clone(),
    };
    (1..).zip(events).map(entry).collect()
}

pub(crate) fn opened() -> Event {
    Event::Opened { severity: Sev1 }
}

/// Acknowledged within an hour, resolved within ten days; nothing for others than Sev1.
fn agreement() -> Agreement {
    let objectives = [
        (Acknowledge, Sev1, 60, "always"),
        (Resolve, Sev1, 14_400, "always"),
    ];
    Agreement::new(draft(&objectives)).unwrap()
}

fn of(log: &[Entry], month: &str, now: &str) -> Vec<(ObjectiveKind, Outcome, String)> {
    let agreement = agreement();
    let month = month.parse().unwrap();
    let clocks = decided(log, |_| Some(&agreement), "i", 7, month, at(now));
    let clocks = clocks.into_iter();
    clocks
        .map(|clock| (clock.kind, clock.state, clock.spent.to_string()))
        .collect()
}

const LATER: &str = "2027-06-01T00:00:00Z";

#[test]
fn the_end_of_a_month_belongs_to_the_next() {
    let met = |spent: &str| vec![(Acknowledge, Outcome::Met, spent.to_owned())];
    let log = |stopped| {
        log(&[
            ("2026-10-31T23:30:00Z", opened()),
            (stopped, Event::Acknowledged),
        ])
    };
    let inside = log("2026-10-31T23:59:59.999999999Z");
    assert_eq!(of(&inside, "2026-10", LATER), met("PT29M59.999999999S"));
    assert_eq!(of(&inside, "2026-11", LATER)[0].0, Resolve);
    let outside = log("2026-11-01T00:00:00Z");
    assert_eq!(of(&outside, "2026-10", LATER), []);
    assert_eq!(of(&outside, "2026-11", LATER)[0], met("PT30M")[0]);
}

#[test]
fn a_clock_that_is_due_with_the_months_last_nanosecond_is_its_own() {
    let due_at_end = log(&[("2026-10-31T23:00:00Z", opened())]);
    assert_eq!(of(&due_at_end, "2026-10", LATER), []);
    assert_eq!(of(&due_at_end, "2026-11", LATER)[0].0, Acknowledge);
    let before = log(&[("2026-10-31T22:59:59.999999999Z", opened())]);
    let breached = [(
        Acknowledge,
        Outcome::Breached,
        "PT1H0.000000001S".to_owned(),
    )];
    assert_eq!(of(&before, "2026-10", LATER), breached);
    // The breach shows a nanosecond after the due moment, which is the month's end.
    assert_eq!(of(&before, "2026-10", "2026-10-31T23:59:59.999999999Z"), []);
    assert_eq!(of(&before, "2026-10", "2026-11-01T00:00:00Z"), breached);
}

#[test]
fn a_breach_counts_once_and_stays_as_the_month_left_it() {
    let mut entries = log(&[
        ("2026-10-31T22:00:00Z", opened()),
        ("2026-11-05T00:00:00Z", Event::Acknowledged),
        ("2026-11-06T00:00:00Z", Event::Resolved),
    ]);
    let october = of(&entries, "2026-10", LATER);
    assert_eq!(
        october,
        [(Acknowledge, Outcome::Breached, "PT2H".to_owned())]
    );
    let november = of(&entries, "2026-11", LATER);
    assert_eq!(november, [(Resolve, Outcome::Met, "PT122H".to_owned())]);
    // Nor do later entries change it, even of the moment in which the month ends.
    entries.insert(
        1,
        Entry {
            sequence: 9,
            at: at("2026-11-01T00:00:00Z"),
            event: Event::HandedOver {
                to: Party::Customer,
                reason: String::new(),
            },
        },
    );
    let agreement = agreement();
    let month: Period = "2026-10".parse().unwrap();
    let clocks = |log: &[Entry]| decided(log, |_| Some(&agreement), "i", 7, month, at(LATER));
    assert_eq!(clocks(&entries), clocks(&entries[..1]));
    assert_eq!(clocks(&entries)[0].entries, [1]);
}

#[test]
fn what_is_called_off_counts_nowhere() {
    let log = log(&[
        ("2026-10-10T00:00:00Z", opened()),
        (
            "2026-10-10T00:10:00Z",
            Event::Reclassified {
                from: Sev1,
                to: Sev3,
            },
        ),
        ("2026-10-11T00:00:00Z", Event::Closed),
    ]);
    assert_eq!(of(&log, "2026-10", LATER), []);
    assert_eq!(of(&log, "2026-11", LATER), []);
}

#[test]
fn the_names_in_json_are_these() {
    let entries = log(&[
        ("2026-10-01T00:00:00Z", opened()),
        ("2026-10-01T00:45:00Z", Event::Acknowledged),
    ]);
    let agreement = agreement();
    let month: Period = "2026-10".parse().unwrap();
    let id = "0190a0a0-0000-7000-8000-000000000001";
    let clocks = decided(&entries, |_| Some(&agreement), id, 7, month, at(LATER));
    let json = serde_json::to_string(&clocks[0]).unwrap();
    assert_eq!(
        json,
        "{\"incident\":\"0190a0a0-0000-7000-8000-000000000001\",\"number\":7,\
         \"kind\":\"acknowledge\",\"subject\":null,\"severity\":\"sev1\",\"agreement\":1,\
         \"state\":\"met\",\"started\":\"2026-10-01T00:00:00Z\",\"due\":\"2026-10-01T01:00:00Z\",\
         \"stopped\":\"2026-10-01T00:45:00Z\",\"decided\":\"2026-10-01T00:45:00Z\",\
         \"allowed\":\"PT1H\",\"spent\":\"PT45M\",\"paused\":\"PT0S\",\"entries\":[1,2]}"
    );
    let read: DecidedClock = serde_json::from_str(&json).unwrap();
    assert_eq!(read, clocks[0]);
    let interval = serde_json::to_string(&Subject::Interval(2)).unwrap();
    assert_eq!(interval, "{\"interval\":2}");
}
