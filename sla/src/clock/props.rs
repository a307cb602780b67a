//! Properties of clocks over any log.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::agreement::AgreementDraft;
use super::super::agreement::tests::draft;
use super::super::calendar::Calendar;
use super::tests::{agreement, log, minute, minutes, opened, to_customer, to_provider};
use super::*;

const NANO: SignedDuration = SignedDuration::from_nanos(1);

fn severities() -> impl Strategy<Value = Severity> {
    (0..Severity::ALL.len()).prop_map(|index| Severity::ALL[index])
}

fn parties() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::Customer), Just(Party::Provider)]
}

fn events() -> impl Strategy<Value = Event> {
    let id = || (0..3).prop_map(|id: i32| id.to_string());
    prop_oneof![
        2 => severities().prop_map(opened),
        1 => Just(Event::Acknowledged),
        3 => Just(Event::Updated),
        4 => (severities(), severities()).prop_map(|(from, to)| Event::Reclassified { from, to }),
        4 => Just(to_customer()),
        4 => Just(to_provider()),
        1 => Just(Event::Contained),
        2 => id().prop_map(|id| Event::SnapshotRequested { id }),
        2 => id().prop_map(|id| Event::SnapshotDelivered { id }),
        1 => id().prop_map(|id| Event::AnalysisRequested { id }),
        1 => id().prop_map(|id| Event::AnalysisAnswered { id }),
        2 => (id(), parties()).prop_map(|(id, to)| Event::RequestHandedOver { id, to }),
        1 => id().prop_map(|id| Event::RequestCalledOff { id }),
        1 => Just(Event::Restored),
        1 => Just(Event::Resolved),
        1 => Just(Event::Reopened),
        1 => Just(Event::Closed),
    ]
}

/// A log that begins with an opening; times within a week, many of them equal.
pub(crate) fn logs() -> impl Strategy<Value = Vec<Entry>> {
    let steps = prop_oneof![Just(0), 0_i64..90, 0_i64..1_500];
    let rest = prop::collection::vec((steps, events()), 0..16);
    (severities(), rest).prop_map(|(severity, rest)| {
        let mut at = 0;
        let mut all = vec![(0, opened(severity))];
        for (step, event) in rest {
            at += step;
            all.push((at, event));
        }
        log(&all)
    })
}

/// Agreements with gaps, either with one calendar or with two.
pub(crate) fn agreements(calendars: &'static [&'static str]) -> impl Strategy<Value = Agreement> {
    let objective = (prop::bool::weighted(0.85), 1_i64..900, 0..calendars.len());
    let all = prop::collection::vec(objective, 32);
    (all, prop_oneof![Just(0_i64), 0_i64..120]).prop_map(|(all, grace)| {
        let kinds = ObjectiveKind::ALL.into_iter();
        let pairs = kinds.flat_map(|kind| Severity::ALL.map(|severity| (kind, severity)));
        let objectives: Vec<_> = pairs
            .zip(all)
            .filter(|(_, (promised, ..))| *promised)
            .map(|((kind, severity), (_, within, calendar))| {
                (kind, severity, within, calendars[calendar])
            })
            .collect();
        agreement(AgreementDraft {
            reclassify_grace: minutes(grace),
            ..draft(&objectives)
        })
    })
}

pub(crate) const BOTH: &[&str] = &["always", "office"];

