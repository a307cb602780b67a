//! Times: RFC 3339 for people, nanoseconds on the wire.

use jiff::Timestamp;

/// The time of this machine.
///
/// The server judges times by its own clock; this one only turns "the last 24 hours" into
/// bounds and tells when a certificate should be renewed.
#[must_use]
#[allow(
    clippy::disallowed_methods,
    reason = "the client is the edge of the system: here the time comes in"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A time as the wire carries it.
#[must_use]
pub fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
    // The wire counts nanoseconds forwards, for times before 1970 as well.
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// A time from the wire; `None` for one that no calendar has.
#[must_use]
pub fn from_proto(time: &prost_types::Timestamp) -> Option<Timestamp> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return None;
    }
    Timestamp::new(time.seconds, 0)
        .ok()?
        .checked_add(jiff::SignedDuration::from_nanos(i64::from(time.nanos)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_wire() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2023-07-10T11:45:00.123456789Z",
            "1969-12-31T23:59:59.999999999Z",
            "1901-02-03T04:05:06.000000001Z",
            "9999-12-30T22:00:00Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            let wire = to_proto(time);
            assert!((0..1_000_000_000).contains(&wire.nanos), "{text}");
            assert_eq!(from_proto(&wire), Some(time), "{text}");
        }
    }

    #[test]
    fn what_no_calendar_has_is_none() {
        for (seconds, nanos) in [(i64::MAX, 0), (0, -1), (0, 1_000_000_000)] {
            assert_eq!(from_proto(&prost_types::Timestamp { seconds, nanos }), None);
        }
    }
}
