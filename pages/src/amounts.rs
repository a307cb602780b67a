//! Times, lengths of time and parts of a whole, as people read them.

use cordon_sla::objective::BasisPoints;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A moment to the minute, in UTC, rounded down.
pub(crate) fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// A moment to the second, in UTC, rounded down.
pub(crate) fn second(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// A day, in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// A length of time, rounded down: hours and minutes, minutes, seconds, or milliseconds. Days are
/// left in hours, since an open day has fewer than 24 of them.
pub(crate) fn span(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "−" } else { "" };
    let span = span.unsigned_abs();
    let seconds = span.as_secs();
    let text = match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) if span.is_zero() => "0 s".to_owned(),
        (0, 0, 0) => format!("{} ms", span.as_millis().max(1)),
        (0, 0, seconds) => match span.subsec_millis() / 100 {
            0 => format!("{seconds} s"),
            tenths => format!("{seconds}.{tenths} s"),
        },
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) if minutes < 5 => format!("{minutes} min {seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    };
    format!("{sign}{text}").replace(' ', "\u{a0}")
}

/// The same where there may be none.
pub(crate) fn span_or_none(length: Option<SignedDuration>) -> String {
    length.map_or_else(none, span)
}

/// A part of a whole in percent, exact.
pub(crate) fn percent(points: BasisPoints) -> String {
    let text = format!("{}.{:02}", points.0 / 100, points.0 % 100);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}%")
}

/// The same where there may be none.
pub(crate) fn percent_or_none(points: Option<BasisPoints>) -> String {
    points.map_or_else(none, percent)
}

/// What stands where there is nothing.
pub(crate) fn none() -> String {
    "–".to_owned()
}

/// A count with its thing: one, or more.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{} {many}", grouped(number)),
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short_and_never_too_long() {
        for (millis, shown) in [
            (0, "0 s"),
            (800, "800 ms"),
            (59_999, "59.9 s"),
            (6_050, "6 s"),
            (90_000, "1 min 30 s"),
            (300_000, "5 min"),
            (599_000, "9 min"),
            (3_600_000, "1 h"),
            (5_400_000, "1 h 30 min"),
            (259_200_000, "72 h"),
            (-5_400_000, "−1 h 30 min"),
        ] {
            let text = span(SignedDuration::from_millis(millis));
            assert_eq!(text.replace('\u{a0}', " "), shown);
        }
        assert!(!span(SignedDuration::MIN).is_empty());
        assert_eq!(span(SignedDuration::from_nanos(1)), "1\u{a0}ms");
    }

    #[test]
    fn parts_and_counts() {
        for (points, shown) in [
            (10_000, "100%"),
            (9_950, "99.5%"),
            (9_909, "99.09%"),
            (5, "0.05%"),
        ] {
            assert_eq!(percent(BasisPoints(points)), shown);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
        assert_eq!(count(1, "promise", "promises"), "1 promise");
        assert_eq!(count(1_000, "promise", "promises"), "1,000 promises");
    }

    #[test]
    fn moments_are_of_utc() {
        let at: Timestamp = "2026-10-20T23:59:59.9+02:00".parse().unwrap();
        assert_eq!(minute(at), "2026-10-20 21:59");
        assert_eq!(second(at), "2026-10-20 21:59:59");
        assert_eq!(day(at), "2026-10-20");
    }
}
