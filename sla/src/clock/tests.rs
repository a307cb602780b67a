//! The clocks of logs that were written by hand.

use super::super::agreement::tests::draft;
use super::super::agreement::{AgreementDraft, in_force};
use super::super::calendar::tests::{at, office};
use super::super::objective::ObjectiveKind::{
    Acknowledge, AnswerAnalysis, Contain, DeliverSnapshot, FirstUpdate, Resolve, Restore,
    SubsequentUpdate,
};
use super::super::objective::Severity::{Sev1, Sev2};
use super::*;

/// A Monday, ten o'clock in Berlin.
const START: &str = "2026-06-08T08:00:00Z";

pub(crate) fn minute(minute: i64) -> Timestamp {
    at(START) + minutes(minute)
}

pub(crate) fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// A log of events at minutes from the start, numbered from 1.
pub(crate) fn log(events: &[(i64, Event)]) -> Vec<Entry> {
    let entry = |(sequence, (at, event)): (u64, &(i64, Event))| Entry {
        sequence,
        at: minute(*at),
        event: event.clone(),
    };
    (1..).zip(events).map(entry).collect()
}

pub(crate) fn agreement(draft: AgreementDraft) -> Agreement {
    let mut draft = draft;
    let calendar = office("Europe/Berlin", &[]);
    draft.calendars.insert("office".into(), calendar);
    Agreement::new(draft).unwrap()
}

/// Every kind within an hour for Sev1, two for Sev2.
pub(crate) fn gold() -> Agreement {
    let kinds = ObjectiveKind::ALL.into_iter();
    let both = kinds.flat_map(|kind| [(kind, Sev1, 60, "always"), (kind, Sev2, 120, "always")]);
    agreement(draft(&both.collect::<Vec<_>>()))
}

pub(crate) fn opened(severity: Severity) -> Event {
    Event::Opened { severity }
}

pub(crate) fn to_customer() -> Event {
    let reason = "waiting for access".into();
    Event::HandedOver {
        to: Party::Customer,
        reason,
    }
}

pub(crate) fn to_provider() -> Event {
    let reason = "granted".into();
    Event::HandedOver {
        to: Party::Provider,
        reason,
    }
}

/// The clock of a kind; the test fails if there is not exactly one.
pub(crate) fn only<'a>(clocks: &[Clock<'a>], kind: ObjectiveKind) -> Clock<'a> {
    let mut found = clocks.iter().filter(|clock| clock.kind == kind);
    let clock = found.next().unwrap().clone();
    assert_eq!(found.next(), None);
    clock
}

