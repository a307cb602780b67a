//! A time zone as a table of offsets, so that a look-up costs a binary search.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// 1970-01-01 and 2200-01-01 in seconds since 1970. Outside, the nearest offset holds: no
/// incident happens there, and the table stays below eight kilobytes.
const FROM: i64 = 0;
const UNTIL: i64 = 7_258_118_400;

/// Later than every moment that jiff can name, and far from overflow.
const NEVER: i64 = 1 << 50;

/// A stretch of absolute time during which the local clock keeps one distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Local time minus UTC, in seconds.
    pub(super) offset: i64,
    /// The end, excluded, in seconds since 1970.
    pub(super) until: i64,
}

/// The offsets of a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    name: Box<str>,
    /// In order of `until`; the last one never ends.
    stretches: Box<[Stretch]>,
}

impl Zone {
    /// Looks an IANA name up, or says nothing if there is no such zone.
    pub(super) fn named(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())?;
        let start = Timestamp::from_second(FROM).ok()?;
        let mut offset = i64::from(zone.to_offset(start).seconds());
        let mut stretches = Vec::new();
        for change in zone.following(start) {
            let until = change.timestamp().as_second();
            if until >= UNTIL {
                break;
            }
            let next = i64::from(change.offset().seconds());
            // A change of name or of the DST flag alone is none of the clock.
            if next != offset {
                stretches.push(Stretch { offset, until });
                offset = next;
            }
        }
        stretches.push(Stretch {
            offset,
            until: NEVER,
        });
        Some(Self {
            name: zone.iana_name().unwrap_or(name).into(),
            stretches: stretches.into(),
        })
    }

    /// The IANA name, spelt as the database spells it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The stretch around a moment, and those after it.
    pub(super) fn stretches_from(&self, second: i64) -> &[Stretch] {
        let first = self.stretches.partition_point(|s| s.until <= second);
        self.stretches.get(first..).unwrap_or_default()
    }

    /// Local time minus UTC at a moment, in seconds.
    pub(super) fn offset(&self, second: i64) -> i64 {
        self.stretches_from(second).first().map_or(0, |s| s.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_database() {
        for name in [
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
            "Pacific/Apia",
        ] {
            let zone = Zone::named(name).unwrap();
            let real = TimeZone::get(name).unwrap();
            // Odd, so that the hours of the day and the days of the year all come up.
            for second in (FROM..UNTIL).step_by(1_000_003) {
                let at = Timestamp::from_second(second).unwrap();
                let expected = i64::from(real.to_offset(at).seconds());
                assert_eq!(zone.offset(second), expected, "{name} {at}");
            }
            for change in real.following(Timestamp::UNIX_EPOCH).take(200) {
                let second = change.timestamp().as_second();
                let expected = i64::from(change.offset().seconds());
                assert_eq!(zone.offset(second), expected, "{name} {second}");
            }
        }
    }

    #[test]
    fn names_are_looked_up_and_spelt_properly() {
        assert_eq!(
            Zone::named("europe/berlin").unwrap().name(),
            "Europe/Berlin"
        );
        assert!(Zone::named("Europe/Atlantis").is_none());
        assert!(Zone::named("").is_none());
        assert!(Zone::named("Etc/Unknown").is_none());
    }
}
