//! Reading of request fields. All that is wrong with a request is told at once, each mistake
//! under the name of its field.

use std::fmt;

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;

/// Most mistakes that are told one by one: the answer's trailers have to stay small.
const MAX_TOLD: usize = 50;
/// Longest display name, in characters.
const MAX_DISPLAY_NAME: usize = 200;
/// Longest reason, in characters.
const MAX_REASON: usize = 1_000;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    wrong: Vec<(String, String)>,
    /// Mistakes beyond [`MAX_TOLD`].
    untold: usize,
}

impl Fields {
    /// Takes the value, or notes what is wrong with `field`.
    pub(crate) fn read<T, E: fmt::Display>(
        &mut self,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value
            .map_err(|error| self.wrong(field, error.to_string()))
            .ok()
    }

    /// Takes the value, or adds the violations of an error that names its fields itself.
    pub(crate) fn named<T>(&mut self, value: Result<T>) -> Option<T> {
        value
            .map_err(|error| {
                for violation in error.violations() {
                    self.wrong(violation.field.clone(), violation.description.clone());
                }
            })
            .ok()
    }

    /// Notes a mistake.
    pub(crate) fn wrong(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.wrong.len() < MAX_TOLD {
            self.wrong.push((field.into(), description.into()));
        } else {
            self.untold += 1;
        }
    }

    /// A name for people: trimmed, `fallback` when empty.
    pub(crate) fn display_name(
        &mut self,
        field: &str,
        text: &str,
        fallback: &str,
    ) -> Option<String> {
        let text = match text.trim() {
            "" => fallback,
            text => text,
        };
        if text.chars().count() > MAX_DISPLAY_NAME || text.chars().any(char::is_control) {
            self.wrong(
                field,
                "expected at most 200 characters of text without control characters",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// Why something is done, for the log: trimmed, may be empty.
    pub(crate) fn reason(&mut self, field: &str, text: &str) -> Option<String> {
        let text = text.trim();
        if text.chars().count() > MAX_REASON || text.chars().any(|c| c.is_control() && c != '\n') {
            self.wrong(
                field,
                "expected at most 1,000 characters of text without control characters",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// An instant, in nanoseconds since 1970; `None` for an unset field.
    pub(crate) fn time(
        &mut self,
        field: &str,
        time: Option<prost_types::Timestamp>,
    ) -> Option<Option<i64>> {
        match time.map(nanos).transpose() {
            Ok(time) => Some(time),
            Err(OutOfRange) => {
                self.wrong(
                    field,
                    "expected a time between 1678 and 2262, in seconds and nanoseconds",
                );
                None
            }
        }
    }

    /// Ends the reading: an error if anything is wrong.
    pub(crate) fn finish(self) -> Result<()> {
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(self.refuse())
        }
    }

    /// The error about everything that is wrong.
    pub(crate) fn refuse(self) -> Error {
        let message = match self.wrong.as_slice() {
            [] => "the request is not acceptable".to_owned(),
            [(field, description)] => format!("{field}: {description}"),
            [(field, description), rest @ ..] => {
                format!(
                    "{field}: {description}; and {} more",
                    rest.len() + self.untold
                )
            }
        };
        self.wrong.into_iter().fold(
            Error::new(Reason::InvalidArgument, message),
            |error, (field, description)| error.with_violation(field, description),
        )
    }
}

/// A time that the tables can't keep.
struct OutOfRange;

fn nanos(time: prost_types::Timestamp) -> Result<i64, OutOfRange> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(OutOfRange);
    }
    time.seconds
        .checked_mul(1_000_000_000)
        .and_then(|nanos| nanos.checked_add(i64::from(time.nanos)))
        // The least number stands for "always".
        .filter(|nanos| *nanos != i64::MIN)
        .ok_or(OutOfRange)
}

/// A time of the wire, if it is one that the tables can keep.
pub(crate) fn time_of(time: &prost_types::Timestamp) -> Option<Timestamp> {
    nanos(*time).ok().map(cordon_kernel::db::timestamp)
}

/// A time of the tables as the wire has it.
pub(crate) fn wire_time(time: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
    // The wire counts nanoseconds forward, also before 1970.
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told() {
        let mut fields = Fields::default();
        assert!(
            fields
                .display_name("display_name", &"x".repeat(201), "")
                .is_none()
        );
        assert!(fields.reason("reason", "a\u{7}").is_none());
        let early = prost_types::Timestamp {
            seconds: i64::MIN,
            nanos: 0,
        };
        assert!(fields.time("start_time", Some(early)).is_none());
        assert!(
            fields
                .named(Err::<(), _>(Error::invalid("role", "no such role")))
                .is_none()
        );
        let error = fields.finish().unwrap_err();
        let names: Vec<&str> = error
            .violations()
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        assert_eq!(names, ["display_name", "reason", "start_time", "role"]);
        assert!(error.message().ends_with("and 3 more"));
    }

    #[test]
    fn what_is_told_is_bounded() {
        let mut fields = Fields::default();
        (0..1_000).for_each(|n| fields.wrong(format!("resources[{n}]"), "no"));
        let error = fields.finish().unwrap_err();
        assert_eq!(error.violations().len(), MAX_TOLD);
        assert!(error.message().ends_with("and 999 more"));
    }

    #[test]
    fn times_round_trip() {
        for text in [
            "1969-12-31T23:59:59.000000001Z",
            "2024-02-29T12:00:00.5Z",
            "1900-01-01T00:00:00Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            let back = Fields::default()
                .time("t", Some(wire_time(time)))
                .flatten()
                .unwrap();
            assert_eq!(Timestamp::from_nanosecond(i128::from(back)).unwrap(), time);
        }
        let odd = prost_types::Timestamp {
            seconds: 0,
            nanos: 1_000_000_000,
        };
        assert!(Fields::default().time("t", Some(odd)).is_none());
        assert_eq!(Fields::default().time("t", None), Some(None));
    }

    #[test]
    fn an_empty_display_name_falls_back() {
        let mut fields = Fields::default();
        assert_eq!(
            fields.display_name("f", "  ", "acme").as_deref(),
            Some("acme")
        );
        assert_eq!(
            fields.display_name("f", " Acme ", "acme").as_deref(),
            Some("Acme")
        );
        assert!(fields.finish().is_ok());
    }
}
