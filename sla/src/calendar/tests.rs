//! What a calendar refuses, and its answers where the local clock jumps.

use super::*;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A span from text such as `09:00-17:00`.
pub(crate) fn span(text: &str) -> LocalSpan {
    let (from, to) = text.split_once('-').unwrap();
    LocalSpan {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

fn draft(zone: &str, hours: [&[&str]; 7], holidays: &[&str]) -> OfficeHoursDraft {
    OfficeHoursDraft {
        time_zone: zone.into(),
        hours: hours.map(|spans| spans.iter().map(|text| span(text)).collect()),
        holidays: holidays.iter().map(|date| date.parse().unwrap()).collect(),
    }
}

/// The same hours on every day.
pub(crate) fn daily(zone: &str, spans: &[&str], holidays: &[&str]) -> Calendar {
    let draft = draft(zone, [spans; 7], holidays);
    Calendar::OfficeHours(Arc::new(OfficeHours::new(draft).unwrap()))
}

/// Monday to Friday, nine to five.
pub(crate) fn office(zone: &str, holidays: &[&str]) -> Calendar {
    let day: &[&str] = &["09:00-17:00"];
    let draft = draft(zone, [day, day, day, day, day, &[], &[]], holidays);
    Calendar::OfficeHours(Arc::new(OfficeHours::new(draft).unwrap()))
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

#[test]
fn drafts_are_refused_by_field() {
    let refused = |draft: OfficeHoursDraft| -> Vec<String> {
        let problems = OfficeHours::new(draft).unwrap_err();
        problems.to_string().split("; ").map(Into::into).collect()
    };
    let day: &[&str] = &["09:00-17:00"];
    assert_eq!(
        refused(draft("Mars/Base", [day; 7], &[])),
        ["time_zone: no such time zone: Mars/Base"]
    );
    assert_eq!(
        refused(draft("UTC", [&[]; 7], &[])),
        ["hours: no weekday has any open time"]
    );
    let wrong: &[&str] = &["08:00-12:00", "11:59-13:00", "14:00-14:00", "16:00-15:00"];
    assert_eq!(
        refused(draft("UTC", [day, day, wrong, day, day, day, day], &[])),
        [
            "hours.wednesday[1]: the span overlaps the one before it, or is out of order",
            "hours.wednesday[2]: the span is empty",
            "hours.wednesday[3]: the span is empty",
        ]
    );
    let unsorted: &[&str] = &["12:00-13:00", "08:00-09:00", "12:30-14:00"];
    assert_eq!(refused(draft("UTC", [unsorted; 7], &[])).len(), 14);
    let touching: &[&str] = &["00:00-12:00", "12:00-24:00"];
    assert!(OfficeHours::new(draft("UTC", [touching; 7], &[])).is_ok());
}

#[test]
fn local_times_end_at_24_00() {
    let parse = |text: &str| text.parse::<LocalTime>().map(|time| time.to_string());
    for good in ["00:00", "09:05", "23:59", "24:00"] {
        assert_eq!(parse(good).as_deref(), Ok(good));
    }
    for bad in [
        "24:01", "25:00", "12:60", "9:00", "+9:00", "12-00", "12:0", "",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_draft_comes_back_as_it_went_in() {
    let draft = CalendarDraft::OfficeHours(Box::new(draft(
        "Europe/Berlin",
        [
            &["08:00-12:00", "13:00-24:00"],
            &[],
            &[],
            &[],
            &[],
            &[],
            &["10:00-11:00"],
        ],
        &["2026-01-01", "2026-12-25"],
    )));
    assert_eq!(
        CalendarDraft::from(Calendar::new(draft.clone()).unwrap()),
        draft
    );
}

#[test]
fn a_working_week_with_a_holiday() {
    // 2026-05-01 is a Friday.
    let calendar = office("Europe/Berlin", &["2026-05-01"]);
    let thursday = at("2026-04-30T14:00:00Z"); // 16:00 in Berlin
    let monday = at("2026-05-04T07:00:00Z"); // 09:00
    assert!(calendar.is_open(thursday));
    assert!(!calendar.is_open(at("2026-05-01T10:00:00Z")));
    assert_eq!(
        calendar.next_open(at("2026-04-30T15:00:00Z")).unwrap(),
        monday
    );
    assert_eq!(calendar.next_open(thursday).unwrap(), thursday);
    assert_eq!(calendar.open_between(thursday, monday), minutes(60));
    assert_eq!(calendar.open_between(monday, thursday), minutes(-60));
    // What ends with the day ends there; one nanosecond more ends on Monday.
    let end = at("2026-04-30T15:00:00Z");
    assert_eq!(calendar.add_open(thursday, minutes(60)).unwrap(), end);
    let more = minutes(60) + SignedDuration::from_nanos(1);
    assert_eq!(
        calendar.add_open(thursday, more).unwrap(),
        monday + SignedDuration::from_nanos(1)
    );
    assert_eq!(
        calendar.add_open(end, SignedDuration::ZERO).unwrap(),
        end,
        "nothing takes no time"
    );
}

#[test]
fn an_hour_that_is_skipped_or_shown_twice_counts_what_elapsed() {
    // Hours, and what they amount to: on the day before, on the day of the change to
    // summer time, and on the day of the change back.
    let cases: [(&str, &str, &str, &str, [i64; 3]); 7] = [
        (
            "Europe/Berlin",
            "00:00-06:00",
            "2026-03-29",
            "2026-10-25",
            [360, 300, 420],
        ),
        (
            "Europe/Berlin",
            "02:30-04:00",
            "2026-03-29",
            "2026-10-25",
            [90, 60, 120],
        ),
        (
            "Europe/Berlin",
            "02:00-02:30",
            "2026-03-29",
            "2026-10-25",
            [30, 0, 60],
        ),
        (
            "America/New_York",
            "00:00-24:00",
            "2026-03-08",
            "2026-11-01",
            [1440, 1380, 1500],
        ),
        (
            "America/New_York",
            "01:30-02:30",
            "2026-03-08",
            "2026-11-01",
            [60, 30, 90],
        ),
        (
            "Australia/Lord_Howe",
            "01:00-03:00",
            "2026-10-04",
            "2026-04-05",
            [120, 90, 150],
        ),
        (
            "Australia/Lord_Howe",
            "01:45-02:15",
            "2026-10-04",
            "2026-04-05",
            [30, 15, 45],
        ),
    ];
    for (zone, hours, forth, back, [usual, short, long]) in cases {
        let calendar = daily(zone, &[hours], &[]);
        let day = |date: &str| {
            let date: Date = date.parse().unwrap();
            let noon = |date: Date| date.at(12, 0, 0, 0).in_tz(zone).unwrap().timestamp();
            let midnight = date.in_tz(zone).unwrap().timestamp();
            let next = date.tomorrow().unwrap().in_tz(zone).unwrap().timestamp();
            let open = calendar.open_between(midnight, next);
            // And back: the last open moment is where that much has passed.
            if open.is_positive() {
                let end = calendar.add_open(midnight, open).unwrap();
                assert!(end <= next && end < noon(date.tomorrow().unwrap()));
                assert_eq!(calendar.open_between(midnight, end), open);
            }
            open
        };
        assert_eq!(day(forth), minutes(short), "{zone} {hours} {forth}");
        assert_eq!(day(back), minutes(long), "{zone} {hours} {back}");
        assert_eq!(day("2026-02-10"), minutes(usual), "{zone} {hours}");
    }
}

#[test]
fn a_leap_day_is_a_day() {
    let calendar = office("UTC", &[]);
    // 2028-02-29 is a Tuesday.
    let monday = at("2028-02-28T16:00:00Z");
    assert_eq!(
        calendar.add_open(monday, minutes(10 * 60)).unwrap(),
        at("2028-03-01T10:00:00Z")
    );
    let holiday = office("UTC", &["2028-02-29"]);
    assert_eq!(
        holiday.add_open(monday, minutes(2 * 60)).unwrap(),
        at("2028-03-01T10:00:00Z")
    );
}

#[test]
fn the_search_ends_after_ten_years() {
    let dates: Vec<String> = Date::constant(2026, 1, 1)
        .series(jiff::Span::new().days(1))
        .take(3_700)
        .map(|date| date.to_string())
        .collect();
    let dates: Vec<&str> = dates.iter().map(String::as_str).collect();
    let closed = office("Europe/Berlin", &dates);
    let start = at("2026-01-01T00:00:00Z");
    assert_eq!(closed.next_open(start), Err(BeyondHorizon));
    assert_eq!(closed.add_open(start, minutes(1)), Err(BeyondHorizon));
    assert_eq!(
        closed.open_between(start, at("2036-01-01T00:00:00Z")),
        minutes(0)
    );
    // From within ten years of the last holiday on, the first open day is found.
    let later = at("2026-06-01T00:00:00Z");
    assert_eq!(
        closed.next_open(later).unwrap(),
        at("2036-02-18T08:00:00Z"),
        "the day after the last holiday"
    );
    for calendar in [Calendar::AlwaysOpen, office("UTC", &[])] {
        let most = calendar.add_open(start, HORIZON + SignedDuration::from_nanos(1));
        assert_eq!(most, Err(BeyondHorizon));
        let end = calendar.add_open(Timestamp::MAX, minutes(1));
        assert_eq!(end, Err(BeyondHorizon));
        let all = calendar.open_between(Timestamp::MIN, Timestamp::MAX);
        assert!(all.is_positive());
        assert_eq!(
            calendar.add_open(start, SignedDuration::MAX),
            Err(BeyondHorizon)
        );
    }
}

#[test]
fn parts_of_a_second_count_before_1970_as_well() {
    let calendar = daily("UTC", &["09:00-17:00"], &[]);
    let part = at("1969-12-31T16:59:58.250Z");
    let quarter = SignedDuration::from_millis(1_750);
    assert_eq!(
        calendar.open_between(part, at("1969-12-31T20:00:00.5Z")),
        quarter
    );
    assert_eq!(
        calendar.add_open(part, SignedDuration::from_millis(2_000)),
        Ok(at("1970-01-01T09:00:00.250Z"))
    );
}
