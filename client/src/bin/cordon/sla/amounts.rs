//! Lengths of time and parts of a hundred, as people write and read them.

use jiff::SignedDuration;
use prost_types::Duration;

use crate::when;

/// A length of time as the wire carries it, from what people write, as in `15m` or `3d`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    when::span(text).map(|span| Duration {
        seconds: span.as_secs(),
        nanos: span.subsec_nanos(),
    })
}

/// A length of time for people: hours and minutes, or minutes, or seconds. What is overrun is
/// rounded up, so that it is never shown as nothing.
pub(crate) fn plain_span(duration: Option<&Duration>) -> String {
    let Some(Duration { seconds, nanos }) = duration else {
        return String::new();
    };
    let overrun = *seconds < 0 || *nanos < 0;
    let sign = if overrun { "-" } else { "" };
    let seconds = seconds.unsigned_abs() + u64::from(overrun && *nanos != 0);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{sign}{seconds}s"),
        (0, minutes, 0) => format!("{sign}{minutes}m"),
        (0, minutes, seconds) => format!("{sign}{minutes}m {seconds}s"),
        (hours, minutes, _) => format!("{sign}{hours}h {minutes}m"),
    }
}

/// A length of time for programs: exact, in seconds, as in `90s` or `-0.5s`.
pub(crate) fn exact_span(duration: &Duration) -> String {
    let span = SignedDuration::new(duration.seconds, duration.nanos % 1_000_000_000);
    let sign = if span.is_negative() { "-" } else { "" };
    let span = span.unsigned_abs();
    let (seconds, nanos) = (span.as_secs(), span.subsec_nanos());
    let fraction = format!(".{nanos:09}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{seconds}{fraction}s")
}

/// Hundredths of a percent, from what people write, as in `99.9%`. Nothing is rounded.
pub(super) fn basis_points(text: &str) -> Result<i32, String> {
    let wrong = || {
        format!(
            "expected a percentage from 0% to 100% with two decimals at most, as in 99.95%, not `{text}`"
        )
    };
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 3) || !digits(decimals, 2) {
        return Err(wrong());
    }
    let points = format!("{whole}{decimals:0<2}").parse().ok();
    points
        .filter(|points| (0..=10_000).contains(points))
        .ok_or_else(wrong)
}

/// Hundredths of a percent for people.
pub(super) fn percent(points: i32) -> String {
    let (whole, hundredths) = (points / 100, (points % 100).abs());
    let text = format!("{whole}.{hundredths:02}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(seconds: i64, nanos: i32) -> Duration {
        Duration { seconds, nanos }
    }

    #[test]
    fn lengths_of_time_are_read_and_shown() {
        assert_eq!(span("15m"), Ok(duration(900, 0)));
        assert_eq!(span("3d"), Ok(duration(72 * 3_600, 0)));
        assert_eq!(span("1h30m"), Ok(duration(5_400, 0)));
        assert!(span("soon").unwrap_err().contains("as in 30m"));
        for (seconds, nanos, shown, exact) in [
            (11_520, 0, "3h 12m", "11520s"),
            (11_579, 999_999_999, "3h 12m", "11579.999999999s"),
            (259_200, 0, "72h 0m", "259200s"),
            (-3_900, 0, "-1h 5m", "-3900s"),
            (720, 0, "12m", "720s"),
            (725, 500_000_000, "12m 5s", "725.5s"),
            (0, 0, "0s", "0s"),
            (0, -500_000_000, "-1s", "-0.5s"),
            (-59, -1, "-1m", "-59.000000001s"),
            (100, 0, "1m 40s", "100s"),
        ] {
            let duration = duration(seconds, nanos);
            assert_eq!(plain_span(Some(&duration)), shown);
            assert_eq!(exact_span(&duration), exact);
        }
        assert_eq!(plain_span(None), "");
        // What no server sends is shown, too.
        for seconds in [i64::MIN, i64::MAX] {
            let duration = duration(seconds, i32::MIN);
            assert!(!plain_span(Some(&duration)).is_empty());
            assert!(!exact_span(&duration).is_empty());
        }
    }

    #[test]
    fn percentages_are_exact_or_refused() {
        for (text, points, shown) in [
            ("99.9%", 9_990, "99.9%"),
            ("99.95%", 9_995, "99.95%"),
            ("99.09%", 9_909, "99.09%"),
            ("100%", 10_000, "100%"),
            ("100.00%", 10_000, "100%"),
            ("5%", 500, "5%"),
            ("10.0%", 1_000, "10%"),
            ("0.01%", 1, "0.01%"),
            ("0%", 0, "0%"),
        ] {
            assert_eq!(basis_points(text), Ok(points));
            assert_eq!(percent(points), shown);
        }
        for wrong in [
            "", "%", "99.9", "99.999%", "100.01%", "101%", "-5%", "+5%", "5 %", ".5%", "5.%",
            "1e1%", "5,5%", "0000%", "5%%", "٥%",
        ] {
            assert!(basis_points(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