pub(crate) fn kinds(clocks: &[Clock<'_>]) -> Vec<(ObjectiveKind, State)> {
    clocks
        .iter()
        .map(|clock| (clock.kind, clock.state))
        .collect()
}

#[test]
fn every_entry_starts_and_stops_its_clocks() {
    use State::{Cancelled, Met, Running};
    let gold = gold();
    let request = |id: &str| Event::SnapshotRequested { id: id.into() };
    let log = log(&[
        (0, opened(Sev1)),
        (5, Event::Acknowledged),
        (10, Event::Updated),
        (15, request("s1")),
        (16, request("s2")),
        (17, request("s1")),
        (20, Event::Contained),
        (30, Event::SnapshotDelivered { id: "s2".into() }),
        (31, Event::AnalysisRequested { id: "a1".into() }),
        (32, Event::AnalysisAnswered { id: "a1".into() }),
        (40, Event::Restored),
        (45, Event::Updated),
        (50, Event::Resolved),
        (55, Event::Updated),
    ]);
    let clocks = evaluate(&log, |_| Some(&gold), minute(58));
    assert_eq!(
        kinds(&clocks),
        [
            (Acknowledge, Met),
            (FirstUpdate, Met),
            (Contain, Met),
            (Restore, Met),
            (Resolve, Met),
            (SubsequentUpdate, Met),
            (DeliverSnapshot, Running),
            (DeliverSnapshot, Met),
            (AnswerAnalysis, Met),
            (SubsequentUpdate, Cancelled),
        ]
    );
    let entries: Vec<Vec<u64>> = clocks.iter().map(Clock::entries).collect();
    assert_eq!(
        entries,
        [
            vec![1, 2],
            vec![1, 3],
            vec![1, 7],
            vec![1, 11],
            vec![1, 13],
            vec![1, 3, 12],
            vec![1, 4],
            vec![1, 5, 8],
            vec![1, 9, 10],
            vec![1, 12, 13],
        ]
    );
    let spent: Vec<i64> = clocks.iter().map(|clock| clock.spent.as_mins()).collect();
    assert_eq!(spent, [5, 10, 20, 40, 50, 35, 43, 14, 1, 5]);
    let subjects: Vec<_> = clocks
        .iter()
        .filter_map(|clock| clock.subject.clone())
        .collect();
    let id = |id: &str| Subject::Request(id.into());
    let n = Subject::Interval;
    assert_eq!(subjects, [n(1), id("s1"), id("s2"), id("a1"), n(2)]);
}

#[test]
fn nothing_counts_before_the_opening_nor_after_now() {
    let gold = gold();
    let log = log(&[
        (0, Event::Updated),
        (1, opened(Sev2)),
        (9, Event::Acknowledged),
    ]);
    assert_eq!(evaluate(&log, |_| Some(&gold), minute(0)), []);
    let clocks = evaluate(&log, |_| Some(&gold), minute(8));
    assert_eq!(clocks.len(), 5);
    assert_eq!(only(&clocks, Acknowledge).state, State::Running);
    assert_eq!(only(&clocks, Acknowledge).started.sequence, 2);
    assert_eq!(evaluate(&log, |_| None, minute(8)), []);
}

#[test]
fn the_due_moment_itself_is_in_time() {
    let gold = gold();
    let mut log = log(&[(0, opened(Sev1)), (60, Event::Acknowledged)]);
    let clock = only(&evaluate(&log, |_| Some(&gold), minute(90)), Acknowledge);
    assert_eq!(clock.due, Some(minute(60)));
    assert_eq!((clock.state, clock.left()), (State::Met, minutes(0)));
    log[1].at += SignedDuration::from_nanos(1);
    let clock = only(&evaluate(&log, |_| Some(&gold), minute(90)), Acknowledge);
    assert_eq!(clock.state, State::Breached);
    assert_eq!(clock.left(), SignedDuration::from_nanos(-1));
    // The others run on: breached, and longer with each minute.
    let clock = only(&evaluate(&log, |_| Some(&gold), minute(90)), Resolve);
    assert_eq!((clock.state, clock.stopped), (State::Breached, None));
    assert_eq!((clock.due, clock.left()), (Some(minute(60)), minutes(-30)));
}

#[test]
fn entries_of_one_moment_go_by_their_numbers() {
    let gold = gold();
    let mut entries = log(&[
        (0, opened(Sev1)),
        (10, Event::Updated),
        (10, Event::Resolved),
        (10, Event::Closed),
    ]);
    let intervals = |entries: &[Entry]| {
        let clocks = evaluate(entries, |_| Some(&gold), minute(20));
        clocks
            .iter()
            .filter(|clock| clock.kind == SubsequentUpdate)
            .count()
    };
    assert_eq!(intervals(&entries), 1);
    entries.reverse();
    assert_eq!(intervals(&entries), 1, "the order of the list is nothing");
    for entry in &mut entries {
        entry.sequence = 100 - entry.sequence;
    }
    assert_eq!(
        intervals(&entries),
        0,
        "closed, then resolved, then updated"
    );
}

#[test]
fn what_is_called_off_too_late_is_breached() {
    let gold = gold();
    let closed = |minute| log(&[(0, opened(Sev1)), (minute, Event::Closed)]);
    let state = |minute_closed| {
        let clocks = evaluate(&closed(minute_closed), |_| Some(&gold), minute(200));
        let clock = only(&clocks, Restore);
        (clock.state, clock.due, clock.spent.as_mins())
    };
    assert_eq!(state(60), (State::Cancelled, None, 60));
    assert_eq!(state(61), (State::Breached, Some(minute(60)), 61));
}

#[test]
fn a_clock_goes_by_the_agreement_in_force_at_its_start() {
    let version = |version, from, to, within| {
        agreement(AgreementDraft {
            version,
            valid_from: from,
            valid_to: Some(to),
            ..draft(&[
                (Resolve, Sev1, within, "always"),
                (DeliverSnapshot, Sev1, within, "always"),
            ])
        })
    };
    let versions = [
        version(1, minute(-10), minute(10), 60),
        version(2, minute(10), minute(99), 30),
    ];
    let log = log(&[
        (0, opened(Sev1)),
        (10, Event::SnapshotRequested { id: "s1".into() }),
    ]);
    let clocks = evaluate(&log, |at| in_force(&versions, at), minute(20));
    let by = |kind| {
        (
            only(&clocks, kind).agreement.version(),
            only(&clocks, kind).due,
        )
    };
    assert_eq!(by(Resolve), (1, Some(minute(60))));
    assert_eq!(by(DeliverSnapshot), (2, Some(minute(40))));
}