fn same(a: &Clock<'_>, b: &Clock<'_>) -> bool {
    (a.started, a.kind, &a.subject) == (b.started, b.kind, &b.subject)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_order_of_the_list_and_what_comes_later_are_nothing(
        (log, mixed) in logs().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle())),
        agreement in agreements(BOTH),
        now in 0_i64..9_000,
    ) {
        let now = minute(now);
        let clocks = evaluate(&log, |_| Some(&agreement), now);
        prop_assert_eq!(&evaluate(&mixed, |_| Some(&agreement), now), &clocks);
        let known: Vec<Entry> = log.into_iter().filter(|entry| entry.at <= now).collect();
        prop_assert_eq!(&evaluate(&known, |_| Some(&agreement), now), &clocks);
    }

    /// However often and whenever one looks, each thing is recorded once, breaches where clocks
    /// are breached and nowhere else, and warnings upward alone.
    #[test]
    fn each_notice_is_recorded_once(
        log in logs(), agreement in agreements(BOTH), mut looks in prop::collection::vec(0_i64..9_000, 1..20),
    ) {
        looks.sort_unstable();
        let mut known: BTreeSet<Notice> = BTreeSet::new();
        for now in looks {
            let clocks = evaluate(&log, |_| Some(&agreement), minute(now));
            for notice in notices(&clocks, &known) {
                let about = known.iter().filter(|other| other.clock == notice.clock);
                prop_assert!(about.map(|other| other.kind).all(|before| before < notice.kind));
                known.insert(notice);
            }
            prop_assert_eq!(notices(&clocks, &known), []);
            for clock in &clocks {
                let kind = MomentKind::Breach;
                let breach = Notice { clock: ClockId::of(clock), kind };
                prop_assert_eq!(known.contains(&breach), clock.state == State::Breached);
            }
        }
    }

    /// Looking when the next moment comes, and then alone, nothing is missed.
    #[test]
    fn every_warning_is_given_at_its_moment(log in logs(), agreement in agreements(BOTH)) {
        let opened = log[..1].to_vec();
        let mut now = opened[0].at;
        let mut known: BTreeSet<Notice> = BTreeSet::new();
        for _ in 0..40 {
            let clocks = evaluate(&opened, |_| Some(&agreement), now);
            known.extend(notices(&clocks, &known));
            let next = clocks.iter().filter_map(|clock| next_moment(clock, now));
            let Some(next) = next.map(|moment| moment.at).min() else { break };
            prop_assert!(next > now);
            now = next;
        }
        for clock in evaluate(&opened, |_| Some(&agreement), now) {
            for kind in [50, 75, 90].map(MomentKind::Warning).into_iter().chain([MomentKind::Breach]) {
                let notice = Notice { clock: ClockId::of(&clock), kind };
                prop_assert!(known.contains(&notice), "{:?} of {:?}", kind, clock.kind);
            }
        }
    }

    #[test]
    fn later_nothing_is_undone(
        log in logs(), agreement in agreements(BOTH), a in 0_i64..9_000, b in 0_i64..9_000,
    ) {
        let (first, second) = (minute(a.min(b)), minute(a.max(b)));
        let later = evaluate(&log, |_| Some(&agreement), second);
        for before in evaluate(&log, |_| Some(&agreement), first) {
            let after = later.iter().find(|clock| same(clock, &before));
            prop_assert!(after.is_some(), "a clock is gone: {:?}", before.kind);
            let after = after.unwrap();
            prop_assert!(after.spent >= before.spent);
            prop_assert!(after.paused >= before.paused);
            if before.is_settled() {
                prop_assert_eq!(after, &before);
            }
            if before.state == State::Breached {
                prop_assert_eq!(after.state, State::Breached);
                prop_assert_eq!(after.due, before.due);
            }
            let known = before.entries();
            prop_assert!(known.iter().all(|entry| after.entries().contains(entry)));
        }
    }

    #[test]
    fn breached_means_late(log in logs(), agreement in agreements(BOTH), now in 0_i64..9_000) {
        let now = minute(now);
        for clock in evaluate(&log, |_| Some(&agreement), now) {
            let end = clock.stopped.map_or(now, |mark| mark.at);
            let late = clock.due.is_some_and(|due| due < end);
            prop_assert_eq!(clock.state == State::Breached, late);
            prop_assert!(clock.allowed >= clock.target.within);
            let changed = log.iter().rfind(|entry| clock.reclassified.contains(&entry.sequence));
            if let Some((due, changed)) = clock.due.zip(changed) {
                prop_assert!(due >= changed.at, "due before the change that made it so");
            }
            if !late {
                prop_assert!(!clock.left().is_negative());
            }
            if let (State::Running, Some(due)) = (clock.state, clock.due) {
                let more = clock.target.calendar.open_between(now, due);
                prop_assert_eq!(more, clock.left());
            }
        }
    }

    #[test]
    fn no_time_is_lost_or_invented(
        log in logs(), agreement in agreements(BOTH), now in 0_i64..9_000,
    ) {
        let now = minute(now);
        for clock in evaluate(&log, |_| Some(&agreement), now) {
            let mut at = clock.started.at;
            let mut by_party = [SignedDuration::ZERO; 2];
            for segment in &clock.segments {
                prop_assert_eq!(segment.from, at);
                at = segment.to;
                let target = agreement.target(clock.kind, segment.severity).unwrap();
                let open = target.calendar.open_between(segment.from, segment.to);
                prop_assert_eq!(open, segment.open);
                by_party[segment.party as usize] += open;
            }
            prop_assert_eq!(by_party, [clock.spent, clock.paused]);
            // One that a severity leaves out ends before.
            if clock.state != State::Cancelled {
                prop_assert_eq!(at, clock.stopped.map_or(now, |mark| mark.at));
            }
            let known = clock.entries();
            prop_assert!(known.iter().all(|n| log.iter().any(|entry| entry.sequence == *n)));
            for at in log.iter().filter(|entry| known.contains(&entry.sequence)) {
                prop_assert!(at.at <= now);
            }
        }
    }

    #[test]
    fn with_one_calendar_the_turns_alone_divide_the_time(
        log in logs(), agreement in agreements(&["office"]), now in 0_i64..9_000,
    ) {
        let now = minute(now);
        let office: &Calendar = &agreement.calendars()["office"];
        for clock in evaluate(&log, |_| Some(&agreement), now) {
            if clock.state == State::Cancelled {
                continue;
            }
            let end = clock.stopped.map_or(now, |mark| mark.at);
            let elapsed = office.open_between(clock.started.at, end);
            prop_assert_eq!(clock.spent + clock.paused, elapsed);
            // Whose turn it was, read from the log by itself.
            let request = match &clock.subject {
                Some(Subject::Request(id)) => Some(id),
                _ => None,
            };
            let (mut party, mut over) = (Party::Provider, false);
            let (mut from, mut paused) = (clock.started.at, SignedDuration::ZERO);
            for entry in log.iter().take_while(|entry| entry.at <= end) {
                let to = match &entry.event {
                    Event::RequestHandedOver { id, to } if request == Some(id) => *to,
                    _ if request.is_some() => continue,
                    Event::HandedOver { to, .. } => *to,
                    Event::Reopened if over => {
                        over = false;
                        Party::Provider
                    }
                    Event::Resolved | Event::Closed => {
                        over = true;
                        continue;
                    }
                    _ => continue,
                };
                let started = entry.sequence > clock.started.sequence;
                if !started && request.is_some() {
                    continue;
                }
                if started && party == Party::Customer {
                    paused += office.open_between(from, entry.at);
                }
                if started {
                    from = entry.at;
                }
                party = to;
            }
            if party == Party::Customer {
                paused += office.open_between(from, end);
            }
            prop_assert_eq!(clock.paused, paused);
        }
    }

    #[test]
    fn at_the_next_moment_it_happens_and_not_before(
        log in logs(), agreement in agreements(BOTH), now in 0_i64..9_000,
    ) {
        let now = minute(now);
        let known: Vec<Entry> = log.into_iter().filter(|entry| entry.at <= now).collect();
        for clock in evaluate(&known, |_| Some(&agreement), now) {
            let moment = next_moment(&clock, now);
            prop_assert_eq!(moment.is_some(), clock.state == State::Running);
            let Some(Moment { at, kind }) = moment else { continue };
            prop_assert!(at > now);
            let at = |at| {
                let clocks = evaluate(&known, |_| Some(&agreement), at);
                clocks.into_iter().find(|other| same(other, &clock)).unwrap()
            };
            let happened = |clock: &Clock<'_>| match kind {
                MomentKind::Breach => clock.state == State::Breached,
                MomentKind::Warning(percent) => {
                    clock.spent >= clock.allowed * i32::from(percent) / 100
                }
            };
            let moment = moment.unwrap().at;
            prop_assert!(happened(&at(moment)));
            prop_assert!(!happened(&at(moment - NANO)));
        }
    }
}
