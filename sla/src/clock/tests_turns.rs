//! Whose turn it is, and what that means for clocks and their moments.

use super::super::agreement::tests::draft;
use super::super::objective::ObjectiveKind::{Contain, Resolve, Restore, SubsequentUpdate};
use super::super::objective::Severity::Sev1;
use super::tests::{
    agreement, gold, kinds, log, minute, minutes, only, opened, to_customer, to_provider,
};
use super::*;

#[test]
fn only_a_hand_over_pauses_and_pushes_the_due_moment() {
    let gold = gold();
    let log = log(&[
        (0, opened(Sev1)),
        (20, to_customer()),
        (21, to_customer()),
        (50, to_provider()),
        (70, Event::Resolved),
    ]);
    let at = |now| only(&evaluate(&log, |_| Some(&gold), minute(now)), Resolve);
    let paused = at(40);
    assert_eq!((paused.state, paused.due), (State::Paused, None));
    assert_eq!((paused.spent, paused.paused), (minutes(20), minutes(20)));
    let running = at(60);
    assert_eq!(
        (running.state, running.due),
        (State::Running, Some(minute(90)))
    );
    let done = at(100);
    assert_eq!((done.state, done.due), (State::Met, Some(minute(90))));
    assert_eq!((done.spent, done.paused), (minutes(40), minutes(30)));
    assert_eq!(done.entries(), [1, 2, 4, 5]);
    let pauses: Vec<_> = done
        .pauses()
        .map(|p| (p.from, p.to, p.begun_by, p.ended_by))
        .collect();
    assert_eq!(pauses, [(minute(20), minute(50), 2, Some(4))]);
}

#[test]
fn what_is_used_up_at_the_hand_over_is_due_when_it_is_handed_back() {
    let gold = gold();
    let log = log(&[(0, opened(Sev1)), (60, to_customer()), (100, to_provider())]);
    let at = |now| only(&evaluate(&log, |_| Some(&gold), minute(now)), Resolve);
    assert_eq!((at(90).state, at(90).due), (State::Paused, None));
    assert_eq!(
        (at(100).state, at(100).due),
        (State::Running, Some(minute(100)))
    );
    assert_eq!(
        (at(101).state, at(101).due),
        (State::Breached, Some(minute(100)))
    );
}

#[test]
fn a_request_goes_by_hand_overs_of_its_own() {
    let gold = gold();
    let s1 = || "s1".to_owned();
    let asked = |to| Event::RequestHandedOver { id: s1(), to };
    let log = log(&[
        (0, opened(Sev1)),
        (10, to_customer()),
        (20, Event::SnapshotRequested { id: s1() }),
        (22, Event::SnapshotRequested { id: "s2".into() }),
        (25, Event::Updated),
        (30, to_customer()),
        (32, asked(Party::Customer)),
        (35, to_provider()),
        (40, asked(Party::Provider)),
        (45, to_customer()),
        (50, Event::RequestCalledOff { id: "s2".into() }),
        (51, Event::SnapshotDelivered { id: s1() }),
    ]);
    let of = |now: i64, id: &str| {
        let subject = Some(Subject::Request(id.to_owned()));
        let clocks = evaluate(&log, |_| Some(&gold), minute(now));
        let mut of = clocks.into_iter().filter(|clock| clock.subject == subject);
        let found = of.next().unwrap();
        assert!(of.next().is_none());
        (found.state, found.spent, found.paused)
    };
    let spent = |spent, paused| (minutes(spent), minutes(paused));
    let state = |now, id| of(now, id).0;
    // Whosever turn the incident is.
    assert_eq!(state(31, "s1"), State::Running);
    assert_eq!(
        state(36, "s1"),
        State::Paused,
        "the incident's is no answer"
    );
    assert_eq!(state(36, "s2"), State::Running, "each by itself");
    assert_eq!(state(46, "s1"), State::Running);
    let (delivered, called_off) = (of(60, "s1"), of(60, "s2"));
    assert_eq!(delivered.0, State::Met);
    assert_eq!((delivered.1, delivered.2), spent(12 + 11, 8));
    assert_eq!(called_off.0, State::Cancelled);
    assert_eq!((called_off.1, called_off.2), spent(28, 0));

    let at = |now, kind| only(&evaluate(&log, |_| Some(&gold), minute(now)), kind);
    let update = at(31, SubsequentUpdate);
    assert_eq!((update.state, update.spent), (State::Paused, minutes(0)));
    assert_eq!(
        update.entries(),
        [1, 2, 5],
        "the hand-over says whose turn it was"
    );
}

