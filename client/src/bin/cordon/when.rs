//! Times as people write them.

use cordon_client::time;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A bound of a time range: `all` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When(pub(crate) Option<Timestamp>);

/// Reads a bound against this machine's clock, for clap.
pub(crate) fn bound(text: &str) -> Result<When, String> {
    if text == "all" {
        return Ok(When(None));
    }
    moment(text).map(|time| When(Some(time)))
}

/// Reads a moment against this machine's clock, for clap.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    parse(text, time::now())
}

/// Reads a moment that is still to come against this machine's clock, for clap.
pub(crate) fn ahead(text: &str) -> Result<Timestamp, String> {
    parse_ahead(text, time::now())
}

/// Reads a length of time, for clap.
pub(crate) fn span(text: &str) -> Result<SignedDuration, String> {
    duration(text).ok_or_else(|| "expected a length of time as in 30m or 1h30m".to_owned())
}

/// In how long, as in `8h` or `7d`; a time or a day as for other moments.
fn parse_ahead(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong =
        || "expected a time to come as in 2026-11-24T12:00:00Z, or in how long as in 8h or 7d";
    if let Some(length) = duration(text).filter(|length| !length.is_zero()) {
        return now.checked_add(length).map_err(|_| wrong().to_owned());
    }
    match parse(text, now) {
        Ok(time) if time > now => Ok(time),
        Ok(time) => Err(format!("{time} is not to come; {}", wrong())),
        Err(_) => Err(wrong().to_owned()),
    }
}

/// `now`; how long ago, as in `24h`, `7d` or `1d12h`; a time as in `2023-07-10T11:45:00Z`; a day
/// as in `2023-07-10`. What has no zone is UTC.
fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(ago) = duration(text) {
        return now
            .checked_sub(ago)
            .map_err(|_| "that is longer ago than times go back".to_owned());
    }
    let in_utc = |time: DateTime| time.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(in_utc))
        .or_else(|_| text.parse::<Date>().and_then(|day| in_utc(day.at(0, 0, 0, 0))))
        .map_err(|_| {
            "expected a time as in 2023-07-10T11:45:00Z, a day as in 2023-07-10, how long ago as in \
             24h or 7d, or now"
                .to_owned()
        })
}

/// Numbers with the units s, m, h, d and w, one behind the other.
fn duration(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut sum = SignedDuration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let mut letters = behind.chars();
        let unit = match letters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        sum = sum.checked_add(SignedDuration::from_secs(number.checked_mul(unit)?))?;
        rest = letters.as_str();
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-24T12:00:00.5Z".parse().unwrap();
        for (text, expected) in [
            ("now", "2026-11-24T12:00:00.5Z"),
            ("24h", "2026-11-23T12:00:00.5Z"),
            ("7d", "2026-11-17T12:00:00.5Z"),
            ("1d12h", "2026-11-23T00:00:00.5Z"),
            ("90s", "2026-11-24T11:58:30.5Z"),
            ("2w", "2026-11-10T12:00:00.5Z"),
            ("2023-01-01T00:00:00Z", "2023-01-01T00:00:00Z"),
            (
                "2023-01-01T00:00:00.123456789+02:00",
                "2022-12-31T22:00:00.123456789Z",
            ),
            ("2023-01-01T10:30:00", "2023-01-01T10:30:00Z"),
            ("2023-01-01 10:30", "2023-01-01T10:30:00Z"),
            ("2023-07-10", "2023-07-10T00:00:00Z"),
        ] {
            assert_eq!(parse(text, now).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_would_be_one() {
        let now = Timestamp::UNIX_EPOCH;
        for text in [
            "",
            "yesterday",
            "5",
            "5y",
            "h",
            "-1h",
            "2023-13-01",
            "99999999999999999999d",
            "1h2",
        ] {
            assert!(
                parse(text, now).unwrap_err().contains("as in 24h"),
                "{text}"
            );
        }
        assert!(parse("9000000w", now).is_err());
    }

    #[test]
    fn what_is_to_come_is_later_than_now() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("8h", "2026-11-24T20:00:00Z"),
            ("7d", "2026-12-01T12:00:00Z"),
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("2026-11-24T12:00:01Z", "2026-11-24T12:00:01Z"),
        ] {
            assert_eq!(
                parse_ahead(text, now).unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        for text in [
            "now",
            "0s",
            "2026-11-24",
            "2023-01-01",
            "soon",
            "",
            "9000000w",
        ] {
            let wrong = parse_ahead(text, now).unwrap_err();
            assert!(wrong.contains("in how long as in 8h"), "{text}: {wrong}");
        }
    }

    #[test]
    fn all_is_no_bound() {
        assert_eq!(bound("all").unwrap(), When(None));
        assert!(bound("24h").unwrap().0.is_some());
    }
}
