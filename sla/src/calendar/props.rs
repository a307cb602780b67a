//! Properties of calendars, against a count of single minutes.

use proptest::prelude::*;

use super::tests::{at, daily, office};
use super::*;

const NANO: SignedDuration = SignedDuration::from_nanos(1);

/// Calendars with whatever may go wrong: changes both ways, night hours, holidays.
fn calendars() -> impl Strategy<Value = Calendar> {
    let holidays: &'static [&'static str] = &["2026-03-27", "2026-04-06", "2026-10-26"];
    let split: &'static [&'static str] = &["00:00-01:45", "02:15-06:00", "08:00-24:00"];
    let night: &'static [&'static str] = &["00:00-05:00", "22:30-24:00"];
    prop_oneof![
        Just(Calendar::AlwaysOpen),
        Just(office("Europe/Berlin", holidays)),
        Just(office("America/New_York", holidays)),
        Just(office("Australia/Lord_Howe", holidays)),
        Just(daily("Europe/Berlin", split, holidays)),
        Just(daily("America/New_York", night, &[])),
        Just(daily("Australia/Lord_Howe", split, &[])),
    ]
}

/// Moments around the changes of all three zones, and elsewhere in the year.
fn moments() -> impl Strategy<Value = Timestamp> {
    let around = prop_oneof![
        Just(at("2026-03-29T01:00:00Z")),
        Just(at("2026-10-25T01:00:00Z")),
        Just(at("2026-03-08T07:00:00Z")),
        Just(at("2026-11-01T06:00:00Z")),
        Just(at("2026-04-04T15:00:00Z")),
        Just(at("2026-10-03T15:30:00Z")),
        Just(at("2024-12-31T00:00:00Z")),
        Just(at("2028-02-29T00:00:00Z")),
    ];
    let second = 1_000_000_000_i64;
    let shift = prop_oneof![
        (-3 * 86_400 * second..3 * 86_400 * second),
        (-300_i64..300).prop_map(move |minutes| minutes * 60 * second),
        (-200 * 86_400 * second..200 * 86_400 * second),
    ];
    (around, shift).prop_map(|(around, nanos)| around + SignedDuration::from_nanos(nanos))
}

fn amounts() -> impl Strategy<Value = SignedDuration> {
    let hour = 3_600_000_000_000_i64;
    prop_oneof![
        (0..2 * hour).prop_map(SignedDuration::from_nanos),
        (0..2_000 * hour).prop_map(SignedDuration::from_nanos),
        (0_i64..5_000).prop_map(SignedDuration::from_mins),
    ]
}

/// Whether the minute is open, by the letter: the local clock, the weekday, the holidays.
fn open_by_the_letter(calendar: &Calendar, minute: Timestamp) -> bool {
    let Calendar::OfficeHours(hours) = calendar else {
        return true;
    };
    let local = minute.in_tz(hours.time_zone()).unwrap();
    let second = i64::from(local.hour()) * 3600 + i64::from(local.minute()) * 60;
    let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap();
    !hours.holidays().contains(&local.date())
        && hours.hours[weekday]
            .iter()
            .any(|span| span.from.seconds() <= second && second < span.to.seconds())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn open_time_adds_up_over_any_split(
        calendar in calendars(), a in moments(), b in moments(), c in moments(),
    ) {
        let whole = calendar.open_between(a, c);
        prop_assert_eq!(calendar.open_between(a, b) + calendar.open_between(b, c), whole);
        prop_assert_eq!(calendar.open_between(c, a), SignedDuration::ZERO - whole);
        prop_assert!(whole.abs() <= c.duration_since(a).abs());
    }

    #[test]
    fn adding_and_measuring_are_inverse(
        calendar in calendars(), from in moments(), amount in amounts(),
    ) {
        let end = calendar.add_open(from, amount).unwrap();
        prop_assert!(end >= from);
        prop_assert_eq!(calendar.open_between(from, end), amount);
        if amount.is_positive() {
            // It is the earliest such moment: the time just before it was open.
            prop_assert!(calendar.is_open(end - NANO));
        }
    }

    #[test]
    fn measuring_and_adding_are_inverse(
        calendar in calendars(), a in moments(), b in moments(),
    ) {
        let (a, b) = (a.min(b), a.max(b));
        let back = calendar.add_open(a, calendar.open_between(a, b)).unwrap();
        prop_assert!(back <= b);
        prop_assert_eq!(calendar.open_between(back, b), SignedDuration::ZERO);
        if a < b && calendar.is_open(b - NANO) {
            prop_assert_eq!(back, b);
        }
    }

    #[test]
    fn the_next_open_moment_is_the_first(calendar in calendars(), from in moments()) {
        let next = calendar.next_open(from).unwrap();
        prop_assert!(calendar.is_open(next));
        prop_assert!(next >= from);
        prop_assert_eq!(calendar.open_between(from, next), SignedDuration::ZERO);
    }

    #[test]
    fn minutes_are_counted_by_the_letter(
        calendar in calendars(), from in moments(), length in 1_i64..1_500,
    ) {
        let minute = SignedDuration::from_mins(1);
        let from = Timestamp::from_second(from.as_second().div_euclid(60) * 60).unwrap();
        let mut expected = SignedDuration::ZERO;
        let mut at = from;
        for _ in 0..length {
            let open = open_by_the_letter(&calendar, at);
            prop_assert_eq!(calendar.is_open(at), open, "{}", at);
            prop_assert_eq!(calendar.is_open(at + minute - NANO), open, "{}", at);
            if open {
                expected += minute;
            }
            at += minute;
        }
        prop_assert_eq!(calendar.open_between(from, at), expected);
    }
}