#[test]
fn what_comes_back_gets_new_clocks_and_changes_none() {
    let gold = gold();
    let log = log(&[
        (0, opened(Sev1)),
        (5, Event::Reopened),
        (10, Event::Resolved),
        (30, Event::Reopened),
        (80, Event::Resolved),
    ]);
    let before = evaluate(&log, |_| Some(&gold), minute(20));
    let after = evaluate(&log, |_| Some(&gold), minute(100));
    assert_eq!(before.len(), 5, "it was not over at minute 5");
    assert_eq!(after[..before.len()], before[..]);
    use State::{Cancelled, Met};
    assert_eq!(
        kinds(&after[before.len()..]),
        [
            (SubsequentUpdate, Cancelled),
            (Contain, Met),
            (Restore, Met),
            (Resolve, Met)
        ]
    );
    assert_eq!(after.last().unwrap().spent, minutes(50));
}

#[test]
fn what_comes_back_is_the_providers_turn() {
    let gold = gold();
    let log = log(&[
        (0, opened(Sev1)),
        (5, to_customer()),
        (10, Event::Closed),
        (20, Event::Reopened),
    ]);
    let clocks = evaluate(&log, |_| Some(&gold), minute(30));
    let resolve = clocks.iter().rfind(|clock| clock.kind == Resolve).unwrap();
    assert_eq!(
        (resolve.state, resolve.spent),
        (State::Running, minutes(10))
    );
}

#[test]
fn office_hours_end_in_the_evening() {
    // From 10:00 to 17:00 are seven hours.
    let day = agreement(draft(&[(Resolve, Sev1, 420, "office")]));
    let log = log(&[(0, opened(Sev1))]);
    let at = |now| only(&evaluate(&log, |_| Some(&day), minute(now)), Resolve);
    assert_eq!(
        (at(420).state, at(420).due),
        (State::Running, Some(minute(420)))
    );
    // In the night it is overdue, though not by any open time.
    assert_eq!(
        (at(421).state, at(421).left()),
        (State::Breached, minutes(0))
    );
    assert_eq!(at(23 * 60 + 30).left(), minutes(-30));
}

#[test]
fn warnings_come_at_parts_of_the_allowed_time() {
    let day = agreement(draft(&[(Resolve, Sev1, 800, "office")]));
    let log = log(&[
        (0, opened(Sev1)),
        (410, to_customer()),
        (430, to_provider()),
    ]);
    let at = |now| only(&evaluate(&log, |_| Some(&day), minute(now)), Resolve);
    // Tuesday opens at minute 1380, with 410 minutes used; ten minutes were the customer's.
    let warnings: Vec<_> = thresholds(&at(440)).collect();
    assert_eq!(
        warnings,
        [(50, minute(400)), (75, minute(1570)), (90, minute(1690))]
    );
    let next = |now| next_moment(&at(now), minute(now)).map(|m| (m.at, m.kind));
    assert_eq!(next(0), Some((minute(400), MomentKind::Warning(50))));
    assert_eq!(next(415), None, "paused");
    assert_eq!(next_moment(&at(415), minute(0)), None, "paused");
    assert_eq!(thresholds(&at(415)).count(), 1);
    assert_eq!(next(440), Some((minute(1570), MomentKind::Warning(75))));
    let breach = minute(1770) + SignedDuration::from_nanos(1);
    assert_eq!(next(1690), Some((breach, MomentKind::Breach)));
    assert_eq!(
        next(1770),
        Some((breach, MomentKind::Breach)),
        "due is in time"
    );
    assert_eq!(next(1771), None, "breached");
}
