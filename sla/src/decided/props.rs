//! Properties of what months decide, over any log.

use proptest::prelude::*;

use super::super::clock::props::{BOTH, agreements, logs};
use super::super::clock::tests::minute;
use super::super::period::Period;
use super::*;

/// A log that is spread over months: a minute of it is nearly a day.
fn spread(log: &[Entry], by: i64) -> Vec<Entry> {
    let start = minute(0);
    let moved = |entry: &Entry| Entry {
        at: start + entry.at.duration_since(start) * i32::try_from(by).unwrap(),
        ..entry.clone()
    };
    log.iter().map(moved).collect()
}

fn months(first: &str, count: usize) -> Vec<Period> {
    let first = first.parse().ok();
    std::iter::successors(first, |period: &Period| period.next())
        .take(count)
        .collect()
}

fn all(log: &[Entry], agreement: &Agreement, period: Period, now: Timestamp) -> Vec<DecidedClock> {
    decided(log, |_| Some(agreement), "i", 1, period, now)
}

/// What no evaluation changes once a clock is decided.
fn fixed(clock: &DecidedClock) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (clock.kind, clock.subject.clone(), clock.started),
        (clock.severity, clock.agreement, clock.state),
        (clock.due, clock.decided, clock.allowed),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_decided_clock_counts_in_exactly_one_month(
        log in logs(), agreement in agreements(BOTH), by in 1_i64..60,
    ) {
        let log = spread(&log, by);
        let now = Timestamp::from_second(32_000_000_000).unwrap();
        let months = months("2026-06", 40);
        let counted: Vec<_> = months
            .iter()
            .flat_map(|month| all(&log, &agreement, *month, now))
            .collect();
        let end = months.last().unwrap().to();
        let clocks = evaluate(&log, |_| Some(&agreement), end);
        let clocks = clocks.iter().filter_map(|clock| DecidedClock::of(clock, "i", 1));
        let mut expected: Vec<_> = clocks.filter(|clock| clock.decided < end).collect();
        prop_assert_eq!(counted.len(), expected.len());
        for clock in &counted {
            let place = expected.iter().position(|other| fixed(other) == fixed(clock));
            prop_assert!(place.is_some(), "counted, but not so in the end: {:?}", clock);
            expected.remove(place.unwrap());
        }
    }

    #[test]
    fn what_a_month_has_decided_never_changes(
        log in logs(), agreement in agreements(BOTH), by in 1_i64..60,
        known in 0_usize..17, later in 0_i64..40_000,
    ) {
        let log = spread(&log, by);
        let known = &log[..known.min(log.len())];
        for month in months("2026-06", 14) {
            // Entries are appended in the order of time: those of a month that is over are there.
            let over = log.get(known.len()).is_none_or(|next| month.is_over_at(next.at));
            if over {
                let then = all(known, &agreement, month, month.to());
                let now = month.to() + SignedDuration::from_hours(later);
                prop_assert_eq!(all(&log, &agreement, month, now), then);
            }
        }
    }

    #[test]
    fn nothing_that_a_month_so_far_has_decided_is_taken_back(
        log in logs(), agreement in agreements(BOTH), by in 1_i64..60, hours in 0_i64..9_000,
    ) {
        let log = spread(&log, by);
        let now = minute(0) + SignedDuration::from_hours(hours);
        let month = Period::of(now).unwrap();
        let in_the_end = all(&log, &agreement, month, month.to());
        for clock in all(&log, &agreement, month, now) {
            prop_assert!(in_the_end.iter().any(|other| fixed(other) == fixed(&clock)));
        }
    }
}
