//! What becomes of a clock when the severity changes.

use super::super::agreement::AgreementDraft;
use super::super::agreement::tests::draft;
use super::super::objective::ObjectiveKind::{Contain, Resolve};
use super::super::objective::Severity::{Sev1, Sev2, Sev3};
use super::tests::{agreement, log, minute, minutes, only, opened, to_customer, to_provider};
use super::*;

fn change(from: Severity, to: Severity) -> Event {
    Event::Reclassified { from, to }
}

/// Resolve within 60 minutes for Sev1, 120 for Sev2, 600 by office hours for Sev3.
fn gold(grace: i64) -> Agreement {
    agreement(AgreementDraft {
        reclassify_grace: minutes(grace),
        ..draft(&[
            (Resolve, Sev1, 60, "always"),
            (Resolve, Sev2, 120, "always"),
            (Resolve, Sev3, 600, "office"),
            (Contain, Sev1, 90, "always"),
        ])
    })
}

#[test]
fn the_new_target_counts_from_the_start() {
    let gold = gold(15);
    let entries = log(&[
        (0, opened(Sev2)),
        (30, change(Sev2, Sev1)),
        (50, change(Sev1, Sev2)),
    ]);
    let at = |now| only(&evaluate(&entries, |_| Some(&gold), minute(now)), Resolve);
    assert_eq!((at(29).severity, at(29).due), (Sev2, Some(minute(120))));
    let raised = at(40);
    assert_eq!((raised.severity, raised.due), (Sev1, Some(minute(60))));
    assert_eq!((raised.allowed, raised.spent), (minutes(60), minutes(40)));
    assert_eq!(raised.entries(), [1, 2]);
    let lowered = at(110);
    assert_eq!(
        (lowered.due, lowered.state),
        (Some(minute(120)), State::Running)
    );
    assert_eq!(lowered.reclassified, [2, 3]);
    assert_eq!(lowered.severity_by, 1);
}

#[test]
fn no_time_before_the_change_is_late_under_the_new_target() {
    let entries = log(&[(0, opened(Sev2)), (80, change(Sev2, Sev1))]);
    for (grace, due) in [(0, 80), (15, 95)] {
        let gold = gold(grace);
        let at = |now| only(&evaluate(&entries, |_| Some(&gold), minute(now)), Resolve);
        assert_eq!(at(80).due, Some(minute(due)), "grace of {grace}");
        assert_eq!(at(80).state, State::Running);
        assert_eq!(at(due + 1).state, State::Breached);
        assert_eq!(at(due + 1).left(), minutes(-1));
    }
    // Ten minutes are left by the target, but fifteen by the grace.
    let entries = log(&[(0, opened(Sev2)), (50, change(Sev2, Sev1))]);
    let gold = gold(15);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(51)), Resolve);
    assert_eq!((clock.due, clock.allowed), (Some(minute(65)), minutes(65)));
}

#[test]
fn a_change_while_it_is_paused_leaves_the_grace_for_later() {
    let entries = log(&[
        (0, opened(Sev2)),
        (70, to_customer()),
        (80, change(Sev2, Sev1)),
        (100, to_provider()),
    ]);
    for (grace, due) in [(0, 100), (15, 115)] {
        let gold = gold(grace);
        let at = |now| only(&evaluate(&entries, |_| Some(&gold), minute(now)), Resolve);
        assert_eq!((at(90).state, at(90).due), (State::Paused, None));
        assert_eq!(
            (at(100).state, at(100).due),
            (State::Running, Some(minute(due)))
        );
        assert_eq!(at(due + 1).state, State::Breached);
        assert_eq!((at(100).paused, at(100).pauses().count()), (minutes(30), 2));
    }
}

#[test]
fn what_was_breached_stays_breached() {
    let gold = gold(60);
    let entries = log(&[
        (0, opened(Sev1)),
        (61, change(Sev1, Sev2)),
        (65, to_customer()),
        (66, change(Sev2, Sev3)),
        (70, Event::Resolved),
    ]);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(80)), Resolve);
    assert_eq!((clock.state, clock.severity), (State::Breached, Sev1));
    assert_eq!((clock.due, clock.left()), (Some(minute(60)), minutes(-5)));
    assert_eq!(clock.entries(), [1, 3, 5]);
    // At the due moment itself it was not breached yet.
    let entries = log(&[(0, opened(Sev1)), (60, change(Sev1, Sev2))]);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(80)), Resolve);
    assert_eq!(
        (clock.state, clock.due),
        (State::Running, Some(minute(120)))
    );
}

#[test]
fn every_stretch_is_counted_by_the_calendar_of_its_time() {
    let gold = gold(0);
    // Monday 10:00; from 20:00 on around the clock; a minute later by office hours again.
    let entries = log(&[
        (0, opened(Sev3)),
        (600, change(Sev3, Sev2)),
        (601, change(Sev2, Sev3)),
    ]);
    let at = |now| only(&evaluate(&entries, |_| Some(&gold), minute(now)), Resolve);
    assert_eq!(at(600).spent, minutes(420));
    assert_eq!(
        (at(600).due, at(600).allowed),
        (Some(minute(600)), minutes(420))
    );
    // It was late from minute 600 on, and so the second change does nothing.
    assert_eq!((at(700).severity, at(700).state), (Sev2, State::Breached));
    let entries = log(&[(0, opened(Sev2)), (100, change(Sev2, Sev3))]);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(1440)), Resolve);
    let open: Vec<_> = clock
        .segments
        .iter()
        .map(|s| (s.severity, s.open.as_mins()))
        .collect();
    assert_eq!(open, [(Sev2, 100), (Sev3, 320 + 60)]);
    assert_eq!(clock.due, Some(minute(1380 + 180)));
    let warnings: Vec<_> = thresholds(&clock).collect();
    assert_eq!(
        warnings,
        [
            (50, minute(300)),
            (75, minute(1380 + 30)),
            (90, minute(1380 + 120))
        ]
    );
}

#[test]
fn a_severity_without_the_objective_calls_the_clock_off_until_one_has_it() {
    let gold = gold(20);
    let entries = log(&[
        (0, opened(Sev3)),
        (30, change(Sev3, Sev1)),
        (40, change(Sev1, Sev2)),
        (80, change(Sev2, Sev1)),
        (85, Event::Contained),
    ]);
    let all = |now| evaluate(&entries, |_| Some(&gold), minute(now));
    let at = |now| only(&all(now), Contain);
    assert!(all(29).iter().all(|clock| clock.kind != Contain));
    assert_eq!((at(35).due, at(35).spent), (Some(minute(90)), minutes(35)));
    assert_eq!((at(50).state, at(50).stopped), (State::Cancelled, None));
    assert_eq!(
        (at(50).spent, at(50).due, at(50).segments.len()),
        (minutes(40), None, 2)
    );
    assert!(!at(50).is_settled());
    // It counts from the start again, and the grace leaves twenty minutes.
    assert_eq!(
        (at(82).state, at(82).due),
        (State::Running, Some(minute(100)))
    );
    assert_eq!((at(99).state, at(99).spent), (State::Met, minutes(85)));
    assert_eq!(at(99).entries(), [1, 2, 3, 4, 5]);
    let done = log(&[
        (0, opened(Sev3)),
        (10, Event::Contained),
        (30, change(Sev3, Sev1)),
    ]);
    let clocks = evaluate(&done, |_| Some(&gold), minute(99));
    assert!(
        clocks.iter().all(|clock| clock.kind != Contain),
        "it was done before"
    );
}

#[test]
fn the_grace_is_for_graver_severities_only() {
    let gold = gold(100);
    let entries = log(&[(0, opened(Sev1)), (50, change(Sev1, Sev2))]);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(60)), Resolve);
    assert_eq!(
        (clock.due, clock.allowed),
        (Some(minute(120)), minutes(120))
    );
}

#[test]
fn a_change_to_the_same_severity_is_none() {
    let gold = gold(100);
    let entries = log(&[(0, opened(Sev1)), (50, change(Sev2, Sev1))]);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(60)), Resolve);
    assert_eq!((clock.entries(), clock.segments.len()), (vec![1], 1));
}

#[test]
fn a_change_in_the_night_is_due_at_once_and_not_the_evening_before() {
    let gold = agreement(draft(&[
        (Resolve, Sev1, 60, "office"),
        (Resolve, Sev2, 600, "office"),
    ]));
    // At 20:00, three hours after the office closed.
    let entries = log(&[(0, opened(Sev2)), (600, change(Sev2, Sev1))]);
    let at = |now| only(&evaluate(&entries, |_| Some(&gold), minute(now)), Resolve);
    assert_eq!(
        (at(600).state, at(600).due),
        (State::Running, Some(minute(600)))
    );
    assert_eq!(at(601).state, State::Breached);
}

#[test]
fn warnings_go_by_the_calendar_of_their_stretch() {
    let gold = agreement(draft(&[
        (Resolve, Sev2, 5000, "always"),
        (Resolve, Sev3, 1000, "office"),
    ]));
    let entries = log(&[(0, opened(Sev2)), (550, change(Sev2, Sev3))]);
    let clock = only(&evaluate(&entries, |_| Some(&gold), minute(560)), Resolve);
    let warnings: Vec<_> = thresholds(&clock).collect();
    // Half of it was used up at 18:20, when the office was closed.
    assert_eq!(
        warnings,
        [
            (50, minute(500)),
            (75, minute(1380 + 200)),
            (90, minute(1380 + 350))
        ]
    );
}
